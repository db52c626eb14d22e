//! Columns of CSV texts.
//!
//! The first line names the columns. Kinds are inferred from the whole text, not from its start.

mod encoding;
mod records;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use self::encoding::decode;
use self::records::{Record, RecordError, Records};
use crate::access::{Access, file_error};
use crate::batch::BatchBuilder;
use crate::column::{Column, MAX_COLUMNS};
use crate::declaration::Wanted;
use crate::error::{DataError, DeclarationError, HeaderProblem, Malformed, Place, SourceError};
use crate::format::Encoding;
use crate::head::{FoundColumn, Head, KindProblem};
use crate::inference::Inference;
use crate::partition::{DataFile, PartitionKey};
use crate::values::BatchSink;

/// The bytes that are read from a file at once.
const BUFFER: usize = 1 << 16;

/// The form of a text: the sign between its fields, and its encoding.
#[derive(Clone, Copy, Default)]
pub(crate) struct Form {
    /// A comma if not given.
    pub(crate) delimiter: Option<char>,
    pub(crate) encoding: Encoding,
}

/// The inferences of columns, by name.
pub(crate) type Inferences = BTreeMap<String, Inference>;

/// Lists the columns of a file or folder. Kinds are inferred where they are wanted.
pub(crate) fn discover(
    path: &Path,
    delimiter: Option<char>,
    wanted: &Wanted<'_>,
    access: &Access,
) -> Result<Head, SourceError> {
    let form = Form { delimiter, encoding: wanted.formats().encoding };
    let mut inferences = Inferences::new();
    let mut whole: Option<(String, Head)> = None;
    for file in access.files(path, "csv")? {
        let mut table = Table::open(file, form, access)?;
        table.check_delimiter(wanted)?;
        table.infer(&mut inferences, wanted)?;
        match &mut whole {
            None => whole = Some((table.file, table.head)),
            Some((first, head)) => head.join(first, table.head, &table.file),
        }
    }
    let (_, head) = whole.unwrap_or_default();
    Ok(conclude(head, &inferences))
}

/// Streams columns of a file or folder.
pub(crate) fn scan(
    path: &Path,
    form: Form,
    builder: &mut BatchBuilder,
    access: &Access,
    sink: BatchSink<'_>,
) -> Result<(), SourceError> {
    for file in access.files(path, "csv")? {
        Table::open(file, form, access)?.add_rows(builder, sink)?;
    }
    Ok(())
}

/// Infers the columns of a text, and counts its rows.
pub(crate) fn discover_text(
    text: &[u8],
    delimiter: Option<char>,
) -> Result<(Head, u64), SourceError> {
    let form = Form { delimiter, ..Form::default() };
    let mut table = Table::new(text, String::new(), form, MAX_COLUMNS)?;
    let mut inferences = Inferences::new();
    table.check_delimiter(&Wanted::all())?;
    let rows = table.infer(&mut inferences, &Wanted::all())?;
    Ok((conclude(table.head, &inferences), rows))
}

/// Streams the columns of a text.
pub(crate) fn scan_text(
    text: &[u8],
    delimiter: Option<char>,
    builder: &mut BatchBuilder,
    sink: BatchSink<'_>,
) -> Result<(), SourceError> {
    let form = Form { delimiter, ..Form::default() };
    Table::new(text, String::new(), form, MAX_COLUMNS)?.add_rows(builder, sink)
}

/// The rows of a text, after its header.
struct Table<R> {
    /// The name of the file, for messages.
    file: String,
    /// The columns: of the text, and behind them those of the path.
    head: Head,
    /// The columns of the path.
    keys: Vec<PartitionKey>,
    records: Records<R>,
    encoding: Encoding,
}

impl Table<BufReader<File>> {
    fn open(file: DataFile, form: Form, access: &Access) -> Result<Self, SourceError> {
        let text = BufReader::with_capacity(BUFFER, access.open(&file.path)?);
        // A dataset may choose among more columns than it takes.
        let mut table = Self::new(text, file.name, form, usize::MAX)?;
        table.head = table.head.with_keys(&file.keys);
        table.keys = file.keys;
        Ok(table)
    }
}

impl<R: BufRead> Table<R> {
    /// Reads the header, which has at most so many columns.
    fn new(input: R, file: String, form: Form, most: usize) -> Result<Self, SourceError> {
        let delimiter = delimiter_byte(form.delimiter)?;
        let mut records = Records::new(input, delimiter).map_err(|error| explain(error, &file))?;
        if records.are_marked() && form.encoding != Encoding::Utf8 {
            return Err(malformed(&file, 1, Malformed::Marked));
        }
        // As if of two columns, so that blank lines before the header are skipped.
        let mut first = records.next(2).map_err(|error| explain(error, &file))?;
        if let Some(named) = first.and_then(named_delimiter) {
            // A declared delimiter comes before the one that the file names.
            records.set_delimiter(form.delimiter.map_or(named, |_| delimiter));
            first = records.next(2).map_err(|error| explain(error, &file))?;
        }
        let Some(first) = first else {
            return Err(malformed(&file, 1, Malformed::Empty));
        };
        if first.len() > most {
            return Err(DataError::Header(HeaderProblem::TooMany).into());
        }
        let head = head(first, form.encoding);
        Ok(Self { file, head, keys: Vec::new(), records, encoding: form.encoding })
    }

    /// Returns the number of fields of each row.
    fn width(&self) -> usize {
        self.head.columns().len().saturating_sub(self.keys.len())
    }

    /// Refuses an only column whose name holds delimiters, unless it is chosen by this name.
    fn check_delimiter(&self, wanted: &Wanted<'_>) -> Result<(), SourceError> {
        match self.head.columns().get(..self.width()) {
            Some([only])
                if only.name.contains([';', '\t', ',', '|']) && !wanted.names(&only.name) =>
            {
                Err(malformed(&self.file, 1, Malformed::Delimiter))
            }
            _ => Ok(()),
        }
    }

    /// Observes the fields of all rows whose kinds are wanted, and counts the rows.
    fn infer(
        &mut self,
        inferences: &mut Inferences,
        wanted: &Wanted<'_>,
    ) -> Result<u64, SourceError> {
        let width = self.width();
        let Self { file, head, keys, records, encoding } = self;
        let mut observed: Vec<Option<Inference>> = Vec::new();
        for found in head.columns() {
            let infers = found.problem.is_none() && wanted.infers(&found.name);
            observed.push(infers.then(|| {
                let begun = inferences.remove(&found.name);
                begun.unwrap_or_else(|| Inference::new(wanted.formats().of(&found.name)))
            }));
        }
        let mut rows: u64 = 0;
        while let Some(record) = next(records, width, file)? {
            rows = rows.saturating_add(1);
            for (index, (field, inference)) in record.fields().zip(&mut observed).enumerate() {
                let Some(inference) = inference else { continue };
                let text = decoded(field.bytes, *encoding, index, record.line, file)?;
                inference.see(&text, field.quoted, || line(file, record.line));
            }
        }
        let keys = if rows == 0 { &[] } else { keys.as_slice() };
        for (key, inference) in keys.iter().zip(observed.iter_mut().skip(width)) {
            let Some(inference) = inference else { continue };
            inference.see(&key.value, false, || Place::Row { file: file.clone(), row: 1 });
        }
        for (found, inference) in head.columns().iter().zip(observed) {
            inferences.extend(inference.map(|inference| (found.name.clone(), inference)));
        }
        Ok(rows)
    }

    fn add_rows(
        &mut self,
        builder: &mut BatchBuilder,
        sink: BatchSink<'_>,
    ) -> Result<(), SourceError> {
        let width = self.width();
        let Self { file, head, keys, records, encoding } = self;
        let targets = targets(head, builder.columns())?;
        while let Some(record) = next(records, width, file)? {
            for (index, (field, targets)) in record.fields().zip(&targets).enumerate() {
                for target in targets {
                    let text = decoded(field.bytes, *encoding, index, record.line, file)?;
                    builder.put_field(*target, &text, field.quoted, || line(file, record.line))?;
                }
            }
            for (key, targets) in keys.iter().zip(targets.iter().skip(width)) {
                for target in targets {
                    builder.put_field(*target, &key.value, false, || line(file, record.line))?;
                }
            }
            if builder.end_row() {
                sink(builder.take())?;
            }
        }
        Ok(())
    }
}

/// Lists the columns that each field of a row belongs to: none, one, or more if a column is
/// requested twice.
fn targets(head: &Head, columns: &[Column]) -> Result<Vec<Vec<usize>>, SourceError> {
    let found = head.columns();
    let mut targets: Vec<Vec<usize>> = found.iter().map(|_| Vec::new()).collect();
    for (target, column) in columns.iter().enumerate() {
        let known = head
            .place(&column.name)
            .filter(|place| found.get(*place).is_some_and(|found| found.problem.is_none()));
        match known.and_then(|place| targets.get_mut(place)) {
            Some(of_field) => of_field.push(target),
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
            Err(malformed(file, record.line, other_length(record, width)))
        }
        other => Ok(other),
    }
}

/// Returns the defect of a row of another length than the header. The two frequent causes of one
/// field more cannot be told apart for certain, and a wrong guess would shift the columns.
fn other_length(record: &Record, expected: usize) -> Malformed {
    let found = record.len();
    let ends_blank = record.fields().last().is_some_and(|last| last.bytes.is_empty());
    match (found == expected.saturating_add(1), ends_blank) {
        (true, true) => Malformed::TrailingDelimiter { found, expected },
        (true, false) => Malformed::RowNames { found, expected },
        (false, _) => Malformed::Ragged { found, expected },
    }
}

/// Writes the inferred kinds into the head, and advice on them.
pub(crate) fn conclude(mut head: Head, inferences: &Inferences) -> Head {
    for (name, inference) in inferences {
        let comma = |(place, problem)| KindProblem::Comma(place, problem);
        head.set_kind(name, inference.kind().map_err(comma));
        head.set_notes(name, inference.times(), inference.notes());
    }
    head
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

/// Returns the delimiter that a first line such as `sep=;` names, which spreadsheets write.
fn named_delimiter(record: &Record) -> Option<u8> {
    let mut fields = record.fields();
    let first = fields.next()?;
    let named = first.bytes.strip_prefix(b"sep=").filter(|_| !first.quoted)?;
    match (named, fields.next(), fields.next()) {
        ([sign], None, None) => Some(*sign).filter(|sign| b",;\t|: ".contains(sign)),
        // The line was split at the delimiter that it names.
        ([], Some(rest), None) if rest.bytes.is_empty() => Some(record.delimiter()),
        _ => None,
    }
}

/// Reads the names of columns, without blanks around them.
fn head(record: &Record, encoding: Encoding) -> Head {
    let mut columns = Vec::new();
    for (number, field) in (1..).zip(record.fields()) {
        let decoded = decode(field.bytes, encoding);
        let problem = decoded.is_none().then_some(HeaderProblem::Encoding(number));
        let name = decoded.unwrap_or_else(|| String::from_utf8_lossy(field.bytes));
        let mut found = FoundColumn::new(name.trim_matches([' ', '\t']).to_owned(), Ok(None));
        found.problem = problem;
        columns.push(found);
    }
    Head::new(columns)
}

fn decoded<'a>(
    bytes: &'a [u8],
    encoding: Encoding,
    index: usize,
    line: u64,
    file: &str,
) -> Result<Cow<'a, str>, SourceError> {
    let field = index.saturating_add(1);
    decode(bytes, encoding).ok_or_else(|| malformed(file, line, Malformed::Encoding(field)))
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
