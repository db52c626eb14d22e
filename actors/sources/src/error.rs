//! What goes wrong with sources, by whose fault it is.
//!
//! No message carries a cell's value, a password, or a path outside of the allowed folders. What
//! a database says is passed on only where it speaks of the query's text, before any row was read.

use std::fmt;
use std::io;
use std::time::Duration;

use crate::Kind;

/// Why a source could not be registered or read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The operator's: what was declared is wrong.
    #[error(transparent)]
    Declaration(#[from] DeclarationError),
    /// The caller's: what was asked for is wrong.
    #[error(transparent)]
    Selection(#[from] SelectionError),
    /// The data's: they are not what they were declared to be.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The environment's: the data cannot be reached.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// Nobody's: whoever receives the batches wants no more of them.
    #[error("reading was stopped by the receiver of the rows")]
    Stopped,
}

impl SourceError {
    /// What a client is told that may not know of the data: its own mistakes in full, of
    /// everything else only that the dataset cannot be read.
    pub fn public_message(&self) -> String {
        match self {
            Self::Selection(error) => error.to_string(),
            Self::Stopped => "reading the dataset was stopped".to_owned(),
            Self::Declaration(_) | Self::Data(_) | Self::Unavailable(_) => {
                "the dataset cannot be read at present; its owner finds the reason in the node's log"
                    .to_owned()
            }
        }
    }
}

/// What is wrong with a declaration; its author mends it.
#[derive(Debug, thiserror::Error)]
pub enum DeclarationError {
    /// The name cannot be used in addresses and logs.
    #[error("a dataset's name has 1 to 100 letters, digits, '.', '-' and '_'; choose another")]
    Name,
    /// Nothing can be read into batches of no rows.
    #[error("batches of no rows were asked for; set at least 1")]
    BatchRows,
    /// A column is declared twice.
    #[error("column {0:?} is declared twice; remove one")]
    DeclaredTwice(String),
    /// A column is declared that the source does not have.
    #[error("the source has no column {0:?}; compare the declaration with the source's header")]
    NoColumn(String),
    /// There is nothing to compute on.
    #[error("the source has no columns")]
    NoColumns,
    /// A range that is not one, or of a column without order.
    #[error(
        "the range of column {0:?} must be two finite numbers, lower first, on a column of \
         numbers; correct or remove it"
    )]
    Range(String),
    /// Levels of something else than text, or repeated.
    #[error("levels of column {0:?} must be different texts, on a column of text; correct them")]
    Levels(String),
    /// A key that cannot tell rows apart by its type.
    #[error("the key column {0:?} must be of integers or text; choose another key or none")]
    KeyKind(String),
    /// The delimiter cannot be told from data.
    #[error("a delimiter is one of comma, semicolon, tab, bar, colon and blank")]
    Delimiter,
    /// A file is not where files may be.
    #[error(
        "the file or folder lies outside of the folders that this node may read; move it into one \
         of them, or allow its folder"
    )]
    OutsideFolders,
    /// The path is neither a file nor a folder, or a folder holds something else than files.
    #[error("{0:?} is neither a regular file nor a folder of regular files")]
    NotAFile(String),
    /// A folder without a file of the kind.
    #[error("the folder {folder:?} holds no file that ends in .{extension}")]
    EmptyFolder {
        /// The folder's name, without its path.
        folder: String,
        /// What files must end in.
        extension: &'static str,
    },
    /// A folder holds more files than are opened for one dataset.
    #[error("the folder {0:?} holds too many files; merge them")]
    TooManyFiles(String),
    /// The database's address is none.
    #[error(
        "the address of the database is not of the form {0}://user:password@host:port/database"
    )]
    Address(&'static str),
    /// The query does something else than reading.
    #[error(
        "the query writes, or is not a single SELECT; sources are only read: give one SELECT \
         without INSERT, UPDATE, DELETE, INTO or DDL"
    )]
    QueryWrites,
    /// The database does not accept the query or table; in its words, about the query's text.
    #[error("the database does not accept the query or table: {0}")]
    Query(String),
}

/// What is wrong with a selection; whoever asks mends it.
#[derive(Debug, thiserror::Error)]
pub enum SelectionError {
    /// No such column in the dataset.
    #[error("the dataset has no column {0:?}; its columns are in the catalogue")]
    UnknownColumn(String),
    /// A column is compared with a constant of another type.
    #[error("column {column:?} is of kind {kind}; compare it with a constant of that kind")]
    Mismatch {
        /// The column's name.
        column: String,
        /// What it holds.
        kind: Kind,
    },
    /// Truth values have no order.
    #[error("column {0:?} is of kind truth, which has no order; use = or !=")]
    Order(String),
    /// A constant that is not a number, or infinite.
    #[error("column {0:?} is compared with a number that is not finite")]
    NotFinite(String),
    /// Only integers can be added exactly.
    #[error("column {0:?} is not of kind integer; sums are of integers")]
    NotInteger(String),
    /// Groups of numbers with fractions are not groups.
    #[error("column {0:?} is of kind number, which has no groups; group by integer, text or truth")]
    NotGroups(String),
    /// A group-by without columns.
    #[error("groups need at least one column to group by")]
    NoGroups,
    /// Groups without end.
    #[error("there are too many groups; group by columns with fewer levels")]
    TooManyGroups,
    /// The `where` is not of the form.
    #[error(
        "`where` takes {{\"column\", \"op\", \"value\"}} with op one of = != < <= > >=, \
         {{\"and\": [...]}}, {{\"or\": [...]}} or {{\"not\": ...}}: {0}"
    )]
    Form(&'static str),
    /// The `where` is nested too deeply.
    #[error("`where` is nested more deeply than {0}; simplify it")]
    TooDeep(usize),
    /// The `where` has too many parts.
    #[error("`where` has more than {0} parts; simplify it")]
    TooLarge(usize),
}

/// What is wrong with the data themselves.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// The text's structure is broken.
    #[error("{place}: {problem}")]
    Malformed {
        /// Where.
        place: Place,
        /// What, and what to do.
        problem: Malformed,
    },
    /// A cell is not what its column holds.
    #[error("{place}: column {column:?} {problem}")]
    Cell {
        /// Where.
        place: Place,
        /// The column's name.
        column: String,
        /// What, and what to do.
        problem: CellProblem,
    },
    /// A column's type has no place here.
    #[error(
        "column {column:?} is of type {kind}, which is not read; leave it out, or convert it to \
         integers, numbers, text or truth values"
    )]
    Type {
        /// The column's name.
        column: String,
        /// The source's word for the type.
        kind: String,
    },
    /// Two columns of one name, or one without.
    #[error("{0}")]
    Header(HeaderProblem),
    /// Files of one folder differ.
    #[error("the file {0:?} has other columns than the first file of its folder; make them equal")]
    Schemas(String),
    /// Not what the format demands.
    #[error("{0} is damaged, or not of its format; write it anew")]
    Damaged(String),
    /// A column that was there at registration is gone or of another type.
    #[error("column {0:?} is no longer as it was registered; register the dataset anew")]
    Changed(String),
    /// The key tells nothing apart.
    #[error(
        "the key column {column:?} misses {missing} values and repeats {repeated}; a key has a \
         different value in every row"
    )]
    Key {
        /// The column's name.
        column: String,
        /// Rows without a value.
        missing: u64,
        /// Rows whose value another row had before.
        repeated: u64,
    },
    /// More than is taken at once.
    #[error("the columns are too large to be taken at once; send fewer rows or columns")]
    TooLarge,
    /// More rows than can be counted.
    #[error("there are too many rows")]
    TooManyRows,
}

/// Where in the data.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Place {
    /// A line of a text file, from 1; the line where the row begins.
    Line {
        /// The file's name without its path; empty for a text that was sent.
        file: String,
        /// From 1.
        line: u64,
    },
    /// A row of a file, from 1.
    Row {
        /// The file's name without its path; empty for a stream that was sent.
        file: String,
        /// From 1.
        row: u64,
    },
    /// Somewhere in the answer of a database, whose rows have no order.
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

/// What is wrong with the structure of a text.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Malformed {
    /// Nothing at all.
    #[error("the text is empty; the first line must name the columns")]
    Empty,
    /// Rows of different lengths.
    #[error(
        "the row has {found} fields and the header {expected}; a comma inside of a number or text \
         does this: put the field in quotes, or set another delimiter"
    )]
    Ragged {
        /// Fields of the row.
        found: usize,
        /// Fields of the header.
        expected: usize,
    },
    /// A quote that is never closed.
    #[error("a quote that opens here is never closed; close or double it")]
    OpenQuote,
    /// Text directly after a closing quote, or a quote amid a field without quotes.
    #[error("field {0} has a quote amid its text; put the field in quotes and double the quote")]
    StrayQuote(usize),
    /// An old end of line.
    #[error("a carriage return without line feed; end lines by a line feed")]
    CarriageReturn,
    /// Longer than is read.
    #[error("the row is longer than 1 MiB; is a quote missing?")]
    TooLong,
    /// Wider than is read.
    #[error("the row has more than 10000 fields")]
    TooWide,
    /// Another encoding.
    #[error("field {0} is not UTF-8; save the file as UTF-8")]
    Encoding(usize),
    /// UTF-16.
    #[error("the text is in UTF-16; save the file as UTF-8")]
    Utf16,
    /// One column that holds other delimiters.
    #[error("the header has one column with semicolons or tabs in its name; set the delimiter")]
    Delimiter,
}

/// What is wrong with a header.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum HeaderProblem {
    /// A name appears twice.
    #[error("two columns are named {0:?}; rename one")]
    Twice(String),
    /// A column without a name.
    #[error("column {0} has no name; every column needs one in the header")]
    Nameless(usize),
    /// A name that one does not see as it is.
    #[error(
        "the name of column {0} begins or ends with a blank, holds control characters or is longer \
         than 200 bytes; rename it"
    )]
    Name(usize),
    /// Wider than is read.
    #[error("there are more than 10000 columns")]
    TooMany,
}

/// What is wrong with a cell.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CellProblem {
    /// Something else than the column's kind.
    #[error("holds something that is not of kind {0}; correct it, or declare another kind")]
    NotA(Kind),
    /// An integer beyond 64 bits.
    #[error("holds an integer beyond 64 bits; declare the column as text or number")]
    TooLarge,
    /// Digits would be lost.
    #[error(
        "holds a number that a double does not hold exactly; round it to 15 digits, or declare \
         the column as text"
    )]
    Inexact,
    /// Infinite.
    #[error("holds an infinite number; make it missing")]
    Infinite,
    /// 1,5 instead of 1.5.
    #[error("holds a decimal comma; write 1.5 instead of 1,5, or declare the column as text")]
    DecimalComma,
    /// Bytes where text was expected.
    #[error("holds binary data or text that is not UTF-8; leave the column out")]
    Binary,
}

/// Why the data cannot be reached; trying later, or the operator, helps.
#[derive(Debug, thiserror::Error)]
pub enum Unavailable {
    /// A file cannot be opened or read.
    #[error("the file or folder {name:?} cannot be read: {reason}")]
    File {
        /// Its name, without the path.
        name: String,
        /// In the system's words.
        reason: io::ErrorKind,
    },
    /// Nobody answers, or not in time.
    #[error("the database cannot be reached ({0}); is it running, and its address right?")]
    Down(&'static str),
    /// The database refuses the user or password.
    #[error("the database refuses the user, the password or the database's name (code {0})")]
    Login(String),
    /// The answer takes too long.
    #[error("the database did not answer within {0:?}; simplify the query or raise the time limit")]
    Slow(Duration),
    /// The database gave up amid the answer; its words could hold values and are left out.
    #[error("the database could not answer (code {0}); its own log says more")]
    Failed(String),
    /// Threads or memory are lacking.
    #[error("the system has no resources left: {0}")]
    System(io::ErrorKind),
}
