//! Columns of Parquet files.

use std::fs::File;
use std::path::Path;

use ::arrow::array::RecordBatch;
use ::arrow::datatypes::{Fields, Schema};
use ::parquet::arrow::ProjectionMask;
use ::parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use crate::access::{Access, file_name};
use crate::declaration::Found;
use crate::error::{CellProblem, DataError, Place, SourceError};
use crate::scan::Each;
use crate::values::Gathering;
use crate::{Column, arrow};

/// The columns of a file or folder.
pub(crate) fn discover(path: &Path, access: &Access) -> Result<Vec<Found>, SourceError> {
    let mut fields: Option<Fields> = None;
    for path in access.files(path, "parquet")? {
        let file = open(&path, access)?;
        check_schema(fields.get_or_insert_with(|| file.schema().fields().clone()), &file, &path)?;
    }
    Ok(arrow::columns(&Schema::new(fields.unwrap_or_default()))?)
}

/// Streams columns of a file or folder.
pub(crate) fn scan(
    path: &Path,
    columns: &[Column],
    access: &Access,
    each: Each<'_>,
) -> Result<(), SourceError> {
    let mut fields: Option<Fields> = None;
    for path in access.files(path, "parquet")? {
        let file = open(&path, access)?;
        check_schema(fields.get_or_insert_with(|| file.schema().fields().clone()), &file, &path)?;
        let name = file_name(&path);
        let reader = project(file, columns, access, &name)?;
        let mut before = 0;
        for batch in reader {
            let batch = batch.map_err(|_| DataError::Damaged(format!("{name:?}")))?;
            gather(&batch, columns, &name, before, access, each)?;
            before = before_next(before, &batch)?;
        }
    }
    Ok(())
}

fn open(
    path: &Path,
    access: &Access,
) -> Result<ParquetRecordBatchReaderBuilder<File>, SourceError> {
    let file = access.open(path)?;
    let damaged = |_| DataError::Damaged(format!("{:?}", file_name(path)));
    Ok(ParquetRecordBatchReaderBuilder::try_new(file).map_err(damaged)?)
}

/// Files of one folder have the same columns, of the same types, in the same order.
fn check_schema(
    expected: &Fields,
    file: &ParquetRecordBatchReaderBuilder<File>,
    path: &Path,
) -> Result<(), DataError> {
    let fields = file.schema().fields();
    let pairs = || expected.iter().zip(fields);
    let alike = pairs().all(|(a, b)| a.name() == b.name() && a.data_type() == b.data_type());
    if alike && expected.len() == fields.len() {
        Ok(())
    } else {
        Err(DataError::Schemas(file_name(path)))
    }
}

fn project(
    file: ParquetRecordBatchReaderBuilder<File>,
    columns: &[Column],
    access: &Access,
    name: &str,
) -> Result<ParquetRecordBatchReader, DataError> {
    let mut roots = Vec::new();
    for column in columns {
        let found = file.schema().index_of(&column.name);
        roots.push(found.map_err(|_| DataError::Changed(column.name.clone()))?);
    }
    let mask = ProjectionMask::roots(file.parquet_schema(), roots);
    let reader = file.with_projection(mask).with_batch_size(access.batch_rows).build();
    reader.map_err(|_| DataError::Damaged(format!("{name:?}")))
}

/// Parquet stores columns, batches are made of rows: a column is converted as a whole.
fn gather(
    batch: &RecordBatch,
    columns: &[Column],
    file: &str,
    before: u64,
    access: &Access,
    each: Each<'_>,
) -> Result<(), SourceError> {
    let kinds = columns.iter().map(|column| column.kind).collect();
    let mut gathering = Gathering::new(kinds, access.batch_rows);
    for (index, column) in columns.iter().enumerate() {
        let changed = || DataError::Changed(column.name.clone());
        let array = batch.column_by_name(&column.name).ok_or_else(changed)?;
        let wrong = |row: usize, problem: CellProblem| {
            let row = u64::try_from(row).unwrap_or(u64::MAX);
            let row = before.saturating_add(row).saturating_add(1);
            let place = Place::Row { file: file.to_owned(), row };
            DataError::Cell { place, column: column.name.clone(), problem }
        };
        let mut push = |row, cell| gathering.push(index, cell).map_err(|p| wrong(row, p));
        arrow::cells(array, &mut push, &wrong)?;
    }
    (0..batch.num_rows()).for_each(|_| {
        gathering.end_row();
    });
    if gathering.is_empty() { Ok(()) } else { each(gathering.take()) }
}

fn before_next(before: u64, batch: &RecordBatch) -> Result<u64, DataError> {
    let rows = u64::try_from(batch.num_rows()).map_err(|_| DataError::TooManyRows)?;
    before.checked_add(rows).ok_or(DataError::TooManyRows)
}
