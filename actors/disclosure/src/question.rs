//! A question, the rules, and the decision.

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::limits::MAX_VALUE_BYTES;
use crate::profile::Profile;
use crate::selection::Selection;

/// The name of what is summed or ranked, in canonical form: `time`, `time^2`, `time*age`, `1` for
/// counts, `sex=*` for the indicators of a table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Value(Arc<str>);

/// The refusal of a name that is empty or longer than [`MAX_VALUE_BYTES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the name of a value must have 1 to 1000 bytes")]
pub struct BadValue;

impl Value {
    /// Creates the name of a value. Equal values must have equal names: the caller sees to it.
    ///
    /// # Errors
    ///
    /// [`BadValue`] for a name that is empty or too long.
    pub fn new(name: &str) -> Result<Self, BadValue> {
        let fits = !name.is_empty() && name.len() <= MAX_VALUE_BYTES;
        fits.then(|| Self(Arc::from(name))).ok_or(BadValue)
    }

    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Value {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// Ranks that are shown of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ranks {
    /// The probabilities, in thousandths: 500 is the median.
    pub permille: BTreeSet<u16>,
    /// The rows that the ranks are of: all parties' together, or the own ones where that is not
    /// known. Fewer than the own rows count as the own ones.
    pub of_rows: u64,
}

/// A question about one source: the values that are opened, and of which rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// The source's own rows that the answer depends on.
    pub selection: Selection,
    /// All rows of the source, for the content of its values. Fewer than those of the selection
    /// count as those.
    pub source_rows: u64,
    /// The values of which a linear equation is opened, each with its profile over the source.
    pub sums: BTreeMap<Value, Profile>,
    /// The values of which ranks are shown.
    pub ranks: BTreeMap<Value, Ranks>,
}

/// The owner's rules for one source.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// The fewest own rows that answers may isolate; 0 and 1 allow everything. Default 3.
    pub min_own_rows: u64,
    /// The fewest own rows that several answers together may isolate in a combination that the
    /// members do not compare over the rows of all; 0 for no such rule. Default 0.
    pub min_together: u64,
    /// The earlier answers that the members compare with. Default none.
    pub compared: Compared,
    /// A rank is shown for each so many rows, at most. Default 10.
    pub min_rows: u64,
    /// The most that is told of a value, in percent of its content. Default 25.
    pub told: f64,
    /// The most that is told of a value of a single row by more than one answer, in percent of a
    /// row's entropy, where each answer is shared out among its rows. Default 50.
    pub told_a_row: f64,
    /// The ranks that may be shown, in thousandths. Default 50, 100, 250, 500, 750, 900, 950.
    pub grid: BTreeSet<u16>,
}

/// The newest earlier answers of which the members compare combinations with a new one over the rows of
/// all: of one, of two, of three.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Compared {
    /// So many answers by themselves.
    pub single: usize,
    /// Each two of so many.
    pub pairs: usize,
    /// Each three of so many.
    pub threes: usize,
}

impl Default for Policy {
    fn default() -> Self {
        let grid = BTreeSet::from([50, 100, 250, 500, 750, 900, 950]);
        Self {
            min_own_rows: 3,
            min_together: 0,
            compared: Compared::default(),
            min_rows: 10,
            told: 25.0,
            told_a_row: 50.0,
            grid,
        }
    }
}

/// The part of a value that was told, in percent of its content.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Told {
    /// Before the question.
    pub before: f64,
    /// With its answer.
    pub after: f64,
}

/// The decision on a question.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// The answer follows from earlier ones, or from no row at all.
    Free,
    /// The answer may be given once the question is recorded. For the owner only: the meters.
    Allowed(BTreeMap<Value, Told>),
    /// The answer may not be given.
    Refused(Reason),
}

/// The rule that refuses a question. It says nothing of the data beyond that. The owner and the log
/// see it; a client who sees which rule it was learns from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// The answer and earlier ones together isolate fewer than `min_own_rows` rows.
    #[error(
        "rule `min_own_rows`: with earlier answers this one would tell a value of a few rows alone; \
         ask about the rows of an earlier question again, or about rows that differ by more from \
         those of earlier questions, their sums and differences. Where rows have come since, keep \
         to the earlier ones by a condition, or ask again when more have come"
    )]
    IsolatesFewRows,
    /// The selection has own rows, but fewer than `min_own_rows`.
    #[error(
        "rule `min_own_rows`: too few rows of this source are selected; widen the condition, or \
         leave this source out"
    )]
    TooFewOwnRows,
    /// More than the share `told` of a value, or `told_a_row` of one row's, would be told.
    #[error(
        "rule `told`: too much of a value would be told by all answers together; ask an earlier \
         question again, ask for fewer values or about more rows, or have the study approved"
    )]
    ToldTooMuch,
    /// Ranks off the owner's grid, or more than one for each `min_rows` rows.
    #[error(
        "rule `ranks`: these ranks are not in the owner's grid, or more ranks of these rows would \
         be shown than the rows allow; ask for ranks of the grid, for fewer of them, or about more \
         rows"
    )]
    Ranks,
    /// The memory is full. It forgets nothing to make room.
    #[error(
        "rule `memory`: the memory of this source's answers is full; ask an earlier question again, \
         or ask the owner to begin a new memory with new data"
    )]
    Full,
}

impl Reason {
    /// Returns a code that stays the same between versions.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::IsolatesFewRows => "isolates_few_rows",
            Self::TooFewOwnRows => "too_few_own_rows",
            Self::ToldTooMuch => "told_too_much",
            Self::Ranks => "ranks",
            Self::Full => "memory_full",
        }
    }
}
