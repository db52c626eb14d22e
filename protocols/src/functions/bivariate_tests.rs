//! `StatisticsBivariate` end to end, in simulation.

use num_bigint::BigInt;
use rand_core::Rng;
use serde_json::{Value, json};

use crate::computation::{Answer, Input};
use crate::functions::bivariate::Bivariate;
use crate::functions::parameters::Parameters;
use crate::kernel::fault::Fault;
use crate::kernel::simulation::Simulation;
use crate::testing::{Run, rng, seed};

fn run(inputs: &[&[(f64, f64)]]) -> Run {
    let inputs = inputs.iter().map(|points| Input::Points(points.to_vec())).collect();
    Run::new("StatisticsBivariate", inputs)
}

fn answer(run: &Run) -> Bivariate {
    match run.answer() {
        Answer::Bivariate(answer) => answer,
        other => panic!("not bivariate: {other:?}"),
    }
}

fn json(run: &Run) -> Value {
    serde_json::to_value(run.answer()).unwrap()
}

#[test]
fn a_small_example_by_hand() {
    // x̄ = 2.5, ȳ = 5; Σ(x−x̄)(y−ȳ) = 8, Σ(x−x̄)² = 5, Σ(y−ȳ)² = 14; Σxy = 58, Σx² = 30.
    let run = run(&[&[(1.0, 2.0), (2.0, 5.0)], &[(3.0, 6.0)], &[(4.0, 7.0)]]);
    let due = json!({
        "samples": 4,
        "covariance": 8.0 / 3.0,
        "covariance_mle": 2.0,
        "correlation_coefficient": (64.0_f64 / 70.0).sqrt(),
        "regression_slope": 1.6,
        "regression_interceipt": 1.0,
        "regression_slope_only": 58.0 / 30.0,
    });
    assert_eq!(json(&run), due);
}

#[test]
fn what_is_not_defined_is_null() {
    let one = json(&run(&[&[(2.0, 3.0)], &[]]));
    assert_eq!(one["covariance"], Value::Null);
    assert_eq!(one["covariance_mle"], 0.0);
    assert_eq!(one["regression_slope"], Value::Null);
    assert_eq!(one["regression_slope_only"], 1.5);
    let none = json(&run(&[&[], &[]]));
    assert_eq!(none["samples"], 0);
    assert!(none.as_object().unwrap().values().filter(|value| value.is_null()).count() == 6);
    let flat = json(&run(&[&[(1.0, 3.0)], &[(2.0, 3.0)]]));
    assert_eq!(flat["correlation_coefficient"], Value::Null);
    assert_eq!(flat["regression_slope"], 0.0);
}

#[test]
fn perfect_correlation_is_exactly_one() {
    let points: Vec<(f64, f64)> = (1..50).map(|i| (f64::from(i) / 7.0, 0.0)).collect();
    let up: Vec<_> = points.iter().map(|(x, _)| (*x, 2.0 * x)).collect();
    let down: Vec<_> = points.iter().map(|(x, _)| (*x, -4.0 * x)).collect();
    assert_eq!(answer(&run(&[&up, &[]])).correlation_coefficient, Some(1.0));
    assert_eq!(answer(&run(&[&[], &down])).correlation_coefficient, Some(-1.0));
}

#[test]
fn a_large_offset_loses_nothing() {
    let offset = 2_f64.powi(40);
    let near = [(0.0, 1.0), (1.0, 2.0), (2.0, 5.0)];
    let far: Vec<_> = near.iter().map(|(x, y)| (x + offset, y + offset)).collect();
    let (near, far) = (answer(&run(&[&near, &[]])), answer(&run(&[&far, &[]])));
    assert_eq!(near.covariance, far.covariance);
    assert_eq!(near.correlation_coefficient, far.correlation_coefficient);
    assert_eq!(near.regression_slope, far.regression_slope);
}

/// Compares with an independent computation. The data are whole, so that all of it is integer
/// arithmetic about the means.
#[test]
fn random_whole_points_agree_with_integers() {
    let mut rng = rng(seed());
    let mut coordinate = || i64::from(rng.next_u32() % 2001) - 1000;
    let points: Vec<(i64, i64)> = (0..60).map(|_| (coordinate(), coordinate())).collect();
    #[expect(clippy::cast_precision_loss, reason = "small whole numbers")]
    let doubles: Vec<(f64, f64)> = points.iter().map(|(x, y)| (*x as f64, *y as f64)).collect();
    let n = i64::try_from(points.len()).unwrap();
    let [sx, sy] = [points.iter().map(|p| p.0).sum::<i64>(), points.iter().map(|p| p.1).sum()];
    let centred = |f: fn(i64, i64) -> i64| -> i64 {
        points.iter().map(|(x, y)| f(n * x - sx, n * y - sy)).sum()
    };
    // Each is n² times the sum of squares or products about the means; all fit 53 bits.
    let (a, b) = (centred(|x, y| x * y), centred(|x, _| x * x));
    let ratio = |p: i64, q: i64| {
        let (p, q) = (BigInt::from(p), BigInt::from(q));
        crate::algebra::rounding::fraction_to_double(&p, &q, 0)
    };
    let answer = answer(&run(&[&doubles[..20], &doubles[20..], &[]]));
    assert_eq!(answer.covariance, ratio(a, n * n * (n - 1)));
    assert_eq!(answer.regression_slope, ratio(a, b));
    assert_eq!(answer.regression_interceipt, ratio(sy * b - a * sx, n * b));
}

#[test]
fn extreme_magnitudes_are_exact_or_a_fault() {
    let tiny = answer(&run(&[&[(5e-324, 5e-324)], &[(1e-323, 1e-323)]]));
    assert_eq!((tiny.regression_slope, tiny.correlation_coefficient), (Some(1.0), Some(1.0)));
    assert_eq!(tiny.covariance, Some(0.0));
    let huge = run(&[&[(f64::MAX, f64::MAX)], &[(-f64::MAX, -f64::MAX)]]);
    let report = huge.simulate(Simulation::new(seed()));
    assert_eq!(report.endings[0].fault(), Some(&Fault::ResultOutOfRange));
}

#[test]
fn an_answer_without_covariance_does_not_tell_the_sums() {
    let run = |points: &[(f64, f64)]| run(&[points, &[]]);
    let same = [
        run(&[(0.0, 1.0), (0.0, 3.0), (2.0, 1.0), (2.0, 3.0)]),
        run(&[(0.0, 2.0), (2.0, 0.0), (2.0, 2.0), (2.0, 4.0)]),
        run(&[(0.0, 0.0), (0.0, 4.0), (2.0, 0.0), (2.0, 4.0)]),
    ];
    assert_eq!(answer(&same[0]), answer(&same[1]));
    assert_eq!(answer(&same[0]), answer(&same[2]));
    let report = same[0].simulate(Simulation::new(seed()));
    let reveals = &report.results().unwrap()[0].security.reveals;
    assert!(reveals[0].contains("unless the intercept or the covariance is 0"));
}

#[test]
fn declared_digits_make_it_small() {
    let run = run(&[&[(1.5, 2.5)], &[(0.5, 1e-3)]]);
    let words = run.request(0).unwrap().words();
    let digits = Parameters::default().with("digits_before", Some(12));
    let declared = run.parameters(digits);
    assert_eq!(
        (words, declared.request(0).unwrap().words()),
        (1 + 2 * 34 + 3 * 67, 1 + 2 * 4 + 3 * 6)
    );
    assert_eq!(answer(&declared).samples, 2);
}
