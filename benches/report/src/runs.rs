//! Rounds of the same name and stage one after another, taken together.
//!
//! A sort has hundreds of rounds of a few names; what reads well is a name and how often.

use crate::measurement::Round;

/// Rounds of one name, one after another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run<'trace> {
    pub(crate) name: &'trace str,
    pub(crate) rounds: &'trace [Round],
}

/// The trace as runs, in order; no run is empty.
pub(crate) fn runs(trace: &[Round]) -> impl Iterator<Item = Run<'_>> {
    trace
        .chunk_by(|one, next| (&one.name, one.stage) == (&next.name, next.stage))
        .filter_map(|rounds| Some(Run { name: &rounds.first()?.name, rounds }))
}

impl Run<'_> {
    /// What it is called where there is space: `compare × 12`.
    pub(crate) fn title(&self) -> String {
        titled(self.name, self.rounds.len())
    }
}

/// A name, and how often where it is more than once.
pub(crate) fn titled(name: &str, count: usize) -> String {
    if count == 1 { name.to_owned() } else { format!("{name} × {count}") }
}

impl Round {
    /// How long it waited in all.
    #[must_use]
    pub fn waiting(&self) -> f64 {
        self.waits.iter().map(|(begin, end)| end - begin).sum()
    }
}
