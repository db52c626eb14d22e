//! The command and its nodes in use: real processes, real TLS, real clients. They are one program,
//! because each would link the whole node.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod access;
mod api_description;
mod architecture;
mod bad_input;
mod bench;
mod broken;
mod cases;
mod client_conformance;
mod command;
mod compute;
mod dashboard;
mod demo;
mod deploy;
#[path = "../disclosure/mod.rs"]
mod disclosure;
mod doctor;
mod documents;
mod doors;
mod examples;
mod failures;
mod http_2;
mod javascript_client;
mod kept;
mod kinds;
mod logs;
mod management;
mod meddling;
mod namespaces;
mod no_download;
mod organisations;
mod owner;
mod pairwise;
mod principals;
mod python_client;
mod python_package;
mod reachable;
mod reference;
mod reloading;
mod rounding;
mod settings;
mod study;
mod telemetry;
mod thresholds;
mod trace;
mod uploads;
mod values;

use std::path::{Path, PathBuf};

/// Returns the folder of the programs for clients.
fn clients() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients")
}
