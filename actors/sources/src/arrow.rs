//! Columns of Arrow's types, from Parquet files and Arrow streams.
//!
//! Types are first cast to the widest of their family (64-bit integers, doubles, texts). A value
//! that does not fit is an error. Dates and times become texts in ISO 8601, those with a time zone
//! in UTC. Lengths of time become seconds or ISO 8601, as their owner declares.

use std::sync::Arc;

use ::arrow_array::cast::AsArray;
use ::arrow_array::types::{
    DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType, DurationSecondType,
    Float64Type, Int64Type,
};
use ::arrow_array::{Array, ArrayRef, LargeStringArray};
use ::arrow_cast::display::FormatOptions;
use ::arrow_cast::{CastOptions, cast_with_options};
use ::arrow_schema::{DataType, FieldRef, Schema, TimeUnit};

use crate::batch::BatchBuilder;
use crate::column::{Kind, Times};
use crate::date;
use crate::error::{CellProblem, DataError, Place};
use crate::head::{FoundColumn, Head, KindProblem, SINGLE};
use crate::values::Cell;

/// The most digits of a decimal without fraction that fit into 64 bits.
const INTEGER_DIGITS: u8 = 18;

/// The bytes of a UUID, for which Parquet and Arrow have no other type.
const UUID_BYTES: i32 = 16;

/// Lists the columns of a schema.
pub(crate) fn head(schema: &Schema) -> Head {
    Head::new(schema.fields().iter().map(found).collect())
}

fn found(field: &FieldRef) -> FoundColumn {
    let kind = match kind(field.data_type()) {
        // A column of this type has no values.
        _ if *field.data_type() == DataType::Null => Ok(None),
        Some(kind) => Ok(Some(kind)),
        None if matches!(field.data_type(), DataType::Duration(_)) => {
            Err(KindProblem::Duration(type_name(field.data_type())))
        }
        None => Err(KindProblem::Unread(type_name(field.data_type()))),
    };
    let mut found = FoundColumn::new(field.name().clone(), kind);
    found.times = times(field.data_type());
    if is_single(field.data_type()) {
        found.notes.push(SINGLE.to_owned());
    }
    found
}

fn times(data_type: &DataType) -> Option<Times> {
    match data_type {
        DataType::Dictionary(_, values) => times(values),
        DataType::Date32 => Some(Times::Days),
        DataType::Date64 | DataType::Timestamp(..) => Some(Times::Timestamps),
        _ => None,
    }
}

fn is_single(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, values) => is_single(values),
        other => matches!(other, DataType::Float16 | DataType::Float32),
    }
}

/// Returns the kind of a column of that type, or `None` if the type is not read.
pub(crate) fn kind(data_type: &DataType) -> Option<Kind> {
    match data_type {
        DataType::Boolean => Some(Kind::Truth),
        data_type if data_type.is_integer() => Some(Kind::Integer),
        data_type if data_type.is_floating() => Some(Kind::Number),
        DataType::Decimal32(digits, 0)
        | DataType::Decimal64(digits, 0)
        | DataType::Decimal128(digits, 0)
        | DataType::Decimal256(digits, 0)
            if *digits <= INTEGER_DIGITS =>
        {
            Some(Kind::Integer)
        }
        data_type if data_type.is_decimal() => Some(Kind::Number),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => {
            Some(Kind::Text)
        }
        DataType::Date32 | DataType::Date64 | DataType::Time32(_) | DataType::Time64(_) => {
            Some(Kind::Text)
        }
        DataType::Timestamp(..) | DataType::FixedSizeBinary(UUID_BYTES) => Some(Kind::Text),
        DataType::Dictionary(_, values) if !values.is_nested() => kind(values),
        _ => None,
    }
}

/// Returns the outermost word of a type. The full text would name the fields of structures.
fn type_name(data_type: &DataType) -> String {
    let name = data_type.to_string();
    name.split(['(', '<', ' ']).next().unwrap_or_default().to_owned()
}

/// Returns the bytes of each row's text, with dictionaries and views written out. `None` for types
/// whose values have a fixed size.
pub(crate) fn text_lengths(array: &ArrayRef) -> Option<Vec<usize>> {
    let Some(dictionary) = array.as_any_dictionary_opt() else {
        return match array.data_type() {
            DataType::Utf8 => Some(array.as_string::<i32>().iter().map(length).collect()),
            DataType::LargeUtf8 => Some(array.as_string::<i64>().iter().map(length).collect()),
            DataType::Utf8View => Some(array.as_string_view().iter().map(length).collect()),
            _ => None,
        };
    };
    let lengths = text_lengths(dictionary.values())?;
    if lengths.is_empty() {
        // Arrow's keys cannot be read then. All rows are missing.
        return Some(vec![0; array.len()]);
    }
    let mut written_out = Vec::new();
    for key in dictionary.normalized_keys() {
        // A key of a missing value may be any number.
        written_out.push(lengths.get(key).copied().unwrap_or_default());
    }
    Some(written_out)
}

fn length(text: Option<&str>) -> usize {
    text.map_or(0, str::len)
}

/// Adds all values of the array to a column of the builder. `place` tells the place of a row, by
/// its number from 1.
pub(crate) fn add_column(
    array: &ArrayRef,
    column: usize,
    builder: &mut BatchBuilder,
    place: &dyn Fn(u64) -> Place,
) -> Result<(), DataError> {
    if let DataType::Duration(unit) = array.data_type() {
        let as_text = builder.columns().get(column).is_some_and(|column| column.kind == Kind::Text);
        for row in 0..array.len() {
            let cell = duration(array, row, *unit, as_text);
            builder.put(column, Ok(cell), || place(row_number(row)))?;
        }
        return Ok(());
    }
    let (Some(kind), Some(target)) = (kind(array.data_type()), family(array.data_type())) else {
        return builder.put(column, Err(CellProblem::Binary), || place(1));
    };
    let whole = widened(array, &target);
    let written = Written::of(array.data_type());
    for row in 0..array.len() {
        let cell = match &whole {
            Some(cast) => Ok(cell(cast, row, written)),
            // Rows are cast one by one, to find those that do not fit.
            None => cell_by_itself(&array.slice(row, 1), kind, &target, written),
        };
        builder.put(column, cell, || place(row_number(row)))?;
    }
    Ok(())
}

/// Reads a length of time: seconds with all decimals of its unit, or in the form of ISO 8601.
fn duration(array: &ArrayRef, row: usize, unit: TimeUnit, as_text: bool) -> Cell {
    if array.is_null(row) {
        return Cell::Missing;
    }
    let (ticks, decimals) = match unit {
        TimeUnit::Second => (array.as_primitive::<DurationSecondType>().value(row), 0),
        TimeUnit::Millisecond => (array.as_primitive::<DurationMillisecondType>().value(row), 3),
        TimeUnit::Microsecond => (array.as_primitive::<DurationMicrosecondType>().value(row), 6),
        TimeUnit::Nanosecond => (array.as_primitive::<DurationNanosecondType>().value(row), 9),
    };
    let seconds = seconds(ticks, decimals);
    if !as_text {
        return Cell::Decimal(seconds);
    }
    match seconds.strip_prefix('-') {
        Some(length) => Cell::Text(format!("-PT{length}S")),
        None => Cell::Text(format!("PT{seconds}S")),
    }
}

/// Writes ticks, of which 10 to the power of `decimals` make a second, as seconds without zeros at the
/// end.
fn seconds(ticks: i64, decimals: usize) -> String {
    let digits = format!("{:0width$}", ticks.unsigned_abs(), width = decimals.saturating_add(1));
    let (whole, fraction) = digits.split_at(digits.len().saturating_sub(decimals));
    let sign = if ticks < 0 { "-" } else { "" };
    match fraction.trim_end_matches('0') {
        "" => format!("{sign}{whole}"),
        fraction => format!("{sign}{whole}.{fraction}"),
    }
}

/// Reads the only value of an array. An integer beyond 64 bits keeps its digits.
fn cell_by_itself(
    array: &ArrayRef,
    kind: Kind,
    target: &DataType,
    written: Written,
) -> Result<Cell, CellProblem> {
    if let Some(cast) = widened(array, target) {
        return Ok(cell(&cast, 0, written));
    }
    let digits = (kind == Kind::Integer).then(|| widened(array, &DataType::LargeUtf8)).flatten();
    digits.map(|cast| cell(&cast, 0, Written::Decimal)).ok_or(CellProblem::NotA(kind))
}

fn row_number(index: usize) -> u64 {
    u64::try_from(index).unwrap_or(u64::MAX).saturating_add(1)
}

/// The meaning of the texts that Arrow writes for values.
#[derive(Clone, Copy)]
enum Written {
    Text,
    Decimal,
    Time,
}

impl Written {
    fn of(data_type: &DataType) -> Self {
        match data_type {
            DataType::Dictionary(_, values) => Self::of(values),
            data_type if data_type.is_decimal() => Self::Decimal,
            DataType::Timestamp(..)
            | DataType::Date64
            | DataType::Time32(_)
            | DataType::Time64(_) => Self::Time,
            _ => Self::Text,
        }
    }
}

fn cell(array: &ArrayRef, row: usize, written: Written) -> Cell {
    if array.is_null(row) {
        return Cell::Missing;
    }
    match array.data_type() {
        DataType::Boolean => Cell::Truth(array.as_boolean().value(row)),
        DataType::Int64 => Cell::Integer(array.as_primitive::<Int64Type>().value(row)),
        DataType::Float64 => Cell::Number(array.as_primitive::<Float64Type>().value(row)),
        _ => {
            let text = array.as_string::<i64>().value(row);
            match written {
                Written::Text => Cell::Text(text.to_owned()),
                Written::Decimal => Cell::Decimal(text.to_owned()),
                Written::Time => Cell::Text(date::plain_time(text)),
            }
        }
    }
}

/// Returns the type that holds all values of the family.
fn family(data_type: &DataType) -> Option<DataType> {
    match data_type {
        DataType::Dictionary(_, values) => family(values),
        data_type if data_type.is_decimal() => Some(DataType::LargeUtf8),
        data_type => match kind(data_type)? {
            Kind::Truth => Some(DataType::Boolean),
            Kind::Integer => Some(DataType::Int64),
            Kind::Number => Some(DataType::Float64),
            Kind::Text | Kind::Date | Kind::Unknown => Some(DataType::LargeUtf8),
        },
    }
}

/// Casts to the target type, or returns `None` if a value does not fit.
fn widened(array: &ArrayRef, target: &DataType) -> Option<ArrayRef> {
    let options = CastOptions { safe: false, format_options: FormatOptions::new() };
    let plain = match array.data_type() {
        DataType::Dictionary(_, values) => cast_with_options(array, values, &options).ok()?,
        _ => array.clone(),
    };
    // Without Arrow's table of time zones the only zone is UTC. The instants stay the same.
    let plain = match plain.data_type() {
        DataType::Timestamp(unit, Some(_)) => {
            let utc = DataType::Timestamp(*unit, Some("+00:00".into()));
            cast_with_options(&plain, &utc, &options).ok()?
        }
        DataType::Date64 => {
            let instant = DataType::Timestamp(TimeUnit::Millisecond, None);
            cast_with_options(&plain, &instant, &options).ok()?
        }
        DataType::FixedSizeBinary(UUID_BYTES) => {
            let values = plain.as_fixed_size_binary().iter();
            Arc::new(values.map(|bytes| bytes.map(uuid_text)).collect::<LargeStringArray>())
        }
        _ => plain,
    };
    cast_with_options(&plain, target, &options).ok()
}

/// Writes the bytes of a UUID as people and databases do: in hexadecimal digits, in five groups.
fn uuid_text(bytes: &[u8]) -> String {
    let mut text = String::new();
    for (place, byte) in bytes.iter().enumerate() {
        if matches!(place, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use ::arrow_array::FixedSizeBinaryArray;

    use super::*;

    #[test]
    fn ticks_are_written_as_seconds() {
        let cases = [
            (0, 6, "0"),
            (1, 9, "0.000000001"),
            (-1_500, 3, "-1.5"),
            (5_400_000_000, 6, "5400"),
            (90, 0, "90"),
            (i64::MIN, 9, "-9223372036.854775808"),
            (i64::MAX, 0, "9223372036854775807"),
        ];
        for (ticks, decimals, text) in cases {
            assert_eq!(seconds(ticks, decimals), text);
        }
    }

    #[test]
    fn sixteen_bytes_are_read_as_a_uuid() {
        let bytes: Vec<u8> = (0..16).map(|byte| byte * 17).collect();
        let values = [Some(bytes.as_slice()), None].into_iter();
        let array = FixedSizeBinaryArray::try_from_sparse_iter_with_size(values, 16).unwrap();
        let array: ArrayRef = Arc::new(array);
        assert_eq!(kind(array.data_type()), Some(Kind::Text));
        let texts = widened(&array, &DataType::LargeUtf8).unwrap();
        let texts = texts.as_string::<i64>();
        assert_eq!(texts.value(0), "00112233-4455-6677-8899-aabbccddeeff");
        assert!(texts.is_null(1));
        assert_eq!(kind(&DataType::FixedSizeBinary(20)), None);
    }
}
