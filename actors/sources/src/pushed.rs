//! Columns that clients push: CSV texts and Arrow streams, whole and in memory.
//!
//! The sender made them, so errors describe them in full. The caller bounds their length; their
//! decoded size is bounded here.

use std::panic::catch_unwind;

use ::arrow_array::RecordBatch;
use ::arrow_buffer::Buffer;
use ::arrow_ipc::reader::StreamDecoder;
use ::arrow_schema::SchemaRef;

use crate::arrow;
use crate::budget::{Budget, MAX_PUSHED_CELLS};
use crate::column::{Column, Kind};
use crate::csv;
use crate::error::{DataError, Place, SourceError};
use crate::found::to_columns;
use crate::frames;
use crate::values::{Batch, BatchBuilder};

/// Reads the columns of a CSV text, and infers their kinds. The default delimiter is a comma.
///
/// # Errors
///
/// A malformed text, or one with more cells than [`MAX_PUSHED_CELLS`].
pub fn parse_csv(
    bytes: &[u8],
    delimiter: Option<char>,
) -> Result<(Vec<Column>, Batch), SourceError> {
    let (found, rows) = csv::discover_text(bytes, delimiter)?;
    let columns = to_columns(&found)?;
    let rows = usize::try_from(rows).map_err(|_| DataError::TooLarge)?;
    if rows.saturating_mul(columns.len()) > MAX_PUSHED_CELLS {
        return Err(DataError::TooLarge.into());
    }
    let mut whole = BatchBuilder::new(kinds(&columns), usize::MAX).take();
    csv::scan_text(bytes, delimiter, &columns, &mut |batch| {
        append(&mut whole, batch);
        Ok(())
    })?;
    Ok((columns, whole))
}

/// Reads the columns of an Arrow IPC stream without compression.
///
/// # Errors
///
/// A damaged stream, columns of types that are not read, or more than [`MAX_PUSHED_CELLS`] or
/// [`MAX_PUSHED_TEXT`](crate::MAX_PUSHED_TEXT).
pub fn parse_arrow_stream(bytes: &[u8]) -> Result<(Vec<Column>, Batch), SourceError> {
    let (schema, batches) = decode_guarded(bytes)?;
    let columns = to_columns(&arrow::columns(&schema)?)?;
    let mut builder = BatchBuilder::new(kinds(&columns), usize::MAX);
    for batch in batches {
        add_batch(&batch, &columns, &mut builder)?;
    }
    Ok((columns, builder.take()))
}

/// Decodes a stream, after a check of its frames. The decoder is made for trusted streams: if it
/// panics nevertheless, only this request fails.
fn decode_guarded(bytes: &[u8]) -> Result<(SchemaRef, Vec<RecordBatch>), DataError> {
    if !frames::are_sound(bytes, MAX_PUSHED_CELLS) {
        return Err(damaged());
    }
    catch_unwind(|| decode(bytes)).unwrap_or_else(|_| Err(damaged()))
}

fn decode(bytes: &[u8]) -> Result<(SchemaRef, Vec<RecordBatch>), DataError> {
    let mut decoder = StreamDecoder::new();
    let mut buffer = Buffer::from(bytes);
    let mut budget = Budget::of_push();
    let mut batches: Vec<RecordBatch> = Vec::new();
    while let Some(batch) = decoder.decode(&mut buffer).map_err(|_| damaged())? {
        budget.spend(&batch)?;
        batches.push(batch);
    }
    decoder.finish().map_err(|_| damaged())?;
    Ok((decoder.schema().ok_or_else(damaged)?, batches))
}

fn damaged() -> DataError {
    DataError::Damaged("the Arrow stream (compressed ones are not read)".to_owned())
}

fn add_batch(
    batch: &RecordBatch,
    columns: &[Column],
    builder: &mut BatchBuilder,
) -> Result<(), DataError> {
    for (index, (array, column)) in batch.columns().iter().zip(columns).enumerate() {
        arrow::add_column(array, index, builder, &|row, problem| {
            let place = Place::Row { file: String::new(), row };
            DataError::Cell { place, column: column.name.clone(), problem }
        })?;
    }
    builder.end_rows(batch.num_rows());
    Ok(())
}

fn kinds(columns: &[Column]) -> Vec<Kind> {
    columns.iter().map(|column| column.kind).collect()
}

fn append(whole: &mut Batch, part: Batch) {
    whole.rows = whole.rows.saturating_add(part.rows);
    whole.columns.iter_mut().zip(part.columns).for_each(|(all, values)| all.append(values));
}
