//! `cloister data register`: makes a dataset known to a node, after it was read and checked.

use std::path::{Path, PathBuf};

use clap::{ArgGroup, Args};
use cloister_actors::operations::Operation;
use cloister_client::column_name;
use cloister_sources::{
    Declaration, DeclaredColumn, Encoding, Kind, MAX_LEVELS, Relation, Source, parse_delimiter,
};
use serde_json::Value;

use super::password::Password;
use crate::cli::written::Written;
use crate::cli::{NodeArguments, columns, print};
use crate::files::read_toml;
use crate::operator::{Operator, absolute};
use crate::problem::{Outcome, Problem};

/// Make a dataset known to a node: it is read and checked, and only its description is kept.
#[derive(Args)]
#[command(group = ArgGroup::new("source").required(true)
    .args(["csv", "parquet", "sqlite", "postgres", "mysql", "declaration"]))]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    node: NodeArguments,
    /// Its name, the same at all members.
    #[arg(required_unless_present = "declaration")]
    name: Option<String>,
    /// A CSV file with a line of names, or a folder of such.
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// The separator between the fields of a CSV file, such as `;` or `tab`; a comma where it is
    /// left out.
    #[arg(long, requires = "csv", value_name = "CHARACTER", value_parser = parse_delimiter)]
    delimiter: Option<char>,
    /// The encoding of a CSV file: utf-8, latin1 or windows-1252; utf-8 where it is left out.
    #[arg(long, requires = "csv", value_name = "NAME")]
    encoding: Option<Encoding>,
    #[command(flatten)]
    written: Written,
    /// A Parquet file, or a folder of such.
    #[arg(long, value_name = "FILE")]
    parquet: Option<PathBuf>,
    /// A SQLite file; with --table or --query.
    #[arg(long, value_name = "FILE", requires = "relation")]
    sqlite: Option<PathBuf>,
    /// A PostgreSQL database; with --table or --query.
    #[arg(long, value_name = "URL", requires = "relation")]
    postgres: Option<String>,
    /// A MySQL or MariaDB database; with --table or --query.
    #[arg(long, value_name = "URL", requires = "relation")]
    mysql: Option<String>,
    #[command(flatten)]
    password: Password,
    /// A table or view of the database.
    #[arg(long, group = "relation")]
    table: Option<String>,
    /// A query of the database that reads.
    #[arg(long, group = "relation", value_name = "SQL")]
    query: Option<String>,
    /// A column that computations may use, as NAME or NAME:TYPE or NAME:TYPE:UNIT, with the types
    /// integer, number, text, date, truth; all columns where none is named. A name with a colon or a
    /// quote stands in double quotes, in which a quote is written twice.
    #[arg(long = "column", value_name = "NAME[:TYPE[:UNIT]]", value_parser = column)]
    columns: Vec<DeclaredColumn>,
    /// The column that tells rows apart, such as a patient's number.
    #[arg(long, value_name = "COLUMN")]
    key: Option<String>,
    /// A TOML file with all of this, and with ranges, levels and formats of single columns.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["columns", "key", "missing", "decimal",
        "thousands", "date", "true_words", "false_words"])]
    declaration: Option<PathBuf>,
    /// Print one JSON document on standard output.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let declaration = Box::new(arguments.read_declaration()?);
    let operator = Operator::of(&arguments.node.config)?;
    let name = declaration.name.clone();
    let found = operator.perform(Operation::Register { declaration })?;
    for warning in operator.policy_warnings(&name)? {
        eprintln!("warning: {warning}");
    }
    if arguments.json {
        return print(&format!("{found:#}\n"));
    }
    print(&table(found.get("report").unwrap_or(&Value::Null)))
}

impl Arguments {
    fn read_declaration(&self) -> Outcome<Declaration> {
        if let Some(path) = &self.declaration {
            let mut declaration: Declaration =
                read_toml(path, "name a file with `name`, `source` and columns")?;
            self.password.complete(&mut declaration.source, false)?;
            place(&mut declaration.source, path)?;
            return Ok(declaration);
        }
        let name = self.name.clone().unwrap_or_default();
        let mut source = self.source()?;
        self.password.complete(&mut source, true)?;
        Ok(Declaration {
            columns: self.columns.clone(),
            key: self.key.clone(),
            format: self.written.format(),
            encoding: self.encoding.unwrap_or_default(),
            ..Declaration::new(&name, source)
        })
    }

    fn source(&self) -> Outcome<Source> {
        if let Some(path) = &self.csv {
            return Ok(Source::Csv { path: absolute(path)?, delimiter: self.delimiter });
        }
        if let Some(path) = &self.parquet {
            return Ok(Source::Parquet { path: absolute(path)? });
        }
        let from = match (&self.table, &self.query) {
            (Some(table), _) => Relation::Table(table.clone()),
            (None, Some(query)) => Relation::Query(query.clone()),
            (None, None) => return Err(Problem::usage("a database needs --table or --query")),
        };
        match (&self.sqlite, &self.postgres, &self.mysql) {
            (Some(path), _, _) => Ok(Source::Sqlite { path: absolute(path)?, from }),
            (_, Some(url), _) => Ok(Source::Postgres { url: url.clone(), from }),
            (_, _, Some(url)) => Ok(Source::Mysql { url: url.clone(), from }),
            _ => Err(Problem::usage("name a source, such as --csv FILE")),
        }
    }
}

/// Makes the path of a source absolute. In a declaration it is relative to the declaration's file.
fn place(source: &mut Source, declaration: &Path) -> Outcome {
    let folder = declaration.parent().unwrap_or(Path::new(""));
    match source {
        Source::Csv { path, .. } | Source::Parquet { path } | Source::Sqlite { path, .. } => {
            *path = absolute(&folder.join(&*path))?;
        }
        Source::Postgres { .. } | Source::Mysql { .. } => {}
    }
    Ok(())
}

fn column(text: &str) -> Result<DeclaredColumn, String> {
    let Some((name, rest)) = column_name(text, &[':']) else {
        return Err(format!(
            "`{text}` names no column: a quote does not end, or the name is empty"
        ));
    };
    let mut parts = rest.splitn(3, ':').skip(1);
    let kind = match parts.next() {
        None | Some("") => None,
        Some("integer") => Some(Kind::Integer),
        Some("number") => Some(Kind::Number),
        Some("text") => Some(Kind::Text),
        Some("date") => Some(Kind::Date),
        Some("truth") => Some(Kind::Truth),
        Some(other) => {
            return Err(format!(
                "`{other}` is no type: use integer, number, text, date or truth; a name with a colon \
                 stands in double quotes"
            ));
        }
    };
    let unit = parts.next().map(str::to_owned);
    Ok(DeclaredColumn { name, kind, unit, ..DeclaredColumn::default() })
}

/// Lays out the findings, a row for each column.
fn table(report: &Value) -> String {
    let rows = report["columns"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|column| {
            vec![
                column["name"].as_str().unwrap_or_default().to_owned(),
                column["kind"].as_str().unwrap_or_default().to_owned(),
                number(&column["missing"]),
                number(&column["out_of_range"]),
                levels(&column["levels"]),
                number(&column["undeclared"]),
            ]
        })
        .collect();
    let heads = ["column", "type", "missing", "out of range", "levels", "not declared"];
    format!("{} rows\n{}{}", report["rows"], columns(&heads, rows), notes(report))
}

/// Lists the advice on the source and on its columns, a line for each.
fn notes(report: &Value) -> String {
    let mut lines = String::new();
    for note in report["notes"].as_array().into_iter().flatten() {
        lines.push_str(&format!("{}\n", note.as_str().unwrap_or_default()));
    }
    for column in report["columns"].as_array().into_iter().flatten() {
        let name = column["name"].as_str().unwrap_or_default();
        for note in column["notes"].as_array().into_iter().flatten() {
            lines.push_str(&format!("{name}: {}\n", note.as_str().unwrap_or_default()));
        }
    }
    lines
}

/// Writes a number of levels, which are counted up to a bound.
fn levels(value: &Value) -> String {
    let most = u64::try_from(MAX_LEVELS).unwrap_or(u64::MAX);
    match value.as_u64() {
        Some(count) if count > most => format!("over {most}"),
        _ => number(value),
    }
}

/// Writes a count; one that is missing is an empty cell.
fn number(value: &Value) -> String {
    value.as_u64().map_or(String::new(), |number| number.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_a_declaration_are_relative_to_its_file() {
        let mut source = Source::Csv { path: "data/a.csv".into(), delimiter: None };
        place(&mut source, Path::new("/study/trial.toml")).unwrap();
        assert!(matches!(&source, Source::Csv { path, .. } if path == "/study/data/a.csv"));
        place(&mut source, Path::new("/elsewhere/trial.toml")).unwrap();
        assert!(matches!(&source, Source::Csv { path, .. } if path == "/study/data/a.csv"));
    }

    #[test]
    fn a_number_of_levels_beyond_the_bound_is_none() {
        assert_eq!(levels(&10_000.into()), "10000");
        assert_eq!(levels(&10_001.into()), "over 10000");
        assert_eq!(levels(&Value::Null), "");
    }

    #[test]
    fn notes_stand_below_the_table() {
        let report = serde_json::json!({"rows": 3, "columns": [
            {"name": "sbp", "kind": "text", "notes": ["declare `missing = [\".\"]`"]},
            {"name": "age", "kind": "integer"},
        ]});
        assert!(table(&report).ends_with("sbp: declare `missing = [\".\"]`\n"));
    }

    #[test]
    fn columns_are_named_with_type_and_unit() {
        let age = column("age:integer:years").unwrap();
        assert_eq!((age.name.as_str(), age.kind), ("age", Some(Kind::Integer)));
        assert_eq!(age.unit.as_deref(), Some("years"));
        assert_eq!(column("age").unwrap().kind, None);
        assert!(column("age:int").is_err());
        let odd = column("\"a:b\":integer:years").unwrap();
        assert_eq!((odd.name.as_str(), odd.kind), ("a:b", Some(Kind::Integer)));
        assert_eq!(column("Größe (cm), x").unwrap().name, "Größe (cm), x");
        assert!(column("\"a:b").is_err() && column(":text").is_err());
    }
}
