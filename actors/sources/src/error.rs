//! The errors of sources, told apart by the party at fault.
//!
//! No message carries a cell's value, a password, or a path outside of the allowed folders. A
//! database's message is passed on only if it is about the query's text, before any row was read.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::time::Duration;

use crate::address::AddressProblem;
use crate::column::Kind;
pub use crate::defect::{CellProblem, HeaderProblem, Malformed, Place, Remedy};
use crate::format::Encoding;
use crate::magic::Foreign;

/// Reasons why a source could not be registered or read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The operator's fault: the declaration is wrong.
    #[error(transparent)]
    Declaration(#[from] DeclarationError),
    /// The caller's fault: the selection is wrong.
    #[error(transparent)]
    Selection(#[from] SelectionError),
    /// The data's fault: they do not match their declaration.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The environment's fault: the data cannot be reached.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// More than one error of one source, so that all can be mended at once.
    #[error("{}", listed(.first, *.count))]
    Several {
        /// The first of them, which the message lists.
        first: Vec<SourceError>,
        /// The number of all.
        count: usize,
    },
    /// No fault: the receiver of the batches stopped the reading.
    #[error("reading was stopped by the receiver of the rows")]
    Stopped,
    /// No fault: the rows are awaited no longer.
    #[error("the reading has ended with the computation that it was for")]
    Ended,
}

impl SourceError {
    /// Returns the changes of a declaration, each of which mends an error of a cell. Empty for
    /// other errors.
    pub fn remedies(&self) -> &'static [Remedy] {
        match self {
            Self::Data(error) => error.remedies(),
            _ => &[],
        }
    }

    /// Returns the message for a client without access to the data. It describes the client's own
    /// mistakes in full, and of other errors only that the dataset cannot be read.
    pub fn public_message(&self) -> String {
        match self {
            Self::Selection(error) => error.to_string(),
            Self::Stopped | Self::Ended => "reading the dataset was stopped".to_owned(),
            Self::Declaration(_) | Self::Data(_) | Self::Unavailable(_) | Self::Several { .. } => {
                "the dataset cannot be read at present; its owner finds the reason in the node's log"
                    .to_owned()
            }
        }
    }
}

/// The most errors that one message lists.
const MAX_LISTED: usize = 20;

/// Lists errors by numbers, in one line, as messages of the API are.
fn listed(errors: &[SourceError], count: usize) -> String {
    let mut text = format!("{count} things are to be mended:");
    for (number, error) in (1..=MAX_LISTED).zip(errors) {
        text.push_str(&format!(" ({number}) {error}"));
    }
    let left = count.saturating_sub(MAX_LISTED);
    if left > 0 {
        text.push_str(&format!(" and {left} more"));
    }
    text
}

/// Errors that are collected, to be told together. Of errors with one message one is counted, and
/// only those are kept that a message lists: a header may have a million wrong names.
#[derive(Default)]
pub(crate) struct Errors {
    list: Vec<SourceError>,
    count: usize,
    /// The hashes of the messages.
    messages: BTreeSet<u64>,
}

impl Errors {
    pub(crate) fn push(&mut self, error: impl Into<SourceError>) {
        match error.into() {
            SourceError::Several { first, count } => {
                self.count = self.count.saturating_add(count.saturating_sub(first.len()));
                first.into_iter().for_each(|error| self.push(error));
            }
            error => {
                let mut hasher = DefaultHasher::new();
                error.to_string().hash(&mut hasher);
                if self.messages.insert(hasher.finish()) {
                    self.count = self.count.saturating_add(1);
                    if self.list.len() < MAX_LISTED {
                        self.list.push(error);
                    }
                }
            }
        }
    }

    /// Returns the value of a result, or keeps its error.
    pub(crate) fn value<T>(&mut self, result: Result<T, impl Into<SourceError>>) -> Option<T> {
        result.map_err(|error| self.push(error)).ok()
    }

    /// Returns the error of all that were kept, unless there are none.
    pub(crate) fn finish(mut self) -> Result<(), SourceError> {
        match self.count {
            0 | 1 => self.list.pop().map_or(Ok(()), Err),
            count => Err(SourceError::Several { first: self.list, count }),
        }
    }
}

/// Defects of a declaration, which its author can mend.
#[derive(Debug, thiserror::Error)]
pub enum DeclarationError {
    /// The name cannot be used in addresses and logs.
    #[error("a dataset's name has 1 to 100 letters, digits, '.', '-' and '_'; choose another")]
    Name,
    /// Batches of no rows can hold nothing.
    #[error("batches of no rows were asked for; set at least 1")]
    BatchRows,
    /// A column is declared twice.
    #[error("column {0:?} is declared twice; remove one")]
    DeclaredTwice(String),
    /// A column is declared that the source does not have.
    #[error("the source has no column {0:?}; compare the declaration with the source's header")]
    NoColumn(String),
    /// The source has no columns to compute on.
    #[error("the source has no columns")]
    NoColumns,
    /// A range is malformed, or of a column without order.
    #[error(
        "the range of column {0:?} must be two finite numbers, lower first, on a column of \
         numbers; correct or remove it"
    )]
    Range(String),
    /// Levels are repeated, or of a column that is not text.
    #[error("levels of column {0:?} must be different texts, on a column of text; correct them")]
    Levels(String),
    /// The type of the key cannot identify rows.
    #[error("the key column {0:?} must be of integers or text; choose another key or none")]
    KeyKind(String),
    /// The delimiter could be part of data.
    #[error("a delimiter is one of comma, semicolon, tab, bar, colon and blank")]
    Delimiter,
    /// Values cannot be written in the declared way.
    #[error("the declared format contradicts itself: {0}")]
    Format(&'static str),
    /// Only files of text have an encoding.
    #[error("only CSV files have an encoding; remove it")]
    Encoding,
    /// A file lies outside of the allowed folders.
    #[error(
        "the file or folder lies outside of the folders that this node may read; move it into one \
         of them, or allow its folder"
    )]
    OutsideFolders,
    /// The path is neither a file nor a folder.
    #[error("{0:?} is neither a regular file nor a folder of regular files")]
    NotAFile(String),
    /// A folder holds a folder that is no partition.
    #[error(
        "the folder holds the folder {0:?}, and of folders in a folder only those named \
         `column=value` are read, at most 16 in one another: register that folder by itself, name it \
         so, move its files up, or move it elsewhere"
    )]
    SubFolder(String),
    /// Files of a folder have different columns in their paths.
    #[error(
        "{other:?} lies in folders of other columns than {first:?}; give all files the same \
         `column=value` folders, in the same order"
    )]
    Partitions {
        /// The first file, with its partitions.
        first: String,
        /// A file that differs.
        other: String,
    },
    /// A folder has no file of the kind.
    #[error("the folder {folder:?} holds no file that ends in .{extension}")]
    EmptyFolder {
        /// The folder's name, without its path.
        folder: String,
        /// The extension that files must have.
        extension: &'static str,
    },
    /// A folder holds more files than a dataset may have.
    #[error("the folder {0:?} holds too many files; merge them")]
    TooManyFiles(String),
    /// The database's address is malformed.
    #[error(
        "the address of the database is not of the form {scheme}://user:password@host:port/database: \
         {problem}"
    )]
    Address {
        /// The word that it begins with.
        scheme: &'static str,
        /// The reason.
        problem: AddressProblem,
    },
    /// The operator has not named the database's host.
    #[error(
        "the database's host {0} is none of those that this node may connect to; let its operator add \
         it to data.hosts in the settings"
    )]
    Host(String),
    /// The file of certificates is larger than any.
    #[error(
        "the file of certificates is larger than 1 MiB; keep only those that sign the server's in it"
    )]
    Certificates,
    /// A variable of the environment would change connections to all servers.
    #[error(
        "{0} is set in the environment of the node and would go to any server; remove it there"
    )]
    Environment(&'static str),
    /// The query is not a single reading statement.
    #[error(
        "the query writes, or is not a single SELECT; sources are only read: give one SELECT \
         without INSERT, UPDATE, DELETE, INTO or DDL"
    )]
    QueryWrites,
    /// The database rejects the query or table, with its own message about the query's text.
    #[error("the database does not accept the query or table: {0}")]
    Query(String),
}

/// Defects of a selection, which the caller can mend.
#[derive(Debug, thiserror::Error)]
pub enum SelectionError {
    /// The dataset has no such column.
    #[error("the dataset has no column {0:?}; its columns are in the catalogue")]
    UnknownColumn(String),
    /// A column is compared with a constant of another type.
    #[error("column {column:?} is of kind {kind}; compare it with a constant of that kind")]
    Mismatch {
        /// The column's name.
        column: String,
        /// Its kind.
        kind: Kind,
    },
    /// A column of dates is compared with a text that is no date.
    #[error("column {0:?} is of kind date; compare it with a day such as \"1980-01-31\"")]
    Date(String),
    /// Truth values have no order.
    #[error("column {0:?} is of kind truth, which has no order; use = or !=")]
    Order(String),
    /// A constant is infinite or not a number.
    #[error("column {0:?} is compared with a number that is not finite")]
    NotFinite(String),
    /// Only integers can be added exactly.
    #[error("column {0:?} is not of kind integer; sums are of integers")]
    NotInteger(String),
    /// Numbers with fractions have no groups.
    #[error("column {0:?} is of kind number, which has no groups; group by integer, text or truth")]
    NotGroups(String),
    /// There is no column to group by.
    #[error("groups need at least one column to group by")]
    NoGroups,
    /// There are too many groups.
    #[error("there are too many groups; group by columns with fewer levels")]
    TooManyGroups,
    /// The `where` is malformed.
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

/// Defects of the data themselves.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// The text is malformed.
    #[error("{place}: {problem}")]
    Malformed {
        /// The place.
        place: Place,
        /// The defect and its remedy.
        problem: Malformed,
    },
    /// A cell is not of its column's kind.
    #[error("{place}: column {column:?} {problem}")]
    Cell {
        /// The place.
        place: Place,
        /// The column's name.
        column: String,
        /// The defect and its remedy.
        problem: CellProblem,
    },
    /// A column's type is not read.
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
    /// A column's values have parts.
    #[error(
        "column {column:?} is of type {kind}, whose values have parts; declare it as text to read them \
         whole, or choose a part in a query"
    )]
    Document {
        /// The column's name.
        column: String,
        /// The source's word for the type.
        kind: String,
    },
    /// A column's values are lengths of time.
    #[error(
        "column {column:?} is of type {kind}, a length of time: declare the column as number to read \
         seconds (as integer if all are whole), or declare the column as text to read it in the form of \
         ISO 8601, such as PT90.5S"
    )]
    Duration {
        /// The column's name.
        column: String,
        /// The source's word for the type.
        kind: String,
    },
    /// Cells of a column are alike wrong.
    #[error("{first}; so do {more} more cells of the column")]
    Cells {
        /// The first of them.
        first: Box<DataError>,
        /// The number of the others.
        more: u64,
    },
    /// A column has values of several kinds, of which none holds all.
    #[error("column {column:?} has {holds}; declare its kind, or leave it out")]
    Mixed {
        /// The column's name.
        column: String,
        /// A description of its values.
        holds: &'static str,
    },
    /// A column cannot be chosen by its name.
    #[error("{0}")]
    Header(HeaderProblem),
    /// The file violates its format.
    #[error("{0} is damaged, or not of its format; write it anew")]
    Damaged(String),
    /// The file is of another form than was declared.
    #[error("{file:?} {form}")]
    Foreign {
        /// The file's name without its path.
        file: String,
        /// Its form, and what to do.
        form: Foreign,
    },
    /// A file that is declared as SQLite is none.
    #[error(
        "{0:?} is no SQLite file, or encrypted; declare it as what it is, such as `--csv` or \
         `--parquet`"
    )]
    NotSqlite(String),
    /// Columns are compressed in a way that is not read.
    #[error(
        "columns of {file:?} are compressed by {codec}, which is not read; write the file with \
         zstd, snappy, gzip or lz4"
    )]
    Codec {
        /// The file's name without its path.
        file: String,
        /// The name of the compression.
        codec: &'static str,
    },
    /// The reader of the format failed within itself.
    #[error("{0} is damaged in a way that its reader does not survive; write it anew")]
    Unreadable(String),
    /// Repeated texts take far more memory than the file.
    #[error(
        "the long texts of {0:?} unfold to far more bytes than the file has; leave their columns \
         out, or shorten the texts"
    )]
    Unfolds(String),
    /// A registered column is gone or of another type.
    #[error("column {0:?} is no longer as it was registered; register the dataset anew")]
    Changed(String),
    /// The key does not identify rows.
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
    /// The push is too large.
    #[error("the columns are too large to be taken at once; send fewer rows or columns")]
    TooLarge,
    /// There are more rows than can be counted.
    #[error("there are too many rows")]
    TooManyRows,
}

impl DataError {
    fn remedies(&self) -> &'static [Remedy] {
        match self {
            Self::Malformed { problem: Malformed::Encoding(_), .. }
            | Self::Header(HeaderProblem::Encoding(_)) => {
                &[Remedy::Encoding(Encoding::Windows1252)]
            }
            Self::Malformed { problem: Malformed::Marked, .. } => {
                &[Remedy::Encoding(Encoding::Utf8)]
            }
            Self::Duration { .. } => &[Remedy::Declare(Kind::Number), Remedy::Declare(Kind::Text)],
            Self::Cell { problem, .. } => problem.remedies(),
            Self::Cells { first, .. } => first.remedies(),
            _ => &[],
        }
    }
}

/// Reasons why the data cannot be reached. A later attempt or the operator can mend them.
#[derive(Debug, thiserror::Error)]
pub enum Unavailable {
    /// A file cannot be opened or read.
    #[error("the file or folder {name:?} cannot be read: {reason}")]
    File {
        /// Its name, without the path.
        name: String,
        /// The system's reason.
        reason: io::ErrorKind,
    },
    /// No server answers in time.
    #[error("the database cannot be reached ({0}); is it running, and its address right?")]
    Down(&'static str),
    /// The database refuses the user or password.
    #[error("the database refuses the user, the password or the database's name (code {0})")]
    Login(String),
    /// The database's user may not read what is asked for.
    #[error(
        "the database's user may not read this table or a column of it (code {0}): have its \
         administrator grant SELECT on it"
    )]
    Denied(String),
    /// The answer takes too long.
    #[error("the database did not answer within {0:?}; simplify the query or raise the time limit")]
    Slow(Duration),
    /// The database failed amid its answer. Its message is left out, because it could hold values.
    #[error("the database could not answer (code {0}); its own log says more")]
    Failed(String),
    /// The server sends more than rows need.
    #[error(
        "the database server sent more than {0} bytes beyond the rows that were read, and was hung up on; \
         look whether the address is right, and whether single values are so large: then leave them \
         out, or raise data.message_bytes in the settings"
    )]
    TooMuch(usize),
    /// The server does not keep to its protocol.
    #[error(
        "what answers at the database's address does not speak as such a server does, and was hung up on; \
         look whether host and port are those of the server"
    )]
    Protocol,
    /// Threads or memory are lacking.
    #[error("the system has no resources left: {0}")]
    System(io::ErrorKind),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_counted_and_the_first_are_kept() {
        let several = || {
            let mut errors = Errors::default();
            for number in (1..=1000).chain([7]) {
                errors.push(DataError::Header(HeaderProblem::Nameless(number)));
            }
            errors.finish()
        };
        let mut errors = Errors::default();
        errors.push(DeclarationError::Name);
        errors.value(several());
        let Err(SourceError::Several { first, count }) = errors.finish() else { panic!() };
        assert_eq!((first.len(), count), (MAX_LISTED, 1001));
        let message = several().unwrap_err().to_string();
        assert!(message.starts_with("1000 things") && message.ends_with(" and 980 more"));
        let mut errors = Errors::default();
        errors.push(DeclarationError::Name);
        errors.push(DeclarationError::Name);
        assert!(matches!(errors.finish(), Err(SourceError::Declaration(DeclarationError::Name))));
    }
}
