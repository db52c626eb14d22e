//! The values of one column of a dataset, as functions take them.

use cloister_protocols::computation::{Input, number_text};
use cloister_sources::Values;

use super::exact_double;
use crate::vocabulary::error::ApiError;

/// Reads a column of numbers, whole ones as such.
pub(super) fn numbers(column: &Values) -> Result<Input, ApiError> {
    match column {
        Values::Integers(values) => require_all(values).map(Input::Integers),
        Values::Numbers(values) => require_all(values).map(Input::Numbers),
        Values::Truths(values) => {
            let values = require_all(values)?;
            Ok(Input::Integers(values.into_iter().map(i64::from).collect()))
        }
        Values::Texts(_) => Err(no_number()),
    }
}

/// Reads a column of numbers as the doubles that equal them.
pub(super) fn doubles(column: &Values) -> Result<Vec<f64>, ApiError> {
    match &mut numbers(column)? {
        Input::Integers(values) => {
            values.iter().map(|value| exact_double(*value).ok_or_else(no_double)).collect()
        }
        Input::Numbers(values) => Ok(std::mem::take(values)),
        _ => Err(no_number()),
    }
}

/// Reads a column as texts.
pub(super) fn texts(column: &Values) -> Result<Vec<String>, ApiError> {
    match column {
        Values::Integers(values) => to_texts(values),
        Values::Numbers(values) => Ok(require_all(values)?.into_iter().map(number_text).collect()),
        Values::Truths(values) => to_texts(values),
        Values::Texts(values) => require_all(values),
    }
}

fn to_texts<T: ToString + Clone>(values: &[Option<T>]) -> Result<Vec<String>, ApiError> {
    Ok(require_all(values)?.iter().map(ToString::to_string).collect())
}

/// Reads values of which none is missing.
fn require_all<T: Clone>(values: &[Option<T>]) -> Result<Vec<T>, ApiError> {
    let values: Option<Vec<T>> = values.iter().cloned().collect();
    values.ok_or_else(|| ApiError::internal("a missing value was not left out"))
}

fn no_number() -> ApiError {
    ApiError::argument("data", "this function takes numbers, and a selected column has texts")
        .hint("select a column of the type integer, number or truth")
}

/// Refuses a number, and tells neither its value nor its row, because a dataset may hold it.
fn no_double() -> ApiError {
    let message = "a selected column has a whole number that no double-precision number equals";
    ApiError::argument("data", message)
        .hint("whole numbers up to 2^53 always fit; declare a column of ids as text")
}
