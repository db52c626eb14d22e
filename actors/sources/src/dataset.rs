//! What a node knows of its data: typed columns, and what of them the catalogue tells.
//!
//! No value of any row is in here. A declared level is a value that the owner chose to name; it
//! is not in the catalogue, and no `Debug` form shows it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Source;

/// What a column holds.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// 64-bit integers.
    Integer,
    /// Finite doubles.
    Number,
    /// UTF-8; also dates and times, in the forms of ISO 8601.
    Text,
    /// True or false.
    Truth,
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Text => "text",
            Self::Truth => "truth",
        })
    }
}

/// A column of a dataset.
#[derive(Clone, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// As in the source's header.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
    /// In what unit, in the owner's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Lowest and highest value expected, both included; of integers and numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<[f64; 2]>,
    /// The texts expected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub levels: Option<Vec<String>>,
}

impl fmt::Debug for Column {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Column")
            .field("name", &self.name)
            .field("kind", &self.kind)
            .field("unit", &self.unit)
            .field("range", &self.range.is_some())
            .field("levels", &self.levels.as_ref().map(Vec::len))
            .finish()
    }
}

/// A registered dataset: where it lies and what it looked like at registration.
///
/// Stored by the node. It holds the address of a database with its password: serialize it only
/// into the node's own state.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Dataset {
    /// What clients call it.
    pub name: String,
    /// Where it lies.
    pub source: Source,
    /// Its columns, in the order of the declaration or the source.
    pub columns: Vec<Column>,
    /// The column that tells rows apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Rows at registration.
    pub rows: u64,
    /// Missing values at registration, per column.
    pub missing: Vec<u64>,
}

impl Dataset {
    /// What everybody may know who may see the catalogue.
    pub fn entry(&self) -> Entry {
        Entry {
            name: self.name.clone(),
            columns: self.columns.iter().map(EntryColumn::of).collect(),
            rows: band(self.rows),
        }
    }

    /// The column of that name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}

/// A dataset in the catalogue.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Entry {
    /// What clients call it.
    pub name: String,
    /// Its columns.
    pub columns: Vec<EntryColumn>,
    /// Rows at registration, rounded down to 1, 2 or 5 times a power of ten; 0 below 10.
    pub rows: u64,
}

/// A column in the catalogue.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct EntryColumn {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
    /// In what unit.
    pub unit: Option<String>,
}

impl EntryColumn {
    fn of(column: &Column) -> Self {
        Self { name: column.name.clone(), kind: column.kind, unit: column.unit.clone() }
    }
}

/// The greatest of 10, 20, 50, 100, ... that is not above `rows`; 0 if there is none.
fn band(rows: u64) -> u64 {
    let powers = (1..20).map(|exponent| 10_u64.pow(exponent));
    let steps = powers.flat_map(|power| [1, 2, 5].map(|digit| power.checked_mul(digit)));
    steps.map_while(|step| step.filter(|step| *step <= rows)).last().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_rounded_down() {
        let cases = [(0, 0), (9, 0), (10, 10), (19, 10), (20, 20), (49, 20), (50, 50), (99, 50)];
        for (rows, expected) in cases {
            assert_eq!(band(rows), expected);
        }
        assert_eq!(band(1_999_999), 1_000_000);
        assert_eq!(band(u64::MAX), 10_000_000_000_000_000_000);
    }

    #[test]
    fn a_columns_debug_form_hides_levels() {
        let json = r#"{"name": "sex", "kind": "text", "levels": ["secret"]}"#;
        let column: Column = serde_json::from_str(json).unwrap();
        assert!(!format!("{column:?}").contains("secret"));
        let unknown = r#"{"name": "sex", "kind": "text", "level": []}"#;
        assert!(serde_json::from_str::<Column>(unknown).is_err());
    }
}
