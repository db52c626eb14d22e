//! `cloister bench rounds` as people and scripts use it. Rounds and bytes are the same in every
//! way, times are as the theory gives them, and files can be read again.

use std::fs;
use std::path::Path;
use std::process::{Output, Stdio};

use cloister_report::measurement::{Line, Measurement, Round, Stage, Way};
use cloister_testkit::{Cluster, Kind, cloister, send_signal, wait_until};
use serde_json::Value;

fn bench(arguments: &[&str]) -> Output {
    let mut command = cloister();
    command.args(["bench", "rounds"]).args(arguments).output().unwrap()
}

#[track_caller]
fn ended(output: &Output, code: i32, says: &str) {
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{error}");
    assert!(error.contains(says), "{error}");
}

/// Runs the benchmark with `--json`. Standard output has the measurement and nothing else.
#[track_caller]
fn measured(arguments: &[&str]) -> Measurement {
    let output = bench(&[arguments, &["--json"]].concat());
    ended(&output, 0, "");
    let measurement = Measurement::read(std::str::from_utf8(&output.stdout).unwrap()).unwrap();
    assert!(measurement.complete && measurement.skipped.is_empty(), "{:?}", measurement.skipped);
    measurement
}

/// Pairs the lines that differ in the way only: by nodes, and simulated.
fn twins(measurement: &Measurement) -> Vec<(&Line, &Line)> {
    let simulated = |real: &&Line| {
        measurement.lines.iter().find(|other| {
            let (case, other_case) = (&real.case, &other.case);
            other_case.way == Way::Simulated
                && (&case.function, &case.link, case.size, case.parties)
                    == (&other_case.function, &other_case.link, other_case.size, other_case.parties)
        })
    };
    let real = measurement.lines.iter().filter(|line| line.case.way != Way::Simulated);
    real.map(|real| (real, simulated(&real).unwrap())).collect()
}

/// Lists the traffic of every party by round. A helper of real nodes tells no one its own.
fn rounds(line: &Line) -> Vec<(String, Vec<String>)> {
    let parties = line.nodes.iter().take(line.case.parties);
    parties.map(|node| (node.name.clone(), node.trace.iter().map(traffic).collect())).collect()
}

fn traffic(round: &Round) -> String {
    let Round { name, stage, messages_sent, bytes_sent, bytes_received, .. } = round;
    let stage = stage.word();
    format!("{name}, {stage}: {messages_sent}, {bytes_sent}, {bytes_received}")
}

#[test]
fn rounds_and_bytes_are_the_same_in_all_ways() {
    let functions = "Empty,SecureSum,StatisticsContingency,StatisticsUnivariate,TopK,mode";
    let given = ["--function", functions, "--way", "real,simulated", "--repeat", "1"];
    let links = ["--link", "loopback", "--rtt", "2ms"];
    for parties in ["2", "3"] {
        let measurement = measured(&[&given[..], &links, &["--parties", parties]].concat());
        let twins = twins(&measurement);
        assert_eq!(twins.len(), 12);
        for (real, simulated) in twins {
            assert!(!real.nodes.is_empty() && real.rounds > 0);
            assert_eq!(rounds(real), rounds(simulated), "{:?}", real.case);
        }
        let (on_loopback, shaped): (Vec<&Line>, Vec<&Line>) =
            measurement.lines.iter().partition(|line| line.case.link.round_trip == 0.0);
        for (one, other) in on_loopback.into_iter().zip(shaped) {
            assert_eq!(one.case.function, other.case.function);
            assert_eq!(rounds(one), rounds(other), "{:?}", one.case);
        }
    }
}

#[test]
fn what_parties_prepare_by_themselves_is_told_apart_and_the_same_in_every_run() {
    // In a sort one of two parties sends more than the other: each time the same one.
    let functions = "SecureMedian,multiply,sort";
    let given = ["--suite", "pairwise", "--function", functions, "--size", "8"];
    let more = ["--parties", "2,3", "--way", "real,simulated", "--repeat", "1"];
    let measurement = measured(&[&given[..], &more].concat());
    let twins = twins(&measurement);
    assert_eq!(twins.len(), 6);
    for (real, simulated) in twins {
        assert_eq!((real.case.suite.as_str(), real.case.helpers), ("pairwise", 0));
        assert_eq!(rounds(real), rounds(simulated), "{:?}", real.case);
        let [preparation, online] = Stage::ALL.map(|stage| real.stage(stage));
        assert!(preparation.rounds > 0 && online.rounds > 0);
        assert_eq!(preparation.bytes + online.bytes, real.bytes);
        let of_nodes = real.nodes.iter().flat_map(|node| &node.trace);
        let prepared = of_nodes.filter(|round| round.stage == Stage::Preparation);
        assert_eq!(prepared.map(|round| round.bytes_sent).sum::<u64>(), preparation.bytes);
        let least = preparation.seconds.least + online.seconds.least;
        assert!(preparation.seconds.least > 0.0 && least <= real.seconds.p95, "{real:?}");
    }
}

/// Leaves the distance between real times and the theory to the benchmark `theory`.
#[test]
fn a_slow_link_takes_no_less_than_theory_says_whatever_the_function() {
    let link = ["--rtt", "28ms", "--bandwidth", "100mbit", "--way", "real,simulated"];
    let three = ["--parties", "3", "--function", "SecureSum,SecureVectorSum,SecureMedian"];
    // Two parties need a helper, which is called first.
    let two = ["--parties", "2", "--function", "SecureMatrixMultiplication,SecureMedian"];
    for functions in [three, two] {
        let measurement = measured(&[&link[..], &functions, &["--repeat", "1"]].concat());
        let slow = measurement.lines.iter().filter(|line| line.case.link.round_trip > 0.0);
        assert!(slow.clone().count() >= 4);
        for line in slow {
            // Messages that wait for each other, and the bytes of the busiest link.
            let sent = line.nodes.iter().map(|node| node.bytes_sent).max().unwrap();
            let latencies = as_f64(u64::try_from(line.depth).unwrap()) * 0.014;
            let theory = line.theory.unwrap();
            assert!(theory >= latencies && theory <= latencies + as_f64(sent) / 12.5e6);
            // Real nodes do not start at once, and the one that starts last need not wait for the
            // others' proposals. A simulation takes the time of the theory, and rounds it.
            let least = match line.case.way {
                Way::Simulated => latencies * (1.0 - 1e-6),
                _ => latencies - 0.014,
            };
            assert!(line.seconds.least >= least, "{:?}: {:?}", line.case, line.seconds);
        }
    }
}

fn as_f64(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap())
}

#[test]
fn an_earlier_measurement_is_a_guard() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).display().to_string();
    let (old, new) = (file("old.json"), file("new.json"));
    let first = bench(&["--function", "SecureSum", "--way", "simulated", "--json", &old]);
    ended(&first, 0, "");
    assert!(String::from_utf8_lossy(&first.stdout).contains("SecureSum"));
    let mut document: Value = serde_json::from_slice(&fs::read(&old).unwrap()).unwrap();
    // No machine takes longer than an hour for it.
    for figure in ["least", "median", "p95"] {
        *document.pointer_mut(&format!("/lines/0/seconds/{figure}")).unwrap() = 3600.0.into();
    }
    fs::write(&old, document.to_string()).unwrap();
    let same = bench(&["--compare", &old]);
    ended(&same, 0, "");
    assert!(String::from_utf8_lossy(&same.stdout).contains("SecureSum"));

    let bytes = document.pointer_mut("/lines/0/bytes").unwrap();
    *bytes = (bytes.as_u64().unwrap() - 1).into();
    fs::write(&new, document.to_string()).unwrap();
    ended(&bench(&["--compare", &new]), 1, "worse");
    // A case that cannot be measured any more.
    let mut lost = document.clone();
    *lost.pointer_mut("/lines/0/profile").unwrap() = "none".into();
    fs::write(&new, lost.to_string()).unwrap();
    ended(&bench(&["--compare", &new]), 1, "no profile `none`");
    ended(&bench(&["--compare", &old, "--tolerance", "nan"]), 2, "a share");
    document["version"] = 99.into();
    fs::write(&new, document.to_string()).unwrap();
    ended(&bench(&["--compare", &new]), 2, "form 99");
    ended(&bench(&["--compare", &file("none.json")]), 2, "cannot read");
}

#[test]
fn all_files_are_written_and_stand_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let shown = |name: &str| path(name).display().to_string();
    let [report, csv, spans] = ["report.html", "lines.csv", "spans.json"].map(shown);
    let files = ["--report", &report, "--csv", &csv, "--spans", &spans, "--trace"];
    let given = ["--function", "SecureMedian,Empty", "--way", "simulated", "--size", "10,1e3"];
    let output = bench(&[&given[..], &files].concat());
    ended(&output, 0, "");
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(table.contains("agreeing") && table.contains("SecureMedian"), "{table}");
    let read = |name: &str| fs::read_to_string(path(name)).unwrap();
    assert!(read("report.html").contains("<svg"));
    // Two sizes of each function, and the head.
    assert_eq!(read("lines.csv").lines().count(), 5);
    let spans: Value = serde_json::from_str(&read("spans.json")).unwrap();
    assert!(spans["resourceSpans"].as_array().unwrap().len() >= 3);
    let missing = shown("none/report.html");
    ended(&bench(&["--function", "Empty", "--report", &missing]), 2, "cannot write");
}

#[test]
fn a_hundred_parties_are_simulated() {
    let measurement = measured(&["--function", "SecureSum", "--parties", "101", "--repeat", "1"]);
    let line = &measurement.lines[0];
    assert_eq!((line.case.way, line.nodes.len()), (Way::Simulated, 101));
}

#[test]
fn what_makes_no_sense_is_refused() {
    for (given, says) in [
        (&["--function", "SecureSums"][..], "there are Empty, SecureSum"),
        (&["--size", "0"], "is no size"),
        (&["--rtt", "28"], "write it like 28ms"),
        (&["--bandwidth", "1gbit"], "--rtt"),
        (&["--link", "moon"], "loopback, lan, wan and mobile"),
        (&["--parties", "1"], "2 to 250"),
        (&["--parties", "100", "--way", "real"], "--way simulated"),
        (&["--parties", "2", "--function", "compare"], "three nodes"),
        (&["--parties", "250", "--size", "1e8"], "choose a smaller --size"),
        (
            &["--function", "SecureVectorSum", "--size", "10000001"],
            "limit of 10000000 64-bit words",
        ),
        (&["--suite", "none"], "masked, replicated and pairwise"),
        (&["--preset", "whitepaper", "--rtt", "1ms"], "cannot be used with"),
        (&["--consortium", "/nowhere"], "cannot read"),
    ] {
        ended(&bench(given), 2, says);
    }
    // A refusal of a function is reported, and the rest is measured.
    let both =
        ["--function", "sort,Empty", "--size", "3e5,9", "--way", "simulated", "--repeat", "1"];
    let output = bench(&both);
    ended(&output, 0, "not measured: sort over loopback");
    assert!(String::from_utf8_lossy(&output.stdout).contains("Empty"));
}

#[test]
fn an_interrupt_ends_with_what_is_there() {
    let given = ["--function", "Empty,SecureMedian", "--rtt", "200ms", "--repeat", "100", "--json"];
    let mut command = cloister();
    command.args(["bench", "rounds"]).args(given).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    // Empty takes a minute; the second never ends in the time of a test.
    wait_until("nodes are measured", || has_children(child.id()));
    send_signal("INT", child.id());
    let output = child.wait_with_output().unwrap();
    ended(&output, 0, "interrupted");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!Measurement::read(&text).unwrap().complete);
}

/// Returns whether a process has started others.
fn has_children(id: u32) -> bool {
    let is_child = |stat: &str| {
        // The state and the parent follow the name, which is in parentheses.
        let fields = stat.rsplit_once(')').map(|(_, fields)| fields.split_whitespace());
        fields.and_then(|mut fields| fields.nth(1)) == Some(&id.to_string())
    };
    let processes = fs::read_dir("/proc").unwrap().flatten();
    // Some have ended meanwhile.
    let stats = processes.filter_map(|one| fs::read_to_string(one.path().join("stat")).ok());
    stats.into_iter().any(|stat| is_child(&stat))
}

#[test]
fn a_consortium_is_measured_on_its_own_nodes() {
    let cluster = Cluster::start(Kind { profile: "production", ..Kind::teaching(3) });
    let folder = cluster.folder();
    let of = |more: &[&str]| -> Output {
        let own = ["--consortium", shown(&folder), "--repeat", "2", "--json"];
        bench(&[&own[..], more].concat())
    };
    let output = of(&["--function", "SecureSum,SecureMedian,Empty"]);
    ended(&output, 0, "");
    let text = String::from_utf8(output.stdout).unwrap();
    let measurement = Measurement::read(&text).unwrap();
    assert_eq!(measurement.lines.len(), 3, "{:?}", measurement.skipped);
    for line in &measurement.lines {
        assert_eq!((line.case.way, line.case.profile.as_str()), (Way::Consortium, "production"));
        assert_eq!(line.nodes.len(), 3);
        assert!(line.nodes.iter().all(|node| node.name.starts_with("clinic-")));
    }
    // The release check that the rules ask for is measured with it.
    assert!(measurement.lines[0].rounds > 2);
    let few = of(&["--function", "SecureSum", "--size", "2"]);
    ended(&few, 4, "rows");
}

fn shown(path: &Path) -> &str {
    path.to_str().unwrap()
}
