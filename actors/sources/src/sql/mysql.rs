//! MySQL and MariaDB.

use std::sync::Arc;
use std::time::Duration;

use sqlx::error::BoxDynError;
use sqlx::mysql::{MySqlArguments, MySqlConnection, MySqlDatabaseError, MySqlRow, MySqlStatement};
use sqlx::{
    Arguments, AssertSqlSafe, Column as _, Executor, Row as _, SqlSafeStr, Statement, TypeInfo,
    ValueRef,
};

use super::connection::MysqlServer;
use super::dialect::{
    Described, Dialect, Meaning, Native, Pushed, Rows, Term, as_double, key_text, rows_of,
};
use super::fragment::Fragment;
use super::relay::Meter;
use crate::access::Access;
use crate::column::Kind;
use crate::error::{CellProblem, SourceError};
use crate::filter::Constant;
use crate::values::Cell;

/// The longest texts that are grouped in full. Of longer ones the server may compare only the
/// beginning (`max_sort_length`).
const GROUPED_BYTES: usize = 255;

/// The rights of the user beside reading, of the server, its databases, tables and columns.
const RIGHTS: &str = "
    SELECT COUNT(CASE WHEN r = 'SUPER' THEN 1 END), COUNT(CASE WHEN r <> 'SUPER' THEN 1 END) FROM (
        SELECT PRIVILEGE_TYPE r, GRANTEE g FROM information_schema.USER_PRIVILEGES
        UNION ALL SELECT PRIVILEGE_TYPE, GRANTEE FROM information_schema.SCHEMA_PRIVILEGES
        UNION ALL SELECT PRIVILEGE_TYPE, GRANTEE FROM information_schema.TABLE_PRIVILEGES
        UNION ALL SELECT PRIVILEGE_TYPE, GRANTEE FROM information_schema.COLUMN_PRIVILEGES) AS rights
    WHERE r IN ('SUPER', 'INSERT', 'UPDATE', 'DELETE', 'DROP', 'ALTER', 'CREATE', 'FILE')
    AND g = CONCAT(CHAR(39), REPLACE(CURRENT_USER(), '@', CONCAT(CHAR(39), '@', CHAR(39))), CHAR(39))";

pub(super) struct Mysql {
    server: MysqlServer,
    /// The server's number of this session, once there is one.
    session: Option<u64>,
    /// The identity of the server that has it.
    identity: String,
}

impl Mysql {
    pub(super) fn new(url: &str, access: &Access) -> Result<Self, SourceError> {
        Ok(Self { server: MysqlServer::new(url, access)?, session: None, identity: String::new() })
    }
}

impl Dialect for Mysql {
    type Database = sqlx::MySql;

    const QUOTE: char = '`';

    const RIGHTS: Option<&'static str> = Some(RIGHTS);

    async fn connect(
        &mut self,
        limit: Duration,
        meter: &Arc<Meter>,
    ) -> Result<MySqlConnection, sqlx::Error> {
        let mut connection = self.server.connect(meter).await?;
        let known = "SELECT VERSION(), CAST(CONNECTION_ID() AS CHAR)";
        let known = connection.fetch_one(sqlx::raw_sql(known)).await?;
        let version: String = known.try_get_unchecked(0)?;
        self.session = known.try_get_unchecked::<String, _>(1)?.parse().ok();
        self.identity = identity(&mut connection).await?;
        let time = if version.to_ascii_lowercase().contains("mariadb") {
            format!("SET SESSION max_statement_time = {:.3}", limit.as_secs_f64().max(0.001))
        } else {
            format!("SET SESSION max_execution_time = {}", limit.as_millis().clamp(1, 1 << 30))
        };
        connection.execute(sqlx::raw_sql(AssertSqlSafe(time))).await?;
        let isolation = "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ";
        connection.execute(sqlx::raw_sql(isolation)).await?;
        connection.execute(sqlx::raw_sql("START TRANSACTION READ ONLY")).await?;
        Ok(connection)
    }

    async fn cancel(&self, meter: &Arc<Meter>) -> Result<(), sqlx::Error> {
        let Some(session) = self.session else { return Ok(()) };
        let mut connection = self.server.connect_again(meter).await?;
        // Behind one address there may be several servers, whose sessions have the same numbers.
        if self.identity.is_empty() || identity(&mut connection).await? != self.identity {
            return Ok(());
        }
        let statement = format!("KILL QUERY {session}");
        connection.execute(sqlx::raw_sql(AssertSqlSafe(statement))).await.map(drop)
    }

    async fn describe(
        connection: &mut MySqlConnection,
        sql: String,
    ) -> Result<Vec<Described>, sqlx::Error> {
        let statement: MySqlStatement =
            connection.prepare(AssertSqlSafe(sql).into_sql_str()).await?;
        let mut described = Vec::new();
        for column in statement.columns() {
            let info = column.type_info();
            let type_name = info.name();
            // The driver calls texts with a collation such as `utf8mb4_bin` binary.
            let is_text = <str as sqlx::Type<sqlx::MySql>>::compatible(info);
            described.push(Described {
                name: column.name().to_owned(),
                type_name: type_name.to_owned(),
                native: if is_text { Some(Native::Text) } else { native(type_name) },
            });
        }
        Ok(described)
    }

    fn fetch(
        connection: &mut MySqlConnection,
        sql: String,
        constants: Vec<Constant>,
    ) -> Rows<'_, Self> {
        rows_of(connection, sql, encoded(constants))
    }

    fn expression(quoted: &str, native: Native) -> String {
        match native {
            Native::Decimal => format!("CAST({quoted} AS CHAR)"),
            Native::Unsigned => format!("CAST({quoted} AS UNSIGNED)"),
            Native::Document => format!("CONVERT(CAST({quoted} AS CHAR) USING utf8mb4)"),
            // A date of zeros stands for a missing one, and one without month or day is no day.
            Native::Day | Native::Local | Native::Instant => {
                let text = format!("CAST({quoted} AS CHAR)");
                let zeros = format!("{text} LIKE '____-00-%' OR {text} LIKE '____-__-00%'");
                format!("CASE WHEN {zeros} THEN NULL ELSE {text} END")
            }
            Native::Integer => format!("CAST({quoted} AS SIGNED)"),
            Native::Text => format!("CONVERT({quoted} USING utf8mb4)"),
            _ => quoted.to_owned(),
        }
    }

    fn cell(row: &MySqlRow, index: usize, native: Native) -> Result<Cell, CellProblem> {
        if native == Native::Unsigned {
            return unsigned_cell(row, index);
        }
        read_cell(row, index, native).map_err(|_| CellProblem::Binary)
    }

    fn lengths(row: &MySqlRow) -> impl Iterator<Item = usize> {
        (0..row.len()).map(|index| {
            let bytes: Result<Option<&[u8]>, _> = row.try_get_unchecked(index);
            bytes.ok().flatten().map_or(0, <[u8]>::len)
        })
    }

    fn placeholder(_number: usize) -> String {
        "?".to_owned()
    }

    fn compare(&self, term: &Term<'_>) -> Pushed {
        let quoted = &term.quoted;
        match (term.native, term.value) {
            (Native::Integer, Constant::Integer(value)) => {
                Pushed::exact(term.against(quoted, Constant::Integer(*value)))
            }
            (Native::Double, value) => match as_double(value) {
                Some(value) => Pushed::superset(term.against(quoted, Constant::Number(value))),
                None => Pushed::default(),
            },
            // Values other than 0 and 1 pass, and are refused when they are read.
            (Native::Truth, Constant::Truth(value)) => {
                let exact = term.against(quoted, Constant::Truth(*value));
                let other = Fragment::text(format!("({quoted} NOT IN (0, 1) OR "));
                let superset = other.then(exact.clone()).then(Fragment::text(")"));
                Pushed { superset: Some(superset), exact: Some(exact) }
            }
            (Native::Text, Constant::Text(value)) => {
                Pushed::exact(term.against(&bytes(quoted), Constant::Text(value.clone())))
            }
            _ => Pushed::default(),
        }
    }

    fn inexact_rows(quoted: &str, kind: Kind) -> Option<String> {
        match kind {
            Kind::Truth => Some(format!("{quoted} NOT IN (0, 1)")),
            Kind::Text | Kind::Date => {
                Some(format!("OCTET_LENGTH({}) > {GROUPED_BYTES}", bytes(quoted)))
            }
            Kind::Integer | Kind::Number | Kind::Unknown => None,
        }
    }

    fn group(&self, quoted: &str, native: Native) -> Option<String> {
        match native {
            Native::Integer => Some(format!("CAST({quoted} AS SIGNED)")),
            Native::Truth => Some(quoted.to_owned()),
            Native::Text => Some(bytes(quoted)),
            _ => None,
        }
    }

    fn sum(quoted: &str) -> Vec<(String, i128)> {
        vec![(format!("CAST(SUM(CAST({quoted} AS SIGNED)) AS CHAR)"), 1)]
    }

    fn explain(error: &dyn sqlx::error::DatabaseError) -> Meaning {
        let number = error.try_downcast_ref::<MySqlDatabaseError>().map(MySqlDatabaseError::number);
        match number {
            // ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION
            Some(1792) => Meaning::Writes,
            // ER_QUERY_TIMEOUT, ER_STATEMENT_TIMEOUT of MariaDB, ER_LOCK_WAIT_TIMEOUT,
            // ER_QUERY_INTERRUPTED
            Some(3024 | 1969 | 1205 | 1317) => Meaning::Slow,
            // Access denied to the server or database, unknown database
            Some(1044 | 1045 | 1049 | 1698) => Meaning::Login,
            // SELECT denied on a table, a column, a view
            Some(1142 | 1143 | 1356) => Meaning::Denied,
            // ER_SERVER_SHUTDOWN
            Some(1053) => Meaning::Down,
            _ => Meaning::Other,
        }
    }

    fn key(row: &MySqlRow, index: usize, native: Native) -> Result<Option<String>, CellProblem> {
        if native != Native::Text {
            return key_text(Self::cell(row, index, native)?);
        }
        let bytes: Option<Vec<u8>> =
            row.try_get_unchecked(index).map_err(|_| CellProblem::Binary)?;
        let text = bytes.map(String::from_utf8).transpose();
        text.map_err(|_| CellProblem::Binary)
    }
}

/// Encodes the constants of a query.
fn encoded(constants: Vec<Constant>) -> Result<MySqlArguments, BoxDynError> {
    let mut arguments = MySqlArguments::default();
    for constant in constants {
        match constant {
            Constant::Integer(value) => arguments.add(value)?,
            Constant::Number(value) => arguments.add(value)?,
            // As bytes, so that no collation applies.
            Constant::Text(value) => arguments.add(value.into_bytes())?,
            Constant::Truth(value) => arguments.add(i64::from(value))?,
        }
    }
    Ok(arguments)
}

/// Returns what tells a server from others, of the facts that it has. MariaDB has no `server_uuid`.
async fn identity(connection: &mut MySqlConnection) -> Result<String, sqlx::Error> {
    let names = "'server_uuid', 'server_uid', 'hostname', 'port', 'server_id', 'datadir'";
    let asked = format!("SHOW GLOBAL VARIABLES WHERE Variable_name IN ({names})");
    let facts = connection.fetch_all(sqlx::raw_sql(AssertSqlSafe(asked))).await?;
    let mut identity = Vec::new();
    for fact in &facts {
        let [name, value] = [0, 1].map(|index| fact.try_get_unchecked::<String, _>(index));
        identity.push(format!("{}={}", name?, value?));
    }
    identity.sort_unstable();
    Ok(identity.join("\n"))
}

fn read_cell(row: &MySqlRow, index: usize, native: Native) -> Result<Cell, sqlx::Error> {
    if row.try_get_raw(index)?.is_null() {
        return Ok(Cell::Missing);
    }
    match native {
        Native::Integer => row.try_get_unchecked(index).map(Cell::Integer),
        Native::Truth => {
            let value: i8 = row.try_get_unchecked(index)?;
            Ok(Cell::Integer(i64::from(value)))
        }
        Native::Double => row.try_get_unchecked(index).map(Cell::Number),
        Native::Single => {
            let value: f32 = row.try_get_unchecked(index)?;
            Ok(Cell::Number(f64::from(value)))
        }
        _ => Ok(native.cell_of_text(row.try_get_unchecked(index)?)),
    }
}

fn unsigned_cell(row: &MySqlRow, index: usize) -> Result<Cell, CellProblem> {
    let value: Option<u64> = row.try_get_unchecked(index).map_err(|_| CellProblem::Binary)?;
    Ok(value.map_or(Cell::Missing, |value| match i64::try_from(value) {
        Ok(value) => Cell::Integer(value),
        Err(_) => Cell::Decimal(value.to_string()),
    }))
}

/// Writes the text's bytes in UTF-8, which are compared without case, padding or language.
fn bytes(quoted: &str) -> String {
    format!("CAST(CONVERT({quoted} USING utf8mb4) AS BINARY)")
}

fn native(name: &str) -> Option<Native> {
    match name {
        "BOOLEAN" => Some(Native::Truth),
        "TINYINT" | "SMALLINT" | "MEDIUMINT" | "INT" | "BIGINT" | "YEAR" | "TINYINT UNSIGNED"
        | "SMALLINT UNSIGNED" | "MEDIUMINT UNSIGNED" | "INT UNSIGNED" => Some(Native::Integer),
        // Bits are read as the number that they are; of one bit it can be declared as truth.
        "BIGINT UNSIGNED" | "BIT" => Some(Native::Unsigned),
        "JSON" => Some(Native::Document),
        "FLOAT" => Some(Native::Single),
        "DOUBLE" => Some(Native::Double),
        "DECIMAL" => Some(Native::Decimal),
        "CHAR" | "VARCHAR" | "TINYTEXT" | "TEXT" | "MEDIUMTEXT" | "LONGTEXT" | "ENUM" | "SET"
        | "TIME" => Some(Native::Text),
        "DATE" => Some(Native::Day),
        "DATETIME" => Some(Native::Local),
        "TIMESTAMP" => Some(Native::Instant),
        _ => None,
    }
}
