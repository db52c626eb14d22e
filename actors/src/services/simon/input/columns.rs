//! Reads columns, and counts that were made near the source, as the input of a function. A function
//! takes one column for each value of a row.

use cloister_protocols::catalogue::{Descriptor, InputKind};
use cloister_protocols::computation::Input;
use cloister_sources::Values;

use super::cells::{doubles, numbers, texts};
use super::keyed;
use crate::services::datasets::{Contents, Group};
use crate::vocabulary::data::Data;
use crate::vocabulary::error::ApiError;

/// Reads columns as the function takes them.
///
/// # Errors
/// If they are too many, too few, of another type, or of numbers that the function does not take.
pub(super) fn of_columns(columns: &[Values], function: &Descriptor) -> Result<Input, ApiError> {
    use InputKind::{
        Extremes, Keyed, Matrix, Numbers, Other, Points, Ranked, Regressors, Set, TextPairs, Texts,
        Vector,
    };
    let rows = count_rows(columns)?;
    match (function.input, columns) {
        (Numbers | Vector, [column]) => numbers(column),
        (Texts | Set, [column]) => texts(column).map(Input::Texts),
        (TextPairs, [x, y]) => Ok(Input::TextPairs(texts(x)?.into_iter().zip(texts(y)?).collect())),
        (Points, [x, y]) => Ok(Input::Points(doubles(x)?.into_iter().zip(doubles(y)?).collect())),
        // A single number is its own minimum and maximum.
        (Extremes, [column]) => {
            Ok(Input::Points(doubles(column)?.into_iter().map(|x| (x, x)).collect()))
        }
        (Matrix | Regressors, columns) => matrix(rows, columns),
        (Keyed(_), columns) => keyed::of_columns(columns),
        (Numbers | Vector | Texts | Set | Extremes, _) => {
            Err(wrong_columns("one column", columns, function))
        }
        (TextPairs | Points, _) => Err(wrong_columns("two columns", columns, function)),
        (Ranked, _) => {
            let needed = "an object with `rank`, and a selection of one column as its `array`";
            Err(wrong_columns(needed, columns, function))
        }
        (Other, _) => Err(wrong_columns("no selection", columns, function)),
    }
}

/// Reads counted groups as the function takes them.
pub(super) fn of_groups(groups: &[Group], function: &Descriptor) -> Result<Input, ApiError> {
    match function.input {
        InputKind::Texts => groups
            .iter()
            .map(|(names, count)| match names.as_slice() {
                [x] => Ok((x.clone(), *count)),
                _ => Err(takes_no_counts(function)),
            })
            .collect::<Result<_, _>>()
            .map(Input::CountedTexts),
        InputKind::TextPairs => groups
            .iter()
            .map(|(names, count)| match names.as_slice() {
                [x, y] => Ok(((x.clone(), y.clone()), *count)),
                _ => Err(takes_no_counts(function)),
            })
            .collect::<Result<_, _>>()
            .map(Input::CountedPairs),
        _ => Err(takes_no_counts(function)),
    }
}

/// Returns data as a client would write them for a function of this kind, to be one part of a larger
/// input. Where it takes numbers, truth values are 0 and 1, as in a selection alone.
///
/// # Errors
/// If they were counted or added near their source.
pub(crate) fn as_data(contents: &Contents, kind: InputKind) -> Result<Data, ApiError> {
    match contents {
        Contents::Json(data) => Ok(data.for_computing().clone()),
        Contents::Columns(columns) => rows_as_data(columns.for_computing(), kind),
        Contents::Groups(_) | Contents::Added(_) => {
            Err(ApiError::internal("data that were counted cannot be part of a larger input"))
        }
    }
}

fn rows_as_data(columns: &[Values], kind: InputKind) -> Result<Data, ApiError> {
    let rows = count_rows(columns)?;
    let mut cells = Vec::with_capacity(columns.len());
    for (place, column) in columns.iter().enumerate() {
        let is_category = match kind {
            InputKind::Texts | InputKind::TextPairs | InputKind::Set => true,
            InputKind::Keyed(_) => place == 0 || matches!(column, Values::Texts(_)),
            _ => false,
        };
        cells.push(if is_category { category_cells(column)? } else { number_cells(column)? });
    }
    match <[Vec<Data>; 1]>::try_from(cells) {
        Ok([column]) if kind == InputKind::Extremes => {
            Ok(Data::list(column.into_iter().map(its_own_extremes)))
        }
        Ok([column]) => Ok(Data::list(column)),
        Err(columns) => Ok(Data::list(transpose(rows, &columns).into_iter().map(Data::list))),
    }
}

fn its_own_extremes(number: Data) -> Data {
    let maximum = ("maximum".to_owned(), number.clone());
    Data::Map([("minimum".to_owned(), number), maximum].into())
}

/// Returns the cells of a column of categories.
fn category_cells(column: &Values) -> Result<Vec<Data>, ApiError> {
    Ok(texts(column)?.into_iter().map(Data::Text).collect())
}

/// Returns the cells of a column of numbers. The reader of the whole refuses those of another type.
fn number_cells(column: &Values) -> Result<Vec<Data>, ApiError> {
    if matches!(column, Values::Texts(_)) {
        return category_cells(column);
    }
    match &numbers(column)? {
        Input::Integers(values) => Ok(values.iter().copied().map(Data::Integer).collect()),
        Input::Numbers(values) => Ok(values.iter().copied().map(Data::Number).collect()),
        _ => Err(ApiError::internal("a column of numbers was read as something else")),
    }
}

fn matrix(rows: usize, columns: &[Values]) -> Result<Input, ApiError> {
    let lists: Vec<Vec<f64>> = columns.iter().map(doubles).collect::<Result<_, _>>()?;
    let elements = transpose(rows, &lists).concat();
    Ok(Input::Matrix { rows, columns: lists.len(), elements })
}

/// Counts the rows of columns, which all have one length.
///
/// # Errors
/// If a column has another length than the first, which is a fault of this node.
fn count_rows(columns: &[Values]) -> Result<usize, ApiError> {
    let rows = columns.first().map_or(0, Values::len);
    if columns.iter().any(|column| column.len() != rows) {
        return Err(ApiError::internal("selected columns differ in length"));
    }
    Ok(rows)
}

/// Returns the rows of columns that have so many cells each.
fn transpose<T: Clone>(rows: usize, columns: &[Vec<T>]) -> Vec<Vec<T>> {
    (0..rows).map(|row| columns.iter().map(|column| cell(column, row)).collect()).collect()
}

fn cell<T: Clone>(column: &[T], row: usize) -> T {
    column.get(row).expect("all columns have one length").clone()
}

fn takes_no_counts(function: &Descriptor) -> ApiError {
    ApiError::internal(format!("{} takes no counts", function.name))
}

fn wrong_columns(needed: &str, columns: &[Values], function: &Descriptor) -> ApiError {
    let message = format!("{} takes {needed}, not {} columns", function.name, columns.len());
    ApiError::argument("data", message)
        .hint("select as many columns of the dataset as the function takes")
}
