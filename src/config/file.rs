//! The weakest layer: the settings' file, with the line of each setting.

use std::fs;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Layers, Name, Source};
use crate::problem::{Outcome, Problem};

impl Layers {
    /// Reads the file. A file that is no TOML has no settings to be checked further.
    pub(super) fn add_file(&mut self, path: &Path) -> Outcome {
        let shown = path.display();
        let text = fs::read_to_string(path).map_err(|error| {
            Problem::usage(format!("cannot read {shown}: {error}; `cloister init` makes one"))
        })?;
        let wrong = |error: toml::de::Error| Problem::usage(format!("{shown}: {error}"));
        self.table = toml::from_str(&text).map_err(wrong)?;
        let spanned = DeTable::parse(&text).map_err(wrong)?;
        let mut note = |name: Name, at: usize| {
            let line = 1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count();
            self.sources.insert(name, Source::File { path: path.to_owned(), line });
        };
        walk(spanned.get_ref(), &mut Vec::new(), &mut note);
        Ok(())
    }
}

/// Notes where each value begins that is no table.
fn walk(table: &DeTable<'_>, name: &mut Name, note: &mut impl FnMut(Name, usize)) {
    for (key, value) in table {
        name.push(key.get_ref().to_string());
        match value.get_ref() {
            DeValue::Table(inside) if !inside.is_empty() => walk(inside, name, note),
            _ => note(name.clone(), start(key)),
        }
        name.pop();
    }
}

fn start<T>(spanned: &Spanned<T>) -> usize {
    spanned.span().start
}
