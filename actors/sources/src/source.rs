//! Sources: files, folders and databases that hold the rows of a dataset.

use std::fmt;
use std::path::PathBuf;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::address::{Address, Host, MYSQL, POSTGRES, has_password, with_password};

/// The source of a dataset. The `Debug` form shows no user, password or query.
#[derive(Clone, Deserialize, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Source {
    /// CSV text with a header: a file, or a folder of `.csv` files with one header.
    Csv {
        /// The file or folder.
        path: PathBuf,
        /// The delimiter between fields; a comma if not given. `tab` stands for a tab.
        #[serde(
            default,
            skip_serializing_if = "Option::is_none",
            deserialize_with = "deserialize_delimiter"
        )]
        delimiter: Option<char>,
    },
    /// Parquet: a file, or a folder of `.parquet` files with one schema.
    Parquet {
        /// The file or folder.
        path: PathBuf,
    },
    /// A SQLite file.
    Sqlite {
        /// The file.
        path: PathBuf,
        /// The table or query that is read.
        from: Relation,
    },
    /// A PostgreSQL server.
    Postgres {
        /// `postgres://user:password@host:port/database`.
        url: String,
        /// The table or query that is read.
        from: Relation,
    },
    /// A MySQL or MariaDB server.
    Mysql {
        /// `mysql://user:password@host:port/database`.
        url: String,
        /// The table or query that is read.
        from: Relation,
    },
}

/// Reads a delimiter: one character, or the word `tab`.
///
/// # Errors
///
/// Other texts.
pub fn parse_delimiter(text: &str) -> Result<char, String> {
    let mut characters = text.chars();
    match (text, characters.next(), characters.next()) {
        ("tab" | "\\t", ..) => Ok('\t'),
        (_, Some(only), None) => Ok(only),
        _ => Err("a delimiter is one character, or `tab`".to_owned()),
    }
}

fn deserialize_delimiter<'de, D: Deserializer<'de>>(from: D) -> Result<Option<char>, D::Error> {
    let text: Option<String> = Option::deserialize(from)?;
    text.map(|text| parse_delimiter(&text)).transpose().map_err(D::Error::custom)
}

impl Source {
    /// Writes a password into the address of a database server. Returns `false` if there is no
    /// address, if it has no user, or if it has a password.
    pub fn set_password(&mut self, password: &str) -> bool {
        let (Self::Postgres { url, .. } | Self::Mysql { url, .. }) = self else { return false };
        let written = with_password(url, password);
        let is_set = written.is_some();
        *url = written.unwrap_or_else(|| url.clone());
        is_set
    }

    /// Returns `true` if the source is a database server whose address has a password.
    #[must_use]
    pub fn has_password(&self) -> bool {
        match self {
            Self::Postgres { url, .. } | Self::Mysql { url, .. } => has_password(url),
            Self::Csv { .. } | Self::Parquet { .. } | Self::Sqlite { .. } => false,
        }
    }

    /// Returns the host and port of a database server, if the address is in order.
    pub(crate) fn server(&self) -> Option<(Host, u16)> {
        let (server, url) = match self {
            Self::Postgres { url, .. } => (POSTGRES, url),
            Self::Mysql { url, .. } => (MYSQL, url),
            Self::Csv { .. } | Self::Parquet { .. } | Self::Sqlite { .. } => return None,
        };
        server.read(url).ok().map(|Address { host, port, .. }| (host, port))
    }

    /// Returns a name for messages: that of the file without its path, or "the database".
    pub(crate) fn short_name(&self) -> String {
        match self {
            Self::Csv { path, .. } | Self::Parquet { path } | Self::Sqlite { path, .. } => {
                format!("{:?}", path.file_name().unwrap_or_default().to_string_lossy())
            }
            Self::Postgres { .. } | Self::Mysql { .. } => "the database".to_owned(),
        }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Csv { path, .. } => write!(formatter, "Csv({path:?})"),
            Self::Parquet { path } => write!(formatter, "Parquet({path:?})"),
            Self::Sqlite { path, from } => write!(formatter, "Sqlite({path:?}, {from:?})"),
            Self::Postgres { url, from } => {
                write!(formatter, "Postgres({}, {from:?})", POSTGRES.place(url))
            }
            Self::Mysql { url, from } => {
                write!(formatter, "Mysql({}, {from:?})", MYSQL.place(url))
            }
        }
    }
}

/// The table or query of a database that is read.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Relation {
    /// A table or view; a point separates its schema from its name.
    Table(String),
    /// A single `SELECT`.
    Query(String),
}

/// Shows the name of a table, but no query, because its constants may be values of a patient.
impl fmt::Debug for Relation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Table(name) => write!(formatter, "table {name:?}"),
            Self::Query(_) => write!(formatter, "a query"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_written_by_kind() {
        let json = r#"{"kind": "sqlite", "path": "a.db", "from": {"table": "patients"}}"#;
        let source: Source = serde_json::from_str(json).unwrap();
        let Source::Sqlite { from, .. } = &source else { panic!("{source:?}") };
        assert_eq!(*from, Relation::Table("patients".to_owned()));
        for delimiter in ["tab", "\\\\t", "\\t"] {
            let json = format!(r#"{{"kind": "csv", "path": "a", "delimiter": "{delimiter}"}}"#);
            let source: Source = serde_json::from_str(&json).unwrap();
            let Source::Csv { delimiter, .. } = &source else { panic!("{source:?}") };
            assert_eq!(*delimiter, Some('\t'));
        }
        assert!(
            serde_json::from_str::<Source>(r#"{"kind": "csv", "path": "a", "separator": ";"}"#)
                .is_err()
        );
    }

    #[test]
    fn debug_forms_show_no_password() {
        let urls = [
            "postgres://doctor:hunter2@db.example:5433/clinic",
            "postgres://db.example/clinic?password=hunter2",
            "postgres://doctor:hunter2@/@hunter2",
            "hunter2",
        ];
        for url in urls {
            for kind in ["postgres", "mysql"] {
                let url = url.replace("postgres", kind);
                let json = serde_json::json!({
                    "kind": kind, "url": url, "from": {"query": "SELECT 'hunter2'"},
                });
                let source: Source = serde_json::from_value(json).unwrap();
                let debug = format!("{source:?}");
                assert!(!debug.contains("hunter2"), "{debug}");
            }
        }
    }
}
