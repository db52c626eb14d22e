//! The parts of a masked sum, beside plain copying and adding.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a benchmark: it stops where it fails"
)]

use std::hint::black_box;

use cloister_protocols::algebra::exact::{Accumulator, Grid};
use cloister_protocols::algebra::layout::Layout;
use cloister_protocols::catalogue::find;
use cloister_protocols::computation::{Input, Request, compute};
use cloister_protocols::disclosure::Profile;
use cloister_protocols::pairwise::CorrelationStore;
use cloister_protocols::parameters::Parameters;
use cloister_protocols::random::{PredictableRng, Prg};
use cloister_protocols::session::{
    AuditHead, ColumnKinds, Member, MemberId, Offer, Origin, Role, Roles, Spec,
};
use cloister_protocols::simulation::Simulation;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rand_core::Rng;

const WORDS: usize = 1_000_000;

fn random_words() -> Vec<u64> {
    let mut words = vec![0; WORDS];
    Prg::new(&[1; 32].into()).stream_from(0).fill(&mut words);
    words
}

fn expansion(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("expansion");
    let mut block = vec![0_u64; 2048];
    group.throughput(Throughput::Bytes(8 * 2048));
    let source = vec![1_u64; 2048];
    group.bench_function("baseline: copy 16 KiB", |b| {
        b.iter(|| black_box(&mut block).copy_from_slice(black_box(&source)));
    });
    let mut stream = Prg::new(&[1; 32].into()).stream_from(0);
    group.bench_function("AES-128-CTR, 16 KiB", |b| {
        b.iter(|| stream.fill(black_box(&mut block)));
    });
    group.finish();
}

fn masking(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("masking");
    group.throughput(Throughput::Bytes(8 * WORDS as u64));
    let (mut target, source) = (random_words(), random_words());
    for limbs in [1, 2, 4, 5] {
        let layout = Layout::uniform(limbs, WORDS / limbs).unwrap();
        group.bench_function(format!("baseline: add, {limbs} limbs"), |b| {
            b.iter(|| layout.add(black_box(&mut target), black_box(&source)));
        });
    }
    let expander = Prg::new(&[1; 32].into());
    for limbs in [1, 4, 5] {
        let layout = Layout::uniform(limbs, WORDS / limbs).unwrap();
        group.bench_function(format!("expand and add, {limbs} limbs"), |b| {
            b.iter(|| layout.add_stream(black_box(&mut target), &expander));
        });
    }
    group.finish();
}

fn commitment(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("commitment");
    group.throughput(Throughput::Bytes(8 * WORDS as u64));
    let words = random_words();
    let bytes: &[u8] = bytemuck::cast_slice(&words);
    let mut copy = vec![0; bytes.len()];
    group.bench_function("baseline: copy 8 MB", |b| {
        b.iter(|| black_box(&mut copy).copy_from_slice(black_box(bytes)));
    });
    group.bench_function("BLAKE3 at once", |b| b.iter(|| blake3::hash(black_box(bytes))));
    for block in [16, 64, 512] {
        group.bench_function(format!("BLAKE3, {block} KiB blocks"), |b| {
            b.iter(|| {
                let mut hasher = blake3::Hasher::new();
                bytes.chunks(block * 1024).for_each(|block| {
                    hasher.update(black_box(block));
                });
                hasher.finalize()
            });
        });
    }
    group.finish();
}

fn accumulation(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("accumulation");
    group.throughput(Throughput::Elements(WORDS as u64));
    let mut rng = PredictableRng::from_predictable_seed(1);
    let items: Vec<f64> = (0..WORDS).map(|_| f64::from(rng.next_u32()) / 1000.0 - 2e6).collect();
    group.bench_function("baseline: add doubles, rounding", |b| {
        b.iter(|| black_box(&items).iter().sum::<f64>());
    });
    for (name, grid) in [("full", Grid::full()), ("12/12", Grid::declared(12, 12).unwrap())] {
        group.bench_function(format!("exact sum, {name} grid"), |b| {
            b.iter(|| {
                let mut sum = Accumulator::new(&grid, 1);
                for (index, x) in black_box(&items).iter().enumerate() {
                    sum.add(grid.admit(index, *x).unwrap());
                }
                sum.into_cell()
            });
        });
    }
    group.finish();
}

fn offer(parties: usize) -> Offer {
    let id = |index: usize| MemberId { name: index.to_string(), fingerprint: [0; 32] };
    let member = |index| Member { id: id(index), role: Role::PARTY };
    let spec = Spec {
        function: String::new(),
        parameters: [].into(),
        shape: [].into(),
        members: (0..parties).map(member).collect(),
        suite: String::new(),
        network: "bench".into(),
        run: 0,
    };
    let (source, audit, seen) = (Origin::Client, AuditHead::default(), Vec::new());
    let rules = Profile::Teaching.rules();
    Offer {
        roster: spec.ids().cloned().collect(),
        spec,
        rules,
        listed: Vec::new(),
        deadline_ms: 60_000,
        serves: true,
        source,
        kinds: ColumnKinds::default(),
        audit,
        seen,
        earlier: Vec::new(),
        kept: None,
    }
}

fn run(function: &str, parameters: &Parameters, inputs: &Input, seed: u64) -> f64 {
    let report = Simulation::new(seed).run(|channel, _, rng| {
        let function = find(function).unwrap();
        let request =
            Request::new(function, parameters, inputs.clone(), 0, &Roles::of_parties(3).unwrap())
                .unwrap();
        compute(channel, offer(3), request, CorrelationStore::default(), rng)
    });
    report.results().unwrap();
    report.seconds
}

fn computation(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("computation of 3 parties on one thread");
    group.sample_size(10);
    let none = Parameters::default();
    group.bench_function("baseline: Empty", |b| {
        b.iter(|| run("Empty", &none, &Input::Numbers(vec![]), 1));
    });
    group.bench_function("SecureSum of one number", |b| {
        b.iter(|| run("SecureSum", &none, &Input::Numbers(vec![1.5]), 1));
    });
    let vectors: Vec<Vec<u64>> = (0..3).map(|_| random_words()).collect();
    group.bench_function("baseline: plain sum of 3 x 10^6 words, each party", |b| {
        b.iter(|| {
            for _ in 0..3 {
                let mut sum = vec![0_u64; WORDS];
                for vector in &vectors {
                    sum.iter_mut().zip(vector).for_each(|(a, b)| *a = a.wrapping_add(*b));
                }
                black_box(sum);
            }
        });
    });
    let integer = Parameters::default().with("encoding", "integer");
    let whole = Input::Integers((0..1_000_000).collect());
    group.bench_function("SecureVectorSum of 10^6 words", |b| {
        b.iter(|| run("SecureVectorSum", &integer, &whole, 1));
    });
    let digits =
        Parameters::default().with("digits_before", Some(12)).with("digits_after", Some(12));
    let exact = Input::Numbers((0..WORDS / 4).map(|i| i as f64 + 0.5).collect());
    group.bench_function("SecureVectorSum of 10^6 words, exact doubles 12/12", |b| {
        b.iter(|| run("SecureVectorSum", &digits, &exact, 1));
    });
    group.finish();
}

criterion_group!(benches, expansion, masking, commitment, accumulation, computation);
criterion_main!(benches);
