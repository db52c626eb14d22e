//! From JSON, or columns, to the input that a function takes.
//!
//! A list is fed item by item, so a vector comes inside one more list. R writes a list of one as a
//! scalar. Data that do not fit are refused with their place, never with their value.

mod cells;
mod columns;
mod keyed;
mod matrix;
mod missing;
mod objects;

use std::fmt::Display;

use cloister_protocols::catalogue::{Descriptor, InputKind};
use cloister_protocols::computation::Input;

pub(super) use self::columns::as_data;
pub(super) use self::missing::without_nulls;
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
        InputKind::Texts => {
            items(data).enumerate().map(text).collect::<Result<_, _>>().map(Input::Texts)
        }
        InputKind::TextPairs => pairs(data, |at, cell| text((at, cell))).map(Input::TextPairs),
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
    match items(data).next() {
        None | Some(Data::Null) => Ok(Input::Numbers(Vec::new())),
        Some(_) => Err(ApiError::argument("data", "this function takes none").hint("give []")),
    }
}

fn numbers(data: &Data) -> Result<Input, ApiError> {
    match data {
        Data::Integers(list) => Ok(Input::Integers(list.clone())),
        Data::Integer(one) => Ok(Input::Integers(vec![*one])),
        Data::Numbers(list) => Ok(Input::Numbers(list.clone())),
        other => {
            let numbers = items(other).enumerate().map(|(at, item)| number(at, item));
            numbers.collect::<Result<_, _>>().map(Input::Numbers)
        }
    }
}

/// Reads a set: `[["a", "b"]]`, or the inner list alone.
fn set(data: &Data) -> Result<Vec<String>, ApiError> {
    let list = match data {
        Data::List(lists) => match lists.as_slice() {
            [inner @ (Data::List(_) | Data::Integers(_) | Data::Numbers(_))] => inner,
            _ => data,
        },
        _ => data,
    };
    items(list).enumerate().map(text).collect()
}

fn vector(data: &Data) -> Result<Input, ApiError> {
    match data {
        Data::List(lists) => match lists.as_slice() {
            [inner @ (Data::Integers(_) | Data::Numbers(_) | Data::List(_))] => numbers(inner),
            [] | [_] => numbers(data),
            [Data::List(_) | Data::Integers(_) | Data::Numbers(_), ..] => {
                Err(ApiError::argument("data", "one vector for each party is needed, not several")
                    .hint("give [[x1, x2, …]]"))
            }
            _ => numbers(data),
        },
        other => numbers(other),
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
    match item {
        Data::Integer(value) => Ok(nearest_double(value)),
        Data::Number(value) => Ok(value),
        other => Err(wrong(at, "a number", &other)),
    }
}

/// Reads a text. Categories may be written as numbers or truth values, which stand for their text.
fn text((at, item): (usize, Data)) -> Result<String, ApiError> {
    match item {
        Data::Text(text) => Ok(text),
        Data::Integer(value) => Ok(value.to_string()),
        Data::Number(value) => Ok(value.to_string()),
        Data::Bool(value) => Ok(value.to_string()),
        other => Err(wrong(at, "a text", &other)),
    }
}

fn pairs<T>(
    data: &Data,
    read: impl Fn(usize, Data) -> Result<T, ApiError>,
) -> Result<Vec<(T, T)>, ApiError> {
    let Data::List(list) = data else {
        return Err(ApiError::argument("data", format!("a list of pairs, not {}", data.kind())));
    };
    let pair = |(at, item): (usize, &Data)| {
        let mut cells = items(item);
        match (cells.next(), cells.next(), cells.next()) {
            (Some(x), Some(y), None) => Ok((read(at, x)?, read(at, y)?)),
            _ => Err(wrong(at, "a pair", item)),
        }
    };
    list.iter().enumerate().map(pair).collect()
}

/// Reads a number that a double equals: where parties compare numbers, a neighbour will not do.
fn exact_number(place: &dyn Display, item: &Data) -> Result<f64, ApiError> {
    match item {
        Data::Integer(value) if !is_double(*value) => Err(ApiError::argument(
            "data",
            format!("{place} is a whole number that no double-precision number equals"),
        )),
        Data::Integer(value) => Ok(nearest_double(*value)),
        Data::Number(value) => Ok(*value),
        other => Err(misfit(place, "a number", other)),
    }
}

fn wrong(at: usize, needed: &str, got: &Data) -> ApiError {
    misfit(&format_args!("item {at}"), needed, got)
}

fn misfit(place: &dyn Display, needed: &str, got: &Data) -> ApiError {
    ApiError::argument("data", format!("{place} must be {needed}, not {}", got.kind()))
}

/// Returns whether a double equals the number: it has at most 53 bits from the first to the last
/// one bit.
fn is_double(value: i64) -> bool {
    let magnitude = value.unsigned_abs();
    let span = u64::BITS.saturating_sub(magnitude.leading_zeros() + magnitude.trailing_zeros());
    span <= f64::MANTISSA_DIGITS
}

#[expect(clippy::cast_precision_loss, reason = "a double is asked for: the nearest one is meant")]
fn nearest_double(value: i64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests;
