//! Geometric and harmonic mean of numbers that are all above zero.
//!
//! Two sums that are part of the first masked sum of [`crate::functions::univariate`], because
//! they need nothing but the public extremes: Σ log₂ x, and Σ s/x with s = 2^e ≤ minimum <
//! 2^(e+1). Both are sums of integers, and exact as such. The party that has a term rounds it, and
//! all round the mean, as said below.
//!
//! **Leakage:** both exact sums, to the nodes of all parties. Each mean gives its sum up to
//! rounding only.
//!
//! *Logarithms*, as multiples of 2^-53. For x = M·2^E with ½ ≤ M < 1 the logarithm is E, exactly,
//! plus the double nearest to log₂ M, or a neighbour of it. That double is between -1 and 0 and so
//! at most 2^-53 off; rounding to a multiple adds 2^-54. So the mean of the logarithms is within
//! 1.5·2^-53, and the geometric mean within 1.2e-16 of itself, before it is rounded. A term is
//! below 1075 < 2^10.1 in magnitude, so 2^63 of them take 63 + 10.1 + 53 bits and a sign: 2 limbs.
//! This assumes a logarithm of the machine's library within one unit in the last place. Rust
//! promises no precision. A less precise one makes the geometric mean less precise, and no more.
//!
//! *Reciprocals*, as multiples of 2^-120. s/x is at most 1 for every x, denormals too, so no range
//! of 1/x has to be held. For the minimum it is above ½, so the sum is. A term is cut by at most
//! 2^-62 of itself and by 2^-120. All n < 2^63 terms are cut by 2^-57 at most, which is 2^-56 of
//! the sum at most. So the harmonic mean is within 2^-55 of itself before it is rounded. The sum is
//! at most 2^63·2^120: 3 limbs.
//!
//! The answer cannot differ between machines: one party computes each logarithm, and the rest is
//! integer arithmetic on opened integers. All machines compute the logarithms of both extremes, to
//! check the sum. These may differ, and [`SLACK`] is more than they differ.

use num_bigint::BigInt;
use num_integer::Integer;
use num_traits::float::FloatCore;
use num_traits::{One, Zero};
use zeroize::Zeroizing;

use crate::algebra::exact::signed_integer;
use crate::algebra::layout::Segment;
use crate::algebra::rounding::{fraction_to_double, integer_to_double};
use crate::algebra::wide::Wide;
use crate::kernel::fault::Fault;

/// The bits after the point of a logarithm.
const LOGARITHM_BITS: u32 = 53;

/// The bits after the point of s/x.
const RECIPROCAL_BITS: u32 = 120;

/// The tolerance of the check of a sum of logarithms for each term, in units of 2^-53: machines'
/// libraries may differ.
const SLACK: i128 = 16;

/// The number ⌊2^128·ln 2⌋.
const LN_2: u128 = 0xb172_17f7_d1cf_79ab_c9e3_b398_03f2_f6af;

/// The exponent with which ⌊2^115 / M⌋ has 63 or 64 bits, for M of [`SIGNIFICAND`] bits.
const QUOTIENT_BITS: u32 = 115;

/// The bits of a double's significand.
const SIGNIFICAND: u32 = 53;

/// The fault of an opened sum of another length, which no layout leads to.
pub(crate) const NOT_OF_LAYOUT: Fault =
    Fault::Internal("an opened sum has the words of its layout");

/// The terms of the series of 2^x: (ln 2)^k / k! is below 2^-134 for k = 32.
const TERMS: u32 = 32;

/// The means of numbers between two public extremes, both above zero.
#[derive(Clone, Copy)]
pub(crate) struct Means {
    minimum: f64,
    maximum: f64,
}

/// Both means.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct BothMeans {
    pub(crate) harmonic: f64,
    pub(crate) geometric: f64,
}

/// The number ±M·2^E with M of [`SIGNIFICAND`] bits, or 0.
struct Decoded {
    significand: u64,
    exponent: i32,
}

impl Means {
    /// The cells of both sums.
    pub(crate) const SEGMENTS: [Segment; 2] =
        [Segment { limbs: 2, cells: 1 }, Segment { limbs: 3, cells: 1 }];

    /// The words of both sums.
    pub(crate) const WORDS: usize = 5;

    /// Returns the means; none unless the minimum is above zero. The extremes must not cross.
    pub(crate) fn between(minimum: f64, maximum: f64) -> Option<Self> {
        debug_assert!(minimum <= maximum, "extremes that cross were refused");
        (minimum > 0.0).then_some(Self { minimum, maximum })
    }

    /// Adds up one party's numbers, which are between the extremes. A logarithm and a quotient take
    /// a time that depends on the number. Only the party's own node can measure it.
    pub(crate) fn add_up(&self, numbers: &[f64]) -> Zeroizing<[u64; Self::WORDS]> {
        let mut logarithms = Zeroizing::new(0_i128);
        let mut reciprocals = Zeroizing::new([0; 3]);
        for x in numbers {
            *logarithms += logarithm(*x);
            let [low, high] = limbs(self.reciprocal(*x)).0;
            *reciprocals = Wide(*reciprocals).plus(Wide([low, high, 0])).0;
        }
        let [l0, l1] = limbs(logarithms.cast_unsigned()).0;
        let [r0, r1, r2] = *reciprocals;
        Zeroizing::new([l0, l1, r0, r1, r2])
    }

    /// Computes the means of n > 0 numbers from the opened sums.
    pub(crate) fn finish(&self, n: u64, words: &[u64]) -> Result<BothMeans, Fault> {
        let [l0, l1, reciprocals @ ..] = words else { return Err(NOT_OF_LAYOUT) };
        if words.len() != Self::WORDS {
            return Err(NOT_OF_LAYOUT);
        }
        let logarithms = signed_integer(&[*l0, *l1]);
        let reciprocals = signed_integer(reciprocals);
        self.check(n, &logarithms, &reciprocals)?;
        Ok(BothMeans {
            harmonic: self.confine(self.harmonic(n, &reciprocals))?,
            geometric: self.confine(geometric(n, &logarithms))?,
        })
    }

    /// Refuses sums that no numbers between the extremes have.
    fn check(&self, n: u64, logarithms: &BigInt, reciprocals: &BigInt) -> Result<(), Fault> {
        let lowest = BigInt::from(logarithm(self.minimum) - SLACK) * n;
        let highest = BigInt::from(logarithm(self.maximum) + SLACK) * n;
        let of_minimum = BigInt::from(self.reciprocal(self.minimum));
        let least = BigInt::from(self.reciprocal(self.maximum)) * n;
        let plausible = (lowest..=highest).contains(logarithms)
            && *reciprocals >= least
            && *reciprocals >= of_minimum
            && *reciprocals <= of_minimum * n;
        if plausible { Ok(()) } else { Err(Fault::InvalidOpening) }
    }

    /// Confines a mean to the extremes. A mean that rounding puts beyond an extreme is nearer to it
    /// than to any other number.
    fn confine(&self, mean: Option<f64>) -> Result<f64, Fault> {
        let mean = mean.ok_or(Fault::ResultOutOfRange)?;
        Ok(mean.max(self.minimum).min(self.maximum))
    }

    /// Returns n / Σ 1/x = n·s / Σ s/x.
    fn harmonic(&self, n: u64, reciprocals: &BigInt) -> Option<f64> {
        let scale = decode(self.minimum).top() + i64::from(RECIPROCAL_BITS);
        fraction_to_double(&n.into(), reciprocals, scale)
    }

    /// Returns 2^120·s/x, cut to a whole number, for x from the minimum on. It is at most 2^120.
    fn reciprocal(&self, x: f64) -> u128 {
        debug_assert!(x >= self.minimum, "a number is not below the minimum");
        let x = decode(x);
        let quotient = (1 << QUOTIENT_BITS) / u128::from(x.significand.max(1));
        // 2^120·s/x = 2^(120 + e - E)/M for s = 2^e, x = M·2^E.
        let scale = i64::from(RECIPROCAL_BITS - QUOTIENT_BITS);
        let shift = scale + decode(self.minimum).top() - i64::from(x.exponent);
        let by = u32::try_from(shift.unsigned_abs()).unwrap_or(u32::MAX);
        if shift < 0 {
            // A term of which no bit is left.
            quotient.checked_shr(by).unwrap_or(0)
        } else {
            // The quotient has 64 bits at most, and `by` is 57 at most from the minimum on.
            quotient.checked_shl(by).expect("a number is not below the minimum")
        }
    }
}

impl Decoded {
    /// Returns the exponent of the highest bit.
    fn top(&self) -> i64 {
        i64::from(self.exponent) + i64::from(SIGNIFICAND - 1)
    }
}

fn decode(x: f64) -> Decoded {
    let (significand, exponent, _) = FloatCore::integer_decode(x);
    if significand == 0 {
        return Decoded { significand, exponent: 0 };
    }
    // Denormals have fewer bits.
    let missing = significand.leading_zeros() + SIGNIFICAND - u64::BITS;
    let exponent = i32::from(exponent) - missing.cast_signed();
    Decoded { significand: significand << missing, exponent }
}

/// Returns 2^53·log₂ x for x > 0, as the nearest whole number or a neighbour of it.
#[expect(clippy::cast_possible_truncation, reason = "whole, and from -2^53 to 0")]
#[expect(clippy::cast_precision_loss, reason = "a significand has 53 bits")]
fn logarithm(x: f64) -> i128 {
    let one = (1_u64 << LOGARITHM_BITS) as f64;
    let x = decode(x);
    let fraction = (x.significand as f64 / one).log2();
    let fraction = (fraction * one).round() as i64;
    (i128::from(x.top() + 1) << LOGARITHM_BITS) + i128::from(fraction)
}

/// Returns 2^(Σ log₂ x / n).
fn geometric(n: u64, logarithms: &BigInt) -> Option<f64> {
    let unit = BigInt::from(n) << LOGARITHM_BITS;
    let (whole, rest) = logarithms.div_mod_floor(&unit);
    let whole = i64::try_from(whole).ok()?;
    integer_to_double(&power_of_two(&((rest << 128) / unit)), whole - 128)
}

/// Returns 2^128·2^x for 2^128·x with 0 ≤ x < 1, by the series of e^(x·ln 2). Each of its [`TERMS`]
/// is cut by less than 3, and no term after them counts. So the result is within 2^-121 of itself.
fn power_of_two(x: &BigInt) -> BigInt {
    let x: BigInt = (x * LN_2) >> 128;
    let mut term = BigInt::one() << 128;
    let mut sum = BigInt::zero();
    for k in 1..=TERMS {
        sum += &term;
        term = ((term * &x) >> 128) / k;
    }
    sum
}

fn limbs(value: u128) -> Wide<2> {
    #[expect(clippy::cast_possible_truncation, reason = "both halves are wanted, each for itself")]
    Wide([value as u64, (value >> 64) as u64])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_of_two_are_right_to_the_last_bit_of_a_double() {
        let one = BigInt::one() << 128;
        assert_eq!(power_of_two(&BigInt::zero()), one);
        let half = power_of_two(&(&one >> 1));
        let off: BigInt = &half * &half - (&one << 129);
        assert!(off.bits() < 128 + 129 - 119);
        let least: BigInt = (&one << 1) - power_of_two(&(&one - 1));
        assert!(least.bits() < 9);
    }

    #[test]
    fn terms_are_what_the_documentation_says() {
        let least = f64::from_bits(1);
        for (x, due) in [(least, -1074), (1.0, 0), (2_f64.powi(1023), 1023), (0.5, -1)] {
            assert_eq!(logarithm(x), due << LOGARITHM_BITS);
        }
        let all = Means::between(least, f64::MAX).unwrap();
        assert_eq!((all.reciprocal(least), all.reciprocal(f64::MAX)), (1 << 120, 0));
        assert_eq!(all.reciprocal(3.0 * least), ((1 << 120) / 3) >> 56 << 56);
        let next = Means::between(f64::MAX, f64::MAX).unwrap();
        assert_eq!(next.reciprocal(f64::MAX) >> 119, 1);
    }

    #[test]
    fn sums_of_another_length_are_refused() {
        let means = Means::between(1.0, 2.0).unwrap();
        let sums = means.add_up(&[1.0, 2.0]);
        assert!(means.finish(2, &*sums).is_ok());
        let longer = [sums.as_slice(), &[0]].concat();
        for words in [&sums[..1], &sums[..4], longer.as_slice()] {
            assert_eq!(means.finish(2, words), Err(NOT_OF_LAYOUT));
        }
    }

    #[test]
    #[should_panic(expected = "not below the minimum")]
    fn the_reciprocal_of_a_number_below_the_minimum_is_no_zero() {
        let _ = Means::between(4.0, 8.0).unwrap().reciprocal(1e-300);
    }
}
