//! Reads JSON, or columns, as the input that a function takes.
//!
//! Several parts of one party's data are joined item by item before they come here, so a vector may
//! stand inside one more list. R writes a list of one as a scalar. Data that do not fit are refused
//! with their place, never with their value. Whole numbers stay whole numbers where all of them are,
//! and become doubles elsewhere. A number that no double equals is refused there: nothing is rounded.

mod cells;
mod columns;
mod keyed;
pub(super) mod kinds;
mod matrix;
mod missing;
mod objects;
mod written;

use std::fmt::Display;

use cloister_protocols::catalogue::{Descriptor, InputKind};
use cloister_protocols::computation::{Input, number_text};

pub(super) use self::columns::as_data;
pub(super) use self::missing::without_nulls;
pub(super) use self::written::as_meant;
use crate::services::datasets::{Added, Contents};
use crate::vocabulary::data::Data;
use crate::vocabulary::error::ApiError;

/// Reads contents of any form as the function takes them.
///
/// # Errors
/// If they are of another kind.
pub(super) fn of(contents: &Contents, function: &Descriptor) -> Result<Input, ApiError> {
    match contents {
        Contents::Json(data) => read(data.for_computing(), function.input),
        Contents::Columns(columns) => columns::of_columns(columns.for_computing(), function),
        Contents::Groups(groups) => columns::of_groups(groups.for_computing(), function),
        Contents::Added(added) => {
            let Added { rows, sum, magnitude } = *added.for_computing();
            Ok(Input::Added { rows, sum, magnitude })
        }
    }
}

/// Reads `data` as a function of this kind takes it.
///
/// # Errors
/// If it is of another kind.
fn read(data: &Data, kind: InputKind) -> Result<Input, ApiError> {
    match kind {
        InputKind::Numbers => numbers(data),
        InputKind::Vector => vector(data),
        InputKind::Texts => texts(data).map(Input::Texts),
        InputKind::TextPairs => pairs(data, text).map(Input::TextPairs),
        InputKind::Set => set(data).map(Input::Texts),
        InputKind::Points => pairs(data, number).map(Input::Points),
        InputKind::Extremes => objects::extremes(data),
        InputKind::Ranked => objects::ranked(data),
        InputKind::Matrix => matrix::matrix(data),
        InputKind::Regressors => matrix::regressors(data),
        InputKind::Keyed(_) => keyed::keyed(data),
        InputKind::Other => nothing(data),
    }
}

fn nothing(data: &Data) -> Result<Input, ApiError> {
    if items(data).all(|item| item == Data::Null) {
        return Ok(Input::Numbers(Vec::new()));
    }
    Err(ApiError::argument("data", "this function takes none").hint("give []"))
}

fn numbers(data: &Data) -> Result<Input, ApiError> {
    match data {
        Data::Integers(list) => Ok(Input::Integers(list.clone())),
        Data::Integer(one) => Ok(Input::Integers(vec![*one])),
        Data::Numbers(list) => Ok(Input::Numbers(list.clone())),
        // No value is no fraction: the others' whole numbers stay whole.
        Data::List(items) if items.is_empty() => Ok(Input::Integers(Vec::new())),
        other => items(other)
            .enumerate()
            .map(|(at, item)| number(at, item))
            .collect::<Result<_, _>>()
            .map(Input::Numbers),
    }
}

fn texts(data: &Data) -> Result<Vec<String>, ApiError> {
    items(data).enumerate().map(|(at, item)| text(at, item)).collect()
}

/// Reads a set: `[["a", "b"]]`, or the inner list alone.
fn set(data: &Data) -> Result<Vec<String>, ApiError> {
    texts(inner_set(data))
}

fn inner_set(data: &Data) -> &Data {
    let Data::List(lists) = data else { return data };
    match lists.as_slice() {
        [inner @ (Data::List(_) | Data::Integers(_) | Data::Numbers(_))] => inner,
        _ => data,
    }
}

/// Reads a vector: `[[1, 2]]`, or the inner list alone.
fn vector(data: &Data) -> Result<Input, ApiError> {
    let Data::List(lists) = data else { return numbers(data) };
    match lists.as_slice() {
        [inner @ (Data::Integers(_) | Data::Numbers(_) | Data::List(_))] => numbers(inner),
        [Data::List(_) | Data::Integers(_) | Data::Numbers(_), _, ..] => {
            Err(ApiError::argument("data", "one vector for each party is needed, not several")
                .hint("give [[x1, x2, …]]"))
        }
        _ => numbers(data),
    }
}

/// Returns the items of a list; a scalar is a list of one.
fn items(data: &Data) -> Box<dyn Iterator<Item = Data> + '_> {
    match data {
        Data::List(list) => Box::new(list.iter().cloned()),
        Data::Integers(list) => Box::new(list.iter().copied().map(Data::Integer)),
        Data::Numbers(list) => Box::new(list.iter().copied().map(Data::Number)),
        scalar => Box::new(std::iter::once(scalar.clone())),
    }
}

fn number(at: usize, item: Data) -> Result<f64, ApiError> {
    exact_number(&format_args!("item {at}"), &item)
}

/// Reads a text. Categories may be written as numbers or truth values, which stand for their text.
fn text(at: usize, mut item: Data) -> Result<String, ApiError> {
    match &mut item {
        Data::Text(text) => Ok(std::mem::take(text)),
        Data::Integer(value) => Ok(value.to_string()),
        Data::Number(value) => Ok(number_text(*value)),
        Data::Bool(value) => Ok(value.to_string()),
        other => Err(wrong_item(at, "a text", other)),
    }
}

fn pairs<T>(
    data: &Data,
    read: impl Fn(usize, Data) -> Result<T, ApiError>,
) -> Result<Vec<(T, T)>, ApiError> {
    let list = match data {
        Data::List(list) => list,
        Data::Integers(_) | Data::Numbers(_) => {
            return Err(ApiError::argument("data", "its items must be pairs, not numbers"));
        }
        other => return Err(wrong_kind(&"it", "a list of pairs", other)),
    };
    let mut pairs = Vec::with_capacity(list.len());
    for (at, item) in list.iter().enumerate() {
        let mut cells = items(item);
        let (Some(x), Some(y), None) = (cells.next(), cells.next(), cells.next()) else {
            return Err(wrong_item(at, "a pair", item));
        };
        pairs.push((read(at, x)?, read(at, y)?));
    }
    Ok(pairs)
}

/// Reads a number that a double equals. Its neighbour would be another number than the client's.
fn exact_number(place: &dyn Display, item: &Data) -> Result<f64, ApiError> {
    match item {
        Data::Integer(value) => exact_double(*value).ok_or_else(|| {
            let reason = "is a whole number that no double-precision number equals";
            ApiError::argument("data", format!("{place} {reason}"))
        }),
        Data::Number(value) => Ok(*value),
        // As a column of truth values is taken.
        Data::Bool(value) => Ok(f64::from(u8::from(*value))),
        other => Err(wrong_kind(place, "a number", other)),
    }
}

fn wrong_item(at: usize, needed: &str, got: &Data) -> ApiError {
    wrong_kind(&format_args!("item {at}"), needed, got)
}

fn wrong_kind(place: &dyn Display, needed: &str, got: &Data) -> ApiError {
    let error = ApiError::argument("data", format!("{place} must be {needed}, not {}", got.kind()));
    if *got == Data::Null {
        return error.hint(
            "a value is missing there: leave its row out, or have all clients set the parameter \
             `missing` to `drop`, where the function takes rows",
        );
    }
    if is_table(got) {
        return error.hint(
            "the columns of an object have no order: give a table as the list of its rows, such as \
             [[1, 2], [3, 4]]; in R, toJSON(x, dataframe = \"values\")",
        );
    }
    error
}

/// Reports whether an object is a table by columns, or a row of one with the names of its columns, as
/// R writes data frames.
fn is_table(data: &Data) -> bool {
    let Data::Map(entries) = data else { return false };
    let is_list =
        |entry: &Data| matches!(entry, Data::List(_) | Data::Integers(_) | Data::Numbers(_));
    let is_map = |entry: &Data| matches!(entry, Data::Map(_));
    let all_lists = entries.values().all(is_list);
    !entries.is_empty() && (all_lists || !entries.values().any(|it| is_list(it) || is_map(it)))
}

/// Returns the double that equals the number, if there is one: the number has at most 53 bits from
/// the first to the last one bit.
#[expect(clippy::cast_precision_loss, reason = "the bits that matter fit the significand")]
fn exact_double(value: i64) -> Option<f64> {
    let magnitude = value.unsigned_abs();
    let span = u64::BITS.saturating_sub(magnitude.leading_zeros() + magnitude.trailing_zeros());
    (span <= f64::MANTISSA_DIGITS).then_some(value as f64)
}

#[cfg(test)]
mod tests;
