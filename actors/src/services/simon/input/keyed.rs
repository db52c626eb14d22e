//! Rows that begin with an id.
//!
//! A row is a list, or an id alone where no values follow it. A list of rows is fed item by item,
//! so that it may come inside one more list. Ids are texts; numbers stand for their text. The
//! values at one place of all rows are a column: of numbers, if all are, or of texts.

use cloister_protocols::computation::{Column, Input};
use cloister_sources::Values;

use super::{cells, items, nearest_double, text};
use crate::vocabulary::data::Data;
use crate::vocabulary::error::ApiError;

/// Reads rows.
///
/// # Errors
/// If an id or a cell is neither text nor number, or rows differ in length.
pub(super) fn keyed(data: &Data) -> Result<Input, ApiError> {
    let rows = match data {
        Data::List(list) => match list.as_slice() {
            [Data::List(rows)] if rows.iter().any(is_list) => rows.as_slice(),
            _ => list,
        },
        // Ids alone, all numbers, or one row of nothing else: the ids are meant.
        _ => return ids(data),
    };
    let width = rows.first().map_or(1, |row| items(row).count());
    let mut ids = Vec::with_capacity(rows.len());
    let mut cells: Vec<Vec<Data>> = vec![Vec::new(); width.saturating_sub(1)];
    for (at, row) in rows.iter().enumerate() {
        let mut row = items(row);
        ids.push(text((at, row.next().unwrap_or(Data::Null)))?);
        let length = row.zip(&mut cells).map(|(cell, column)| column.push(cell)).count() + 1;
        if length != width || items(rows.get(at).unwrap_or(&Data::Null)).count() != width {
            let message = format!("row {at} has another length than row 0");
            return Err(ApiError::argument("data", message).hint(HINT));
        }
    }
    let columns = cells.into_iter().map(column).collect::<Result<_, _>>()?;
    Ok(Input::Keyed { ids, columns })
}

/// Reads columns of a dataset, of which the first has the ids.
///
/// # Errors
/// If there is no column.
pub(super) fn of_columns(selected: &[Values]) -> Result<Input, ApiError> {
    let (ids, others) = selected.split_first().ok_or_else(|| {
        ApiError::argument("data", "no column is selected")
            .hint("select the column of the ids, and behind it those that the function takes")
    })?;
    let column = |values: &Values| match values {
        Values::Texts(_) => cells::texts(values).map(Column::Texts),
        _ => cells::doubles(values).map(Column::Numbers),
    };
    let columns = others.iter().map(column).collect::<Result<_, _>>()?;
    Ok(Input::Keyed { ids: cells::texts(ids)?, columns })
}

const HINT: &str = "give each row as a list that begins with its id: [[\"a17\", 1.5], [\"b3\", 2]]; rows count from 0";

fn ids(data: &Data) -> Result<Input, ApiError> {
    let ids = items(data).enumerate().map(text).collect::<Result<_, _>>()?;
    Ok(Input::Keyed { ids, columns: Vec::new() })
}

fn column(cells: Vec<Data>) -> Result<Column, ApiError> {
    let number = |cell: &Data| match cell {
        Data::Integer(value) => Some(nearest_double(*value)),
        Data::Number(value) => Some(*value),
        _ => None,
    };
    if let Some(numbers) = cells.iter().map(number).collect() {
        return Ok(Column::Numbers(numbers));
    }
    cells.into_iter().enumerate().map(text).collect::<Result<_, _>>().map(Column::Texts)
}

fn is_list(data: &Data) -> bool {
    matches!(data, Data::List(_) | Data::Integers(_) | Data::Numbers(_))
}
