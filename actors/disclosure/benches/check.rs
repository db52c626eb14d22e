//! The cost of a decision beside many earlier questions.
//!
//! Conditions as analysts write them: groups of age and of time, sex, arm, centre, and two of these
//! together: 10^6 rows and 100 questions, and 10^5 rows and 10^4 questions.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a benchmark fails by panicking")]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Duration;

use cloister_disclosure::{Compared, Memory, Policy, Profile, Question, Selection, Value, Verdict};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};

/// Spreads numbers over all 64 bits, as keyed hashes do.
fn mix(number: u64) -> u64 {
    let mut word = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d;
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

/// So many values has each attribute.
const KINDS: [u64; 5] = [8, 6, 2, 2, 4];

/// The rows of a source, by ascending hash, each with its attributes.
struct Source(Vec<(u64, [u64; 5])>);

impl Source {
    fn new(rows: u64) -> Self {
        let attributes = |row: u64| {
            let mut place = 0;
            KINDS.map(|kinds| {
                place += 1;
                mix(row ^ (place << 40)) % kinds
            })
        };
        let mut rows: Vec<_> = (0..rows).map(|row| (mix(row), attributes(row))).collect();
        rows.sort_unstable();
        Self(rows)
    }

    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    fn select(&self, holds: impl Fn(&[u64; 5]) -> bool) -> Selection {
        let chosen = self.0.iter().filter(|(_, row)| holds(row)).map(|(hash, _)| *hash);
        Selection::new(chosen.collect()).unwrap()
    }

    /// Selects by the condition with this number: one attribute above a bound, another not equal.
    fn condition(&self, number: u64) -> Selection {
        let draw = |bound: u64, salt: u64| usize::try_from(mix(number ^ salt) % bound).unwrap();
        let (one, other) = (draw(5, 1 << 50), draw(5, 1 << 51));
        let bound = draw(KINDS[one], 1 << 52) as u64;
        let equal = draw(KINDS[other], 1 << 53) as u64;
        self.select(|row| row[one] >= bound && row[other] != equal)
    }
}

fn question(selection: Selection, rows: u64, values: std::ops::Range<u64>) -> Question {
    let profile = Profile::of_numbers(&(0..4096).map(f64::from).collect::<Vec<_>>());
    let sums = values.map(|value| (Value::new(&format!("x{value}")).unwrap(), profile)).collect();
    Question { selection, source_rows: rows, sums, ranks: BTreeMap::new() }
}

/// Records a hundred conditions that are independent, each in a question for each of the values.
fn memory(source: &Source, values: u64) -> Memory {
    let mut memory = Memory::new(1);
    let mut asked = 0;
    for number in 0..2000 {
        let selection = source.condition(number);
        let first = question(selection.clone(), source.len(), 0..1);
        if memory.check(&first, &Policy::default()) == Verdict::Free {
            continue;
        }
        for value in 0..values {
            let one = question(selection.clone(), source.len(), value..value + 1);
            memory.record(&one).unwrap();
        }
        asked += 1;
        if asked == 100 {
            break;
        }
    }
    let classes = u32::from_le_bytes(memory.to_bytes()[28..32].try_into().unwrap());
    eprintln!("{asked} conditions, {classes} classes, {} bytes", memory.to_bytes().len());
    memory
}

fn checks(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("check");
    group.sample_size(20).measurement_time(Duration::from_secs(2));
    let compared = Compared { single: 1_024, pairs: 13, threes: 5 };
    // As a node asks that compares with others, without approvals.
    let policy = Policy { min_together: 10, compared, ..Policy::default() };
    let source = Source::new(1_000_000);
    let memory_of_hundred = memory(&source, 1);
    let new = source.select(|row| row[0] * row[1] + 3 * row[4] > 12);
    let one = question(new.clone(), source.len(), 0..1);
    eprintln!("{:?}", memory_of_hundred.check(&one, &policy));
    let again = question(source.condition(1), source.len(), 0..1);
    let fresh = question(new, source.len(), 1..2);
    for (name, asked) in [("one more", &one), ("asked again", &again), ("other value", &fresh)] {
        group.bench_function(format!("100 questions, {name}"), |bencher| {
            bencher.iter(|| black_box(memory_of_hundred.check(asked, &policy)));
        });
    }
    let bytes = memory_of_hundred.to_bytes();
    group.bench_function("100 questions, read", |bencher| {
        bencher.iter(|| black_box(Memory::from_bytes(&bytes)));
    });
    group.bench_function("100 questions, reserve and withdraw", |bencher| {
        let withdrawn = |mut memory: Memory| {
            let reservation = memory.reserve(&one).unwrap();
            memory.withdraw(reservation).unwrap();
        };
        bencher.iter_batched(|| memory_of_hundred.clone(), withdrawn, BatchSize::LargeInput);
    });
    let source = Source::new(100_000);
    let memory_of_many = memory(&source, 100);
    for values in [1, 10] {
        let new = source.select(|row| row[0] * row[1] + 3 * row[4] > 12);
        let asked = question(new, source.len(), 0..values);
        group.bench_function(format!("10000 questions, {values} values"), |bencher| {
            bencher.iter(|| black_box(memory_of_many.check(&asked, &policy)));
        });
    }
    group.finish();
}

criterion_group!(benches, checks);
criterion_main!(benches);
