//! Matrices of doubles as fixed-point numbers, for a product in a ring of 64 or 128 bits.
//!
//! A double x becomes the integer X = x·2^f, rounded if it must be, in two's complement. A product
//! of two matrices is then made of sums Σ XY over `inner` terms. The decoded double is Σ XY /
//! 2^(f+g), rounded once. Nothing here knows of shares. A ring of 64 bits takes the lower halves of
//! the integers that [`Scale::encode`] makes.
//!
//! **Bounds.** Let every |x| < 2^h, and let X have b = f + h bits, so that |X| < 2^b if X is exact;
//! likewise |Y| < 2^d. With c = ⌈log₂ inner⌉ a sum of products is below 2^(b+d+c) in magnitude. It
//! fits w bits in two's complement if b + d + c ≤ w − 1. A rounded element can become 2^b itself.
//! If one factor only is rounded, then |XY| ≤ 2^b·(2^d − 1), and the bound is the same. If both
//! are, |XY| ≤ 2^(b+d), and b + d + c ≤ w − 2 is required instead. Both bounds hold for b and d
//! alone, so the elements fit as well.
//!
//! **Losses.** If all x are multiples of 2^-f and all y of 2^-g, nothing is lost: the decoded
//! double is the one nearest to the exact product. This is chosen if it fits, in 64 bits if
//! possible, else in 128. If it does not fit 128 bits, elements are rounded to the nearest, halves
//! to even.
//!
//! A rounded matrix is off by at most 2^-(b+1) of its bound 2^h in each element. So the product is
//! off by at most inner·2^(h+k)·(2^-(b+1) + 2^-(d+1) + 2^-(b+d+2)) for |y| < 2^k, without the terms
//! of exact factors. Then it is rounded to a double.
//!
//! The bits are split so that both matrices have the same relative precision. But if one of them is
//! exact with fewer bits, the other has the rest. If both are rounded, each has 63 − ⌈c/2⌉ bits or
//! one more: 53 for a million terms. Elements far below the largest of their matrix lose
//! accordingly more of themselves.

use num_traits::float::FloatCore;
use zeroize::Zeroizing;

use crate::algebra::rounding::nearest_double;

/// The size of a matrix's elements: all are multiples of 2^`lowest`, and all magnitudes are below
/// 2^`highest`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Magnitude {
    /// The exponent of the lowest bit of any element.
    pub lowest: i32,
    /// One more than the exponent of the highest bit of any element.
    pub highest: i32,
}

/// The ring that a product is computed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// Integers modulo 2^64.
    Bits64,
    /// Integers modulo 2^128.
    Bits128,
}

/// The scale at which the elements of one matrix become integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scale {
    magnitude: Option<Magnitude>,
    fraction_bits: i32,
}

/// The scales at which the elements of two matrices become integers, and those of their product
/// doubles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scales {
    /// The scale of the first matrix.
    pub x: Scale,
    /// The scale of the second matrix.
    pub y: Scale,
    /// The ring of the product.
    pub width: Width,
}

impl Magnitude {
    /// The magnitude of any doubles below 1. It says nothing of them.
    pub const BELOW_ONE: Self = Self { lowest: -1_074, highest: 0 };

    /// Returns the magnitude of finite numbers, or none if there is nothing but zeros.
    #[must_use]
    pub fn of(values: &[f64]) -> Option<Self> {
        values.iter().filter_map(|x| Self::of_one(*x)).reduce(Self::with)
    }

    /// Returns the magnitude of the elements of both matrices together.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self { lowest: self.lowest.min(other.lowest), highest: self.highest.max(other.highest) }
    }

    fn of_one(x: f64) -> Option<Self> {
        let (significand, exponent, _) = FloatCore::integer_decode(x);
        if significand == 0 {
            return None;
        }
        let exponent = i32::from(exponent);
        let bits = u64::BITS - significand.leading_zeros();
        Some(Self {
            lowest: exponent + significand.trailing_zeros().cast_signed(),
            highest: exponent + bits.cast_signed(),
        })
    }

    /// Returns the bits that the magnitudes of the elements take if they are exact.
    pub(crate) fn bits(self) -> i32 {
        self.highest.saturating_sub(self.lowest).max(0)
    }
}

impl Width {
    fn bits(self) -> i32 {
        match self {
            Self::Bits64 => 64,
            Self::Bits128 => 128,
        }
    }
}

impl Scale {
    /// Returns f: an element x becomes x·2^f, rounded if it must be. May be negative.
    #[must_use]
    pub fn fraction_bits(&self) -> i32 {
        self.fraction_bits
    }

    /// Returns whether elements may have to be rounded.
    #[must_use]
    pub fn rounds(&self) -> bool {
        self.magnitude.is_some_and(|magnitude| -self.fraction_bits > magnitude.lowest)
    }

    /// Encodes the elements in two's complement. Returns none if one is not of the magnitude that
    /// the scale was chosen for.
    #[must_use]
    pub fn encode(&self, values: &[f64]) -> Option<Zeroizing<Vec<u128>>> {
        // Reserved as a whole: growing would leave copies behind.
        let mut encoded = Zeroizing::new(Vec::with_capacity(values.len()));
        for x in values {
            encoded.push(self.encode_one(*x)?);
        }
        Some(encoded)
    }

    fn encode_one(&self, x: f64) -> Option<u128> {
        let Some(own) = Magnitude::of_one(x) else {
            return Some(0);
        };
        let bounds = self.magnitude?;
        if bounds.with(own) != bounds {
            return None;
        }
        let (significand, exponent, sign) = FloatCore::integer_decode(x);
        let shift = i32::from(exponent) + self.fraction_bits;
        let magnitude = scaled(u128::from(significand), shift);
        Some(if sign < 0 { magnitude.wrapping_neg() } else { magnitude })
    }

    /// Chooses a scale with so many bits for the magnitudes of the elements, or as many as are
    /// exact.
    pub(crate) fn with_bits(magnitude: Option<Magnitude>, bits: i32) -> Self {
        let fraction_bits = magnitude.map_or(0, |m| bits.min(m.bits()) - m.highest);
        Self { magnitude, fraction_bits }
    }
}

impl Scales {
    /// Chooses the scales for sums of products over `inner` terms: exact in 64 bits if that fits,
    /// else exact in 128, else rounded in 128. A magnitude is none where there is nothing but
    /// zeros.
    #[must_use]
    pub fn choose(x: Option<Magnitude>, y: Option<Magnitude>, inner: usize) -> Self {
        let terms = bits_of_terms(inner);
        let [b, d] = [x, y].map(|magnitude| magnitude.map_or(0, Magnitude::bits));
        let needed = b.saturating_add(d).saturating_add(terms);
        let exact = [Width::Bits64, Width::Bits128].into_iter().find(|w| needed < w.bits());
        let width = exact.unwrap_or(Width::Bits128);
        let [b, d] = match exact {
            Some(_) => [b, d],
            None => split(b, d, width.bits() - terms),
        };
        Self { x: Scale::with_bits(x, b), y: Scale::with_bits(y, d), width }
    }

    /// Returns whether elements of a matrix may have to be rounded, so that a product is not exact.
    #[must_use]
    pub fn rounds(&self) -> bool {
        self.x.rounds() || self.y.rounds()
    }

    /// Decodes a sum of products, of which the ring of `width` holds the integer, to the nearest
    /// double. Returns none beyond the range of doubles. Bits beyond the ring are ignored.
    #[must_use]
    pub fn decode(&self, sum: u128) -> Option<f64> {
        self.decode_times(sum, 0)
    }

    /// Returns the double nearest to 2^`power` times such a sum, rounded once.
    #[must_use]
    pub fn decode_times(&self, sum: u128, power: i64) -> Option<f64> {
        let sum = match self.width {
            Width::Bits64 => i128::from(low_half(sum).cast_signed()),
            Width::Bits128 => sum.cast_signed(),
        };
        let magnitude = sum.unsigned_abs();
        let limbs = [low_half(magnitude), low_half(magnitude >> 64)];
        let exponent = -i64::from(self.x.fraction_bits) - i64::from(self.y.fraction_bits);
        nearest_double(sum < 0, &limbs, false, exponent + power)
    }
}

/// Returns ⌈log₂ inner⌉, and 0 for none.
fn bits_of_terms(inner: usize) -> i32 {
    let bits = usize::BITS - inner.saturating_sub(1).leading_zeros();
    bits.cast_signed()
}

/// Splits `room` between two factors whose bits do not fit it. The room is the width less the bits
/// of the number of terms. One bit is for the sign, and one for rounding up if both are rounded.
fn split(b: i32, d: i32, room: i32) -> [i32; 2] {
    let one_rounded = room - 1;
    let half = one_rounded / 2;
    if b <= half {
        return [b, one_rounded - b];
    }
    if d <= half {
        return [one_rounded - d, d];
    }
    let both_rounded = room - 2;
    [both_rounded / 2, both_rounded - both_rounded / 2]
}

/// Returns value·2^shift, rounded to the nearest integer, halves to even. The caller knows that it
/// fits.
fn scaled(value: u128, shift: i32) -> u128 {
    let by = shift.unsigned_abs();
    if shift >= 0 {
        return value.checked_shl(by).unwrap_or(0);
    }
    let kept = value.checked_shr(by).unwrap_or(0);
    let is_half = value.checked_shr(by - 1).unwrap_or(0) & 1 == 1;
    // A value has at most 53 bits: shifted by more than 127 it is nothing and no half.
    let below = 1_u128.checked_shl(by - 1).map_or(value, |half| value & (half - 1));
    kept + u128::from(is_half && (below != 0 || kept & 1 == 1))
}

#[expect(clippy::cast_possible_truncation, reason = "the lower half is what is wanted")]
fn low_half(value: u128) -> u64 {
    value as u64
}

#[cfg(test)]
mod tests {
    use num_bigint::BigInt;
    use num_traits::Signed;
    use proptest::prelude::*;

    use super::*;
    use crate::algebra::rounding::integer_to_double;

    /// Returns a double as an integer over 2^1075.
    fn big(x: f64) -> BigInt {
        let (significand, exponent, sign) = FloatCore::integer_decode(x);
        (BigInt::from(significand) * sign) << (i32::from(exponent) + 1075)
    }

    fn exact(x: &[f64], y: &[f64]) -> BigInt {
        x.iter().zip(y).map(|(x, y)| big(*x) * big(*y)).sum()
    }

    fn scales(x: &[f64], y: &[f64]) -> Scales {
        Scales::choose(Magnitude::of(x), Magnitude::of(y), x.len())
    }

    /// Returns the sum of products as the ring computes it.
    fn in_ring(scales: &Scales, x: &[f64], y: &[f64]) -> u128 {
        let (x, y) = (scales.x.encode(x).unwrap(), scales.y.encode(y).unwrap());
        let products = x.iter().zip(y.iter()).map(|(x, y)| x.wrapping_mul(*y));
        let sum = products.fold(0, u128::wrapping_add);
        // Bits beyond the ring must not matter.
        if scales.width == Width::Bits64 { sum ^ (0xa5 << 64) } else { sum }
    }

    /// Returns the sum of products of the encoded elements, unreduced.
    fn unreduced(scales: &Scales, x: &[f64], y: &[f64]) -> BigInt {
        let [x, y] = [(scales.x, x), (scales.y, y)].map(|(scale, numbers)| -> Vec<BigInt> {
            let values = scale.encode(numbers).unwrap();
            values.iter().map(|value| BigInt::from(value.cast_signed())).collect()
        });
        x.iter().zip(&y).map(|(x, y)| x * y).sum()
    }

    /// Returns the bound on the error by rounding the elements, over 2^2156.
    fn loss(scales: &Scales, x: &[f64], y: &[f64]) -> BigInt {
        let bound = |magnitude: Option<Magnitude>| magnitude.map_or(0, |m| m.highest);
        let (h, k) = (bound(Magnitude::of(x)), bound(Magnitude::of(y)));
        let unit = |scale: &Scale| if scale.rounds() { -scale.fraction_bits - 1 } else { -9999 };
        let (u, v) = (unit(&scales.x), unit(&scales.y));
        let power = |exponent: i32| match exponent + 2156 {
            negative @ ..0 => BigInt::from(i32::from(negative > -2000)),
            exponent => BigInt::from(1) << exponent,
        };
        (power(u + k) + power(h + v) + power(u + v)) * x.len()
    }

    fn check(x: &[f64], y: &[f64]) -> Scales {
        let scales = scales(x, y);
        let whole = unreduced(&scales, x, y);
        assert!(whole.bits() < scales.width.bits().unsigned_abs().into(), "{scales:?}");
        let exponent = i64::from(scales.x.fraction_bits + scales.y.fraction_bits);
        assert_eq!(scales.decode(in_ring(&scales, x, y)), integer_to_double(&whole, -exponent));
        let due = exact(x, y);
        if !scales.rounds() {
            assert_eq!(scales.decode(in_ring(&scales, x, y)), integer_to_double(&due, -2150));
        }
        // Both over 2^2156, where f + g is at most 2148.
        let off: BigInt = (due << 6) - (whole << (2156 - exponent));
        assert!(off.abs() <= loss(&scales, x, y), "{scales:?}");
        scales
    }

    fn finite() -> impl Strategy<Value = f64> {
        any::<u64>().prop_map(f64::from_bits).prop_filter("finite", |x| x.is_finite())
    }

    /// Draws numbers near 1, with many bits or few, and zeros.
    fn usual() -> impl Strategy<Value = f64> {
        prop_oneof![-1e3..1e3, -1e-3..1e-3, (-99..99).prop_map(f64::from), Just(0.0)]
    }

    /// Draws two vectors of one length.
    fn pairs(of: impl Strategy<Value = f64>) -> impl Strategy<Value = (Vec<f64>, Vec<f64>)> {
        prop::collection::vec(of, 0..80).prop_map(|mut x| {
            let y = x.split_off(x.len().div_ceil(2));
            x.truncate(y.len());
            (x, y)
        })
    }

    proptest! {
        #[test]
        fn products_of_any_doubles_are_as_near_as_promised((x, y) in pairs(finite())) {
            check(&x, &y);
        }

        #[test]
        fn products_of_usual_doubles_are_as_near_as_promised((x, y) in pairs(usual())) {
            check(&x, &y);
        }

        #[test]
        fn products_with_very_different_factors_are_as_near_as_promised(
            (x, y) in pairs(usual()),
            by in -1000..1000,
        ) {
            let y: Vec<f64> = y.iter().map(|y| y * 2_f64.powi(by)).collect();
            check(&x, &y);
            check(&y, &x);
        }

        #[test]
        fn small_whole_numbers_are_exact_in_64_bits(
            items in prop::collection::vec((-100_000..100_000, -100_000..100_000), 0..40),
        ) {
            let x: Vec<f64> = items.iter().map(|(x, _)| f64::from(*x)).collect();
            let y: Vec<f64> = items.iter().map(|(_, y)| f64::from(*y)).collect();
            let scales = check(&x, &y);
            prop_assert_eq!((scales.rounds(), scales.width), (false, Width::Bits64));
        }

        #[test]
        fn halves_round_to_even(value in any::<u32>(), shift in 1..40) {
            let exact = f64::from(value) / 2_f64.powi(shift);
            let ours = u32::try_from(scaled(u128::from(value), -shift)).unwrap();
            prop_assert_eq!(f64::from(ours), exact.round_ties_even());
        }
    }

    #[test]
    fn the_largest_elements_do_not_wrap() {
        let largest = |highest: i32, bits: i32| 2_f64.powi(highest) - 2_f64.powi(highest - bits);
        for inner in [1, 2, 3, 4, 5, 64, 1000] {
            for (b, d) in [(31, 31), (32, 31), (40, 53), (53, 53), (10, 53), (1, 53)] {
                for (low, other) in [(1.0, 1.0), (2_f64.powi(-60), 1.0), (1e-300, 1e-300)] {
                    // The smallest element takes bits away from the largest.
                    let mut x = vec![largest(7, b); inner];
                    let mut y = vec![-largest(-20, d); inner];
                    check(&x, &y);
                    x.push(low);
                    y.push(other);
                    check(&x, &y);
                }
            }
        }
    }

    /// Checks more terms than any memory can hold: rounded up to 2^b each, in the narrowest room.
    #[test]
    fn even_the_most_terms_fit() {
        let any = Some(Magnitude { lowest: -1074, highest: 1024 });
        let narrow = Some(Magnitude { lowest: 3, highest: 12 });
        for inner in [1, 2, 3, 1 << 20, (1 << 20) + 1, usize::MAX] {
            for (x, y) in [(any, any), (any, narrow), (narrow, any), (any, None), (None, any)] {
                let scales = Scales::choose(x, y, inner);
                assert!(scales.rounds());
                let largest = |scale: Scale| -> BigInt {
                    let Some(magnitude) = scale.magnitude else {
                        return BigInt::ZERO;
                    };
                    let bits = magnitude.highest + scale.fraction_bits;
                    let up = i32::from(!scale.rounds());
                    (BigInt::from(1) << bits) - up
                };
                let sum = largest(scales.x) * largest(scales.y) * inner;
                assert!(sum.bits() < 128, "{inner} {scales:?}");
            }
        }
    }

    #[test]
    fn bits_are_split_evenly_unless_one_factor_needs_fewer() {
        let any = Some(Magnitude { lowest: -1074, highest: 1024 });
        let bits = |scale: Scale| scale.magnitude.unwrap().highest + scale.fraction_bits;
        let both = Scales::choose(any, any, 1 << 20);
        assert_eq!((bits(both.x), bits(both.y), both.width), (53, 53, Width::Bits128));
        let narrow = Some(Magnitude { lowest: 3, highest: 12 });
        let one = Scales::choose(any, narrow, 1 << 20);
        assert_eq!((bits(one.x), bits(one.y)), (98, 9));
        assert_eq!((one.x.rounds(), one.y.rounds()), (true, false));
        assert_eq!(one.y.fraction_bits(), -3);
    }

    #[test]
    fn zeros_and_nothing_are_no_matter() {
        assert_eq!(Magnitude::of(&[0.0, -0.0]), None);
        assert_eq!(Magnitude::of(&[]), None);
        let odd = Magnitude { lowest: -1, highest: 2 };
        assert_eq!(Magnitude::of(&[0.0, -2.5, 2.0]), Some(odd));
        let extremes = Magnitude { lowest: -1074, highest: 1024 };
        assert_eq!(Magnitude::of(&[f64::MAX, f64::from_bits(1)]), Some(extremes));
        for (x, y) in
            [(vec![0.0; 3], vec![1.5, 2.0, -3.0]), (vec![-0.0], vec![0.0]), (vec![], vec![])]
        {
            let scales = check(&x, &y);
            assert_eq!((scales.rounds(), scales.width), (false, Width::Bits64));
            assert!(scales.decode(in_ring(&scales, &x, &y)).unwrap().is_sign_positive());
        }
    }

    #[test]
    fn what_the_scale_was_not_chosen_for_is_not_encoded() {
        let scales = scales(&[1.5, 3.0], &[0.0, 0.0]);
        assert_eq!(*scales.x.encode(&[-1.5, 0.0, 3.5]).unwrap(), [3_u128.wrapping_neg(), 0, 7]);
        for x in [4.0, -4.0, 0.25, f64::INFINITY, f64::NAN, 1e300, 1e-300] {
            assert_eq!(scales.x.encode(&[1.0, x]).map(drop), None, "{x}");
        }
        assert!(scales.y.encode(&[1.0]).is_none());
    }

    #[test]
    fn products_beyond_the_range_of_doubles_are_none() {
        let scales = scales(&[1e200], &[1e200]);
        assert_eq!(scales.decode(in_ring(&scales, &[1e200], &[1e200])), None);
        let scales = self::scales(&[1e-200], &[1e-200]);
        assert_eq!(scales.decode(in_ring(&scales, &[1e-200], &[1e-200])), Some(0.0));
    }
}
