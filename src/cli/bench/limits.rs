//! The limits of this machine, measured in the same run: bare links, the generator, and plain
//! arithmetic on all data.

use std::collections::{BTreeMap, HashMap};
use std::hint::black_box;
use std::time::{Duration, Instant};

use cloister_protocols::algebra::matrix::add_product;
use cloister_protocols::computation::Input;
use cloister_protocols::random::Prg;
use cloister_report::measurement::{Bound, LATENCY, Limits, Link, Way};
use cloister_shaping::limits::TlsPair;
use zeroize::Zeroizing;

use super::link;
use super::protocol_cost::{ProtocolCost, as_f64};
use super::subject::Workload;
use crate::problem::{Outcome, Problem};

/// Bytes that are sent for the rate of a link.
const LINK_BYTES: usize = 64 << 20;

/// Words that the generator makes for its rate.
const WORDS: usize = 1 << 20;

/// Measures a bare connection over this link, and the generator.
pub(super) fn measure(link: &Link) -> Outcome<Limits> {
    let failed = |error| Problem::ours(format!("a bare connection cannot be measured: {error}"));
    let mut pair = TlsPair::connect(link::shape(link)).map_err(failed)?;
    let trips = if link.round_trip > 0.005 { 20 } else { 1_000 };
    let round_trip = pair.round_trip(trips).map_err(failed)?.as_secs_f64();
    // About a fifth of a second of a slow link.
    let bytes = match link.bandwidth {
        Some(bandwidth) if bandwidth < 250e6 => to_usize(bandwidth / 5.0),
        _ => LINK_BYTES,
    };
    let bytes_per_second = pair.bytes_per_second(bytes).map_err(failed)?;
    Ok(Limits {
        link: link.clone(),
        round_trip,
        bytes_per_second,
        aes_ctr_bytes_per_second: generator(),
    })
}

fn generator() -> f64 {
    let mut words = vec![0_u64; WORDS];
    let expander = Prg::new(&Zeroizing::new([7; 32]));
    let seconds = median(11, || expander.stream_from(0).fill(&mut words));
    as_f64(8 * WORDS as u64) / seconds
}

/// Lists the lower bounds of a computation's time: each by itself.
pub(super) fn bounds(
    cost: &ProtocolCost,
    limits: &Limits,
    workload: &Workload,
    way: Way,
) -> Vec<Bound> {
    let sent = cost.traffic().map(|traffic| traffic.bytes_sent).max().unwrap_or(0);
    let mut bounds = vec![
        bound("aes-ctr", as_f64(sent) / limits.aes_ctr_bytes_per_second),
        bound("plaintext", plaintext(workload)),
    ];
    if way != Way::Simulated {
        bounds.push(bound(LATENCY, cost.depth * limits.round_trip / 2.0));
        bounds.push(bound("link", as_f64(cost.busiest) / limits.bytes_per_second));
    } else if let Some(theory) = cost.theory(&limits.link) {
        bounds.push(bound("link", theory));
    }
    bounds.retain(|bound| bound.seconds > 0.0);
    bounds
}

fn bound(name: &str, seconds: f64) -> Bound {
    Bound { name: name.to_owned(), seconds }
}

/// Measures the function on all data in the clear, with one processor.
fn plaintext(workload: &Workload) -> f64 {
    let size = workload.size;
    match workload.subject.name {
        "multiply" | "inner_product" => {
            let (x, y) = (words(size), words(size));
            median(5, || {
                let products = x.iter().zip(&y).map(|(x, y)| x.wrapping_mul(*y));
                products.fold(0_u64, u64::wrapping_add)
            })
        }
        "compare" => {
            let (x, y) = (words(size), words(size));
            median(5, || x.iter().zip(&y).filter(|(x, y)| x < y).count())
        }
        "sort" => {
            let unsorted = words(size);
            median(5, || {
                let mut words = unsorted.clone();
                words.sort_unstable();
                words
            })
        }
        "matrix_product" => {
            let (x, y) = (words(size * size), words(size * size));
            let mut product = vec![0; size * size];
            median(3, || add_product(&x, &y, &mut product, size, size))
        }
        _ => median(3, || pooled(workload)),
    }
}

/// Does work of the function's order of effort over all inputs.
fn pooled(workload: &Workload) {
    let mut numbers = Vec::new();
    let mut counts: HashMap<&str, u64> = HashMap::new();
    let mut cells: BTreeMap<&(String, String), u64> = BTreeMap::new();
    let mut integers = Vec::new();
    for input in &workload.inputs {
        match input {
            Input::Numbers(items) => numbers.extend_from_slice(items),
            Input::Ranked { array, .. } => numbers.extend_from_slice(array),
            Input::Matrix { elements, .. } => numbers.extend_from_slice(elements),
            Input::Points(items) => numbers.extend(items.iter().flat_map(|(x, y)| [*x, *y])),
            Input::Texts(items) => {
                items.iter().for_each(|text| *counts.entry(text).or_default() += 1);
            }
            Input::TextPairs(items) => {
                items.iter().for_each(|pair| *cells.entry(pair).or_default() += 1);
            }
            Input::Integers(items) => {
                integers.resize(items.len(), 0_i64);
                let sums = integers.iter_mut().zip(items);
                sums.for_each(|(sum, item)| *sum = sum.wrapping_add(*item));
            }
            Input::Keyed { ids, .. } => {
                ids.iter().for_each(|id| *counts.entry(id).or_default() += 1);
            }
            Input::CountedTexts(_) | Input::CountedPairs(_) | Input::Added { .. } => {}
        }
    }
    let function = workload.subject.function;
    if function.is_on_shares() && function.has_rows() {
        numbers.sort_unstable_by(f64::total_cmp);
    }
    let power_sums = numbers
        .iter()
        .fold([0.0; 4], |[a, b, c, d], x| [a + x, b + x * x, c + x * x * x, d + x * x * x * x]);
    black_box((power_sums, counts, cells, integers));
}

fn words(count: usize) -> Vec<u64> {
    (0..count as u64).map(|index| index.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect()
}

fn median<T>(times: usize, mut work: impl FnMut() -> T) -> f64 {
    let mut elapsed: Vec<Duration> = (0..times)
        .map(|_| {
            let begun = Instant::now();
            black_box(work());
            begun.elapsed()
        })
        .collect();
    elapsed.sort();
    elapsed.get(times / 2).map_or(0.0, Duration::as_secs_f64)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a bandwidth is positive and far below 2^53"
)]
fn to_usize(bytes: f64) -> usize {
    bytes as usize
}
