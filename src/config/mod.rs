//! A node's settings from three layers: its file, the environment, and flags, each stronger than
//! the one before it.
//!
//! `limits.rows` in `node.toml` is `CLOISTER_LIMITS__ROWS` in the environment and `--set
//! limits.rows=…` as a flag. Every setting remembers where it came from, and everything that is
//! wrong is found at once, not one thing a run. Paths are relative to the file, wherever they were
//! set.

mod display;
mod environment;
mod file;
mod flags;
mod parse;
mod source;

use std::collections::BTreeMap;
use std::env;
use std::fmt;
use std::path::Path;

use cloister_actors::settings::Settings;
use toml::{Table, Value};

pub use self::source::Source;
use crate::problem::{Outcome, Problem};

/// A setting's name, part by part: `limits`, `rows`.
pub type Name = Vec<String>;

/// All layers on top of each other, not yet read as settings.
#[derive(Debug, Default)]
struct Layers {
    table: Table,
    sources: BTreeMap<Name, Source>,
    complaints: Vec<Complaint>,
}

/// The effective settings, each with its source.
#[derive(Debug)]
pub struct Effective {
    settings: Settings,
    sources: BTreeMap<Name, Source>,
    complaints: Vec<Complaint>,
    warnings: Vec<String>,
}

/// An error in the layers: an entry that is no setting, or not its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// The setting.
    pub name: Name,
    /// The source of its value; none where it is missing.
    pub source: Option<Source>,
    /// The error and its remedy.
    pub message: String,
}

/// Reads a node's settings from its file, this process's environment, and flags such as
/// `limits.rows=1000`.
///
/// # Errors
/// If the file cannot be read at all. Errors in the layers are among the result.
pub fn read(config: &Path, flags: &[String]) -> Outcome<Effective> {
    // A variable whose name is not Unicode is no setting.
    let variables = env::vars_os().filter_map(|(name, value)| {
        Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
    });
    read_with(config, variables, flags)
}

/// Reads a node's settings: its file, the environment over it, and the policies in the folder
/// `policy.d` beside the file. Their paths are resolved.
///
/// # Errors
/// All errors in them.
pub fn read_settings(config: &Path) -> Outcome<Settings> {
    read(config, &[])?.all_right()
}

fn read_with(
    config: &Path,
    variables: impl Iterator<Item = (String, String)>,
    flags: &[String],
) -> Outcome<Effective> {
    let mut layers = Layers::default();
    layers.add_file(config)?;
    layers.add_environment(variables);
    layers.add_flags(flags);
    layers.parse(config)
}

impl Effective {
    /// Returns the settings, with resolved paths; those that are wrong have their defaults.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Returns all errors.
    #[must_use]
    pub fn complaints(&self) -> &[Complaint] {
        &self.complaints
    }

    /// Returns what is right and perhaps not meant.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Writes the settings as TOML, each with a comment on its source.
    ///
    /// # Errors
    /// If the encoder fails, which is a fault of this program.
    pub fn commented(&self) -> Outcome<String> {
        let table = Table::try_from(&self.settings).map_err(Problem::ours)?;
        Ok(display::text(table, &self.sources))
    }

    /// Returns the settings, if there is no error in them.
    ///
    /// # Errors
    /// All errors.
    pub fn all_right(self) -> Outcome<Settings> {
        match self.complaints.as_slice() {
            [] => Ok(self.settings),
            complaints => {
                let lines: Vec<String> = complaints.iter().map(ToString::to_string).collect();
                Err(Problem::usage(lines.join("\n")))
            }
        }
    }
}

impl Layers {
    /// Puts a value over those of weaker layers.
    fn set(&mut self, name: Name, value: Value, source: Source) {
        if let Some(inside) = put(&mut self.table, &name, value) {
            let message = format!("`{}` has no parts: it is one value", shown(&inside));
            self.complaints.push(Complaint { name, source: Some(source), message });
            return;
        }
        // Settings inside of it are gone with the former value.
        self.sources.retain(|known, _| !known.starts_with(&name));
        self.sources.insert(name, source);
    }
}

/// Puts a value into a table. Returns the name of an entry on the way that is no table, if there is
/// one.
fn put(table: &mut Table, name: &[String], value: Value) -> Option<Name> {
    let (last, way) = name.split_last()?;
    let mut at = table;
    for (depth, part) in way.iter().enumerate() {
        let inside = at.entry(part.clone()).or_insert_with(|| Value::Table(Table::new()));
        match inside {
            Value::Table(table) => at = table,
            _ => return Some(name.iter().take(depth + 1).cloned().collect()),
        }
    }
    at.insert(last.clone(), value);
    None
}

/// Writes a name as the file does.
fn shown(name: &[String]) -> String {
    name.iter()
        .map(
            |part| {
                if is_bare(part) { part.clone() } else { Value::from(part.as_str()).to_string() }
            },
        )
        .collect::<Vec<_>>()
        .join(".")
}

/// Returns `true` if TOML takes this part of a name without quotation marks.
fn is_bare(part: &str) -> bool {
    !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Some(source) => write!(f, "{source}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

#[cfg(test)]
mod tests;
