//! What differs between databases.

use std::time::Duration;

use futures_util::stream::BoxStream;
use sqlx::Database;

use super::pushdown::{Fragment, Term};
use crate::error::{CellProblem, SourceError};
use crate::values::Cell;
use crate::{Constant, Kind};

/// Rows as the database answers them.
pub(super) type Rows<'c, D> =
    BoxStream<'c, Result<<<D as Dialect>::Database as Database>::Row, sqlx::Error>>;

pub(super) type Connection<D> = <<D as Dialect>::Database as Database>::Connection;

pub(super) type Row<D> = <<D as Dialect>::Database as Database>::Row;

/// A kind of database.
pub(super) trait Dialect: Sized {
    type Database: Database;

    /// Around names.
    const QUOTE: char;

    /// Connects, begins a read-only transaction that sees one state of the data, and limits the
    /// time of statements.
    async fn connect(&mut self, limit: Duration) -> Result<Connection<Self>, sqlx::Error>;

    /// Prepares a query, and tells its columns.
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

    /// The query that looks at the values of columns that have no type of their own; its answer
    /// has five truth values for each: integers other than 0 and 1, integers, reals, texts,
    /// blobs. `None` where columns have types.
    fn look(_quoted: &str) -> Option<String> {
        None
    }

    /// What is selected for a column, for [`Dialect::cell`] to understand it.
    fn expression(quoted: &str, native: Native) -> String;

    /// A value of a row, by the column's place and type.
    fn cell(row: &Row<Self>, index: usize, native: Native) -> Result<Cell, CellProblem>;

    /// The place of a bound constant, the first of number 1.
    fn placeholder(number: usize) -> String;

    /// A comparison, as far as the database makes it as this crate does.
    fn compare(&self, term: &Term<'_>) -> Pushed;

    /// A condition that holds for rows on which the database might compare, add or group
    /// otherwise; `None` if there are none.
    fn doubt(_quoted: &str, _kind: Kind) -> Option<String> {
        None
    }

    /// What is grouped by, so that groups differ exactly where values do; `None` if there is no
    /// such expression.
    fn group(&self, quoted: &str, native: Native) -> Option<String>;

    /// Texts of integers that give the sum of a column, each with its factor.
    fn sum(quoted: &str) -> Vec<(String, i128)>;

    /// The meaning of an error.
    fn explain(error: &dyn sqlx::error::DatabaseError) -> Meaning;

    /// `left op right` of what [`Dialect::group`] gave, decoded.
    fn key(row: &Row<Self>, index: usize, native: Native) -> Result<Option<String>, CellProblem>;
}

/// A column of a query.
pub(super) struct Described {
    pub(super) name: String,
    /// The database's word for its type.
    pub(super) type_name: String,
    /// `None` for types that have no place here.
    pub(super) native: Option<Native>,
}

/// The type of a column in its database.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Native {
    /// At most 64 bits, signed.
    Integer,
    /// At most 64 bits, unsigned.
    Unsigned,
    /// 64 bits.
    Double,
    /// 32 bits.
    Single,
    Truth,
    /// Text, or what the database writes as text in one way: dates, times, UUIDs, enumerations.
    Text,
    /// Date and time without a zone; `2024-01-31 10:00:00` in the database.
    Local,
    /// Date and time in UTC.
    Instant,
    Decimal,
    /// Each value has a type of its own; the column's is declared to be truth, or not.
    Dynamic {
        truth: bool,
    },
}

impl Native {
    /// What a column of that type holds; `None` if its values must be looked at.
    pub(super) fn kind(self) -> Option<Kind> {
        match self {
            Self::Integer | Self::Unsigned => Some(Kind::Integer),
            Self::Double | Self::Single | Self::Decimal => Some(Kind::Number),
            Self::Truth => Some(Kind::Truth),
            Self::Text | Self::Local | Self::Instant => Some(Kind::Text),
            Self::Dynamic { .. } => None,
        }
    }

    /// Whether a column of that kind is used as what it is in the database, not converted.
    pub(super) fn is_natural(self, kind: Kind) -> bool {
        self.kind().is_none_or(|own| own == kind)
    }

    /// The text that the database gave, in the form of ISO 8601.
    pub(super) fn cell_of_text(self, text: String) -> Cell {
        match self {
            Self::Local => Cell::Text(text.replacen(' ', "T", 1)),
            Self::Instant => {
                let local = text.replacen(' ', "T", 1);
                Cell::Text(format!("{}Z", local.trim_end_matches("+00")))
            }
            Self::Decimal => match text.as_str() {
                "NaN" => Cell::Missing,
                "Infinity" | "-Infinity" => Cell::Number(f64::INFINITY),
                _ => Cell::Decimal(text),
            },
            _ => Cell::Text(text),
        }
    }
}

/// What of a comparison a database can be asked.
#[derive(Default)]
pub(super) struct Pushed {
    /// True wherever the comparison is, perhaps elsewhere too.
    pub(super) superset: Option<Fragment>,
    /// True, unknown and false exactly where the comparison is, on rows without
    /// [`Dialect::doubt`].
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

/// What a database's error means.
pub(super) enum Meaning {
    /// The statement would have written.
    Writes,
    /// The time limit cut it.
    Slow,
    /// User, password or database's name.
    Login,
    /// Not yet, or no longer, at work.
    Down,
    /// Everything else.
    Other,
}

/// Wraps an error of a place that has no row.
pub(super) fn cell_error(column: &str, problem: CellProblem) -> SourceError {
    use crate::error::{DataError, Place};

    DataError::Cell { place: Place::Database, column: column.to_owned(), problem }.into()
}
