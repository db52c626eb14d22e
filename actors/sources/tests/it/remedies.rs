//! The advice of errors, which helps whatever the source.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use cloister_sources::{
    Access, Declaration, DeclaredColumn, Kind, Relation, Remedy, Source, SourceError, register,
};

fn declared(name: &str, kind: Option<Kind>) -> DeclaredColumn {
    DeclaredColumn { name: name.to_owned(), kind, ..DeclaredColumn::default() }
}

/// Registers column `a` as that kind beside a column `b`, and follows each remedy of the error.
#[track_caller]
pub(crate) fn check(source: &Source, kind: Option<Kind>, access: &Access) {
    let mut declaration = Declaration::new("patients", source.clone());
    declaration.columns = vec![declared("a", kind), declared("b", None)];
    let error = register(declaration.clone(), access).unwrap_err();
    assert!(!error.remedies().is_empty(), "{error}");
    for remedy in error.remedies() {
        assert!(error.to_string().contains(&remedy.to_string()), "{error}");
        let mended = register(followed(&declaration, *remedy), access);
        mended.unwrap_or_else(|left| panic!("{error}\nafter {remedy:?}: {left}"));
    }
}

fn followed(declaration: &Declaration, remedy: Remedy) -> Declaration {
    let mut mended = declaration.clone();
    match remedy {
        Remedy::Declare(kind) => mended.columns[0].kind = Some(kind),
        Remedy::Missing(codes) => {
            mended.columns[0].format.missing =
                codes.iter().map(|code| (*code).to_owned()).collect();
        }
        Remedy::ThousandsComma => mended.columns[0].format.thousands = Some(','),
        Remedy::DecimalComma => mended.columns[0].format.decimal = Some(','),
        Remedy::Encoding(encoding) => mended.encoding = encoding,
        Remedy::LeaveOut => drop(mended.columns.remove(0)),
    }
    mended
}

fn access(folder: &Path) -> Access {
    let folders = vec![folder.canonicalize().unwrap()];
    Access { folders, timeout: Duration::from_secs(60), batch_rows: 3, ..Access::default() }
}

#[test]
fn remedies_work_for_csv() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data.csv");
    let source = Source::Csv { path: path.clone(), delimiter: Some(';') };
    let cases = [
        ("9007199254740993\n0.25", None),
        ("9007199254740993", Some(Kind::Number)),
        ("9223372036854775808", Some(Kind::Integer)),
        ("1\n2.5", Some(Kind::Integer)),
        ("1\nx\nx", Some(Kind::Integer)),
        ("1\nx", Some(Kind::Number)),
        ("true\nx", Some(Kind::Truth)),
        ("2024-02-30", Some(Kind::Date)),
        ("1,5\n2,5", None),
        ("1,5", Some(Kind::Number)),
        ("250,000\n12,500", None),
        ("250,000", Some(Kind::Number)),
        ("250,000\n12,5", None),
        ("250,000\n1,234,567", None),
        ("1,234,567", None),
        ("1,234,567", Some(Kind::Integer)),
        ("12,5\n1,234,567", None),
        ("1.5\ninf", None),
        ("1.5\n-1e999", None),
    ];
    for (cells, kind) in cases {
        fs::write(&path, format!("a;b\n{};1\n", cells.replace('\n', ";1\n"))).unwrap();
        check(&source, kind, &access(folder.path()));
    }
    for text in [&b"a;b\n1;2\nGr\xf6\xdfe;3\n"[..], b"a;b;\xf6\nGr\xf6\xdfe;3;4\n"] {
        fs::write(&path, text).unwrap();
        check(&source, None, &access(folder.path()));
    }
}

#[test]
fn commas_before_three_digits_are_not_only_decimal() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data.csv");
    let source = Source::Csv { path: path.clone(), delimiter: Some(';') };
    let text = Remedy::Declare(Kind::Text);
    let cases = [
        ("250,000", vec![Remedy::ThousandsComma, Remedy::DecimalComma, text]),
        ("1,234,567", vec![Remedy::ThousandsComma, text]),
        ("1,234,567;1\n250,000", vec![Remedy::ThousandsComma, text]),
        ("250,000;1\n0,125", vec![Remedy::DecimalComma, text]),
        ("12,5", vec![Remedy::DecimalComma, text]),
        ("12,5;1\n1,234,567", vec![text]),
    ];
    for (cells, remedies) in cases {
        fs::write(&path, format!("a;b\n{cells};1\n")).unwrap();
        let declaration = Declaration::new("patients", source.clone());
        let error = register(declaration, &access(folder.path())).unwrap_err();
        assert_eq!(error.remedies(), remedies, "{cells}: {error}");
    }
}

/// A script that writes a Parquet file for each value, with a column beside.
const WRITER: &str = r#"
import sys, decimal, pyarrow as pa, pyarrow.parquet as pq
dec = lambda text, digits, scale: pa.array([decimal.Decimal(text)], pa.decimal128(digits, scale))
for name, a in {
    "large": pa.array([2**64 - 1], pa.uint64()),
    "inexact": pa.array([2**53 + 1]),
    "digits": dec("1.1234567890123456789", 30, 19),
    "long": dec("123456789012345678901234567890", 30, 0),
    "fraction": pa.array([1.5]),
    "infinite": pa.array([float("inf")]),
    "text": pa.array(["x"]),
}.items(): pq.write_table(pa.table({"a": a, "b": pa.array([1])}), f"{sys.argv[1]}/{name}.parquet")
"#;

#[test]
fn remedies_work_for_parquet() {
    let folder = tempfile::tempdir().unwrap();
    cloister_testkit::run_python(WRITER, &[folder.path()]);
    let cases = [
        ("large", None),
        ("large", Some(Kind::Number)),
        ("inexact", Some(Kind::Number)),
        ("digits", None),
        ("digits", Some(Kind::Integer)),
        ("long", Some(Kind::Integer)),
        ("long", None),
        ("fraction", Some(Kind::Integer)),
        ("fraction", Some(Kind::Text)),
        ("fraction", Some(Kind::Truth)),
        ("fraction", Some(Kind::Date)),
        ("inexact", Some(Kind::Date)),
        ("infinite", None),
        ("text", Some(Kind::Number)),
        ("text", Some(Kind::Truth)),
    ];
    for (name, kind) in cases {
        let path = folder.path().join(format!("{name}.parquet"));
        check(&Source::Parquet { path }, kind, &access(folder.path()));
    }
}

#[test]
fn remedies_work_for_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let script = "import sqlite3, sys\nsqlite3.connect(sys.argv[1]).execute('CREATE TABLE t (a)')";
    cloister_testkit::run(Command::new("python3").args(["-c", script]).arg(&path));
    check_database(
        |query| Source::Sqlite { path: path.clone(), from: Relation::Query(query.to_owned()) },
        &access(folder.path()),
    );
}

/// Follows the remedies of values that all databases have.
pub(crate) fn check_database(source: impl Fn(&str) -> Source, access: &Access) {
    check(&source("SELECT 9007199254740993 AS a, 1 AS b"), Some(Kind::Number), access);
    check(&source("SELECT 'x' AS a, 1 AS b"), Some(Kind::Number), access);
    check(&source("SELECT 7 AS a, 1 AS b"), Some(Kind::Truth), access);
}

#[test]
fn errors_without_a_cell_have_no_remedies() {
    assert!(SourceError::Stopped.remedies().is_empty());
}
