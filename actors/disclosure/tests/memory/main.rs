//! A memory of questions, used as a node uses it, and attacked.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod attacks;
mod model;
mod properties;
mod recalls;
mod records;
mod rules;

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, RandomState};

use cloister_disclosure::{Memory, Policy, Profile, Question, Ranks, Selection, Value, Verdict};

/// Numbers drawn from a seed, which a failing test prints.
struct Draws(u64);

impl Draws {
    fn new() -> Self {
        let given = std::env::var("CLOISTER_SEED").ok().and_then(|text| text.parse().ok());
        let seed = given.unwrap_or_else(|| RandomState::new().hash_one(1));
        eprintln!("CLOISTER_SEED={seed}");
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// Draws each row below `rows` with probability one half.
    fn half(&mut self, rows: u64) -> Vec<u64> {
        (0..rows).filter(|_| self.below(2) == 0).collect()
    }
}

fn value(name: &str) -> Value {
    Value::new(name).unwrap()
}

fn selection(rows: impl IntoIterator<Item = u64>) -> Selection {
    Selection::new(rows.into_iter().collect()).unwrap()
}

/// A value of which little is told by any sum: 12 bits of each row.
fn rich() -> Profile {
    Profile::of_numbers(&(0..4096).map(f64::from).collect::<Vec<_>>())
}

/// A question that opens the sums of these values.
fn sums(rows: impl IntoIterator<Item = u64>, names: &[&str]) -> Question {
    Question {
        selection: selection(rows),
        source_rows: 1000,
        sums: names.iter().map(|name| (value(name), rich())).collect(),
        ranks: BTreeMap::new(),
    }
}

fn sum(rows: impl IntoIterator<Item = u64>) -> Question {
    sums(rows, &["time"])
}

fn ranks(rows: impl IntoIterator<Item = u64>, permille: &[u16]) -> Question {
    let ranks = Ranks { permille: permille.iter().copied().collect(), of_rows: 0 };
    Question { ranks: BTreeMap::from([(value("time"), ranks)]), sums: BTreeMap::new(), ..sum(rows) }
}

/// The rules without the meter.
fn unmetered(min_own_rows: u64) -> Policy {
    Policy { min_own_rows, told: f64::MAX, told_a_row: f64::MAX, ..Policy::default() }
}

/// Asks as a node does: decides, and records what is allowed.
fn ask(memory: &mut Memory, question: &Question, policy: &Policy) -> Verdict {
    let verdict = memory.check(question, policy);
    if !matches!(verdict, Verdict::Refused(_)) {
        memory.record(question).unwrap();
    }
    verdict
}

#[track_caller]
fn assert_allowed(verdict: &Verdict) {
    assert!(matches!(verdict, Verdict::Allowed(_)), "{verdict:?}");
}

fn names(names: &[&str]) -> BTreeSet<Value> {
    names.iter().map(|name| value(name)).collect()
}
