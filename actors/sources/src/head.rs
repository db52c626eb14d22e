//! The head of a source: its columns as they are found, before a declaration chooses among them.
//!
//! Each column keeps its own result. A nameless, doubled or unreadable column is an error only for
//! a dataset that needs it.

use std::collections::BTreeMap;

use crate::column::{Column, Kind, MAX_NAME, Times};
use crate::error::{CellProblem, DataError, HeaderProblem, Place};
use crate::partition::PartitionKey;

/// Advice on columns of 32-bit floats.
pub(crate) const SINGLE: &str = "numbers of single precision: each is the double that equals it, such \
    as 0.10000000149011612 for 0.1; in conditions compare it by ranges";

/// A column of a source.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct FoundColumn {
    pub(crate) name: String,
    /// The kind of its values unless its owner declares another. `None` if it has no values.
    pub(crate) kind: Result<Option<Kind>, KindProblem>,
    /// The reason why no dataset can have this column.
    pub(crate) problem: Option<HeaderProblem>,
    /// The time that its texts tell.
    pub(crate) times: Option<Times>,
    /// Advice for the owner.
    pub(crate) notes: Vec<String>,
}

/// Reasons why the kind of a column is not known.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum KindProblem {
    /// The type of that name is not read.
    Unread(String),
    /// Values of the type of that name are texts, or lists, with parts: they are read as texts if
    /// their owner says so.
    Document(String),
    /// Values of the type of that name are lengths of time: seconds or texts, as their owner says.
    Duration(String),
    /// Values of that description need a declared kind.
    Mixed(&'static str),
    /// Numbers have commas, first in this place.
    Comma(Place, CellProblem),
}

impl FoundColumn {
    pub(crate) fn new(name: String, kind: Result<Option<Kind>, KindProblem>) -> Self {
        Self { name, kind, problem: None, times: None, notes: Vec::new() }
    }

    /// Describes the column, by the declared kind if there is one.
    pub(crate) fn to_column(&self, declared: Option<Kind>) -> Result<Column, DataError> {
        if let Some(problem) = &self.problem {
            return Err(DataError::Header(problem.clone()));
        }
        let kind = self.kind_as(declared)?;
        Ok(Column { name: self.name.clone(), kind, unit: None, range: None, levels: None })
    }

    fn kind_as(&self, declared: Option<Kind>) -> Result<Kind, DataError> {
        let column = self.name.clone();
        match (&self.kind, declared) {
            (Err(KindProblem::Unread(kind)), _) => {
                Err(DataError::Type { column, kind: kind.clone() })
            }
            (Err(KindProblem::Document(kind)), declared) if declared != Some(Kind::Text) => {
                Err(DataError::Document { column, kind: kind.clone() })
            }
            (Err(KindProblem::Duration(kind)), declared)
                if !matches!(declared, Some(Kind::Integer | Kind::Number | Kind::Text)) =>
            {
                Err(DataError::Duration { column, kind: kind.clone() })
            }
            (_, Some(declared)) => Ok(declared),
            (Err(KindProblem::Document(_) | KindProblem::Duration(_)), None) => Ok(Kind::Text),
            (Ok(kind), None) => Ok(kind.unwrap_or(Kind::Unknown)),
            (Err(KindProblem::Mixed(holds)), None) => Err(DataError::Mixed { column, holds }),
            (Err(KindProblem::Comma(place, problem)), None) => {
                let (place, problem) = (place.clone(), *problem);
                Err(DataError::Cell { place, column, problem })
            }
        }
    }
}

/// The columns of a source, in its order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Head {
    columns: Vec<FoundColumn>,
    /// The first column of each name, by its index.
    places: BTreeMap<String, usize>,
}

impl Head {
    /// Judges the names of columns, each for itself.
    pub(crate) fn new(mut columns: Vec<FoundColumn>) -> Self {
        let mut times: BTreeMap<String, usize> = BTreeMap::new();
        for column in &columns {
            *times.entry(column.name.clone()).or_default() += 1;
        }
        for (number, column) in (1..).zip(&mut columns) {
            let twice = times.get(&column.name).is_some_and(|times| *times > 1);
            let problem = name_problem(number, &column.name, twice);
            column.problem = column.problem.take().or(problem);
        }
        let mut places = BTreeMap::new();
        for (place, column) in columns.iter().enumerate() {
            places.entry(column.name.clone()).or_insert(place);
        }
        Self { columns, places }
    }

    /// Adds the columns of a file's path behind its own. One that the file has itself is there twice.
    pub(crate) fn with_keys(self, keys: &[PartitionKey]) -> Self {
        let keys = keys.iter().map(|key| FoundColumn::new(key.column.clone(), Ok(None)));
        Self::new(self.columns.into_iter().chain(keys).collect())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    pub(crate) fn columns(&self) -> &[FoundColumn] {
        &self.columns
    }

    /// Sets the kind of a column.
    pub(crate) fn set_kind(&mut self, name: &str, kind: Result<Option<Kind>, KindProblem>) {
        let place = self.places.get(name).copied();
        if let Some(column) = place.and_then(|place| self.columns.get_mut(place)) {
            column.kind = kind;
        }
    }

    /// Sets the time that a column's texts tell, and the advice on it.
    pub(crate) fn set_notes(&mut self, name: &str, times: Option<Times>, notes: Vec<String>) {
        let place = self.places.get(name).copied();
        if let Some(column) = place.and_then(|place| self.columns.get_mut(place)) {
            (column.times, column.notes) = (times, notes);
        }
    }

    /// Returns the column of that name; of a doubled name, one that says so.
    pub(crate) fn column(&self, name: &str) -> Option<&FoundColumn> {
        self.columns.get(self.place(name)?)
    }

    /// Returns the index of the first column of that name.
    pub(crate) fn place(&self, name: &str) -> Option<usize> {
        self.places.get(name).copied()
    }

    /// Joins the head of another file of the same folder, by the names of columns.
    pub(crate) fn join(&mut self, first: &str, other: Self, file: &str) {
        let mut others: BTreeMap<String, FoundColumn> =
            other.columns.into_iter().map(|column| (column.name.clone(), column)).collect();
        for column in &mut self.columns {
            let problem = match others.remove(&column.name) {
                Some(other) => {
                    column.kind = joined(column.kind.clone(), other.kind);
                    column.times = column.times.filter(|times| other.times == Some(*times));
                    other.problem
                }
                None => Some(HeaderProblem::Absent {
                    column: column.name.clone(),
                    file: file.to_owned(),
                }),
            };
            column.problem = column.problem.take().or(problem);
        }
        for (name, mut column) in others {
            let absent = HeaderProblem::Absent { column: name.clone(), file: first.to_owned() };
            column.problem = Some(absent);
            self.places.insert(name, self.columns.len());
            self.columns.push(column);
        }
    }
}

/// Returns the kind that holds the values of both.
fn joined(
    one: Result<Option<Kind>, KindProblem>,
    other: Result<Option<Kind>, KindProblem>,
) -> Result<Option<Kind>, KindProblem> {
    match (one?, other?) {
        (None, kind) | (kind, None) => Ok(kind),
        (Some(one), Some(other)) if one == other => Ok(Some(one)),
        (Some(Kind::Integer | Kind::Number), Some(Kind::Integer | Kind::Number)) => {
            Ok(Some(Kind::Number))
        }
        _ => Err(KindProblem::Mixed("values of different types in the files of its folder")),
    }
}

/// Returns the reason why a column of that name, at that place from 1, cannot be chosen.
fn name_problem(number: usize, name: &str, twice: bool) -> Option<HeaderProblem> {
    let hidden = name.trim() != name || name.chars().any(char::is_control);
    if name.is_empty() {
        Some(HeaderProblem::Nameless(number))
    } else if hidden || name.len() > MAX_NAME {
        Some(HeaderProblem::Name(number))
    } else if twice {
        Some(HeaderProblem::Twice(name.to_owned()))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(columns: &[(&str, Option<Kind>)]) -> Head {
        let found = |(name, kind): &(&str, _)| FoundColumn::new((*name).to_owned(), Ok(*kind));
        Head::new(columns.iter().map(found).collect())
    }

    #[test]
    fn each_column_has_its_own_result() {
        let head = head(&[("", None), ("a", None), ("b", None), ("b", None), ("c\n", None)]);
        let wrong: Vec<_> = head.columns().iter().map(|found| found.problem.is_some()).collect();
        assert_eq!(wrong, [true, false, true, true, true]);
        assert!(head.column("a").unwrap().to_column(None).is_ok());
        assert!(head.column("b").unwrap().to_column(None).is_err());
    }

    #[test]
    fn files_are_joined_by_name_and_kinds_are_widened() {
        let mut first = head(&[("a", Some(Kind::Integer)), ("b", None), ("c", Some(Kind::Text))]);
        let other = head(&[
            ("c", Some(Kind::Truth)),
            ("b", Some(Kind::Truth)),
            ("a", Some(Kind::Number)),
            ("d", None),
        ]);
        first.join("1", other, "2");
        let kind = |name: &str| Some(first.column(name)?.to_column(None).ok()?.kind);
        assert_eq!(kind("a"), Some(Kind::Number));
        assert_eq!(kind("b"), Some(Kind::Truth));
        assert_eq!((kind("c"), kind("d")), (None, None));
        // A declared kind settles it.
        assert!(first.column("c").unwrap().to_column(Some(Kind::Text)).is_ok());
    }
}
