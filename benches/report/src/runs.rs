//! Rounds of the same name one after another, taken together.
//!
//! A sort has hundreds of rounds of a few names; what reads well is a name and how often.

use crate::measurement::Round;

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
