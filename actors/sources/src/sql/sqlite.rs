//! SQLite, whose values have types and whose columns have type affinities only.
//!
//! A file is opened read-only. SQLite opens it by its path, so the path is checked first, as for
//! every file, and again after SQLite has opened it.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteRow, SqliteStatement};
use sqlx::{
    AssertSqlSafe, Column as _, ConnectOptions, Executor, Row as _, Statement, TypeInfo, ValueRef,
};

use super::dialect::{
    Described, Dialect, Meaning, Native, Pushed, Rows, Term, encoded, key_text, rows_of,
};
use super::fragment::Fragment;
use super::relay::Meter;
use crate::access::{Access, file_error, file_name};
use crate::column::Kind;
use crate::error::{CellProblem, DataError, SourceError};
use crate::filter::Constant;
use crate::magic::{Foreign, form_of};
use crate::stop::Stop;
use crate::values::Cell;

/// The steps of SQLite's machine between two checks of the deadline.
const STEPS: i32 = 10_000;

/// `SQLITE_READONLY` and `SQLITE_INTERRUPT`, which extended codes have in their lowest byte.
const READ_ONLY: i64 = 8;
const INTERRUPTED: i64 = 9;
const CODE: i64 = 0xff;

pub(super) struct Sqlite {
    path: PathBuf,
    access: Access,
    /// `true` if texts are stored as UTF-8, so that their bytes have the order of code points.
    utf8: bool,
}

impl Sqlite {
    pub(super) fn new(path: &Path, access: &Access) -> Result<Self, SourceError> {
        check_form(&access.open(path)?, path)?;
        Ok(Self { path: access.resolve(path)?, access: access.clone(), utf8: false })
    }
}

impl Dialect for Sqlite {
    type Database = sqlx::Sqlite;

    const QUOTE: char = '"';

    async fn connect(
        &mut self,
        limit: Duration,
        _meter: &Arc<Meter>,
    ) -> Result<SqliteConnection, sqlx::Error> {
        let options = SqliteConnectOptions::new()
            .filename(&self.path)
            .read_only(true)
            .create_if_missing(false)
            .busy_timeout(limit)
            .disable_statement_logging();
        let mut connection = options.connect().await?;
        // A link may have replaced a folder since the path was checked.
        let unchanged = self.access.resolve(&self.path).is_ok_and(|path| path == self.path);
        if !unchanged {
            return Err(std::io::Error::from(std::io::ErrorKind::NotFound).into());
        }
        let deadline = Instant::now().checked_add(limit);
        let stop = self.access.stop.clone();
        let mut handle = connection.lock_handle().await?;
        handle.set_progress_handler(STEPS, move || {
            let is_stopped = stop.as_ref().is_some_and(Stop::is_given);
            !is_stopped && deadline.is_none_or(|deadline| Instant::now() < deadline)
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
        let mut described = Vec::new();
        for column in statement.columns() {
            let type_name = column.type_info().name().to_owned();
            let native = Some(Native::Dynamic { truth: type_name == "BOOLEAN" });
            described.push(Described { name: column.name().to_owned(), type_name, native });
        }
        Ok(described)
    }

    fn fetch(
        connection: &mut SqliteConnection,
        sql: String,
        constants: Vec<Constant>,
    ) -> Rows<'_, Self> {
        rows_of(connection, sql, encoded::<Self::Database>(constants))
    }

    fn type_probe(quoted: &str) -> Option<String> {
        let other = format!("MAX(typeof({quoted}) = 'integer' AND {quoted} NOT IN (0, 1))");
        let types = ["integer", "real", "text", "blob"]
            .map(|name| format!("MAX(typeof({quoted}) = '{name}')"));
        Some(format!("{other}, {}", types.join(", ")))
    }

    fn expression(quoted: &str, _native: Native) -> String {
        quoted.to_owned()
    }

    fn cell(row: &SqliteRow, index: usize, _native: Native) -> Result<Cell, CellProblem> {
        match read_cell(row, index) {
            Ok(Some(cell)) => Ok(cell),
            Ok(None) | Err(_) => Err(CellProblem::Binary),
        }
    }

    fn placeholder(number: usize) -> String {
        format!("?{number}")
    }

    /// Writes conditions that values of other types pass; reading converts or refuses them. The
    /// plus removes the column's affinity, which would convert the constant.
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

    fn inexact_rows(quoted: &str, kind: Kind) -> Option<String> {
        let usual = match kind {
            Kind::Integer => "'integer', 'null'",
            Kind::Number => "'real', 'null'",
            Kind::Text | Kind::Date => "'text', 'null'",
            Kind::Unknown => "'null'",
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

    /// Adds the upper and lower 32 bits separately, because sums have 64 bits. The upper half is
    /// signed.
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

/// Refuses a file of another form by its first bytes. SQLite itself says nothing but a code. A file
/// without bytes is a database without tables.
fn check_form(mut file: &File, path: &Path) -> Result<(), SourceError> {
    let mut start = Vec::new();
    let read = file.by_ref().take(16).read_to_end(&mut start);
    read.map_err(|error| file_error(path, &error))?;
    let name = file_name(path);
    match form_of(&start) {
        Some(Foreign::Sqlite) => Ok(()),
        Some(form) => Err(DataError::Foreign { file: name, form }.into()),
        None if start.is_empty() => Ok(()),
        None => Err(DataError::NotSqlite(name).into()),
    }
}

/// Reads a value by its own type, or returns `None` for a blob.
fn read_cell(row: &SqliteRow, index: usize) -> Result<Option<Cell>, sqlx::Error> {
    let raw = row.try_get_raw(index)?;
    if raw.is_null() {
        return Ok(Some(Cell::Missing));
    }
    let type_info = raw.type_info().into_owned();
    match type_info.name() {
        "INTEGER" | "BOOLEAN" => row.try_get_unchecked(index).map(Cell::Integer).map(Some),
        "REAL" => row.try_get_unchecked(index).map(Cell::Number).map(Some),
        "TEXT" => row.try_get_unchecked(index).map(Cell::Text).map(Some),
        _ => Ok(None),
    }
}
