//! The answers that the members of computations name to each other, each with its selection. By
//! them all parties together find what answers isolate over all rows.

use std::collections::BTreeSet;

use crate::question::Value;
use crate::selection::Selection;

/// The name of an answer, which the members of its computation have in common.
pub type Name = [u8; 16];

/// An answer of sums over selected rows, or a question for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recall {
    /// The rows.
    pub selection: Selection,
    /// The values that are summed.
    pub values: BTreeSet<Value>,
}

/// A remembered answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Recalled {
    pub(crate) name: Name,
    pub(crate) selection: usize,
    pub(crate) values: BTreeSet<Value>,
}

/// The rows of a question, as the remembered answers about its values tell them apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overlap {
    /// All rows of the question.
    pub selected: u64,
    /// The rows of each class: all of them, and those of the question.
    pub classes: Vec<(u64, u64)>,
    /// The selections of the answers, with a bit for each class, 64 in a word: whether the class is in
    /// it.
    pub selections: Vec<Vec<u64>>,
    /// The answers about its values, the newest first, each with the number of its selection.
    pub answers: Vec<(Name, usize)>,
    /// The answers about other values, each with the number of its rows.
    pub others: Vec<(Name, u64)>,
}

/// Chooses the place of the answer that is forgotten first: the oldest that a later one repeats, or
/// the oldest.
pub(crate) fn first_to_forget(answers: &[Recalled]) -> usize {
    let is_repeated = |(place, answer): (usize, &Recalled)| {
        let mut later = answers.iter().skip(place + 1);
        later.any(|other| other.selection == answer.selection && other.values == answer.values)
    };
    answers.iter().enumerate().position(is_repeated).unwrap_or(0)
}
