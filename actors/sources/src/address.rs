//! Addresses of databases, and their form without user and password.

use sqlx::mysql::MySqlConnectOptions;
use sqlx::postgres::PgConnectOptions;

/// Parses the address of a PostgreSQL server.
pub(crate) fn postgres_options(url: &str) -> Option<PgConnectOptions> {
    let known = url.starts_with("postgres://") || url.starts_with("postgresql://");
    known.then(|| url.parse().ok()).flatten()
}

/// Parses the address of a MySQL or MariaDB server.
pub(crate) fn mysql_options(url: &str) -> Option<MySqlConnectOptions> {
    let known = url.starts_with("mysql://") || url.starts_with("mariadb://");
    known.then(|| url.parse().ok()).flatten()
}

/// Writes host, port and database of a PostgreSQL address.
pub(crate) fn postgres_place(url: &str) -> String {
    match postgres_options(url) {
        Some(options) => place(options.get_host(), options.get_port(), options.get_database()),
        None => UNKNOWN.to_owned(),
    }
}

/// Writes host, port and database of a MySQL address.
pub(crate) fn mysql_place(url: &str) -> String {
    match mysql_options(url) {
        Some(options) => place(options.get_host(), options.get_port(), options.get_database()),
        None => UNKNOWN.to_owned(),
    }
}

const UNKNOWN: &str = "address not understood";

fn place(host: &str, port: u16, database: Option<&str>) -> String {
    format!("{host}:{port}/{}", database.unwrap_or_default())
}
