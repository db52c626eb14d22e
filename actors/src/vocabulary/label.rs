//! Labels: the class of a value decides whether it may leave the node.
//!
//! - [`Private`] is pushed, pulled, or computed from either. It has no way out: it implements
//!   neither `Serialize` nor `Responder`, and its `Debug` shows nothing. A [`Stored`] stands for a
//!   private value that the node keeps elsewhere than in memory. It has no way out either.
//! - [`Opened`] is the answer of a joint computation. Only the opening step of a protocol makes
//!   one, after the disclosure rules of all parties allowed it.
//! - [`Public`] was never secret: descriptions, invitations, broadcast messages, progress.
//!
//! The controller sends clients nothing but a [`Download`], and there is no way to make a
//! [`Download`] from a [`Private`]:
//!
//! ```compile_fail
//! use cloister_actors::data::Data;
//! use cloister_actors::label::{Download, Private};
//! let private = Private::new(Data::Null);
//! let download = Download::from(private);
//! ```

use std::io;
use std::sync::Arc;

use cloister_api::{Disclosure, ReportCost, Trace};
use cloister_protocols::computation::{Answer, Dropped, Precision, Security};
pub use cloister_protocols::disclosure::Opened;
use serde::Serialize;

use crate::vocabulary::data::Data;
use crate::vocabulary::documents;
pub use crate::vocabulary::private::Private;
use crate::vocabulary::selection::Stored;

/// A value that was never secret.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Public<T>(T);

/// A value with its label, as handles, services and arguments hold it.
#[derive(Clone, Debug)]
pub enum Labelled {
    /// A value that was never secret.
    Public(Public<Arc<Data>>),
    /// A value that stays. The node keeps the handle's value.
    Private(Stored),
    /// The result of a joint computation.
    Opened(Arc<Report>),
}

/// The result of a joint computation, with the facts that a user or an auditor must know of it.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The number of parties.
    pub inputs: usize,
    /// The answer.
    pub result: Opened<Answer>,
    /// The assumptions of the protocols, and the values that they reveal beside the answer.
    pub security: Security,
    /// The disclosure rules that held.
    pub disclosure: Disclosure,
    /// The number of rows of all parties together that were left out because a value was missing,
    /// where the client allowed it. It is null where there are too few to be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dropped: Option<Dropped>,
    /// The scale of the computation, if the function has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub precision: Option<Precision>,
    /// The cost at this party.
    pub cost: ReportCost,
    /// The hash of everything that the parties agreed on.
    pub session: String,
    /// True if nothing was computed: the answer was opened before and kept, and all of this is of then.
    #[serde(skip_serializing_if = "is_false")]
    pub kept: bool,
    /// The times of the steps at this node, where the client asked for them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<Trace>,
}

/// A value that the controller may send to a client.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct Download(Content);

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Content {
    Public(Public<Arc<Data>>),
    Opened(Arc<Report>),
}

impl Report {
    /// Returns about how many bytes of memory the report holds.
    #[must_use]
    pub fn footprint(&self) -> usize {
        /// The bytes of everything but tables and vectors.
        const FIXED: usize = 2_048;
        /// The bytes of a cell of a table, with its part of the names.
        const CELL: usize = 100;
        /// The bytes of memory for a byte of text. A number of 8 bytes is written with at least two
        /// characters, of which one is a comma.
        const NUMBER: usize = 4;
        FIXED
            + self.trace.as_ref().map_or(0, documents::footprint)
            + match self.result.get() {
                Answer::VectorSum { sum } => 8 * sum.len(),
                Answer::IntegerVectorSum { sum } => 8 * sum.len(),
                Answer::Sorted { sorted, .. } => 8 * sorted.len(),
                Answer::Product { product, .. } => {
                    product.iter().map(|row| 32 + 8 * row.len()).sum()
                }
                Answer::Frequency(histogram) => CELL * histogram.histogram.len(),
                Answer::Contingency(table) => {
                    table.table.values().map(|row| CELL * row.len()).sum()
                }
                other => NUMBER * written_bytes(other),
            }
    }
}

impl<T> Public<T> {
    /// Declares that `value` was never secret. Auditors examine every call of this.
    pub fn never_secret(value: T) -> Self {
        Self(value)
    }

    /// Returns the value.
    pub fn get(&self) -> &T {
        &self.0
    }
}

impl From<Public<Arc<Data>>> for Download {
    fn from(value: Public<Arc<Data>>) -> Self {
        Self(Content::Public(value))
    }
}

impl From<Arc<Report>> for Download {
    fn from(report: Arc<Report>) -> Self {
        Self(Content::Opened(report))
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(it: &bool) -> bool {
    !*it
}

/// Returns the length of a value as JSON text.
fn written_bytes(value: &impl Serialize) -> usize {
    let mut bytes = Counter(0);
    // Answers can always be written, and the counter takes everything.
    let _ = serde_json::to_writer(&mut bytes, value);
    bytes.0
}

/// Counts the bytes that are written.
struct Counter(usize);

impl io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::vocabulary::selection::Upload;

    #[test]
    fn a_private_value_shows_nothing() {
        let secret = Private::new(Data::Text("diagnosis".into()));
        let stored = Stored::Upload(Upload { id: Uuid::nil(), bytes: 17 });
        assert_eq!(
            format!("{secret:?} {:?}", Labelled::Private(stored)),
            "Private(..) Private(Stored(..))"
        );
    }

    #[test]
    fn public_values_are_downloaded_as_they_are() {
        let public = Public::never_secret(Arc::new(Data::Text("round 2".into())));
        assert_eq!(serde_json::to_string(&Download::from(public)).unwrap(), "\"round 2\"");
    }
}
