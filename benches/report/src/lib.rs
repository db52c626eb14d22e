//! The document of a measurement of protocol rounds, its presentation and comparison.
//!
//! [`measurement`] is the document that `cloister bench rounds` writes. It is shown as a [`table`]
//! on a terminal, as [`csv`], as [`spans`] for a viewer of traces, and as a page of [`html`]. Other
//! pages are made of the same [`markup`]. [`compare`] compares two measurements.
//!
//! Nothing here knows a node, a socket, a file or a clock. The caller fills the document in and
//! writes the output. A number that is absent, infinite or NaN is shown as absent.

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
mod stage;
mod svg;
#[cfg(test)]
mod testing;
mod units;

pub use reading::ReadError;
