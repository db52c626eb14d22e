//! The cost of a joint computation between real nodes over loopback mutual TLS, beside the capacity
//! of the link in the same run.
//!
//! `cargo bench --bench rounds`
//!
//! - `link/*`: 64 MiB in frames of 1 MiB, through a pair of links and over a bare mutual-TLS
//!   connection;
//! - `empty`: agreeing and two rounds with nothing in them, three nodes;
//! - `sum`: `SecureSum` of 100 numbers a party, three nodes;
//! - `vector/*`: `SecureVectorSum` of 10^6 words of 64 bits, three nodes, beside the time of one
//!   bare connection for the bytes that one party sends, and for those of all three.
//!
//! All nodes of a run share this machine, so three parties' cryptography is done by its cores.

#![allow(missing_docs, reason = "criterion makes functions without")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a benchmark stops where it fails"
)]
#![allow(clippy::cast_possible_wrap, reason = "small numbers")]

#[path = "support/link.rs"]
mod link;
#[path = "support/nodes.rs"]
mod nodes;

use std::time::Duration;

use cloister_protocols::computation::Input;
use cloister_protocols::parameters::Parameters;
use cloister_shaping::limits::TlsPair;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

use crate::nodes::Nodes;

const MIB: usize = 1 << 20;
const WORDS: usize = 1_000_000;

fn links(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("link");
    let bytes = 64 * MIB;
    group.throughput(Throughput::Bytes(bytes as u64)).sample_size(20);
    let mut raw = TlsPair::connect(None).unwrap();
    group.bench_function("bare-tls", |bencher| {
        bencher.iter_custom(|times| (0..times).map(|_| raw.time(bytes).unwrap()).sum());
    });
    let mut pair = link::Pair::connect();
    group.bench_function("peer-link", |bencher| {
        bencher.iter_custom(|times| (0..times).map(|_| pair.time(bytes)).sum());
    });
    group.finish();
}

fn small(criterion: &mut Criterion) {
    let mut nodes = Nodes::start(3);
    let parameters = Parameters::default();
    criterion.bench_function("empty", |bencher| {
        bencher.iter_custom(|times| {
            (0..times).map(|_| nodes.time("Empty", &parameters, &Input::Numbers(vec![]))).sum()
        });
    });
    let numbers = Input::Numbers((0..100).map(|index| f64::from(index) / 7.0).collect());
    criterion.bench_function("sum", |bencher| {
        bencher.iter_custom(|times| {
            (0..times).map(|_| nodes.time("SecureSum", &parameters, &numbers)).sum()
        });
    });
}

fn vectors(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("vector");
    group.sample_size(20).measurement_time(Duration::from_secs(10));
    let of_one_party = 2 * 8 * WORDS;
    for (whose, bytes) in [("one", of_one_party), ("all", 3 * of_one_party)] {
        let mut raw = TlsPair::connect(None).unwrap();
        group.bench_function(BenchmarkId::new("bare-tls, bytes of", whose), |bencher| {
            bencher.iter_custom(|times| (0..times).map(|_| raw.time(bytes).unwrap()).sum());
        });
    }
    let mut nodes = Nodes::start(3);
    let parameters = Parameters::default().with("encoding", "integer");
    let input = Input::Integers((0..WORDS).map(|index| index as i64 * 7_919).collect());
    group.bench_function(BenchmarkId::new("SecureVectorSum", WORDS), |bencher| {
        bencher.iter_custom(|times| {
            (0..times).map(|_| nodes.time("SecureVectorSum", &parameters, &input)).sum()
        });
    });
    group.finish();
}

criterion_group!(benches, links, small, vectors);
criterion_main!(benches);
