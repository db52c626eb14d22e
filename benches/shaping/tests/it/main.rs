//! Relays between real sockets.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod delivery;
mod limits;
mod support;
mod timing;
