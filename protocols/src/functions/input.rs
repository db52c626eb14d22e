//! One party's data, as it comes from its client or its datasets.

use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::functions::descriptor::InputKind;
use crate::functions::parameters::{MISSING, Parameters, refuse};
use crate::kernel::fault::InputError;

/// One party's data, as it came from its client or its datasets. It wipes itself when it is dropped.
#[derive(Clone, PartialEq)]
pub enum Input {
    /// Numbers, not all whole.
    Numbers(Vec<f64>),
    /// Numbers that were all written as whole ones.
    Integers(Vec<i64>),
    /// Texts.
    Texts(Vec<String>),
    /// Pairs of texts.
    TextPairs(Vec<(String, String)>),
    /// Texts, counted near their source: each with the number of its rows.
    CountedTexts(Vec<(String, u64)>),
    /// Pairs of texts, each with the number of its rows.
    CountedPairs(Vec<((String, String), u64)>),
    /// Whole numbers, added near their source.
    Added {
        /// Their count.
        rows: u64,
        /// Their sum.
        sum: i128,
        /// The sum of their magnitudes.
        magnitude: u128,
    },
    /// Pairs of numbers.
    Points(Vec<(f64, f64)>),
    /// Numbers, and the rank of the one that is asked for.
    Ranked {
        /// The numbers.
        array: Vec<f64>,
        /// The rank, from 1 for the smallest to the count of all parties' numbers.
        rank: u64,
        /// The least and the largest number that `array` may have, if the client gave them.
        bounds: Option<(f64, f64)>,
    },
    /// Rows that begin with an id.
    Keyed {
        /// The ids.
        ids: Vec<String>,
        /// The columns behind the ids.
        columns: Vec<Column>,
    },
    /// A matrix.
    Matrix {
        /// The number of its rows.
        rows: usize,
        /// The number of its columns.
        columns: usize,
        /// Its elements, row by row.
        elements: Vec<f64>,
    },
}

/// A column of cells, all of one kind. It wipes itself when it is dropped.
#[derive(Clone, PartialEq)]
pub enum Column {
    /// Numbers.
    Numbers(Vec<f64>),
    /// Texts.
    Texts(Vec<String>),
}

impl Zeroize for Column {
    fn zeroize(&mut self) {
        match self {
            Self::Numbers(items) => items.zeroize(),
            Self::Texts(items) => items.zeroize(),
        }
    }
}

impl Drop for Column {
    fn drop(&mut self) {
        self.zeroize();
    }
}

impl ZeroizeOnDrop for Column {}

impl Input {
    /// Returns no data, as functions of this kind of input take them.
    pub(crate) fn nothing(kind: InputKind) -> Self {
        match kind {
            InputKind::Ranked => Self::Ranked { array: Vec::new(), rank: 1, bounds: None },
            _ => Self::Numbers(Vec::new()),
        }
    }

    /// Returns the number of items: of counted data the entries, of added data the numbers.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Numbers(items) => items.len(),
            Self::Integers(items) => items.len(),
            Self::Texts(items) => items.len(),
            Self::TextPairs(items) => items.len(),
            Self::CountedTexts(items) => items.len(),
            Self::CountedPairs(items) => items.len(),
            Self::Added { rows, .. } => usize::try_from(*rows).unwrap_or(usize::MAX),
            Self::Points(items) => items.len(),
            Self::Ranked { array, .. } => array.len(),
            Self::Keyed { ids, .. } => ids.len(),
            Self::Matrix { elements, .. } => elements.len(),
        }
    }

    /// Returns whether there are no items.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the number of rows of data.
    ///
    /// # Errors
    /// If there are more than a party may have.
    pub(crate) fn rows(&self) -> Result<u64, InputError> {
        let rows = match self {
            Self::CountedTexts(items) => counted(items),
            Self::CountedPairs(items) => counted(items),
            Self::Added { rows, .. } => Some(*rows),
            other => u64::try_from(other.len()).ok(),
        };
        let rows = rows.unwrap_or(u64::MAX);
        check_rows(rows).map(|()| rows)
    }
}

fn counted<T>(items: &[(T, u64)]) -> Option<u64> {
    items.iter().try_fold(0_u64, |rows, (_, times)| rows.checked_add(*times))
}

/// Checks that rows were left out only where the parameters allow it, and no more than a party may
/// have.
pub(crate) fn check_dropped(parameters: &Parameters, dropped: u64) -> Result<(), InputError> {
    match parameters.missing {
        None if dropped > 0 => {
            let reason = "rows were left out because something is missing in them, which only `drop` \
                          allows";
            Err(refuse(MISSING, reason.into()))
        }
        _ => check_rows(dropped),
    }
}

/// Checks that a party has at most 2^48 rows. Then the number of all parties' rows, and a hundred
/// times a party's, fit 63 bits.
fn check_rows(rows: u64) -> Result<(), InputError> {
    const MOST: u64 = 1 << 48;
    if rows > MOST {
        return Err(InputError::TooMuch {
            what: "rows",
            actual: usize::try_from(rows).unwrap_or(usize::MAX),
            limit: usize::try_from(MOST).unwrap_or(usize::MAX),
        });
    }
    Ok(())
}

impl Zeroize for Input {
    fn zeroize(&mut self) {
        match self {
            Self::Numbers(items) => items.zeroize(),
            Self::Integers(items) => items.zeroize(),
            Self::Texts(items) => items.zeroize(),
            Self::TextPairs(items) => items.zeroize(),
            Self::CountedTexts(items) => items.zeroize(),
            Self::CountedPairs(items) => {
                items.iter_mut().for_each(|((x, y), count)| {
                    x.zeroize();
                    y.zeroize();
                    count.zeroize();
                });
                items.clear();
            }
            Self::Added { rows, sum, magnitude } => {
                rows.zeroize();
                sum.zeroize();
                magnitude.zeroize();
            }
            Self::Points(items) => items.zeroize(),
            Self::Ranked { array, .. } => array.zeroize(),
            Self::Keyed { ids, columns } => {
                ids.zeroize();
                columns.zeroize();
            }
            Self::Matrix { elements, .. } => elements.zeroize(),
        }
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        self.zeroize();
    }
}

impl ZeroizeOnDrop for Input {}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Input(..)")
    }
}

/// Returns the text of a number that stands for a category or an id. Zero has one text, with either
/// sign: the two are equal, and the sign of a zero is chance.
#[must_use]
pub fn number_text(number: f64) -> String {
    (number + 0.0).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_zeros_have_one_text() {
        assert_eq!(
            [0.0, -0.0, -1.5, 1e21].map(number_text),
            ["0", "0", "-1.5", "1000000000000000000000"]
        );
    }
}
