//! Tables and queries of databases.
//!
//! A session is one connection in one read-only transaction with one statement at a time, on a
//! runtime of its own inside of the call. Names are quoted and constants are bound. The operator's
//! own query is the only text that reaches a database unchanged.
//!
//! A read-only transaction does not stop functions that act outside of it, such as PostgreSQL's
//! `dblink`. So give the node a user that may only select.
//!
//! A server is not trusted either: `relay` bounds what it can send.

mod answers;
mod connection;
mod dialect;
mod failure;
mod fragment;
mod mysql;
mod postgres;
mod pushdown;
mod relation;
mod relay;
mod session;
mod sqlite;

use self::mysql::Mysql;
use self::postgres::Postgres;
use self::session::Session;
use self::sqlite::Sqlite;
use crate::access::Access;
use crate::aggregate::{Aggregate, Aggregated};
use crate::batch::BatchBuilder;
use crate::column::Column;
use crate::declaration::Wanted;
use crate::error::SourceError;
use crate::filter::Filter;
use crate::head::Head;
use crate::source::Source;
use crate::values::BatchSink;

/// Evaluates an expression with the session of a database, or returns `None` for files.
macro_rules! with_session {
    ($source:expr, $access:expr, |$session:ident, $relation:ident| $body:expr) => {
        match $source {
            Source::Sqlite { path, from } => {
                let ($relation, dialect) = (from, Sqlite::new(path, $access)?);
                let mut $session = Session::open(dialect, $access)?;
                Some($body)
            }
            Source::Postgres { url, from } => {
                let ($relation, dialect) = (from, Postgres::new(url, $access)?);
                let mut $session = Session::open(dialect, $access)?;
                Some($body)
            }
            Source::Mysql { url, from } => {
                let ($relation, dialect) = (from, Mysql::new(url, $access)?);
                let mut $session = Session::open(dialect, $access)?;
                Some($body)
            }
            Source::Csv { .. } | Source::Parquet { .. } => None,
        }
    };
}

/// Lists the columns of a table or query.
pub(crate) fn discover(
    source: &Source,
    wanted: &Wanted<'_>,
    access: &Access,
) -> Result<Head, SourceError> {
    with_session!(source, access, |session, relation| session.discover(relation, wanted))
        .unwrap_or_else(|| Ok(Head::default()))
}

/// Returns advice on the rights of the database's user.
pub(crate) fn advice(source: &Source, access: &Access) -> Result<Vec<String>, SourceError> {
    with_session!(source, access, |session, _relation| session.advice())
        .unwrap_or_else(|| Ok(Vec::new()))
}

/// Streams columns. Rows that `filter` does not select may be left out.
pub(crate) fn scan(
    source: &Source,
    builder: &mut BatchBuilder,
    filter: Option<&Filter>,
    access: &Access,
    sink: BatchSink<'_>,
) -> Result<(), SourceError> {
    with_session!(source, access, |session, relation| {
        session.scan(relation, builder, filter, sink)
    })
    .unwrap_or(Ok(()))
}

/// Lets the database aggregate, if its answer is exactly that of the rows.
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
