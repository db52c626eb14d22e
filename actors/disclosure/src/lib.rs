//! The memory of a source's answered questions as a span, and the meter of what they told.
//!
//! An answer that is opened is an equation about rows. A [`Memory`] holds all equations of one
//! source, and decides on the next [`Question`]. It takes all else as known to the client: the other
//! parties' rows, and each value that answers do not hide.
//!
//! A question is free if it follows from answered ones. Otherwise it is refused for any of:
//!
//! - too few own rows, but some, are selected;
//! - with the answered ones it isolates few rows (`isolation` says which are found, and which not);
//! - too much of a value would be told, over the source or of one row (`meter`);
//! - ranks are off the owner's grid, or too many for their rows (`ranks`);
//! - the memory is full. It forgets nothing.
//!
//! Not decided here:
//!
//! - what all parties' rows together isolate ([`Memory::overlap`] has this source's part);
//! - which values mean the same;
//! - what the condition of a selection tells by itself;
//! - what is shown of joins and tables.
//!
//! A refusal depends on data. So the caller answers all refusals alike, at the same time.
//!
//! Nothing here does I/O, reads a clock, draws random numbers, or knows a database or an actor. A
//! caller keeps [`Memory::to_bytes`] sealed, and reserves a question durably before its answer.

mod answered;
mod bytes;
mod classes;
mod combinations;
mod echelon;
mod isolation;
mod limits;
mod memory;
mod meter;
mod modulus;
mod profile;
mod question;
mod ranks;
mod real;
mod recall;
mod selection;
mod span;

pub use bytes::BadBytes;
pub use limits::{
    MAX_CELLS, MAX_CLASSES, MAX_ENTRIES, MAX_QUESTIONS, MAX_RECALLED, MAX_ROWS, MAX_VALUE_BYTES,
};
pub use memory::{Full, Memory, NotPending, Reservation, Shown};
pub use profile::Profile;
pub use question::{BadValue, Compared, Policy, Question, Ranks, Reason, Told, Value, Verdict};
pub use recall::{Name, Overlap, Recall};
pub use selection::{Selection, TooManyRows};
