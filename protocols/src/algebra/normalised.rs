//! Vectors of doubles as numbers below 1 and one power of two. So neither the tiny nor the huge
//! ones lose bits to the others.

use num_traits::float::FloatCore;
use zeroize::Zeroizing;

use crate::algebra::fixed::Magnitude;
use crate::algebra::rounding::nearest_double;

/// The vector of `elements` times 2^`exponent`. All magnitudes are below 1; the largest is at least
/// 1/2, unless all elements are 0.
pub struct Normalised {
    /// The power of two; 0 if all elements are 0.
    pub exponent: i32,
    /// The vector without it.
    pub elements: Zeroizing<Vec<f64>>,
}

impl Normalised {
    /// Normalises finite numbers. Exact, save for those that are some 2^1000 times smaller than the
    /// largest.
    #[must_use]
    pub fn new(mut elements: Zeroizing<Vec<f64>>) -> Self {
        let exponent = Magnitude::of(&elements).map_or(0, |magnitude| magnitude.highest);
        elements.iter_mut().for_each(|x| *x = divided(*x, exponent));
        Self { exponent, elements }
    }
}

/// Returns x / 2^exponent, which must be below 1 in magnitude.
fn divided(x: f64, exponent: i32) -> f64 {
    let (significand, own, sign) = FloatCore::integer_decode(x);
    let exponent = i64::from(own) - i64::from(exponent);
    nearest_double(sign < 0, &[significand], false, exponent).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{any_doubles, rng, seed};

    fn normalised(x: &[f64]) -> (i32, Vec<f64>) {
        let Normalised { exponent, elements } = Normalised::new(Zeroizing::new(x.to_vec()));
        (exponent, elements.to_vec())
    }

    #[test]
    fn the_largest_magnitude_is_at_least_a_half_and_below_one() {
        assert_eq!(normalised(&[]), (0, vec![]));
        assert_eq!(normalised(&[0.0, -0.0]), (0, vec![0.0, 0.0]));
        assert_eq!(normalised(&[1.0, -6.0]), (3, vec![0.125, -0.75]));
        assert_eq!(normalised(&[f64::MAX]), (1024, vec![1.0 - f64::EPSILON / 2.0]));
        assert_eq!(normalised(&[-f64::from_bits(1)]), (-1073, vec![-0.5]));
        for x in any_doubles(&mut rng(seed()), 1000) {
            let (exponent, scaled) = normalised(&[x]);
            assert!((0.5..1.0).contains(&scaled[0].abs()));
            let half = 2_f64.powi(exponent / 2);
            assert_eq!(scaled[0] * half * 2_f64.powi(exponent - exponent / 2), x);
        }
    }
}
