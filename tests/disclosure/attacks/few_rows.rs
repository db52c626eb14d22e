//! Answers over few rows, of which most are the attacker's own: power sums (E5), one row beside nine
//! (E6), rows that are counted several times (E12).

use serde_json::{Value, json};

use super::super::Attack;
use super::super::known::{Claim, Known};
use super::super::solving::{from_power_sums, solve, two_whole_numbers};
use super::super::tables::Table;
use super::super::world::{HANDLE, PARTIES, Part, Question, Refusal, Setting, World};

/// E5: ten rows of which four are the attacker's. Six power sums give the six others.
pub(in super::super) struct PowerSums;

impl Attack for PowerSums {
    fn name(&self) -> &'static str {
        "E5: six rows by power sums"
    }

    fn setting(&self) -> Setting {
        Setting::of_tables([0, 1, 2].map(|party| first_rows(party, [3, 3, 4][party])))
    }

    fn play(&self, world: &World) -> Known {
        let parts = || [0, 1, 2].map(|_| Part::of("trial", &["age"]));
        let mut result = world.ask_whole(&Question::new("StatisticsUnivariate", parts()));
        if result.as_ref().is_ok_and(|result| result["hyper_flatness"].is_null()) {
            let all = json!({"statistics": ["samples", "mean", "variance_mle", "skewness",
                "kurtosis", "hyper_skewness", "hyper_flatness"]});
            result = world.ask_whole(&Question::new("StatisticsUnivariate", parts()).with(all));
        }
        let sums = result.ok().and_then(|result| power_sums(&result));
        let others = sums.and_then(|sums| {
            let own = world.table(2).numbers("age");
            let less = |k: usize| sums[k] - own.iter().map(|x| x.powi(k as i32 + 1)).sum::<f64>();
            from_power_sums(&(0..6).map(less).collect::<Vec<_>>(), 120)
        });
        let claims = others.map(|others| Claim::Among {
            rows: world.all_rows().into_iter().filter(|row| row.0 < 2).collect(),
            column: "age",
            values: others.iter().map(|x| *x as f64).collect(),
        });
        world.judge(&claims.into_iter().collect::<Vec<_>>())
    }
}

/// Returns a party's first rows of a public set.
fn first_rows(party: usize, count: usize) -> Table {
    Table::read("diabetes", &format!("party{}", party + 1)).part(0..count)
}

/// Returns the sums of the first to sixth powers, from the mean and the standardized moments.
fn power_sums(result: &Value) -> Option<Vec<f64>> {
    let of = |name: &str| result[name].as_f64();
    let (n, mean, variance) = (of("samples")?, of("mean")?, of("variance_mle")?);
    let sigma = variance.sqrt();
    let central = [
        1.0,
        0.0,
        variance,
        of("skewness")? * sigma.powi(3),
        of("kurtosis")? * sigma.powi(4),
        of("hyper_skewness")? * sigma.powi(5),
        of("hyper_flatness")? * sigma.powi(6),
    ];
    let raw = |k: usize| -> f64 {
        let terms = (0..=k).map(|j| binomial(k, j) * central[j] * mean.powi((k - j) as i32));
        n * terms.sum::<f64>()
    };
    Some((1..=6).map(raw).collect())
}

fn binomial(n: usize, k: usize) -> f64 {
    (0..k).map(|i| (n - i) as f64 / (i + 1) as f64).product()
}

/// E6: nine rows of the attacker's own beside one row, or one at each of the others.
pub(in super::super) struct NineAndOne;

impl Attack for NineAndOne {
    fn name(&self) -> &'static str {
        "E6: one row beside nine"
    }

    fn setting(&self) -> Setting {
        // Small numbers of the attacker's own, so that it does not dominate a sum.
        let own: Vec<Vec<i64>> = (0..9).map(|at| vec![at, at, 3 * at * at % 17]).collect();
        let own = Table::of_numbers(&["id", "age", "target"], &own);
        Setting::of_tables([own, first_rows(1, 1), first_rows(2, 1)]).with_empty(2, &["id", "age"])
    }

    fn play(&self, world: &World) -> Known {
        let own: f64 = world.table(0).numbers("age").iter().sum();
        let age = || Part::of("trial", &["age"]);
        let mut claims = Vec::new();
        let without_third = [Part::nothing(), Part::of("empty", &["age"])];
        let mut sums = without_third.into_iter().map(|third| world.sum([age(), age(), third]));
        if let Some(sum) = sums.find_map(Result::ok) {
            claims.push(Claim::Value { row: (1, 0), column: "age", value: sum - own });
        }
        let parts = [0, 1, 2].map(|_| Part::of("trial", &["age", "target"]));
        let result = world.ask_whole(&Question::new("StatisticsBivariate", parts));
        claims
            .extend(result.ok().and_then(|result| two_points(world, &result)).unwrap_or_default());
        world.judge(&claims)
    }
}

/// Solves for two points: their sums, sums of squares and sum of products follow from what is shown.
fn two_points(world: &World, result: &Value) -> Option<Vec<Claim>> {
    let of = |name: &str| result[name].as_f64();
    let (n, xy) = (of("samples")?, of("covariance_mle")?);
    let (b, a) = (of("regression_slope")?, of("regression_interceipt")?);
    let (r, through_origin) = (of("correlation_coefficient")?, of("regression_slope_only")?);
    let xx = xy / b;
    let yy = xy * xy / (r * r * xx);
    // (xy + x̄ȳ) / (xx + x̄²) is the slope through the origin, and ȳ = a + b·x̄.
    let (square, rest) = (b - through_origin, xx * (b - through_origin));
    let root = (a * a - 4.0 * square * rest).max(0.0).sqrt();
    let own = |column: &str| world.table(0).numbers(column);
    let (own_x, own_y) = (own("age"), own("target"));
    let products: f64 = own_x.iter().zip(&own_y).map(|(x, y)| x * y).sum();
    for mean_x in [(root - a) / (2.0 * square), (-root - a) / (2.0 * square)] {
        let mean_y = a + b * mean_x;
        let x = two(n * mean_x, n * (xx + mean_x * mean_x), &own_x);
        let y = two(n * mean_y, n * (yy + mean_y * mean_y), &own_y);
        let (Some(x), Some(mut y)) = (x, y) else { continue };
        let left = n * (xy + mean_x * mean_y) - products;
        if (x[0] * y[0] + x[1] * y[1] - left).abs() > 1.0 {
            y.swap(0, 1);
        }
        if (x[0] * y[0] + x[1] * y[1] - left).abs() < 1.0 {
            let rows = vec![(1, 0), (2, 0)];
            let of = |column, values: [f64; 2]| Claim::Among {
                rows: rows.clone(),
                column,
                values: values.to_vec(),
            };
            return Some(vec![of("age", x), of("target", y)]);
        }
    }
    None
}

/// Returns the two numbers that are left of a sum and of a sum of squares.
fn two(sum: f64, squares: f64, own: &[f64]) -> Option<[f64; 2]> {
    let own_squares: f64 = own.iter().map(|x| x * x).sum();
    two_whole_numbers(sum - own.iter().sum::<f64>(), squares - own_squares)
}

/// E12: one row a party, counted several times, at each party another number of times.
pub(in super::super) struct SeveralTimes;

impl Attack for SeveralTimes {
    fn name(&self) -> &'static str {
        "E12: rows counted several times"
    }

    fn setting(&self) -> Setting {
        Setting::of_tables([0, 1, 2].map(|party| first_rows(party, 1)))
    }

    fn play(&self, world: &World) -> Known {
        // One handle several times, then as many selections of the same rows. Where neither is
        // answered, each row once: that is for rules that let few rows through.
        let claims = counted(world, 5, false)
            .or_else(|_| counted(world, 5, true))
            .or_else(|_| counted(world, 1, false));
        world.judge(&claims.unwrap_or_default())
    }
}

/// Solves for the first and the third party's row, from two sums in which they have other weights.
fn counted(world: &World, times: usize, apart: bool) -> Result<Vec<Claim>, Refusal> {
    let own = world.table(1).numbers("age")[0];
    // More than once, so that all nodes refuse at once where one does.
    let few = if times > 1 { 2 } else { 0 };
    let mut rows = Vec::new();
    for weights in [[times, times, few], [few, times, times]] {
        let sum = world.sum(weights.map(|weight| several(weight, apart)))?;
        let weights: [f64; PARTIES] = weights.map(|weight| weight as f64);
        rows.push(vec![weights[0], weights[2], sum - weights[1] * own]);
    }
    let solved = solve(rows);
    let claim = |party, value| Claim::Value { row: (party, 0), column: "age", value };
    Ok(vec![claim(0, solved[0]), claim(2, solved[1])])
}

fn several(times: usize, apart: bool) -> Part {
    let part = Part::of("trial", &["age"]);
    match times {
        0 => Part::nothing(),
        1 => part,
        _ => {
            let part = part.within(json!(vec![HANDLE; times]));
            if apart { part.apart() } else { part }
        }
    }
}
