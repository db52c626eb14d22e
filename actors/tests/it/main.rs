//! Nodes in one process, over real TLS, and programs that do not compile.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod ahead;
mod bus;
mod doors;
mod errors;
mod helpers;
mod hostile;
mod labels;
mod lines;
mod nodes;
mod non_interference;
mod proposal;
mod reloading;
