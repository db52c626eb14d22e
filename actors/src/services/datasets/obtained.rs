//! Data for a computation, in the form in which they come cheapest.

use cloister_sources::{Kind, Values};

use super::kept::KeptQuestion;
use super::reserved::Unheard;
use super::rows::pick;
use crate::vocabulary::data::Data;
use crate::vocabulary::label::Private;

/// Data for a computation.
pub struct Obtained {
    /// The data.
    pub content: Contents,
    /// The kinds of its columns, in order, if it comes from a table; none for a column without values.
    pub kinds: Vec<Option<Kind>>,
    /// The number of rows that were left out because a value was missing.
    pub dropped: u64,
    /// The question about a dataset, which its answer or its failure settles.
    pub reserved: Option<Unheard>,
    /// The question, if its answer is to be kept.
    pub kept: Option<KeptQuestion>,
    /// True for a dataset of which the node's own rules leave out rows, or of which none are selected.
    pub left_out: bool,
}

/// Data in the form in which they come cheapest.
#[derive(Clone)]
pub enum Contents {
    /// A JSON value of a client.
    Json(Private<Data>),
    /// Columns of one length, without missing values.
    Columns(Private<Vec<Values>>),
    /// The number of rows with each combination of categories.
    Groups(Private<Vec<Group>>),
    /// A sum of whole numbers that was made near their source.
    Added(Private<Added>),
}

/// A combination of categories, and the number of its rows.
pub type Group = (Vec<String>, u64);

/// A sum of whole numbers.
#[derive(Clone, Copy)]
pub struct Added {
    /// The number of summands.
    pub rows: u64,
    /// The sum.
    pub sum: i128,
    /// The sum of the magnitudes.
    pub magnitude: u128,
}

impl Obtained {
    /// Returns data of which no row was left out, and which no dataset remembers.
    pub(super) fn of(content: Contents) -> Self {
        Self { content, kinds: Vec::new(), dropped: 0, reserved: None, kept: None, left_out: false }
    }

    /// Adds the kinds of a table's columns, also where no rows are selected: it is not told whether
    /// there are any.
    pub(super) fn of_table(self, kinds: Vec<Option<Kind>>) -> Self {
        Self { kinds, ..self }
    }

    /// Leaves out the rows with these hashes. `hashes` has that of each row.
    pub(super) fn without(self, few: &[u64], hashes: &[u64]) -> Self {
        let Contents::Columns(columns) = &self.content else { return Self::left_out() };
        let kept: Vec<usize> = (0..hashes.len())
            .filter(|row| hashes.get(*row).is_some_and(|hash| few.binary_search(hash).is_err()))
            .collect();
        let columns = columns.for_computing().iter().map(|column| pick(column, &kept)).collect();
        Self { content: Contents::Columns(Private::new(columns)), left_out: true, ..self }
    }

    /// Returns no data, in the place of those of a dataset that is left out.
    pub(super) fn left_out() -> Self {
        Self { left_out: true, ..Self::of(Contents::nothing()) }
    }
}

impl Contents {
    /// Returns no rows, as every function of rows takes them. Columns without rows have no types.
    pub(super) fn nothing() -> Self {
        Self::Json(Private::new(Data::List(Vec::new())))
    }

    /// Returns about how many bytes of memory the data take.
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

/// Returns about how many bytes of memory a column takes, without those of its texts.
pub(super) fn footprint(column: &Values) -> usize {
    match column {
        Values::Integers(values) => values.len() * size_of::<Option<i64>>(),
        Values::Numbers(values) => values.len() * size_of::<Option<f64>>(),
        Values::Truths(values) => values.len() * size_of::<Option<bool>>(),
        Values::Texts(values) => values.len() * size_of::<Option<String>>(),
    }
}
