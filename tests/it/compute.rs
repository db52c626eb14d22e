//! `cloister compute` beyond its exit codes: data from files, forms of results, progress,
//! interruption.

use std::fs;
use std::io::{BufRead, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Output, Stdio};

use cloister_testkit::stub::{self, Stub};
use cloister_testkit::{Cluster, Kind, at_a_terminal, cloister, send_signal};
use serde_json::Value;
use tempfile::TempDir;

fn compute(folder: &Path, words: &[&str]) -> Command {
    let mut command = cloister();
    command.args(["compute", "--consortium"]).arg(folder).args(words);
    command
}

#[track_caller]
fn ended(output: &Output, code: i32, says: &str) -> String {
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{error}");
    assert!(error.contains(says), "{error}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn data_come_from_files_and_results_go_where_they_are_wanted() {
    let cluster = Cluster::teaching(2);
    let folder = cluster.folder();
    fs::write(folder.join("a.csv"), "name,answer\nada,yes\nbob,no\n").unwrap();
    fs::write(folder.join("b.json"), "[\"yes\", \"<b>\", \"\\u001b[2J\"]").unwrap();
    let file = |name: &str| folder.join(name).display().to_string();
    let (a, b) = (format!("{}:answer", file("a.csv")), file("b.json"));
    let page = file("report.html");
    let words = ["StatisticsFrequency", "--data-file", &a, "--data-file", &b, "--output", &page];
    let with = |more: &[&str]| compute(&folder, &[&words[..], more].concat()).output().unwrap();

    let rows = ended(&with(&[]), 0, "report: ");
    assert!(rows.contains("histogram.yes") && rows.contains("security.suite"), "{rows}");
    assert!(!rows.contains('\u{1b}'), "{rows}");
    let drawn = ended(&with(&["--draw", "always"]), 0, "");
    assert!(drawn.contains("yes") && (drawn.contains('█') || drawn.contains('#')), "{drawn}");
    let csv = ended(&with(&["--format", "csv"]), 0, "");
    assert!(
        csv.starts_with("result,row,column,value\n") && csv.contains("histogram,yes,,2\n"),
        "{csv}"
    );
    let json: Value = serde_json::from_str(&ended(&with(&["--format", "json"]), 0, "")).unwrap();
    assert_eq!(json["result"]["histogram"]["yes"], 2);

    let page = fs::read_to_string(folder.join("report.html")).unwrap();
    assert!(page.contains("<svg") && page.contains("&lt;b&gt;") && !page.contains("<b>"), "{page}");
    for never in ["<script", "http://", "https://", "src="] {
        assert!(!page.contains(never), "{never}");
    }
}

#[test]
fn what_cannot_be_read_or_written_is_said_before_anything_is_computed() {
    let cluster = Cluster::stopped(Kind::teaching(2));
    let folder = cluster.folder();
    fs::write(folder.join("a.csv"), "age\n1\n\n2\n").unwrap();
    fs::write(folder.join("b.csv"), "age,risk\n1,\n").unwrap();
    let file = |name: &str| folder.join(name).display().to_string();
    let (a, b) = (file("a.csv"), file("b.csv"));
    let of = |words: &[&str]| compute(&folder, &[&["SecureSum"], words].concat()).output().unwrap();
    let twice = |path: &str| of(&["--data-file", path, "--data-file", path]);
    ended(&twice(&b), 2, "row 1, column `risk`");
    ended(&twice(&format!("{a}:weight")), 2, "there are age");
    ended(&twice("/nonexistent"), 2, "cannot read /nonexistent");
    let data = ["--data", "1", "--data", "2"];
    let with = |more: &[&'static str]| of(&[&data[..], more].concat());
    ended(&with(&["--output", "/nonexistent/report.html"]), 2, "name a file in a folder");
    ended(&with(&["--where", "x"]), 2, "no JSON");
    ended(&with(&["--json", "--format", "csv"]), 2, "cannot be used with");
}

#[test]
fn a_terminal_is_drawn_on_as_it_can_show_it() {
    let cluster = Cluster::teaching(2);
    let folder = cluster.folder();
    let consortium = folder.display().to_string();
    let words = [
        env!("CARGO_BIN_EXE_cloister"),
        "compute",
        "--consortium",
        &consortium,
        "StatisticsFrequency",
        "--data",
        "[\"ja\", \"ja\"]",
        "--data",
        "[\"nein\"]",
    ];
    let on = |variables: &[(&str, &str)]| {
        let all =
            [&[("TERM", "xterm"), ("COLUMNS", "60"), ("LC_ALL", "C.UTF-8")], variables].concat();
        let (code, seen) = at_a_terminal(&folder, &words, &all, "");
        assert_eq!(code, 0, "{seen}");
        assert!(seen.contains("clinic-0"), "{seen}");
        seen
    };
    let drawn = on(&[]);
    assert!(drawn.contains("█") && drawn.contains("\u{1b}[36m"), "{drawn}");
    let plain = on(&[("NO_COLOR", "1")]);
    assert!(plain.contains("█") && !plain.contains("\u{1b}[36m"), "{plain}");
    let ascii = on(&[("LC_ALL", "C"), ("NO_COLOR", "1")]);
    assert!(ascii.contains("####") && !ascii.contains('█'), "{ascii}");
}

/// A consortium of nodes that never compute.
struct Stubs {
    folder: TempDir,
    stubs: Vec<Stub>,
}

impl Stubs {
    fn start(kinds: &[stub::Kind]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let name = |index: usize| format!("clinic-{index}");
        let stubs: Vec<Stub> = kinds
            .iter()
            .enumerate()
            .map(|(index, kind)| Stub::start(&name(index), *kind))
            .collect();
        let members = stubs.iter().enumerate().map(|(index, stub)| {
            format!("[[member]]\nname = \"{}\"\napi = \"{}\"\n", name(index), stub.url)
        });
        fs::write(folder.path().join("client.toml"), members.collect::<String>()).unwrap();
        Self { folder, stubs }
    }

    fn compute(&self) -> Running {
        let data = self.stubs.iter().flat_map(|_| ["--data", "1"]);
        let mut command = compute(self.folder.path(), &["SecureSum"]);
        let mut process = command.args(data).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(process.stderr.take().unwrap()).lines();
        Running { process, lines }
    }
}

struct Running {
    process: Child,
    lines: Lines<BufReader<ChildStderr>>,
}

impl Running {
    /// Reads on until a line has this.
    #[track_caller]
    fn says(&mut self, text: &str) {
        self.says_all(&[text]);
    }

    /// Reads on until a line has all of these.
    #[track_caller]
    fn says_all(&mut self, texts: &[&str]) {
        let mut lines = self.lines.by_ref().map_while(Result::ok);
        let found = lines.any(|line| texts.iter().all(|text| line.contains(text)));
        assert!(found, "no line says {texts:?}");
    }

    fn interrupt(&self) {
        send_signal("INT", self.process.id());
    }

    #[track_caller]
    fn ends(mut self, code: i32, says: &str) {
        let rest: Vec<String> = self.lines.by_ref().map_while(Result::ok).collect();
        assert_eq!(self.process.wait().unwrap().code(), Some(code), "{rest:?}");
        assert!(rest.join("\n").contains(says), "{rest:?}");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // After a good end there is no process.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn an_interruption_ends_the_computation_at_all_nodes() {
    let stubs = Stubs::start(&[stub::Kind::New; 3]);
    let mut running = stubs.compute();
    running.says_all(&["waiting for clinic-9 since ", ", at agreeing"]);
    assert!(!stubs.stubs.iter().any(Stub::was_ended));
    running.interrupt();
    running.ends(130, "ended at all nodes");
    assert!(stubs.stubs.iter().all(Stub::was_ended));
}

#[test]
fn nodes_that_cannot_be_told_are_named_and_a_second_interruption_leaves_at_once() {
    let stubs = Stubs::start(&[stub::Kind::New, stub::Kind::Old]);
    let mut running = stubs.compute();
    running.says("clinic-0: waiting for clinic-9");
    running.interrupt();
    running.ends(130, "at clinic-1 (its cloister is too old");
    assert!(stubs.stubs[0].was_ended() && !stubs.stubs[1].was_ended());

    let deaf = Stubs::start(&[stub::Kind::Deaf; 2]);
    let mut running = deaf.compute();
    running.says("clinic-1: waiting for clinic-9");
    running.interrupt();
    running.says("interrupt again");
    running.interrupt();
    running.ends(130, "left at once");
}

#[test]
fn real_nodes_end_a_computation_that_is_interrupted_and_go_on_with_others() {
    let cluster = Cluster::teaching(2);
    let endless = ["Empty", "--parameter", "times=100000", "--data", "[]", "--data", "[]"];
    let mut command = compute(&cluster.folder(), &endless);
    let mut process = command.stderr(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(process.stderr.take().unwrap()).lines();
    let mut running = Running { process, lines };
    running.says("clinic-1: asked");
    running.interrupt();
    running.ends(130, "ended at all nodes");
    // Not by their deadline, which would be another state.
    for index in 0..2 {
        let all = cluster.api(index).send("GET", "/v1/computations?state=all", "").body;
        assert_eq!(all["computations"][0]["state"], "cancelled", "{all}");
    }
    cluster.check_health();
}
