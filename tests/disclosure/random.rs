//! An attacker that asks at random, over functions, conditions and joins, and solves all that it was
//! told as one linear system for each column.
//!
//! Unknowns are one party's rows of a column, of its squares, and of its products with another
//! column. Rows are chosen by their ids or by columns that the attacker is taken to know.

use std::collections::BTreeMap;

use cloister_protocols::disclosure::Profile;
use serde_json::{Value, json};

use super::draws::Draws;
use super::is_long;
use super::known::{Claim, Known, Row};
use super::solving::LinearSystem;
use super::tables::Table;
use super::world::{PARTIES, Part, Question, Setting, World, one_of};

/// The questions of the short and of the long form.
const QUESTIONS: [usize; 2] = [150, 5_000];

/// The columns that are attacked: whole numbers.
const ATTACKED: [&str; 3] = ["week", "prio", "arrest"];

/// The column that is known, and multiplied with attacked ones.
const COVARIATE: &str = "age";

/// The refusals, one after another, after which the attacker gives up.
const MOST_REFUSALS: usize = 60;

/// The powers and products that answers are sums of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Term {
    Value,
    Square,
    TimesCovariate,
}

/// All that was told, as equations.
struct Transcript {
    rows: Vec<Row>,
    systems: BTreeMap<(&'static str, Term), LinearSystem>,
}

/// The refusals in all after which the attacker chooses no fewer than [`MIN_ROWS`] rows.
const BEFORE_CAUTION: usize = 8;
const MIN_ROWS: usize = 10;

/// A part of the rows of one party.
struct Choice {
    condition: Value,
    rows: Vec<Row>,
}

fn setting() -> Setting {
    // Ids of the first party's rows at the others, for joins, each with a one.
    let rows: Vec<Vec<i64>> =
        Table::read("rossi", "party1").ids().into_iter().map(|id| vec![id, 1]).collect();
    let ids = Table::of_numbers(&["id", "one"], &rows);
    Setting::of("rossi").with(1, "ids", ids.clone()).with(2, "ids", ids)
}

/// Asks and solves.
#[allow(clippy::print_stderr, reason = "the answers and refusals are wanted where it fails")]
fn play(world: &World) -> Known {
    let mut draws = Draws::printed();
    let mut transcript = Transcript::new(world);
    let mut refusals = 0;
    while world.asked() < QUESTIONS[usize::from(is_long())] && refusals < MOST_REFUSALS {
        let column = draws.of(&ATTACKED);
        let answered = match draws.below(6) {
            0 | 1 => transcript.ask_sum(world, column, &mut draws),
            2 => transcript.ask_univariate(world, column, &mut draws),
            3 => transcript.ask_bivariate(world, column, &mut draws),
            4 => transcript.ask_counts(world, &mut draws),
            _ => transcript.ask_join(world, column, &mut draws),
        };
        refusals = if answered.is_some() { 0 } else { refusals + 1 };
    }
    let known = world.judge(&transcript.claims(world));
    eprintln!("random questions: {known:?} {:#?}", world.refused());
    known
}

impl Transcript {
    fn new(world: &World) -> Self {
        Self { rows: world.all_rows(), systems: BTreeMap::new() }
    }

    /// Writes down that these rows have this sum, if it is a whole number up to rounding.
    fn told(&mut self, column: &'static str, term: Term, rows: &[Row], sum: f64) {
        if (sum - sum.round()).abs() > 1e-3 {
            return;
        }
        let unknowns = self.rows.len();
        let system =
            self.systems.entry((column, term)).or_insert_with(|| LinearSystem::new(unknowns));
        let place = |row: &Row| (self.rows.binary_search(row).unwrap(), 1);
        system.add(&rows.iter().map(place).collect::<Vec<_>>(), sum.round() as i64);
    }

    fn ask_sum(&mut self, world: &World, column: &'static str, draws: &mut Draws) -> Option<()> {
        let (parts, rows) = choose(world, &[column], draws);
        let sum = world.sum(parts).ok()?;
        self.told(column, Term::Value, &rows, sum);
        Some(())
    }

    fn ask_univariate(
        &mut self,
        world: &World,
        column: &'static str,
        draws: &mut Draws,
    ) -> Option<()> {
        let (parts, rows) = choose(world, &[column], draws);
        let result = world.ask(&Question::new("StatisticsUnivariate", parts)).ok()?;
        let (n, mean) = (result["samples"].as_f64()?, result["mean"].as_f64()?);
        self.told(column, Term::Value, &rows, n * mean);
        if let Some(deviation) = result["standard_deviation"].as_f64() {
            let squares = (n - 1.0) * deviation * deviation + n * mean * mean;
            self.told(column, Term::Square, &rows, squares);
        }
        Some(())
    }

    fn ask_bivariate(
        &mut self,
        world: &World,
        column: &'static str,
        draws: &mut Draws,
    ) -> Option<()> {
        let (parts, rows) = choose(world, &[COVARIATE, column], draws);
        let result = world.ask(&Question::new("StatisticsBivariate", parts)).ok()?;
        let known: Vec<f64> =
            rows.iter().map(|(party, row)| world.table(*party).numbers(COVARIATE)[*row]).collect();
        let n = rows.len() as f64;
        let mean = known.iter().sum::<f64>() / n;
        let (slope, start) =
            (result["regression_slope"].as_f64()?, result["regression_interceipt"].as_f64()?);
        let sum = n * (start + slope * mean);
        self.told(column, Term::Value, &rows, sum);
        let products = n * result["covariance_mle"].as_f64()? + mean * sum;
        self.told(column, Term::TimesCovariate, &rows, products);
        Some(())
    }

    fn ask_counts(&mut self, world: &World, draws: &mut Draws) -> Option<()> {
        let (parts, rows) = choose(world, &["arrest"], draws);
        let result = world.ask(&Question::new("StatisticsFrequency", parts)).ok()?;
        if let Some(count) = result["histogram"]["1"].as_f64() {
            self.told("arrest", Term::Value, &rows, count);
        }
        Some(())
    }

    fn ask_join(&mut self, world: &World, column: &'static str, draws: &mut Draws) -> Option<()> {
        let own = draw(world, 0, draws);
        let ids = world.table(0).ids();
        let [one, other] = [0, 1].map(|_| draws.sample(ids.len(), ids.len() / 2));
        let part = |columns: &[&str], rows: &[usize]| {
            let chosen: Vec<i64> = rows.iter().map(|row| ids[*row]).collect();
            Part::with_ids("ids", columns, &chosen)
        };
        let parts = [
            Part::chosen("trial", &["id", column], &own.condition),
            part(&["id", "one"], &one),
            part(&["id"], &other),
        ];
        // The coefficient of a column of ones is the mean of what it explains.
        let question = Question::new("StatisticsRegressionOLSVertical", parts);
        let question = question.in_order([1, 0, 2]).with(json!({"by_id": true}));
        let result = world.ask(&question).ok()?;
        let is_joined = |row: &&Row| one.contains(&row.1) && other.contains(&row.1);
        let rows: Vec<Row> = own.rows.iter().filter(is_joined).copied().collect();
        let mean = result["mle"][0][0].as_f64()?;
        self.told(column, Term::Value, &rows, mean * result["samples"].as_f64()?);
        Some(())
    }

    /// Returns each value that some system determines.
    fn claims(&self, world: &World) -> Vec<Claim> {
        let mut values: BTreeMap<(&'static str, Row), f64> = BTreeMap::new();
        for ((column, term), system) in &self.systems {
            for (place, sum) in system.known() {
                let (party, row) = self.rows[place];
                let value = match term {
                    Term::Value => sum as f64,
                    Term::Square => (sum as f64).sqrt(),
                    Term::TimesCovariate => sum as f64 / world.table(party).numbers(COVARIATE)[row],
                };
                values.insert((column, (party, row)), value);
            }
        }
        let claim = |((column, row), value)| Claim::Value { row, column, value };
        values.into_iter().map(claim).collect()
    }
}

/// Draws rows at all parties.
fn choose(world: &World, columns: &[&str], draws: &mut Draws) -> ([Part; PARTIES], Vec<Row>) {
    let mut all = Vec::new();
    let parts = [0, 1, 2].map(|party| {
        if draws.below(4) == 0 {
            return Part::nothing();
        }
        let Choice { condition, rows } = draw(world, party, draws);
        all.extend(rows);
        Part::chosen("trial", columns, &condition)
    });
    (parts, all)
}

/// Draws rows of one party: all, some by their ids, all but some, or those of a subgroup.
fn draw(world: &World, party: usize, draws: &mut Draws) -> Choice {
    let ids = world.table(party).ids();
    let condition = match draws.below(6) {
        0 | 1 => Value::Null,
        2..5 => {
            let rows = some_rows(world, ids.len(), draws);
            let chosen: Vec<i64> = rows.into_iter().map(|row| ids[row]).collect();
            let condition = one_of("id", &chosen);
            if draws.chance() { condition } else { json!({"not": condition}) }
        }
        _ => {
            let band = json!({"column": "age", "op": "<", "value": 18 + draws.below(20)});
            let group = json!({"column": draws.of(&["fin", "mar"]), "op": "=", "value": 1});
            draws.of(&[json!({"and": [band, group]}), json!({"or": [band, group]}), band])
        }
    };
    let rows = (0..ids.len()).map(|row| (party, row));
    let rows = rows.filter(|row| world.holds(&condition, *row)).collect();
    Choice { condition, rows }
}

/// Draws one row, some dozens, or about half.
fn some_rows(world: &World, rows: usize, draws: &mut Draws) -> Vec<usize> {
    let is_cautious = world.refused().values().sum::<usize>() >= BEFORE_CAUTION;
    let count = match draws.below(4) {
        0 | 1 if !is_cautious => 1,
        0..3 => MIN_ROWS + draws.below(30),
        _ => rows / 2,
    };
    draws.sample(rows, count)
}

#[test]
fn teaching_random_questions() {
    let known = play(&World::start(Profile::Teaching, setting()));
    assert!(known.values > 0 && known.wrong == 0, "{known:?}");
}

#[test]
fn production_random_questions() {
    let known = play(&World::start(Profile::Production, setting()));
    assert_eq!(known.values, 0, "{known:?}");
}
