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
use crate::batch::BatchBuilder;
use crate::budget::{Budget, MAX_PUSHED_CELLS};
use crate::column::{Column, MAX_COLUMNS};
use crate::csv;
use crate::error::{DataError, Errors, HeaderProblem, Place, SourceError};
use crate::format::Formats;
use crate::frames;
use crate::head::Head;
use crate::values::Batch;

/// Reads the columns of a CSV text, and infers their kinds. The default delimiter is a comma.
///
/// # Errors
///
/// A malformed text, or one with more cells than [`MAX_PUSHED_CELLS`].
pub fn parse_csv(
    bytes: &[u8],
    delimiter: Option<char>,
) -> Result<(Vec<Column>, Batch), SourceError> {
    let (head, rows) = csv::discover_text(bytes, delimiter)?;
    let columns = columns(&head)?;
    let rows = usize::try_from(rows).map_err(|_| DataError::TooLarge)?;
    if rows.saturating_mul(columns.len()) > MAX_PUSHED_CELLS {
        return Err(DataError::TooLarge.into());
    }
    let mut builder = BatchBuilder::collecting(&columns, &Formats::default(), usize::MAX);
    let mut whole = BatchBuilder::new(&columns, &Formats::default(), usize::MAX).take();
    let mut sink = |batch| {
        append(&mut whole, batch);
        Ok(())
    };
    csv::scan_text(bytes, delimiter, &mut builder, &mut sink)?;
    builder.finish(&mut sink)?;
    Ok((columns, whole))
}

/// Reads the columns of an Arrow IPC stream without compression.
///
/// # Errors
///
/// A damaged stream, columns of types that are not read, or more than [`MAX_PUSHED_CELLS`] or
/// [`MAX_PUSHED_TEXT`](crate::MAX_PUSHED_TEXT).
pub fn parse_arrow_stream(bytes: &[u8]) -> Result<(Vec<Column>, Batch), SourceError> {
    if !frames::are_sound(bytes, MAX_PUSHED_CELLS) {
        return Err(damaged().into());
    }
    // The decoder is made for trusted streams: if it panics nevertheless, only this request fails.
    catch_unwind(|| parse_arrow(bytes)).unwrap_or_else(|_| Err(damaged().into()))
}

fn parse_arrow(bytes: &[u8]) -> Result<(Vec<Column>, Batch), SourceError> {
    let (schema, batches) = decode(bytes)?;
    if schema.fields().len() > MAX_COLUMNS {
        return Err(DataError::Header(HeaderProblem::TooMany).into());
    }
    let columns = columns(&arrow::head(&schema))?;
    let mut builder = BatchBuilder::collecting(&columns, &Formats::default(), usize::MAX);
    let mut whole = BatchBuilder::new(&columns, &Formats::default(), usize::MAX).take();
    for batch in batches {
        add_batch(&batch, &mut builder)?;
    }
    builder.finish(&mut |batch| {
        append(&mut whole, batch);
        Ok(())
    })?;
    Ok((columns, whole))
}

/// Describes all columns of a push, or tells the errors of all.
fn columns(head: &Head) -> Result<Vec<Column>, SourceError> {
    let mut errors = Errors::default();
    let found = head.columns().iter().map(|found| found.to_column(None));
    let columns: Vec<_> = found.filter_map(|column| errors.value(column)).collect();
    errors.finish().map(|()| columns)
}

/// Decodes a stream whose frames are sound.
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

fn add_batch(batch: &RecordBatch, builder: &mut BatchBuilder) -> Result<(), DataError> {
    for (index, array) in batch.columns().iter().enumerate() {
        arrow::add_column(array, index, builder, &|row| Place::Row { file: String::new(), row })?;
    }
    builder.end_rows(batch.num_rows());
    Ok(())
}

fn append(whole: &mut Batch, part: Batch) {
    whole.rows = whole.rows.saturating_add(part.rows);
    whole.columns.iter_mut().zip(part.columns).for_each(|(all, values)| all.append(values));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_push_has_a_bound_of_columns() {
        let header = |count: usize| (0..count).map(|number| format!("c{number}"));
        let text = |count| header(count).collect::<Vec<_>>().join(",");
        let (columns, _) = parse_csv(text(MAX_COLUMNS).as_bytes(), None).unwrap();
        assert_eq!(columns.len(), MAX_COLUMNS);
        for text in [text(MAX_COLUMNS + 1), ",".repeat(999_998)] {
            let error = parse_csv(text.as_bytes(), None).unwrap_err();
            let expected =
                matches!(error, SourceError::Data(DataError::Header(HeaderProblem::TooMany)));
            assert!(expected, "{error}");
        }
    }
}
