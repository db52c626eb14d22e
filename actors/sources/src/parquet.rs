//! Columns of Parquet files. Files of a folder are matched by the names of columns.

use std::fs;
use std::io::{Read, Seek};
use std::path::Path;
use std::sync::Arc;

use ::arrow_array::RecordBatch;
use ::arrow_schema::{DataType, FieldRef, Fields, Schema, SchemaRef};
use ::parquet::arrow::ProjectionMask;
use ::parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder,
};
use ::parquet::basic::Compression;
use ::parquet::file::metadata::ParquetMetaData;

use crate::access::{Access, file_error};
use crate::arrow::{self, text_lengths};
use crate::batch::{BATCH_BYTES, BatchBuilder};
use crate::budget::Budget;
use crate::csv::{self, Inferences};
use crate::declaration::Wanted;
use crate::error::{DataError, Place, SourceError};
use crate::head::Head;
use crate::inference::Inference;
use crate::magic::{Foreign, form_of};
use crate::partition::{DataFile, PartitionKey};
use crate::values::BatchSink;

/// The bytes of a cell in memory, without its text.
const CELL: i64 = 24;

/// Lists the columns of a file or folder.
pub(crate) fn discover(
    path: &Path,
    wanted: &Wanted<'_>,
    access: &Access,
) -> Result<Head, SourceError> {
    let mut whole: Option<(String, Head)> = None;
    let mut inferences = Inferences::new();
    for file in access.files(path, "parquet")? {
        let head = arrow::head(open(&file, access)?.builder.schema()).with_keys(&file.keys);
        let inferred = file.keys.iter().filter(|key| wanted.infers(&key.column));
        for PartitionKey { column, value } in inferred {
            let begun = || Inference::new(wanted.formats().of(column));
            let inference = inferences.entry(column.clone()).or_insert_with(begun);
            inference.see(value, false, || Place::Row { file: file.name.clone(), row: 1 });
        }
        match &mut whole {
            None => whole = Some((file.name, head)),
            Some((first, whole)) => whole.join(first, head, &file.name),
        }
    }
    Ok(csv::conclude(whole.unwrap_or_default().1, &inferences))
}

/// Streams columns of a file or folder.
pub(crate) fn scan(
    path: &Path,
    builder: &mut BatchBuilder,
    access: &Access,
    sink: BatchSink<'_>,
) -> Result<(), SourceError> {
    for file in access.files(path, "parquet")? {
        scan_file(open(&file, access)?, &file, builder, sink)?;
    }
    Ok(())
}

/// Streams columns of one file. Each record batch is taken off the file's budget before its texts
/// are written out.
fn scan_file(
    file: File,
    source: &DataFile,
    builder: &mut BatchBuilder,
    sink: BatchSink<'_>,
) -> Result<(), SourceError> {
    let name = source.name.as_str();
    let mut budget = Budget::of_file(file.length);
    let mut before = 0;
    for batch in project(file.builder, builder, source)? {
        let batch = batch.map_err(|_| damaged(name))?;
        budget.spend(&batch).map_err(|_| DataError::Unfolds(name.to_owned()))?;
        for part in parts(&batch) {
            convert(&part, source, before, builder)?;
            builder.flush(sink)?;
            before = rows_after(before, &part)?;
        }
    }
    Ok(())
}

/// A file that is open, with its head read.
struct File {
    builder: ParquetRecordBatchReaderBuilder<fs::File>,
    /// Its length in bytes.
    length: u64,
}

fn open(source: &DataFile, access: &Access) -> Result<File, SourceError> {
    let DataFile { path, name, .. } = source;
    let file = access.open(path)?;
    let length = file.metadata().map_err(|error| file_error(path, &error))?.len();
    let whole = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new())
        .map_err(|_| foreign(&file, name).unwrap_or_else(|| damaged(name)))?;
    let options = ArrowReaderOptions::new().with_schema(with_views(whole.schema()));
    let folded = ArrowReaderMetadata::try_new(whole.metadata().clone(), options);
    let folded = folded.map_err(|_| damaged(name))?;
    Ok(File { builder: ParquetRecordBatchReaderBuilder::new_with_metadata(file, folded), length })
}

/// Recognises a file that is not Parquet.
fn foreign(mut file: &fs::File, name: &str) -> Option<DataError> {
    let mut start = Vec::new();
    file.rewind().ok()?;
    file.take(16).read_to_end(&mut start).ok()?;
    let form = form_of(&start).filter(|form| *form != Foreign::Parquet)?;
    Some(DataError::Foreign { file: name.to_owned(), form })
}

/// Has texts read as views, which refer to a dictionary's texts and do not repeat them.
fn with_views(schema: &SchemaRef) -> SchemaRef {
    let fields: Fields = schema.fields().iter().map(viewed).collect();
    Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
}

fn viewed(field: &FieldRef) -> FieldRef {
    if is_text(field.data_type()) {
        Arc::new(field.as_ref().clone().with_data_type(DataType::Utf8View))
    } else {
        field.clone()
    }
}

fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, values) => is_text(values),
        _ => false,
    }
}

fn project(
    file: ParquetRecordBatchReaderBuilder<fs::File>,
    builder: &BatchBuilder,
    source: &DataFile,
) -> Result<ParquetRecordBatchReader, DataError> {
    let mut roots = Vec::new();
    for column in builder.columns() {
        let in_path = source.keys.iter().filter(|key| key.column == column.name).count();
        match (file.schema().index_of(&column.name), in_path) {
            (Ok(found), 0) => roots.push(found),
            (Err(_), 1) => {}
            _ => return Err(DataError::Changed(column.name.clone())),
        }
    }
    let name = &source.name;
    let mask = ProjectionMask::roots(file.parquet_schema(), roots);
    check_codecs(file.metadata(), &mask, name)?;
    let rows = batch_rows(file.metadata(), &mask).min(builder.limit());
    let reader = file.with_projection(mask).with_batch_size(rows).build();
    reader.map_err(|_| damaged(name))
}

/// Refuses chosen columns that are compressed in a way that is not read.
fn check_codecs(
    file: &ParquetMetaData,
    mask: &ProjectionMask,
    name: &str,
) -> Result<(), DataError> {
    for group in file.row_groups() {
        let chosen = (0..).zip(group.columns()).filter(|(leaf, _)| mask.leaf_included(*leaf));
        for (_, column) in chosen {
            let codec = match column.compression() {
                Compression::BROTLI(_) => "brotli",
                Compression::LZO => "LZO",
                _ => continue,
            };
            return Err(DataError::Codec { file: name.to_owned(), codec });
        }
    }
    Ok(())
}

/// Returns the rows that take about [`BATCH_BYTES`] where rows are longest, by the file's own count.
fn batch_rows(file: &ParquetMetaData, mask: &ProjectionMask) -> usize {
    let mut rows = BATCH_BYTES;
    for group in file.row_groups() {
        let chosen = (0..).zip(group.columns()).filter(|(leaf, _)| mask.leaf_included(*leaf));
        let lengths = chosen.map(|(_, column)| column.uncompressed_size().max(0));
        // Each cell takes some bytes, even a missing one.
        let (bytes, cells) = lengths.fold((0_i64, 0_i64), |(bytes, cells), length| {
            (bytes.saturating_add(length), cells.saturating_add(1))
        });
        let of_row = (bytes / group.num_rows().max(1)).saturating_add(cells.saturating_mul(CELL));
        let of_row = usize::try_from(of_row).unwrap_or(usize::MAX).max(1);
        rows = rows.min(BATCH_BYTES / of_row);
    }
    rows.max(1)
}

/// Cuts a record batch into parts of not many more than [`BATCH_BYTES`], with texts written out.
fn parts(batch: &RecordBatch) -> Vec<RecordBatch> {
    let lengths: Vec<Vec<usize>> = batch.columns().iter().filter_map(text_lengths).collect();
    let mut parts = Vec::new();
    let (mut start, mut bytes) = (0, 0_usize);
    for row in 0..batch.num_rows() {
        let of_row = lengths.iter().filter_map(|column| column.get(row)).copied();
        bytes = of_row.fold(bytes, usize::saturating_add);
        let next = row.saturating_add(1);
        if bytes >= BATCH_BYTES || next == batch.num_rows() {
            parts.push(batch.slice(start, next.saturating_sub(start)));
            (start, bytes) = (next, 0);
        }
    }
    parts
}

fn damaged(file: &str) -> DataError {
    DataError::Damaged(format!("{file:?}"))
}

/// Converts a record batch, column by column.
fn convert(
    batch: &RecordBatch,
    file: &DataFile,
    before: u64,
    builder: &mut BatchBuilder,
) -> Result<(), DataError> {
    let names: Vec<_> = builder.columns().iter().map(|column| column.name.clone()).collect();
    for (index, name) in names.into_iter().enumerate() {
        let place =
            |row: u64| Place::Row { file: file.name.clone(), row: before.saturating_add(row) };
        if let Some(key) = file.keys.iter().find(|key| key.column == name) {
            for _ in 0..batch.num_rows() {
                builder.put_field(index, &key.value, false, || place(1))?;
            }
            continue;
        }
        let Some(array) = batch.column_by_name(&name) else {
            return Err(DataError::Changed(name));
        };
        arrow::add_column(array, index, builder, &place)?;
    }
    builder.end_rows(batch.num_rows());
    Ok(())
}

fn rows_after(before: u64, batch: &RecordBatch) -> Result<u64, DataError> {
    let rows = u64::try_from(batch.num_rows()).map_err(|_| DataError::TooManyRows)?;
    before.checked_add(rows).ok_or(DataError::TooManyRows)
}
