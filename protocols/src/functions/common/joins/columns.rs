//! Columns of joined rows: as words that are shuffled, and as the values to compute with.
//!
//! A column of numbers is one of whole multiples of a power of two, the finest that its values
//! need. Its *width* is the number of bits from there to the largest magnitude.
//!
//! - *For sums* it is exact. Up to 53 digits fit one word (a narrow column). More take two words (a
//!   wide column), as far as the sum of all rows fits 128 bits: 107 digits for 2^20 rows, 117 for
//!   1,000. A wider column is refused before any message.
//! - *For products* each column has one word, because two of them and the rows have to fit 128
//!   bits. A column of more than 53 digits is rounded to 53 below its largest magnitude, whether
//!   that row is in the join or not. Each value is then off by half a unit at most; see
//!   [`super::precision`] for the consequences.

use std::collections::BTreeSet;
use std::ops::Range;

use num_bigint::BigInt;
use zeroize::Zeroizing;

use super::categories::MOST;
use crate::algebra::elementwise::zip_exact;
use crate::algebra::fixed::{Magnitude, Scale};
use crate::algebra::packed_bits::{PackedBits, WORD_BITS};
use crate::algebra::ring::Ring;
use crate::algebra::rounding::fraction_to_double;
use crate::circuits::Bits;
use crate::engine::Engine;
use crate::engine::shared::Shared;
use crate::functions::common::categories::{check_message, check_name};
use crate::functions::input::number_text;
use crate::kernel::fault::{Fault, InputError};
use crate::kernel::text::Case;

/// The bits of a narrow column, without the sign.
const NARROW: i32 = 53;

/// The bits of a sum in the ring, without the sign.
const SUM_BITS: u32 = 127;

/// A bound above the exponent of any double.
const MOST_EXPONENT: i64 = 1_100;

/// The use of columns of numbers in a function, which decides how they are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// Sums of rows.
    Sums,
    /// Sums of products.
    Products,
}

/// One column of this party.
pub(crate) enum Cells {
    /// Numbers as they came.
    Numbers(Zeroizing<Vec<f64>>),
    /// Numbers as words.
    Encoded(Encoded),
    Texts(Zeroizing<Vec<String>>),
    /// The place of each row's category among the names, which are in ascending order.
    Categories {
        names: Zeroizing<Vec<String>>,
        places: Zeroizing<Vec<usize>>,
    },
}

/// Numbers as whole multiples of a power of two.
pub(crate) struct Encoded {
    /// The whole numbers in two's complement: one word of each row, or the low ones and the high
    /// ones.
    pub(crate) words: Vec<Zeroizing<Vec<PackedBits>>>,
    pub(crate) unit: Unit,
}

/// The unit of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unit {
    /// The unit is 2 to this power.
    pub(crate) exponent: i64,
    /// True if values were rounded to whole units, so that each is off by half a unit at most.
    pub(crate) rounded: bool,
}

impl Cells {
    pub(crate) fn numbers(numbers: &[f64]) -> Result<Self, InputError> {
        match numbers.iter().position(|number| !number.is_finite()) {
            Some(index) => Err(InputError::NotFinite { index }),
            None => Ok(Self::Numbers(Zeroizing::new(numbers.to_vec()))),
        }
    }

    /// Turns a column into categories, compared in this case. Numbers that stand for categories
    /// become their texts.
    pub(crate) fn into_categories(self, case: Case) -> Result<Self, InputError> {
        let texts: Zeroizing<Vec<String>> = match self {
            Self::Categories { .. } | Self::Encoded(_) => return Ok(self),
            Self::Texts(texts) => {
                Zeroizing::new(texts.iter().map(|text| case.compared(text).into_owned()).collect())
            }
            Self::Numbers(numbers) => {
                Zeroizing::new(numbers.iter().copied().map(number_text).collect())
            }
        };
        texts.iter().try_for_each(|text| check_name(text))?;
        let names: Zeroizing<Vec<String>> =
            Zeroizing::new(texts.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect());
        if names.len() > MOST {
            return Err(InputError::TooMuch {
                what: "categories of a party",
                actual: names.len(),
                limit: MOST,
            });
        }
        check_message(&Zeroizing::new(vec![names.to_vec()]))?;
        let place = |text: &String| names.binary_search(text).expect("a text is among the names");
        let places = Zeroizing::new(texts.iter().map(place).collect());
        Ok(Self::Categories { names, places })
    }

    /// Encodes numbers for this use, of the column at this place. The party announces so many rows.
    pub(crate) fn encoded(self, place: usize, of: Use, rows: u64) -> Result<Self, InputError> {
        match self {
            Self::Numbers(numbers) => Encoded::new(&numbers, place, of, rows).map(Self::Encoded),
            other => Ok(other),
        }
    }

    /// Returns whether these are numbers of two words each.
    pub(crate) fn is_wide(&self) -> bool {
        matches!(self, Self::Encoded(encoded) if encoded.words.len() > 1)
    }

    pub(crate) fn into_encoded(self) -> Option<Encoded> {
        match self {
            Self::Encoded(encoded) => Some(encoded),
            Self::Numbers(_) | Self::Texts(_) | Self::Categories { .. } => None,
        }
    }
}

impl Encoded {
    fn new(numbers: &[f64], place: usize, of: Use, rows: u64) -> Result<Self, InputError> {
        let magnitude = Magnitude::of(numbers);
        let width = magnitude.map_or(0, Magnitude::bits);
        let is_wide = of == Use::Sums && width > NARROW;
        if is_wide && width > most_digits(rows) {
            return Err(too_wide(numbers, place));
        }
        let scale = Scale::with_bits(magnitude, if is_wide { width } else { NARROW });
        // The scale was chosen for these numbers.
        let whole = scale.encode(numbers).expect("a number fits the scale of its column");
        let word = |index: usize| {
            Zeroizing::new(whole.iter().map(|whole| PackedBits(whole.word(index))).collect())
        };
        let words = (0..=usize::from(is_wide)).map(word).collect();
        let unit = Unit { exponent: -i64::from(scale.fraction_bits()), rounded: scale.rounds() };
        Ok(Self { words, unit })
    }
}

impl Unit {
    /// Returns the unit as an element to share; without its exponent unless this is asked for.
    pub(crate) fn element(self, with_exponent: bool) -> u128 {
        let exponent = if with_exponent { self.exponent } else { 0 };
        let shifted = u128::try_from(exponent + MOST_EXPONENT).unwrap_or(0);
        2 * shifted + u128::from(self.rounded)
    }

    /// Reads a unit as it was opened.
    pub(crate) fn opened(element: u128) -> Result<Self, Fault> {
        let exponent = i64::try_from(element / 2).map_err(|_| Fault::InvalidOpening)?;
        let unit = Self { exponent: exponent - MOST_EXPONENT, rounded: element % 2 == 1 };
        if unit.exponent <= MOST_EXPONENT { Ok(unit) } else { Err(Fault::InvalidOpening) }
    }

    /// Reads the unit of a column that is added, which is never rounded.
    pub(crate) fn opened_exact(element: u128) -> Result<Self, Fault> {
        let unit = Self::opened(element)?;
        if unit.rounded { Err(Fault::InvalidOpening) } else { Ok(unit) }
    }

    /// Returns the double nearest to so many units, divided by the denominator.
    pub(crate) fn value(self, units: &BigInt, denominator: &BigInt) -> Option<f64> {
        fraction_to_double(units, denominator, self.exponent)
    }
}

/// Returns the bits of a joined column's numbers in two's complement. The party has announced so
/// many rows, and whether the column is wide.
pub(crate) fn bits(of: Use, rows: usize, wide: bool) -> usize {
    let digits = match (of, wide) {
        (_, true) => most_digits(rows as u64),
        (Use::Sums, false) => NARROW,
        // Rounding up makes 2^53 itself.
        (Use::Products, false) => NARROW + 1,
    };
    1 + usize::try_from(digits).unwrap_or(0)
}

/// Returns the most bits of numbers of which so many have a sum in the ring.
fn most_digits(rows: u64) -> i32 {
    let of_rows = u64::BITS - rows.saturating_sub(1).leading_zeros();
    SUM_BITS.saturating_sub(of_rows).cast_signed()
}

/// Returns the refusal of a column that no sum holds.
fn too_wide(numbers: &[f64], column: usize) -> InputError {
    let magnitudes = numbers.iter().map(|number| number.abs()).filter(|number| *number > 0.0);
    let (mut smallest, mut largest) = (f64::MAX, 0.0_f64);
    magnitudes.for_each(|magnitude| {
        smallest = smallest.min(magnitude);
        largest = largest.max(magnitude);
    });
    let [smallest, largest] = [smallest, largest].map(power_of_ten);
    InputError::TooWide { column, smallest, largest }
}

/// Returns the power of ten next below a number above 0.
fn power_of_ten(number: f64) -> i32 {
    let text = format!("{number:e}");
    text.split_once('e').and_then(|(_, power)| power.parse().ok()).unwrap_or(0)
}

/// Returns the numbers that words of a joined column stand for: so many bits in two's complement,
/// the lowest word first.
pub(crate) async fn numbers<E: Engine>(
    engine: &mut E,
    words: &[Bits<E>],
    bits: usize,
) -> Result<E::Shared<u128>, Fault> {
    let (converted, rows) = converted(engine, words, bits).await?;
    Ok(part(&converted, rows, 0..bits, bits))
}

/// Returns the same numbers in two halves, low and high: each number is low + high·2^`cut`. The low
/// half is from 0 to 2^`cut` − 1; the high half has the sign.
pub(crate) async fn halves<E: Engine>(
    engine: &mut E,
    words: &[Bits<E>],
    bits: usize,
    cut: usize,
) -> Result<[E::Shared<u128>; 2], Fault> {
    let (converted, rows) = converted(engine, words, bits).await?;
    Ok([0..cut, cut..bits].map(|range| part(&converted, rows, range, bits)))
}

/// Converts all bits of a joined column, bit slice after bit slice. Returns the number of rows, too.
async fn converted<E: Engine>(
    engine: &mut E,
    words: &[Bits<E>],
    bits: usize,
) -> Result<(E::Shared<u128>, usize), Fault> {
    let column = words.first().ok_or(Fault::Internal("a joined column has its words"))?;
    let rows = column.len();
    let slices_of = |(index, word): (usize, &Bits<E>)| {
        engine.bit_slices(word, 0..bits.saturating_sub(index * WORD_BITS).min(WORD_BITS))
    };
    let bit_slices: Vec<Bits<E>> = words.iter().enumerate().flat_map(slices_of).collect();
    if bit_slices.len() != bits {
        return Err(Fault::Internal("a joined column has a word for each of its bits"));
    }
    let bit_slices: Vec<&Bits<E>> = bit_slices.iter().collect();
    Ok((engine.bit_to_arithmetic(&bit_slices, rows).await?, rows))
}

/// Returns the part of each number that a range of its bits makes, the first of which counts 1. The
/// last of all bits counts below zero.
fn part<S: Shared<u128>>(converted: &S, rows: usize, range: Range<usize>, bits: usize) -> S {
    // In one pass: a copy of all converted bits may be as large as memory allows.
    converted.mapped(rows, |converted| {
        let mut numbers = vec![0_u128; rows];
        let slices = converted.chunks_exact(rows.max(1)).enumerate();
        for (bit, of_rows) in slices.skip(range.start).take(range.len()) {
            for (number, is_set) in zip_exact(&mut numbers, of_rows) {
                let value = is_set.times(1 << (bit - range.start));
                *number = if bit + 1 == bits { number.minus(value) } else { number.plus(value) };
            }
        }
        numbers
    })
}
