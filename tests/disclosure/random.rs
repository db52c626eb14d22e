//! An attacker that asks at random, over functions, conditions, tables, joins and answers with
//! a party left out, and solves all that it was told together ([`Ledger`]).
//!
//! Rows are chosen by their ids or by columns that the attacker is taken to know.

use cloister_protocols::disclosure::Profile;
use serde_json::{Value, json};

use super::draws::Draws;
use super::known::{Claim, Known, Row};
use super::ledger::{Ledger, Term};
use super::tables::Table;
use super::world::{PARTIES, Part, Question, Refusal, Setting, Told, World, one_of};
use super::{assert_played, is_long};

/// The questions of the short and of the long form.
const QUESTIONS: [usize; 2] = [150, 5_000];

/// The columns that are attacked: whole numbers.
const ATTACKED: [&str; 3] = ["week", "prio", "arrest"];

/// The column that is known, and multiplied with attacked ones.
const COVARIATE: &str = "age";

/// The column of zeros and ones that tables have.
const COUNTED: &str = "arrest";

/// The functions that the owners name: joins among them.
const FUNCTIONS: [&str; 7] = [
    "SecureSum",
    "StatisticsUnivariate",
    "StatisticsBivariate",
    "StatisticsFrequency",
    "StatisticsContingency",
    "Quantiles",
    "StatisticsRegressionOLSVertical",
];

/// The refusals, one after another, after which the attacker gives up.
const MOST_REFUSALS: usize = 60;

/// The refusals and left out answers after which the attacker chooses groups of [`MIN_ROWS`] rows.
const BEFORE_CAUTION: usize = 4;
const MIN_ROWS: usize = 12;

/// The means of an attacker.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Means {
    /// Sums, moments, counts and joins of registered rows. Each answer is used for one kind of value.
    Sums,
    /// All of them: tables of two columns, numbers of rows by a condition and quantiles, too.
    All,
}

/// The rows of a question.
struct Chosen {
    parts: [Part; PARTIES],
    rows: Vec<Row>,
    /// The parties of which only some rows are asked for: the others are not left out.
    partly: Vec<usize>,
}

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
    let setting = Setting::of("rossi").with(1, "ids", ids.clone()).with(2, "ids", ids);
    setting.with_functions(&FUNCTIONS)
}

/// Asks and solves.
#[allow(clippy::print_stderr, reason = "the answers and refusals are wanted where it fails")]
fn play(world: &World, means: Means) -> Known {
    let mut draws = Draws::printed();
    let mut ledger = Ledger::default();
    let mut claims = Vec::new();
    let mut refusals = 0;
    while world.asked() < QUESTIONS[usize::from(is_long())] && refusals < MOST_REFUSALS {
        let column = draws.of(&ATTACKED);
        let asking = &mut Asking { world, ledger: &mut ledger, draws: &mut draws };
        let of = if means == Means::All { 9 } else { 6 };
        let answered = match asking.draws.below(of) {
            0 | 1 => asking.sum(column),
            2 => asking.univariate(column),
            3 => asking.bivariate(column),
            4 => asking.counts(),
            5 => asking.join(column),
            6 => asking.table(),
            7 => asking.number_of_rows(),
            _ => asking.quantiles(column).map(|claim| claims.push(claim)),
        };
        refusals = if answered.is_ok() { 0 } else { refusals + 1 };
    }
    claims.extend(ledger.claims(world));
    let known = world.judge(&claims);
    eprintln!("random questions: {known:?} {:#?}", world.played());
    known
}

/// The makings of a question.
struct Asking<'a> {
    world: &'a World,
    ledger: &'a mut Ledger,
    draws: &'a mut Draws,
}

impl Asking<'_> {
    /// Asks, and returns the result with the rows that are in it; none where it is not known whose.
    fn ask(
        &self,
        question: &Question,
        chosen: &Chosen,
    ) -> Result<(Value, Option<Vec<Row>>), Refusal> {
        let Told { result, left_out } = self.world.ask(question)?;
        let rows = match usize::try_from(left_out).unwrap() {
            0 => Some(chosen.rows.clone()),
            left_out if left_out == chosen.partly.len() => {
                let rows = chosen.rows.iter().filter(|row| !chosen.partly.contains(&row.0));
                Some(rows.copied().collect())
            }
            _ => None,
        };
        Ok((result, rows))
    }

    fn sum(&mut self, column: &'static str) -> Result<(), Refusal> {
        let chosen = self.choose(&[column]);
        let question = Question::new("SecureSum", chosen.parts.clone());
        let (result, rows) = self.ask(&question, &chosen)?;
        let sum = result["sum"].as_f64().unwrap_or(f64::NAN);
        self.told((column, Term::Value), rows.as_deref(), sum);
        Ok(())
    }

    fn univariate(&mut self, column: &'static str) -> Result<(), Refusal> {
        let chosen = self.choose(&[column]);
        let question = Question::new("StatisticsUnivariate", chosen.parts.clone());
        let (result, rows) = self.ask(&question, &chosen)?;
        let of = |name: &str| result[name].as_f64().unwrap_or(f64::NAN);
        let (n, mean) = (of("samples"), of("mean"));
        self.told((column, Term::Value), rows.as_deref(), n * mean);
        let squares = (n - 1.0) * of("standard_deviation").powi(2) + n * mean * mean;
        self.told((column, Term::Square), rows.as_deref(), squares);
        Ok(())
    }

    fn bivariate(&mut self, column: &'static str) -> Result<(), Refusal> {
        let chosen = self.choose(&[COVARIATE, column]);
        let question = Question::new("StatisticsBivariate", chosen.parts.clone());
        let (result, rows) = self.ask(&question, &chosen)?;
        let Some(rows) = rows else { return Ok(()) };
        let world = self.world;
        let known = rows.iter().map(|(party, row)| world.table(*party).numbers(COVARIATE)[*row]);
        let n = rows.len() as f64;
        let mean = known.sum::<f64>() / n;
        let of = |name: &str| result[name].as_f64().unwrap_or(f64::NAN);
        let sum = n * (of("regression_interceipt") + of("regression_slope") * mean);
        self.told((column, Term::Value), Some(&rows), sum);
        let products = n * of("covariance_mle") + mean * sum;
        self.told((column, Term::Times(COVARIATE)), Some(&rows), products);
        Ok(())
    }

    fn counts(&mut self) -> Result<(), Refusal> {
        let chosen = self.choose(&[COUNTED]);
        let question = Question::new("StatisticsFrequency", chosen.parts.clone());
        let question = question.with(json!({"categories": ["0", "1"]}));
        let (result, rows) = self.ask(&question, &chosen)?;
        let ones = result["histogram"]["1"].as_f64().unwrap_or(f64::NAN);
        self.told((COUNTED, Term::Value), rows.as_deref(), ones);
        Ok(())
    }

    fn table(&mut self) -> Result<(), Refusal> {
        let other = self.draws.of(&["fin", "race", "wexp"]);
        let chosen = self.choose(&[COUNTED, other]);
        let question = Question::new("StatisticsContingency", chosen.parts.clone());
        let both = json!({"categories": [["0", "1"], ["0", "1"]]});
        let (result, rows) = self.ask(&question.with(both), &chosen)?;
        let cell = |x: &str, y: &str| result["table"][x][y].as_f64().unwrap_or(f64::NAN);
        let rows = rows.as_deref();
        self.told((COUNTED, Term::Value), rows, cell("1", "0") + cell("1", "1"));
        self.told((other, Term::Value), rows, cell("0", "1") + cell("1", "1"));
        Ok(())
    }

    /// Asks how many rows have a one.
    fn number_of_rows(&mut self) -> Result<(), Refusal> {
        let column = self.draws.of(&["arrest", "fin", "race", "wexp"]);
        let has_one = json!({"column": column, "op": "=", "value": 1});
        let parts = [0, 1, 2].map(|_| Part::chosen("trial", &[COVARIATE], &has_one));
        let question = Question::new("StatisticsUnivariate", parts);
        let result = self.world.ask_whole(&question.with(json!({"statistics": ["mean"]})))?;
        let count = result["samples"].as_f64().unwrap_or(f64::NAN);
        self.told((column, Term::Value), Some(&self.world.all_rows()), count);
        Ok(())
    }

    fn quantiles(&mut self, column: &'static str) -> Result<Claim, Refusal> {
        let chosen = self.choose(&[column]);
        let permille = self.draws.of(&[50, 250, 500, 750, 950]);
        let question = Question::new("Quantiles", chosen.parts.clone());
        let question = question.with(json!({"probabilities": [f64::from(permille) / 1000.0]}));
        let result = self.world.ask_whole(&question)?;
        let rows = chosen.rows;
        let number = result["quantiles"][0].as_f64().unwrap_or(f64::NAN);
        let place = (rows.len() as u64 - 1) * permille as u64;
        // Between two ranks it is the number of neither.
        let is_of_a_row = place.is_multiple_of(1000);
        let numbers = is_of_a_row.then_some((1 + place / 1000, number)).into_iter().collect();
        Ok(Claim::Ranks { rows, column, numbers })
    }

    fn join(&mut self, column: &'static str) -> Result<(), Refusal> {
        let (world, draws) = (self.world, &mut *self.draws);
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
        let result = world.ask_whole(&question)?;
        let is_joined = |row: &&Row| one.contains(&row.1) && other.contains(&row.1);
        let rows: Vec<Row> = own.rows.iter().filter(is_joined).copied().collect();
        let of = |value: &Value| value.as_f64().unwrap_or(f64::NAN);
        let sum = of(&result["mle"][0][0]) * of(&result["samples"]);
        self.told((column, Term::Value), Some(&rows), sum);
        Ok(())
    }

    fn told(&mut self, of: (&'static str, Term), rows: Option<&[Row]>, sum: f64) {
        if let Some(rows) = rows {
            self.ledger.told(of, rows.iter().copied(), sum);
        }
    }

    /// Draws rows at all parties.
    fn choose(&mut self, columns: &[&str]) -> Chosen {
        let (mut rows, mut partly) = (Vec::new(), Vec::new());
        let parts = [0, 1, 2].map(|party| {
            let chosen = draw(self.world, party, self.draws);
            rows.extend(chosen.rows);
            if !chosen.condition.is_null() {
                partly.push(party);
            }
            Part::chosen("trial", columns, &chosen.condition)
        });
        Chosen { parts, rows, partly }
    }
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

/// Draws one row, some dozens, or about half. With caution these are whole groups, of which no sums and
/// differences isolate a few rows.
fn some_rows(world: &World, rows: usize, draws: &mut Draws) -> Vec<usize> {
    let played = world.played();
    if played.refused() + played.partial < BEFORE_CAUTION {
        let count = match draws.below(4) {
            0 | 1 => 1,
            2 => MIN_ROWS + draws.below(30),
            _ => rows / 2,
        };
        return draws.sample(rows, count);
    }
    let groups = rows / MIN_ROWS;
    let count = 1 + draws.below(groups - 1);
    let chosen = draws.sample(groups, count);
    chosen.into_iter().flat_map(|group| group * MIN_ROWS..(group + 1) * MIN_ROWS).collect()
}

/// Random questions learn something most times. One draw in some dozens is unlucky, and five are not.
#[test]
fn teaching_random_questions() {
    let mut plays = (0..5).map(|_| play(&World::start(Profile::Teaching, setting()), Means::All));
    let known = plays.find(|known| known.values > 0 || known.wrong > 0);
    assert!(known.as_ref().is_some_and(|known| known.wrong == 0), "{known:?}");
}

#[test]
fn production_random_questions() {
    let world = World::start(Profile::Production, setting());
    let known = play(&world, Means::Sums);
    assert_eq!(known.values, 0, "{known:?}");
    assert_played("random questions", &world.played(), 3);
}

#[test]
fn production_random_questions_by_all_means() {
    let world = World::start(Profile::Production, setting());
    let known = play(&world, Means::All);
    assert_eq!(known.values, 0, "{known:?}");
    assert_played("random questions by all means", &world.played(), 3);
}
