//! Aggregates near the data.

use std::collections::BTreeSet;

use crate::error::{SelectionError, SourceError};
use crate::read::column_of;
use crate::{Access, Dataset, Filter, Kind, sql};

/// More groups are not told apart.
pub const MAX_GROUPS: usize = 100_000;

/// What is asked of the selected rows.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Aggregate {
    /// How many there are.
    Count,
    /// The sum of a column of integers.
    Sum {
        /// The column's name.
        column: String,
    },
    /// How many there are of each combination of values.
    Groups {
        /// Names of columns of integers, texts or truth values; at least one.
        columns: Vec<String>,
    },
}

/// What a database answered.
#[derive(Clone, Eq, PartialEq)]
pub enum Aggregated {
    /// How many rows are selected.
    Count(u64),
    /// The sum over the selected rows.
    Sum {
        /// How many rows are selected.
        rows: u64,
        /// How many of them have no value.
        missing: u64,
        /// The sum of the others.
        sum: i128,
    },
    /// For each combination of values, in order, how many rows have it: integers in decimal,
    /// truth values as `true` and `false`, missing ones as `None`.
    Groups(Vec<(Vec<Option<String>>, u64)>),
}

/// Shows no value.
impl std::fmt::Debug for Aggregated {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Count(_) => write!(formatter, "a count"),
            Self::Sum { .. } => write!(formatter, "a sum"),
            Self::Groups(groups) => write!(formatter, "{} groups", groups.len()),
        }
    }
}

/// Lets the database aggregate the selected rows. `None` where its answer would not be exactly
/// what the rows give: for files, for filters or columns of doubles, for values of other types
/// than their columns'. The caller reads the rows then.
///
/// # Errors
///
/// The caller's, for columns the dataset does not have or that cannot be aggregated so, and more
/// groups than [`MAX_GROUPS`]; and what is wrong with the source.
pub fn aggregate(
    dataset: &Dataset,
    what: &Aggregate,
    filter: Option<&Filter>,
    access: &Access,
) -> Result<Option<Aggregated>, SourceError> {
    check(dataset, what)?;
    filter.map_or(Ok(()), |filter| filter.check(&dataset.columns))?;
    let mut names: BTreeSet<&str> = filter.map(Filter::columns).unwrap_or_default();
    names.extend(what.columns());
    let columns: Vec<_> =
        names.into_iter().map(|name| column_of(dataset, name)).collect::<Result<_, _>>()?;
    sql::aggregate(&dataset.source, &columns, what, filter, access)
}

impl Aggregate {
    fn columns(&self) -> Vec<&str> {
        match self {
            Self::Count => Vec::new(),
            Self::Sum { column } => vec![column],
            Self::Groups { columns } => columns.iter().map(String::as_str).collect(),
        }
    }
}

fn check(dataset: &Dataset, what: &Aggregate) -> Result<(), SelectionError> {
    for name in what.columns() {
        let kind = column_of(dataset, name)?.kind;
        match what {
            Aggregate::Sum { .. } if kind != Kind::Integer => {
                return Err(SelectionError::NotInteger(name.to_owned()));
            }
            Aggregate::Groups { .. } if kind == Kind::Number => {
                return Err(SelectionError::NotGroups(name.to_owned()));
            }
            _ => {}
        }
    }
    match what {
        Aggregate::Groups { columns } if columns.is_empty() => Err(SelectionError::NoGroups),
        _ => Ok(()),
    }
}
