//! Columns as a source has them, before a declaration chooses among them.

use std::collections::BTreeSet;

use crate::column::{Column, Kind};
use crate::error::{DataError, HeaderProblem};

/// The most columns that are read.
pub const MAX_COLUMNS: usize = 10_000;

/// The longest name of a column, in bytes.
const MAX_NAME: usize = 200;

/// A column of a source.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct FoundColumn {
    pub(crate) name: String,
    /// The kind of its values unless its owner declares another. An error names a type that cannot
    /// be read, which is harmless unless the dataset needs the column.
    pub(crate) kind: Result<Kind, String>,
}

impl FoundColumn {
    pub(crate) fn kind(&self) -> Result<Kind, DataError> {
        match &self.kind {
            Ok(kind) => Ok(*kind),
            Err(type_name) => {
                Err(DataError::Type { column: self.name.clone(), kind: type_name.clone() })
            }
        }
    }

    /// Describes the column as it was found.
    pub(crate) fn to_column(&self) -> Result<Column, DataError> {
        let kind = self.kind()?;
        Ok(Column { name: self.name.clone(), kind, unit: None, range: None, levels: None })
    }
}

/// Describes all columns as they were found.
pub(crate) fn to_columns(found: &[FoundColumn]) -> Result<Vec<Column>, DataError> {
    found.iter().map(FoundColumn::to_column).collect()
}

/// Checks that every column has a visible name of its own.
pub(crate) fn check_names<'a>(names: impl Iterator<Item = &'a str>) -> Result<(), DataError> {
    let mut seen = BTreeSet::new();
    for (number, name) in (1..).zip(names) {
        let hidden = name.trim() != name || name.chars().any(char::is_control);
        let problem = if number > MAX_COLUMNS {
            HeaderProblem::TooMany
        } else if name.is_empty() {
            HeaderProblem::Nameless(number)
        } else if hidden || name.len() > MAX_NAME {
            HeaderProblem::Name(number)
        } else if !seen.insert(name) {
            HeaderProblem::Twice(name.to_owned())
        } else {
            continue;
        };
        return Err(DataError::Header(problem));
    }
    Ok(())
}
