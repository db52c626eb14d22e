//! A matrix, as a list of its rows.
//!
//! Parts of a party's data are joined item by item, so that list may come inside one more. `[[1, 2]]` is a matrix of one
//! row, not a list in a list: then its rows would be scalars. `[1, 2]` is refused, because a row
//! and a column could both be meant; they lead to other products. In a regression a row alone makes
//! no sense: there it is a column.

use cloister_protocols::computation::Input;

use super::{exact_number, is_table, items, numbers, wrong_kind};
use crate::vocabulary::data::Data;
use crate::vocabulary::error::ApiError;

/// Reads a matrix of regressors, or the numbers of the one column that they explain.
pub(super) fn regressors(data: &Data) -> Result<Input, ApiError> {
    match data {
        Data::Integers(_) | Data::Numbers(_) => numbers(data),
        _ => matrix(data),
    }
}

/// Reads one matrix; an empty list is none, of 0 rows and columns.
pub(super) fn matrix(data: &Data) -> Result<Input, ApiError> {
    let rows = match data {
        Data::List(list) => match list.as_slice() {
            [Data::List(rows)] if rows.first().is_none_or(is_list) => rows,
            [Data::List(rows), ..] if rows.first().is_some_and(is_list) => return Err(several()),
            _ => list,
        },
        Data::Integers(list) if list.len() > 1 => return Err(flat()),
        Data::Numbers(list) if list.len() > 1 => return Err(flat()),
        // R writes a list of one as a scalar: this is a matrix of one element.
        one => return from_rows(&items(one).collect::<Vec<_>>()),
    };
    if let Some((at, row)) = rows.iter().enumerate().find(|(_, row)| !is_list(row)) {
        let error = wrong_kind(&format_args!("row {at}"), "a list", row);
        let has_own_hint = is_table(row) || *row == Data::Null;
        return Err(if has_own_hint { error } else { error.hint(HINT) });
    }
    from_rows(rows)
}

const HINT: &str = "give a matrix as the list of its rows: [[1, 2], [3, 4]]; a row as [[1, 2]], a \
                    column as [[1], [2]]; rows count from 0";

fn from_rows(rows: &[Data]) -> Result<Input, ApiError> {
    let columns = rows.first().map_or(0, |row| items(row).count());
    let mut elements = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        let before = elements.len();
        for (column, element) in items(row).enumerate() {
            let place = format_args!("row {at}, column {column}");
            elements.push(exact_number(&place, &element)?);
        }
        let length = elements.len() - before;
        if length != columns {
            return Err(ragged(at, length, columns));
        }
    }
    let rows = if columns == 0 { 0 } else { rows.len() };
    Ok(Input::Matrix { rows, columns, elements })
}

fn is_list(data: &Data) -> bool {
    matches!(data, Data::List(_) | Data::Integers(_) | Data::Numbers(_))
}

fn ragged(at: usize, length: usize, columns: usize) -> ApiError {
    let message = format!("row {at} has length {length}, but row 0 has length {columns}");
    ApiError::argument("data", message).hint(HINT)
}

fn several() -> ApiError {
    ApiError::argument("data", "one matrix for each party is needed, not several").hint(HINT)
}

fn flat() -> ApiError {
    ApiError::argument("data", "a list of numbers may be a row or a column").hint(HINT)
}
