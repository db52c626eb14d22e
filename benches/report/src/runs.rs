//! Runs of consecutive rounds of the same name and stage.
//!
//! A sort has hundreds of rounds of a few names. A name and its number of rounds are readable.

use crate::measurement::Round;

/// Consecutive rounds of one name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run<'trace> {
    pub(crate) name: &'trace str,
    pub(crate) rounds: &'trace [Round],
}

/// Splits a trace into runs, in order and none empty.
pub(crate) fn runs(trace: &[Round]) -> impl Iterator<Item = Run<'_>> {
    trace
        .chunk_by(|one, next| (&one.name, one.stage) == (&next.name, next.stage))
        .filter_map(|rounds| Some(Run { name: &rounds.first()?.name, rounds }))
}

impl Run<'_> {
    /// Returns the long name: `compare × 12`.
    pub(crate) fn title(&self) -> String {
        titled(self.name, self.rounds.len())
    }
}

/// Writes a name, and the number of rounds if there are several.
pub(crate) fn titled(name: &str, count: usize) -> String {
    if count == 1 { name.to_owned() } else { format!("{name} × {count}") }
}
