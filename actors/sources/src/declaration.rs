//! Declarations of datasets, which an operator makes before the node reads the source.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::column::{Column, Kind};
use crate::error::{DeclarationError, SourceError};
use crate::found::{FoundColumn, to_columns};
use crate::source::Source;

/// A dataset as its owner declares it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Declaration {
    /// The name for clients: letters, digits, `.`, `-` and `_`.
    pub name: String,
    /// The source of its rows.
    pub source: Source,
    /// The columns that computations may use. If empty, all columns of the source, as inferred.
    #[serde(default)]
    pub columns: Vec<DeclaredColumn>,
    /// The column that tells rows apart: integer or text, never missing, never repeated.
    #[serde(default)]
    pub key: Option<String>,
}

/// A column as its owner declares it.
#[derive(Clone, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct DeclaredColumn {
    /// Its name in the source.
    pub name: String,
    /// The kind of its values; inferred if not given.
    #[serde(default)]
    pub kind: Option<Kind>,
    /// Its unit, in the owner's words.
    #[serde(default)]
    pub unit: Option<String>,
    /// The lowest and highest expected value, both included.
    #[serde(default)]
    pub range: Option<[f64; 2]>,
    /// The expected texts.
    #[serde(default)]
    pub levels: Option<Vec<String>>,
}

impl fmt::Debug for DeclaredColumn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("DeclaredColumn")
            .field("name", &self.name)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

impl Declaration {
    /// Checks all that can be checked without the source.
    pub(crate) fn check(&self) -> Result<(), DeclarationError> {
        if !(1..=100).contains(&self.name.len()) || !self.name.bytes().all(is_name_byte) {
            return Err(DeclarationError::Name);
        }
        let mut names = BTreeSet::new();
        for column in &self.columns {
            if !names.insert(&column.name) {
                return Err(DeclarationError::DeclaredTwice(column.name.clone()));
            }
        }
        Ok(())
    }

    /// Returns the declared kinds by column.
    pub(crate) fn kinds(&self) -> BTreeMap<&str, Kind> {
        self.columns
            .iter()
            .filter_map(|column| Some((column.name.as_str(), column.kind?)))
            .collect()
    }

    /// Chooses and checks the columns of the dataset, among those found in the source.
    pub(crate) fn columns(&self, found: &[FoundColumn]) -> Result<Vec<Column>, SourceError> {
        if found.is_empty() {
            return Err(DeclarationError::NoColumns.into());
        }
        let columns = if self.columns.is_empty() {
            to_columns(found)?
        } else {
            self.declared_columns(found)?
        };
        columns.iter().try_for_each(check_expectations)?;
        self.check_key(&columns)?;
        Ok(columns)
    }

    fn declared_columns(&self, found: &[FoundColumn]) -> Result<Vec<Column>, SourceError> {
        let found: BTreeMap<&str, &FoundColumn> =
            found.iter().map(|found| (found.name.as_str(), found)).collect();
        self.columns.iter().map(|declared| typed(declared, &found)).collect()
    }

    fn check_key(&self, columns: &[Column]) -> Result<(), DeclarationError> {
        let Some(key) = &self.key else { return Ok(()) };
        let column = columns.iter().find(|column| column.name == *key);
        match column.map(|column| column.kind) {
            None => Err(DeclarationError::NoColumn(key.clone())),
            Some(Kind::Integer | Kind::Text) => Ok(()),
            Some(Kind::Number | Kind::Truth) => Err(DeclarationError::KeyKind(key.clone())),
        }
    }
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._-".contains(&byte)
}

/// Describes a declared column, with the kind found unless it is declared.
fn typed(
    declared: &DeclaredColumn,
    found: &BTreeMap<&str, &FoundColumn>,
) -> Result<Column, SourceError> {
    let Some(found) = found.get(declared.name.as_str()) else {
        return Err(DeclarationError::NoColumn(declared.name.clone()).into());
    };
    let found_kind = found.kind()?;
    Ok(Column {
        name: declared.name.clone(),
        kind: declared.kind.unwrap_or(found_kind),
        unit: declared.unit.clone(),
        range: declared.range,
        levels: declared.levels.clone(),
    })
}

/// Checks that a range is of numbers, and that levels are different texts.
fn check_expectations(column: &Column) -> Result<(), DeclarationError> {
    let numeric = matches!(column.kind, Kind::Integer | Kind::Number);
    if let Some([low, high]) = column.range {
        let ordered = low.is_finite() && high.is_finite() && low <= high;
        if !(numeric && ordered) {
            return Err(DeclarationError::Range(column.name.clone()));
        }
    }
    if let Some(levels) = &column.levels {
        let different: BTreeSet<_> = levels.iter().collect();
        if column.kind != Kind::Text || different.len() != levels.len() {
            return Err(DeclarationError::Levels(column.name.clone()));
        }
    }
    Ok(())
}
