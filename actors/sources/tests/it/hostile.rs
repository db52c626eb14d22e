//! Texts, conditions, declarations and addresses as chance or an attacker writes them: nothing
//! panics, and all ways in agree on what is right.

use std::fs;
use std::time::Duration;

use cloister_sources::{
    Access, Batch, Column, DatabaseHosts, Declaration, Filter, Kind, Relation, Source, Values,
    parse_arrow_stream, parse_csv, parse_delimiter, read, register,
};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

/// Pieces of CSV files. The rows of most texts differ in length, and are refused for it.
static PIECES: [&str; 36] = [
    ",",
    ",",
    ",",
    "\n",
    "\n",
    "\n",
    "\r\n",
    "\r",
    ";",
    "\t",
    "\"",
    "\"\"",
    " ",
    "a",
    "b",
    "x",
    "1",
    "-0",
    "0.1",
    "1,5",
    "1.234,50",
    "1e400",
    "inf",
    "NaN",
    "NA",
    "true",
    "F",
    "9007199254740993",
    "18446744073709551616",
    "2024-02-30",
    "31.12.1980",
    "sep=;\n",
    "\u{feff}",
    "\0",
    "é",
    "e\u{301}",
];

fn csv() -> impl Strategy<Value = Vec<u8>> {
    let free = prop::collection::vec(select(&PIECES[..]), 0..60);
    let free = free.prop_map(|pieces| pieces.concat().into_bytes());
    // A table of equal rows, so that the reading goes further than the first of them.
    let row = prop::collection::vec(select(&PIECES[13..31]), 3);
    let table = prop::collection::vec(row, 1..8).prop_map(|rows| {
        let rows: Vec<String> = rows.iter().map(|row| row.join(";")).collect();
        format!("a;b;c\n{}\n", rows.join("\n")).into_bytes()
    });
    let noise = prop::collection::vec(any::<u8>(), 0..80);
    prop_oneof![
        free,
        table.clone(),
        noise,
        (table, any::<prop::sample::Index>(), any::<u8>()).prop_map(|(mut bytes, at, byte)| {
            let at = at.index(bytes.len());
            bytes[at] = byte;
            bytes
        })
    ]
}

/// Reads all rows of a dataset in one batch.
fn whole(declaration: Declaration, access: &Access) -> Option<(Vec<Column>, Batch)> {
    let (dataset, report) = register(declaration, access).ok()?;
    let names: Vec<String> = dataset.columns.iter().map(|column| column.name.clone()).collect();
    let mut batches = Vec::new();
    let done = read(&dataset, &names, None, access, &mut |batch| {
        batches.push(batch);
        Ok(())
    });
    done.unwrap_or_else(|error| panic!("it was registered: {error}"));
    assert!(batches.len() < 2);
    let rows: usize = batches.iter().map(|batch| batch.rows).sum();
    assert_eq!(u64::try_from(rows).unwrap(), report.rows);
    Some((dataset.columns, batches.pop()?))
}

fn kinds(columns: &[Column]) -> Vec<(&str, Kind)> {
    columns.iter().map(|column| (column.name.as_str(), column.kind)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 400,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn texts_that_clients_push_and_files_that_owners_register_are_read_alike(
        bytes in csv(),
        delimiter in select(vec![None, Some(';'), Some('\t'), Some('"'), Some('é')]),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        fs::write(&path, &bytes).unwrap();
        let folders = vec![folder.path().canonicalize().unwrap()];
        let access = Access { folders, ..Access::default() };
        let pushed = parse_csv(&bytes, delimiter);
        let declaration = Declaration::new("a", Source::Csv { path, delimiter });
        let registered = whole(declaration, &access);
        if let Ok((columns, batch)) = &pushed {
            prop_assert_eq!(columns.len(), batch.columns.len());
            prop_assert!(batch.columns.iter().all(|values| values.len() == batch.rows));
            if let Some((others, theirs)) = &registered {
                prop_assert_eq!(kinds(columns), kinds(others));
                prop_assert!(batch.columns == theirs.columns);
            } else {
                // No batch came: there are no rows.
                prop_assert_eq!(batch.rows, 0);
            }
        } else {
            prop_assert!(registered.is_none());
        }
    }

    #[test]
    fn noise_is_no_arrow_stream(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(parse_arrow_stream(&bytes).is_err());
        let begun = [&[0xff, 0xff, 0xff, 0xff][..], &bytes].concat();
        prop_assert!(parse_arrow_stream(&begun).is_err());
    }

    #[test]
    fn conditions_are_refused_or_select_as_logic_says(condition in condition()) {
        let Ok(filter) = Filter::from_json(&condition) else { return Ok(()) };
        let (columns, batch) = table();
        let Ok(chosen) = filter.evaluate(&columns, &batch) else {
            return Ok(());
        };
        prop_assert!(filter.check(&columns).is_ok());
        prop_assert_eq!(chosen.len(), batch.rows);
        // Another spelling of the same condition.
        let again = Filter::from_json(&filter.to_json()).unwrap();
        prop_assert_eq!(again.canonical(), filter.canonical());
        let normal = filter.normal();
        prop_assert_eq!(normal.normal().canonical(), normal.canonical());
        prop_assert!(normal.evaluate(&columns, &batch).is_ok_and(|same| same == chosen));
        let opposite = Filter::Not(Box::new(filter)).evaluate(&columns, &batch);
        if let Ok(opposite) = opposite {
            prop_assert!(!chosen.iter().zip(&opposite).any(|(one, other)| *one && *other));
        }
    }

    #[test]
    fn addresses_of_databases_tell_no_password(
        parts in prop::collection::vec(select(&ADDRESS[..]), 0..14),
        scheme in select(vec!["postgres://", "postgresql://", "mysql://", "mariadb://", ""]),
        before in select(vec!["u:", ":", "u:%", "u:/", "u:?a=", ""]),
    ) {
        let url = format!("{scheme}{before}hunter2{}", parts.concat());
        let none: DatabaseHosts = serde_json::from_value(json!([])).unwrap();
        let access = Access { hosts: none, timeout: Duration::from_secs(1), ..Access::default() };
        let from = Relation::Table("t".to_owned());
        for source in [
            Source::Postgres { url: url.clone(), from: from.clone() },
            Source::Mysql { url: url.clone(), from },
        ] {
            let shown = format!("{source:?}");
            let error = register(Declaration::new("a", source), &access).unwrap_err();
            // The text before an at sign is never shown; without one it is a host.
            if parts.contains(&"@") && !before.is_empty() {
                prop_assert!(!error.to_string().contains("hunter2"), "{}", error);
                prop_assert!(!format!("{error:?}").contains("hunter2"), "{:?}", error);
            }
            prop_assert!(!shown.contains("hunter2"), "{}", shown);
        }
    }

    #[test]
    fn declarations_are_refused_or_are_ones(parts in prop::collection::vec(select(&TOML[..]), 0..30)) {
        let text = parts.join("\n");
        if let Ok(declaration) = toml::from_str::<Declaration>(&text) {
            let written = serde_json::to_value(&declaration).unwrap();
            let read: Declaration = serde_json::from_value(written).unwrap();
            prop_assert_eq!(&read, &declaration);
            prop_assert!(register(declaration, &Access::default()).is_err());
        }
        let _ = parts.iter().map(|part| parse_delimiter(part)).collect::<Vec<_>>();
    }
}

/// Pieces of addresses.
static ADDRESS: [&str; 26] = [
    "@",
    "@",
    ":",
    "/",
    "/",
    "?",
    "&",
    "#",
    "%",
    "%40",
    "%zz",
    "%ff",
    "[",
    "]",
    "::1",
    "db.example",
    "localhost.example",
    "10.0.0.1",
    "5432",
    "0",
    "99999",
    "sslmode=require",
    "host=",
    "/run",
    "\n",
    "é",
];

/// Lines of declarations.
static TOML: [&str; 16] = [
    "name = \"a\"",
    "name = \"a b\"",
    "source = { kind = \"csv\", path = \"a.csv\" }",
    "source = { kind = \"sqlite\", path = \"a\", from = { table = \"t\" } }",
    "source = { kind = \"csv\" }",
    "encoding = \"windows-1252\"",
    "key = \"id\"",
    "[format]",
    "missing = [\"\", \"-9\"]",
    "decimal = \",\"",
    "thousands = \",,\"",
    "true_words = [\"T\"]",
    "[[columns]]",
    "kind = \"date\"",
    "range = [2, 1]",
    "date = \"DD.MM\"",
];

/// Makes conditions: most on the columns that there are, some of them of wrong types or forms.
fn condition() -> impl Strategy<Value = Value> {
    let constant = prop_oneof![
        any::<i64>().prop_map(|number| json!(number)),
        (-3_i64..4).prop_map(|number| json!(number)),
        any::<f64>().prop_map(|number| json!(number)),
        select(vec!["", "a", "b", "2024-01-31", "2024-1-1", "31.01.2024"])
            .prop_map(|text| json!(text)),
        any::<bool>().prop_map(|truth| json!(truth)),
        Just(Value::Null),
        Just(json!([1])),
    ];
    let column = select(vec!["i", "x", "t", "b", "d", "", "other"]);
    let op = select(vec!["=", "!=", "<", "<=", ">", ">=", "==", "in"]);
    let comparison = (column, op, constant)
        .prop_map(|(column, op, value)| json!({"column": column, "op": op, "value": value}));
    let leaf = prop_oneof![12 => comparison, 1 => Just(json!({})), 1 => Just(json!({"and": []}))];
    leaf.prop_recursive(40, 200, 5, |inner| {
        let list = prop::collection::vec(inner.clone(), 1..5);
        prop_oneof![
            list.clone().prop_map(|list| json!({"and": list})),
            list.clone().prop_map(|list| json!({"or": list})),
            inner.clone().prop_map(|one| json!({"not": one})),
            list.prop_map(|list| json!({"and": list, "or": []})),
        ]
    })
}

/// Returns a table with a column of each kind, in which values are missing.
fn table() -> (Vec<Column>, Batch) {
    let column = |name: &str, kind| Column {
        name: name.to_owned(),
        kind,
        unit: None,
        range: None,
        levels: None,
    };
    let columns = vec![
        column("i", Kind::Integer),
        column("x", Kind::Number),
        column("t", Kind::Text),
        column("b", Kind::Truth),
        column("d", Kind::Date),
    ];
    let text = |text: &str| Some(text.to_owned());
    let values = vec![
        Values::Integers(vec![Some(-1), Some(i64::MAX), None, Some(0)]),
        Values::Numbers(vec![Some(-0.0), Some(1e300), Some(2.5), None]),
        Values::Texts(vec![text(""), text("a"), None, text("é")]),
        Values::Truths(vec![Some(true), Some(false), None, Some(true)]),
        Values::Texts(vec![text("2024-01-31"), None, text("1890-12-01"), text("2024-02-29")]),
    ];
    (columns, Batch { rows: 4, columns: values })
}
