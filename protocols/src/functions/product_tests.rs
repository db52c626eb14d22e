//! Products of matrices against exact rationals, and whole univariate statistics, in simulation.

#![expect(clippy::cast_precision_loss, reason = "of numbers that tests make up")]

use num_bigint::BigInt;
use rand_core::Rng;

use crate::algebra::rounding::integer_to_double;
use crate::computation::{Answer, Input};
use crate::functions::product::Precision;
use crate::kernel::fault::{Fault, InputError};
use crate::kernel::simulation::Simulation;
use crate::testing::{Run, any_doubles, rng, seed};

fn matrix(rows: usize, columns: usize, elements: &[f64]) -> Input {
    Input::Matrix { rows, columns, elements: elements.to_vec() }
}

fn none() -> Input {
    matrix(0, 0, &[])
}

fn product(run: &Run) -> (Vec<Vec<f64>>, Precision) {
    match run.answer() {
        Answer::Product { product, precision } => (product, precision),
        other => panic!("{other:?}"),
    }
}

/// Computes the product of matrices of whole numbers exactly, and rounds it once.
fn exact(x: &[f64], y: &[f64], inner: usize, columns: usize) -> Vec<Vec<f64>> {
    let whole = |x: f64| BigInt::from(num_traits::FromPrimitive::from_f64(x).unwrap_or(0_i128));
    x.chunks(inner)
        .map(|row| {
            (0..columns)
                .map(|column| {
                    let row = row.iter().enumerate();
                    let terms = row.map(|(k, x)| whole(*x) * whole(y[k * columns + column]));
                    integer_to_double(&terms.sum::<BigInt>(), 0).unwrap()
                })
                .collect()
        })
        .collect()
}

#[test]
fn whole_numbers_are_multiplied_exactly_in_64_and_in_128_bits() {
    let mut rng = rng(seed());
    for bits in [10, 30, 53] {
        let mut whole = |count: usize| -> Vec<f64> {
            (0..count)
                .map(|_| (rng.next_u64() >> (64 - bits)) as f64)
                .map(|x| if x % 3.0 == 0.0 { -x } else { x })
                .collect()
        };
        let (x, y) = (whole(4 * 7), whole(7 * 3));
        let due = exact(&x, &y, 7, 3);
        let inputs = || vec![matrix(4, 7, &x), matrix(7, 3, &y)];
        let helped = Run::new("SecureMatrixMultiplication", inputs()).committee(1, [0, 1, 2]);
        let three = Run::new("SecureMatrixMultiplication", [inputs(), vec![none()]].concat());
        let more = vec![none(), none(), none()];
        let five = Run::new("SecureMatrixMultiplication", [inputs(), more].concat());
        for run in [helped, three, five.committee(0, [4, 2, 1])] {
            let (product, precision) = product(&run);
            assert_eq!(product, due);
            assert!(!precision.rounded);
        }
    }
}

#[test]
fn fractions_are_exact_where_they_fit_and_say_where_they_are_rounded() {
    let run = |x: &[f64], y: &[f64]| {
        let inputs = vec![matrix(1, x.len(), x), matrix(y.len(), 1, y), none()];
        product(&Run::new("SecureMatrixMultiplication", inputs))
    };
    let (answer, precision) = run(&[0.5, -0.25], &[3.0, 1.0 / 1024.0]);
    assert_eq!(answer, [[1.5 - 0.25 / 1024.0]]);
    assert_eq!(precision, Precision { fraction_bits: [2, 10], rounded: false });
    let (answer, precision) = run(&[0.0, 0.0], &[0.0, 0.0]);
    assert_eq!((answer, precision.rounded), (vec![vec![0.0]], false));
    let (answer, precision) = run(&[1e300, 1e-300], &[0.3, 1.0]);
    assert!(precision.rounded);
    assert!((answer[0][0] / 3e299 - 1.0).abs() < 1e-15);
}

#[test]
fn matrices_that_do_not_fit_are_refused() {
    let fault = |inputs: Vec<Input>| {
        let run = Run::new("SecureMatrixMultiplication", inputs);
        let report = run.simulate(Simulation::new(seed()));
        let faults: Vec<_> = report.endings.iter().map(|ending| ending.fault().cloned()).collect();
        assert!(faults.iter().all(|fault| *fault == faults[0]));
        faults[0].clone()
    };
    let one = || matrix(1, 1, &[1.0]);
    for inputs in [
        vec![one(), none(), none()],
        vec![none(), one(), one()],
        vec![one(), one(), one()],
        vec![matrix(1, 2, &[1.0, 2.0]), one(), none()],
    ] {
        assert!(matches!(fault(inputs), Some(Fault::Undefined { .. })));
    }
    let refused = |input: Input| {
        Run::new("SecureMatrixMultiplication", vec![input; 3]).request(0).unwrap_err()
    };
    assert!(matches!(refused(matrix(2, 2, &[1.0])), InputError::Shape { .. }));
    assert_eq!(refused(matrix(1, 1, &[f64::NAN])), InputError::NotFinite { index: 0 });
    assert!(matches!(refused(Input::Texts(vec!["x".into()])), InputError::Shape { .. }));
}

#[test]
fn statistics_of_one_variable_have_their_extremes() {
    let mut rng = rng(seed());
    for (parties, helpers, seats) in [(3, 0, [0, 1, 2]), (5, 0, [3, 1, 4]), (2, 1, [0, 1, 2])] {
        let data: Vec<Vec<f64>> = (0..parties)
            .map(|party| any_doubles(&mut rng, 3 * party).iter().map(|x| x % 1e9).collect())
            .collect();
        let inputs = data.iter().cloned().map(Input::Numbers).collect();
        let run = Run::new("StatisticsUnivariate", inputs).committee(helpers, seats);
        let Answer::Univariate(answer) = run.answer() else { panic!() };
        let all = || data.iter().flatten().map(|x| x + 0.0);
        assert_eq!(answer.samples, all().count() as u64);
        assert_eq!(answer.minimum, all().reduce(f64::min));
        assert_eq!(answer.maximum, all().reduce(f64::max));
        let mean = all().sum::<f64>() / all().count() as f64;
        assert!((answer.mean - mean).abs() <= 1e-6 * mean.abs().max(1.0));
    }
}

#[test]
fn the_maximum_of_negative_numbers_is_right_and_their_means_are_null() {
    let run = Run::numbers("StatisticsUnivariate", [&[-3.0, -2.0], &[-9.0], &[-2.5]]);
    let Answer::Univariate(answer) = run.answer() else { panic!() };
    assert_eq!((answer.minimum, answer.maximum), (Some(-9.0), Some(-2.0)));
    assert_eq!((answer.harmonic_mean, answer.geometric_mean), (None, None));
}
