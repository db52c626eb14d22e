//! Sources as they are: real files, real databases.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod damaged;
mod databases;
mod durations;
mod files;
mod hostile;
mod partitions;
mod remedies;
mod written;
