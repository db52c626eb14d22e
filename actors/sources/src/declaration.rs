//! What an operator says of a source before the node has looked at it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{DataError, DeclarationError, SourceError};
use crate::{Column, Kind, Source};

/// A dataset as its owner declares it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Declaration {
    /// What clients will call it: letters, digits, `.`, `-` and `_`.
    pub name: String,
    /// Where it lies.
    pub source: Source,
    /// The columns that computations may use; empty: all that the source has, as inferred.
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
    /// As in the source's header.
    pub name: String,
    /// What it holds; inferred if not given.
    #[serde(default)]
    pub kind: Option<Kind>,
    /// In what unit.
    #[serde(default)]
    pub unit: Option<String>,
    /// Lowest and highest value expected, both included.
    #[serde(default)]
    pub range: Option<[f64; 2]>,
    /// The texts expected.
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

/// A column that a source has.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Found {
    pub(crate) name: String,
    /// What it holds unless its owner says otherwise, or the source's word for a type that has no
    /// place here: harmless unless the column is part of the dataset.
    pub(crate) kind: Result<Kind, String>,
}

impl Found {
    pub(crate) fn kind(&self) -> Result<Kind, DataError> {
        let refused = |kind| DataError::Type { column: self.name.clone(), kind };
        self.kind.clone().map_err(refused)
    }
}

impl Declaration {
    /// What can be wrong before the source has been looked at.
    pub(crate) fn check(&self) -> Result<(), DeclarationError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let named = (1..=100).contains(&self.name.len()) && self.name.bytes().all(allowed);
        if !named {
            return Err(DeclarationError::Name);
        }
        let mut names = BTreeSet::new();
        let twice = self.columns.iter().find(|column| !names.insert(&column.name));
        match twice {
            Some(column) => Err(DeclarationError::DeclaredTwice(column.name.clone())),
            None => Ok(()),
        }
    }

    /// The kinds that need not be inferred.
    pub(crate) fn kinds(&self) -> BTreeMap<&str, Kind> {
        let kinds = self.columns.iter();
        kinds.filter_map(|column| Some((column.name.as_str(), column.kind?))).collect()
    }

    /// The columns of the dataset, of those found in the source.
    pub(crate) fn columns(&self, found: &[Found]) -> Result<Vec<Column>, SourceError> {
        if found.is_empty() {
            return Err(DeclarationError::NoColumns.into());
        }
        let columns: Vec<_> = if self.columns.is_empty() {
            described(found)?
        } else {
            let found: BTreeMap<_, _> =
                found.iter().map(|found| (found.name.as_str(), found)).collect();
            let columns = self.columns.iter().map(|declared| typed(declared, &found));
            columns.collect::<Result<_, _>>()?
        };
        columns.iter().try_for_each(check_expectations)?;
        self.check_key(&columns)?;
        Ok(columns)
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

/// The columns as they were found.
pub(crate) fn described(found: &[Found]) -> Result<Vec<Column>, DataError> {
    let column = |found: &Found| {
        let (name, kind) = (found.name.clone(), found.kind()?);
        Ok(Column { name, kind, unit: None, range: None, levels: None })
    };
    found.iter().map(column).collect()
}

fn typed(declared: &DeclaredColumn, found: &BTreeMap<&str, &Found>) -> Result<Column, SourceError> {
    let Some(found) = found.get(declared.name.as_str()) else {
        return Err(DeclarationError::NoColumn(declared.name.clone()).into());
    };
    let natural = found.kind()?;
    Ok(Column {
        name: declared.name.clone(),
        kind: declared.kind.unwrap_or(natural),
        unit: declared.unit.clone(),
        range: declared.range,
        levels: declared.levels.clone(),
    })
}

/// A range belongs to numbers, levels to text.
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
