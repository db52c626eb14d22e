//! The log of ordinary questions: 200 on each of two studies, as analysts ask them. Fewer than 2 %
//! may be refused under `production`.
//!
//! The questions are of subgroups that are large enough jointly: [`LEAST_ROWS`] rows, and
//! [`LEAST_OTHERS`] without any one party. Small sites block none of them: the third party of
//! `indo_rct` has 25 of 602 rows. The log is the same in each run.

use cloister_protocols::disclosure::Profile;
use serde_json::{Value, json};

use super::draws::Draws;
use super::world::{PARTIES, Part, Question, Setting, World};

pub(super) const QUESTIONS: usize = 200;

/// The rows of a subgroup, of all parties and of all but any one.
const LEAST_ROWS: usize = 40;
const LEAST_OTHERS: usize = 20;

/// The quantiles that owners show.
const GRID: [f64; 7] = [0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95];

/// A study: its data, and the columns that its publication is about.
pub(super) struct Study {
    pub(super) set: &'static str,
    numbers: &'static [&'static str],
    categories: &'static [&'static str],
    /// The bounds of groups by a number, as publications have them.
    bands: &'static [(&'static str, &'static [i64])],
}

pub(super) const RECIDIVISM: Study = Study {
    set: "rossi",
    numbers: &["week", "age", "prio"],
    categories: &["arrest", "fin", "race", "wexp", "mar", "paro"],
    bands: &[("age", &[20, 25, 30]), ("prio", &[1, 3, 6])],
};

pub(super) const TRIAL: Study = Study {
    set: "indo_rct",
    numbers: &["age", "risk"],
    categories: &["outcome", "rx", "gender", "site"],
    bands: &[("age", &[30, 45, 60]), ("risk", &[2, 3])],
};

/// Asks all questions of a study, and returns the number of those that are refused.
#[allow(clippy::print_stderr, reason = "the reasons of refusals are wanted where there are many")]
pub(super) fn refusals(study: &Study, profile: Profile) -> usize {
    let world = World::start(profile, Setting::of(study.set));
    let mut draws = Draws::seeded(602);
    for _ in 0..QUESTIONS {
        let (function, columns, parameters) = study.analysis(&mut draws);
        let subgroup = study.subgroup(&world, &mut draws);
        // A refusal is counted by the world.
        let _ = world.ask(&of_subgroup(function, &columns, &subgroup).with(parameters));
    }
    let refused = world.refused();
    eprintln!("{}, {}: {refused:#?}", study.set, profile.name());
    refused.values().sum()
}

fn of_subgroup(function: &'static str, columns: &[&str], subgroup: &Value) -> Question {
    Question::new(function, [0, 1, 2].map(|_| Part::chosen("trial", columns, subgroup)))
}

impl Study {
    /// Draws a function with its columns and parameters.
    fn analysis(&self, draws: &mut Draws) -> (&'static str, Vec<&'static str>, Value) {
        let number = draws.of(self.numbers);
        let category = draws.of(self.categories);
        let two_of = |draws: &mut Draws, all: &[&'static str]| -> Vec<&'static str> {
            draws.sample(all.len(), 2).into_iter().map(|at| all[at]).collect()
        };
        match draws.below(20) {
            0..7 => ("StatisticsUnivariate", vec![number], json!({})),
            7..10 => ("StatisticsFrequency", vec![category], json!({})),
            10..14 => ("StatisticsContingency", two_of(draws, self.categories), json!({})),
            14..17 => ("Quantiles", vec![number], json!({"probabilities": GRID})),
            17 => ("SecureMedian", vec![number], json!({})),
            _ => ("StatisticsBivariate", two_of(draws, self.numbers), json!({})),
        }
    }

    /// Draws a condition that chooses enough rows; none for all rows.
    fn subgroup(&self, world: &World, draws: &mut Draws) -> Value {
        loop {
            let condition = match draws.below(10) {
                0..3 => return Value::Null,
                3..8 => self.group(world, draws),
                _ => json!({"and": [self.group(world, draws), self.group(world, draws)]}),
            };
            let rows: Vec<usize> = (0..PARTIES)
                .map(|party| {
                    let rows = 0..world.table(party).len();
                    rows.filter(|row| world.holds(&condition, (party, *row))).count()
                })
                .collect();
            let all: usize = rows.iter().sum();
            if all >= LEAST_ROWS && rows.iter().all(|own| all - own >= LEAST_OTHERS) {
                return condition;
            }
        }
    }

    /// Draws a group by one variable.
    fn group(&self, world: &World, draws: &mut Draws) -> Value {
        if draws.below(3) == 0 {
            let (column, bounds) = draws.of(self.bands);
            let op = draws.of(&["<", ">="]);
            return json!({"column": column, "op": op, "value": draws.of(bounds)});
        }
        let column = draws.of(self.categories);
        let table = world.table(0);
        let text = draws.of(&table.texts(column));
        let value = text.parse::<i64>().map_or_else(|_| json!(text), |number| json!(number));
        json!({"column": column, "op": "=", "value": value})
    }
}

/// Asks about subgroups of which the third party has fewer than ten rows, and all together many.
pub(super) fn check_a_small_site_blocks_none(profile: Profile) {
    let world = World::start(profile, Setting::of(TRIAL.set));
    for subgroup in [
        json!({"column": "outcome", "op": "=", "value": "1_yes"}),
        json!({"column": "age", "op": "<", "value": 30}),
    ] {
        let is_in = |row: &usize| world.holds(&subgroup, (2, *row));
        assert!((1..10).contains(&(0..world.table(2).len()).filter(is_in).count()));
        let answer = world.ask(&of_subgroup("StatisticsUnivariate", &["age"], &subgroup));
        assert!(answer.is_ok(), "{subgroup}: {answer:?}");
    }
}

#[test]
fn teaching_honest_questions_about_recidivism() {
    assert_eq!(refusals(&RECIDIVISM, Profile::Teaching), 0);
}

#[test]
fn teaching_honest_questions_about_a_trial() {
    assert_eq!(refusals(&TRIAL, Profile::Teaching), 0);
}

#[test]
fn teaching_a_small_site_blocks_no_subgroup() {
    check_a_small_site_blocks_none(Profile::Teaching);
}
