//! Aggregates that a database computes over selected rows.

use std::fmt;

use crate::column::Kind;
use crate::dataset::Dataset;
use crate::error::SelectionError;

/// The most groups of an answer.
pub const MAX_GROUPS: usize = 100_000;

/// An aggregate of the selected rows.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Aggregate {
    /// The number of rows.
    Count,
    /// The sum of a column of integers.
    Sum {
        /// The column's name.
        column: String,
    },
    /// The number of rows of each combination of values.
    Groups {
        /// The names of columns of integers, texts or truth values; at least one.
        columns: Vec<String>,
    },
}

/// The answer of a database.
#[derive(Clone, Eq, PartialEq)]
pub enum Aggregated {
    /// The number of selected rows.
    Count(u64),
    /// The sum over the selected rows.
    Sum {
        /// The number of selected rows.
        rows: u64,
        /// The number of those without a value.
        missing: u64,
        /// The sum of the others.
        sum: i128,
    },
    /// The combinations of values, in order, each with its number of rows. Integers are in decimal,
    /// truth values `true` and `false`, missing values `None`.
    Groups(Vec<(Vec<Option<String>>, u64)>),
}

/// Shows no value.
impl fmt::Debug for Aggregated {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(_) => write!(formatter, "a count"),
            Self::Sum { .. } => write!(formatter, "a sum"),
            Self::Groups(groups) => write!(formatter, "{} groups", groups.len()),
        }
    }
}

impl Aggregate {
    /// Returns the names of the columns that the aggregate is of.
    pub(crate) fn columns(&self) -> Vec<&str> {
        match self {
            Self::Count => Vec::new(),
            Self::Sum { column } => vec![column],
            Self::Groups { columns } => columns.iter().map(String::as_str).collect(),
        }
    }

    /// Checks that the dataset has columns that can be aggregated so.
    pub(crate) fn check(&self, dataset: &Dataset) -> Result<(), SelectionError> {
        for name in self.columns() {
            let kind = dataset.require_column(name)?.kind;
            match self {
                Self::Sum { .. } if kind != Kind::Integer => {
                    return Err(SelectionError::NotInteger(name.to_owned()));
                }
                Self::Groups { .. } if kind == Kind::Number => {
                    return Err(SelectionError::NotGroups(name.to_owned()));
                }
                _ => {}
            }
        }
        match self {
            Self::Groups { columns } if columns.is_empty() => Err(SelectionError::NoGroups),
            _ => Ok(()),
        }
    }
}
