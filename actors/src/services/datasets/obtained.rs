//! Data as a computation gets them: in the form in which they come cheapest.

use cloister_sources::Values;

use crate::vocabulary::data::Data;
use crate::vocabulary::label::Private;

/// Data for a computation.
pub struct Obtained {
    /// The data.
    pub content: Contents,
    /// How many rows were left out because a value was missing.
    pub dropped: u64,
}

/// Data in the form in which they come cheapest.
#[derive(Clone)]
pub enum Contents {
    /// As a client wrote them.
    Json(Private<Data>),
    /// Columns of one length, without missing values.
    Columns(Private<Vec<Values>>),
    /// How often each combination of categories occurs.
    Groups(Private<Vec<Group>>),
    /// Whole numbers that were added near their source.
    Added(Private<Added>),
}

/// Categories, and how often they occur together.
pub type Group = (Vec<String>, u64);

/// A sum of whole numbers.
#[derive(Clone, Copy)]
pub struct Added {
    /// How many they are.
    pub rows: u64,
    /// Their sum.
    pub sum: i128,
    /// The sum of their magnitudes.
    pub magnitude: u128,
}

impl Contents {
    /// Roughly how many bytes of memory they take.
    #[must_use]
    pub fn footprint(&self) -> usize {
        match self {
            Self::Json(data) => data.for_computing().footprint(),
            Self::Columns(columns) => columns.for_computing().iter().map(footprint).sum(),
            Self::Groups(groups) => groups.for_computing().len() * size_of::<Group>(),
            Self::Added(_) => size_of::<Added>(),
        }
    }
}

fn footprint(column: &Values) -> usize {
    match column {
        Values::Integers(values) => values.len() * size_of::<Option<i64>>(),
        Values::Numbers(values) => values.len() * size_of::<Option<f64>>(),
        Values::Truths(values) => values.len() * size_of::<Option<bool>>(),
        Values::Texts(values) => values.len() * size_of::<Option<String>>(),
    }
}
