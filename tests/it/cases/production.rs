//! Case 33: under `production`, a cohort that grows by one patient after its result was told.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::Output;

use cloister_testkit::{Cluster, Kind, cloister};
use serde_json::{Value, json};

use super::{failed, succeeded};

fn file(cluster: &Cluster, index: usize) -> PathBuf {
    cluster.config(index).parent().unwrap().join("data/t.csv")
}

/// Writes a column of numbers from 1, and the day of entry of each.
fn write(cluster: &Cluster, index: usize, rows: u32) {
    let path = file(cluster, index);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut text = "x,entry\n".to_owned();
    for row in 1..=rows {
        writeln!(text, "{row},{}", entry(row)).unwrap();
    }
    fs::write(path, text).unwrap();
}

/// Returns the day on which a row came in.
fn entry(row: u32) -> String {
    format!("2024-{:02}-{:02}", 1 + row / 28, 1 + row % 28)
}

fn sum(cluster: &Cluster, words: &[&str]) -> Output {
    let mut command = cloister();
    command.args(["compute", "SecureSum", "--data", "t.x", "--json", "--consortium"]);
    command.arg(cluster.folder()).args(words).output().unwrap()
}

fn register(cluster: &Cluster, index: usize) {
    let words = ["data", "register", "t", "--column", "x", "--column", "entry:date", "--csv"];
    let output = cluster.operator(index, &words).arg(file(cluster, index)).output();
    succeeded(&output.unwrap());
}

fn grant(cluster: &Cluster, request: &str) {
    for index in 0..3 {
        let words = ["approvals", "grant", request, "--times", "20", "--days", "3"];
        let granted = cluster.operate(index, &words);
        assert!(granted.contains("SecureSum") && granted.contains("20 times"), "{granted}");
    }
}

/// Returns the sum, and the number of parties that have left out rows.
#[track_caller]
fn told(output: &Output) -> Value {
    let document: Value = serde_json::from_str(&succeeded(output)).unwrap();
    json!([document["result"]["sum"], document["disclosure"]["left_out"]])
}

#[test]
fn a_cohort_that_grows_by_one_patient_tells_nothing_of_that_patient() {
    let mut cluster = Cluster::stopped(Kind { profile: "production", ..Kind::teaching(3) });
    (0..3).for_each(|index| write(&cluster, index, 30));
    cluster.start_all();
    (0..3).for_each(|index| register(&cluster, index));
    failed(&sum(&cluster, &[]), 3, &["it is request 1", "`cloister approvals grant 1`"]);
    grant(&cluster, "1");
    assert_eq!(told(&sum(&cluster, &[])), json!([3.0 * 465.0, 0]));
    // The member leaves out its new row; the sum of the others' data and the earlier rows is known.
    write(&cluster, 0, 31);
    assert_eq!(told(&sum(&cluster, &[])), json!([3.0 * 465.0, 1]));
    // Also where it is registered anew.
    let _ = cluster.operator(0, &["data", "withdraw", "t"]).output().unwrap();
    register(&cluster, 0);
    assert_eq!(told(&sum(&cluster, &[])), json!([3.0 * 465.0, 1]));
    // With ten rows more the cohort is another one.
    write(&cluster, 0, 40);
    assert_eq!(told(&sum(&cluster, &[])), json!([2.0 * 465.0 + 820.0, 0]));
}

/// The way out that the hint of a refusal names.
#[test]
fn a_cohort_is_fixed_by_the_day_of_entry() {
    let mut cluster = Cluster::stopped(Kind { profile: "production", ..Kind::teaching(3) });
    (0..3).for_each(|index| write(&cluster, index, 30));
    cluster.start_all();
    (0..3).for_each(|index| register(&cluster, index));
    let until =
        |row: u32| format!(r#"{{"column": "entry", "op": "<", "value": "{}"}}"#, entry(row));
    let fixed = until(31);
    failed(&sum(&cluster, &["--where", &fixed]), 3, &["`cloister approvals grant 1`"]);
    grant(&cluster, "1");
    for rows in [30, 31, 35, 41] {
        (0..3).for_each(|index| write(&cluster, index, rows));
        assert_eq!(told(&sum(&cluster, &["--where", &fixed])), json!([3.0 * 465.0, 0]), "{rows}");
    }
    // The day moves on once so many rows as the rules ask for are new.
    let next = until(41);
    failed(&sum(&cluster, &["--where", &next]), 3, &["`cloister approvals grant 2`"]);
    grant(&cluster, "2");
    assert_eq!(told(&sum(&cluster, &["--where", &next])), json!([3.0 * 820.0, 0]));
}
