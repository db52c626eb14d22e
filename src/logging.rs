//! Logs go to standard error: text for a person at a terminal, a JSON document a line otherwise.
//!
//! Standard output is for answers only. What is logged is chosen by `CLOISTER_LOG`, or else
//! `RUST_LOG`, in the usual filter syntax; without either it is `info`.

use std::env;
use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

use crate::problem::{Outcome, Problem};

/// Where the filter is looked for, in this order.
const VARIABLES: [&str; 2] = ["CLOISTER_LOG", "RUST_LOG"];

/// Starts logging for this process.
///
/// # Errors
/// If the filter cannot be understood.
pub fn start() -> Outcome {
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter()?)
        .with_writer(io::stderr);
    let started = if io::stderr().is_terminal() {
        builder.try_init()
    } else {
        builder.json().with_ansi(false).try_init()
    };
    started.map_err(Problem::ours)
}

fn filter() -> Outcome<EnvFilter> {
    let set = VARIABLES
        .iter()
        .find_map(|name| Some((name, env::var(name).ok()?)));
    let Some((name, text)) = set else {
        return Ok(EnvFilter::new("info"));
    };
    EnvFilter::try_new(&text).map_err(|error| {
        Problem::usage(format!(
            "{name} is `{text}`, which is no log filter ({error}): try `info` or `debug`"
        ))
    })
}
