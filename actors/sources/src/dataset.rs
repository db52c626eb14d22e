//! Registered datasets, and their entries in the catalogue.
//!
//! No value of any row is in here. A declared level is a value that the owner chose to name. It is
//! not in the catalogue, and no `Debug` form shows it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::column::{Column, Kind, Times};
use crate::error::SelectionError;
use crate::format::Formats;
use crate::source::Source;

/// A registered dataset: its source, and its columns at registration.
///
/// The node stores it. It may hold the address of a database with its password: serialize it only
/// into the node's own state.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Dataset {
    /// The name for clients.
    pub name: String,
    /// The source of its rows.
    pub source: Source,
    /// Its columns, in the order of the declaration or the source.
    pub columns: Vec<Column>,
    /// The column that tells rows apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The number of rows at registration.
    pub rows: u64,
    /// The numbers of missing values at registration, one for each column.
    pub missing: Vec<u64>,
    /// The way in which values are written in the source.
    #[serde(default, skip_serializing_if = "Formats::are_plain")]
    pub formats: Formats,
    /// The columns of texts that tell a time, and which, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub times: BTreeMap<String, Times>,
}

impl Dataset {
    /// Makes the entry for the catalogue.
    pub fn entry(&self) -> Entry {
        Entry {
            name: self.name.clone(),
            columns: self.columns.iter().map(EntryColumn::of).collect(),
            rows: round_down(self.rows),
        }
    }

    /// Returns the column of that name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Returns the column of that name, or the error for the caller who named it.
    pub(crate) fn require_column(&self, name: &str) -> Result<Column, SelectionError> {
        match self.column(name) {
            Some(column) => Ok(column.clone()),
            None => Err(SelectionError::UnknownColumn(name.to_owned())),
        }
    }
}

/// A dataset in the catalogue.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Entry {
    /// The name for clients.
    pub name: String,
    /// Its columns.
    pub columns: Vec<EntryColumn>,
    /// The number of rows at registration, rounded down to 1, 2 or 5 times a power of ten; 0 below
    /// 10.
    pub rows: u64,
}

/// A column in the catalogue.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct EntryColumn {
    /// Its name.
    pub name: String,
    /// The kind of its values.
    pub kind: Kind,
    /// Its unit, in the owner's words.
    pub unit: Option<String>,
}

impl EntryColumn {
    fn of(column: &Column) -> Self {
        Self { name: column.name.clone(), kind: column.kind, unit: column.unit.clone() }
    }
}

/// Returns the greatest of 10, 20, 50, 100, ... that is not above `rows`; 0 if there is none.
fn round_down(rows: u64) -> u64 {
    let mut greatest = 0;
    for exponent in 1..20 {
        for digit in [1, 2, 5] {
            match 10_u64.pow(exponent).checked_mul(digit) {
                Some(step) if step <= rows => greatest = step,
                _ => return greatest,
            }
        }
    }
    greatest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_rounded_down() {
        let cases = [(0, 0), (9, 0), (10, 10), (19, 10), (20, 20), (49, 20), (50, 50), (99, 50)];
        for (rows, expected) in cases {
            assert_eq!(round_down(rows), expected);
        }
        assert_eq!(round_down(1_999_999), 1_000_000);
        assert_eq!(round_down(u64::MAX), 10_000_000_000_000_000_000);
    }
}
