//! Files that the command reads and writes, with errors that name them.

use std::fs;
use std::path::Path;

use serde::de::DeserializeOwned;

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

/// Replaces a file by a public text, at once or not at all.
///
/// # Errors
/// If it cannot be written.
pub fn write_at_once(path: &Path, text: &str) -> Outcome {
    cloister_certs::files::replace(path, text)
        .map_err(|error| Problem::usage(format!("cannot write {}: {error}", path.display())))
}
