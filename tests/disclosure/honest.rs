//! The log of ordinary questions: 200 on each of two studies, as analysts ask them. The owners have
//! approved them. Fewer than 2 % may be refused under `production`.
//!
//! The questions are of subgroups that are large enough jointly: [`LEAST_ROWS`] rows, and
//! [`LEAST_OTHERS`] without any one party. Small sites block none of them: the third party of
//! `indo_rct` has 25 of 602 rows. The log is the same in each run.

use std::collections::BTreeSet;

use cloister_protocols::disclosure::Profile;
use serde_json::{Value, json};

use super::draws::Draws;
use super::world::{PARTIES, Part, Question, Refusal, Setting, World};

const QUESTIONS: usize = 200;

/// The number of them where no rule can refuse any: whether they make sense.
const UNDER_TEACHING: usize = 25;

/// The rows of a subgroup, of all parties and of all but any one.
const LEAST_ROWS: usize = 40;
const LEAST_OTHERS: usize = 20;

/// The quantiles that owners show.
const GRID: [f64; 7] = [0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95];

/// The quantiles of a subgroup: two more would need 200 rows.
const QUARTILES: [f64; 3] = [0.25, 0.5, 0.75];

/// A study: its data, and the columns that its publication is about.
struct Study {
    set: &'static str,
    numbers: &'static [&'static str],
    categories: &'static [&'static str],
    /// The bounds of groups by a number, as publications have them.
    bands: &'static [(&'static str, &'static [i64])],
}

const RECIDIVISM: Study = Study {
    set: "rossi",
    numbers: &["week", "age", "prio"],
    categories: &["arrest", "fin", "race", "wexp", "mar", "paro"],
    bands: &[("age", &[20, 25, 30]), ("prio", &[1, 3, 6])],
};

const TRIAL: Study = Study {
    set: "indo_rct",
    numbers: &["age", "risk"],
    categories: &["outcome", "rx", "gender", "site"],
    bands: &[("age", &[30, 45, 60]), ("risk", &[2, 3])],
};

/// Asks the first questions of a study, and returns the number of those that are refused.
#[allow(clippy::print_stderr, reason = "the reasons of refusals are wanted where there are many")]
fn refusals(study: &Study, profile: Profile, questions: usize) -> usize {
    let world = World::start(profile, Setting::of(study.set).with_approval());
    let mut draws = Draws::seeded(602);
    let (mut refused, mut left_out) = (0, 0);
    for _ in 0..questions {
        let subgroup = study.subgroup(&world, &mut draws);
        let (function, columns, parameters) = study.analysis(&world, &subgroup, &mut draws);
        let question = of_subgroup(function, &columns, &subgroup).with(parameters);
        match world.ask_approved(&question) {
            Ok(told) => left_out += usize::from(told.left_out > 0),
            Err(Refusal { code, message }) => {
                eprintln!("{function} {columns:?} {subgroup}: {code}: {message}");
                refused += 1;
            }
        }
    }
    let name = profile.name();
    eprintln!(
        "{}, {name}: {refused} of {questions} refused, {left_out} without a party",
        study.set
    );
    refused
}

fn of_subgroup(function: &'static str, columns: &[&str], subgroup: &Value) -> Question {
    Question::new(function, [0, 1, 2].map(|_| Part::chosen("trial", columns, subgroup)))
}

impl Study {
    /// Draws a function with its columns and parameters.
    fn analysis(
        &self,
        world: &World,
        subgroup: &Value,
        draws: &mut Draws,
    ) -> (&'static str, Vec<&'static str>, Value) {
        let number = draws.of(self.numbers);
        let category = draws.of(self.categories);
        let two_of = |draws: &mut Draws, all: &[&'static str]| -> Vec<&'static str> {
            draws.sample(all.len(), 2).into_iter().map(|at| all[at]).collect()
        };
        match draws.below(20) {
            0..7 => ("StatisticsUnivariate", vec![number], json!({})),
            7..10 => {
                let categories = json!({"categories": categories(world, category)});
                ("StatisticsFrequency", vec![category], categories)
            }
            10..14 => {
                let columns = two_of(draws, self.categories);
                let both: Vec<Vec<String>> =
                    columns.iter().map(|column| categories(world, column)).collect();
                ("StatisticsContingency", columns, json!({"categories": both}))
            }
            14..17 => {
                let shown = if subgroup.is_null() { GRID.as_slice() } else { QUARTILES.as_slice() };
                ("Quantiles", vec![number], json!({"probabilities": shown}))
            }
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

/// Returns the categories of a column at all parties, as the study's protocol declares them.
fn categories(world: &World, column: &str) -> Vec<String> {
    let all = (0..PARTIES).flat_map(|party| world.table(party).texts(column));
    let all: BTreeSet<String> = all.map(str::to_owned).collect();
    all.into_iter().collect()
}

/// Asks about subgroups of which the third party has fewer than ten rows, and all together many.
fn check_a_small_site_blocks_none(profile: Profile) {
    let world = World::start(profile, Setting::of(TRIAL.set));
    for subgroup in [
        json!({"column": "outcome", "op": "=", "value": "1_yes"}),
        json!({"column": "age", "op": "<", "value": 30}),
    ] {
        let is_in = |row: &usize| world.holds(&subgroup, (2, *row));
        assert!((1..10).contains(&(0..world.table(2).len()).filter(is_in).count()));
        let question = of_subgroup("StatisticsUnivariate", &["age"], &subgroup);
        let answer = world.ask_approved(&question);
        assert!(answer.is_ok(), "{subgroup}: {answer:?}");
    }
}

#[test]
fn production_a_mistake_in_parameters_costs_no_refusal() {
    let world = World::start(Profile::Production, Setting::of(RECIDIVISM.set));
    let ask = |function, column, parameters| {
        let parts = [0, 1, 2].map(|_| Part::of("trial", &[column]));
        world.ask(&Question::new(function, parts).with(parameters))
    };
    let mistakes = [
        ("Quantiles", json!({})),
        ("Quantiles", json!({"probabilities": [2.0]})),
        ("SecureSum", json!({"digits_before": 9_999, "digits_after": 0})),
        ("StatisticsUnivariate", json!({"statistics": ["middle"]})),
        ("SecureSum", json!({"suite": "none"})),
    ];
    // More than the refusals after which the owner is asked.
    for _ in 0..4 {
        for (function, parameters) in &mistakes {
            let refusal = ask(function, "age", parameters.clone()).unwrap_err();
            let is_ours = ["bad_input", "bad_argument"].contains(&refusal.code.as_str());
            assert!(is_ours, "{function} {parameters}: {refusal:?}");
        }
    }
    assert!(ask("SecureSum", "age", json!({})).is_ok());
}

#[test]
fn teaching_honest_questions_about_recidivism() {
    assert_eq!(refusals(&RECIDIVISM, Profile::Teaching, UNDER_TEACHING), 0);
}

#[test]
fn teaching_honest_questions_about_a_trial() {
    assert_eq!(refusals(&TRIAL, Profile::Teaching, UNDER_TEACHING), 0);
}

#[test]
fn teaching_a_small_site_blocks_no_subgroup() {
    check_a_small_site_blocks_none(Profile::Teaching);
}

#[test]
fn production_a_small_site_blocks_no_subgroup() {
    check_a_small_site_blocks_none(Profile::Production);
}

#[test]
fn production_honest_questions_about_recidivism() {
    let refused = refusals(&RECIDIVISM, Profile::Production, QUESTIONS);
    assert!(refused * 50 < QUESTIONS, "{refused} of {QUESTIONS}");
}

#[test]
fn production_honest_questions_about_a_trial() {
    let refused = refusals(&TRIAL, Profile::Production, QUESTIONS);
    assert!(refused * 50 < QUESTIONS, "{refused} of {QUESTIONS}");
}
