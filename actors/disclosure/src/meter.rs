//! The meter of one value: how much of its content the answers have told.
//!
//! It counts twice. Over the source: the bits of all answers against the content of all rows. And
//! for each row: an answer's bits are shared out among its rows, and what falls on one row stays
//! below a share of its entropy. The second is for questions that keep to few rows of a large
//! source. A row's first answer passes it: `min_own_rows` is the rule for that one.

use crate::classes::Cut;
use crate::question::{Policy, Told};
use crate::real::real;
use crate::span::{Part, Span};

/// The part of a value that was told.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Meter {
    /// The bits of all answers.
    told: f64,
    /// The bits that the source's rows hold, as of the latest question.
    content: f64,
    /// The bits that fall on a row of each column of the value's span.
    shares: Vec<f64>,
    /// The answers that told something.
    questions: u64,
}

/// The cost of an answer for one value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Cost {
    /// The bits that it tells if it is independent of earlier ones.
    pub(crate) bits: f64,
    /// The bits that all rows of the source hold.
    pub(crate) content: f64,
    /// The bits that a row holds.
    pub(crate) entropy: f64,
}

impl Meter {
    pub(crate) fn told_percent(&self) -> f64 {
        percent(self.told, self.content)
    }

    pub(crate) fn questions(&self) -> u64 {
        self.questions
    }

    /// Returns the number of shares, as words held.
    pub(crate) fn cells(&self) -> usize {
        self.shares.len()
    }

    pub(crate) fn after(&self, cost: &Cost) -> Told {
        let before = percent(self.told, cost.content);
        Told { before, after: percent(self.told + cost.bits, cost.content) }
    }

    /// Returns `true` if an answer about these parts of the columns stays within the policy.
    pub(crate) fn allows(&self, cost: &Cost, parts: &[Part], rows: u64, policy: &Policy) -> bool {
        let share = cost.bits / real(rows.max(1));
        let earlier = parts.iter().filter(|part| part.inside).filter_map(|part| self.share(part));
        let most = earlier.fold(0.0, f64::max);
        let is_first = most <= 0.0;
        let is_within_a_row = is_first || percent(most + share, cost.entropy) <= policy.told_a_row;
        is_within_a_row && self.after(cost).after <= policy.told
    }

    /// Counts an answer that is independent of earlier ones.
    pub(crate) fn record(&mut self, cost: &Cost, parts: &[Part], cut: &Cut) {
        let share = cost.bits / real(cut.rows.max(1));
        let sum = |part: &Part| {
            self.share(part).unwrap_or_default() + if part.inside { share } else { 0.0 }
        };
        self.shares = parts.iter().map(sum).collect();
        self.told += cost.bits;
        self.questions += 1;
        self.content = cost.content;
    }

    /// Puts the shares into the order of columns of another span of the same selections.
    pub(crate) fn reorder(&mut self, from: &Span, to: &Span) {
        let mut shares = vec![0.0; to.columns()];
        for (old, new) in from.columns_of_classes().zip(to.columns_of_classes()) {
            let share = old.and_then(|column| self.shares.get(column));
            if let (Some(share), Some(place)) = (share, new.and_then(|c| shares.get_mut(c))) {
                *place = *share;
            }
        }
        self.shares = shares;
    }

    fn share(&self, part: &Part) -> Option<f64> {
        part.origin.and_then(|column| self.shares.get(column).copied())
    }
}

/// A content of 0 bits is known from the start, so nothing is told of it.
fn percent(told: f64, content: f64) -> f64 {
    if content > 0.0 { 100.0 * told / content } else { 0.0 }
}
