//! Answers that rules round, in simulation, against statistics computed apart.

use rand_core::Rng;
use serde_json::{Value, json};

use super::compute;
use crate::functions::parameters::Parameters;
use crate::kernel::disclosure::{Profile, Refusal, Rounding, Rules};
use crate::kernel::fault::Fault;
use crate::kernel::party::Party;
use crate::kernel::random::PredictableRng;
use crate::kernel::simulation::Simulation;
use crate::suites::pairwise::CorrelationStore;
use crate::testing::{Run, rng, seed};

/// The statistics that follow from number, mean and variance.
const SECOND: [&str; 12] = [
    "sum",
    "mean",
    "variance",
    "variance_mle",
    "variance_of_sample_mean",
    "standard_deviation",
    "standard_deviation_mle",
    "standard_error_of_sample_mean",
    "coefficient_of_variation",
    "coefficient_of_variation_mle",
    "root_mean_square",
    "root_mean_square_deviation",
];

const MOMENTS: [&str; 5] =
    ["skewness", "kurtosis", "kurtosis_excess", "hyper_skewness", "hyper_flatness"];

fn rounding(divisor: u16) -> Rounding {
    format!("se/{divisor}").parse().unwrap()
}

fn rounded(divisor: u16) -> Rules {
    Rules { round: Some(rounding(divisor)), ..Profile::Teaching.rules() }
}

fn asking(statistics: &[&str]) -> Parameters {
    Parameters::default().with("statistics", Some(statistics.to_vec()))
}

/// Draws ages-like numbers of three parties, with three places behind the point.
fn drawn(rng: &mut PredictableRng) -> [Vec<f64>; 3] {
    let mut number = || f64::from(rng.next_u32() % 60_000) / 1_000.0 + 20.0;
    [17, 23, 40].map(|rows| std::iter::repeat_with(&mut number).take(rows).collect())
}

fn answer(parts: &[Vec<f64>; 3], asked: &[&str], rules: Rules) -> Value {
    let run = Run::numbers("StatisticsUnivariate", parts.each_ref().map(Vec::as_slice));
    let answer = run.parameters(asking(asked)).rules(rules).answer();
    serde_json::to_value(&answer).unwrap()
}

/// Returns the largest of 1, 2 and 5 times a power of ten that is not above `most`, by trial.
fn step(most: f64) -> f64 {
    let exponents = -12..12;
    let sizes = exponents.flat_map(|k| [1.0, 2.0, 5.0].map(|leading| leading * 10_f64.powi(k)));
    sizes.filter(|size| *size <= most).fold(0.0, f64::max)
}

fn is_near(one: f64, other: f64) -> bool {
    (one - other).abs() <= 1e-12 * one.abs().max(other.abs()).max(1.0)
}

#[test]
fn statistics_are_functions_of_rounded_mean_and_variance_and_the_count() {
    let mut rng = rng(seed());
    for divisor in [1, 3, 10, 200] {
        let parts = drawn(&mut rng);
        let answer = answer(&parts, &SECOND, rounded(divisor));
        let of = |name: &str| answer[name].as_f64().unwrap();
        let all = parts.concat();
        let n = f64::from(u16::try_from(all.len()).unwrap());
        let exact_mean = all.iter().sum::<f64>() / n;
        let exact = all.iter().map(|x| (x - exact_mean).powi(2)).sum::<f64>() / (n - 1.0);
        let by = f64::from(divisor);

        let size = step(exact * (2.0 / (n - 1.0)).sqrt() / by);
        let (mean, variance) = (of("mean"), of("variance"));
        assert!(is_near(variance, (exact / size).round() * size), "{variance} {exact} {size}");
        let size = step((variance / n).sqrt() / by);
        assert!(is_near(mean, (exact_mean / size).round() * size), "{mean} {exact_mean} {size}");
        assert!((mean - exact_mean).abs() <= size / 2.0 + 1e-9, "{mean} {exact_mean} {size}");

        let of_all = variance * (n - 1.0) / n;
        let due = [
            n * mean,
            mean,
            variance,
            of_all,
            variance / n,
            variance.sqrt(),
            of_all.sqrt(),
            (variance / n).sqrt(),
            variance.sqrt() / mean,
            of_all.sqrt() / mean,
            (mean * mean + of_all).sqrt(),
            of_all.sqrt(),
        ];
        for (name, due) in SECOND.into_iter().zip(due) {
            assert!(is_near(of(name), due), "{name}: {} and {due}", of(name));
        }
        assert_eq!(answer["samples"], json!(80), "counts stay exact");
    }
}

#[test]
fn a_row_that_moves_the_mean_by_less_than_a_step_mostly_changes_nothing_at_all() {
    let mut rng = rng(seed());
    let asked = [&SECOND[..], &MOMENTS].concat();
    let same = |_: &usize| {
        let parts = drawn(&mut rng);
        let mut moved = parts.clone();
        moved[1][0] += 0.001;
        answer(&parts, &asked, rounded(2)) == answer(&moved, &asked, rounded(2))
    };
    // One number in 80 moves by a thousandth: some 10^-5 steps, and each of seven numbers is that
    // near to the edge of its step with that probability. Two of six are beyond chance.
    assert!((0..6).filter(same).count() >= 5);
}

#[test]
fn standardised_moments_are_multiples_of_steps_that_tell_nothing_of_the_data() {
    let mut rng = rng(seed());
    let parts = drawn(&mut rng);
    let exact = answer(&parts, &MOMENTS, Profile::Teaching.rules());
    let rounded = answer(&parts, &MOMENTS, rounded(10));
    let due = [
        ("skewness", 6.0),
        ("kurtosis", 24.0),
        ("hyper_skewness", 720.0),
        ("hyper_flatness", 6_120.0),
    ];
    for (name, of_one) in due {
        let size = step((of_one / 80.0_f64).sqrt() / 10.0);
        let (exact, rounded) = (exact[name].as_f64().unwrap(), rounded[name].as_f64().unwrap());
        assert!(
            is_near(rounded, (exact / size).round() * size),
            "{name}: {rounded} {exact} {size}"
        );
    }
    let kurtosis = rounded["kurtosis"].as_f64().unwrap();
    assert!(is_near(rounded["kurtosis_excess"].as_f64().unwrap(), kurtosis - 3.0));
}

#[test]
fn the_coarsest_of_all_members_holds_and_its_member_is_named() {
    let parts: [&[f64]; 3] = [&[1.25, 7.5], &[3.0, 2.5], &[9.75, 4.0]];
    let run = Run::numbers("StatisticsUnivariate", parts).parameters(asking(&["mean", "variance"]));
    let own = [Some(rounding(100)), None, Some(rounding(2))];
    let report = Simulation::new(seed()).run(|channel, party, rng| {
        let mut offer = run.offered();
        offer.rules.round = own[party.index()];
        let request = run.request(party.index()).unwrap();
        compute(channel, offer, request, CorrelationStore::default(), rng)
    });
    let due = run.rules.strictest(rounded(2));
    let rounded = Run { rules: due, ..run }.answer();
    for outcome in report.results().unwrap() {
        assert_eq!(outcome.rules.round, Some(rounding(2)));
        assert_eq!(outcome.decided_by["round"], "member 2");
        assert_eq!(*outcome.answer.get(), rounded);
    }
}

#[test]
fn a_question_with_a_number_that_cannot_be_rounded_is_refused_before_any_of_its_messages() {
    let parts: [&[f64]; 3] = [&[1.0, 2.0], &[3.0], &[4.0]];
    let refused = Refusal::NotRounded { rounding: rounding(10), of: Party::new(0).unwrap() };
    let asked: [(&'static str, Parameters); 6] = [
        ("SecureSum", Parameters::default()),
        ("SecureMedian", Parameters::default()),
        ("StatisticsUnivariate", Parameters::default()),
        ("StatisticsUnivariate", asking(&["mean"])),
        ("StatisticsUnivariate", asking(&["mean", "variance", "minimum"])),
        ("StatisticsUnivariate", asking(&["variance", "geometric_mean"])),
    ];
    for (function, parameters) in asked {
        let run = Run::numbers(function, parts).parameters(parameters).rules(rounded(10));
        let report = run.simulate(Simulation::new(seed()));
        for (ending, meter) in report.endings.iter().zip(&report.meters) {
            assert_eq!(ending.fault(), Some(&Fault::Refused(refused.clone())), "{function}");
            assert!(meter.round_names().is_empty(), "{function}: {:?}", meter.round_names());
        }
    }
}

#[test]
fn one_number_has_no_standard_error_and_equal_numbers_have_none_above_0() {
    let asked = ["mean", "variance"];
    let run = Run::numbers("StatisticsUnivariate", [&[1.5], &[], &[]]);
    let report =
        run.parameters(asking(&asked)).rules(rounded(10)).simulate(Simulation::new(seed()));
    for ending in &report.endings {
        assert!(
            matches!(ending.fault(), Some(Fault::Undefined { why }) if why.contains("one number"))
        );
    }
    let equal = answer(&[vec![1.625], vec![1.625], vec![1.625; 2]], &asked, rounded(10));
    assert_eq!(equal, json!({"samples": 4, "mean": 1.625, "variance": 0.0}));
}
