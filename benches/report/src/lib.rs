//! What a measurement of protocol rounds says, and how it is shown and compared.
//!
//! [`measurement`] has the document that `cloister bench rounds` writes. It knows no node, no socket
//! and no clock: whoever measures fills it in.

pub mod measurement;
