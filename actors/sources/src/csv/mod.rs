//! Columns of CSV texts.
//!
//! The first line names the columns. Kinds are inferred over the whole text, not over its start.

mod cell;
mod records;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use self::cell::Inference;
use self::records::{Broken, Record, Records};
use crate::access::{Access, file_error, file_name};
use crate::declaration::Found;
use crate::error::{
    CellProblem, DataError, DeclarationError, HeaderProblem, Malformed, Place, SourceError,
};
use crate::scan::Each;
use crate::values::{Cell, Gathering};
use crate::{Column, Kind, MAX_COLUMNS};

/// Bytes that are read from a file at once.
const BUFFER: usize = 1 << 16;

/// Longer names are not column names.
const MAX_NAME: usize = 200;

/// The columns of a file or folder; kinds are inferred where `declared` does not tell them.
pub(crate) fn discover(
    path: &Path,
    delimiter: Option<char>,
    declared: &BTreeMap<&str, Kind>,
    access: &Access,
) -> Result<Vec<Found>, SourceError> {
    let mut columns: Option<(Vec<String>, Vec<Inference>)> = None;
    for file in access.files(path, "csv")? {
        let mut table = Table::open(&file, delimiter, access)?;
        let (names, inferences) = columns.get_or_insert_with(|| {
            let inferences = table.header.iter().map(|_| Inference::default()).collect();
            (table.header.clone(), inferences)
        });
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
    each: Each<'_>,
) -> Result<(), SourceError> {
    let kinds = columns.iter().map(|column| column.kind).collect();
    let mut gathering = Gathering::new(kinds, access.batch_rows);
    let mut first: Option<Vec<String>> = None;
    for file in access.files(path, "csv")? {
        let mut table = Table::open(&file, delimiter, access)?;
        table.check_header(first.get_or_insert_with(|| table.header.clone()))?;
        table.gather(columns, &mut gathering, each)?;
    }
    if gathering.is_empty() { Ok(()) } else { each(gathering.take()) }
}

/// The columns of a text, inferred, and how many rows it has.
pub(crate) fn discover_text(
    text: &[u8],
    delimiter: Option<char>,
) -> Result<(Vec<Found>, u64), SourceError> {
    let mut table = Table::new(text, String::new(), delimiter)?;
    let mut inferences: Vec<_> = table.header.iter().map(|_| Inference::default()).collect();
    let rows = table.infer(&mut inferences, &BTreeMap::new())?;
    Ok((conclude(table.header, &inferences, &BTreeMap::new())?, rows))
}

/// Streams the columns of a text.
pub(crate) fn scan_text(
    text: &[u8],
    delimiter: Option<char>,
    columns: &[Column],
    each: Each<'_>,
) -> Result<(), SourceError> {
    let kinds = columns.iter().map(|column| column.kind).collect();
    let mut gathering = Gathering::new(kinds, usize::MAX);
    let mut table = Table::new(text, String::new(), delimiter)?;
    table.gather(columns, &mut gathering, each)?;
    if gathering.is_empty() { Ok(()) } else { each(gathering.take()) }
}

/// A text behind its header.
struct Table<R> {
    /// Its name for messages.
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
        let mut records =
            Records::new(input, delimiter).map_err(|broken| explain(broken, &file))?;
        // Of two columns, for a blank line to say nothing; there is no header yet.
        let first = records.next(2).map_err(|broken| explain(broken, &file))?;
        let Some(first) = first else {
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

    /// Looks at all rows, and tells how many there are.
    fn infer(
        &mut self,
        inferences: &mut [Inference],
        declared: &BTreeMap<&str, Kind>,
    ) -> Result<u64, SourceError> {
        let Self { file, header, records } = self;
        let mut rows: u64 = 0;
        while let Some(record) = next(records, header.len(), file)? {
            rows = rows.saturating_add(1);
            let named = record.fields().zip(header.iter()).zip(inferences.iter_mut());
            for (index, ((field, name), inference)) in named.enumerate() {
                if field.is_missing() || declared.contains_key(name.as_str()) {
                    continue;
                }
                let text = utf8(field.bytes, index, record.line, file)?;
                inference.see(text, || Place::Line { file: file.clone(), line: record.line });
            }
        }
        Ok(rows)
    }

    fn gather(
        &mut self,
        columns: &[Column],
        gathering: &mut Gathering,
        each: Each<'_>,
    ) -> Result<(), SourceError> {
        let Self { file, header, records } = self;
        let wanted = wanted(header, columns)?;
        while let Some(record) = next(records, header.len(), file)? {
            for (index, (field, targets)) in record.fields().zip(&wanted).enumerate() {
                for (target, column) in targets {
                    let cell = if field.is_missing() {
                        Ok(Cell::Missing)
                    } else {
                        cell::parse(utf8(field.bytes, index, record.line, file)?, column.kind)
                    };
                    let pushed = cell.and_then(|cell| gathering.push(*target, cell));
                    pushed.map_err(|problem| wrong_cell(file, record.line, column, problem))?;
                }
            }
            if gathering.end_row() {
                each(gathering.take())?;
            }
        }
        Ok(())
    }
}

/// For each field of a row, the columns it is part of: none, one, or more where a column is asked
/// for twice.
fn wanted<'a>(
    header: &[String],
    columns: &'a [Column],
) -> Result<Vec<Vec<(usize, &'a Column)>>, SourceError> {
    let gone = columns.iter().find(|column| !header.contains(&column.name));
    if let Some(column) = gone {
        return Err(DataError::Changed(column.name.clone()).into());
    }
    let targets = |name: &String| {
        columns.iter().enumerate().filter(|(_, column)| column.name == *name).collect()
    };
    Ok(header.iter().map(targets).collect())
}

fn next<'a, R: BufRead>(
    records: &'a mut Records<R>,
    width: usize,
    file: &str,
) -> Result<Option<&'a Record>, SourceError> {
    let record = records.next(width).map_err(|broken| explain(broken, file))?;
    match record {
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
) -> Result<Vec<Found>, SourceError> {
    let kind = |(name, inference): (String, &Inference)| {
        let kind = match declared.get(name.as_str()) {
            Some(kind) => *kind,
            None => inference.kind().map_err(|place| DataError::Cell {
                place,
                column: name.clone(),
                problem: CellProblem::DecimalComma,
            })?,
        };
        Ok(Found { name, kind: Ok(kind) })
    };
    names.into_iter().zip(inferences).map(kind).collect()
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

/// Every column has a name of its own that one sees as it is.
pub(crate) fn check_names<'a>(names: impl Iterator<Item = &'a str>) -> Result<(), DataError> {
    let mut seen = BTreeSet::new();
    for (number, name) in (1..).zip(names) {
        let hidden = name.trim() != name || name.chars().any(char::is_control);
        let problem = if number > MAX_COLUMNS {
            HeaderProblem::TooMany
        } else if name.is_empty() {
            HeaderProblem::Nameless(number)
        } else if hidden || name.len() > MAX_NAME {
            HeaderProblem::Name(number)
        } else if !seen.insert(name) {
            HeaderProblem::Twice(name.to_owned())
        } else {
            continue;
        };
        return Err(DataError::Header(problem));
    }
    Ok(())
}

fn utf8<'a>(bytes: &'a [u8], index: usize, line: u64, file: &str) -> Result<&'a str, SourceError> {
    let field = index.saturating_add(1);
    std::str::from_utf8(bytes).map_err(|_| malformed(file, line, Malformed::Encoding(field)))
}

fn explain(broken: Broken, file: &str) -> SourceError {
    match broken {
        Broken::Input(error) => file_error(Path::new(file), &error),
        Broken::Text { line, problem } => malformed(file, line, problem),
    }
}

fn malformed(file: &str, line: u64, problem: Malformed) -> SourceError {
    let place = Place::Line { file: file.to_owned(), line };
    DataError::Malformed { place, problem }.into()
}

fn wrong_cell(file: &str, line: u64, column: &Column, problem: CellProblem) -> SourceError {
    let place = Place::Line { file: file.to_owned(), line };
    DataError::Cell { place, column: column.name.clone(), problem }.into()
}
