//! Examples of requests, answers and errors, from the file `examples.json`.

use std::sync::LazyLock;

use serde_json::Value;

static EXAMPLES: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("examples.json")).expect("a file of this crate is JSON")
});

/// Returns the examples of errors, by name.
pub(super) fn errors() -> Value {
    EXAMPLES.get("errors").cloned().unwrap_or_default()
}

/// Returns the examples of an operation's request, by name.
pub(super) fn body(operation: &str) -> Value {
    part(operation, "body").unwrap_or_default()
}

/// Returns the only example of an operation's answer, if it has one only.
pub(super) fn one(operation: &str) -> Option<Value> {
    part(operation, "answer")
}

/// Returns the examples of an operation's answer, by name.
pub(super) fn several(operation: &str) -> Option<Value> {
    part(operation, "answers")
}

fn part(operation: &str, part: &str) -> Option<Value> {
    EXAMPLES.get("operations")?.get(operation)?.get(part).cloned()
}
