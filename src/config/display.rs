//! Settings as TOML for people: each line with a comment that says where it came from.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::{Name, Source, shown};

/// The column of comments, unless a line is longer.
const MARGIN: usize = 48;

/// The text in the place of a password.
const HIDDEN: &str = "***";

/// Writes the settings as text. A setting without a source has its default.
pub(super) fn text(table: Table, sources: &BTreeMap<Name, Source>) -> String {
    let mut text = String::new();
    section(&table, &mut Vec::new(), sources, &mut text);
    text
}

/// Writes the values of a table, then the tables in it, as TOML requires.
fn section(table: &Table, name: &mut Name, sources: &BTreeMap<Name, Source>, text: &mut String) {
    let (inner, values): (Vec<_>, Vec<_>) = table.iter().partition(|(_, value)| has_section(value));
    let head = format!("[{}]", shown(name));
    if !name.is_empty() && !values.is_empty() {
        *text += &format!("\n{head}\n");
    } else if table.is_empty()
        && let Some(source) = sources.get(name)
    {
        // A table may say something by being there.
        *text += &format!("\n{head:MARGIN$}  # {source}\n");
    }
    for (key, value) in values {
        name.push(key.clone());
        let line = format!("{} = {}", shown(std::slice::from_ref(key)), without_passwords(value));
        *text += &format!("{line:MARGIN$}  # {}\n", source_of(name, sources));
        name.pop();
    }
    for (key, value) in inner {
        name.push(key.clone());
        match value {
            Value::Table(inside) => section(inside, name, sources, text),
            Value::Array(tables) => entries(tables, name, sources, text),
            _ => {}
        }
        name.pop();
    }
}

/// Tables of one name, one after the other.
fn entries(tables: &[Value], name: &[String], sources: &BTreeMap<Name, Source>, text: &mut String) {
    for entry in tables.iter().map(without_passwords) {
        *text += &format!("\n# {}\n", source_of(name, sources));
        let alone = name.iter().rev().fold(Value::Array(vec![entry]), |inside, part| {
            Value::Table(Table::from_iter([(part.clone(), inside)]))
        });
        *text += &toml::to_string(&alone).unwrap_or_default();
    }
}

fn has_section(value: &Value) -> bool {
    match value {
        Value::Table(_) => true,
        Value::Array(items) => items.iter().any(Value::is_table),
        _ => false,
    }
}

/// Returns the source of a setting, which may have been set as part of a bigger one.
fn source_of(name: &[String], sources: &BTreeMap<Name, Source>) -> String {
    let prefixes = (1..=name.len()).rev().filter_map(|length| name.get(..length));
    let source = prefixes.into_iter().find_map(|prefix| sources.get(prefix));
    source.map_or_else(|| "default".to_owned(), ToString::to_string)
}

/// Returns the value without the passwords of databases.
fn without_passwords(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::from(without_password(text)),
        Value::Array(items) => items.iter().map(without_passwords).collect::<Vec<_>>().into(),
        Value::Table(table) => {
            let entries = table.iter().map(|(key, value)| (key.clone(), without_passwords(value)));
            Value::Table(entries.collect())
        }
        other => other.clone(),
    }
}

fn without_password(text: &str) -> String {
    hidden(text).unwrap_or_else(|| text.to_owned())
}

/// Hides the password of an address; `None` if it has none.
fn hidden(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once("://")?;
    let (login, place) = rest.rsplit_once('@')?;
    let (user, _) = login.split_once(':')?;
    Some(format!("{scheme}://{user}:{HIDDEN}@{place}"))
}
