//! `SecureSum` end to end, in simulation.

use num_bigint::BigInt;
use rand_core::Rng;

use crate::algebra::rounding::integer_to_double;
use crate::computation::{Input, Request};
use crate::functions::catalogue::find;
use crate::functions::parameters::Parameters;
use crate::kernel::disclosure::{Profile, Rules};
use crate::kernel::fault::{Fault, InputError};
use crate::kernel::simulation::Simulation;
use crate::testing::{self, Run, any_doubles, rng, seed};

fn sum_of<const N: usize>(inputs: [&[f64]; N]) -> f64 {
    Run::numbers("SecureSum", inputs).sum()
}

fn digits(before: u32, after: u32) -> Parameters {
    let (digits_before, digits_after) = (Some(before), Some(after));
    Parameters::default().with("digits_before", digits_before).with("digits_after", digits_after)
}

/// Returns a double times 2^1074, by doubling and halving instead of by its bits.
fn on_grid(mut x: f64) -> BigInt {
    let mut power = 1074;
    while x.fract() != 0.0 {
        x *= 2.0;
        power -= 1;
    }
    while x.abs() >= 2_f64.powi(60) {
        x /= 2.0;
        power += 1;
    }
    #[expect(clippy::cast_possible_truncation, reason = "whole and below 2^60")]
    let whole = x as i64;
    BigInt::from(whole) << power
}

#[test]
fn sums_of_any_doubles_by_any_number_of_parties_are_rounded_once() {
    let mut rng = rng(seed());
    for parties in [2, 3, 5, 16, 64] {
        let count = || 1 + 40 / parties;
        let inputs: Vec<Vec<f64>> = (0..parties).map(|_| any_doubles(&mut rng, count())).collect();
        let exact: BigInt = inputs.iter().flatten().map(|x| on_grid(*x)).sum();
        let due = integer_to_double(&exact, -1074);
        let run = Run::new("SecureSum", inputs.into_iter().map(Input::Numbers).collect());
        let report = run.simulate(Simulation::new(rng.next_u64()));
        match due {
            Some(_) => assert_eq!(Some(run.sum()), due, "{parties} parties"),
            None => assert_eq!(report.endings[0].fault(), Some(&Fault::ResultOutOfRange)),
        }
    }
}

#[test]
fn sums_that_doubles_would_spoil_are_exact() {
    assert_eq!(sum_of([&[1e308, 1e-300], &[-1e308]]), 1e-300);
    assert_eq!(sum_of([&[5e-324], &[5e-324], &[-1.5e-323]]), -5e-324);
    assert_eq!(sum_of([&[0.1; 4], &[0.1; 6]]), 1.0);
    assert_eq!(sum_of([&[1e16, 1.0], &[1.0, -1e16]]), 2.0);
    assert_eq!(sum_of([&[f64::MAX, f64::MAX], &[-f64::MAX]]), f64::MAX);
}

#[test]
fn halves_round_to_even() {
    let two53 = 2_f64.powi(53);
    assert_eq!(sum_of([&[two53], &[1.0]]), two53);
    assert_eq!(sum_of([&[two53], &[3.0]]), two53 + 4.0);
    assert_eq!(sum_of([&[two53, 1.0], &[5e-324]]), two53 + 2.0);
    assert_eq!(sum_of([&[-two53, -1.0], &[-5e-324]]), -two53 - 2.0);
}

#[test]
fn zeros_and_nothing_sum_to_positive_zero() {
    assert!(sum_of([&[-0.0], &[-0.0]]).is_sign_positive());
    assert_eq!(sum_of([&[], &[]]), 0.0);
    assert_eq!(sum_of([&[], &[2.5]]), 2.5);
}

#[test]
fn a_sum_beyond_the_largest_double_is_a_fault_at_all() {
    let run = Run::numbers("SecureSum", [&[f64::MAX], &[f64::MAX], &[0.0]]);
    let report = run.simulate(Simulation::new(seed()));
    for ending in &report.endings {
        assert_eq!(ending.fault(), Some(&Fault::ResultOutOfRange));
    }
}

#[test]
fn whole_numbers_keep_all_their_bits() {
    let input = |items: &[i64]| Input::Integers(items.to_vec());
    let inputs = vec![input(&[i64::MAX, i64::MAX]), input(&[i64::MIN, i64::MIN]), input(&[3])];
    assert_eq!(Run::new("SecureSum", inputs).sum(), 1.0);
    let mixed = vec![input(&[1 << 60, 1]), Input::Numbers(vec![0.5, -2_f64.powi(60)])];
    assert_eq!(Run::new("SecureSum", mixed).sum(), 1.5);
}

#[test]
fn declared_digits_take_four_words_and_change_nothing() {
    let run = Run::numbers("SecureSum", [&[999_999_999_999.9, 1e-12], &[-0.1, 0.0]]);
    let exact: BigInt = [999_999_999_999.9, 1e-12, -0.1].map(on_grid).iter().sum();
    let run = run.parameters(digits(12, 12));
    assert_eq!(run.request(0).unwrap().words(), 4);
    assert_eq!(Some(run.sum()), integer_to_double(&exact, -1074));
}

#[test]
fn the_declared_range_is_checked_before_anything_is_masked() {
    let request = |input: Input| {
        Request::new(find("SecureSum").unwrap(), &digits(3, 2), input, 0, &testing::parties(2))
            .map(drop)
    };
    let numbers = |x: f64| request(Input::Numbers(vec![0.0, x]));
    let range = "0, or from 1e-2 to below 1e3".to_owned();
    let refused = Err(InputError::OutOfRange { index: 1, range });
    for x in [999.999_999, 0.01, -0.01, -0.0, -999.0] {
        assert_eq!(numbers(x), Ok(()), "{x}");
    }
    for x in [1000.0, -1000.0, 0.01_f64.next_down(), -1e-300, 1e300] {
        assert_eq!(numbers(x), refused, "{x}");
    }
    assert_eq!(numbers(1000_f64.next_down()), Ok(()));
    assert_eq!(request(Input::Integers(vec![0, -999])), Ok(()));
    assert_eq!(request(Input::Integers(vec![0, -1000])), refused);
    assert_eq!(request(Input::Integers(vec![0, i64::MIN])), refused);
    for x in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(numbers(x), Err(InputError::NotFinite { index: 1 }));
    }
}

#[test]
fn parameters_that_the_function_has_not_are_refused() {
    let request = |text: &str| {
        let parameters = serde_json::from_str(text).unwrap();
        let input = Input::Numbers(vec![1.0]);
        match Request::new(find("SecureSum").unwrap(), &parameters, input, 0, &testing::parties(2))
        {
            Ok(request) => Ok(request.parameters()),
            Err(InputError::Parameter { name, .. }) => Err(Some(name)),
            Err(InputError::UnknownParameter { .. }) => Err(None),
            Err(other) => panic!("{other}"),
        }
    };
    assert_eq!(request(r#"{"digits_before": 400}"#), Err(Some("digits_before")));
    assert_eq!(request(r#"{"digits_after": 400}"#), Err(Some("digits_after")));
    assert_eq!(request(r#"{"categories": ["a"]}"#), Err(None));
    assert_eq!(request(r#"{"encoding": "integer"}"#), Err(None));
    assert_eq!(request(r#"{"fraction_bits": 3}"#), Err(None));
    assert_eq!(request(r#"{"suite": "replicated"}"#), Err(Some("suite")));
    assert_eq!(request(r#"{"digit_before": 4}"#), Err(None));
    let parameters = request(r#"{"digits_before": 4, "suite": "masked"}"#).unwrap();
    assert_eq!(parameters["digits_before"], "4");
    assert_eq!(parameters["digits_after"], "12");
    assert_eq!(request("{}").unwrap()["digits_after"], "any");
}

/// Returns the input of whole numbers that were added near their source.
fn added(numbers: &[i64]) -> Input {
    Input::Added {
        rows: numbers.len() as u64,
        sum: numbers.iter().map(|x| i128::from(*x)).sum(),
        magnitude: numbers.iter().map(|x| u128::from(x.unsigned_abs())).sum(),
    }
}

#[test]
fn numbers_added_near_their_source_give_the_same_answers_and_refusals() {
    let mut rng = rng(seed());
    for round in 0..30 {
        let shift = rng.next_u32() % 64;
        let mut numbers = |count: u32| -> Vec<i64> {
            (0..count).map(|_| rng.next_u64().cast_signed() >> shift).collect()
        };
        let data = [numbers(round % 4), numbers(3), numbers(2)];
        let data =
            if round % 5 == 0 { [vec![i64::MIN; 3], vec![i64::MAX; 2], vec![]] } else { data };
        let rules = Rules { min_rows: 6, max_share: 70, ..Profile::Teaching.rules() };
        let end = |input: fn(&[i64]) -> Input| {
            let run = Run::new("SecureSum", data.iter().map(|numbers| input(numbers)).collect());
            let report = run.rules(rules).simulate(Simulation::new(1));
            report.endings[0]
                .done()
                .map(|outcome| outcome.answer.get().clone())
                .ok_or_else(|| report.endings[0].fault().cloned())
        };
        assert_eq!(end(added), end(|numbers| Input::Integers(numbers.to_vec())), "{data:?}");
    }
}

#[test]
fn numbers_that_nobody_can_have_added_are_refused() {
    let request = |(rows, sum, magnitude): (u64, i128, u128), parameters: &Parameters| {
        let input = Input::Added { rows, sum, magnitude };
        Request::new(find("SecureSum").unwrap(), parameters, input, 0, &testing::parties(2)).is_ok()
    };
    let any = Parameters::default();
    let most = 1_u128 << 63;
    for fits in [(0, 0, 0), (1, -7, 7), (2, 0, 14), (2, 1, 3), (3, i128::from(i64::MIN), most)] {
        assert!(request(fits, &any), "{fits:?}");
    }
    for unfit in [
        (0, 1, 1),
        (1, 7, 6),
        (2, 1, 2),
        (1, 0, most + 2),
        (u64::MAX, 0, 0),
        (1, i128::MIN, u128::MAX),
        (1, i128::MAX, u128::MAX),
        (1 << 48, 0, u128::MAX - 1),
    ] {
        assert!(!request(unfit, &any), "{unfit:?}");
    }
    assert!(request((2, 1998, 1998), &digits(3, 0)));
    assert!(!request((2, 2000, 2000), &digits(3, 0)));
    let input = Input::Added { rows: 1, sum: 1, magnitude: 1 };
    let median = Request::new(find("SecureMedian").unwrap(), &any, input, 0, &testing::parties(3));
    assert!(matches!(median, Err(InputError::Shape { .. })));
}
