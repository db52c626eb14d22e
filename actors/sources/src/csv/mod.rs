//! Columns of CSV texts.
//!
//! The first line names the columns. Kinds are inferred from the whole text, not from its start.

mod cell;
mod records;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use self::cell::Inference;
use self::records::{Record, RecordError, Records};
use crate::access::{Access, file_error, file_name};
use crate::column::{Column, Kind};
use crate::error::{CellProblem, DataError, DeclarationError, Malformed, Place, SourceError};
use crate::found::{FoundColumn, check_names};
use crate::values::{BatchBuilder, BatchSink, Cell};

/// The bytes that are read from a file at once.
const BUFFER: usize = 1 << 16;

/// Lists the columns of a file or folder. Kinds that `declared` does not name are inferred.
pub(crate) fn discover(
    path: &Path,
    delimiter: Option<char>,
    declared: &BTreeMap<&str, Kind>,
    access: &Access,
) -> Result<Vec<FoundColumn>, SourceError> {
    let mut columns: Option<(Vec<String>, Vec<Inference>)> = None;
    for file in access.files(path, "csv")? {
        let mut table = Table::open(&file, delimiter, access)?;
        let (names, inferences) =
            columns.get_or_insert_with(|| (table.header.clone(), no_inferences(&table.header)));
        table.check_header(names)?;
        table.infer(inferences, declared)?;
    }
    let (names, inferences) = columns.unwrap_or_default();
    conclude(names, &inferences, declared)
}

/// Streams columns of a file or folder.
pub(crate) fn scan(
    path: &Path,
    delimiter: Option<char>,
    columns: &[Column],
    access: &Access,
    sink: BatchSink<'_>,
) -> Result<(), SourceError> {
    let kinds = columns.iter().map(|column| column.kind).collect();
    let mut builder = BatchBuilder::new(kinds, access.batch_rows);
    let mut first: Option<Vec<String>> = None;
    for file in access.files(path, "csv")? {
        let mut table = Table::open(&file, delimiter, access)?;
        table.check_header(first.get_or_insert_with(|| table.header.clone()))?;
        table.add_rows(columns, &mut builder, sink)?;
    }
    builder.finish(sink)
}

/// Infers the columns of a text, and counts its rows.
pub(crate) fn discover_text(
    text: &[u8],
    delimiter: Option<char>,
) -> Result<(Vec<FoundColumn>, u64), SourceError> {
    let mut table = Table::new(text, String::new(), delimiter)?;
    let mut inferences = no_inferences(&table.header);
    let rows = table.infer(&mut inferences, &BTreeMap::new())?;
    Ok((conclude(table.header, &inferences, &BTreeMap::new())?, rows))
}

/// Streams the columns of a text.
pub(crate) fn scan_text(
    text: &[u8],
    delimiter: Option<char>,
    columns: &[Column],
    sink: BatchSink<'_>,
) -> Result<(), SourceError> {
    let kinds = columns.iter().map(|column| column.kind).collect();
    let mut builder = BatchBuilder::new(kinds, usize::MAX);
    let mut table = Table::new(text, String::new(), delimiter)?;
    table.add_rows(columns, &mut builder, sink)?;
    builder.finish(sink)
}

/// The rows of a text, after its header.
struct Table<R> {
    /// The name of the file, for messages.
    file: String,
    header: Vec<String>,
    records: Records<R>,
}

impl Table<BufReader<File>> {
    fn open(path: &Path, delimiter: Option<char>, access: &Access) -> Result<Self, SourceError> {
        let file = BufReader::with_capacity(BUFFER, access.open(path)?);
        Self::new(file, file_name(path), delimiter)
    }
}

impl<R: BufRead> Table<R> {
    fn new(input: R, file: String, delimiter: Option<char>) -> Result<Self, SourceError> {
        let delimiter = delimiter_byte(delimiter)?;
        let mut records = Records::new(input, delimiter).map_err(|error| explain(error, &file))?;
        // As if of two columns, so that blank lines before the header are skipped.
        let Some(first) = records.next(2).map_err(|error| explain(error, &file))? else {
            return Err(malformed(&file, 1, Malformed::Empty));
        };
        let header = header(first, &file)?;
        Ok(Self { file, header, records })
    }

    fn check_header(&self, expected: &[String]) -> Result<(), SourceError> {
        if self.header == expected {
            Ok(())
        } else {
            Err(DataError::Schemas(self.file.clone()).into())
        }
    }

    /// Observes all rows, and counts them.
    fn infer(
        &mut self,
        inferences: &mut [Inference],
        declared: &BTreeMap<&str, Kind>,
    ) -> Result<u64, SourceError> {
        let Self { file, header, records } = self;
        let mut rows: u64 = 0;
        while let Some(record) = next(records, header.len(), file)? {
            rows = rows.saturating_add(1);
            let columns = header.iter().zip(inferences.iter_mut());
            for (index, (field, (name, inference))) in record.fields().zip(columns).enumerate() {
                if field.is_missing() || declared.contains_key(name.as_str()) {
                    continue;
                }
                let text = utf8(field.bytes, index, record.line, file)?;
                inference.see(text, || line(file, record.line));
            }
        }
        Ok(rows)
    }

    fn add_rows(
        &mut self,
        columns: &[Column],
        builder: &mut BatchBuilder,
        sink: BatchSink<'_>,
    ) -> Result<(), SourceError> {
        let Self { file, header, records } = self;
        let targets = targets(header, columns)?;
        while let Some(record) = next(records, header.len(), file)? {
            for (index, (field, targets)) in record.fields().zip(&targets).enumerate() {
                for (target, column) in targets {
                    let cell = if field.is_missing() {
                        Ok(Cell::Missing)
                    } else {
                        cell::parse(utf8(field.bytes, index, record.line, file)?, column.kind)
                    };
                    cell.and_then(|cell| builder.push(*target, cell))
                        .map_err(|problem| cell_error(file, record.line, column, problem))?;
                }
            }
            if builder.end_row() {
                sink(builder.take())?;
            }
        }
        Ok(())
    }
}

fn no_inferences(header: &[String]) -> Vec<Inference> {
    header.iter().map(|_| Inference::default()).collect()
}

/// Lists the columns that each field of a row belongs to: none, one, or more if a column is
/// requested twice.
fn targets<'a>(
    header: &[String],
    columns: &'a [Column],
) -> Result<Vec<Vec<(usize, &'a Column)>>, SourceError> {
    let mut targets: Vec<_> = header.iter().map(|_| Vec::new()).collect();
    for (target, column) in columns.iter().enumerate() {
        let field = header.iter().position(|name| *name == column.name);
        match field.and_then(|field| targets.get_mut(field)) {
            Some(of_field) => of_field.push((target, column)),
            None => return Err(DataError::Changed(column.name.clone()).into()),
        }
    }
    Ok(targets)
}

fn next<'a, R: BufRead>(
    records: &'a mut Records<R>,
    width: usize,
    file: &str,
) -> Result<Option<&'a Record>, SourceError> {
    match records.next(width).map_err(|error| explain(error, file))? {
        Some(record) if record.len() != width => {
            let problem = Malformed::Ragged { found: record.len(), expected: width };
            Err(malformed(file, record.line, problem))
        }
        other => Ok(other),
    }
}

fn conclude(
    names: Vec<String>,
    inferences: &[Inference],
    declared: &BTreeMap<&str, Kind>,
) -> Result<Vec<FoundColumn>, SourceError> {
    let mut found = Vec::new();
    for (name, inference) in names.into_iter().zip(inferences) {
        let kind = match declared.get(name.as_str()) {
            Some(kind) => *kind,
            None => inference.kind().map_err(|place| DataError::Cell {
                place,
                column: name.clone(),
                problem: CellProblem::DecimalComma,
            })?,
        };
        found.push(FoundColumn { name, kind: Ok(kind) });
    }
    Ok(found)
}

fn delimiter_byte(delimiter: Option<char>) -> Result<u8, DeclarationError> {
    match delimiter.unwrap_or(',') {
        ',' => Ok(b','),
        ';' => Ok(b';'),
        '\t' => Ok(b'\t'),
        '|' => Ok(b'|'),
        ':' => Ok(b':'),
        ' ' => Ok(b' '),
        _ => Err(DeclarationError::Delimiter),
    }
}

fn header(record: &Record, file: &str) -> Result<Vec<String>, SourceError> {
    let mut names = Vec::new();
    for (index, field) in record.fields().enumerate() {
        names.push(utf8(field.bytes, index, record.line, file)?.to_owned());
    }
    check_names(names.iter().map(String::as_str))?;
    match names.as_slice() {
        [only] if only.contains([';', '\t', ',']) => {
            Err(malformed(file, record.line, Malformed::Delimiter))
        }
        _ => Ok(names),
    }
}

fn utf8<'a>(bytes: &'a [u8], index: usize, line: u64, file: &str) -> Result<&'a str, SourceError> {
    let field = index.saturating_add(1);
    std::str::from_utf8(bytes).map_err(|_| malformed(file, line, Malformed::Encoding(field)))
}

fn explain(error: RecordError, file: &str) -> SourceError {
    match error {
        RecordError::Input(error) => file_error(Path::new(file), &error),
        RecordError::Text { line, problem } => malformed(file, line, problem),
    }
}

fn line(file: &str, line: u64) -> Place {
    Place::Line { file: file.to_owned(), line }
}

fn malformed(file: &str, line: u64, problem: Malformed) -> SourceError {
    DataError::Malformed { place: self::line(file, line), problem }.into()
}

fn cell_error(file: &str, line: u64, column: &Column, problem: CellProblem) -> SourceError {
    let place = self::line(file, line);
    DataError::Cell { place, column: column.name.clone(), problem }.into()
}
