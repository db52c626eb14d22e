//! Rows that are joined by ids with the attacker's own columns: nearly as many columns as rows (E7),
//! columns with a single one (E8), one id less (E9), and two columns that differ in one row (E37).

use serde_json::json;

use super::super::Attack;
use super::super::draws::Draws;
use super::super::known::{Claim, Known};
use super::super::solving::{complement, dot, solve, whole_residuals};
use super::super::tables::Table;
use super::super::world::{Part, Question, Setting, World};

const REGRESSION: &str = "StatisticsRegressionOLSVertical";

const COLUMN: &str = "target";

/// The rows of one regression, and the attacker's columns in it.
const BLOCK: usize = 12;
const COLUMNS: usize = 10;

/// The party that is attacked: its column is explained by those of the first party.
const ATTACKED: usize = 1;

/// Has the attacker's table at the first party, and all ids at the third.
fn joined(own: Table) -> Setting {
    let attacked = Table::read("diabetes", "party3");
    let ids = attacked.only(&["id"]);
    Setting::of_tables([own, attacked, ids]).with_functions(&[REGRESSION])
}

/// Returns a table of the attacked ids, each with columns of its own.
fn own_columns(columns: usize, mut value: impl FnMut(usize, usize) -> i64) -> Table {
    let ids = Table::read("diabetes", "party3").ids();
    let names: Vec<String> = (0..columns).map(|column| format!("c{column}")).collect();
    let names: Vec<&str> = std::iter::once("id").chain(names.iter().map(String::as_str)).collect();
    let row = |(at, id): (usize, &i64)| {
        std::iter::once(*id).chain((0..columns).map(|column| value(at, column))).collect()
    };
    let rows: Vec<Vec<i64>> = ids.iter().enumerate().map(row).collect();
    Table::of_numbers(&names, &rows)
}

/// Returns the attacker's part: its ids and the first of its columns.
fn own_part(columns: usize) -> Part {
    let names: Vec<String> = (0..columns).map(|column| format!("c{column}")).collect();
    let names: Vec<&str> = std::iter::once("id").chain(names.iter().map(String::as_str)).collect();
    Part::of("trial", &names)
}

/// E7: with one or two degrees of freedom, fit and residual give a column of whole numbers.
pub(in super::super) struct ManyColumns;

impl Attack for ManyColumns {
    fn name(&self) -> &'static str {
        "E7: nearly as many columns as rows"
    }

    fn setting(&self) -> Setting {
        let mut draws = Draws::printed();
        joined(own_columns(COLUMNS, |_, _| draws.below(1000) as i64))
    }

    fn play(&self, world: &World) -> Known {
        ask_with_enough_rows(world);
        let blocks = [(0, COLUMNS), (1, COLUMNS), (2, COLUMNS - 1)];
        let claims = blocks.into_iter().filter_map(|(block, columns)| {
            let rows: Vec<usize> = (block * BLOCK..(block + 1) * BLOCK).collect();
            fit(world, &rows, columns)
        });
        world.judge(&claims.flatten().collect::<Vec<_>>())
    }
}

/// Asks what every profile answers: two columns over all rows.
fn ask_with_enough_rows(world: &World) {
    let parts = [own_part(2), Part::of("trial", &["id", COLUMN]), Part::of("trial", &["id"])];
    let question = Question::new(REGRESSION, parts);
    let answer = world.ask_whole(&question.with(json!({"by_id": true, "intercept": true})));
    assert!(answer.is_ok(), "{answer:?}");
}

/// Fits the attacked column of some rows by so many of the attacker's columns and an intercept.
fn fit(world: &World, rows: &[usize], columns: usize) -> Option<Vec<Claim>> {
    let ids = world.table(ATTACKED).ids();
    let chosen: Vec<i64> = rows.iter().map(|row| ids[*row]).collect();
    let parts = [
        own_part(columns),
        Part::with_ids("trial", &["id", COLUMN], &chosen),
        Part::of("trial", &["id"]),
    ];
    let question = Question::new(REGRESSION, parts);
    let result = world.ask_whole(&question.with(json!({"by_id": true, "intercept": true}))).ok()?;
    let coefficients: Vec<f64> =
        result["mle"].as_array()?.iter().map(|b| b[0].as_f64()).collect::<Option<_>>()?;
    let first_error = result["standard_errors"][1].as_f64()?;

    let mut design = vec![vec![1.0; rows.len()]];
    for column in 0..columns {
        let all = world.table(0).numbers(&format!("c{column}"));
        design.push(rows.iter().map(|row| all[*row]).collect());
    }
    let fitted: Vec<f64> = (0..rows.len())
        .map(|row| design.iter().zip(&coefficients).map(|(column, b)| column[row] * b).sum())
        .collect();
    // The squared standard error is RSS / df times this element of (X'X)⁻¹.
    let gram = design.iter().enumerate().map(|(i, x)| {
        let unit = f64::from(u8::from(i == 1));
        design.iter().map(|y| dot(x, y)).chain([unit]).collect()
    });
    let inverse = solve(gram.collect())[1];
    let freedom = (rows.len() - design.len()) as f64;
    let length = (first_error.powi(2) * freedom / inverse).sqrt();
    let found = whole_residuals(&fitted, &complement(&design), length);
    // Only one column may fit, and no other target is possible.
    let possible: Vec<&Vec<i64>> =
        found.iter().filter(|column| column.iter().all(|y| *y > 0)).collect();
    let [column] = possible.as_slice() else { return None };
    let claim = |(row, value): (&usize, &i64)| Claim::Value {
        row: (ATTACKED, *row),
        column: COLUMN,
        value: *value as f64,
    };
    Some(rows.iter().zip(column.iter()).map(claim).collect())
}

/// E8: each column is 1 in one row. Its coefficient is the value of that row.
pub(in super::super) struct OneHot {
    /// The rows that have a column of their own: with the attacked one 60 are the most there may be.
    pub(in super::super) hot: usize,
}

impl OneHot {
    pub(in super::super) const MOST: usize = 60;
    /// So few that the rows are enough for the products of all columns.
    pub(in super::super) const FEW: usize = 6;
}

impl Attack for OneHot {
    fn name(&self) -> &'static str {
        match self.hot {
            Self::MOST => "E8: columns with a single one",
            _ => "E36: few columns with a single one beside many rows",
        }
    }

    fn setting(&self) -> Setting {
        joined(own_columns(self.hot, |row, column| i64::from(row == column)))
    }

    fn play(&self, world: &World) -> Known {
        let parts =
            [own_part(self.hot), Part::of("trial", &["id", COLUMN]), Part::of("trial", &["id"])];
        let question = Question::new(REGRESSION, parts);
        let result = world.ask_whole(&question.with(json!({"by_id": true}))).unwrap_or_default();
        let coefficients = result["mle"].as_array().cloned().unwrap_or_default();
        let claims = coefficients.iter().enumerate().filter_map(|(row, b)| {
            let value = b[0].as_f64()?;
            Some(Claim::Value { row: (ATTACKED, row), column: COLUMN, value })
        });
        world.judge(&claims.collect::<Vec<_>>())
    }
}

/// E37: no column looks unusual, and there are rows enough. The columns differ in one row, so that their
/// products with the attacked column do by its value.
pub(in super::super) struct TwoColumns;

/// The row in which they differ.
const DIFFERS: usize = 31;

impl TwoColumns {
    fn value(row: usize, column: usize) -> i64 {
        let first = i64::try_from(row + 1).unwrap();
        first + i64::from(column == 1 && row == DIFFERS)
    }
}

impl Attack for TwoColumns {
    fn name(&self) -> &'static str {
        "E37: two columns that differ in one row"
    }

    fn setting(&self) -> Setting {
        joined(own_columns(2, Self::value))
    }

    fn play(&self, world: &World) -> Known {
        let parts = [own_part(2), Part::of("trial", &["id", COLUMN]), Part::of("trial", &["id"])];
        let question = Question::new(REGRESSION, parts);
        let result = world.ask_whole(&question.with(json!({"by_id": true}))).unwrap_or_default();
        let coefficients = result["mle"].as_array().cloned().unwrap_or_default();
        let claim = |b: Vec<f64>| {
            // XᵀX·b are the products with the attacked column: here those of x₁ − x₀.
            let rows = 0..world.table(ATTACKED).ids().len();
            let product = |row: usize| -> f64 {
                let fitted: f64 = (0..2).map(|j| Self::value(row, j) as f64 * b[j]).sum();
                (Self::value(row, 1) - Self::value(row, 0)) as f64 * fitted
            };
            let value = rows.map(product).sum();
            Claim::Value { row: (ATTACKED, DIFFERS), column: COLUMN, value }
        };
        let coefficients: Option<Vec<f64>> = coefficients.iter().map(|b| b[0].as_f64()).collect();
        let claims = coefficients.filter(|b| b.len() == 2).map(claim);
        world.judge(&claims.into_iter().collect::<Vec<_>>())
    }
}

/// E9: the attacked party selects the same rows each time, and the attacker brings one id less.
pub(in super::super) struct OneLess;

/// The rows that are left out, one at a time.
const LEFT_OUT: [usize; 3] = [4, 17, 40];

impl Attack for OneLess {
    fn name(&self) -> &'static str {
        "E9: a join with one row less"
    }

    fn setting(&self) -> Setting {
        let ones = own_columns(1, |_, _| 1);
        let without = |left_out: usize| ones.part((0..ones.len()).filter(|row| *row != left_out));
        let setting = joined(ones.clone());
        LEFT_OUT.into_iter().fold(setting, |setting, left_out| {
            setting.with(0, &format!("without-{left_out}"), without(left_out))
        })
    }

    fn play(&self, world: &World) -> Known {
        let Some(all) = sum_of_join(world, "trial") else { return world.judge(&[]) };
        let claims = LEFT_OUT.into_iter().filter_map(|row| {
            let value = all - sum_of_join(world, &format!("without-{row}"))?;
            Some(Claim::Value { row: (ATTACKED, row), column: COLUMN, value })
        });
        world.judge(&claims.collect::<Vec<_>>())
    }
}

/// Returns the sum of the attacked column over a join: the coefficient of a column of ones is the
/// mean.
fn sum_of_join(world: &World, dataset: &str) -> Option<f64> {
    let parts = [
        Part::of(dataset, &["id", "c0"]),
        Part::of("trial", &["id", COLUMN]),
        Part::of("trial", &["id"]),
    ];
    let question = Question::new(REGRESSION, parts);
    let result = world.ask_whole(&question.with(json!({"by_id": true}))).ok()?;
    Some(result["mle"][0][0].as_f64()? * result["samples"].as_f64()?)
}
