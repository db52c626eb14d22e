//! The cost of sets and joins between real nodes over loopback mutual TLS. Beside it, in the same run,
//! the speed of one core's curve arithmetic.
//!
//! `cargo bench --bench sets`
//!
//! Prints a table. A party hashes an item into the group, exponentiates and encodes it. The other
//! decodes, exponentiates and encodes it again. That is timed on one core, and divided by the cores
//! that all nodes share.
//!
//! Times of computations are medians, from the request to the last answer, agreement included.
//! Memory is the process's peak above its memory at the start, with the items as texts. All nodes are
//! in one process.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a benchmark stops where it fails"
)]
#![allow(clippy::cast_precision_loss, reason = "times and counts are far below 2^53")]
#![allow(clippy::print_stdout, reason = "its output is what it is for")]

#[path = "support/nodes.rs"]
mod nodes;

use std::fs;
use std::hint::black_box;
use std::time::Instant;

use cloister_protocols::computation::{Column, Input};
use cloister_protocols::parameters::Parameters;
use curve25519_dalek::ristretto::CompressedRistretto;
use curve25519_dalek::{RistrettoPoint, Scalar};

use crate::nodes::Nodes;

/// Returns the seconds that one core takes for the work of both parties on one item.
fn seconds_per_item() -> f64 {
    const ITEMS: u32 = 4_096;
    let power = Scalar::from_bytes_mod_order([7; 32]);
    let mut times: Vec<f64> = (0..9)
        .map(|_| {
            let start = Instant::now();
            let mut blinded = Vec::new();
            for batch in 0..ITEMS / 64 {
                let powers: Vec<RistrettoPoint> = (0..64)
                    .map(|item| {
                        let mut wide = [0; 64];
                        let mut hasher = blake3::Hasher::new();
                        hasher.update(&(64 * batch + item).to_le_bytes());
                        hasher.finalize_xof().fill(&mut wide);
                        RistrettoPoint::from_uniform_bytes(&wide) * power
                    })
                    .collect();
                blinded.extend(RistrettoPoint::double_and_compress_batch(&powers));
            }
            for batch in blinded.chunks(64) {
                let powers: Vec<RistrettoPoint> = batch
                    .iter()
                    .map(|element: &CompressedRistretto| element.decompress().unwrap() * power)
                    .collect();
                black_box(RistrettoPoint::double_and_compress_batch(&powers));
            }
            start.elapsed().as_secs_f64() / f64::from(ITEMS)
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn items(party: usize, count: usize) -> Vec<String> {
    (0..count)
        .map(|row| match row % 2 {
            0 => format!("patient {row}"),
            _ => format!("patient {row} of {party}"),
        })
        .collect()
}

fn status_kibibytes(name: &str) -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse().unwrap()
}

/// The cost of a function.
struct Measured {
    /// The median time.
    seconds: f64,
    /// The bytes that the first node sent.
    bytes_sent: f64,
    /// The peak of memory in bytes.
    peak_bytes: f64,
}

/// Runs a function, and returns its cost.
fn measure(
    nodes: &mut Nodes,
    runs: usize,
    function: &str,
    parameters: &Parameters,
    inputs: &[Input],
) -> Measured {
    let before = status_kibibytes("VmRSS:");
    // Resets the peak, so that it is the peak of these runs.
    let _ = fs::write("/proc/self/clear_refs", "5");
    let mut times = Vec::new();
    let mut bytes_sent = 0.0;
    for _ in 0..runs {
        let (elapsed, report) = nodes.run(function, parameters, inputs);
        times.push(elapsed.as_secs_f64());
        bytes_sent = report.cost.bytes_sent as f64;
    }
    times.sort_by(f64::total_cmp);
    let peak_bytes = (status_kibibytes("VmHWM:") - before).max(0.0) * 1024.0;
    Measured { seconds: times[times.len() / 2], bytes_sent, peak_bytes }
}

/// Returns the parameters that measure a join of so many rows.
fn join(size: usize, suite: Option<&str>) -> Parameters {
    Parameters { suite: suite.map(str::to_owned), ..Parameters::default() }
        .with("operation", "join")
        .with("size", size)
}

fn no_data(parties: usize) -> Vec<Input> {
    vec![Input::Numbers(Vec::new()); parties]
}

fn main() {
    let cores = std::thread::available_parallelism().unwrap().get() as f64;
    let each = seconds_per_item();
    println!("an item of one party, one core, both parties' part {:>8.2} us", each * 1e6);
    two_parties(each, cores);
    three_parties();
}

fn two_parties(each: f64, cores: f64) {
    let plain = Parameters::default();
    let mut two = Nodes::start(2);
    let sizes: &[(usize, usize)] = &[(1_000, 15), (10_000, 9), (100_000, 5), (1_000_000, 1)];
    for function in ["SetIntersection", "SetIntersectionSize"] {
        for (size, runs) in
            sizes.iter().filter(|(size, _)| function == "SetIntersection" || *size < 1_000_000)
        {
            let inputs: Vec<Input> =
                (0..2).map(|party| Input::Texts(items(party, *size))).collect();
            let Measured { seconds, bytes_sent, peak_bytes } =
                measure(&mut two, *runs, function, &plain, &inputs);
            let limit = 2.0 * *size as f64 * each / cores;
            println!(
                "{function:<20} 2 parties x {size:>8}: {seconds:>8.3} s, {:>5.1} bytes an item, {:>5.0} bytes of \
                 memory an item; curve arithmetic alone {limit:>7.3} s: {:>3.0} %",
                bytes_sent / *size as f64,
                peak_bytes / (2 * size) as f64,
                100.0 * limit / seconds
            );
        }
    }
    for size in [1_000, 10_000] {
        let Measured { seconds, .. } =
            measure(&mut two, 5, "Measure", &join(size, Some("pairwise")), &no_data(2));
        let rate = size as f64 / seconds;
        println!("join of 2 x {size} rows, 5 columns, pairwise: {seconds:.3} s, {rate:.0} rows/s");
    }
    let inputs: Vec<Input> = (0..2)
        .map(|party| Input::Keyed {
            ids: items(0, 10_000),
            columns: vec![Column::Texts(
                (0..10_000).map(|row| format!("{}", (row >> (3 * party)) % 5)).collect(),
            )],
        })
        .collect();
    let Measured { seconds, .. } =
        measure(&mut two, 5, "StatisticsContingencyVertical", &plain, &inputs);
    println!("table of 2 x 10,000 people, 5 x 5 categories: {seconds:.3} s");
}

fn three_parties() {
    let plain = Parameters::default();
    let mut three = Nodes::start(3);
    for (size, runs) in [(1_000, 9), (10_000, 5), (100_000, 1)] {
        let inputs: Vec<Input> = (0..3).map(|party| Input::Texts(items(party, size))).collect();
        let Measured { seconds, bytes_sent, .. } =
            measure(&mut three, runs, "SetIntersection", &plain, &inputs);
        println!(
            "SetIntersection      3 parties x {size:>8}: {seconds:>8.3} s, {:>5.1} bytes an item of the leader",
            bytes_sent / size as f64
        );
    }
    for size in [1_000, 10_000] {
        let inputs: Vec<Input> = (0..3).map(|party| Input::Texts(items(party, size))).collect();
        let Measured { seconds, .. } =
            measure(&mut three, 5, "SetIntersectionSize", &plain, &inputs);
        println!("SetIntersectionSize  3 parties x {size:>8}: {seconds:>8.3} s");
        let Measured { seconds, .. } =
            measure(&mut three, 5, "Measure", &join(size, None), &no_data(3));
        let rate = size as f64 / seconds;
        println!(
            "join of 3 x {size} rows, 5 columns, replicated: {seconds:.3} s, {rate:.0} rows/s"
        );
    }
}
