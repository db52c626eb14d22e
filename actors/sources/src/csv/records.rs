//! CSV, record by record, after RFC 4180 and strictly.
//!
//! Parsers made for any file (the `csv` crate, which the tests compare with) take a quote that is
//! never closed as one field up to the end of the file, take quotes amid a field as they come,
//! and read a record of any length into memory. With patients' data each of these is an error.
//!
//! Nothing here knows what a field means.

use std::io::{self, BufRead};

use crate::MAX_COLUMNS;
use crate::error::Malformed;

/// A record is no longer, counted without quotes and delimiters.
const MAX_RECORD: usize = 1 << 20;

/// Reads records off a text.
pub(super) struct Records<R> {
    input: R,
    delimiter: u8,
    /// Of the next byte, from 1.
    line: u64,
    state: State,
    record: Record,
}

/// One row: its fields' bytes, one after the other.
#[derive(Default)]
pub(super) struct Record {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    quoted: Vec<bool>,
    /// Where the row begins, from 1.
    pub(super) line: u64,
}

/// A field as it stands in the text.
#[derive(Clone, Copy)]
pub(super) struct Field<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) quoted: bool,
}

/// Why there is no further record.
pub(super) enum Broken {
    Input(io::Error),
    Text { line: u64, problem: Malformed },
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    /// Nothing of the record was read.
    RecordStart,
    /// After a delimiter.
    FieldStart,
    /// In a field without quotes.
    Plain,
    /// In quotes.
    Quoted,
    /// After a quote in quotes: it ends them, or is the first of two.
    QuoteInQuotes,
    /// After a carriage return that ends the record once its line feed comes.
    CarriageReturn,
}

impl Record {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn fields(&self) -> impl Iterator<Item = Field<'_>> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).zip(&self.quoted).map(|((start, end), quoted)| Field {
            bytes: self.bytes.get(start..*end).unwrap_or_default(),
            quoted: *quoted,
        })
    }

    /// A line without anything.
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
    pub(super) fn new(mut input: R, delimiter: u8) -> Result<Self, Broken> {
        skip_mark(&mut input)?;
        let record = Record::default();
        Ok(Self { input, delimiter, line: 1, state: State::RecordStart, record })
    }

    /// The next record. Blank lines of tables with several columns say nothing and are passed
    /// over; in a table of one column (`width` 1) each is a missing value.
    pub(super) fn next(&mut self, width: usize) -> Result<Option<&Record>, Broken> {
        while self.advance()? {
            if width == 1 || !self.record.is_blank() {
                return Ok(Some(&self.record));
            }
        }
        Ok(None)
    }

    /// Reads one record, if there is one.
    fn advance(&mut self) -> Result<bool, Broken> {
        self.record.start(self.line);
        self.state = State::RecordStart;
        loop {
            let chunk = self.input.fill_buf().map_err(Broken::Input)?;
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
            if ended.map_err(|problem| Broken::Text { line, problem })? {
                return Ok(true);
            }
        }
    }

    fn end_of_text(&mut self) -> Result<bool, Broken> {
        let problem = match self.state {
            State::RecordStart => return Ok(false),
            State::Quoted => Malformed::OpenQuote,
            State::CarriageReturn => Malformed::CarriageReturn,
            State::FieldStart | State::Plain | State::QuoteInQuotes => {
                self.record.end_field();
                return Ok(true);
            }
        };
        Err(Broken::Text { line: self.record.line, problem })
    }
}

/// Takes one byte; whether it ended the record.
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
        (State::CarriageReturn, b'\n') | (_, b'\n') if *state != State::Quoted => {
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
    if record.bytes.len() > MAX_RECORD {
        return Err(Malformed::TooLong);
    }
    if record.ends.len() >= MAX_COLUMNS {
        return Err(Malformed::TooWide);
    }
    Ok(false)
}

/// Passes over the mark that some programs put before UTF-8, and refuses those of UTF-16.
fn skip_mark<R: BufRead>(input: &mut R) -> Result<(), Broken> {
    let start = input.fill_buf().map_err(Broken::Input)?;
    if start.starts_with(&[0xff, 0xfe]) || start.starts_with(&[0xfe, 0xff]) {
        return Err(Broken::Text { line: 1, problem: Malformed::Utf16 });
    }
    let mark = [0xef, 0xbb, 0xbf];
    if start.starts_with(&mark) {
        input.consume(mark.len());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, capacity: usize) -> Result<Vec<Vec<String>>, (u64, Malformed)> {
        let input = io::BufReader::with_capacity(capacity, text.as_bytes());
        let broken = |broken| match broken {
            Broken::Text { line, problem } => (line, problem),
            Broken::Input(error) => panic!("{error}"),
        };
        let mut records = Records::new(input, b',').map_err(broken)?;
        let mut rows = Vec::new();
        while let Some(record) = records.next(2).map_err(broken)? {
            let text = |field: Field<'_>| String::from_utf8(field.bytes.to_vec()).unwrap();
            rows.push(record.fields().map(text).collect());
        }
        Ok(rows)
    }

    #[track_caller]
    fn fails(text: &str, line: u64, problem: Malformed) {
        assert_eq!(parse(text, 8), Err((line, problem)), "{text:?}");
    }

    #[test]
    fn what_is_broken_is_refused_with_its_line() {
        fails("a,b\n1,\"2\n3,4\n", 2, Malformed::OpenQuote);
        fails("a,b\n1,2\"3\n", 2, Malformed::StrayQuote(2));
        fails("a,b\n\"1\"2,3\n", 2, Malformed::StrayQuote(1));
        fails("a,b\n\"x\ny\",1\n1,2\"\n", 4, Malformed::StrayQuote(2));
        fails("a,b\r1,2\r", 1, Malformed::CarriageReturn);
        fails("a,b\r", 1, Malformed::CarriageReturn);
        fails(&format!("a,b\n1,\"{}", "x\n".repeat(MAX_RECORD)), 2, Malformed::TooLong);
        fails(&",".repeat(MAX_COLUMNS), 1, Malformed::TooWide);
        let utf16 = Records::new(&[0xff, 0xfe, 0x61, 0x00][..], b',');
        assert!(matches!(utf16, Err(Broken::Text { problem: Malformed::Utf16, .. })));
    }

    #[test]
    fn the_last_line_needs_no_end_and_blank_lines_say_nothing() {
        for text in ["a,b\n1,2", "a,b\r\n1,2\r\n", "\u{feff}a,b\n\n1,2\n\r\n\n"] {
            assert_eq!(parse(text, 8).unwrap(), [["a", "b"], ["1", "2"]], "{text:?}");
        }
        let lines = |text: &str| {
            let mut records = Records::new(text.as_bytes(), b',').ok().unwrap();
            let mut lines = Vec::new();
            while let Ok(Some(record)) = records.next(1) {
                lines.push((record.line, record.len()));
            }
            lines
        };
        assert_eq!(lines("a\n\n\"x\ny\"\n\n"), [(1, 1), (2, 1), (3, 1), (5, 1)]);
    }

    /// What others write is read as others read it.
    #[test]
    fn well_formed_texts_are_read_as_the_csv_crate_reads_them() {
        let seed = getrandom::u64().unwrap();
        println!("seed {seed}");
        let mut state = seed;
        let mut random = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695);
            (state >> 33) % below
        };
        for _ in 0..300 {
            let mut writer = ::csv::WriterBuilder::new()
                .terminator(if random(2) == 0 {
                    ::csv::Terminator::CRLF
                } else {
                    Default::default()
                })
                .from_writer(Vec::new());
            let rows: Vec<Vec<String>> = (0..1 + random(5))
                .map(|_| {
                    let text = |length: u64, random: &mut dyn FnMut(u64) -> u64| {
                        let parts = ["x", "\"", ",", "\n", "\r\n", "é", " ", ";"];
                        (0..length)
                            .map(|_| parts[usize::try_from(random(8)).unwrap()])
                            .collect::<String>()
                    };
                    let length = random(6);
                    vec![text(length, &mut random), text(random(4), &mut random), "z".into()]
                })
                .collect();
            rows.iter().for_each(|row| writer.write_record(row).unwrap());
            let bytes = writer.into_inner().unwrap();
            let text = String::from_utf8(bytes).unwrap();
            let capacity = 3 + usize::try_from(random(20)).unwrap();
            assert_eq!(parse(&text, capacity).as_ref(), Ok(&rows), "{text:?}");
        }
    }
}
