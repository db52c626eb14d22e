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

/// The drivers of databases log notices, whose texts are of functions there and may hold values.
/// None of it is in the log, whatever its filter.
const SILENT: [&str; 2] = ["sqlx=off", "sqlx::postgres::notice=off"];

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
        return Ok(silenced(EnvFilter::new(usually)));
    };
    let refused = |reason: &str| {
        Problem::usage(format!(
            "{name} is `{text}`, which is no log filter ({reason}): try `info`, `debug` or \
             `cloister_actors=debug`"
        ))
    };
    if *name == VARIABLE
        && let Some(word) = words(&text).find(|word| !is_level(word))
    {
        return Err(refused(&format!("`{word}` is no level")));
    }
    EnvFilter::try_new(&text).map(silenced).map_err(|error| refused(&error.to_string()))
}

/// Leaves out what database drivers log.
fn silenced(filter: EnvFilter) -> EnvFilter {
    SILENT.iter().fold(filter, |filter, silent| {
        filter.add_directive(silent.parse().expect("a filter of our own is one"))
    })
}

/// Lists the parts of a filter that name neither a target with a level nor a span. The filter's
/// syntax takes such a word for a target, of which then all is told, and of others nothing.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let parts = text.split(',').map(str::trim);
    parts.filter(|part| !part.is_empty() && !part.contains(['=', '[', ':', '_']))
}

fn is_level(word: &str) -> bool {
    let levels = ["trace", "debug", "info", "warn", "error", "off"];
    levels.iter().any(|level| word.eq_ignore_ascii_case(level))
        || matches!(word, "0" | "1" | "2" | "3" | "4" | "5")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_is_no_level_is_found() {
        let wrong = |text| words(text).find(|word| !is_level(word)).map(str::to_owned);
        assert_eq!(wrong("bogus").as_deref(), Some("bogus"));
        assert_eq!(wrong("info,verbos").as_deref(), Some("verbos"));
        for right in ["info", "WARN,cloister_actors=debug", "cloister_actors", "a::b", "[session]"]
        {
            assert_eq!(wrong(right), None, "{right}");
        }
    }

    #[test]
    fn filters_of_our_own_are_ones() {
        for text in SILENT.iter().chain([&NODE]) {
            assert!(EnvFilter::try_new(text).is_ok(), "{text}");
        }
    }
}
