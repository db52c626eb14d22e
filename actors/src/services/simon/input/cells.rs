//! The values of one column of a dataset, as functions take them.

use cloister_protocols::computation::Input;
use cloister_sources::Values;

use super::nearest_double;
use crate::vocabulary::error::ApiError;

/// Reads a column of numbers, whole ones as such.
pub(super) fn numbers(column: &Values) -> Result<Input, ApiError> {
    match column {
        Values::Integers(values) => complete(values).map(Input::Integers),
        Values::Numbers(values) => complete(values).map(Input::Numbers),
        Values::Truths(values) => {
            let values = complete(values)?;
            Ok(Input::Integers(values.into_iter().map(i64::from).collect()))
        }
        Values::Texts(_) => Err(no_number()),
    }
}

/// Reads a column of numbers as doubles.
pub(super) fn doubles(column: &Values) -> Result<Vec<f64>, ApiError> {
    match numbers(column)? {
        Input::Integers(values) => Ok(values.into_iter().map(nearest_double).collect()),
        Input::Numbers(values) => Ok(values),
        _ => Err(no_number()),
    }
}

/// Reads a column as texts.
pub(super) fn texts(column: &Values) -> Result<Vec<String>, ApiError> {
    fn written<T: ToString + Clone>(values: &[Option<T>]) -> Result<Vec<String>, ApiError> {
        Ok(complete(values)?.iter().map(ToString::to_string).collect())
    }
    match column {
        Values::Integers(values) => written(values),
        Values::Numbers(values) => written(values),
        Values::Truths(values) => written(values),
        Values::Texts(values) => complete(values),
    }
}

/// Reads values of which none is missing.
pub(super) fn complete<T: Clone>(values: &[Option<T>]) -> Result<Vec<T>, ApiError> {
    let complete: Option<Vec<T>> = values.iter().cloned().collect();
    complete.ok_or_else(|| ApiError::internal("a missing value was not left out"))
}

fn no_number() -> ApiError {
    ApiError::argument("data", "this function takes numbers, and a selected column has texts")
        .hint("select a column of the type integer, number or truth")
}
