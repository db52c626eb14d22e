//! Rows that begin with an id.
//!
//! A row is a list, or an id alone where no values follow it. Parts of a party's data are joined
//! item by item, so the list of rows may come inside one more list. Ids are texts; numbers stand for
//! their text. The values at one place of all rows are a column: of numbers, if all are, or of texts.

use cloister_protocols::computation::{Column, Input};
use cloister_sources::Values;

use super::{cells, exact_number, items, text, texts};
use crate::vocabulary::data::Data;
use crate::vocabulary::error::ApiError;

/// Reads rows.
///
/// # Errors
/// If an id or a cell is neither text nor number, or rows differ in length.
pub(super) fn keyed(data: &Data) -> Result<Input, ApiError> {
    let Data::List(rows) = inner_rows(data) else {
        // Ids alone, all numbers, or one row of nothing else: the ids are meant.
        return ids(data);
    };
    let width = rows.first().map_or(1, |row| items(row).count());
    let mut ids = Vec::with_capacity(rows.len());
    let mut columns: Vec<Vec<Data>> = vec![Vec::new(); width.saturating_sub(1)];
    for (at, row) in rows.iter().enumerate() {
        let row: Vec<Data> = items(row).collect();
        if row.len() != width {
            let message = format!("row {at} has another length than row 0");
            return Err(ApiError::argument("data", message).hint(HINT));
        }
        let mut cells = row.into_iter();
        // A row without a cell has no id, as if it were null.
        ids.push(text(at, cells.next().unwrap_or(Data::Null))?);
        columns.iter_mut().zip(cells).for_each(|(column, cell)| column.push(cell));
    }
    let columns = columns.into_iter().map(json_column).collect::<Result<_, _>>()?;
    Ok(Input::Keyed { ids, columns })
}

/// Returns the list of the rows, which may stand inside one more.
pub(super) fn inner_rows(data: &Data) -> &Data {
    let Data::List(list) = data else { return data };
    match list.as_slice() {
        [inner @ Data::List(rows)] if rows.iter().any(is_list) => inner,
        _ => data,
    }
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
    let columns = others.iter().map(dataset_column).collect::<Result<_, _>>()?;
    Ok(Input::Keyed { ids: cells::texts(ids)?, columns })
}

fn dataset_column(values: &Values) -> Result<Column, ApiError> {
    match values {
        Values::Texts(_) => cells::texts(values).map(Column::Texts),
        _ => cells::doubles(values).map(Column::Numbers),
    }
}

const HINT: &str = "give each row as a list that begins with its id: [[\"a17\", 1.5], [\"b3\", 2]]; rows count from 0";

fn ids(data: &Data) -> Result<Input, ApiError> {
    Ok(Input::Keyed { ids: texts(data)?, columns: Vec::new() })
}

fn json_column(cells: Vec<Data>) -> Result<Column, ApiError> {
    if cells.iter().all(|cell| matches!(cell, Data::Integer(_) | Data::Number(_))) {
        return cells
            .iter()
            .enumerate()
            .map(|(at, cell)| exact_number(&format_args!("a value of row {at}"), cell))
            .collect::<Result<_, _>>()
            .map(Column::Numbers);
    }
    let cells = cells.into_iter().enumerate();
    cells.map(|(at, cell)| text(at, cell)).collect::<Result<_, _>>().map(Column::Texts)
}

fn is_list(data: &Data) -> bool {
    matches!(data, Data::List(_) | Data::Integers(_) | Data::Numbers(_))
}
