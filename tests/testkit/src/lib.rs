//! The parts that tests of all crates share: consortia of real nodes, as processes and within one;
//! databases; Python; and waits that do not depend on the speed of a machine.

#![allow(missing_docs, reason = "names say it, and nothing but tests reads it")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod cluster;
pub mod databases;
pub mod http;
#[cfg(feature = "nodes")]
pub mod nodes;
// The command's own way to free ports: below those that the system gives to outgoing connections.
#[path = "../../../src/ports.rs"]
pub mod ports;
mod process;
mod python;
pub mod stub;
mod waiting;

/// The crates that nodes are made of, as this build has them: for programs that a test compiles.
#[cfg(feature = "nodes")]
pub mod crates {
    pub use {actix_web, cloister_actors, cloister_protocols, serde_json};
}

pub use cluster::{Cluster, Kind, fresh};
pub use process::{at_a_terminal, binary, cloister, run, send_signal, target};
pub use python::{python, python_with, run_python};
pub use waiting::{Lines, PATIENCE, wait_for, wait_for_exit, wait_until};
