//! From layers to settings: a value that does not fit is taken out and remembered, until the rest
//! fits.

use std::path::{Path, PathBuf};
use std::{fs, io};

use cloister_actors::policy::Policies;
use cloister_actors::settings::Settings;
use serde_path_to_error::{Segment, deserialize};
use toml::Value;

use super::environment::{name_of, variable_of};
use super::{Complaint, Effective, Layers, Name, Source, put, shown};
use crate::files::read_toml;
use crate::problem::{Outcome, Problem};

/// Values in the place of missing settings without a default, so that the others can be checked.
const STAND_INS: [(&str, &str); 3] =
    [("party", "unnamed"), ("api_listen", "127.0.0.1:0"), ("peer_listen", "127.0.0.1:0")];

/// From this likeness on a name is suggested for another.
const ALIKE: f64 = 0.8;

/// The operator's socket in the state's folder.
const SOCKET: &str = "control";

/// The bytes of the longest path of a Unix socket.
const LONGEST_SOCKET: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

/// The most errors that are told at once; each round of reading finds one.
const ROUNDS: usize = 200;

/// The reason for which settings could not be read, and the setting.
struct Misfit {
    name: Name,
    message: String,
}

/// Returns the folder of a file, which may be named without one.
pub(super) fn folder_of(config: &Path) -> Outcome<PathBuf> {
    let config = std::path::absolute(config)
        .map_err(|error| Problem::usage(format!("{}: {error}", config.display())))?;
    Ok(config.parent().unwrap_or(&config).to_owned())
}

/// Returns the complaint about a folder in which the operator's socket has no room for its name.
fn too_long_for_a_socket(state: &Path) -> Option<Complaint> {
    let length = state.join(SOCKET).as_os_str().len();
    (length > LONGEST_SOCKET).then(|| Complaint {
        name: vec!["state".to_owned()],
        source: None,
        message: format!(
            "the socket {SOCKET} in this folder would have a path of {length} bytes, and a socket's \
             has {LONGEST_SOCKET} at most: name a shorter folder, such as state = \"/var/lib/NAME\""
        ),
    })
}

impl Layers {
    /// Reads all settings that can be read.
    pub(super) fn parse(mut self, config: &Path) -> Outcome<Effective> {
        let settings = self.settle()?;
        let folder = folder_of(config)?;
        let mut settings = settings.resolved(&folder);
        self.complaints.extend(too_long_for_a_socket(&settings.state));
        let PolicyFiles { read: policies, warnings } = policy_files(&folder.join("policy.d"))?;
        for path in policies {
            let read = read_toml::<Policies>(&path, "mend or remove it");
            let joined = read.map_err(|problem| problem.to_string()).and_then(|policies| {
                let joined = settings.policy.join(policies);
                joined.map_err(|error| format!("{}: {error}", path.display()))
            });
            if let Err(message) = joined {
                let name = vec!["policy".to_owned()];
                self.complaints.push(Complaint { name, source: None, message });
            }
        }
        let Self { sources, complaints, .. } = self;
        Ok(Effective { settings, sources, complaints, warnings })
    }

    fn settle(&mut self) -> Outcome<Settings> {
        for _ in 0..ROUNDS {
            match attempt(Value::Table(self.table.clone())) {
                Ok(settings) => return Ok(settings),
                Err(misfit) => self.mend(misfit),
            }
        }
        let lines: Vec<String> = self.complaints.iter().map(ToString::to_string).collect();
        Err(Problem::usage(lines.join("\n")))
    }

    /// Takes out a value that does not fit, or puts in a missing one, and complains.
    fn mend(&mut self, misfit: Misfit) {
        let Misfit { mut name, message } = misfit;
        if let Some(missing) = quoted(&message, "missing field ") {
            name.push(missing.to_owned());
            return self.stand_in(name, &message);
        }
        if let Some(unknown) = quoted(&message, "unknown field ")
            && name.last().is_none_or(|last| last != unknown)
        {
            name.push(unknown.to_owned());
        }
        let (name, source) = self.source_of(&name);
        if self.read_as_text(&name, source.as_ref()) {
            return;
        }
        let message = explain(&name, source.as_ref(), &message);
        self.complaints.push(Complaint { name: name.clone(), source, message });
        remove(&mut self.table, &name);
        self.sources.remove(&name);
        if let Some(value) = stand_in_of(&name) {
            put(&mut self.table, &name, value);
        }
    }

    /// Puts in a value for a required setting that is missing. If it is missing inside of another
    /// setting, that one is wrong.
    fn stand_in(&mut self, name: Name, message: &str) {
        let Some(value) = stand_in_of(&name) else {
            let (whole, source) = self.source_of(&name);
            self.complaints.push(Complaint {
                name: whole.clone(),
                source,
                message: format!("`{}`: {}", shown(&whole), message.trim()),
            });
            remove(&mut self.table, &whole);
            return;
        };
        put(&mut self.table, &name, value);
        let message = format!(
            "`{0}` is not set: set it in the file, as {1}, or by `--set {0}=…`",
            shown(&name),
            variable_of(&name)
        );
        self.complaints.push(Complaint { name, source: None, message });
    }

    /// Reads a number as a text: a person who typed `123` may have meant one.
    fn read_as_text(&mut self, name: &[String], source: Option<&Source>) -> bool {
        let Some(text) = source.and_then(Source::typed) else { return false };
        let text = Value::from(text);
        let Some(value) = find(&self.table, name) else { return false };
        if value.is_table() || value.is_array() || *value == text {
            return false;
        }
        let mut with_text = self.table.clone();
        put(&mut with_text, name, text.clone());
        // Only where that mends it: else the first message says more.
        if let Err(misfit) = attempt(Value::Table(with_text))
            && self.source_of(&misfit.name).0 == name
        {
            return false;
        }
        put(&mut self.table, name, text);
        true
    }

    /// Returns the longest known name on the way to `name`, or the value at the first place that is
    /// no table. Returns its source, too.
    fn source_of(&self, name: &[String]) -> (Name, Option<Source>) {
        let upwards = (1..=name.len()).rev().filter_map(|length| name.get(..length));
        let known =
            upwards.into_iter().find_map(|prefix| Some((prefix, self.sources.get(prefix)?)));
        if let Some((prefix, source)) = known {
            return (prefix.to_vec(), Some(source.clone()));
        }
        // A table that should be none, or has a name that there is not: where its first entry
        // stands.
        let inside = self.sources.iter().find(|(known, _)| known.starts_with(name));
        (name.to_vec(), inside.map(|(_, source)| source.clone()))
    }
}

fn attempt(value: Value) -> Result<Settings, Misfit> {
    deserialize::<_, Settings>(value).map_err(|error| {
        let names = error.path().iter().map_while(|segment| match segment {
            Segment::Map { key } => Some(key.clone()),
            _ => None,
        });
        let name = names.collect();
        // The message of TOML goes on with the place, which is known better here.
        let message = error.inner().message().to_owned();
        Misfit { name, message }
    })
}

fn explain(name: &[String], source: Option<&Source>, message: &str) -> String {
    let shown = shown(name);
    let Some(unknown) = quoted(message, "unknown field ") else {
        return format!("`{shown}`: {}", plain(message));
    };
    let mut text = format!("there is no setting `{shown}`");
    let known = message.split_once("expected").map_or("", |(_, known)| known);
    if let Some(alike) = alike(unknown, known) {
        // A variable may go on behind the part that is wrong.
        let variable = match source {
            Some(Source::Variable { name, .. }) => name_of(name),
            _ => None,
        };
        let is_variable = variable.is_some();
        let mut meant = variable.unwrap_or_else(|| name.to_vec());
        if let Some(wrong) = meant.get_mut(name.len().saturating_sub(1)) {
            *wrong = alike.to_owned();
        }
        let meant = if is_variable { variable_of(&meant) } else { self::shown(&meant) };
        text += &format!("; did you mean `{meant}`?");
    } else {
        text += &format!("; there are {}", known.trim().trim_start_matches("one of "));
    }
    text
}

/// Returns the value in the place of a missing setting, if it needs one.
fn stand_in_of(name: &[String]) -> Option<Value> {
    let known = STAND_INS.iter().find(|(known, _)| name == [*known]);
    known.map(|(_, value)| Value::from(*value))
}

/// Rewords the message for people who write settings.
fn plain(message: &str) -> String {
    if message == "invalid socket address syntax" {
        return "this is no address: write it like 127.0.0.1:55500".to_owned();
    }
    let Some((found, expected)) = message.rsplit_once("expected ") else {
        return message.to_owned();
    };
    let expected = match expected {
        "usize" | "u64" | "u32" | "u16" | "u8" => "a whole number from 0 on",
        "socket address" => "an address like 127.0.0.1:55500",
        "a string" | "path string" => "a text",
        other => other,
    };
    format!("{found}expected {expected}")
}

/// Returns the text in back quotes after `head`, if the message begins so.
fn quoted<'a>(message: &'a str, head: &str) -> Option<&'a str> {
    message.strip_prefix(head)?.strip_prefix('`')?.split('`').next()
}

/// Returns the name in back quotes that is most like `name`.
fn alike<'a>(name: &str, names: &'a str) -> Option<&'a str> {
    let names = names.split('`').skip(1).step_by(2);
    let likeness = |known: &&str| strsim::jaro_winkler(name, known);
    let best = names.max_by(|one, other| likeness(one).total_cmp(&likeness(other)))?;
    (likeness(&best) >= ALIKE).then_some(best)
}

fn find<'a>(table: &'a toml::Table, name: &[String]) -> Option<&'a Value> {
    let (first, rest) = name.split_first()?;
    let value = table.get(first)?;
    match rest {
        [] => Some(value),
        rest => find(value.as_table()?, rest),
    }
}

fn remove(table: &mut toml::Table, name: &[String]) {
    match name {
        [] => {}
        [last] => drop(table.remove(last)),
        [first, rest @ ..] => {
            if let Some(Value::Table(inside)) = table.get_mut(first) {
                remove(inside, rest);
            }
        }
    }
}

/// The files of the folder with policies.
#[derive(Default)]
struct PolicyFiles {
    /// Those that are read, in the order of their names.
    read: Vec<PathBuf>,
    /// A warning for each that may have been meant as a policy and is none.
    warnings: Vec<String>,
}

/// Lists the files of a folder; none where there is no folder.
fn policy_files(folder: &Path) -> Outcome<PolicyFiles> {
    let mut files = PolicyFiles::default();
    if !folder.exists() {
        return Ok(files);
    }
    let unreadable = |error: io::Error| {
        Problem::usage(format!("cannot read the folder {}: {error}", folder.display()))
    };
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let is_toml = path.extension().is_some_and(|extension| extension == "toml");
        let is_hidden =
            path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        match (is_toml, is_hidden) {
            (true, false) => files.read.push(path),
            // Hidden files of other forms are those of editors and of mounted folders.
            (false, true) => {}
            _ if path.is_dir() => {}
            _ => files.warnings.push(format!(
                "{} is not read: the files of policies are named NAME.toml; rename or remove it",
                path.display()
            )),
        }
    }
    files.read.sort();
    files.warnings.sort();
    Ok(files)
}
