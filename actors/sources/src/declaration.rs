//! Declarations of datasets, which an operator makes before the node reads the source.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::column::{Column, Kind, MAX_COLUMNS};
use crate::error::{DataError, DeclarationError, Errors, HeaderProblem, SourceError};
use crate::format::{Encoding, Format, Formats};
use crate::head::Head;
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
    /// The way in which values of all columns are written.
    #[serde(default)]
    pub format: Format,
    /// The encoding of a CSV file; UTF-8 if not given.
    #[serde(default)]
    pub encoding: Encoding,
}

/// A column as its owner declares it.
#[derive(Clone, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct DeclaredColumn {
    /// Its name in the source.
    pub name: String,
    /// The kind of its values; inferred if not given, or unknown.
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
    /// The way in which its values are written, where it differs from other columns.
    #[serde(default)]
    pub format: Format,
}

impl DeclaredColumn {
    /// Returns the declared kind. Unknown is none, as a copied description may have it.
    fn declared_kind(&self) -> Option<Kind> {
        self.kind.filter(|kind| *kind != Kind::Unknown)
    }
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

/// The columns of a source that a declaration is about, and those of them without a declared kind.
pub(crate) struct Wanted<'a> {
    /// The declared columns, with their kinds; none for all columns of the source.
    declared: BTreeMap<&'a str, Option<Kind>>,
    formats: Formats,
}

impl Wanted<'_> {
    /// Returns all columns of a source, without declared kinds.
    pub(crate) fn all() -> Self {
        Self { declared: BTreeMap::new(), formats: Formats::default() }
    }

    /// Returns the formats of columns.
    pub(crate) fn formats(&self) -> &Formats {
        &self.formats
    }

    /// Returns `true` if a column is named, and not only wanted with all others.
    pub(crate) fn names(&self, column: &str) -> bool {
        self.declared.contains_key(column)
    }

    /// Returns `true` if a column is wanted.
    pub(crate) fn includes(&self, column: &str) -> bool {
        self.declared.is_empty() || self.names(column)
    }

    /// Returns `true` if the kind of a column is to be inferred.
    pub(crate) fn infers(&self, column: &str) -> bool {
        let declared = self.declared.get(column).copied().flatten();
        self.includes(column) && declared.is_none()
    }
}

impl Declaration {
    /// Declares all columns of a source, as they are inferred.
    pub fn new(name: &str, source: Source) -> Self {
        Self {
            name: name.to_owned(),
            source,
            columns: Vec::new(),
            key: None,
            format: Format::default(),
            encoding: Encoding::default(),
        }
    }

    /// Returns the formats of all columns.
    pub(crate) fn formats(&self) -> Formats {
        let own = self.columns.iter().filter(|column| !column.format.is_plain());
        Formats {
            encoding: self.encoding,
            all: self.format.clone(),
            columns: own.map(|column| (column.name.clone(), column.format.clone())).collect(),
        }
    }

    /// Checks all that can be checked without the source.
    pub(crate) fn check(&self) -> Result<(), SourceError> {
        let mut errors = Errors::default();
        if !is_dataset_name(&self.name) {
            errors.push(DeclarationError::Name);
        }
        let mut names = BTreeSet::new();
        for column in &self.columns {
            if !names.insert(&column.name) {
                errors.push(DeclarationError::DeclaredTwice(column.name.clone()));
            }
        }
        let formats = self.formats();
        let own = self.columns.iter().map(|column| formats.of(&column.name));
        for format in [self.format.clone()].into_iter().chain(own) {
            errors.value(format.problem().map_or(Ok(()), |why| Err(DeclarationError::Format(why))));
        }
        if self.encoding != Encoding::Utf8 && !matches!(self.source, Source::Csv { .. }) {
            errors.push(DeclarationError::Encoding);
        }
        errors.finish()
    }

    /// Returns the columns that are to be found in the source.
    pub(crate) fn wanted(&self) -> Wanted<'_> {
        let declared =
            self.columns.iter().map(|column| (column.name.as_str(), column.declared_kind()));
        Wanted { declared: declared.collect(), formats: self.formats() }
    }

    /// Chooses and checks the columns of the dataset, among those found in the source. Tells all
    /// errors together.
    pub(crate) fn columns(&self, head: &Head) -> Result<Vec<Column>, SourceError> {
        if head.is_empty() {
            return Err(DeclarationError::NoColumns.into());
        }
        let mut errors = Errors::default();
        let mut columns = Vec::new();
        if self.columns.is_empty() {
            let found = head.columns().iter().map(|found| found.to_column(None));
            columns.extend(found.filter_map(|column| errors.value(column)));
        }
        for declared in &self.columns {
            columns.extend(errors.value(described(declared, head)));
        }
        if columns.len() > MAX_COLUMNS {
            errors.push(DataError::Header(HeaderProblem::TooMany));
        }
        for column in &columns {
            errors.value(check_expectations(column));
        }
        errors.value(self.check_key(&columns, head));
        errors.finish().map(|()| columns)
    }

    fn check_key(&self, columns: &[Column], head: &Head) -> Result<(), DeclarationError> {
        let Some(key) = &self.key else { return Ok(()) };
        let column = columns.iter().find(|column| column.name == *key);
        match column.map(|column| column.kind) {
            Some(Kind::Integer | Kind::Text | Kind::Unknown) => Ok(()),
            Some(Kind::Number | Kind::Truth | Kind::Date) => {
                Err(DeclarationError::KeyKind(key.clone()))
            }
            // The error of that column is told already.
            None if self.wanted().includes(key) && head.column(key).is_some() => Ok(()),
            None => Err(DeclarationError::NoColumn(key.clone())),
        }
    }
}

/// Returns whether a dataset can have this name.
#[must_use]
pub fn is_dataset_name(name: &str) -> bool {
    (1..=100).contains(&name.len()) && name.bytes().all(is_name_byte)
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._-".contains(&byte)
}

/// Describes a declared column, with the kind found unless it is declared.
fn described(declared: &DeclaredColumn, head: &Head) -> Result<Column, SourceError> {
    let Some(found) = head.column(&declared.name) else {
        return Err(DeclarationError::NoColumn(declared.name.clone()).into());
    };
    Ok(Column {
        unit: declared.unit.clone(),
        range: declared.range,
        levels: declared.levels.clone(),
        ..found.to_column(declared.declared_kind())?
    })
}

/// Checks that a range is of numbers, and that levels are different texts.
fn check_expectations(column: &Column) -> Result<(), DeclarationError> {
    let numeric = matches!(column.kind, Kind::Integer | Kind::Number | Kind::Unknown);
    if let Some([low, high]) = column.range {
        let ordered = low.is_finite() && high.is_finite() && low <= high;
        if !(numeric && ordered) {
            return Err(DeclarationError::Range(column.name.clone()));
        }
    }
    if let Some(levels) = &column.levels {
        let different: BTreeSet<_> = levels.iter().collect();
        let of_texts = matches!(column.kind, Kind::Text | Kind::Unknown);
        if !of_texts || different.len() != levels.len() {
            return Err(DeclarationError::Levels(column.name.clone()));
        }
    }
    Ok(())
}
