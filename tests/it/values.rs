//! One meaning of each value, whichever way it comes in: as a dataset, in a file of the client, in
//! JSON, from a frame of Python.

use std::fs;
use std::path::Path;
use std::process::Command;

use cloister_testkit::{Cluster, Kind, cloister, run, run_python};
use serde_json::{Value, json};

use crate::clients;
use crate::python_package::python_command;

/// Writes a Parquet file with a column of each kind, and a CSV file with the same values.
const WRITER: &str = r#"
import datetime as dt, sys, pyarrow as pa, pyarrow.parquet as pq
day, utc = dt.date, dt.timezone.utc
table = pa.table({
    "whole": pa.array([2**53 + 1, -(2**63), 0, None, 7]),
    "number": pa.array([-0.0, 0.0, 1e21, None, 0.1]),
    "nan": pa.array([float("nan"), 1.5, 1.5, None, 2.0]),
    "single": pa.array([0.1, -0.0, 16777216.0, None, 2.5], pa.float32()),
    "truth": pa.array([True, False, True, None, True]),
    "text": pa.array(["a", "a ", "Mu\u0308ller", None, "M\u00fcller"]),
    "number_in_text": pa.array(["1", "01", "1.0", None, "+1"]),
    "word": pa.array(["NaN", "null", "-9", None, "true"]),
    "level": pa.array(["x", "y", "x", None, "z"]).dictionary_encode(),
    "day": pa.array([day(2024, 1, 31), day(1890, 12, 1), day(2024, 1, 31), None, day(2000, 2, 29)]),
    "time": pa.array([dt.datetime(2024, 1, 31, 10, 0, 0, 250000, tzinfo=utc), None,
        dt.datetime(1969, 12, 31, tzinfo=utc), None, None], pa.timestamp("us", "UTC")),
    "nothing": pa.array([None] * 5, pa.string()),
})
pq.write_table(table, sys.argv[1])
"#;

/// The columns with their values as clients write them in JSON.
fn columns() -> Vec<(&'static str, Value)> {
    vec![
        ("whole", json!([9_007_199_254_740_993_i64, i64::MIN, 0, null, 7])),
        ("number", json!([-0.0, 0.0, 1e21, null, 0.1])),
        ("nan", json!([null, 1.5, 1.5, null, 2.0])),
        ("single", json!([f64::from(0.1_f32), -0.0, 16_777_216.0, null, 2.5])),
        ("truth", json!([true, false, true, null, true])),
        ("text", json!(["a", "a ", "Mu\u{308}ller", null, "M\u{fc}ller"])),
        ("number_in_text", json!(["1", "01", "1.0", null, "+1"])),
        ("word", json!(["NaN", "null", "-9", null, "true"])),
        ("level", json!(["x", "y", "x", null, "z"])),
        ("day", json!(["2024-01-31", "1890-12-01", "2024-01-31", null, "2000-02-29"])),
        ("time", json!(["2024-01-31T10:00:00.25Z", null, "1969-12-31T00:00:00Z", null, null])),
        ("nothing", json!([null, null, null, null, null])),
    ]
}

/// Has three parties count a column, of which the others bring nothing.
fn count(cluster: &Cluster, folder: &Path, words: &[&str]) -> Value {
    let mut command = cloister();
    command.args(["compute", "StatisticsFrequency", "--json", "--parameter", "missing=drop"]);
    command.arg("--consortium").arg(cluster.folder()).args(words).current_dir(folder);
    let printed: Value = serde_json::from_slice(&run(&mut command).stdout).unwrap();
    json!({"histogram": printed["result"]["histogram"], "dropped": printed["dropped"]})
}

/// Counts a dataset's or JSON's values.
fn counted(cluster: &Cluster, folder: &Path, data: &str) -> Value {
    let own = format!("clinic-0={data}");
    let others = ["--data", "clinic-1=[]", "--data", "clinic-2=[]"];
    count(cluster, folder, &[&["--data", &own], &others[..]].concat())
}

/// Counts a column of a client's file.
fn counted_in_file(cluster: &Cluster, folder: &Path, file: &str) -> Value {
    let own = format!("clinic-0={file}");
    let others = ["--data-file", "clinic-1=none.json", "--data-file", "clinic-2=none.json"];
    count(cluster, folder, &[&["--data-file", &own], &others[..]].concat())
}

#[test]
fn a_value_is_the_same_category_whichever_way_it_comes_in() {
    let mut cluster = Cluster::stopped(Kind::teaching(3));
    let folder = cluster.config(0).with_file_name("data");
    fs::create_dir(&folder).unwrap();
    let parquet = folder.join("values.parquet");
    run_python(WRITER, &[&parquet]);
    fs::write(folder.join("none.json"), "[]").unwrap();
    // Files of text are read by one reader, at the node and at its client.
    let cells = "a,b,c\n-0,NA, NA\n0,\"NA\",1.5\n1e300,,\n0.1,\" x \",nan\n,NULL,2\n";
    fs::write(folder.join("values.csv"), cells).unwrap();
    cluster.start_all();
    let register = |words: &[&str]| {
        let mut command: Command = cluster.operator(0, &[&["data", "register"], words].concat());
        run(command.current_dir(&folder));
    };
    register(&["typed", "--parquet", "values.parquet"]);
    register(&["written", "--csv", "values.csv"]);
    let mut told = serde_json::Map::new();
    for (column, values) in columns() {
        let dataset = counted(&cluster, &folder, &format!("typed.{column}"));
        let file = counted_in_file(&cluster, &folder, &format!("values.parquet:{column}"));
        assert_eq!(dataset, file, "{column}: a dataset and a file");
        let inline = counted(&cluster, &folder, &values.to_string());
        assert_eq!(dataset, inline, "{column}: a dataset and JSON");
        told.insert(column.to_owned(), dataset);
    }
    assert_eq!(told["text"]["histogram"], json!({"a": 2, "M\u{fc}ller": 2}));
    assert_eq!(told["number"]["histogram"], json!({"0": 2, "0.1": 1, "1000000000000000000000": 1}));
    for column in ["a", "b", "c"] {
        let dataset = counted(&cluster, &folder, &format!("written.{column}"));
        let file = counted_in_file(&cluster, &folder, &format!("values.csv:{column}"));
        assert_eq!(dataset, file, "{column}: a dataset and a file");
    }
    let path = cluster.folder().join("told.json");
    fs::write(&path, Value::Object(told).to_string()).unwrap();
    let mut program = python_command(&[]);
    program.arg(clients().join("values.py")).arg(cluster.folder().join("client.toml"));
    run(program.arg(&parquet).arg(&path));
}
