//! Times of computations over slow links against theory and simulation, within a tenth: runs of the
//! command's own `bench rounds`. For a quiet machine; it fails where a time is further off.
//!
//! `cargo bench --bench theory`

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a benchmark stops where it fails"
)]

use std::process::{Command, ExitCode, Stdio};

use cloister_report::measurement::{Line, Measurement, Way};

/// The deviation of a time that is allowed, as a part of it.
const TOLERANCE: f64 = 0.1;

fn main() -> ExitCode {
    let mut is_near = true;
    for (functions, repeat) in [("SecureSum,SecureVectorSum", "9"), ("SecureMedian", "3")] {
        is_near &= simulated_times_are_those_of_real_nodes(functions, repeat);
    }
    // Two parties need a helper, who is called first.
    let with_helper = ["--parties", "2", "--function", "SecureMatrixMultiplication,SecureMedian"];
    for more in [&["--parties", "3"][..], &with_helper] {
        is_near &= slow_links_take_what_theory_says(more);
    }
    if is_near { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn simulated_times_are_those_of_real_nodes(functions: &str, repeat: &str) -> bool {
    let links = ["--link", "mobile", "--rtt", "120ms", "--bandwidth", "50mbit"];
    let ways = ["--way", "real,simulated", "--size", "2e4"];
    let given = ["--function", functions, "--repeat", repeat];
    let measurement = measured(&[&given[..], &links, &ways].concat());
    let lines = || measurement.lines.iter();
    let mut is_near = true;
    for real in lines().filter(|line| line.case.way == Way::Real) {
        let simulated = lines()
            .find(|line| {
                line.case.way == Way::Simulated
                    && (&line.case.function, &line.case.link)
                        == (&real.case.function, &real.case.link)
            })
            .unwrap();
        is_near &= near(real, simulated.seconds.least, "simulated");
    }
    is_near
}

/// Compares times over slow links with theory. The time over loopback is added to the link's.
fn slow_links_take_what_theory_says(more: &[&str]) -> bool {
    let link = ["--link", "loopback", "--rtt", "28ms", "--bandwidth", "100mbit"];
    let measurement = measured(&[&link[..], more, &["--repeat", "3"]].concat());
    let (on_loopback, slow): (Vec<&Line>, Vec<&Line>) =
        measurement.lines.iter().partition(|line| line.case.link.round_trip == 0.0);
    assert_eq!(on_loopback.len(), slow.len());
    let mut is_near = true;
    for (loopback, line) in on_loopback.into_iter().zip(slow) {
        assert_eq!(loopback.case.function, line.case.function);
        is_near &= near(line, line.theory.unwrap() + loopback.seconds.least, "theory");
    }
    is_near
}

fn measured(arguments: &[&str]) -> Measurement {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cloister"));
    command.args(["bench", "rounds", "--json"]).args(arguments).stderr(Stdio::inherit());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", output.status);
    let measurement = Measurement::read(std::str::from_utf8(&output.stdout).unwrap()).unwrap();
    assert!(measurement.complete && measurement.skipped.is_empty(), "{:?}", measurement.skipped);
    measurement
}

/// Prints the distance between a line and the expected time. Returns whether it is tolerated.
fn near(line: &Line, expected: f64, whose: &str) -> bool {
    let (case, seconds) = (&line.case, line.seconds.least);
    let off = seconds / expected - 1.0;
    println!(
        "{} over {}, {} parties: {seconds:.4} s, {whose} {expected:.4} s, {:+.1} %",
        case.function,
        case.link.name,
        case.parties,
        off * 100.0
    );
    off.abs() <= TOLERANCE
}
