//! SQLite: values have types, columns only preferences.
//!
//! A file is opened read-only. SQLite opens it by its path, so the path is looked up first, as
//! for every file, and once more when SQLite has it open.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteConnection, SqliteRow, SqliteStatement,
};
use sqlx::{
    Arguments, AssertSqlSafe, Column as _, ConnectOptions, Executor, Row as _, Statement, TypeInfo,
    ValueRef,
};

use super::dialect::{Described, Dialect, Meaning, Native, Pushed, Rows};
use super::pushdown::{Fragment, Term};
use crate::error::{CellProblem, SourceError};
use crate::values::Cell;
use crate::{Access, Constant, Kind};

/// So many steps of SQLite's machine pass between two looks at the clock.
const STEPS: i32 = 10_000;

/// `SQLITE_READONLY` and `SQLITE_INTERRUPT`; extended codes have them in their lowest byte.
const READ_ONLY: i64 = 8;
const INTERRUPTED: i64 = 9;
const CODE: i64 = 0xff;

pub(super) struct Sqlite {
    path: PathBuf,
    access: Access,
    /// Texts are ordered by their bytes only where they are stored as UTF-8.
    utf8: bool,
}

impl Sqlite {
    pub(super) fn new(path: &Path, access: &Access) -> Result<Self, SourceError> {
        access.open(path)?;
        Ok(Self { path: access.resolve(path)?, access: access.clone(), utf8: false })
    }
}

impl Dialect for Sqlite {
    type Database = sqlx::Sqlite;

    const QUOTE: char = '"';

    async fn connect(&mut self, limit: Duration) -> Result<SqliteConnection, sqlx::Error> {
        let options = SqliteConnectOptions::new()
            .filename(&self.path)
            .read_only(true)
            .create_if_missing(false)
            .busy_timeout(limit)
            .disable_statement_logging();
        let mut connection = options.connect().await?;
        // A link may have taken a folder's place since the path was looked up.
        let still = self.access.resolve(&self.path).is_ok_and(|path| path == self.path);
        if !still {
            return Err(std::io::Error::from(std::io::ErrorKind::NotFound).into());
        }
        let deadline = Instant::now().checked_add(limit);
        let mut handle = connection.lock_handle().await?;
        handle.set_progress_handler(STEPS, move || {
            deadline.is_none_or(|deadline| Instant::now() < deadline)
        });
        drop(handle);
        connection.execute("BEGIN").await?;
        let encoding = connection.fetch_one("PRAGMA encoding").await?;
        self.utf8 = encoding.try_get_unchecked::<String, _>(0)? == "UTF-8";
        Ok(connection)
    }

    async fn describe(
        connection: &mut SqliteConnection,
        sql: String,
    ) -> Result<Vec<Described>, sqlx::Error> {
        use sqlx::SqlSafeStr;

        let statement: SqliteStatement =
            connection.prepare(AssertSqlSafe(sql).into_sql_str()).await?;
        let described = statement.columns().iter().map(|column| {
            let type_name = column.type_info().name().to_owned();
            let native = Native::Dynamic { truth: type_name == "BOOLEAN" };
            Described { name: column.name().to_owned(), type_name, native: Some(native) }
        });
        Ok(described.collect())
    }

    fn fetch(
        connection: &mut SqliteConnection,
        sql: String,
        constants: Vec<Constant>,
    ) -> Rows<'_, Self> {
        let mut arguments = SqliteArguments::default();
        let added = constants.into_iter().try_for_each(|constant| match constant {
            Constant::Integer(value) => arguments.add(value),
            Constant::Number(value) => arguments.add(value),
            Constant::Text(value) => arguments.add(value),
            Constant::Truth(value) => arguments.add(value),
        });
        match added {
            Ok(()) => {
                let query = sqlx::query_with(AssertSqlSafe(sql), arguments).persistent(false);
                connection.fetch(query)
            }
            Err(error) => refused(error),
        }
    }

    fn look(quoted: &str) -> Option<String> {
        let any = |condition: String| format!("MAX({condition})");
        let of_type = |name: &str| any(format!("typeof({quoted}) = '{name}'"));
        let other = any(format!("typeof({quoted}) = 'integer' AND {quoted} NOT IN (0, 1)"));
        let types = ["integer", "real", "text", "blob"].map(of_type);
        Some(format!("{other}, {}", types.join(", ")))
    }

    fn expression(quoted: &str, _native: Native) -> String {
        quoted.to_owned()
    }

    fn cell(row: &SqliteRow, index: usize, _native: Native) -> Result<Cell, CellProblem> {
        let binary = |_| CellProblem::Binary;
        let raw = row.try_get_raw(index).map_err(binary)?;
        if raw.is_null() {
            return Ok(Cell::Missing);
        }
        let name = raw.type_info().name().to_owned();
        match name.as_str() {
            "INTEGER" | "BOOLEAN" => {
                row.try_get_unchecked(index).map(Cell::Integer).map_err(binary)
            }
            "REAL" => row.try_get_unchecked(index).map(Cell::Number).map_err(binary),
            "TEXT" => row.try_get_unchecked(index).map(Cell::Text).map_err(binary),
            _ => Err(CellProblem::Binary),
        }
    }

    fn placeholder(number: usize) -> String {
        format!("?{number}")
    }

    /// Values of another type than the column's pass, for reading to convert or refuse them. A
    /// plus takes the column's preferences away, which would convert the constant.
    fn compare(&self, term: &Term<'_>) -> Pushed {
        let bare = format!("+{}", term.quoted);
        let (own, compared) = match (term.column.kind, term.value) {
            (Kind::Integer, Constant::Integer(value)) => {
                ("integer", term.against(&bare, Constant::Integer(*value)))
            }
            (Kind::Number, Constant::Number(value)) => {
                ("real", term.against(&bare, Constant::Number(*value)))
            }
            (Kind::Text, Constant::Text(value)) if self.utf8 => {
                let left = format!("{bare} COLLATE BINARY");
                ("text", term.against(&left, Constant::Text(value.clone())))
            }
            _ => return Pushed::default(),
        };
        let other = format!("(typeof({}) <> '{own}' OR ", term.quoted);
        let superset = Fragment::text(other).then(compared.clone()).then(Fragment::text(")"));
        let exact = (own != "real").then_some(compared);
        Pushed { superset: Some(superset), exact }
    }

    fn doubt(quoted: &str, kind: Kind) -> Option<String> {
        let usual = match kind {
            Kind::Integer => "'integer', 'null'",
            Kind::Number => "'real', 'null'",
            Kind::Text => "'text', 'null'",
            Kind::Truth => {
                let other = format!("typeof({quoted}) <> 'integer' OR {quoted} NOT IN (0, 1)");
                return Some(format!("({quoted} IS NOT NULL AND ({other}))"));
            }
        };
        Some(format!("typeof({quoted}) NOT IN ({usual})"))
    }

    fn group(&self, quoted: &str, _native: Native) -> Option<String> {
        Some(format!("+{quoted} COLLATE BINARY"))
    }

    /// SQLite's sums end at 64 bits, so both halves are added up apart; the upper one is signed.
    fn sum(quoted: &str) -> Vec<(String, i128)> {
        let upper = format!("CAST(SUM({quoted} >> 32) AS TEXT)");
        let lower = format!("CAST(SUM({quoted} & 4294967295) AS TEXT)");
        vec![(upper, 1 << 32), (lower, 1)]
    }

    fn explain(error: &dyn sqlx::error::DatabaseError) -> Meaning {
        let code: Option<i64> = error.code().and_then(|code| code.parse().ok());
        match code.map(|code| code & CODE) {
            Some(READ_ONLY) => Meaning::Writes,
            Some(INTERRUPTED) => Meaning::Slow,
            _ => Meaning::Other,
        }
    }

    fn key(row: &SqliteRow, index: usize, native: Native) -> Result<Option<String>, CellProblem> {
        key_text(Self::cell(row, index, native)?)
    }
}

/// The name of a group.
pub(super) fn key_text(cell: Cell) -> Result<Option<String>, CellProblem> {
    match cell {
        Cell::Missing => Ok(None),
        Cell::Integer(value) => Ok(Some(value.to_string())),
        Cell::Truth(value) => Ok(Some(value.to_string())),
        Cell::Text(text) => Ok(Some(text)),
        Cell::Number(_) | Cell::Decimal(_) => Err(CellProblem::NotA(Kind::Text)),
    }
}

/// No rows, since a constant could not be encoded.
pub(super) fn refused<'c, R: Send + 'c>(
    error: Box<dyn std::error::Error + Send + Sync>,
) -> futures_util::stream::BoxStream<'c, Result<R, sqlx::Error>> {
    futures_util::stream::once(async { Err(sqlx::Error::Encode(error)) }).boxed()
}
