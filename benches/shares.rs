//! The cost of operations on shares between three real nodes over loopback mutual TLS, beside the
//! speed of the link, the generator and plain arithmetic in the same run.
//!
//! `cargo bench --bench shares`
//!
//! Prints a table. One computation does an operation several times, another does it once. The cost
//! of the operation is the difference, divided by the number of further times. So the agreement and
//! the random operands are not in it. Each time is a median over runs, from the request to the last
//! answer.
//!
//! Bytes and rounds are those of the node that sends most. All three nodes share this machine's
//! cores. Functions are measured whole, agreement included.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a benchmark stops where it fails"
)]
#![allow(clippy::print_stdout, reason = "its output is what it is for")]

#[path = "support/link.rs"]
mod link;
#[path = "support/nodes.rs"]
mod nodes;

use std::hint::black_box;
use std::time::{Duration, Instant};

use cloister_protocols::algebra::matrix::add_product;
use cloister_protocols::computation::Input;
use cloister_protocols::parameters::Parameters;
use cloister_protocols::random::Prg;
use cloister_shaping::limits::TlsPair;
use zeroize::Zeroizing;

use crate::link::Pair;
use crate::nodes::Nodes;

const MILLION: usize = 1_000_000;

/// One operation: its size, the times that it is done beyond the first, and the runs.
struct Case {
    name: &'static str,
    operation: &'static str,
    size: usize,
    more: u32,
    runs: usize,
}

/// The cost of an operation.
struct Cost {
    seconds: f64,
    rounds: f64,
    bytes: f64,
}

impl Case {
    /// Measures the cost of doing it once.
    fn measure(&self, nodes: &mut Nodes) -> Cost {
        let (once, more) = (self.whole(nodes, 1), self.whole(nodes, 1 + self.more));
        let each = |once: f64, more: f64| (more - once) / f64::from(self.more);
        Cost {
            seconds: each(once.seconds, more.seconds),
            rounds: each(once.rounds, more.rounds),
            bytes: each(once.bytes, more.bytes),
        }
    }

    /// Measures a whole computation that does it `times` times.
    fn whole(&self, nodes: &mut Nodes, times: u32) -> Cost {
        let parameters = Parameters::default()
            .with("operation", self.operation)
            .with("size", self.size)
            .with("times", times);
        let inputs = vec![Input::Numbers(vec![]); 3];
        let mut runs: Vec<_> =
            (0..self.runs).map(|_| nodes.run("Measure", &parameters, &inputs)).collect();
        runs.sort_by_key(|(elapsed, _)| *elapsed);
        let (elapsed, report) = &runs[runs.len() / 2];
        Cost {
            seconds: elapsed.as_secs_f64(),
            rounds: report.cost.rounds as f64,
            bytes: report.cost.bytes_sent as f64,
        }
    }
}

fn median(runs: usize, mut run: impl FnMut() -> Duration) -> f64 {
    let mut times: Vec<Duration> = (0..runs).map(|_| run()).collect();
    times.sort();
    times[runs / 2].as_secs_f64()
}

fn timed<T>(work: impl FnOnce() -> T) -> Duration {
    let start = Instant::now();
    black_box(work());
    start.elapsed()
}

fn numbers(count: usize) -> Vec<u64> {
    (0..count as u64).map(|index| index.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect()
}

fn line(case: &Case, cost: &Cost, against: &str, limit: f64, bound: &str) {
    let ratio = cost.seconds / limit;
    let (seconds, limit) = (cost.seconds * 1e3, limit * 1e3);
    let each = cost.bytes / case.size as f64;
    println!(
        "{:<34} {seconds:>10.3} ms {:>6} rounds {:>12} bytes {each:>8.2} each   {limit:>9.3} ms \
         {against}: {ratio:.2} x (aim {bound})",
        case.name, cost.rounds, cost.bytes
    );
}

fn main() {
    let mut raw = TlsPair::connect(None).unwrap();
    raw.time(64 << 20).unwrap();
    let link = |raw: &mut TlsPair, bytes: u64| median(11, || raw.time(bytes as usize).unwrap());
    let round_trip = Pair::connect().round_trip(2_000).as_secs_f64();
    let mut words = vec![0_u64; MILLION];
    let expander = Prg::new(&Zeroizing::new([7; 32]));
    let aes = median(21, || timed(|| expander.stream_from(0).fill(&mut words)));
    println!("AES-CTR, 8 MB on one core            {:>10.3} ms", aes * 1e3);
    println!("round trip of an empty frame         {:>10.3} ms", round_trip * 1e3);

    let mut nodes = Nodes::start(3);
    let case = |name, operation, size, more, runs| Case { name, operation, size, more, runs };
    let empty = case("agreeing, and one product", "multiply", 1, 1, 101);
    println!("{:<34} {:>10.3} ms", empty.name, empty.whole(&mut nodes, 1).seconds * 1e3);

    let products = case("10^6 products", "multiply", MILLION, 4, 9);
    let cost = products.measure(&mut nodes);
    let all = link(&mut raw, 3 * cost.bytes as u64);
    line(&products, &cost, "raw link, bytes of all three", all, "3 x");
    let one = link(&mut raw, cost.bytes as u64);
    line(&products, &cost, "raw link, bytes of one", one, "3 x");

    let dot = case("inner product of 10^6", "inner_product", MILLION, 10, 9);
    let cost = dot.measure(&mut nodes);
    let vectors = [numbers(MILLION), numbers(MILLION), numbers(MILLION), numbers(MILLION)];
    let plain = median(31, || {
        timed(|| inner(&vectors[0], &vectors[1]).wrapping_add(inner(&vectors[2], &vectors[3])))
    });
    line(&dot, &cost, "plain, of both shares", plain, "4 x");

    let compare = case("10^5 comparisons of 64 bits", "compare", 100_000, 5, 9);
    let cost = compare.measure(&mut nodes);
    let raw_time = link(&mut raw, 3 * cost.bytes as u64);
    line(&compare, &cost, "raw link, bytes of all three", raw_time, "30 bytes");

    let chain = case("1,000 dependent products", "multiply", 1, 1_000, 11);
    let cost = chain.measure(&mut nodes);
    let cost = Cost { seconds: 1_000.0 * cost.seconds, rounds: 1_000.0 * cost.rounds, ..cost };
    line(&chain, &cost, "as many round trips", 1_000.0 * round_trip, "2 x");

    let matrix = case("512 x 512 x 512", "matrix_product", 512, 2, 5);
    let cost = matrix.measure(&mut nodes);
    let (x, y, mut z) = (numbers(512 * 512), numbers(512 * 512), vec![0; 512 * 512]);
    let plain = median(9, || timed(|| add_product(&x, &y, &mut z, 512, 512)));
    line(&matrix, &cost, "plain, same kernel", plain, "6 x");

    let sort = case("sort of 10^4 64-bit values", "sort", 10_000, 2, 5);
    let cost = sort.measure(&mut nodes);
    let raw_time = link(&mut raw, 3 * cost.bytes as u64);
    line(&sort, &cost, "raw link, bytes of all three", raw_time, "-");

    let data: Vec<Input> = (0..3)
        .map(|party| Input::Numbers((0..100).map(|row| f64::from(row * 7 + party) / 3.0).collect()))
        .collect();
    for function in ["SecureMedian", "MinimumMaximum", "StatisticsUnivariate"] {
        let inputs: Vec<Input> = match function {
            "MinimumMaximum" => vec![Input::Points(vec![(1.0, 2.0); 100]); 3],
            _ => data.clone(),
        };
        let mut runs: Vec<_> =
            (0..51).map(|_| nodes.run(function, &Parameters::default(), &inputs)).collect();
        runs.sort_by_key(|(elapsed, _)| *elapsed);
        let (elapsed, report) = &runs[runs.len() / 2];
        println!(
            "{function:<34} {:>10.3} ms {:>6} rounds {:>12} bytes   (100 numbers a party; aim 20 ms)",
            elapsed.as_secs_f64() * 1e3,
            report.cost.rounds,
            report.cost.bytes_sent
        );
    }
}

/// Returns the inner product of vectors in the clear.
fn inner(x: &[u64], y: &[u64]) -> u64 {
    x.iter().zip(y).fold(0, |sum, (x, y)| sum.wrapping_add(x.wrapping_mul(*y)))
}
