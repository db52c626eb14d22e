//! From exact integers and fractions to the nearest double, rounding once.
//!
//! Round to nearest, ties to even, gradual underflow: IEEE 754 names this correctly rounded. A
//! value beyond the largest double has no nearest double here; the caller reports that.

use num_bigint::{BigInt, BigUint, Sign};
use num_integer::Integer;
use num_traits::Zero;

/// The bits of a quotient or root before it is rounded: more than the 53 of a double and one for
/// the half. A flag remembers that the rest was not zero.
const WORKING_BITS: u64 = 66;

/// The exponent of the lowest bit of a denormal double.
const LOWEST_EXPONENT: i64 = -1074;

/// Returns the double nearest to `(-1)^negative · (magnitude + ε) · 2^exponent`, or none beyond the
/// range of doubles. The limbs come least significant first. ε is above 0 and below 1 if `sticky`,
/// else 0. With `sticky` the magnitude must have at least 54 bits.
#[must_use]
pub fn nearest_double(
    negative: bool,
    magnitude: &[u64],
    sticky: bool,
    exponent: i64,
) -> Option<f64> {
    let bits = bit_length(magnitude);
    if bits == 0 {
        return Some(0.0);
    }
    let top = bits - 1 + exponent;
    if top > 1023 {
        return None;
    }
    let lowest = (top - 52).max(LOWEST_EXPONENT);
    let significand = round_at(magnitude, lowest - exponent, sticky);
    let biased = u64::try_from(lowest - LOWEST_EXPONENT).ok()?;
    // A normal significand's own top bit adds 1 to the exponent field. So does the carry of
    // rounding up to the next power of two.
    let value = f64::from_bits((biased << 52).checked_add(significand)?);
    value.is_finite().then_some(if negative { -value } else { value })
}

/// Returns the double nearest to `integer · 2^exponent`, or none beyond the range of doubles.
#[must_use]
pub fn integer_to_double(integer: &BigInt, exponent: i64) -> Option<f64> {
    let magnitude = integer.magnitude().to_u64_digits();
    nearest_double(integer.sign() == Sign::Minus, &magnitude, false, exponent)
}

/// Returns the double nearest to `numerator / denominator · 2^exponent`. Returns none beyond the
/// range of doubles or if the denominator is zero.
#[must_use]
pub fn fraction_to_double(numerator: &BigInt, denominator: &BigInt, exponent: i64) -> Option<f64> {
    if denominator.is_zero() {
        return None;
    }
    let negative = (numerator.sign() == Sign::Minus) != (denominator.sign() == Sign::Minus);
    let (p, q) = (numerator.magnitude(), denominator.magnitude());
    let shift = working_shift(p, q, WORKING_BITS);
    let (quotient, sticky) = shifted_quotient(p, q, shift);
    nearest_double(negative, &quotient.to_u64_digits(), sticky, exponent - shift)
}

/// Returns the double nearest to `±√(numerator / denominator)`, with the given sign. Returns none
/// beyond the range of doubles or if the denominator is zero.
#[must_use]
pub fn root_of_fraction(negative: bool, numerator: &BigUint, denominator: &BigUint) -> Option<f64> {
    if denominator.is_zero() {
        return None;
    }
    // ⌊√⌊x⌋⌋ = ⌊√x⌋, so cutting before the root loses only the remainder, which `sticky` remembers.
    let least = working_shift(numerator, denominator, 2 * WORKING_BITS);
    let shift = least + (least & 1);
    let (quotient, cut) = shifted_quotient(numerator, denominator, shift);
    let root = quotient.sqrt();
    let sticky = cut || &root * &root != quotient;
    nearest_double(negative, &root.to_u64_digits(), sticky, -shift / 2)
}

/// Returns the shift by which ⌊p·2^shift / q⌋ gets at least `bits` bits.
fn working_shift(p: &BigUint, q: &BigUint, bits: u64) -> i64 {
    let signed = |count: u64| i64::try_from(count).unwrap_or(i64::MAX / 4);
    signed(bits) + signed(q.bits()) - signed(p.bits())
}

/// Returns ⌊p·2^shift / q⌋, and whether there is a remainder.
fn shifted_quotient(p: &BigUint, q: &BigUint, shift: i64) -> (BigUint, bool) {
    let by = shift.unsigned_abs();
    let (quotient, rest) = if shift >= 0 { (p << by).div_rem(q) } else { p.div_rem(&(q << by)) };
    (quotient, !rest.is_zero())
}

fn bit_length(limbs: &[u64]) -> i64 {
    let Some(top) = limbs.iter().rposition(|limb| *limb != 0) else {
        return 0;
    };
    let limb = limbs.get(top).copied().unwrap_or_default();
    let whole = i64::try_from(64 * top).unwrap_or(i64::MAX / 4);
    whole + i64::from(64 - limb.leading_zeros())
}

/// Returns ⌊magnitude / 2^shift⌉ with ties to even. The caller has chosen `shift` so that the
/// result fits 53 bits, or is one more.
fn round_at(magnitude: &[u64], shift: i64, sticky: bool) -> u64 {
    let Ok(shift) = usize::try_from(shift) else {
        let left = shift.unsigned_abs();
        return limb_at(magnitude, 0) << left;
    };
    let kept = bits_from(magnitude, shift);
    let Some(half) = shift.checked_sub(1) else {
        return kept;
    };
    let is_half = bits_from(magnitude, half) & 1 == 1;
    let above_half = sticky || any_bit_below(magnitude, half);
    kept + u64::from(is_half && (above_half || kept & 1 == 1))
}

fn limb_at(limbs: &[u64], index: usize) -> u64 {
    limbs.get(index).copied().unwrap_or_default()
}

/// Returns the 64 bits from bit `shift` on.
fn bits_from(limbs: &[u64], shift: usize) -> u64 {
    let (limb, bit) = (shift / 64, shift % 64);
    let low = limb_at(limbs, limb) >> bit;
    let high = if bit == 0 { 0 } else { limb_at(limbs, limb + 1) << (64 - bit) };
    low | high
}

fn any_bit_below(limbs: &[u64], bit: usize) -> bool {
    let (whole, part) = (bit / 64, bit % 64);
    let below = limb_at(limbs, whole) & ((1 << part) - 1);
    below != 0 || limbs.iter().take(whole).any(|limb| *limb != 0)
}

#[cfg(test)]
mod tests {
    use num_traits::One;
    use proptest::prelude::*;

    use super::*;

    /// Returns every finite double as an integer on the grid of 2^-1074.
    fn on_full_grid(x: f64) -> BigInt {
        let bits = x.to_bits();
        let field = (bits >> 52) & 0x7ff;
        let fraction = bits & ((1 << 52) - 1);
        let integer = match field {
            0 => BigInt::from(fraction),
            _ => BigInt::from(fraction | 1 << 52) << (field - 1),
        };
        if x.is_sign_negative() { -integer } else { integer }
    }

    fn finite() -> impl Strategy<Value = f64> {
        any::<u64>().prop_map(f64::from_bits).prop_filter("finite", |x| x.is_finite())
    }

    proptest! {
        #[test]
        fn doubles_survive(x in finite()) {
            let back = integer_to_double(&on_full_grid(x), -1074).unwrap();
            prop_assert_eq!(back, x);
        }

        #[test]
        fn quotients_are_what_the_processor_computes(x in finite(), y in finite()) {
            prop_assume!(y != 0.0);
            let quotient = x / y;
            let ours = fraction_to_double(&on_full_grid(x), &on_full_grid(y), 0);
            prop_assert_eq!(ours, quotient.is_finite().then_some(quotient));
        }

        #[test]
        fn sums_are_what_the_processor_computes(x in finite(), y in finite()) {
            let sum = x + y;
            let ours = integer_to_double(&(on_full_grid(x) + on_full_grid(y)), -1074);
            prop_assert_eq!(ours, sum.is_finite().then_some(sum));
        }

        #[test]
        fn roots_are_what_the_processor_computes(x in finite()) {
            let x = x.abs();
            let one = BigUint::one() << 1074_u32;
            let ours = root_of_fraction(false, on_full_grid(x).magnitude(), &one);
            prop_assert_eq!(ours, Some(x.sqrt()));
        }
    }

    #[test]
    fn ties_go_to_the_even_neighbour() {
        let two53 = BigInt::one() << 53;
        let cases = [(1, 0), (2, 2), (3, 4), (5, 4), (6, 6), (7, 8)];
        for (odd, even) in cases {
            let rounded = integer_to_double(&(&two53 + odd), 0).unwrap();
            assert_eq!(integer_to_double(&(&two53 + even), 0), Some(rounded), "{odd}");
        }
        let half_denormal = integer_to_double(&BigInt::one(), -1075);
        assert_eq!(half_denormal, Some(0.0));
        assert_eq!(integer_to_double(&BigInt::from(3), -1075), Some(2.0 * f64::from_bits(1)));
        assert_eq!(integer_to_double(&BigInt::from(3), -1076), Some(f64::from_bits(1)));
        assert_eq!(integer_to_double(&BigInt::from(-3), -1076), Some(-f64::from_bits(1)));
    }

    #[test]
    fn what_rounds_beyond_the_largest_double_is_none() {
        let largest = on_full_grid(f64::MAX);
        let half_step = BigInt::one() << (970 + 1074);
        assert_eq!(integer_to_double(&(&largest + &half_step - 1), -1074), Some(f64::MAX));
        assert_eq!(integer_to_double(&(&largest + &half_step), -1074), None);
        assert_eq!(integer_to_double(&(-&largest - &half_step), -1074), None);
        assert_eq!(fraction_to_double(&largest, &BigInt::one(), 0), None);
    }

    #[test]
    fn zero_has_no_sign_and_no_divisor() {
        assert!(integer_to_double(&BigInt::zero(), 5).unwrap().is_sign_positive());
        assert_eq!(fraction_to_double(&BigInt::one(), &BigInt::zero(), 0), None);
        assert_eq!(root_of_fraction(true, &BigUint::one(), &BigUint::zero()), None);
        assert_eq!(root_of_fraction(true, &BigUint::from(9u8), &BigUint::from(4u8)), Some(-1.5));
    }
}
