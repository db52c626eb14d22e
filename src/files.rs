//! Files that the command reads and writes, with errors that name them.

use std::fs;
use std::path::Path;

use cloister_sources::plain_json_numbers;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::problem::{Outcome, Problem};

/// Reads a TOML file. `hint` is the remedy if there is none.
///
/// # Errors
/// If it cannot be read or does not hold a `T`.
pub fn read_toml<T: DeserializeOwned>(path: &Path, hint: &str) -> Outcome<T> {
    let shown = path.display();
    let text = fs::read_to_string(path)
        .map_err(|error| Problem::usage(format!("cannot read {shown}: {error}; {hint}")))?;
    toml::from_str(&text).map_err(|error| Problem::usage(format!("{shown}: {error}")))
}

/// Reads JSON that a person wrote, with the meaning of numbers that a node gives them.
///
/// # Errors
/// The reason why it is no JSON, or which number cannot be read without loss.
pub fn read_json(text: &str) -> Result<Value, String> {
    let plain = plain_json_numbers(text.as_bytes()).map_err(|error| error.to_string())?;
    serde_json::from_slice(&plain).map_err(|error| error.to_string())
}

/// Replaces a file by a public text, at once or not at all.
///
/// # Errors
/// If it cannot be written.
pub fn write_at_once(path: &Path, text: &str) -> Outcome {
    cloister_certs::files::replace(path, text)
        .map_err(|error| Problem::usage(format!("cannot write {}: {error}", path.display())))
}
