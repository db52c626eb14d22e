//! Declarations of how values are written in a source: codes, decimal commas, words, encodings.
//!
//! Nothing here reads a value. A code is a value that the owner chose to name. No `Debug` form
//! shows it, and it is not in the catalogue.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::date::is_form;

/// Blanks that are ignored around numbers, truth values and codes.
pub(crate) const BLANKS: [char; 2] = [' ', '\t'];

/// The encoding of a text file.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub enum Encoding {
    /// UTF-8, with or without a byte order mark.
    #[default]
    Utf8,
    /// Windows-1252, and with it ISO 8859-1, which has control characters in place of some letters.
    Windows1252,
}

impl Encoding {
    /// Returns the name as declarations and remedies have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "utf-8",
            Self::Windows1252 => "windows-1252",
        }
    }
}

impl From<Encoding> for String {
    fn from(encoding: Encoding) -> Self {
        encoding.name().to_owned()
    }
}

impl TryFrom<String> for Encoding {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        name.parse()
    }
}

impl FromStr for Encoding {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name.to_ascii_lowercase().as_str() {
            "utf-8" | "utf8" => Ok(Self::Utf8),
            "windows-1252" | "latin1" | "iso-8859-1" => Ok(Self::Windows1252),
            _ => Err(format!("`{name}` is not read: use utf-8, latin1 or windows-1252")),
        }
    }
}

/// The way in which values are written, in all columns or in one.
#[derive(Clone, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Format {
    /// Texts that stand for a missing value, such as `-9`, `.` and `NULL`. Those of a column add to
    /// those of all columns.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// The character before the fraction of a number, `.` or `,`; a point if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decimal: Option<char>,
    /// The character between groups of three digits: `,`, `.`, `'` or a blank; none if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thousands: Option<char>,
    /// Words for true, beside `true`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub true_words: Vec<String>,
    /// Words for false, beside `false`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub false_words: Vec<String>,
    /// The form of dates, such as `DD.MM.YYYY`; `YYYY-MM-DD` if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
}

impl Format {
    /// Returns `true` if nothing is declared.
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }

    /// Returns the reason why values cannot be written so.
    pub(crate) fn problem(&self) -> Option<&'static str> {
        let decimal = self.decimal.unwrap_or('.');
        if !matches!(decimal, '.' | ',') {
            return Some("`decimal` is \".\" or \",\"");
        }
        if !self.thousands.is_none_or(|sign| matches!(sign, ',' | '.' | '\'' | ' ')) {
            return Some("`thousands` is \",\", \".\", \"'\" or \" \"");
        }
        if self.thousands == Some(decimal) {
            return Some("`thousands` and `decimal` are different; declare both");
        }
        if self.missing.iter().chain(self.words()).any(String::is_empty) {
            return Some("an empty text is missing already; remove it from the codes and words");
        }
        if self.true_words.iter().any(|word| self.false_words.contains(word)) {
            return Some("a word is both true and false; remove one");
        }
        if holds_word(&self.true_words, "false") || holds_word(&self.false_words, "true") {
            return Some("`true` and `false` mean what they say, in any case; remove them");
        }
        if !self.date.as_deref().is_none_or(is_form) {
            return Some("`date` has YYYY, MM and DD once each, such as \"DD.MM.YYYY\"");
        }
        let mut codes = self.missing.iter().map(|code| code.trim_matches(BLANKS));
        if codes.any(|code| self.words().any(|word| word.trim_matches(BLANKS) == code)) {
            return Some("a word is both a truth value and missing; remove one");
        }
        None
    }

    /// Lists the words for true and for false.
    fn words(&self) -> impl Iterator<Item = &String> {
        self.true_words.iter().chain(&self.false_words)
    }

    /// Returns the format of a column that declares its own.
    fn with(&self, own: &Self) -> Self {
        let mut missing = self.missing.clone();
        missing.extend(own.missing.iter().cloned());
        Self {
            missing,
            decimal: own.decimal.or(self.decimal),
            thousands: own.thousands.or(self.thousands),
            true_words: own_or(&own.true_words, &self.true_words),
            false_words: own_or(&own.false_words, &self.false_words),
            date: own.date.clone().or_else(|| self.date.clone()),
        }
    }
}

/// Returns `true` if one of the words is the built-in one, in any case.
fn holds_word(words: &[String], built_in: &str) -> bool {
    words.iter().any(|word| word.trim_matches(BLANKS).eq_ignore_ascii_case(built_in))
}

/// Returns the words of a column, or else those of all columns.
fn own_or(own: &[String], all: &[String]) -> Vec<String> {
    if own.is_empty() { all.to_vec() } else { own.to_vec() }
}

impl fmt::Debug for Format {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Format")
            .field("missing", &self.missing.len())
            .field("decimal", &self.decimal)
            .field("thousands", &self.thousands)
            .finish_non_exhaustive()
    }
}

/// The formats of all columns of a dataset.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Formats {
    /// The encoding of files of text.
    pub encoding: Encoding,
    /// The format of columns that have no other.
    #[serde(skip_serializing_if = "Format::is_plain")]
    pub all: Format,
    /// The own formats of columns, by their names.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<String, Format>,
}

impl Formats {
    /// Returns `true` if nothing is declared.
    pub fn are_plain(&self) -> bool {
        *self == Self::default()
    }

    /// Returns the format of a column.
    pub(crate) fn of(&self, column: &str) -> Format {
        self.columns.get(column).map_or_else(|| self.all.clone(), |own| self.all.with(own))
    }

    /// Returns `true` if a column has a declared format.
    pub(crate) fn has_declared(&self, column: &str) -> bool {
        !self.of(column).is_plain()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_columns_own_format_comes_first_and_codes_add_up() {
        let all = Format { missing: vec!["NA".into()], decimal: Some(','), ..Format::default() };
        let own = Format { missing: vec!["-9".into()], decimal: Some('.'), ..Format::default() };
        let formats =
            Formats { all, columns: [("a".to_owned(), own)].into(), ..Formats::default() };
        assert_eq!(formats.of("a").missing, ["NA", "-9"]);
        assert_eq!((formats.of("a").decimal, formats.of("b").decimal), (Some('.'), Some(',')));
    }

    #[test]
    fn formats_that_contradict_themselves_have_a_problem() {
        let wrong = |json: &str| serde_json::from_str::<Format>(json).unwrap().problem().is_some();
        for json in [
            r#"{"decimal": ";"}"#,
            r#"{"thousands": "."}"#,
            r#"{"thousands": "x"}"#,
            r#"{"decimal": ",", "thousands": ","}"#,
            r#"{"missing": [""]}"#,
            r#"{"true_words": ["x"], "false_words": ["x"]}"#,
            r#"{"true_words": ["x"], "missing": ["x"]}"#,
            r#"{"true_words": ["x"], "missing": [" x "]}"#,
            r#"{"false_words": ["True"]}"#,
            r#"{"true_words": ["FALSE"]}"#,
            r#"{"true_words": ["ja"], "false_words": ["nein", "tRUE"]}"#,
            r#"{"date": "DD.MM.YY"}"#,
        ] {
            assert!(wrong(json), "{json}");
        }
        assert!(!wrong(r#"{"true_words": ["TRUE", "1"], "false_words": ["false", "0"]}"#));
        assert!(!wrong(r#"{"decimal": ",", "thousands": ".", "missing": ["-9"]}"#));
    }

    #[test]
    fn debug_forms_show_no_code() {
        let format = Format { missing: vec!["hidden".into()], ..Format::default() };
        assert!(!format!("{format:?}").contains("hidden"));
    }
}
