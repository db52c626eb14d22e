//! Columns of datasets and the kinds of their values.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The most columns of a dataset.
pub const MAX_COLUMNS: usize = 10_000;

/// The longest name of a column, in bytes.
pub(crate) const MAX_NAME: usize = 200;

/// The longest field, in bytes without quotes.
pub(crate) const MAX_FIELD: usize = 1 << 20;

/// The longest record, in bytes without quotes and delimiters.
pub(crate) const MAX_RECORD: usize = 1 << 24;

/// The most fields of a record. A dataset takes fewer columns, but may choose among many.
pub(crate) const MAX_FIELDS: usize = 1_000_000;

/// The kind of a column's values.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// 64-bit integers.
    Integer,
    /// Finite doubles.
    Number,
    /// UTF-8; also dates and times, in the forms of ISO 8601.
    Text,
    /// Days, in the form `2024-01-31` of ISO 8601, whatever their form in the source.
    Date,
    /// True or false.
    Truth,
    /// No values, where no kind is declared: such a column fits every kind.
    Unknown,
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Text => "text",
            Self::Date => "date",
            Self::Truth => "truth",
            Self::Unknown => "unknown",
        })
    }
}

/// The time that the texts of a column tell, in the forms of ISO 8601.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Times {
    /// Days without a time, such as `2024-01-31`, also in another form of a file.
    Days,
    /// Days with a time, such as `2024-01-31T08:00:00Z`.
    Timestamps,
}

impl fmt::Display for Times {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Days => "days",
            Self::Timestamps => "timestamps",
        })
    }
}

/// A column of a dataset.
#[derive(Clone, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// Its name in the source.
    pub name: String,
    /// The kind of its values.
    pub kind: Kind,
    /// Its unit, in the owner's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// The lowest and highest expected value, both included; of integers and numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<[f64; 2]>,
    /// The expected texts.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_columns_debug_form_hides_levels() {
        let json = r#"{"name": "sex", "kind": "text", "levels": ["secret"]}"#;
        let column: Column = serde_json::from_str(json).unwrap();
        assert!(!format!("{column:?}").contains("secret"));
        let unknown = r#"{"name": "sex", "kind": "text", "level": []}"#;
        assert!(serde_json::from_str::<Column>(unknown).is_err());
    }
}
