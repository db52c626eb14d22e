//! `cloister compute` beyond its exit codes: data from files, forms of results, progress,
//! interruption.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use cloister_testkit::stub::{Kind as StubKind, Stub};
use cloister_testkit::{Cluster, Kind, Lines, at_a_terminal, cloister, send_signal, wait_for_exit};
use serde_json::Value;
use tempfile::TempDir;

fn compute(folder: &Path, words: &[&str]) -> Command {
    let mut command = cloister();
    command.args(["compute", "--consortium"]).arg(folder).args(words);
    command
}

/// Returns the standard output of a program that succeeded.
#[track_caller]
fn succeeded(output: &Output) -> String {
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{error}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[track_caller]
fn assert_refused(output: &Output, reason: &str) {
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(error.contains(reason), "{error}");
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

    let output = with(&[]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("report: "), "{output:?}");
    let rows = succeeded(&output);
    assert!(rows.contains("histogram.yes") && rows.contains("suite masked"), "{rows}");
    let verbose = succeeded(&with(&["--verbose"]));
    assert!(verbose.contains("security.suite") && !rows.contains("security."), "{verbose}");
    assert!(!rows.contains('\u{1b}'), "{rows}");
    let drawn = succeeded(&with(&["--draw", "always"]));
    assert!(drawn.contains("yes") && (drawn.contains('█') || drawn.contains('#')), "{drawn}");
    let csv = succeeded(&with(&["--format", "csv"]));
    assert!(
        csv.starts_with("result,row,column,value\n") && csv.contains("histogram,yes,,2\n"),
        "{csv}"
    );
    let json: Value = serde_json::from_str(&succeeded(&with(&["--format", "json"]))).unwrap();
    assert_eq!(json["result"]["histogram"]["yes"], 2);

    let page = fs::read_to_string(folder.join("report.html")).unwrap();
    assert!(page.contains("<svg") && page.contains("&lt;b&gt;") && !page.contains("<b>"), "{page}");
    for never in ["<script", "http://", "https://", "src="] {
        assert!(!page.contains(never), "{never}");
    }
}

#[test]
fn a_refusal_that_comes_amid_a_large_body_is_shown() {
    let mut cluster = Cluster::stopped(Kind::teaching(2));
    for index in 0..2 {
        let settings = fs::read_to_string(cluster.config(index)).unwrap();
        let settings = format!("{settings}\nlimits.body_bytes = 1000000\n");
        fs::write(cluster.config(index), settings).unwrap();
    }
    cluster.start_all();
    let file = cluster.folder().join("large.json");
    fs::write(&file, format!("[{}1]", "4503599627370496,".repeat(1_200_000))).unwrap();
    let file = file.to_str().unwrap();
    let words = ["SecureSum", "--data-file", file, "--data-file", file];
    let output = compute(&cluster.folder(), &words).output().unwrap();
    assert_refused(&output, "the body is longer than 1000000 bytes (body_too_large)");
    assert_refused(&output, "limits.body_bytes");
    cluster.check_health();
}

#[test]
fn what_cannot_be_read_or_written_is_said_before_anything_is_computed() {
    let cluster = Cluster::stopped(Kind::teaching(2));
    let folder = cluster.folder();
    fs::write(folder.join("a.csv"), "age\n1\n\n2\n").unwrap();
    fs::write(folder.join("b.csv"), "age,risk\n1,2\n3\n").unwrap();
    let file = |name: &str| folder.join(name).display().to_string();
    let (a, b) = (file("a.csv"), file("b.csv"));
    let of = |words: &[&str]| compute(&folder, &[&["SecureSum"], words].concat()).output().unwrap();
    let twice = |path: &str| of(&["--data-file", path, "--data-file", path]);
    assert_refused(&twice(&b), "b.csv");
    assert_refused(&twice(&format!("{a}:weight")), "weight");
    assert_refused(&twice("/nonexistent"), "cannot read /nonexistent");
    let data = ["--data", "1", "--data", "2"];
    let with = |more: &[&'static str]| of(&[&data[..], more].concat());
    assert_refused(&with(&["--output", "/nonexistent/report.html"]), "name a file in a folder");
    assert_refused(&with(&["--where", "x"]), "no JSON");
    assert_refused(&with(&["--json", "--format", "csv"]), "cannot be used with");
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
    nodes: Vec<Stub>,
}

impl Stubs {
    fn start(kinds: &[StubKind]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let name = |index: usize| format!("clinic-{index}");
        let nodes: Vec<Stub> = kinds
            .iter()
            .enumerate()
            .map(|(index, kind)| Stub::start(&name(index), *kind))
            .collect();
        let members = nodes.iter().enumerate().map(|(index, stub)| {
            format!("[[member]]\nname = \"{}\"\napi = \"{}\"\n", name(index), stub.url)
        });
        fs::write(folder.path().join("client.toml"), members.collect::<String>()).unwrap();
        Self { folder, nodes }
    }

    fn compute(&self) -> Running {
        let mut command = compute(self.folder.path(), &["SecureSum"]);
        command.args(self.nodes.iter().flat_map(|_| ["--data", "1"]));
        Running::start(command)
    }
}

/// A computation under way.
struct Running {
    process: Child,
    /// The lines on standard error.
    lines: Lines,
}

impl Running {
    fn start(mut command: Command) -> Self {
        let mut process = command.stderr(Stdio::piped()).spawn().unwrap();
        let lines = Lines::of(process.stderr.take().unwrap());
        Self { process, lines }
    }

    /// Reads on until a line has this.
    #[track_caller]
    fn wait_for_line(&mut self, text: &str) {
        self.wait_for_line_with(&[text]);
    }

    /// Reads on until a line has all of these.
    #[track_caller]
    fn wait_for_line_with(&mut self, texts: &[&str]) {
        let found = self.lines.any(|line| texts.iter().all(|text| line.contains(text)));
        assert!(found, "no line has {texts:?}");
    }

    fn interrupt(&self) {
        send_signal("INT", self.process.id());
    }

    /// Waits for the end, and checks the exit code and the lines until then.
    #[track_caller]
    fn assert_exit(mut self, code: i32, text: &str) {
        let status = wait_for_exit(&mut self.process);
        let rest = self.lines.by_ref().collect::<Vec<_>>().join("\n");
        assert_eq!(status.code(), Some(code), "{rest}");
        assert!(rest.contains(text), "{text:?} is not said: {rest}");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn an_interruption_ends_the_computation_at_all_nodes() {
    let stubs = Stubs::start(&[StubKind::New; 3]);
    let mut running = stubs.compute();
    running.wait_for_line_with(&["waiting for clinic-9 since ", ", at agreeing"]);
    assert!(!stubs.nodes.iter().any(Stub::was_ended));
    running.interrupt();
    running.assert_exit(130, "ended at all nodes");
    assert!(stubs.nodes.iter().all(Stub::was_ended));
}

#[test]
fn nodes_that_cannot_be_told_are_named_and_a_second_interruption_leaves_at_once() {
    let stubs = Stubs::start(&[StubKind::New, StubKind::Old]);
    let mut running = stubs.compute();
    running.wait_for_line("clinic-0: waiting for clinic-9");
    running.interrupt();
    running.assert_exit(130, "at clinic-1 (its cloister is too old");
    assert!(stubs.nodes[0].was_ended());

    let deaf = Stubs::start(&[StubKind::Deaf; 2]);
    let mut running = deaf.compute();
    running.wait_for_line("clinic-1: waiting for clinic-9");
    running.interrupt();
    running.wait_for_line("interrupt again");
    running.interrupt();
    running.assert_exit(130, "left at once");
}

#[test]
fn real_nodes_end_a_computation_that_is_interrupted_and_go_on_with_others() {
    let cluster = Cluster::teaching(2);
    let long = ["Empty", "--parameter", "times=100000", "--data", "[]", "--data", "[]"];
    let mut running = Running::start(compute(&cluster.folder(), &long));
    running.wait_for_line("clinic-1: asked");
    running.interrupt();
    running.assert_exit(130, "ended at all nodes");
    // The state shows that it was not the deadline that ended them.
    for index in 0..2 {
        let all = cluster.api(index).send("GET", "/v1/computations?state=all", "").body;
        assert_eq!(all["computations"][0]["state"], "cancelled", "{all}");
    }
    cluster.check_health();
}
