//! Defects of data: their places, what is wrong, and which change of the declaration helps.

use std::fmt;

use crate::column::{Kind, MAX_COLUMNS, MAX_FIELD, MAX_FIELDS, MAX_NAME, MAX_RECORD};
use crate::format::Encoding;
use crate::magic::Foreign;

/// A place in the data.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Place {
    /// A line of a text file, from 1; the line where the row begins.
    Line {
        /// The file's name without its path; empty for a text that was sent.
        file: String,
        /// Its number, from 1.
        line: u64,
    },
    /// A row of a file, from 1.
    Row {
        /// The file's name without its path; empty for a stream that was sent.
        file: String,
        /// Its number, from 1.
        row: u64,
    },
    /// An answer of a database, whose rows have no order.
    Database,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line { file, line } if file.is_empty() => write!(formatter, "line {line}"),
            Self::Line { file, line } => write!(formatter, "{file:?}, line {line}"),
            Self::Row { file, row } if file.is_empty() => write!(formatter, "row {row}"),
            Self::Row { file, row } => write!(formatter, "{file:?}, row {row}"),
            Self::Database => write!(formatter, "database"),
        }
    }
}

/// Defects of the structure of a text.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Malformed {
    /// The text is empty.
    #[error("the text is empty; the first line must name the columns")]
    Empty,
    /// A row has another length than the header.
    #[error(
        "the row has {found} fields and the header {expected}; a delimiter inside of a number or \
         text does this: put the field in quotes, or declare another delimiter"
    )]
    Ragged {
        /// Fields of the row.
        found: usize,
        /// Fields of the header.
        expected: usize,
    },
    /// A row has one field more than the header, and text in the last one. To read it as one with a
    /// name would shift the columns of a row that only has a decimal comma.
    #[error(
        "the row has {found} fields and the header {expected}: if each row begins with its name (row \
         names, as R's write.table writes them), type a name and a delimiter, such as `row,`, at the \
         beginning of the header, or write the file with `row.names = FALSE`; if a number or text has \
         the delimiter in it, put the field in quotes, or declare another delimiter"
    )]
    RowNames {
        /// Fields of the row.
        found: usize,
        /// Fields of the header.
        expected: usize,
    },
    /// A row has one field more than the header, and the last one is blank.
    #[error(
        "the row has {found} fields and the header {expected}: if each row ends with a delimiter (a \
         trailing comma), type one and a name, such as `,blank`, at the end of the header; if each \
         begins with its name (row names, as R's write.table writes them), type one such as `row,` at \
         its beginning"
    )]
    TrailingDelimiter {
        /// Fields of the row.
        found: usize,
        /// Fields of the header.
        expected: usize,
    },
    /// A quote is never closed.
    #[error("a quote that opens here is never closed; close or double it")]
    OpenQuote,
    /// Text follows a closing quote, or a quote stands amid a field without quotes.
    #[error("field {0} has a quote amid its text; put the field in quotes and double the quote")]
    StrayQuote(usize),
    /// A carriage return has no line feed.
    #[error("a carriage return without line feed; end lines by a line feed")]
    CarriageReturn,
    /// A row is too long.
    #[error(
        "the row is longer than {} MiB, or a field than {} MiB; is a quote missing?",
        MAX_RECORD >> 20,
        MAX_FIELD >> 20
    )]
    TooLong,
    /// A row has too many fields.
    #[error("the row has more than {MAX_FIELDS} fields; is a quote missing?")]
    TooWide,
    /// A field is not UTF-8.
    #[error(
        "field {0} is not of the file's encoding; {remedy}, or save the file as UTF-8",
        remedy = Remedy::Encoding(Encoding::Windows1252)
    )]
    Encoding(usize),
    /// The file is of another form.
    #[error("the file {0}")]
    Foreign(Foreign),
    /// The text is UTF-16.
    #[error("the text is in UTF-16; save the file as UTF-8")]
    Utf16,
    /// The text is UTF-8, and declared to be of another encoding.
    #[error(
        "the text begins with the byte order mark of UTF-8, and is declared to be of another \
         encoding; {remedy}",
        remedy = Remedy::Encoding(Encoding::Utf8)
    )]
    Marked,
    /// The only column holds other delimiters.
    #[error(
        "the header has one column with other delimiters in its name; declare the `delimiter` \
         (`tab` for a tab)"
    )]
    Delimiter,
}

/// Defects of a header.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum HeaderProblem {
    /// A name appears twice.
    #[error("two columns are named {0:?}; rename one, or choose other columns")]
    Twice(String),
    /// A column has no name.
    #[error("column {0} has no name; name it in the header, or choose the columns that have one")]
    Nameless(usize),
    /// A name has invisible characters, or is too long.
    #[error(
        "the name of column {0} begins or ends with a blank, holds control characters or is longer \
         than {MAX_NAME} bytes; rename it, or choose other columns"
    )]
    Name(usize),
    /// A name is not in the text's encoding.
    #[error(
        "the name of column {0} is not of the file's encoding; {remedy}, save the file as UTF-8, \
         or choose other columns",
        remedy = Remedy::Encoding(Encoding::Windows1252)
    )]
    Encoding(usize),
    /// A file of a folder lacks the column.
    #[error(
        "the file {file:?} has no column {column:?}; add it, or choose the columns of all files"
    )]
    Absent {
        /// The column's name.
        column: String,
        /// The file's name without its path.
        file: String,
    },
    /// Too many columns are chosen.
    #[error("more than {MAX_COLUMNS} columns are chosen; choose those that computations need")]
    TooMany,
}

/// Defects of a cell.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CellProblem {
    /// The cell is of another kind than its column.
    NotA(Kind),
    /// The cell is a double, which the column's kind does not hold exactly.
    Double(Kind),
    /// The integer exceeds 64 bits.
    TooLarge,
    /// A double cannot hold the number exactly.
    Inexact,
    /// The number is infinite.
    Infinite,
    /// The number has a decimal comma, such as 1,5.
    DecimalComma,
    /// The number has commas between groups of three digits, such as 1,234,567.
    ThousandsComma,
    /// The number has one comma before three digits, such as 250,000, which may be either.
    EitherComma,
    /// The number is so near to zero that its double is zero, and it is not.
    TooSmall,
    /// The cell holds bytes and not text.
    Binary,
    /// The column had no value when its kind was looked for.
    Undetermined,
}

/// A change of the declaration that mends a defect.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Remedy {
    /// These texts are declared to stand for a missing value.
    Missing(&'static [&'static str]),
    /// A comma is declared to be the decimal sign.
    DecimalComma,
    /// A comma is declared to part groups of three digits.
    ThousandsComma,
    /// The file is declared to be of this encoding.
    Encoding(Encoding),
    /// The column is declared to be of this kind.
    Declare(Kind),
    /// The column is left out of the declaration.
    LeaveOut,
}

impl CellProblem {
    /// Returns the changes of the declaration each of which mends the defect.
    pub fn remedies(self) -> &'static [Remedy] {
        match self {
            Self::NotA(Kind::Text) | Self::Double(_) => &[Remedy::Declare(Kind::Number)],
            Self::NotA(_)
            | Self::TooLarge
            | Self::Inexact
            | Self::TooSmall
            | Self::Undetermined => &[Remedy::Declare(Kind::Text)],
            Self::DecimalComma => &[Remedy::DecimalComma, Remedy::Declare(Kind::Text)],
            Self::ThousandsComma => &[Remedy::ThousandsComma, Remedy::Declare(Kind::Text)],
            Self::EitherComma => {
                &[Remedy::ThousandsComma, Remedy::DecimalComma, Remedy::Declare(Kind::Text)]
            }
            Self::Infinite => &[Remedy::Missing(&["inf", "-inf"]), Remedy::LeaveOut],
            Self::Binary => &[Remedy::LeaveOut],
        }
    }
}

impl fmt::Display for CellProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotA(kind) => write!(formatter, "holds something that is not of kind {kind}")?,
            Self::Double(kind) => {
                write!(formatter, "holds a number that is not exactly of kind {kind}")?;
            }
            Self::TooLarge => write!(formatter, "holds an integer beyond 64 bits")?,
            Self::Inexact => {
                write!(formatter, "holds a number that a double does not hold exactly")?
            }
            Self::Infinite => write!(formatter, "holds an infinite number")?,
            Self::DecimalComma => write!(formatter, "holds a decimal comma")?,
            Self::ThousandsComma => write!(formatter, "holds commas between groups of digits")?,
            Self::EitherComma => {
                write!(
                    formatter,
                    "holds a comma before three digits, which may part thousands or \
                     be decimal"
                )?;
            }
            Self::TooSmall => {
                write!(formatter, "holds a number that is not zero and whose double is zero")?;
            }
            Self::Binary => write!(formatter, "holds binary data or text that is not UTF-8")?,
            Self::Undetermined => {
                write!(
                    formatter,
                    "has a value, and had none when it was registered; register the dataset anew"
                )?;
            }
        }
        for (index, remedy) in self.remedies().iter().enumerate() {
            let before = if index == 0 { ";" } else { ", or" };
            write!(formatter, "{before} {remedy}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Remedy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Declare(kind) => write!(formatter, "declare the column as {kind}"),
            Self::Missing(codes) => write!(formatter, "declare `missing = {codes:?}`"),
            Self::DecimalComma => write!(formatter, "declare `decimal = \",\"`"),
            Self::ThousandsComma => write!(formatter, "declare `thousands = \",\"`"),
            Self::Encoding(encoding) => {
                write!(formatter, "declare `encoding = {:?}`", encoding.name())
            }
            Self::LeaveOut => write!(formatter, "leave the column out"),
        }
    }
}
