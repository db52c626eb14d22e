//! The dialects of databases: their types, their SQL, and their errors.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use sqlx::database::HasStatementCache;
use sqlx::error::BoxDynError;
use sqlx::{Arguments, AssertSqlSafe, Database, Encode, Executor, IntoArguments, Type};

use super::fragment::Fragment;
use super::relay::Meter;
use crate::column::{Column, Kind};
use crate::date;
use crate::error::{CellProblem, DataError, Place, SourceError};
use crate::filter::{Comparison, Constant};
use crate::number;
use crate::values::Cell;

/// The rows of an answer, as they arrive.
pub(super) type Rows<'c, D> =
    BoxStream<'c, Result<<<D as Dialect>::Database as Database>::Row, sqlx::Error>>;

pub(super) type Connection<D> = <<D as Dialect>::Database as Database>::Connection;

pub(super) type Row<D> = <<D as Dialect>::Database as Database>::Row;

/// The dialect of one kind of database.
pub(super) trait Dialect: Sized {
    type Database: Database;

    /// The quote around names.
    const QUOTE: char;

    /// The statement that tells whether the user may do anything, and whether it may write: numbers
    /// above 0. `None` if there are no users.
    const RIGHTS: Option<&'static str> = None;

    /// Connects, begins a read-only transaction on one snapshot of the data, and limits the time of
    /// statements. A server's bytes count on the meter.
    async fn connect(
        &mut self,
        limit: Duration,
        meter: &Arc<Meter>,
    ) -> Result<Connection<Self>, sqlx::Error>;

    /// Ends the present statement of this session at the server, over a connection of its own.
    async fn cancel(&self, _meter: &Arc<Meter>) -> Result<(), sqlx::Error> {
        Ok(())
    }

    /// Prepares a query, and lists its columns.
    async fn describe(
        connection: &mut Connection<Self>,
        sql: String,
    ) -> Result<Vec<Described>, sqlx::Error>;

    /// Runs a query as one prepared statement.
    fn fetch(
        connection: &mut Connection<Self>,
        sql: String,
        constants: Vec<Constant>,
    ) -> Rows<'_, Self>;

    /// Writes the expressions that find the types of a column's values, for columns without types.
    /// They are five truth values: integers other than 0 and 1, integers, reals, texts, blobs.
    /// `None` if columns have types.
    fn type_probe(_quoted: &str) -> Option<String> {
        None
    }

    /// Writes the expression to select for a column, whose values [`Dialect::cell`] reads.
    fn expression(quoted: &str, native: Native) -> String;

    /// Reads a value of a row, by the column's index and type.
    fn cell(row: &Row<Self>, index: usize, native: Native) -> Result<Cell, CellProblem>;

    /// Returns the lengths of a row's values, as the server sent them.
    fn lengths(_row: &Row<Self>) -> impl Iterator<Item = usize> {
        std::iter::empty()
    }

    /// Writes the placeholder of a bound constant, by its number from 1.
    fn placeholder(number: usize) -> String;

    /// Writes the conditions for a comparison, as far as the database compares as this crate does.
    fn compare(&self, term: &Term<'_>) -> Pushed;

    /// Writes a condition for rows that the database might compare, add or group otherwise than
    /// this crate. `None` if there are no such rows.
    fn inexact_rows(_quoted: &str, _kind: Kind) -> Option<String> {
        None
    }

    /// Writes the expression to group by, so that groups differ exactly if values do. `None` if
    /// there is no such expression.
    fn group(&self, quoted: &str, native: Native) -> Option<String>;

    /// Writes terms of the sum of a column, as texts of integers, each with its factor.
    fn sum(quoted: &str) -> Vec<(String, i128)>;

    /// Returns the meaning of an error.
    fn explain(error: &dyn sqlx::error::DatabaseError) -> Meaning;

    /// Reads the key of a group, as [`Dialect::group`] selects it.
    fn key(row: &Row<Self>, index: usize, native: Native) -> Result<Option<String>, CellProblem>;
}

/// A column of a query.
pub(super) struct Described {
    pub(super) name: String,
    /// The database's name of its type.
    pub(super) type_name: String,
    /// Its type, or `None` for types that are not read.
    pub(super) native: Option<Native>,
}

/// The type of a column in its database.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Native {
    /// A signed integer of at most 64 bits.
    Integer,
    /// An unsigned integer of at most 64 bits.
    Unsigned,
    /// A float of 64 bits.
    Double,
    /// A float of 32 bits.
    Single,
    Truth,
    /// Text, and types with one form as text: dates, times, UUIDs, enumerations.
    Text,
    /// A date that may be all zeros, which is missing.
    Day,
    /// Date and time without a zone, in the form `2024-01-31 10:00:00`.
    Local,
    /// Date and time in UTC.
    Instant,
    Decimal,
    /// An amount in the currency of the server, which is a decimal.
    Money,
    /// A text or list with parts, which is read whole where it is declared as text.
    Document,
    /// Each value has a type of its own. `truth` if the column is declared to hold truth values.
    Dynamic {
        truth: bool,
    },
}

impl Native {
    /// Returns the kind of such a column, or `None` if it depends on the values.
    pub(super) fn kind(self) -> Option<Kind> {
        match self {
            Self::Integer | Self::Unsigned => Some(Kind::Integer),
            Self::Double | Self::Single | Self::Decimal | Self::Money => Some(Kind::Number),
            Self::Truth => Some(Kind::Truth),
            Self::Text | Self::Day | Self::Local | Self::Instant | Self::Document => {
                Some(Kind::Text)
            }
            Self::Dynamic { .. } => None,
        }
    }

    /// Returns `true` if a column of that kind needs no conversion.
    pub(super) fn is_natural(self, kind: Kind) -> bool {
        self.kind().is_none_or(|own| own == kind)
    }

    /// Converts the text of a value, with dates and times in ISO 8601.
    pub(super) fn cell_of_text(self, text: String) -> Cell {
        match self {
            Self::Local => Cell::Text(date::plain_time(&text.replacen(' ', "T", 1))),
            Self::Instant if text.ends_with("infinity") => Cell::Text(text),
            Self::Instant => {
                let local = text.replacen(' ', "T", 1);
                Cell::Text(date::plain_time(&format!("{}Z", local.trim_end_matches("+00"))))
            }
            Self::Decimal | Self::Money => match text.as_str() {
                "NaN" => Cell::Missing,
                "Infinity" | "-Infinity" => Cell::Number(f64::INFINITY),
                _ => Cell::Decimal(text),
            },
            _ => Cell::Text(text),
        }
    }
}

/// A comparison that is to be written in SQL.
pub(super) struct Term<'a> {
    /// The column's name in quotes.
    pub(super) quoted: String,
    pub(super) native: Native,
    /// The column as the dataset describes it.
    pub(super) column: &'a Column,
    pub(super) op: Comparison,
    pub(super) value: &'a Constant,
}

impl Term<'_> {
    /// Writes `left op constant`.
    pub(super) fn against(&self, left: &str, constant: Constant) -> Fragment {
        // `<>` is the standard's, though all databases read `!=` too.
        let op = if self.op == Comparison::NotEqual { "<>" } else { self.op.symbol() };
        Fragment::text(format!("{left} {op} ")).then(Fragment::constant(constant))
    }
}

/// The conditions that stand for a comparison in a database.
#[derive(Default)]
pub(super) struct Pushed {
    /// True for all rows of the comparison, and perhaps for others.
    pub(super) superset: Option<Fragment>,
    /// True, unknown and false exactly as the comparison, except on [`Dialect::inexact_rows`].
    pub(super) exact: Option<Fragment>,
}

impl Pushed {
    pub(super) fn exact(fragment: Fragment) -> Self {
        Self { superset: Some(fragment.clone()), exact: Some(fragment) }
    }

    pub(super) fn superset(fragment: Fragment) -> Self {
        Self { superset: Some(fragment), exact: None }
    }
}

/// The meaning of a database's error.
pub(super) enum Meaning {
    /// The statement tried to write.
    Writes,
    /// The statement exceeded its time limit.
    Slow,
    /// User, password or the database's name is wrong.
    Login,
    /// The user may not read the table, or a column of it.
    Denied,
    /// The server is starting or stopping.
    Down,
    /// Another error.
    Other,
}

/// Makes the error of a cell in an answer, whose rows have no numbers.
pub(super) fn cell_error(column: &str, problem: CellProblem) -> SourceError {
    DataError::Cell { place: Place::Database, column: column.to_owned(), problem }.into()
}

/// Writes the key of a group.
pub(super) fn key_text(cell: Cell) -> Result<Option<String>, CellProblem> {
    match cell {
        Cell::Missing => Ok(None),
        Cell::Integer(value) => Ok(Some(value.to_string())),
        Cell::Truth(value) => Ok(Some(value.to_string())),
        Cell::Text(text) => Ok(Some(text)),
        Cell::Number(_) | Cell::Decimal(_) => Err(CellProblem::NotA(Kind::Text)),
    }
}

/// Encodes the constants of a query, each in the database's type for it.
pub(super) fn encoded<D: Database>(constants: Vec<Constant>) -> Result<D::Arguments, BoxDynError>
where
    i64: for<'q> Encode<'q, D> + Type<D>,
    f64: for<'q> Encode<'q, D> + Type<D>,
    String: for<'q> Encode<'q, D> + Type<D>,
    bool: for<'q> Encode<'q, D> + Type<D>,
{
    let mut arguments = D::Arguments::default();
    for constant in constants {
        match constant {
            Constant::Integer(value) => arguments.add(value)?,
            Constant::Number(value) => arguments.add(value)?,
            Constant::Text(value) => arguments.add(value)?,
            Constant::Truth(value) => arguments.add(value)?,
        }
    }
    Ok(arguments)
}

/// Runs a query with these constants as one prepared statement. A constant that could not be
/// encoded is an error in place of rows.
pub(super) fn rows_of<'c, D: Database + HasStatementCache>(
    connection: impl Executor<'c, Database = D>,
    sql: String,
    constants: Result<D::Arguments, BoxDynError>,
) -> BoxStream<'c, Result<D::Row, sqlx::Error>>
where
    D::Arguments: IntoArguments<D> + 'c,
{
    match constants {
        Ok(constants) => {
            let query = sqlx::query_with(AssertSqlSafe(sql), constants);
            connection.fetch(query.persistent(false))
        }
        Err(error) => stream::once(async { Err(sqlx::Error::Encode(error)) }).boxed(),
    }
}

/// Returns a constant as a double, if it is exactly one.
pub(super) fn as_double(constant: &Constant) -> Option<f64> {
    match constant {
        Constant::Number(value) => Some(*value),
        Constant::Integer(value) => number::exact(*value),
        Constant::Text(_) | Constant::Truth(_) => None,
    }
}
