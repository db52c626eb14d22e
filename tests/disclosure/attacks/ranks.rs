//! E4: numbers by their rank, a few classes of ranks at a time; then rank by rank, and the ends.

use std::collections::BTreeMap;

use serde_json::json;

use super::super::Attack;
use super::super::known::{Claim, Known};
use super::super::world::{HANDLE, Part, Question, Setting, World};

/// The classes of ranks that are asked about first.
const CLASSES: u64 = 6;

/// The most questions about quantiles, and about single ranks.
const MOST_QUANTILES: usize = 40;
const MOST_SINGLE: u64 = 12;

const COLUMN: &str = "bmi";

pub(in super::super) struct EveryRank;

impl Attack for EveryRank {
    fn name(&self) -> &'static str {
        "E4: all values by their ranks"
    }

    fn setting(&self) -> Setting {
        Setting::of("diabetes")
    }

    fn play(&self, world: &World) -> Known {
        let rows = world.all_rows();
        let count = rows.len() as u64;
        let mut numbers = BTreeMap::new();
        // The ranks that owners show to all.
        let shown =
            Question::new("Quantiles", all()).with(json!({"probabilities": [0.05, 0.5, 0.95]}));
        assert!(world.ask(&shown).is_ok());
        let mut open: Vec<Vec<u64>> = (1..=CLASSES)
            .map(|first| (first..=count).step_by(CLASSES as usize).collect())
            .collect();
        while let Some(ranks) = open.pop() {
            if world.asked() >= MOST_QUANTILES {
                break;
            }
            match quantiles(world, &ranks, count) {
                Some(found) => numbers.extend(found),
                None if ranks.len() > 1 => {
                    // Every second one, so that fewer are asked about at once.
                    open.insert(0, ranks.iter().step_by(2).copied().collect());
                    open.insert(0, ranks.iter().skip(1).step_by(2).copied().collect());
                }
                None => (),
            }
        }
        let missing: Vec<u64> = (1..=count).filter(|rank| !numbers.contains_key(rank)).collect();
        for rank in missing.into_iter().take(MOST_SINGLE as usize) {
            numbers.extend(kth(world, rank).map(|number| (rank, number)));
        }
        numbers.extend(ends(world, count));
        world.judge(&[Claim::Ranks { rows, column: COLUMN, numbers }])
    }
}

fn all() -> [Part; 3] {
    [0, 1, 2].map(|_| Part::of("trial", &[COLUMN]))
}

/// Asks for the quantiles that lie at these ranks.
fn quantiles(world: &World, ranks: &[u64], count: u64) -> Option<Vec<(u64, f64)>> {
    let probabilities: Vec<f64> =
        ranks.iter().map(|rank| (rank - 1) as f64 / (count - 1) as f64).collect();
    let question = Question::new("Quantiles", all()).with(json!({"probabilities": probabilities}));
    let result = world.ask_whole(&question).ok()?;
    let found = result["quantiles"].as_array().unwrap().iter().map(|x| x.as_f64().unwrap());
    Some(ranks.iter().copied().zip(found).collect())
}

fn kth(world: &World, rank: u64) -> Option<f64> {
    let parts = all().map(|part| part.within(json!({"array": HANDLE, "rank": rank})));
    world.ask_whole(&Question::new("KthElement", parts)).ok()?["item"].as_f64()
}

/// Asks for the least and the largest number in two ways.
fn ends(world: &World, count: u64) -> BTreeMap<u64, f64> {
    let mut found = BTreeMap::new();
    for function in ["StatisticsUnivariate", "MinimumMaximum"] {
        let result = world.ask_whole(&Question::new(function, all())).unwrap_or_default();
        for (rank, name) in [(1, "minimum"), (count, "maximum")] {
            found.extend(result[name].as_f64().map(|number| (rank, number)));
        }
    }
    found
}
