//! Where data lie.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::sql;

/// Where a dataset lies. The `Debug` form shows no user, password or query.
#[derive(Clone, Deserialize, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Source {
    /// Text with a header; a file, or a folder of `.csv` files with one header.
    Csv {
        /// The file or folder.
        path: PathBuf,
        /// Between fields; a comma if not given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        delimiter: Option<char>,
    },
    /// A file, or a folder of `.parquet` files with one schema.
    Parquet {
        /// The file or folder.
        path: PathBuf,
    },
    /// A SQLite file.
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What is read of it.
        from: Relation,
    },
    /// A PostgreSQL server.
    Postgres {
        /// `postgres://user:password@host:port/database`.
        url: String,
        /// What is read of it.
        from: Relation,
    },
    /// A MySQL or MariaDB server.
    Mysql {
        /// `mysql://user:password@host:port/database`.
        url: String,
        /// What is read of it.
        from: Relation,
    },
}

impl fmt::Debug for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Csv { path, .. } => write!(formatter, "Csv({path:?})"),
            Self::Parquet { path } => write!(formatter, "Parquet({path:?})"),
            Self::Sqlite { path, from } => write!(formatter, "Sqlite({path:?}, {from:?})"),
            Self::Postgres { url, from } => {
                write!(formatter, "Postgres({}, {from:?})", sql::postgres_place(url))
            }
            Self::Mysql { url, from } => {
                write!(formatter, "Mysql({}, {from:?})", sql::mysql_place(url))
            }
        }
    }
}

/// What is read of a database.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Relation {
    /// A table or view; a point parts its schema from its name.
    Table(String),
    /// A single `SELECT`.
    Query(String),
}

/// A query may hold constants, and those a patient's; a table's name does not.
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
