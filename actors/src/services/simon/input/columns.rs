//! From columns, or from counts and sums made near the source, to the input of a function. A
//! function takes as many columns as values of a row.

use cloister_protocols::catalogue::{Descriptor, InputKind};
use cloister_protocols::computation::Input;
use cloister_sources::Values;

use super::cells::{complete, doubles, numbers, texts};
use super::keyed;
use crate::services::datasets::Contents;
use crate::vocabulary::data::Data;
use crate::vocabulary::error::ApiError;

/// Reads columns as the function takes them.
///
/// # Errors
/// If they are too many, too few, or of another type.
pub(super) fn of_columns(columns: &[Values], function: &Descriptor) -> Result<Input, ApiError> {
    match (function.input, columns) {
        (InputKind::Numbers | InputKind::Vector, [column]) => numbers(column),
        (InputKind::Texts | InputKind::Set, [column]) => texts(column).map(Input::Texts),
        (InputKind::TextPairs, [x, y]) => {
            Ok(Input::TextPairs(texts(x)?.into_iter().zip(texts(y)?).collect()))
        }
        (InputKind::Points, [x, y]) => {
            Ok(Input::Points(doubles(x)?.into_iter().zip(doubles(y)?).collect()))
        }
        // Each row is the smallest and the largest of itself.
        (InputKind::Extremes, [column]) => {
            Ok(Input::Points(doubles(column)?.into_iter().map(|x| (x, x)).collect()))
        }
        (InputKind::Matrix | InputKind::Regressors, columns) => matrix(columns),
        (InputKind::Keyed(_), columns) => keyed::of_columns(columns),
        (kind, columns) => Err(misfit(kind, columns.len(), function)),
    }
}

/// Reads counted groups as the function takes them.
pub(super) fn of_groups(
    groups: &[(Vec<String>, u64)],
    function: &Descriptor,
) -> Result<Input, ApiError> {
    let misfit = || ApiError::internal(format!("{} takes no counts", function.name));
    match function.input {
        InputKind::Texts => {
            let one = |(names, count): &(Vec<String>, u64)| match names.as_slice() {
                [x] => Ok((x.clone(), *count)),
                _ => Err(misfit()),
            };
            groups.iter().map(one).collect::<Result<_, _>>().map(Input::CountedTexts)
        }
        InputKind::TextPairs => {
            let two = |(names, count): &(Vec<String>, u64)| match names.as_slice() {
                [x, y] => Ok(((x.clone(), y.clone()), *count)),
                _ => Err(misfit()),
            };
            groups.iter().map(two).collect::<Result<_, _>>().map(Input::CountedPairs)
        }
        _ => Err(misfit()),
    }
}

/// Returns data in the form in which a client would have written them, as one part of a larger
/// input.
pub(crate) fn as_data(contents: &Contents) -> Result<Data, ApiError> {
    match contents {
        Contents::Json(data) => Ok(data.for_computing().clone()),
        Contents::Columns(columns) => rows_as_data(columns.for_computing()),
        Contents::Groups(_) | Contents::Added(_) => {
            Err(ApiError::internal("what was counted cannot be part of a larger input"))
        }
    }
}

fn rows_as_data(columns: &[Values]) -> Result<Data, ApiError> {
    let lists: Vec<Data> = columns.iter().map(column_as_data).collect::<Result<_, _>>()?;
    if let [one] = lists.as_slice() {
        return Ok(one.clone());
    }
    let mut cells: Vec<_> = lists.iter().map(super::items).collect();
    let rows = columns.first().map_or(0, Values::len);
    let mut row = || {
        let row = cells.iter_mut().map(|cells| cells.next().unwrap_or(Data::Null));
        Data::concatenated([Data::List(row.collect())].iter())
    };
    Ok(Data::List((0..rows).map(|_| row()).collect()))
}

fn column_as_data(column: &Values) -> Result<Data, ApiError> {
    match column {
        Values::Integers(values) => complete(values).map(Data::Integers),
        Values::Numbers(values) => complete(values).map(Data::Numbers),
        other => texts(other).map(|texts| Data::List(texts.into_iter().map(Data::Text).collect())),
    }
}

fn matrix(columns: &[Values]) -> Result<Input, ApiError> {
    let lists: Vec<Vec<f64>> = columns.iter().map(doubles).collect::<Result<_, _>>()?;
    let rows = lists.first().map_or(0, Vec::len);
    let cell = |row: usize| lists.iter().filter_map(move |list| list.get(row).copied());
    let elements = (0..rows).flat_map(cell).collect();
    Ok(Input::Matrix { rows, columns: lists.len(), elements })
}

fn misfit(kind: InputKind, given: usize, function: &Descriptor) -> ApiError {
    let name = function.name;
    let needed = match kind {
        InputKind::Numbers
        | InputKind::Vector
        | InputKind::Texts
        | InputKind::Set
        | InputKind::Extremes => "one column",
        InputKind::TextPairs | InputKind::Points => "two columns",
        InputKind::Ranked => "an object with `rank`, and a selection of one column as its `array`",
        InputKind::Keyed(_) => "a column of ids, and perhaps others behind it",
        InputKind::Matrix | InputKind::Regressors | InputKind::Other => "no selection",
    };
    ApiError::argument("data", format!("{name} takes {needed}, not {given} columns"))
        .hint("select as many columns of the dataset as the function takes")
}
