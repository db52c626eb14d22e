//! Files as people have them, registered by the command.

use std::fs;

use serde_json::json;

use super::{Study, failed, succeeded};

/// A row of the table that a registration prints: column, type, number of missing values.
type Row = (&'static str, &'static str, u64);

/// Checks that a registration prints these columns, and returns all that it prints.
#[track_caller]
fn registered(study: &Study, words: &[&str], rows: &[Row]) -> String {
    let printed = succeeded(&study.register(0, "t", words));
    let found: Vec<_> = printed
        .lines()
        .skip(2)
        .take_while(|line| line.contains("  "))
        .map(|line| line.split_whitespace().take(3).collect::<Vec<_>>().join(" "))
        .collect();
    let wanted: Vec<_> =
        rows.iter().map(|(name, kind, missing)| format!("{name} {kind} {missing}")).collect();
    assert_eq!(found, wanted, "{words:?}: {printed}");
    printed
}

/// Checks that a registration is refused with these words.
#[track_caller]
fn refused(study: &Study, words: &[&str], says: &[&str]) {
    failed(&study.register(0, "t", words), 2, says);
}

/// Returns the sum of a column of the dataset, and how many values were missing.
#[track_caller]
fn sum(study: &Study, column: &str) -> (f64, u64) {
    let data = format!("clinic-0=t.{column}");
    let given = ["--data", &data, "--data", "clinic-1=[]", "--data", "clinic-2=[]"];
    let parameters = ["--parameter", "missing=drop"];
    let computed = study.computed(&[&["SecureSum"], &given[..], &parameters].concat());
    (computed.result["sum"].as_f64().unwrap(), computed.dropped.as_u64().unwrap())
}

#[test]
fn files_are_registered_as_their_owners_mean_them() {
    let study = Study::start();
    codes_for_missing_values(&study);
    separators_of_numbers(&study);
    heads(&study);
    delimiters_and_encodings(&study);
    folders(&study);
    values_without_a_number(&study);
}

/// Case 6.
fn codes_for_missing_values(study: &Study) {
    let undeclared = [
        ("id", "integer", 0),
        ("sbp", "text", 0),
        ("dbp", "text", 0),
        ("chol", "text", 0),
        ("smoke", "integer", 0),
        ("hb", "text", 0),
    ];
    let printed = registered(study, &["--csv", "06/missing.csv"], &undeclared);
    for note in [
        "sbp: numbers but for 1 cell: declare `missing = [\".\"]`",
        "dbp: \"-9\" in 1 cell, and no other negative value",
        "chol: numbers but for 3 cells: declare `missing = [\"#N/A\", \"NULL\", \"null\"]`",
        "smoke: \"-9\" in 1 cell",
    ] {
        assert!(printed.contains(note), "{note}: {printed}");
    }
    let codes = ["NULL", ".", "N/A", "n/a", "#N/A", "-", "null", "-9"];
    let codes: Vec<String> = codes.iter().map(|code| format!("--missing={code}")).collect();
    let words: Vec<&str> = codes.iter().map(String::as_str).collect();
    let declared = [
        ("id", "integer", 0),
        ("sbp", "integer", 1),
        ("dbp", "integer", 2),
        ("chol", "number", 3),
        ("smoke", "integer", 1),
        ("hb", "number", 2),
    ];
    registered(study, &[&["--csv", "06/missing.csv"], &words[..]].concat(), &declared);
    assert_eq!(sum(study, "dbp"), (80.0 + 85.0 + 82.0 + 79.0, 2));
    assert_eq!(sum(study, "chol"), (5.1 + 4.9 + 6.0, 3));
    let blanks = [("id", "integer", 0), ("x", "number", 2)];
    registered(study, &["--csv", "06/missing_na_blank.csv"], &blanks);
    assert_eq!(sum(study, "x"), (4.0, 2));
    let quoted = ["--csv", "06/opalq.csv", "--delimiter", ";"];
    let printed = registered(study, &quoted, &[("id", "integer", 0), ("x", "text", 0)]);
    assert!(printed.contains("declare `missing = [\"NA\"]`"), "{printed}");
    let declared = [&quoted[..], &["--missing", "NA"]].concat();
    registered(study, &declared, &[("id", "integer", 0), ("x", "integer", 1)]);
    assert_eq!(sum(study, "x"), (3.0, 1));
    let dot = ["--csv", "06/missing_dot.csv", "--column", "sbp:integer"];
    refused(study, &dot, &["line 3", "column \"sbp\"", "declare the column as text"]);
    registered(study, &[&dot[..], &["--missing", "."]].concat(), &[("sbp", "integer", 1)]);
    assert_eq!(sum(study, "sbp"), (120.0 + 130.0 + 125.0, 1));
    let quoted = ["--csv", "06/missing_quotedna.csv", "--missing", "NA"];
    registered(study, &quoted, &[("id", "integer", 0), ("sbp", "integer", 1)]);
}

/// Case 7.
fn separators_of_numbers(study: &Study) {
    let weight = ["--csv", "07/semi_comma.csv", "--delimiter", ";", "--column", "Gewicht:number"];
    refused(
        study,
        &weight,
        &["column \"Gewicht\" holds a decimal comma; declare `decimal = \",\"`"],
    );
    registered(study, &[&weight[..], &["--decimal", ","]].concat(), &[("Gewicht", "number", 0)]);
    assert_eq!(sum(study, "Gewicht"), (70.5 + 82.25 + 65.0, 0));
    let balance = ["--csv", "07/excel_semi_thousand.csv", "--delimiter", ";", "--column", "saldo"];
    let cost = |file| ["--csv", file, "--column", "cost"];
    let german = ["--thousands", ".", "--decimal", ","];
    for (words, column, signs, note, due) in [
        (&balance[..], "saldo", &german[..], "`thousands = \".\"`", 1234.5 + 12_000.0 + 7.25),
        (
            &cost("07/thousands.csv"),
            "cost",
            &["--thousands", ","],
            "`thousands = \",\"`",
            1234.5 + 12_000.0 + 99.0,
        ),
        (
            &cost("07/thousands_sp.csv"),
            "cost",
            &["--thousands", " "],
            "`thousands = \" \"`",
            13_234.5,
        ),
        (
            &cost("07/thousands_ap.csv"),
            "cost",
            &["--thousands", "'"],
            "`thousands = \"'\"`",
            13_234.5,
        ),
    ] {
        let printed = registered(study, words, &[(column, "text", 0)]);
        assert!(printed.contains(note), "{note}: {printed}");
        registered(study, &[words, signs].concat(), &[(column, "number", 0)]);
        assert_eq!(sum(study, column), (due, 0), "{words:?}");
    }
    registered(study, &cost("07/currency.csv"), &[("cost", "text", 0)]);
}

/// Cases 8 and 23.
fn heads(study: &Study) {
    let chosen = ["--csv", "08/rownames.csv", "--column", "age", "--column", "bmi"];
    registered(study, &chosen, &[("age", "integer", 0), ("bmi", "number", 1)]);
    assert_eq!(sum(study, "bmi"), (22.5 + 27.1, 1));
    refused(study, &chosen[..2], &["column 1 has no name"]);
    registered(study, &["--csv", "08/dupcols.csv", "--column", "id"], &[("id", "integer", 0)]);
    refused(study, &["--csv", "08/dupcols.csv"], &["two columns are named \"age\""]);
    registered(study, &["--csv", "08/spacedhead.csv", "--column", "age"], &[("age", "integer", 0)]);
    assert_eq!(sum(study, "age"), (70.0, 0));
    registered(study, &["--csv", "08/trail.csv", "--column", "a"], &[("a", "integer", 0)]);
    assert_eq!(sum(study, "a"), (4.0, 0));
    // The node does not guess to which field a name belongs.
    let says = ["line 2", "3 fields and the header 2"];
    refused(study, &["--csv", "08/rowtable.csv"], &[&says[..], &["row names", "`row,`"]].concat());
    let blank = [&says[..], &["trailing comma", "`,blank`"]].concat();
    refused(study, &["--csv", "08/trail_rows.csv"], &blank);
    let wide = study.cluster.config(0).parent().unwrap().join("data/wide.csv");
    fs::create_dir_all(wide.parent().unwrap()).unwrap();
    let head: Vec<String> = (0..12_000).map(|column| format!("g{column}")).collect();
    let row = vec!["1.5"; head.len()].join(",");
    fs::write(&wide, format!("{}\n{row}\n{row}\n{row}\n", head.join(","))).unwrap();
    let wide = wide.to_str().unwrap();
    let one = ["--csv", wide, "--column", "g1"];
    registered(study, &one, &[("g1", "number", 0)]);
    assert_eq!(sum(study, "g1"), (4.5, 0));
    refused(study, &one[..2], &["10000 columns"]);
}

/// Cases 9, 10 and 22.
fn delimiters_and_encodings(study: &Study) {
    let tabs = ["--csv", "09/tabs.tsv"];
    refused(study, &tabs, &["declare the `delimiter` (`tab` for a tab)"]);
    for delimiter in ["\\t", "tab", "\t"] {
        let both = [("id", "integer", 0), ("x", "integer", 0)];
        registered(study, &[&tabs[..], &["--delimiter", delimiter]].concat(), &both);
        assert_eq!(sum(study, "x"), (6.0, 0));
    }
    for words in
        [&["--csv", "09/sepline.csv"][..], &["--csv", "09/sepline.csv", "--delimiter", ";"]]
    {
        registered(study, words, &[("id", "integer", 0), ("x", "integer", 0)]);
        assert_eq!(sum(study, "x"), (5.0, 0));
    }
    refused(study, &["--csv", "10/gz.csv.gz"], &["compressed by gzip", "gunzip"]);
    refused(study, &["--csv", "10/book.xlsx"], &["workbook", "save the sheet as CSV"]);
    refused(study, &["--parquet", "10/book.xlsx"], &["workbook", "save the sheet as CSV"]);
    refused(study, &["--csv", "10/pq_v2.parquet"], &["is a Parquet file", "`--parquet`"]);
    refused(study, &["--parquet", "10/pq_c_brotli.parquet"], &["compressed by brotli"]);
    let western = ["--csv", "22/latin1.csv"];
    refused(study, &western, &["line 2", "declare `encoding = \"windows-1252\"`", "as UTF-8"]);
    for encoding in ["latin1", "windows-1252"] {
        let declared = [&western[..], &["--encoding", encoding]].concat();
        registered(study, &declared, &[("stadt", "text", 0), ("alter", "integer", 0)]);
    }
    let head = ["--csv", "22/latin1_head.csv", "--encoding", "latin1", "--column", "Größe"];
    registered(study, &head, &[("Größe", "integer", 0)]);
    assert_eq!(sum(study, "Größe"), (350.0, 0));
}

/// Case 12.
fn folders(study: &Study) {
    let id = [("id", "integer", 0)];
    // Another column is whole numbers in one file and numbers, or nothing, in the other.
    registered(study, &["--parquet", "12/drift", "--column", "id"], &id);
    registered(study, &["--parquet", "12/drift2", "--column", "id"], &id);
    assert_eq!(sum(study, "id"), (10.0, 0));
    registered(study, &["--parquet", "12/drift"], &[id[0], ("x", "number", 1)]);
    assert_eq!(sum(study, "x"), (4.5, 1));
    registered(study, &["--parquet", "12/drift2"], &[id[0], ("s", "text", 2)]);
    // The order of the columns differs.
    registered(study, &["--parquet", "12/drift3"], &[id[0], ("x", "number", 0)]);
    assert_eq!(sum(study, "x"), (12.0, 0));
    for (folder, ids, numbers) in [("12/csvdir", 3.0, 5.0), ("12/csvdir2", 4.0, 4.0)] {
        registered(study, &["--csv", folder], &[id[0], ("x", "integer", 0)]);
        assert_eq!([sum(study, "id"), sum(study, "x")], [(ids, 0), (numbers, 0)], "{folder}");
    }
    let years = [id[0], ("x", "number", 0), ("y", "integer", 0)];
    registered(study, &["--parquet", "12/hive"], &years);
    // Two years of one row each, or of as many rows.
    let (years, missing) = sum(study, "y");
    assert!(missing == 0 && years > 0.0 && years % 4041.0 == 0.0, "{years}");
    registered(study, &["--parquet", "12/hive/y=2021"], &[id[0], ("x", "number", 0)]);
}

/// Cases 24, 29 and 30.
fn values_without_a_number(study: &Study) {
    let large = ["--csv", "24/bigint.csv"];
    let says = ["line 2", "column \"x\"", "a double does not hold exactly", "as text"];
    refused(study, &large, &says);
    let as_text = [&large[..], &["--column", "x:text"]].concat();
    registered(study, &as_text, &[("x", "text", 0)]);
    let data = ["--data", "clinic-0=t.x", "--data", "clinic-1=[]", "--data", "clinic-2=[]"];
    let told = study.result(&[&["StatisticsFrequency"], &data[..]].concat());
    assert_eq!(told["histogram"], json!({"0.25": 1, "9007199254740993": 1}));
    let infinite = ["--csv", "29/inf3.csv"];
    refused(study, &infinite, &["line 2", "infinite number", "`missing = [\"inf\", \"-inf\"]`"]);
    let declared = [&infinite[..], &["--missing=inf", "--missing=-inf"]].concat();
    registered(study, &declared, &[("id", "integer", 0), ("x", "number", 2)]);
    let all = ["(1) column \"iv\"", "(4) column \"bl\"", "leave it out, or convert it"];
    refused(study, &["--parquet", "29/pq_duck.parquet"], &all);
    let rest = ["--column", "id", "--column", "d", "--column", "ts"];
    let rest = [&["--parquet", "29/pq_duck.parquet"], &rest[..]].concat();
    let columns = [("id", "integer", 0), ("d", "number", 0), ("ts", "text", 1)];
    registered(study, &rest, &columns);
    let lengths = ["--parquet", "29/pq_polars.parquet", "--column", "du"];
    let says = ["\"du\"", "a length of time", "declare the column as number to read seconds"];
    refused(study, &lengths, &says);
    let lengths = ["--parquet", "29/pq_polars.parquet", "--column", "du:number"];
    registered(study, &lengths, &[("du", "number", 0)]);
    let signs = ["--postgres", "postgres://x:p@ss/w:ord#1%@127.0.0.1:5432/postgres"];
    let says = ["not of the form postgres://", "as %3A %2F %3F %23 %5B %5D %40 %25"];
    refused(study, &[&signs[..], &["--table", "user"]].concat(), &says);
    let unknown = ["--postgres", "postgres://cl:pw@nosuchhost.invalid:5432/postgres"];
    let says = ["nosuchhost.invalid:5432", "add it to data.hosts in the settings"];
    refused(study, &[&unknown[..], &["--table", "user"]].concat(), &says);
}
