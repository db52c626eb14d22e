//! `cloister demo` as a new user runs it, against results of independent libraries.

use std::path::Path;
use std::process::{Command, Stdio};

use cloister_testkit::http::Api;
use cloister_testkit::{Lines, cloister, run, wait_for_exit};
use serde_json::Value;

fn reference() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/reference.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn finding(document: &Value, what: &str) -> f64 {
    let computations = document["computations"].as_array().unwrap();
    let findings = computations.iter().flat_map(|step| step["findings"].as_array().unwrap());
    let found = findings.clone().find(|finding| finding["what"] == what);
    found.unwrap_or_else(|| panic!("no {what}"))["joint"].as_f64().unwrap()
}

/// Compares with the reference, which has 15 significant digits.
#[track_caller]
fn close(joint: f64, reference: &Value) {
    let reference = reference.as_f64().unwrap();
    assert!((joint - reference).abs() <= 1e-13 * reference.abs(), "{joint} {reference}");
}

#[test]
fn the_demonstration_agrees_with_independent_libraries() {
    let output = run(cloister().args(["demo", "--json"]));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["agree"], true);
    let wdbc = &reference()["wdbc"];
    for column in ["mean_radius", "mean_smoothness", "worst_area"] {
        let expected = &wdbc["describe"][column];
        for (what, key) in [("sum", "sum"), ("mean", "mean"), ("variance", "var"), ("rows", "n")] {
            close(finding(&document, &format!("{what} of {column}")), &expected[key]);
        }
    }
    let correlation = &wdbc["corr"]["pearson"][0][3];
    close(finding(&document, "correlation of mean_area on mean_radius"), correlation);
    for step in document["computations"].as_array().unwrap() {
        let report = &step["report"];
        assert_eq!(report["disclosure"]["profile"], "production");
        assert!(report["cost"]["rounds"].as_u64().unwrap() >= 2, "{report}");
        assert!(report["cost"]["bytes_sent"].as_u64().unwrap() > 0, "{report}");
    }
}

#[test]
fn the_demonstration_shows_people_a_table() {
    let output = run(cloister().arg("demo"));
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(table.lines().next().unwrap().contains("plaintext check"), "{table}");
    assert!(table.contains("8038.429") && table.contains("withheld"), "{table}");
}

#[test]
fn a_demonstration_that_is_kept_serves_until_it_is_interrupted() {
    let mut demo = cloister()
        .args(["demo", "--keep"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = Lines::of(demo.stderr.take().unwrap());
    let url = lines.find_map(|line| Some(line.strip_prefix("ready rural http://")?.to_owned()));
    let folder = lines.find_map(|line| {
        let folder = line.strip_prefix("the nodes of ")?.split(' ').next()?;
        Some(folder.to_owned())
    });
    let folder = folder.unwrap();
    assert!(Path::new(&folder).join("client.toml").exists());
    let list = Api::new(&url.unwrap()).send("GET", "/representations", "");
    assert_eq!(list.status, 200, "{}", list.body);
    run(Command::new("kill").args(["-s", "INT", &demo.id().to_string()]));
    assert_eq!(wait_for_exit(&mut demo).code(), Some(0));
    assert!(!Path::new(&folder).exists(), "{folder} was left behind");
}
