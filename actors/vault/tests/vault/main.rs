//! The vault through its public interface, and its file as an attacker would change it.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod answers;
mod approvals;
mod audit;
mod backup;
mod datasets;
mod disk;
mod kill;
mod memory;
mod opening;
mod seeded;
mod tokens;
mod uploads;
mod witnesses;
