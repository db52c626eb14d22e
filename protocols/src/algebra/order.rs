//! Doubles as whole numbers in the same order.
//!
//! The bits of a positive double, read as a whole number, are in the order of the doubles. Those of
//! a negative one are in the opposite order. So a positive one gets its sign bit set, and a
//! negative one has all its bits inverted. The two zeros are one number, 0.

const SIGN: u64 = 1 << 63;

/// Returns the place of a finite double among all doubles.
#[must_use]
pub fn key(x: f64) -> u64 {
    // Turns -0 into 0.
    let bits = (x + 0.0).to_bits();
    if bits & SIGN == 0 { bits | SIGN } else { !bits }
}

/// Returns the double at a place, or none at a place that no finite double has.
#[must_use]
pub fn double(key: u64) -> Option<f64> {
    let bits = if key & SIGN == 0 { !key } else { key ^ SIGN };
    Some(f64::from_bits(bits)).filter(|x| x.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{any_doubles, rng, seed};

    #[test]
    fn keys_are_in_the_order_of_the_doubles_and_lead_back() {
        let mut doubles = any_doubles(&mut rng(seed()), 10_000);
        doubles.extend([0.0, f64::MIN, f64::MAX, f64::MIN_POSITIVE, -f64::MIN_POSITIVE, 5e-324]);
        doubles.sort_by(f64::total_cmp);
        assert!(doubles.iter().map(|x| key(*x)).is_sorted());
        assert!(doubles.iter().all(|x| double(key(*x)) == Some(*x)));
        let distinct = doubles.windows(2).filter(|pair| pair[0] != pair[1]);
        assert!(distinct.into_iter().all(|pair| key(pair[0]) < key(pair[1])));
    }

    #[test]
    fn zeros_are_one_number_and_infinities_have_no_place() {
        assert_eq!(key(-0.0), key(0.0));
        assert!(double(key(-0.0)).unwrap().is_sign_positive());
        assert_eq!(
            [key(f64::INFINITY), key(f64::NEG_INFINITY), 0, u64::MAX].map(double),
            [None; 4]
        );
    }
}
