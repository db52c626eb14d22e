//! What a measurement of protocol rounds says, and how it is shown and compared.
//!
//! [`measurement`] has the document that `cloister bench rounds` writes; the other modules show it: as
//! a [`table`] on a terminal, as [`csv`], as [`spans`] for a viewer of traces, and as a page of
//! [`html`], of whose [`markup`] others make theirs. [`compare`] sets two of them side by side.
//!
//! It knows no node, no socket, no file and no clock: whoever measures fills the document in, and
//! whoever asks writes what comes out. A number that is absent, or no number, is shown as absent.

pub mod compare;
pub mod csv;
pub mod html;
pub mod markup;
pub mod measurement;
pub mod spans;
pub mod table;

mod cases;
mod numbers;
mod reading;
mod runs;
mod stages;
mod svg;
#[cfg(test)]
mod testing;
mod units;

pub use reading::ReadError;
