//! Columns of joined rows: as words that are shuffled, and as the values to compute with.

use std::collections::BTreeSet;

use num_bigint::BigInt;
use zeroize::Zeroizing;

use super::categories::MOST;
use crate::algebra::fixed::{Magnitude, Scale};
use crate::algebra::normalised::Normalised;
use crate::algebra::packed_bits::PackedBits;
use crate::algebra::ring::Ring;
use crate::algebra::rounding::fraction_to_double;
use crate::circuits::Bits;
use crate::engine::Engine;
use crate::engine::shared::Shared;
use crate::functions::common::categories::{check_message, check_name};
use crate::functions::input::number_text;
use crate::kernel::fault::{Fault, InputError};

/// The bits of a number in its column's scale, without the sign.
pub(crate) const PRECISION: usize = 53;

/// The same, as an exponent.
pub(crate) const FRACTION: i64 = 53;

/// A bound above the exponent of any double.
const MOST_EXPONENT: i64 = 1_100;

/// The width of its word in two's complement: the largest magnitude is 2^53.
const WIDTH: usize = PRECISION + 2;

/// One column of this party.
pub(crate) enum Cells {
    Numbers(Scaled),
    Texts(Zeroizing<Vec<String>>),
    /// The place of each row's category among the names, which are in ascending order.
    Categories {
        names: Vec<String>,
        places: Zeroizing<Vec<usize>>,
    },
}

/// Numbers as whole multiples of 2^(`exponent` − 53).
pub(crate) struct Scaled {
    pub(crate) words: Zeroizing<Vec<PackedBits>>,
    pub(crate) exponent: i32,
    /// The numbers as they came.
    numbers: Zeroizing<Vec<f64>>,
}

impl Cells {
    pub(crate) fn numbers(numbers: &[f64]) -> Result<Self, InputError> {
        if let Some(index) = numbers.iter().position(|number| !number.is_finite()) {
            return Err(InputError::NotFinite { index });
        }
        Ok(Self::Numbers(Scaled::of(numbers)))
    }

    /// Turns a column into categories. Numbers that stand for categories become their texts.
    pub(crate) fn into_categories(self) -> Result<Self, InputError> {
        let texts = match self {
            Self::Categories { .. } => return Ok(self),
            Self::Texts(texts) => texts,
            Self::Numbers(Scaled { numbers, .. }) => {
                Zeroizing::new(numbers.iter().copied().map(number_text).collect())
            }
        };
        texts.iter().try_for_each(|text| check_name(text))?;
        let names: Vec<String> =
            texts.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect();
        if names.len() > MOST {
            let (what, actual, limit) = ("categories of a party", names.len(), MOST);
            return Err(InputError::TooMuch { what, actual, limit });
        }
        check_message(&vec![names.clone()])?;
        let place = |text: &String| names.binary_search(text).expect("a text is among the names");
        let places = Zeroizing::new(texts.iter().map(place).collect());
        Ok(Self::Categories { names, places })
    }

    pub(crate) fn into_scaled(self) -> Option<Scaled> {
        match self {
            Self::Numbers(scaled) => Some(scaled),
            Self::Texts(_) | Self::Categories { .. } => None,
        }
    }
}

impl Scaled {
    fn of(numbers: &[f64]) -> Self {
        let numbers = Zeroizing::new(numbers.to_vec());
        let Normalised { exponent, elements } = Normalised::new(numbers.clone());
        let bits = i32::try_from(PRECISION).unwrap_or(i32::MAX);
        let scale = Scale::with_bits(Some(Magnitude::BELOW_ONE), bits);
        // Every normalised element is of that magnitude.
        let whole = scale.encode(&elements).expect("a normalised element fits its scale");
        let words = whole.iter().map(|whole| PackedBits(whole.word(0))).collect();
        Self { words: Zeroizing::new(words), exponent, numbers }
    }
}

/// Returns the numbers that words of a joined column stand for.
pub(crate) async fn numbers<E: Engine>(
    engine: &mut E,
    words: &E::Shared<PackedBits>,
) -> Result<E::Shared<u128>, Fault> {
    let rows = words.len();
    let bit_slices = engine.bit_slices(words, 0..WIDTH);
    let bit_slices: Vec<&Bits<E>> = bit_slices.iter().collect();
    let bits: E::Shared<u128> = engine.bit_to_arithmetic(&bit_slices, rows).await?;
    let zero = engine.public(vec![0; rows]);
    let bits = bits.split_into(WIDTH);
    Ok(bits.iter().enumerate().fold(zero, |sum, (bit, bits)| {
        let value = bits.scaled(1 << bit);
        if bit + 1 == WIDTH { sum.minus(&value) } else { sum.plus(&value) }
    }))
}

/// Returns the double nearest to numerator / denominator. The numerator is in the scale of a column
/// with this exponent.
pub(crate) fn value(numerator: &BigInt, denominator: &BigInt, exponent: i64) -> Option<f64> {
    fraction_to_double(numerator, denominator, exponent - FRACTION)
}

/// Reads an exponent as it was opened.
pub(crate) fn exponent(opened: Option<&u128>) -> Result<i64, Fault> {
    let exponent = opened.and_then(|opened| i64::try_from(opened.cast_signed()).ok());
    exponent.filter(|exponent| exponent.abs() <= MOST_EXPONENT).ok_or(Fault::InvalidOpening)
}
