//! SQLite, with files that Python's library writes.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cloister_sources::{
    Access, Aggregate, Aggregated, Declaration, Kind, Source, Values, aggregate,
};

use super::pushdown::{self, Dialect, Random};
use super::{
    access, declare, declared, integer, number, one_row, query, read_all, refused_as, registered,
    table, text,
};
use cloister_testkit::run;

/// Makes a database by these statements.
fn made(folder: &Path, name: &str, statements: &str) -> PathBuf {
    let path = folder.join(name);
    let script = folder.join("statements.sql");
    fs::write(&script, statements).unwrap();
    let text = "import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as file: file.executescript(open(sys.argv[2]).read())";
    run(std::process::Command::new("python3").args(["-c", text]).arg(&path).arg(script));
    path
}

fn source(path: &Path, from: cloister_sources::Relation) -> Declaration {
    declare(Source::Sqlite { path: path.to_owned(), from })
}

#[test]
fn filters_mean_what_they_mean() {
    let folder = tempfile::tempdir().unwrap();
    let access = access(folder.path());
    let mut random = Random::new();
    let dialect = Dialect {
        truth: ["1", "0"],
        text: |text| format!("'{}'", text.replace('\'', "''")),
        number: |number| format!("{number:e}"),
    };
    let rows = pushdown::rows(&mut random, &dialect);
    for (name, encoding) in [("a.db", "UTF-8"), ("b.db", "UTF-16le")] {
        let statements = format!(
            "PRAGMA encoding = '{encoding}';
             CREATE TABLE \"pat\"\"ients\" (id integer PRIMARY KEY, i integer, s int, x real,
                t text COLLATE NOCASE, b boolean);
             INSERT INTO \"pat\"\"ients\" VALUES {rows};"
        );
        let path = made(folder.path(), name, &statements);
        let (dataset, _) = registered(source(&path, table("pat\"ients")), &access);
        pushdown::check_kinds(&dataset);
        pushdown::check(&mut random, &dataset, &access);
    }
}

#[test]
fn values_have_types_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let access = access(folder.path());
    let path = made(
        folder.path(),
        "a.db",
        "CREATE TABLE mixed (a integer); INSERT INTO mixed VALUES (1), ('x');
         CREATE TABLE numbers (a); INSERT INTO numbers VALUES (1), (2.5), (NULL);
         CREATE TABLE truths (a boolean); INSERT INTO truths VALUES (0), (1), (NULL);
         CREATE TABLE blobs (a); INSERT INTO blobs VALUES (x'00');
         CREATE TABLE infinite (a); INSERT INTO infinite VALUES (9e999);
         CREATE TABLE big (a integer); INSERT INTO big VALUES (9223372036854775807), (1);",
    );
    let read =
        |name: &str| read_all(&registered(source(&path, table(name)), &access).0, None, &access);
    let numbers = Values::Numbers(vec![Some(1.0), Some(2.5), None]);
    assert!(read("numbers").columns[0] == numbers);
    let truths = Values::Truths(vec![Some(false), Some(true), None]);
    assert!(read("truths").columns[0] == truths);
    refused_as(source(&path, table("mixed")), &access, "texts and numbers in one column");
    refused_as(source(&path, table("blobs")), &access, "of type BLOB");
    refused_as(source(&path, table("infinite")), &access, "an infinite number");
    let from = query("SELECT 1 AS a, 'x' AS b, 2.5 AS c");
    let (kinds, values) = one_row(Source::Sqlite { path: path.clone(), from }, &access);
    assert_eq!(kinds, [Kind::Integer, Kind::Text, Kind::Number]);
    assert!(values == [integer(1), text("x"), number(2.5)]);
    let (big, _) = registered(source(&path, table("big")), &access);
    let sum = aggregate(&big, &Aggregate::Sum { column: "a".to_owned() }, None, &access);
    let expected = Aggregated::Sum { rows: 2, missing: 0, sum: 1 << 63 };
    assert!(sum.unwrap() == Some(expected));
    // Texts that came in later are not added, nor read.
    made(folder.path(), "a.db", "INSERT INTO big VALUES ('x')");
    let sum = aggregate(&big, &Aggregate::Sum { column: "a".to_owned() }, None, &access);
    assert!(matches!(sum, Ok(None)));
    let mut declared_text = source(&path, table("truths"));
    declared_text.columns = vec![declared("a", Kind::Text)];
    let (dataset, report) = registered(declared_text, &access);
    assert_eq!((dataset.missing, report.columns[0].levels), (vec![1], Some(2)));
}

#[test]
fn nothing_is_written_and_nothing_outside_is_read() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path().canonicalize().unwrap();
    let (inside, outside) = (root.join("inside"), root.join("outside"));
    fs::create_dir_all(&inside).unwrap();
    fs::create_dir_all(&outside).unwrap();
    let access = access(&inside);
    let statements = "CREATE TABLE kept (a); INSERT INTO kept VALUES (1)";
    let path = made(&inside, "a.db", statements);
    let secret = made(&outside, "b.db", statements);
    let before = fs::read(&path).unwrap();
    let attach = format!("SELECT 1 AS a; ATTACH '{}' AS other", secret.display());
    for text in [
        "DELETE FROM kept",
        "SELECT 1 AS a; DELETE FROM kept",
        "SELECT 1 AS a) AS source; DELETE FROM kept; SELECT * FROM (SELECT 1 AS a",
        "WITH x AS (SELECT 1) DELETE FROM kept",
        "PRAGMA user_version = 3",
        attach.as_str(),
    ] {
        refused_as(source(&path, query(text)), &access, "the query writes");
    }
    assert_eq!(fs::read(&path).unwrap(), before);
    refused_as(source(&secret, table("kept")), &access, "outside of the folders");
    symlink(&secret, inside.join("link.db")).unwrap();
    refused_as(source(&inside.join("link.db"), table("kept")), &access, "outside of the folders");
    refused_as(
        source(&inside.join("none.db"), table("kept")),
        &access,
        "\"none.db\" cannot be read",
    );
    assert!(!inside.join("none.db").exists());
    fs::write(inside.join("text.db"), "no database at all, but long enough to be one".repeat(99))
        .unwrap();
    refused_as(source(&inside.join("text.db"), table("kept")), &access, "no SQLite file");
}

#[test]
fn slow_queries_are_cut() {
    let folder = tempfile::tempdir().unwrap();
    let access = Access { timeout: Duration::from_secs(3), ..access(folder.path()) };
    let path = made(folder.path(), "a.db", "CREATE TABLE kept (a)");
    let endless =
        "WITH RECURSIVE n(a) AS (SELECT 1 UNION ALL SELECT a + 1 FROM n) SELECT max(a) AS a FROM n";
    refused_as(source(&path, query(endless)), &access, "did not answer within 3s");
}
