//! Tables and queries of databases.
//!
//! A session is one connection in one read-only transaction with one statement at a time, on a
//! runtime of its own inside of the call. Names are quoted, constants are bound; the only text
//! that reaches a database as it is, is the operator's own query.
//!
//! Read-only transactions do not stop what a database's functions do outside of transactions
//! (PostgreSQL's `dblink`, for one): give the node a user that may only select.

mod dialect;
mod mysql;
mod postgres;
mod pushdown;
mod relation;
mod session;
mod sqlite;

use self::dialect::Dialect;
use self::mysql::Mysql;
use self::postgres::Postgres;
use self::session::Session;
use self::sqlite::Sqlite;
use crate::declaration::Found;
use crate::error::SourceError;
use crate::scan::Each;
use crate::{Access, Aggregate, Aggregated, Column, Filter, Relation, Source};

pub(crate) use self::mysql::place as mysql_place;
pub(crate) use self::postgres::place as postgres_place;

/// Does something with the session that a source needs; `None` for files.
macro_rules! with_session {
    ($source:expr, $access:expr, |$session:ident, $relation:ident| $body:expr) => {
        match $source {
            Source::Sqlite { path, from } => {
                let ($relation, dialect) = (from, Sqlite::new(path, $access)?);
                let mut $session = Session::open(dialect, $access)?;
                Some($body)
            }
            Source::Postgres { url, from } => {
                let ($relation, dialect) = (from, Postgres::new(url)?);
                let mut $session = Session::open(dialect, $access)?;
                Some($body)
            }
            Source::Mysql { url, from } => {
                let ($relation, dialect) = (from, Mysql::new(url)?);
                let mut $session = Session::open(dialect, $access)?;
                Some($body)
            }
            Source::Csv { .. } | Source::Parquet { .. } => None,
        }
    };
}

/// The columns of a table or query.
pub(crate) fn discover(source: &Source, access: &Access) -> Result<Vec<Found>, SourceError> {
    with_session!(source, access, |session, relation| session.discover(relation))
        .unwrap_or_else(|| Ok(Vec::new()))
}

/// Streams columns, without some or all of the rows that `filter` does not select.
pub(crate) fn scan(
    source: &Source,
    columns: &[Column],
    filter: Option<&Filter>,
    access: &Access,
    each: Each<'_>,
) -> Result<(), SourceError> {
    with_session!(source, access, |session, relation| {
        session.scan(relation, columns, filter, access.batch_rows, each)
    })
    .unwrap_or(Ok(()))
}

/// Lets the database aggregate, if what it answers is exactly what the rows would give.
pub(crate) fn aggregate(
    source: &Source,
    columns: &[Column],
    what: &Aggregate,
    filter: Option<&Filter>,
    access: &Access,
) -> Result<Option<Aggregated>, SourceError> {
    with_session!(source, access, |session, relation| {
        session.aggregate(relation, columns, what, filter)
    })
    .unwrap_or(Ok(None))
}

/// What is read of a database, as the source of a `FROM`.
fn from_clause<D: Dialect>(relation: &Relation) -> Result<String, SourceError> {
    match relation {
        Relation::Table(name) => Ok(relation::table(name, D::QUOTE)),
        Relation::Query(query) => Ok(relation::query(query)?),
    }
}
