//! Standardized moments from the third to the sixth: one masked sum about an opened mean.
//!
//! All values here follow from three opened integers: n, Σx and A = nΣx² − (Σx)², in units of the
//! grid, A > 0. All parties derive from them
//! - a scale s = 2^p with 4^p ≤ A/n² < 8·4^p, so that the standard deviation σ is from s to below
//!   2√2·s, and
//! - a centre c, the multiple of 2^-64·s nearest to the mean Σx/n.
//!
//! A party turns each of its numbers into u, the multiple of 2^-64 nearest to (x − c)/s. It
//! multiplies |u|³ to |u|⁶, cuts each product to a multiple of 2^-64, and adds them with their
//! signs. The moments follow from the opened sums as fractions, or roots of fractions, that are
//! rounded once.
//!
//! **Nothing cancels.** x − c is taken exactly, between integers of 256 bits; only then is the
//! difference rounded. A centre that is off by 2^-65 and a number that is off by 2^-65 change u^k
//! by k·2^-64·|u|^(k−1). Cutting the products changes it by 2^-64·(1 + |u| + … + |u|^(k−2)). As σ ≥
//! s, the mean of u² is 1 or more. So from the second power on, the mean of a lower power of |u| is
//! not above that of a higher one. The mean of |u| is not above that of u². So Σu^k is off by less
//! than 2k·2^-64·Σ|u|^k, which is 12·2^-64 < 7e-19 for the sixth, whatever the data are. The error
//! is relative to the sum of magnitudes. The error of an odd moment near 0 has this bound too, and
//! none relative to the moment itself. If neither centre nor numbers need rounding, as with whole
//! numbers whose mean is whole, symmetric data have odd moments of exactly 0.
//!
//! **Nothing overflows.** No number is farther from the mean than σ√(n − 1). So |u| < 2^33 for n <
//! 2^63. The sum of |u|^k is at most (Σu²)^(k/2) < 2^(33k): 198 + 64 bits and a sign for the sixth
//! power, in cells of 320. That holds for sums that honest parties opened. If a party finds a
//! number of its own beyond twice that bound, the opened sums do not contain its number, and it
//! stops.

use num_bigint::{BigInt, BigUint, Sign};
use num_integer::Integer;
use num_traits::float::FloatCore;
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::algebra::exact::signed_integer;
use crate::algebra::layout::Layout;
use crate::algebra::rounding::{fraction_to_double, root_of_fraction};
use crate::algebra::wide::Wide;
use crate::engine::aggregate::{Aggregate, Rounds};
use crate::engine::reveals::UNIVARIATE_SUMS;
use crate::kernel::fault::Fault;

/// The bits after the point of u and of its powers.
const FRACTION_BITS: u64 = 64;

/// The limbs of a power and of a sum of them.
const LIMBS: usize = 5;

/// The powers that are summed: the third to the sixth.
const POWERS: usize = 4;

/// The words of the sum.
pub(crate) const WORDS: usize = LIMBS * POWERS;

/// The bits of |u| with those after the point; one more than any can have.
const DEVIATION_BITS: u32 = 98;

/// The bits of x/s and of c/s with those after the point, and room. They need 151: two numbers that
/// differ do so by 2^-53 of the larger or more. Hence nσ² ≥ 2^-107·x² for the largest x, and |x| is
/// below 2^53.5·√n·2√2·s < 2^87·s.
const PLACE_BITS: u32 = 240;

type Power = Wide<LIMBS>;

/// The basis of the moments, which follows from the opened n, Σx and A.
pub(crate) struct Centred {
    n: BigUint,
    /// The value n²·σ², in units of the grid.
    spread: BigUint,
    /// The exponent p of the scale 2^p, in units of the grid.
    scale: i64,
    /// The value 2^64·c/s.
    centre: Wide<4>,
    fraction_bits: i64,
}

/// The standardized moments.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Moments {
    pub(crate) skewness: f64,
    pub(crate) kurtosis: f64,
    pub(crate) kurtosis_excess: f64,
    pub(crate) hyper_skewness: f64,
    pub(crate) hyper_flatness: f64,
}

/// The value 2^64·u.
struct Deviation {
    negative: bool,
    magnitude: [u64; 2],
}

impl Centred {
    /// Creates the basis from the sum x of n numbers and the `spread` A > 0, in units of
    /// 2^-`fraction_bits` and its square.
    pub(crate) fn new(
        n: u64,
        x: &BigInt,
        spread: &BigUint,
        fraction_bits: usize,
    ) -> Result<Self, Fault> {
        let square = BigUint::from(n) * n;
        // 2^(bits − 1) < A/n² < 2^(bits + 1).
        let bits = signed(spread.bits()) - signed(square.bits());
        let scale = (bits - 1).div_euclid(2);
        let centre = nearest(x, n, signed(FRACTION_BITS) - scale);
        Ok(Self {
            n: n.into(),
            spread: spread.clone(),
            scale,
            centre: in_limbs(&centre).ok_or(Fault::InvalidOpening)?,
            fraction_bits: i64::try_from(fraction_bits).unwrap_or(i64::MAX),
        })
    }

    /// Sums the powers of all parties' numbers. `numbers` are those of this party.
    pub(crate) async fn run(
        &self,
        numbers: &[f64],
        sums: &mut impl Aggregate,
        rng: &mut impl CryptoRng,
    ) -> Result<Moments, Fault> {
        let layout = Layout::uniform(LIMBS, POWERS)?;
        let words = self.add_up(numbers)?;
        let rounds =
            Rounds { commit: "commit moments", open: "open moments", shows: UNIVARIATE_SUMS };
        let words = sums.sum(rounds, &layout, words, rng).await?;
        self.finish(&words)
    }

    fn add_up(&self, numbers: &[f64]) -> Result<Zeroizing<Vec<u64>>, Fault> {
        let mut sums = Zeroizing::new([[0; LIMBS]; POWERS]);
        for x in numbers {
            let u = self.deviation(*x)?;
            for (sum, power) in sums.iter_mut().zip(u.powers()) {
                *sum = Wide(*sum).plus(power).0;
            }
        }
        Ok(Zeroizing::new(sums.concat()))
    }

    fn deviation(&self, x: f64) -> Result<Deviation, Fault> {
        let place = self.place(x).ok_or(Fault::InvalidOpening)?;
        let difference = place.minus(self.centre);
        let negative = is_negative(difference);
        let [low, high, rest @ ..] = magnitude(difference).0;
        if rest != [0, 0] || high >> (DEVIATION_BITS - u64::BITS) != 0 {
            return Err(Fault::InvalidOpening);
        }
        Ok(Deviation { negative, magnitude: [low, high] })
    }

    /// Returns 2^64·x/s to the nearest integer; none if it has more than [`PLACE_BITS`] bits.
    fn place(&self, x: f64) -> Option<Wide<4>> {
        let (significand, exponent, sign) = FloatCore::integer_decode(x);
        let to_place = signed(FRACTION_BITS) - self.scale + self.fraction_bits;
        let shift = i64::from(exponent) + to_place;
        let by = u32::try_from(shift.unsigned_abs()).unwrap_or(u32::MAX);
        let magnitude = if shift < 0 {
            Wide([halves_up(significand, by), 0, 0, 0])
        } else {
            shifted(significand, by)?
        };
        Some(if sign < 0 { magnitude.negated() } else { magnitude })
    }

    fn finish(&self, words: &[u64]) -> Result<Moments, Fault> {
        let mut sums = words.chunks(LIMBS).map(signed_integer);
        let mut next =
            || sums.next().ok_or(Fault::Internal("an opened sum has the words of its layout"));
        let [third, fourth, fifth, sixth] = [next()?, next()?, next()?, next()?];
        let moments = Moments {
            skewness: self.standardized(3, &third)?,
            kurtosis: self.standardized(4, &fourth)?,
            kurtosis_excess: self.excess(&fourth)?,
            hyper_skewness: self.standardized(5, &fifth)?,
            hyper_flatness: self.standardized(6, &sixth)?,
        };
        // No real numbers have less. The error of the sums is too small to show here.
        if moments.kurtosis < 1.0 || moments.hyper_flatness < 1.0 {
            return Err(Fault::InvalidOpening);
        }
        Ok(moments)
    }

    /// Returns (S/n) / (σ/s)^k for an opened sum 2^64·S of k-th powers, as the root of its square.
    /// With σ²/s² = A/(n²·4^p) the square is S²·n^(2k−2)·4^(kp) / A^k.
    fn standardized(&self, k: u32, sum: &BigInt) -> Result<f64, Fault> {
        let numerator = sum.magnitude().pow(2) * self.n.pow(2 * k - 2);
        let denominator = self.spread.pow(k);
        let exponent = 2 * i64::from(k) * self.scale - 2 * signed(FRACTION_BITS);
        root(sum.sign() == Sign::Minus, &numerator, &denominator, exponent)
    }

    /// Returns S·n³·4^(2p) / A² − 3. It is a fraction of its own, because the difference of a
    /// rounded kurtosis and 3 would have lost digits.
    fn excess(&self, sum: &BigInt) -> Result<f64, Fault> {
        let squared = BigInt::from(self.spread.pow(2));
        let raised = sum * BigInt::from(self.n.pow(3));
        let exponent = 4 * self.scale - signed(FRACTION_BITS);
        let by = exponent.unsigned_abs();
        let (raised, squared) =
            if exponent < 0 { (raised, squared << by) } else { (raised << by, squared) };
        let difference = raised - 3 * &squared;
        fraction_to_double(&difference, &squared, 0).ok_or(Fault::ResultOutOfRange)
    }
}

impl Deviation {
    /// Returns u³ to u⁶, as multiples of 2^-64.
    fn powers(&self) -> [Power; POWERS] {
        let [low, high] = self.magnitude;
        let first = Wide([low, high, 0, 0, 0]);
        let second = times(first, self.magnitude);
        let third = times(second, self.magnitude);
        let fourth = times(third, self.magnitude);
        let fifth = times(fourth, self.magnitude);
        let sixth = times(fifth, self.magnitude);
        let with_sign = |odd: Power| if self.negative { odd.negated() } else { odd };
        [with_sign(third), fourth, with_sign(fifth), sixth]
    }
}

/// Returns ±√(numerator / denominator · 2^exponent).
pub(crate) fn root(
    negative: bool,
    numerator: &BigUint,
    denominator: &BigUint,
    exponent: i64,
) -> Result<f64, Fault> {
    let by = exponent.unsigned_abs();
    let root = if exponent < 0 {
        root_of_fraction(negative, numerator, &(denominator << by))
    } else {
        root_of_fraction(negative, &(numerator << by), denominator)
    };
    root.ok_or(Fault::ResultOutOfRange)
}

/// Returns x·2^shift/n to the nearest integer.
fn nearest(x: &BigInt, n: u64, shift: i64) -> BigInt {
    let by = shift.unsigned_abs();
    let n = BigInt::from(n);
    let (numerator, denominator) = if shift < 0 { (x.clone(), n << by) } else { (x << by, n) };
    let twice: BigInt = 2 * numerator + &denominator;
    twice.div_floor(&(2 * denominator))
}

/// Returns the integer in limbs; none if it has more than [`PLACE_BITS`] bits.
fn in_limbs(integer: &BigInt) -> Option<Wide<4>> {
    if integer.bits() > u64::from(PLACE_BITS) {
        return None;
    }
    let mut digits = integer.iter_u64_digits();
    let magnitude = Wide([(); 4].map(|()| digits.next().unwrap_or_default()));
    Some(if integer.sign() == Sign::Minus { magnitude.negated() } else { magnitude })
}

/// Returns value·2^by; none if it could have more than [`PLACE_BITS`] bits.
fn shifted(value: u64, by: u32) -> Option<Wide<4>> {
    if value != 0 && by + u64::BITS > PLACE_BITS {
        return None;
    }
    let (limb, bit) = (by / u64::BITS, by % u64::BITS);
    let low = value << bit;
    let high = value.checked_shr(u64::BITS - bit).unwrap_or(0);
    let at = |index: u32| match index.checked_sub(limb) {
        Some(0) => low,
        Some(1) => high,
        _ => 0,
    };
    Some(Wide([at(0), at(1), at(2), at(3)]))
}

/// Returns value/2^by to the nearest integer, halves up, for by > 0 and fewer than 64 bits in
/// `value`.
fn halves_up(value: u64, by: u32) -> u64 {
    (value.checked_shr(by - 1).unwrap_or(0) + 1) >> 1
}

/// Returns ⌊ab / 2^64⌋, which must fit.
fn times(a: Power, [low, high]: [u64; 2]) -> Power {
    let ([_, a0, a1, a2, a3], a4) = times_limb(a, low);
    let (upper, _) = times_limb(a, high);
    Wide([a0, a1, a2, a3, a4]).plus(Wide(upper))
}

/// Returns a·factor, and the limb that the product has more.
fn times_limb(a: Power, factor: u64) -> ([u64; LIMBS], u64) {
    let mut carry = 0;
    let product = a.0.map(|limb| {
        let (low, high) = limb.carrying_mul(factor, carry);
        carry = high;
        low
    });
    (product, carry)
}

fn is_negative(value: Wide<4>) -> bool {
    value.0.last().is_some_and(|limb| limb >> 63 == 1)
}

fn magnitude(value: Wide<4>) -> Wide<4> {
    if is_negative(value) { value.negated() } else { value }
}

fn signed(bits: u64) -> i64 {
    i64::try_from(bits).unwrap_or(i64::MAX / 8)
}

#[cfg(test)]
mod tests {
    use num_traits::{One, Signed};
    use rand_core::Rng;

    use super::*;
    use crate::testing::{rng, seed};

    fn magnitude_of(u: &Deviation) -> BigInt {
        let [low, high] = u.magnitude;
        (BigInt::from(high) << 64) + low
    }

    #[test]
    fn powers_are_cut_to_64_bits_after_the_point() {
        let mut rng = rng(seed());
        for bits in [0, 1, 20, 33] {
            let high = rng.next_u64() & ((1 << bits) - 1);
            let u = Deviation { negative: bits % 2 == 1, magnitude: [rng.next_u64(), high] };
            let mut due = magnitude_of(&u);
            due = (&due * &due) >> 64;
            for (k, power) in (3..).zip(u.powers()) {
                due = (due * magnitude_of(&u)) >> 64;
                let negative = u.negative && k % 2 == 1;
                let signed = if negative { -due.clone() } else { due.clone() };
                assert_eq!(signed_integer(power.limbs()), signed);
            }
        }
    }

    /// Tries one number away from as many zeros as there can be, which no party could add up.
    #[test]
    fn the_farthest_number_among_the_most_fits() {
        let n = (1_u64 << 63) - 1;
        for x in [1.0, 2_f64.sqrt(), 3.0, 1e300, f64::MAX, f64::from_bits(1)] {
            let (significand, exponent, _) = FloatCore::integer_decode(x);
            let on_grid = BigInt::from(significand) << (exponent + 1075);
            let spread = (&on_grid * &on_grid * (n - 1)).magnitude().clone();
            let centred = Centred::new(n, &on_grid, &spread, 1075).unwrap();
            let far = centred.deviation(x).unwrap();
            assert!(!far.negative && magnitude_of(&far).bits() <= 97);
            let sixth = signed_integer(far.powers()[3].limbs());
            assert!(sixth.bits() <= 262);
            let near = centred.deviation(0.0).unwrap();
            assert!(near.negative && magnitude_of(&near).bits() < 64);
        }
    }

    #[test]
    fn numbers_of_other_sums_are_refused_wherever_they_are() {
        // The sums of 1 and 2, in units of 2^-1074.
        let one: BigInt = BigInt::one() << 1074;
        let centred = Centred::new(2, &(&one * 3), one.pow(2).magnitude(), 1074).unwrap();
        for x in [1.0, 2.0, -1e9, 0.0, 1e-300] {
            assert!(centred.deviation(x).is_ok(), "{x}");
        }
        for x in [1e10, -1e10, 1e30, 1e100, f64::MAX, f64::MIN] {
            assert_eq!(centred.deviation(x).err(), Some(Fault::InvalidOpening), "{x}");
        }
        let least = Centred::new(2, &one, &BigUint::one(), 1074).map(drop);
        assert_eq!(least, Err(Fault::InvalidOpening), "a mean that far from 0 varies more");
    }

    #[test]
    fn centres_and_numbers_are_rounded_to_the_nearest() {
        let nearest = |x: i64, n, shift| nearest(&x.into(), n, shift);
        assert_eq!(nearest(7, 2, 0), BigInt::from(4));
        assert_eq!(nearest(-7, 2, 1), BigInt::from(-7));
        assert_eq!(nearest(-8, 3, 0), BigInt::from(-3));
        assert_eq!(nearest(100, 3, -4), BigInt::from(2));
        assert_eq!(
            [(5, 1), (4, 3), (3, 3), (3, 64), (3, 4000)].map(|(x, by)| halves_up(x, by)),
            [3, 1, 0, 0, 0]
        );
        for (value, by) in [(5, 0), (5, 63), (5, 64), (u64::MAX, 100), (1, 176)] {
            let due = BigInt::from(value) << by;
            assert_eq!(signed_integer(shifted(value, by).unwrap().limbs()), due);
            assert_eq!(in_limbs(&due), shifted(value, by));
            assert_eq!(signed_integer(in_limbs(&-&due).unwrap().limbs()).abs(), due);
        }
        assert_eq!((shifted(1, 177), shifted(0, 9999)), (None, Some(Wide::ZERO)));
    }
}
