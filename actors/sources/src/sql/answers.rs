//! The meaning of what short answers hold: kinds, counts, sums, groups.

use super::dialect::{Described, Dialect, Native, Row, cell_error};
use crate::column::{Column, Kind, Times};
use crate::error::{DataError, SourceError};
use crate::head::{FoundColumn, KindProblem, SINGLE};
use crate::values::Cell;

/// Names of columns with their kinds.
pub(super) type Kinds = Vec<(String, Result<Option<Kind>, KindProblem>)>;

pub(super) fn found_by_type(column: &Described) -> FoundColumn {
    let kind = match column.native {
        None => Err(KindProblem::Unread(column.type_name.clone())),
        Some(Native::Document) => Err(KindProblem::Document(column.type_name.clone())),
        Some(native) => Ok(native.kind()),
    };
    let mut found = FoundColumn::new(column.name.clone(), kind);
    found.times = match column.native {
        Some(Native::Day) => Some(Times::Days),
        Some(Native::Local | Native::Instant) => Some(Times::Timestamps),
        _ => None,
    };
    if column.native == Some(Native::Single) {
        found.notes.push(SINGLE.to_owned());
    }
    found
}

/// Infers the kind of a column from the five answers of [`Dialect::type_probe`].
pub(super) fn kind_of_values(
    column: &Described,
    seen: &[Option<i128>],
) -> Result<Option<Kind>, KindProblem> {
    let probe = <[Option<i128>; 5]>::try_from(seen).expect("a probe has five answers");
    let [other_integers, integers, reals, texts, blobs] = probe.map(|answer| answer == Some(1));
    let truth = matches!(column.native, Some(Native::Dynamic { truth: true }));
    match (integers, reals, texts, blobs) {
        (_, _, _, true) => Err(KindProblem::Unread("BLOB".to_owned())),
        (true, _, true, _) | (_, true, true, _) => {
            Err(KindProblem::Mixed("texts and numbers in one column"))
        }
        (_, true, false, _) => Ok(Some(Kind::Number)),
        (true, false, false, _) if truth && !other_integers => Ok(Some(Kind::Truth)),
        (true, false, false, _) => Ok(Some(Kind::Integer)),
        (false, false, true, _) => Ok(Some(Kind::Text)),
        (false, false, false, _) => Ok(None),
    }
}

pub(super) fn integer<D: Dialect>(row: &Row<D>, index: usize) -> Option<i128> {
    match D::cell(row, index, Native::Integer) {
        Ok(Cell::Integer(value)) => Some(i128::from(value)),
        _ => None,
    }
}

pub(super) fn text_integer<D: Dialect>(row: &Row<D>, index: usize) -> Option<i128> {
    match D::cell(row, index, Native::Text) {
        Ok(Cell::Text(text)) => text.parse().ok(),
        _ => None,
    }
}

pub(super) fn unsigned(number: Option<i128>) -> Result<u64, SourceError> {
    match number.map(u64::try_from) {
        Some(Ok(number)) => Ok(number),
        _ => Err(DataError::TooManyRows.into()),
    }
}

/// Adds the terms of a sum, or returns `None` if it overflows. The sum of no rows is NULL.
pub(super) fn total(sums: &[Option<i128>], parts: &[(String, i128)]) -> Option<i128> {
    let mut total: i128 = 0;
    for (sum, (_, factor)) in sums.iter().zip(parts) {
        total = total.checked_add(sum.unwrap_or(0).checked_mul(*factor)?)?;
    }
    Some(total)
}

/// Reads a group: its keys, and its number of rows.
pub(super) fn group<D: Dialect>(
    row: &Row<D>,
    columns: &[(&Column, Native)],
) -> Result<(Vec<Option<String>>, u64), SourceError> {
    let mut keys = Vec::new();
    for (index, (column, native)) in columns.iter().enumerate() {
        let key =
            D::key(row, index, *native).map_err(|problem| cell_error(&column.name, problem))?;
        keys.push(match key.as_deref() {
            Some("0") if column.kind == Kind::Truth => Some("false".to_owned()),
            Some("1") if column.kind == Kind::Truth => Some("true".to_owned()),
            _ => key,
        });
    }
    let rows = integer::<D>(row, columns.len());
    Ok((keys, unsigned(rows)?))
}
