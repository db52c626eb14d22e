//! A strict parser of CSV records (RFC 4180).
//!
//! Lenient parsers, such as the `csv` crate that the tests compare with, accept three defects. A
//! quote that is never closed makes one field up to the end of the file. Quotes amid a field are
//! kept, and records of any length are read into memory. With patients' data each of these is an
//! error here.
//!
//! Nothing here knows the meaning of a field.

use std::io::{self, BufRead};

use crate::column::{MAX_FIELD, MAX_FIELDS, MAX_RECORD};
use crate::error::Malformed;
use crate::magic::form_of;

/// Reads the records of a text.
pub(super) struct Records<R> {
    input: R,
    delimiter: u8,
    /// `true` if the text began with the byte order mark of UTF-8.
    marked: bool,
    /// The line of the next byte, from 1.
    line: u64,
    state: State,
    record: Record,
}

/// One row: the bytes of its fields, one after the other.
#[derive(Default)]
pub(super) struct Record {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    quoted: Vec<bool>,
    /// The line at which the row begins, from 1.
    pub(super) line: u64,
    delimiter: u8,
}

/// A field of the text.
#[derive(Clone, Copy)]
pub(super) struct Field<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) quoted: bool,
}

/// Reasons why a record cannot be read.
pub(super) enum RecordError {
    Input(io::Error),
    Text { line: u64, problem: Malformed },
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    /// Before the first byte of the record.
    RecordStart,
    /// After a delimiter.
    FieldStart,
    /// In a field without quotes.
    Plain,
    /// In quotes.
    Quoted,
    /// After a quote in quotes, which ends them or is the first of two.
    QuoteInQuotes,
    /// After a carriage return, which ends the record together with a line feed.
    CarriageReturn,
}

impl Record {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn fields(&self) -> impl Iterator<Item = Field<'_>> {
        let mut start = 0;
        self.ends.iter().zip(&self.quoted).map(move |(end, quoted)| {
            let bytes = self.bytes.get(start..*end).expect("fields end within the record");
            start = *end;
            Field { bytes, quoted: *quoted }
        })
    }

    /// Returns the delimiter at which the row was split.
    pub(super) fn delimiter(&self) -> u8 {
        self.delimiter
    }

    /// Returns `true` for an empty line.
    fn is_blank(&self) -> bool {
        self.ends.len() == 1 && self.bytes.is_empty() && self.quoted.first() == Some(&false)
    }

    fn start(&mut self, line: u64) {
        self.bytes.clear();
        self.ends.clear();
        self.quoted.clear();
        self.line = line;
        self.quoted.push(false);
    }

    fn end_field(&mut self) {
        self.ends.push(self.bytes.len());
    }

    fn mark_quoted(&mut self) {
        if let Some(quoted) = self.quoted.last_mut() {
            *quoted = true;
        }
    }
}

impl<R: BufRead> Records<R> {
    pub(super) fn new(mut input: R, delimiter: u8) -> Result<Self, RecordError> {
        let marked = check_start(&mut input)?;
        let record = Record { delimiter, ..Record::default() };
        Ok(Self { input, delimiter, marked, line: 1, state: State::RecordStart, record })
    }

    /// Returns `true` if the text began with the byte order mark of UTF-8.
    pub(super) fn are_marked(&self) -> bool {
        self.marked
    }

    /// Has the next records split at another delimiter.
    pub(super) fn set_delimiter(&mut self, delimiter: u8) {
        self.delimiter = delimiter;
        self.record.delimiter = delimiter;
    }

    /// Reads the next record. In tables of several columns blank lines are skipped; in a table of
    /// one column (`width` 1) each is a missing value.
    pub(super) fn next(&mut self, width: usize) -> Result<Option<&Record>, RecordError> {
        while self.advance()? {
            if width == 1 || !self.record.is_blank() {
                return Ok(Some(&self.record));
            }
        }
        Ok(None)
    }

    /// Reads one record, if there is one.
    fn advance(&mut self) -> Result<bool, RecordError> {
        self.record.start(self.line);
        self.state = State::RecordStart;
        loop {
            let chunk = self.input.fill_buf().map_err(RecordError::Input)?;
            if chunk.is_empty() {
                return self.end_of_text();
            }
            let mut used: usize = 0;
            let mut ended = Ok(false);
            for byte in chunk {
                used = used.saturating_add(1);
                self.line = self.line.saturating_add(u64::from(*byte == b'\n'));
                ended = step(&mut self.state, &mut self.record, self.delimiter, *byte);
                if !matches!(ended, Ok(false)) {
                    break;
                }
            }
            self.input.consume(used);
            let line = self.record.line;
            if ended.map_err(|problem| RecordError::Text { line, problem })? {
                return Ok(true);
            }
        }
    }

    fn end_of_text(&mut self) -> Result<bool, RecordError> {
        let problem = match self.state {
            State::RecordStart => return Ok(false),
            State::Quoted => Malformed::OpenQuote,
            State::CarriageReturn => Malformed::CarriageReturn,
            State::FieldStart | State::Plain | State::QuoteInQuotes => {
                self.record.end_field();
                return Ok(true);
            }
        };
        Err(RecordError::Text { line: self.record.line, problem })
    }
}

/// Processes one byte. Returns `true` if it ended the record.
fn step(
    state: &mut State,
    record: &mut Record,
    delimiter: u8,
    byte: u8,
) -> Result<bool, Malformed> {
    let next = match (*state, byte) {
        (State::Quoted, b'"') => State::QuoteInQuotes,
        (State::Quoted, _) => {
            record.bytes.push(byte);
            State::Quoted
        }
        (State::QuoteInQuotes, b'"') => {
            record.bytes.push(b'"');
            State::Quoted
        }
        (_, b'\n') => {
            record.end_field();
            return Ok(true);
        }
        (State::CarriageReturn, _) => return Err(Malformed::CarriageReturn),
        (_, b'\r') => State::CarriageReturn,
        (_, byte) if byte == delimiter => {
            record.end_field();
            record.quoted.push(false);
            State::FieldStart
        }
        (State::RecordStart | State::FieldStart, b'"') => {
            record.mark_quoted();
            State::Quoted
        }
        (State::QuoteInQuotes, _) | (_, b'"') => {
            return Err(Malformed::StrayQuote(record.quoted.len()));
        }
        (State::RecordStart | State::FieldStart | State::Plain, _) => {
            record.bytes.push(byte);
            State::Plain
        }
    };
    *state = next;
    let field = record.bytes.len().saturating_sub(record.ends.last().copied().unwrap_or(0));
    if record.bytes.len() > MAX_RECORD || field > MAX_FIELD {
        return Err(Malformed::TooLong);
    }
    if record.ends.len() >= MAX_FIELDS {
        return Err(Malformed::TooWide);
    }
    Ok(false)
}

/// Skips the byte order mark of UTF-8, and returns `true` if there was one. Refuses those of UTF-16
/// and files of other forms. The reader's first buffer must have the first bytes: 16 or all.
fn check_start<R: BufRead>(input: &mut R) -> Result<bool, RecordError> {
    let start = input.fill_buf().map_err(RecordError::Input)?;
    if start.starts_with(&[0xff, 0xfe]) || start.starts_with(&[0xfe, 0xff]) || is_wide(start) {
        return Err(RecordError::Text { line: 1, problem: Malformed::Utf16 });
    }
    if let Some(foreign) = form_of(start) {
        return Err(RecordError::Text { line: 1, problem: Malformed::Foreign(foreign) });
    }
    let mark = [0xef, 0xbb, 0xbf];
    let marked = start.starts_with(&mark);
    if marked {
        input.consume(mark.len());
    }
    Ok(marked)
}

/// Returns `true` for a text of UTF-16 without a mark: two ASCII characters, each beside a zero.
fn is_wide(start: &[u8]) -> bool {
    match start {
        [first, 0, second, 0, ..] | [0, first, 0, second, ..] => *first != 0 && *second != 0,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, capacity: usize) -> Result<Vec<Vec<String>>, (u64, Malformed)> {
        let input = io::BufReader::with_capacity(capacity, text.as_bytes());
        let mut records = Records::new(input, b',').map_err(line_and_problem)?;
        let mut rows = Vec::new();
        while let Some(record) = records.next(2).map_err(line_and_problem)? {
            rows.push(record.fields().map(text_of).collect());
        }
        Ok(rows)
    }

    fn line_and_problem(error: RecordError) -> (u64, Malformed) {
        match error {
            RecordError::Text { line, problem } => (line, problem),
            RecordError::Input(error) => panic!("{error}"),
        }
    }

    fn text_of(field: Field<'_>) -> String {
        String::from_utf8(field.bytes.to_vec()).unwrap()
    }

    #[track_caller]
    fn fails(text: &str, line: u64, problem: Malformed) {
        assert_eq!(parse(text, 8), Err((line, problem)), "{text:?}");
    }

    #[test]
    fn malformed_text_is_refused_with_its_line() {
        fails("a,b\n1,\"2\n3,4\n", 2, Malformed::OpenQuote);
        fails("a,b\n1,2\"3\n", 2, Malformed::StrayQuote(2));
        fails("a,b\n\"1\"2,3\n", 2, Malformed::StrayQuote(1));
        fails("a,b\n\"x\ny\",1\n1,2\"\n", 4, Malformed::StrayQuote(2));
        fails("a,b\r1,2\r", 1, Malformed::CarriageReturn);
        fails("a,b\r", 1, Malformed::CarriageReturn);
        fails(&format!("a,b\n1,\"{}", "x\n".repeat(MAX_FIELD)), 2, Malformed::TooLong);
        fails(&",".repeat(MAX_FIELDS), 1, Malformed::TooWide);
        for start in [&[0xff, 0xfe, 0x61, 0x00][..], b"a\0,\0b\0", b"\0a\0\n"] {
            let utf16 = Records::new(start, b',');
            assert!(matches!(utf16, Err(RecordError::Text { problem: Malformed::Utf16, .. })));
        }
    }

    #[test]
    fn the_last_line_needs_no_end_and_blank_lines_are_skipped() {
        for text in ["a,b\n1,2", "a,b\r\n1,2\r\n", "\u{feff}a,b\n\n1,2\n\r\n\n"] {
            assert_eq!(parse(text, 8).unwrap(), [["a", "b"], ["1", "2"]], "{text:?}");
        }
    }

    #[test]
    fn blank_lines_of_one_column_are_rows() {
        let text = "a\n\n\"x\ny\"\n\n";
        let mut records = Records::new(text.as_bytes(), b',').ok().unwrap();
        let mut lines = Vec::new();
        while let Ok(Some(record)) = records.next(1) {
            lines.push((record.line, record.len()));
        }
        assert_eq!(lines, [(1, 1), (2, 1), (3, 1), (5, 1)]);
    }

    #[test]
    fn well_formed_texts_are_read_as_the_csv_crate_reads_them() {
        let seed = getrandom::u64().unwrap();
        println!("seed {seed}");
        let mut random = Random(seed);
        for _ in 0..300 {
            let rows = random.rows();
            let text = written(&rows, random.below(2) == 0);
            let capacity = 3 + random.below(20);
            assert_eq!(parse(&text, capacity).as_ref(), Ok(&rows), "{text:?}");
        }
    }

    /// Writes rows with the csv crate.
    fn written(rows: &[Vec<String>], with_carriage_returns: bool) -> String {
        let mut builder = ::csv::WriterBuilder::new();
        if with_carriage_returns {
            builder.terminator(::csv::Terminator::CRLF);
        }
        let mut writer = builder.from_writer(Vec::new());
        rows.iter().for_each(|row| writer.write_record(row).unwrap());
        String::from_utf8(writer.into_inner().unwrap()).unwrap()
    }

    struct Random(u64);

    impl Random {
        fn below(&mut self, bound: usize) -> usize {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695);
            usize::try_from(self.0 >> 33).unwrap() % bound
        }

        fn rows(&mut self) -> Vec<Vec<String>> {
            let count = 1 + self.below(5);
            (0..count).map(|_| vec![self.text(6), self.text(4), "z".into()]).collect()
        }

        fn text(&mut self, bound: usize) -> String {
            let parts = ["x", "\"", ",", "\n", "\r\n", "é", " ", ";"];
            let length = self.below(bound);
            (0..length).map(|_| parts[self.below(8)]).collect()
        }
    }
}
