//! Studies: reviewed, checked against the nodes, signed, run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use cloister_testkit::stub::{self, Stub};
use cloister_testkit::{Cluster, Kind, cloister};
use serde_json::{Value, json};

const STUDY: &str = r#"# Reviewed by both clinics.
title = "Age <and> answer"
members = ["clinic-0", "clinic-1"]
profile = "teaching"

[dataset.trial.columns]
age = { kind = "integer" }
answer = { kind = "text" }

[[computation]]
name = "sum of ages"
function = "SecureSum"
data = "trial.age"
where = { column = "age", op = ">=", value = 18 }
parameters = { digits_before = 6, digits_after = 0 }

[[computation]]
name = "answers"
function = "StatisticsFrequency"
data = { clinic-0 = "trial.answer", clinic-1 = "trial.answer" }
"#;

/// Two nodes with a dataset each, and a study.
struct Site {
    cluster: Cluster,
    study: PathBuf,
}

impl Site {
    fn start() -> Self {
        let mut cluster = Cluster::stopped(Kind::teaching(2));
        for (index, text) in
            ["age,answer\n40,yes\n17,no\n", "age,answer\n30,yes\n20,yes\n"].iter().enumerate()
        {
            let folder = cluster.folder().join(format!("clinic-{index}/data"));
            fs::create_dir(&folder).unwrap();
            let file = folder.join("trial.csv");
            fs::write(&file, text).unwrap();
            cluster.operate(index, &["data", "register", "trial", "--csv", file.to_str().unwrap()]);
        }
        cluster.start_all();
        let study = cluster.folder().join("study.toml");
        fs::write(&study, STUDY).unwrap();
        Self { cluster, study }
    }

    fn cloister(&self, words: &[&str]) -> Command {
        let mut command = cloister();
        command.args(words).arg(&self.study);
        command
    }

    /// Runs the command with the folder of the consortium.
    fn with_nodes(&self, words: &[&str], more: &[&str]) -> Output {
        let mut command = self.cloister(words);
        command.arg("--consortium").arg(self.cluster.folder()).args(more).output().unwrap()
    }

    fn sign(&self, index: usize) {
        let identity = self.cluster.folder().join(format!("clinic-{index}/identity"));
        let mut command = self.cloister(&["study", "sign"]);
        ended(&command.arg("--identity").arg(identity).output().unwrap(), 0, "signed by clinic-");
    }

    fn change(&self, from: &str, to: &str) {
        let text = fs::read_to_string(&self.study).unwrap();
        assert!(text.contains(from));
        fs::write(&self.study, text.replace(from, to)).unwrap();
    }
}

#[track_caller]
fn ended(output: &Output, code: i32, says: &str) -> String {
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{error}");
    assert!(error.contains(says), "{says} in {error}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn a_study_is_checked_and_run_as_a_whole() {
    let site = Site::start();
    ended(&site.cloister(&["study", "check"]).output().unwrap(), 0, "2 computations");
    ended(&site.with_nodes(&["study", "check"], &[]), 0, "Its hash");
    let page = site.cluster.folder().join("report.html");
    let run = |more: &[&str]| site.with_nodes(&["run"], more);
    let output = run(&["--json", "--output", page.to_str().unwrap()]);
    let document: Value = serde_json::from_str(&ended(&output, 0, "report: ")).unwrap();
    assert_eq!(document["study"]["signed_by"], json!([]));
    assert_eq!(document["computations"][0]["result"], json!({"sum": 90.0}));
    assert_eq!(document["computations"][1]["result"]["histogram"], json!({"no": 1, "yes": 3}));
    assert_eq!(document["computations"][1]["name"], "answers");
    let page = fs::read_to_string(page).unwrap();
    assert!(page.contains("Age &lt;and&gt; answer") && page.contains("sum of ages"), "{page}");
    assert!(page.contains(document["study"]["hash"].as_str().unwrap()));
    let csv = ended(&run(&["--format", "csv"]), 0, "");
    assert!(csv.contains("answers,histogram,yes,,3\n"), "{csv}");
    let table = ended(&run(&[]), 0, "");
    assert!(
        table.contains("answers (StatisticsFrequency)") && table.contains("signed by: no member")
    );
}

#[test]
fn a_study_whose_expectations_fail_computes_nothing() {
    let site = Site::start();
    site.change("{ kind = \"integer\" }", "{ kind = \"text\", unit = \"years\" }");
    let output = site.with_nodes(&["run"], &[]);
    ended(&output, 4, "clinic-1: trial.age has kind \"integer\", expected \"text\"");
    ended(&output, 4, "clinic-0: trial.age has unit null, expected \"years\"");
    assert!(!String::from_utf8_lossy(&output.stderr).contains("asked"));
    site.change("\"clinic-0\", \"clinic-1\"", "\"clinic-0\", \"clinic-1\", \"clinic-2\"");
    site.change("data = { clinic-0", "data = { clinic-2 = \"trial.age\", clinic-0");
    ended(&site.with_nodes(&["study", "check"], &[]), 4, "clinic-2 is a member of the study");
    site.change("SecureSum", "SecureSums");
    ended(&site.with_nodes(&["run"], &[]), 2, "no function `SecureSums`");
    fs::remove_file(&site.study).unwrap();
    ended(&site.with_nodes(&["run"], &[]), 2, "cannot read");
}

#[test]
fn only_what_all_have_signed_counts_as_signed() {
    let site = Site::start();
    let verify = || site.with_nodes(&["study", "verify"], &[]);
    let run = |more: &[&str]| site.with_nodes(&["run"], more);
    ended(&verify(), 3, "clinic-0: not signed");
    ended(&run(&["--require-signatures"]), 3, "clinic-1: not signed");
    site.sign(0);
    ended(&verify(), 3, "clinic-1: not signed");
    site.sign(1);
    assert!(ended(&verify(), 0, "").contains("clinic-1  signed, with"));
    let document = ended(&run(&["--require-signatures", "--json"]), 0, "");
    let document: Value = serde_json::from_str(&document).unwrap();
    assert_eq!(document["study"]["signed_by"], json!(["clinic-0", "clinic-1"]));
    assert_eq!(document["study"]["signed_by_all"], true);

    // A comment more is another study, and a signature of another is worse than none.
    site.change("Reviewed", "Not reviewed");
    ended(&run(&[]), 3, "another version");
    site.change("Not reviewed", "Reviewed");
    ended(&verify(), 0, "");
    let (a, b) = (signature(&site.study, 0), signature(&site.study, 1));
    let own = fs::read_to_string(&a).unwrap();
    fs::copy(&b, &a).unwrap();
    ended(&verify(), 3, "the signature of `clinic-1`");
    fs::write(
        &a,
        fs::read_to_string(&b).unwrap().replace("party = \"clinic-1\"", "party = \"clinic-0\""),
    )
    .unwrap();
    ended(&verify(), 3, "does not pin its certificate");
    let line = |text: &str| text.lines().find(|l| l.starts_with("signature")).unwrap().to_owned();
    let other = line(&fs::read_to_string(&b).unwrap());
    fs::write(&a, own.replace(&line(&own), &other)).unwrap();
    ended(&verify(), 3, "not that of this key");
}

fn signature(study: &Path, index: usize) -> PathBuf {
    PathBuf::from(format!("{}.clinic-{index}.sig", study.display()))
}

#[test]
fn profiles_are_what_the_study_expects() {
    let folder = tempfile::tempdir().unwrap();
    let stubs = [stub::Kind::New, stub::Kind::Old].map(|kind| Stub::start("x", kind));
    let members = stubs.iter().enumerate().map(|(index, stub)| {
        format!("[[member]]\nname = \"clinic-{index}\"\napi = \"{}\"\n", stub.url)
    });
    fs::write(folder.path().join("client.toml"), members.collect::<String>()).unwrap();
    let study = folder.path().join("study.toml");
    fs::write(&study, STUDY.replace("teaching", "production")).unwrap();
    let mut command = cloister();
    let output =
        command.arg("run").arg(&study).arg("--consortium").arg(folder.path()).output().unwrap();
    ended(&output, 4, "clinic-0 has the profile `teaching`, expected \"production\"");
    ended(&output, 4, "clinic-1 does not tell its profile");
}

#[test]
fn functions_and_completions_are_listed() {
    let run = |words: &[&str]| cloister().args(words).output().unwrap();
    let json = ended(&run(&["functions", "--json"]), 0, "");
    let json: Value = serde_json::from_str(&json).unwrap();
    let names = json["functions"].as_array().unwrap().iter().map(|function| &function["name"]);
    assert!(names.into_iter().any(|name| name == "SecureSum"));
    assert!(ended(&run(&["functions", "SecureMedian"]), 0, "").contains("reveals beside it"));
    let cluster = Cluster::teaching(2);
    let folder = cluster.folder().display().to_string();
    let asked = ended(&run(&["functions", "TopK", "--consortium", &folder]), 0, "");
    assert!(asked.contains("parameters") && asked.contains("- k ("), "{asked}");
    ended(&run(&["functions", "SecureMedain"]), 2, "did you mean SecureMedian?");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = ended(&run(&["completions", shell]), 0, "");
        assert!(script.contains("consortium") && script.contains("completions"), "{shell}");
    }
    ended(&run(&["completions", "csh"]), 2, "possible values");
}
