//! Sources as they are: real files, real databases.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod damaged;
mod databases;
mod files;
mod hostile;
mod remedies;
mod written;
