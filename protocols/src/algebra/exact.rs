//! Exact sums of doubles: every double of a range is an integer on a common grid, and integers are
//! added without rounding.
//!
//! A double x is an integer multiple of 2^-f for a large enough f, and |x| < 2^b. A sum of N
//! products of d such numbers is an integer multiple of 2^-df, below N·2^db in magnitude. With N <
//! 2^63 it fits d(b + f) + 64 + 1 bits in two's complement. So a cell of that many bits cannot
//! wrap, whatever the data are. The bound is static: it is checked when a number is admitted,
//! before masking, because a wrap would be silent afterwards.
//!
//! The full grid (f = 1074, b = 1024) holds every finite double and takes 34 limbs a sum. A
//! declared number of decimal digits makes it smaller: 4 limbs for 12 digits before and 12 after
//! the point. Both are exact; rounding happens once, when the sum becomes a double again.
//!
//! Adding puts a significand into place and carries; no big integer is made for an item. Positive
//! and negative terms are added apart, because a sum that swings around zero would otherwise carry
//! through all limbs at each item.

use num_bigint::{BigInt, BigUint};
use zeroize::Zeroizing;

use crate::algebra::input_error::InputError;
use crate::algebra::ring::{add_into, subtract_from};
use crate::algebra::rounding::nearest_double;

/// The bits for the number of rows over all parties, and one for the sign.
const HEAD_ROOM: usize = 64 + 1;

/// The bits of a double's significand.
const SIGNIFICAND: usize = 53;

/// The most decimal digits before and after the point that doubles have a use for.
const MAX_DIGITS_BEFORE: u32 = 308;
const MAX_DIGITS_AFTER: u32 = 323;

/// The error for a claimed earlier sum that no numbers have.
const NO_ADDED: InputError = InputError::Shape {
    expected: "rows, sum and magnitude of whole numbers of 64 bits, all in the declared range",
};

/// The range and the resolution of the numbers that are added.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Grid {
    fraction_bits: usize,
    magnitude_bits: usize,
    declared: Option<Range>,
}

/// Declared magnitudes: zero, and from `lowest` to below `bound`.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Range {
    digits_before: u32,
    digits_after: u32,
    lowest: f64,
    bound: f64,
    whole_bound: Option<u64>,
}

/// A number or a product of two, exactly: ±significand · 2^exponent.
#[derive(Clone, Copy)]
pub struct Term {
    negative: bool,
    significand: u128,
    exponent: i64,
}

/// A sum under way, kept by one party over its own data.
pub struct Accumulator {
    fraction_bits: usize,
    positive: Zeroizing<Vec<u64>>,
    negative: Zeroizing<Vec<u64>>,
}

impl Grid {
    /// Returns the grid of every finite double.
    #[must_use]
    pub fn full() -> Self {
        Self { fraction_bits: 1074, magnitude_bits: 1024, declared: None }
    }

    /// Returns the grid of 0 and of all doubles with magnitudes from 10^-`digits_after` to below
    /// 10^`digits_before`. The bounds are the doubles nearest to these powers of ten.
    ///
    /// # Errors
    /// If doubles do not reach that far.
    pub fn declared(digits_before: u32, digits_after: u32) -> Result<Self, InputError> {
        check_digits("digits_before", digits_before, MAX_DIGITS_BEFORE)?;
        check_digits("digits_after", digits_after, MAX_DIGITS_AFTER)?;
        let range = Range {
            digits_before,
            digits_after,
            lowest: power_of_ten(&format!("1e-{digits_after}")),
            bound: power_of_ten(&format!("1e{digits_before}")),
            whole_bound: 10_u64.checked_pow(digits_before),
        };
        Ok(Self {
            fraction_bits: (bits_of_power_of_ten(digits_after) + SIGNIFICAND).min(1074),
            magnitude_bits: bits_of_power_of_ten(digits_before).min(1024),
            declared: Some(range),
        })
    }

    /// Returns the declared digits before and after the point, if any were.
    #[must_use]
    pub fn digits(&self) -> Option<(u32, u32)> {
        self.declared.map(|range| (range.digits_before, range.digits_after))
    }

    /// Returns f: every number is a multiple of 2^-f.
    #[must_use]
    pub fn fraction_bits(&self) -> usize {
        self.fraction_bits
    }

    /// Returns the 64-bit limbs that a sum of products of `degree` numbers takes.
    #[must_use]
    pub fn limbs(&self, degree: usize) -> usize {
        (degree * (self.fraction_bits + self.magnitude_bits) + HEAD_ROOM).div_ceil(64)
    }

    /// Makes a term of a double, if the grid has it.
    ///
    /// # Errors
    /// If it is not finite or outside the declared range; `index` tells the caller its position.
    pub fn admit(&self, index: usize, x: f64) -> Result<Term, InputError> {
        let magnitude = x.abs();
        if !magnitude.is_finite() {
            return Err(InputError::NotFinite { index });
        }
        match self.declared {
            Some(range) if !range.holds(magnitude) => Err(range.refusal(index)),
            _ => Ok(Term::from_double(x)),
        }
    }

    /// Makes a term of a whole number, if the grid has it.
    ///
    /// # Errors
    /// If it is outside the declared range.
    pub fn admit_whole(&self, index: usize, value: i64) -> Result<Term, InputError> {
        match self.declared {
            Some(range) if !range.holds_whole(value.unsigned_abs()) => Err(range.refusal(index)),
            _ => Ok(Term::from_whole(value)),
        }
    }

    /// Makes two terms of whole numbers that were added before: the sum of those above zero, and of
    /// those below. `sum` is the sum of all `rows` numbers, `magnitude` that of their magnitudes.
    ///
    /// # Errors
    /// If so many numbers of the grid, each of 64 bits, have no such sums.
    pub fn admit_added(
        &self,
        rows: u64,
        sum: i128,
        magnitude: u128,
    ) -> Result<[Term; 2], InputError> {
        let whole_bound = self.declared.and_then(|range| range.whole_bound);
        let largest = whole_bound.map_or(1 << 63, |bound| bound.saturating_sub(1).min(1 << 63));
        let most = u128::from(rows).saturating_mul(u128::from(largest));
        let twice = [
            magnitude.checked_add_signed(sum),
            sum.checked_neg().and_then(|negated| magnitude.checked_add_signed(negated)),
        ];
        let [Some(above), Some(below)] = twice else { return Err(NO_ADDED) };
        if magnitude > most || above % 2 == 1 {
            return Err(NO_ADDED);
        }
        let term = |negative, twice| Term { negative, significand: twice / 2, exponent: 0 };
        Ok([term(false, above), term(true, below)])
    }

    /// Returns the bits that a sum of magnitudes of the grid's numbers takes, for any number of
    /// them.
    #[must_use]
    pub fn magnitude_width(&self) -> usize {
        self.fraction_bits + self.magnitude_bits + HEAD_ROOM - 1
    }

    /// Writes `term` into `cell`, which is zero and has [`Grid::limbs`]`(1)` limbs.
    pub fn encode(&self, term: Term, cell: &mut [u64]) {
        term.add_magnitude_to(cell, self.fraction_bits);
        if term.negative {
            negate(cell);
        }
    }

    /// Returns the double nearest to the sum of products of `degree` numbers in `cell`, which is
    /// used up. Returns none beyond the range of doubles.
    #[must_use]
    pub fn decode(&self, degree: usize, cell: &mut [u64]) -> Option<f64> {
        let negative = is_negative(cell);
        if negative {
            negate(cell);
        }
        nearest_double(negative, cell, false, self.exponent(degree))
    }

    /// Returns the exponent e such that a sum of products of `degree` numbers is an integer times
    /// 2^e.
    #[must_use]
    pub fn exponent(&self, degree: usize) -> i64 {
        -i64::try_from(degree * self.fraction_bits).unwrap_or(i64::MAX)
    }
}

/// Returns the integer in two's complement in `cell`.
#[must_use]
pub fn signed_integer(cell: &[u64]) -> BigInt {
    let bytes: Vec<u8> = cell.iter().flat_map(|limb| limb.to_le_bytes()).collect();
    BigInt::from_signed_bytes_le(&bytes)
}

impl Accumulator {
    /// Creates zero, as a sum of products of `degree` numbers of `grid`.
    #[must_use]
    pub fn new(grid: &Grid, degree: usize) -> Self {
        let zero = || Zeroizing::new(vec![0; grid.limbs(degree)]);
        Self { fraction_bits: degree * grid.fraction_bits, positive: zero(), negative: zero() }
    }

    /// Adds a number, or a product of as many as the accumulator's degree.
    pub fn add(&mut self, term: Term) {
        let limbs = if term.negative { &mut self.negative } else { &mut self.positive };
        term.add_magnitude_to(limbs, self.fraction_bits);
    }

    /// Adds another sum of the same grid and degree.
    pub fn merge(&mut self, other: &Self) {
        add_into(&mut self.positive, &other.positive);
        add_into(&mut self.negative, &other.negative);
    }

    /// Returns the sum in two's complement.
    #[must_use]
    pub fn into_cell(mut self) -> Zeroizing<Vec<u64>> {
        subtract_from(&mut self.positive, &self.negative);
        self.positive
    }

    /// Returns the sum of the terms' magnitudes. It has at most [`Grid::magnitude_width`] bits, if
    /// the degree is 1.
    #[must_use]
    pub fn magnitude(&self) -> Zeroizing<Vec<u64>> {
        let mut magnitude = self.positive.clone();
        add_into(&mut magnitude, &self.negative);
        magnitude
    }
}

impl Term {
    /// Multiplies exactly. Neither factor may itself be a product.
    #[must_use]
    pub fn times(self, other: Self) -> Self {
        Self {
            negative: self.negative != other.negative,
            significand: self.significand.wrapping_mul(other.significand),
            exponent: self.exponent + other.exponent,
        }
    }

    fn from_double(x: f64) -> Self {
        const FRACTION: u64 = (1 << 52) - 1;
        let bits = x.to_bits();
        let fraction = bits & FRACTION;
        let field = (bits >> 52) & 0x7ff;
        let (significand, power) =
            if field == 0 { (fraction, 1) } else { (fraction | (FRACTION + 1), field) };
        Self {
            negative: bits >> 63 == 1,
            significand: u128::from(significand),
            exponent: power.cast_signed() - 1075,
        }
    }

    fn from_whole(value: i64) -> Self {
        Self { negative: value < 0, significand: u128::from(value.unsigned_abs()), exponent: 0 }
    }

    /// Adds `significand · 2^(exponent + fraction_bits)` to `limbs`. The shift is not negative,
    /// because the grid admitted the number.
    #[inline]
    fn add_magnitude_to(self, limbs: &mut [u64], fraction_bits: usize) {
        let exponent = isize::try_from(self.exponent).unwrap_or(isize::MIN);
        let Some(shift) = fraction_bits.checked_add_signed(exponent) else {
            return debug_assert!(self.significand == 0, "a number finer than its grid");
        };
        let (limb, bit) = (shift / 64, shift % 64);
        let low = self.significand << bit;
        let high = if bit == 0 { 0 } else { self.significand >> (128 - bit) };
        add_at(limbs, limb, [low_half(low), low_half(low >> 64), low_half(high)]);
    }
}

impl Range {
    fn holds(&self, magnitude: f64) -> bool {
        magnitude == 0.0 || (self.lowest..self.bound).contains(&magnitude)
    }

    fn holds_whole(&self, magnitude: u64) -> bool {
        // Without digits after the point the lowest magnitude is 1, and every whole number but 0
        // has at least that.
        self.whole_bound.is_none_or(|bound| magnitude < bound)
    }

    fn refusal(&self, index: usize) -> InputError {
        let Self { digits_before, digits_after, .. } = self;
        let range = format!("0, or from 1e-{digits_after} to below 1e{digits_before}");
        InputError::OutOfRange { index, range }
    }
}

#[inline]
fn add_at(limbs: &mut [u64], first: usize, words: [u64; 3]) {
    let mut carry = false;
    let mut rest = limbs.iter_mut().skip(first);
    for (word, limb) in words.into_iter().zip(rest.by_ref()) {
        (*limb, carry) = limb.carrying_add(word, carry);
    }
    while carry {
        let Some(limb) = rest.next() else { return };
        (*limb, carry) = limb.overflowing_add(1);
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the lower half is what is wanted")]
fn low_half(value: u128) -> u64 {
    value as u64
}

fn is_negative(cell: &[u64]) -> bool {
    cell.last().is_some_and(|limb| limb >> 63 == 1)
}

fn negate(cell: &mut [u64]) {
    let mut carry = true;
    for limb in cell {
        (*limb, carry) = (!*limb).overflowing_add(u64::from(carry));
    }
}

fn check_digits(name: &'static str, digits: u32, limit: u32) -> Result<(), InputError> {
    if digits > limit {
        let reason = format!("{digits} is more than the {limit} digits that doubles reach");
        return Err(InputError::Parameter { name, reason });
    }
    Ok(())
}

/// Returns ⌈log2 10^digits⌉.
fn bits_of_power_of_ten(digits: u32) -> usize {
    let power = BigUint::from(10_u8).pow(digits);
    usize::try_from((power - 1_u8).bits()).unwrap_or(usize::MAX)
}

fn power_of_ten(text: &str) -> f64 {
    text.parse().expect("a power of ten in scientific notation")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn finite() -> impl Strategy<Value = f64> {
        any::<u64>().prop_map(f64::from_bits).prop_filter("finite", |x| x.is_finite())
    }

    /// Returns a double as an integer over 2^1074, by text and decimal arithmetic: the digits are
    /// exact.
    fn decimal(x: f64) -> BigInt {
        let text = format!("{x:.1074}").replace('.', "");
        let scaled: BigInt = text.parse().unwrap();
        (scaled << 1074) / BigInt::from(10).pow(1074)
    }

    #[test]
    fn sums_take_as_many_limbs_as_promised() {
        assert_eq!((Grid::full().limbs(1), Grid::full().limbs(2)), (34, 67));
        let usual = Grid::declared(12, 12).unwrap();
        assert_eq!((usual.fraction_bits(), usual.magnitude_bits), (93, 40));
        assert_eq!((usual.limbs(1), usual.limbs(2)), (4, 6));
        assert_eq!(Grid::declared(0, 0).unwrap().limbs(1), 2);
        let widest = Grid::declared(308, 323).unwrap();
        assert_eq!((widest.fraction_bits(), widest.magnitude_bits), (1074, 1024));
        assert!(Grid::declared(309, 0).is_err() && Grid::declared(0, 324).is_err());
    }

    #[test]
    fn every_double_of_a_declared_range_is_on_its_grid() {
        for (before, after) in [(0, 0), (1, 0), (0, 1), (3, 5), (12, 12), (100, 200), (308, 323)] {
            let grid = Grid::declared(before, after).unwrap();
            let range = grid.declared.unwrap();
            for x in [range.lowest, range.lowest.next_up(), range.bound.next_down()] {
                if !range.holds(x) {
                    continue;
                }
                let mut cell = vec![0; grid.limbs(1)];
                grid.encode(grid.admit(0, -x).unwrap(), &mut cell);
                assert_eq!(grid.decode(1, &mut cell), Some(-x), "{before} {after}");
            }
        }
    }

    /// Adds 2^63 rows of the largest magnitude of either sign by doubling; no machine can count
    /// them.
    #[test]
    fn the_widest_sum_that_can_be_does_not_wrap() {
        let grids = [(308, 323), (1, 0), (3, 2), (12, 12)]
            .map(|(before, after)| Grid::declared(before, after).unwrap());
        for grid in [Grid::full()].iter().chain(&grids) {
            let largest = match grid.digits() {
                None => f64::MAX,
                Some((before, _)) => power_of_ten(&format!("1e{before}")).next_down(),
            };
            let admit = |x| grid.admit(0, x).unwrap();
            let (plus, minus) = (admit(largest), admit(-largest));
            for (degree, term) in
                [(1, plus), (1, minus), (2, plus.times(plus)), (2, minus.times(plus))]
            {
                let mut sum = Accumulator::new(grid, degree);
                sum.add(term);
                let one = signed_integer(&sum.into_cell());
                assert_ne!(one, BigInt::ZERO);
                let mut sum = Accumulator::new(grid, degree);
                sum.add(term);
                for _ in 0..63 {
                    let mut same = Accumulator::new(grid, degree);
                    same.merge(&sum);
                    sum.merge(&same);
                }
                assert_eq!(signed_integer(&sum.into_cell()), one << 63_u32);
            }
        }
    }

    #[test]
    fn accumulators_merge() {
        let grid = Grid::full();
        let [mut a, mut b] = [0, 1].map(|_| Accumulator::new(&grid, 1));
        a.add(grid.admit(0, 1e300).unwrap());
        b.add(grid.admit(0, -1e300).unwrap());
        b.add(grid.admit(0, -0.5).unwrap());
        a.merge(&b);
        assert_eq!(grid.decode(1, &mut a.into_cell()), Some(-0.5));
    }

    proptest! {
        #[test]
        fn sums_agree_with_decimal_arithmetic(items in prop::collection::vec(finite(), 0..12)) {
            let grid = Grid::full();
            let mut sum = Accumulator::new(&grid, 1);
            items.iter().for_each(|x| sum.add(grid.admit(0, *x).unwrap()));
            let due: BigInt = items.iter().map(|x| decimal(*x)).sum();
            prop_assert_eq!(signed_integer(&sum.into_cell()), due);
        }

        #[test]
        fn products_agree_with_decimal_arithmetic(x in finite(), y in finite()) {
            let grid = Grid::full();
            let mut sum = Accumulator::new(&grid, 2);
            let [a, b] = [x, y].map(|x| grid.admit(0, x).unwrap());
            sum.add(a.times(b));
            sum.add(a.times(a));
            let due = decimal(x) * (decimal(x) + decimal(y));
            prop_assert_eq!(signed_integer(&sum.into_cell()), due);
        }

        #[test]
        fn whole_numbers_are_exact(x in any::<i64>(), y in any::<i64>()) {
            let grid = Grid::declared(19, 0).unwrap();
            let mut sum = Accumulator::new(&grid, 1);
            [x, y].iter().for_each(|x| sum.add(grid.admit_whole(0, *x).unwrap()));
            let due = (BigInt::from(x) + BigInt::from(y)) << grid.fraction_bits();
            prop_assert_eq!(signed_integer(&sum.into_cell()), due);
        }
    }
}
