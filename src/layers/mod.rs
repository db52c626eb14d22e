//! A node's settings from three layers: its file, the environment, and flags, each stronger than the one
//! before it.
//!
//! `limits.rows` in `node.toml` is `CLOISTER_LIMITS__ROWS` in the environment and `--set limits.rows=…` as
//! a flag. Every setting remembers where it came from, and everything that is wrong is found at once, not
//! one thing a run. Paths are relative to the file, wherever they were set.

mod environment;
mod file;
mod given;
mod reading;
mod source;
mod written;

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

/// All layers on top of each other, not understood yet.
#[derive(Debug, Default)]
struct Layers {
    table: Table,
    sources: BTreeMap<Name, Source>,
    complaints: Vec<Complaint>,
}

/// The settings that hold, and where each came from.
#[derive(Debug)]
pub struct Effective {
    settings: Settings,
    sources: BTreeMap<Name, Source>,
    complaints: Vec<Complaint>,
}

/// Something in the layers that is no setting, or not its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// Which setting it is about.
    pub name: Name,
    /// Where that was set; nothing where it is missing.
    pub source: Option<Source>,
    /// What is wrong, and what to do.
    pub message: String,
}

/// Reads a node's settings from its file, this process's environment, and flags such as
/// `limits.rows=1000`.
///
/// # Errors
/// If the file cannot be read at all. What is wrong in the layers is for the caller to ask for.
pub fn read(config: &Path, flags: &[String]) -> Outcome<Effective> {
    // What is not Unicode is no setting of ours.
    let variables = env::vars_os().filter_map(|(name, value)| {
        Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
    });
    read_with(config, variables, flags)
}

/// Reads a node's settings: its file, the environment over it, and the policies in the folder `policy.d`
/// beside the file. Their paths are resolved.
///
/// # Errors
/// All that is wrong in them.
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
    layers.understand(config)
}

impl Effective {
    /// The settings, with resolved paths; those that are wrong have their defaults.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What is wrong.
    #[must_use]
    pub fn complaints(&self) -> &[Complaint] {
        &self.complaints
    }

    /// The settings as TOML, each with a comment that says where it came from.
    ///
    /// # Errors
    /// None but ours.
    pub fn commented(&self) -> Outcome<String> {
        let table = Table::try_from(&self.settings).map_err(Problem::ours)?;
        Ok(written::text(table, &self.sources))
    }

    /// The settings, if nothing is wrong.
    ///
    /// # Errors
    /// All that is wrong.
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
    /// Puts a value over what weaker layers say.
    fn set(&mut self, name: Name, value: Value, source: Source) {
        if let Some(inside) = put(&mut self.table, &name, value) {
            let message = format!("`{}` has no parts: it is one value", shown(&inside));
            self.complaints.push(Complaint { name, source: Some(source), message });
            return;
        }
        // What was set inside of it is gone with it.
        self.sources.retain(|known, _| !known.starts_with(&name));
        self.sources.insert(name, source);
    }
}

/// Puts a value into a table. Where something on the way is no table: its name.
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

/// A name as the file writes it.
fn shown(name: &[String]) -> String {
    let plain = |part: &str| {
        !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
    };
    let part = |part: &String| match plain(part) {
        true => part.clone(),
        false => Value::from(part.as_str()).to_string(),
    };
    name.iter().map(part).collect::<Vec<_>>().join(".")
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
