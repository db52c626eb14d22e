//! Logs go to standard error: text for a person at a terminal, a JSON document a line otherwise.
//!
//! Standard output is for answers only. `CLOISTER_LOG`, or else `RUST_LOG`, chooses the lines of
//! the log, in the usual filter syntax. Without either, each command has a level of its own.

use std::env;
use std::io::{self, IsTerminal};

use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Registry, fmt, registry};

use crate::problem::{Outcome, Problem};

/// The environment variable with the filter.
pub const VARIABLE: &str = "CLOISTER_LOG";

/// The usual filter of a node. The HTTP server tells of its threads at `info`.
pub const NODE: &str = "info,actix_server=warn";

/// The variables that may have the filter, in this order.
const VARIABLES: [&str; 2] = [VARIABLE, "RUST_LOG"];

/// A layer beside the log, with a filter of its own.
pub type Listener = Box<dyn Layer<Registry> + Send + Sync>;

/// Starts logging for this process, from `usually` on where no variable says otherwise.
///
/// # Errors
/// If the filter cannot be understood.
pub fn start(usually: &str) -> Outcome {
    start_with(usually, None)
}

/// Starts the log, with one more listener.
///
/// # Errors
/// If the filter cannot be understood.
pub fn start_with(usually: &str, listener: Option<Listener>) -> Outcome {
    let lines = fmt::layer().with_writer(io::stderr);
    let lines = if io::stderr().is_terminal() {
        lines.boxed()
    } else {
        lines.json().with_ansi(false).boxed()
    };
    // The filter is the log's alone: the spans that a listener gets do not depend on it.
    let lines = lines.with_filter(filter(usually)?).boxed();
    let all: Vec<Listener> = listener.into_iter().chain([lines]).collect();
    registry().with(all).try_init().map_err(Problem::ours)
}

/// Returns `true` if the environment has a filter.
#[must_use]
pub fn is_chosen() -> bool {
    VARIABLES.iter().any(|name| env::var_os(name).is_some())
}

fn filter(usually: &str) -> Outcome<EnvFilter> {
    let set = VARIABLES.iter().find_map(|name| Some((name, env::var(name).ok()?)));
    let Some((name, text)) = set else {
        return Ok(EnvFilter::new(usually));
    };
    EnvFilter::try_new(&text).map_err(|error| {
        Problem::usage(format!(
            "{name} is `{text}`, which is no log filter ({error}): try `info` or `debug`"
        ))
    })
}
