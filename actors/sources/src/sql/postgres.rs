//! PostgreSQL.

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnection, PgRow, PgStatement, PgTypeInfo, PgTypeKind};
use sqlx::{
    AssertSqlSafe, Column as _, Executor, Row as _, SqlSafeStr, Statement, TypeInfo, ValueRef,
};

use super::connection::PostgresServer;
use super::dialect::{
    Described, Dialect, Meaning, Native, Pushed, Rows, Term, as_double, encoded, key_text, rows_of,
};
use super::relay::Meter;
use crate::access::Access;
use crate::error::{CellProblem, SourceError};
use crate::filter::Constant;
use crate::values::Cell;

pub(super) struct Postgres {
    server: PostgresServer,
    /// `true` if the server stores texts as UTF-8, so that their bytes have the order of code
    /// points.
    utf8: bool,
    /// The account of the session's connection, which has the key that ends its statements.
    meter: Option<Arc<Meter>>,
}

impl Postgres {
    pub(super) fn new(url: &str, access: &Access) -> Result<Self, SourceError> {
        Ok(Self { server: PostgresServer::new(url, access)?, utf8: false, meter: None })
    }
}

impl Dialect for Postgres {
    type Database = sqlx::Postgres;

    const QUOTE: char = '"';

    const RIGHTS: Option<&'static str> = Some(
        "SELECT (SELECT count(*) FROM pg_roles WHERE rolname = current_user AND rolsuper),
            (SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE c.relkind IN ('r', 'p', 'v', 'f') AND n.nspname <> 'information_schema'
             AND n.nspname NOT LIKE 'pg\\_%'
             AND has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE'))",
    );

    async fn connect(
        &mut self,
        limit: Duration,
        meter: &Arc<Meter>,
    ) -> Result<PgConnection, sqlx::Error> {
        let mut connection = self.server.connect(meter).await?;
        let limit = limit.as_millis().clamp(1, 1 << 30);
        let begin = format!(
            "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY; \
             SET LOCAL client_min_messages = error; \
             SET LOCAL statement_timeout = {limit}; SET LOCAL lock_timeout = {limit}; \
             SET LOCAL datestyle = 'ISO, YMD'; SET LOCAL intervalstyle = 'iso_8601'; \
             SET LOCAL timezone = 'UTC'"
        );
        connection.execute(sqlx::raw_sql(AssertSqlSafe(begin))).await?;
        let known = connection.fetch_one("SELECT current_setting('server_encoding')").await?;
        self.utf8 = known.try_get_unchecked::<String, _>(0)? == "UTF8";
        self.meter = Some(meter.clone());
        Ok(connection)
    }

    async fn cancel(&self, _: &Arc<Meter>) -> Result<(), sqlx::Error> {
        match self.meter.as_ref().and_then(|meter| meter.key()) {
            Some(key) => self.server.cancel(key).await,
            None => Ok(()),
        }
    }

    async fn describe(
        connection: &mut PgConnection,
        sql: String,
    ) -> Result<Vec<Described>, sqlx::Error> {
        let statement: PgStatement = connection.prepare(AssertSqlSafe(sql).into_sql_str()).await?;
        let mut described = Vec::new();
        for column in statement.columns() {
            described.push(Described {
                name: column.name().to_owned(),
                type_name: column.type_info().name().to_owned(),
                native: native(column.type_info()),
            });
        }
        Ok(described)
    }

    fn fetch(
        connection: &mut PgConnection,
        sql: String,
        constants: Vec<Constant>,
    ) -> Rows<'_, Self> {
        rows_of(connection, sql, encoded::<Self::Database>(constants))
    }

    fn expression(quoted: &str, native: Native) -> String {
        match native {
            Native::Integer => format!("{quoted}::int8"),
            Native::Single | Native::Double => format!("{quoted}::float8"),
            Native::Truth => quoted.to_owned(),
            Native::Money => format!("{quoted}::numeric::text"),
            _ => format!("{quoted}::text"),
        }
    }

    fn cell(row: &PgRow, index: usize, native: Native) -> Result<Cell, CellProblem> {
        read_cell(row, index, native).map_err(|_| CellProblem::Binary)
    }

    fn lengths(row: &PgRow) -> impl Iterator<Item = usize> {
        (0..row.len()).map(|index| {
            let bytes = row.try_get_raw(index).ok().and_then(|raw| raw.as_bytes().ok());
            bytes.map_or(0, <[u8]>::len)
        })
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
            // NaN is above all numbers here, and missing for the filter. So NaN may pass or not,
            // but all numbers that the filter selects pass.
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
            // PostgreSQL can neither store nor receive a text with a NUL.
            (Native::Text | Native::Day, Constant::Text(value))
                if self.utf8 && !value.contains('\0') =>
            {
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
            Native::Text | Native::Day => Some(format!("{quoted}::text COLLATE \"C\"")),
            _ => None,
        }
    }

    fn sum(quoted: &str) -> Vec<(String, i128)> {
        vec![(format!("SUM({quoted}::int8)::text"), 1)]
    }

    fn explain(error: &dyn sqlx::error::DatabaseError) -> Meaning {
        let code = error.code().unwrap_or_default();
        match code.as_ref() {
            // A write in a read-only transaction, or an attempt to change the transaction.
            "25006" | "25001" => Meaning::Writes,
            // Query cancelled, lock not available
            "57014" | "55P03" => Meaning::Slow,
            "3D000" => Meaning::Login,
            // Insufficient privilege
            "42501" => Meaning::Denied,
            // Shutdown, crash, start
            "57P01" | "57P02" | "57P03" => Meaning::Down,
            code if code.starts_with("28") => Meaning::Login,
            _ => Meaning::Other,
        }
    }

    fn key(row: &PgRow, index: usize, native: Native) -> Result<Option<String>, CellProblem> {
        key_text(Self::cell(row, index, native)?)
    }
}

fn read_cell(row: &PgRow, index: usize, native: Native) -> Result<Cell, sqlx::Error> {
    if row.try_get_raw(index)?.is_null() {
        return Ok(Cell::Missing);
    }
    match native {
        Native::Integer => row.try_get_unchecked(index).map(Cell::Integer),
        Native::Single | Native::Double => row.try_get_unchecked(index).map(Cell::Number),
        Native::Truth => row.try_get_unchecked(index).map(Cell::Truth),
        _ => Ok(native.cell_of_text(row.try_get_unchecked(index)?)),
    }
}

fn native(info: &PgTypeInfo) -> Option<Native> {
    match info.kind() {
        PgTypeKind::Domain(base) => return native(base),
        PgTypeKind::Enum(_) => return Some(Native::Text),
        PgTypeKind::Array(_) => return Some(Native::Document),
        PgTypeKind::Simple => {}
        _ => return None,
    }
    match info.name() {
        "BOOL" => Some(Native::Truth),
        "INT2" | "INT4" | "INT8" | "OID" => Some(Native::Integer),
        "FLOAT4" => Some(Native::Single),
        "FLOAT8" => Some(Native::Double),
        "NUMERIC" => Some(Native::Decimal),
        "TEXT" | "VARCHAR" | "CHAR" | "NAME" | "UNKNOWN" | "citext" => Some(Native::Text),
        "DATE" => Some(Native::Day),
        "TIME" | "TIMETZ" | "INTERVAL" | "UUID" => Some(Native::Text),
        "\"CHAR\"" | "BIT" | "VARBIT" | "INET" | "CIDR" | "MACADDR" | "MACADDR8" => {
            Some(Native::Text)
        }
        "MONEY" => Some(Native::Money),
        "JSON" | "JSONB" | "XML" | "xml" => Some(Native::Document),
        "TIMESTAMP" => Some(Native::Local),
        "TIMESTAMPTZ" => Some(Native::Instant),
        _ => None,
    }
}
