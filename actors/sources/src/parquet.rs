//! Columns of Parquet files.

use std::fs::File;
use std::path::Path;

use ::arrow_array::RecordBatch;
use ::arrow_schema::{Fields, Schema};
use ::parquet::arrow::ProjectionMask;
use ::parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use crate::access::{Access, file_name};
use crate::arrow;
use crate::column::Column;
use crate::error::{DataError, Place, SourceError};
use crate::found::FoundColumn;
use crate::values::{BatchBuilder, BatchSink};

/// Lists the columns of a file or folder.
pub(crate) fn discover(path: &Path, access: &Access) -> Result<Vec<FoundColumn>, SourceError> {
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
    sink: BatchSink<'_>,
) -> Result<(), SourceError> {
    let mut fields: Option<Fields> = None;
    for path in access.files(path, "parquet")? {
        let file = open(&path, access)?;
        check_schema(fields.get_or_insert_with(|| file.schema().fields().clone()), &file, &path)?;
        let name = file_name(&path);
        let reader = project(file, columns, access, &name)?;
        let mut before = 0;
        for batch in reader {
            let batch = batch.map_err(|_| damaged(&name))?;
            convert(&batch, columns, &name, before, access, sink)?;
            before = rows_after(before, &batch)?;
        }
    }
    Ok(())
}

fn open(
    path: &Path,
    access: &Access,
) -> Result<ParquetRecordBatchReaderBuilder<File>, SourceError> {
    match ParquetRecordBatchReaderBuilder::try_new(access.open(path)?) {
        Ok(file) => Ok(file),
        Err(_) => Err(damaged(&file_name(path)).into()),
    }
}

/// Checks that a file has the columns of the first one, of the same types and in the same order.
fn check_schema(
    expected: &Fields,
    file: &ParquetRecordBatchReaderBuilder<File>,
    path: &Path,
) -> Result<(), DataError> {
    let fields = file.schema().fields();
    let alike = expected.len() == fields.len()
        && expected
            .iter()
            .zip(fields)
            .all(|(a, b)| a.name() == b.name() && a.data_type() == b.data_type());
    if alike { Ok(()) } else { Err(DataError::Schemas(file_name(path))) }
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
    reader.map_err(|_| damaged(name))
}

fn damaged(file: &str) -> DataError {
    DataError::Damaged(format!("{file:?}"))
}

/// Converts a record batch, column by column, and passes it on.
fn convert(
    batch: &RecordBatch,
    columns: &[Column],
    file: &str,
    before: u64,
    access: &Access,
    sink: BatchSink<'_>,
) -> Result<(), SourceError> {
    let kinds = columns.iter().map(|column| column.kind).collect();
    let mut builder = BatchBuilder::new(kinds, access.batch_rows);
    for (index, column) in columns.iter().enumerate() {
        let Some(array) = batch.column_by_name(&column.name) else {
            return Err(DataError::Changed(column.name.clone()).into());
        };
        arrow::add_column(array, index, &mut builder, &|row, problem| {
            let place = Place::Row { file: file.to_owned(), row: before.saturating_add(row) };
            DataError::Cell { place, column: column.name.clone(), problem }
        })?;
    }
    builder.end_rows(batch.num_rows());
    builder.finish(sink)
}

fn rows_after(before: u64, batch: &RecordBatch) -> Result<u64, DataError> {
    let rows = u64::try_from(batch.num_rows()).map_err(|_| DataError::TooManyRows)?;
    before.checked_add(rows).ok_or(DataError::TooManyRows)
}
