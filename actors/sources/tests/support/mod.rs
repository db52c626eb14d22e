//! Real databases and a Python for tests, private to a test and gone with it.
//!
//! Needs nothing of this crate: other tests of the workspace take it in by its path.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "every test is a program of its own, takes what it needs, and fails by panicking"
)]

pub mod mariadb;
pub mod postgres;
pub mod python;
pub mod server;

use std::process::{Command, Output};

/// Runs to a good end, or shows what went wrong.
#[track_caller]
pub fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let [out, err] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    assert!(output.status.success(), "{command:?}: {}\n{out}\n{err}", output.status);
    output
}
