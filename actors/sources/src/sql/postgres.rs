//! PostgreSQL.

use std::time::Duration;

use sqlx::postgres::{
    PgArguments, PgConnectOptions, PgConnection, PgRow, PgStatement, PgTypeInfo, PgTypeKind,
};
use sqlx::{
    Arguments, AssertSqlSafe, Column as _, ConnectOptions, Executor, Row as _, SqlSafeStr,
    Statement, TypeInfo, ValueRef,
};

use super::dialect::{Described, Dialect, Meaning, Native, Pushed, Rows};
use super::pushdown::Term;
use super::sqlite::{key_text, refused};
use crate::error::{CellProblem, DeclarationError};
use crate::values::Cell;
use crate::{Constant, number};

pub(super) struct Postgres {
    options: PgConnectOptions,
    /// Texts are ordered by the server's bytes, which are those of UTF-8, or not.
    utf8: bool,
}

impl Postgres {
    pub(super) fn new(url: &str) -> Result<Self, DeclarationError> {
        let options = parse(url).ok_or(DeclarationError::Address("postgres"))?;
        Ok(Self { options: options.disable_statement_logging(), utf8: false })
    }
}

fn parse(url: &str) -> Option<PgConnectOptions> {
    let known = url.starts_with("postgres://") || url.starts_with("postgresql://");
    known.then(|| url.parse().ok()).flatten()
}

/// Host, port and database of an address, without user and password.
pub(crate) fn place(url: &str) -> String {
    match parse(url) {
        Some(options) => {
            let database = options.get_database().unwrap_or_default();
            format!("{}:{}/{database}", options.get_host(), options.get_port())
        }
        None => "address not understood".to_owned(),
    }
}

impl Dialect for Postgres {
    type Database = sqlx::Postgres;

    const QUOTE: char = '"';

    async fn connect(&mut self, limit: Duration) -> Result<PgConnection, sqlx::Error> {
        let mut connection = self.options.connect().await?;
        let limit = limit.as_millis().clamp(1, 1 << 30);
        let begin = format!(
            "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY; \
             SET LOCAL statement_timeout = {limit}; SET LOCAL lock_timeout = {limit}; \
             SET LOCAL datestyle = 'ISO, YMD'; SET LOCAL intervalstyle = 'iso_8601'; \
             SET LOCAL timezone = 'UTC'"
        );
        connection.execute(sqlx::raw_sql(AssertSqlSafe(begin))).await?;
        let encoding = connection.fetch_one("SELECT current_setting('server_encoding')").await?;
        self.utf8 = encoding.try_get_unchecked::<String, _>(0)? == "UTF8";
        Ok(connection)
    }

    async fn describe(
        connection: &mut PgConnection,
        sql: String,
    ) -> Result<Vec<Described>, sqlx::Error> {
        let statement: PgStatement = connection.prepare(AssertSqlSafe(sql).into_sql_str()).await?;
        let described = statement.columns().iter().map(|column| Described {
            name: column.name().to_owned(),
            type_name: column.type_info().name().to_owned(),
            native: native(column.type_info()),
        });
        Ok(described.collect())
    }

    fn fetch(
        connection: &mut PgConnection,
        sql: String,
        constants: Vec<Constant>,
    ) -> Rows<'_, Self> {
        let mut arguments = PgArguments::default();
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

    fn expression(quoted: &str, native: Native) -> String {
        match native {
            Native::Integer => format!("{quoted}::int8"),
            Native::Single | Native::Double => format!("{quoted}::float8"),
            Native::Truth => quoted.to_owned(),
            _ => format!("{quoted}::text"),
        }
    }

    fn cell(row: &PgRow, index: usize, native: Native) -> Result<Cell, CellProblem> {
        let binary = |_| CellProblem::Binary;
        let raw = row.try_get_raw(index).map_err(binary)?;
        if raw.is_null() {
            return Ok(Cell::Missing);
        }
        match native {
            Native::Integer => row.try_get_unchecked(index).map(Cell::Integer).map_err(binary),
            Native::Single | Native::Double => {
                row.try_get_unchecked(index).map(Cell::Number).map_err(binary)
            }
            Native::Truth => row.try_get_unchecked(index).map(Cell::Truth).map_err(binary),
            _ => {
                let text: String = row.try_get_unchecked(index).map_err(binary)?;
                Ok(native.cell_of_text(text))
            }
        }
    }

    fn placeholder(number: usize) -> String {
        format!("${number}")
    }

    fn compare(&self, term: &Term<'_>) -> Pushed {
        let quoted = &term.quoted;
        match (term.native, term.value) {
            (Native::Integer, Constant::Integer(value)) => {
                Pushed::exact(term.against(quoted, Constant::Integer(*value)))
            }
            // NaN is above all numbers here, and missing to the filter: it passes, or does not,
            // but no number is held back.
            (Native::Double | Native::Single, value) => match as_double(value) {
                Some(value) => {
                    let left = format!("{quoted}::float8");
                    Pushed::superset(term.against(&left, Constant::Number(value)))
                }
                None => Pushed::default(),
            },
            (Native::Truth, Constant::Truth(value)) => {
                Pushed::exact(term.against(quoted, Constant::Truth(*value)))
            }
            // No text of PostgreSQL has a NUL, nor can one be sent.
            (Native::Text, Constant::Text(value)) if self.utf8 && !value.contains('\0') => {
                let left = format!("{quoted}::text COLLATE \"C\"");
                Pushed::exact(term.against(&left, Constant::Text(value.clone())))
            }
            _ => Pushed::default(),
        }
    }

    fn group(&self, quoted: &str, native: Native) -> Option<String> {
        match native {
            Native::Integer => Some(format!("{quoted}::int8")),
            Native::Truth => Some(quoted.to_owned()),
            Native::Text => Some(format!("{quoted}::text COLLATE \"C\"")),
            _ => None,
        }
    }

    fn sum(quoted: &str) -> Vec<(String, i128)> {
        vec![(format!("SUM({quoted}::int8)::text"), 1)]
    }

    fn explain(error: &dyn sqlx::error::DatabaseError) -> Meaning {
        let code = error.code().unwrap_or_default();
        match code.as_ref() {
            // In a read-only transaction; or an attempt to make it another one.
            "25006" | "25001" => Meaning::Writes,
            // Query cancelled, lock not available.
            "57014" | "55P03" => Meaning::Slow,
            "3D000" => Meaning::Login,
            // Shutdown, crash, starting.
            "57P01" | "57P02" | "57P03" => Meaning::Down,
            code if code.starts_with("28") => Meaning::Login,
            _ => Meaning::Other,
        }
    }

    fn key(row: &PgRow, index: usize, native: Native) -> Result<Option<String>, CellProblem> {
        key_text(Self::cell(row, index, native)?)
    }
}

fn native(info: &PgTypeInfo) -> Option<Native> {
    match info.kind() {
        PgTypeKind::Domain(base) => return native(base),
        PgTypeKind::Enum(_) => return Some(Native::Text),
        PgTypeKind::Simple => {}
        _ => return None,
    }
    match info.name() {
        "BOOL" => Some(Native::Truth),
        "INT2" | "INT4" | "INT8" => Some(Native::Integer),
        "FLOAT4" => Some(Native::Single),
        "FLOAT8" => Some(Native::Double),
        "NUMERIC" => Some(Native::Decimal),
        "TEXT" | "VARCHAR" | "CHAR" | "NAME" | "UNKNOWN" | "citext" => Some(Native::Text),
        "DATE" | "TIME" | "TIMETZ" | "INTERVAL" | "UUID" => Some(Native::Text),
        "TIMESTAMP" => Some(Native::Local),
        "TIMESTAMPTZ" => Some(Native::Instant),
        _ => None,
    }
}

/// A constant as the double it is.
pub(super) fn as_double(constant: &Constant) -> Option<f64> {
    match constant {
        Constant::Number(value) => Some(*value),
        Constant::Integer(value) => number::exact(*value),
        Constant::Text(_) | Constant::Truth(_) => None,
    }
}
