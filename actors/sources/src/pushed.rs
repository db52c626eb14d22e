//! Columns that clients push: CSV texts and Arrow streams, whole, in memory.
//!
//! They were made by whoever sends them, so what is wrong with them may be told in full. The
//! caller bounds their length; what they unfold to is bounded here.

use std::panic::catch_unwind;

use ::arrow::array::RecordBatch;
use ::arrow::buffer::Buffer;
use ::arrow::datatypes::SchemaRef;
use ::arrow::ipc::reader::StreamDecoder;

use crate::declaration::described;
use crate::error::{CellProblem, DataError, Place, SourceError};
use crate::values::Gathering;
use crate::{Batch, Column, arrow, csv, frames};

/// More cells than this are not taken at once; each takes up to 24 bytes in memory.
pub const MAX_PUSHED_CELLS: usize = 1 << 25;

/// More bytes than this are not taken at once, once dictionaries are written out.
pub const MAX_PUSHED_TEXT: usize = 1 << 29;

/// The columns of a CSV text, inferred. The delimiter is a comma if not given.
///
/// # Errors
///
/// A malformed text, or one with more cells than [`MAX_PUSHED_CELLS`].
pub fn parse_csv(
    bytes: &[u8],
    delimiter: Option<char>,
) -> Result<(Vec<Column>, Batch), SourceError> {
    let (found, rows) = csv::discover_text(bytes, delimiter)?;
    let columns = described(&found)?;
    let rows = usize::try_from(rows).map_err(|_| DataError::TooLarge)?;
    if rows.saturating_mul(columns.len()) > MAX_PUSHED_CELLS {
        return Err(DataError::TooLarge.into());
    }
    let mut whole = Gathering::new(kinds(&columns), usize::MAX).take();
    csv::scan_text(bytes, delimiter, &columns, &mut |batch| {
        append(&mut whole, batch);
        Ok(())
    })?;
    Ok((columns, whole))
}

/// The columns of an Arrow IPC stream without compression.
///
/// # Errors
///
/// A damaged stream, columns of types that have no place here, or more than
/// [`MAX_PUSHED_CELLS`] or [`MAX_PUSHED_TEXT`].
pub fn parse_arrow_stream(bytes: &[u8]) -> Result<(Vec<Column>, Batch), SourceError> {
    let (schema, batches) = decode_guarded(bytes)?;
    let columns = described(&arrow::columns(&schema)?)?;
    let mut gathering = Gathering::new(kinds(&columns), usize::MAX);
    for batch in batches {
        gather(&batch, &columns, &mut gathering)?;
    }
    Ok((columns, gathering.take()))
}

/// The decoder was made for streams of friends: should it panic on one that passed the checks of
/// its frames, this request fails and no other.
fn decode_guarded(bytes: &[u8]) -> Result<(SchemaRef, Vec<RecordBatch>), DataError> {
    if !frames::are_sound(bytes, MAX_PUSHED_CELLS) {
        return Err(damaged());
    }
    catch_unwind(|| decode(bytes)).unwrap_or_else(|_| Err(damaged()))
}

fn decode(bytes: &[u8]) -> Result<(SchemaRef, Vec<RecordBatch>), DataError> {
    let mut decoder = StreamDecoder::new();
    let mut buffer = Buffer::from(bytes);
    let mut budget = Budget { cells: MAX_PUSHED_CELLS, text: MAX_PUSHED_TEXT };
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

/// What a stream may still unfold to.
struct Budget {
    cells: usize,
    text: usize,
}

impl Budget {
    fn spend(&mut self, batch: &RecordBatch) -> Result<(), DataError> {
        // Rows without columns are counted too.
        let cells = batch.num_rows().checked_mul(batch.num_columns().max(1));
        let left = cells.and_then(|cells| self.cells.checked_sub(cells));
        self.cells = left.ok_or(DataError::TooLarge)?;
        arrow::spend(batch, &mut self.text)
    }
}

fn gather(
    batch: &RecordBatch,
    columns: &[Column],
    gathering: &mut Gathering,
) -> Result<(), DataError> {
    for (index, (array, column)) in batch.columns().iter().zip(columns).enumerate() {
        let wrong = |row: usize, problem: CellProblem| {
            let row = u64::try_from(row).unwrap_or(u64::MAX).saturating_add(1);
            let place = Place::Row { file: String::new(), row };
            DataError::Cell { place, column: column.name.clone(), problem }
        };
        let mut push = |row, cell| gathering.push(index, cell).map_err(|p| wrong(row, p));
        arrow::cells(array, &mut push, &wrong)?;
    }
    (0..batch.num_rows()).for_each(|_| {
        gathering.end_row();
    });
    Ok(())
}

fn kinds(columns: &[Column]) -> Vec<crate::Kind> {
    columns.iter().map(|column| column.kind).collect()
}

fn append(whole: &mut Batch, part: Batch) {
    whole.rows = whole.rows.saturating_add(part.rows);
    whole.columns.iter_mut().zip(part.columns).for_each(|(all, values)| all.append(values));
}
