//! Columns of Arrow's types, as Parquet files and Arrow streams bring them.
//!
//! Types are first cast to the widest of their family (64-bit integers, doubles, texts), with an
//! error where a value does not fit. Dates and times become texts as ISO 8601 writes them, those
//! with a time zone in UTC.

use ::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use ::arrow::compute::{CastOptions, cast_with_options};
use ::arrow::datatypes::{DataType, Float64Type, Int64Type, Schema, TimeUnit};
use ::arrow::util::display::FormatOptions;

use crate::Kind;
use crate::declaration::Found;
use crate::error::{CellProblem, DataError};
use crate::values::Cell;

/// Decimals of so many digits and no fraction fit into 64 bits.
const INTEGER_DIGITS: u8 = 18;

/// The columns of a schema.
pub(crate) fn columns(schema: &Schema) -> Result<Vec<Found>, DataError> {
    crate::csv::check_names(schema.fields().iter().map(|field| field.name().as_str()))?;
    let column = |field: &::arrow::datatypes::FieldRef| Found {
        name: field.name().clone(),
        kind: kind(field.data_type()).ok_or_else(|| type_name(field.data_type())),
    };
    Ok(schema.fields().iter().map(column).collect())
}

/// What a column of that type holds.
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
        DataType::Timestamp(..) => Some(Kind::Text),
        DataType::Dictionary(_, values) if !values.is_nested() => kind(values),
        _ => None,
    }
}

/// The outermost word of a type: the whole would name the fields of structures.
fn type_name(data_type: &DataType) -> String {
    let name = data_type.to_string();
    name.split(['(', '<', ' ']).next().unwrap_or_default().to_owned()
}

/// The rows of a record batch for which a column would hold more bytes of text than are left of
/// `budget`, which is lowered by what they hold.
pub(crate) fn spend(batch: &RecordBatch, budget: &mut usize) -> Result<(), DataError> {
    for array in batch.columns() {
        let bytes = text_bytes(array).ok_or(DataError::TooLarge)?;
        *budget = budget.checked_sub(bytes).ok_or(DataError::TooLarge)?;
    }
    Ok(())
}

/// How many bytes the texts of an array take once dictionaries are written out.
fn text_bytes(array: &ArrayRef) -> Option<usize> {
    let Some(dictionary) = array.as_any_dictionary_opt() else {
        return Some(array.get_buffer_memory_size());
    };
    let lengths: Vec<usize> = match dictionary.values().data_type() {
        DataType::Utf8 => dictionary.values().as_string::<i32>().iter().map(length).collect(),
        DataType::LargeUtf8 => dictionary.values().as_string::<i64>().iter().map(length).collect(),
        DataType::Utf8View => dictionary.values().as_string_view().iter().map(length).collect(),
        // Others have values of a fixed size.
        _ => return Some(0),
    };
    if lengths.is_empty() {
        return Some(0);
    }
    let keys = dictionary.normalized_keys();
    keys.iter().try_fold(0_usize, |sum, key| sum.checked_add(lengths.get(*key).copied()?))
}

fn length(text: Option<&str>) -> usize {
    text.map_or(0, str::len)
}

/// Hands the array's values on, one by one.
pub(crate) fn cells(
    array: &ArrayRef,
    push: &mut dyn FnMut(usize, Cell) -> Result<(), DataError>,
    wrong: &dyn Fn(usize, CellProblem) -> DataError,
) -> Result<(), DataError> {
    let (Some(kind), Some(target)) = (kind(array.data_type()), family(array.data_type())) else {
        return Err(wrong(0, CellProblem::Binary));
    };
    let Some(cast) = widened(array, &target) else {
        let fits = |row: &usize| widened(&array.slice(*row, 1), &target).is_some();
        let row = (0..array.len()).find(|row| !fits(row)).unwrap_or_default();
        let integer = kind == Kind::Integer;
        let problem = if integer { CellProblem::TooLarge } else { CellProblem::NotA(kind) };
        return Err(wrong(row, problem));
    };
    let decimal = is_decimal(array.data_type());
    for row in 0..cast.len() {
        let cell = if cast.is_null(row) { Cell::Missing } else { cell(&cast, row, decimal) };
        push(row, cell)?;
    }
    Ok(())
}

fn cell(array: &ArrayRef, row: usize, decimal: bool) -> Cell {
    match array.data_type() {
        DataType::Boolean => Cell::Truth(array.as_boolean().value(row)),
        DataType::Int64 => Cell::Integer(array.as_primitive::<Int64Type>().value(row)),
        DataType::Float64 => Cell::Number(array.as_primitive::<Float64Type>().value(row)),
        _ => {
            let text = array.as_string::<i64>().value(row).to_owned();
            if decimal { Cell::Decimal(text) } else { Cell::Text(text) }
        }
    }
}

fn is_decimal(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, values) => values.is_decimal(),
        other => other.is_decimal(),
    }
}

/// The type that holds all values of its family.
fn family(data_type: &DataType) -> Option<DataType> {
    match data_type {
        DataType::Dictionary(_, values) => family(values),
        data_type if data_type.is_decimal() => Some(DataType::LargeUtf8),
        data_type => match kind(data_type)? {
            Kind::Truth => Some(DataType::Boolean),
            Kind::Integer => Some(DataType::Int64),
            Kind::Number => Some(DataType::Float64),
            Kind::Text => Some(DataType::LargeUtf8),
        },
    }
}

/// `None` where a value does not fit.
fn widened(array: &ArrayRef, target: &DataType) -> Option<ArrayRef> {
    let options = CastOptions { safe: false, format_options: FormatOptions::new() };
    let plain = match array.data_type() {
        DataType::Dictionary(_, values) => cast_with_options(array, values, &options).ok()?,
        _ => array.clone(),
    };
    // Without Arrow's table of time zones the only zone is UTC; the instants stay.
    let plain = match plain.data_type() {
        DataType::Timestamp(unit, Some(_)) => {
            let utc = DataType::Timestamp(*unit, Some("+00:00".into()));
            cast_with_options(&plain, &utc, &options).ok()?
        }
        DataType::Date64 => {
            let instant = DataType::Timestamp(TimeUnit::Millisecond, None);
            cast_with_options(&plain, &instant, &options).ok()?
        }
        _ => plain,
    };
    cast_with_options(&plain, target, &options).ok()
}
