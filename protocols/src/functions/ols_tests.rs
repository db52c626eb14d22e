//! Least squares against exact rationals and certified results, in simulation.

use num_bigint::BigInt;
use num_traits::float::FloatCore;
use num_traits::{One, Zero};
use rand_core::Rng;

use super::common::matrices::Shape;
use super::ols::regressors;
use crate::algebra::rounding::fraction_to_double;
use crate::computation::{Answer, Input};
use crate::functions::parameters::{MISSING, Missing, Parameters};
use crate::kernel::disclosure::{Profile, Refusal};
use crate::kernel::fault::{Fault, InputError};
use crate::kernel::party::Party;
use crate::kernel::random::PredictableRng;
use crate::kernel::simulation::Simulation;
use crate::testing::names::REGRESSION;
use crate::testing::{Run, rng, seed};

fn matrix(columns: usize, elements: &[f64]) -> Input {
    let rows = elements.len().checked_div(columns).unwrap_or_default();
    Input::Matrix { rows, columns, elements: elements.to_vec() }
}

fn column(elements: &[f64]) -> Input {
    Input::Numbers(elements.to_vec())
}

fn none() -> Input {
    matrix(0, &[])
}

fn run(x: Input, y: Input) -> Run {
    Run::new(REGRESSION, vec![x, y, none()])
}

/// Returns the coefficients.
fn fit(run: &Run) -> Vec<f64> {
    match run.answer() {
        Answer::Coefficients { mle } => {
            assert!(mle.iter().all(|row| row.len() == 1));
            mle.concat()
        }
        other => panic!("{other:?}"),
    }
}

/// Returns the one fault that all parties end with.
fn fault(run: &Run) -> Fault {
    let report = run.simulate(Simulation::new(seed()));
    let faults: Vec<_> = report.endings.iter().map(|ending| ending.fault().cloned()).collect();
    assert!(faults.iter().all(|fault| *fault == faults[0]), "{faults:?}");
    faults[0].clone().unwrap()
}

/// Returns the error of the first party, before it has sent anything.
fn refused(x: Input) -> InputError {
    let y = column(&[1.0; 7]);
    let report = run(x, y).simulate(Simulation::new(seed()));
    assert_eq!(report.meters[0].total().messages_sent, 0);
    match report.endings[0].fault() {
        Some(Fault::Input(error)) => error.clone(),
        other => panic!("{other:?}"),
    }
}

/// Returns numbers from -1 to 1.
fn numbers(rng: &mut PredictableRng, count: usize) -> Vec<f64> {
    (0..count).map(|_| f64::from(rng.next_u32()) / f64::from(u32::MAX) * 2.0 - 1.0).collect()
}

/// Returns the number times 2^1075, which is whole.
fn big(x: f64) -> BigInt {
    let (significand, exponent, sign) = FloatCore::integer_decode(x);
    (BigInt::from(significand) * sign) << (i32::from(exponent) + 1075)
}

/// Returns the normal equations, XᵀX and Xᵀy side by side, in whole numbers.
fn normal_equations(x: &[f64], columns: usize, y: &[f64]) -> Vec<Vec<BigInt>> {
    let x: Vec<BigInt> = x.iter().map(|x| big(*x)).collect();
    let y: Vec<BigInt> = y.iter().map(|y| big(*y)).collect();
    (0..columns)
        .map(|i| {
            (0..=columns)
                .map(|j| {
                    let rows = x.chunks(columns).zip(&y);
                    rows.map(|(x, y)| &x[i] * x.get(j).unwrap_or(y)).sum()
                })
                .collect()
        })
        .collect()
}

/// Computes the exact coefficients, each rounded once, by elimination without fractions (Bareiss).
fn exact(x: &[f64], columns: usize, y: &[f64]) -> Vec<f64> {
    let mut system = normal_equations(x, columns, y);
    let mut last = BigInt::one();
    for k in 0..columns {
        let pivot_row = system[k].clone();
        assert!(!pivot_row[k].is_zero());
        for (_, row) in system.iter_mut().enumerate().filter(|(i, _)| *i != k) {
            let factor = row[k].clone();
            for (element, pivot) in row.iter_mut().zip(&pivot_row) {
                *element = (&*element * &pivot_row[k] - &factor * pivot) / &last;
            }
        }
        last = pivot_row[k].clone();
    }
    (0..columns)
        .map(|i| fraction_to_double(&system[i][columns], &system[i][i], 0).unwrap())
        .collect()
}

/// Returns the largest difference, relative to the largest coefficient.
fn off(coefficients: &[f64], due: &[f64]) -> f64 {
    assert_eq!(coefficients.len(), due.len());
    let largest = due.iter().fold(0.0, |most: f64, b| most.max(b.abs()));
    let differences = coefficients.iter().zip(due).map(|(b, due)| (b - due).abs());
    differences.fold(0.0, f64::max) / largest
}

#[test]
fn coefficients_are_those_of_the_normal_equations_in_rationals() {
    let mut rng = rng(seed());
    for (columns, more) in [(1, 1), (1, 40), (2, 5), (3, 12), (5, 30), (8, 60)] {
        let rows = columns + more;
        let (x, y) = (numbers(&mut rng, rows * columns), numbers(&mut rng, rows));
        let due = exact(&x, columns, &y);
        let inputs = || vec![matrix(columns, &x), column(&y)];
        let more = vec![none(), none(), none()];
        for run in [
            Run::new(REGRESSION, inputs()).committee(1, [0, 1, 2]),
            run(matrix(columns, &x), matrix(1, &y)),
            Run::new(REGRESSION, [inputs(), more].concat()).committee(0, [4, 2, 1]),
        ] {
            let coefficients = fit(&run);
            // A matrix of one more row than columns may by chance be near to dependent.
            let limit = if rows > 2 * columns { 1e-12 } else { 1e-9 };
            assert!(off(&coefficients, &due) < limit, "{rows} {columns}");
        }
    }
}

/// Longley's data, on which least squares lose most digits. They are of NIST's Statistical
/// Reference Datasets (<https://www.itl.nist.gov/div898/strd/lls/data/Longley.shtml>), a work of
/// the United States government and so in the public domain. The columns are y and x1 to x6.
const LONGLEY: [[f64; 7]; 16] = [
    [60_323.0, 83.0, 234_289.0, 2_356.0, 1_590.0, 107_608.0, 1_947.0],
    [61_122.0, 88.5, 259_426.0, 2_325.0, 1_456.0, 108_632.0, 1_948.0],
    [60_171.0, 88.2, 258_054.0, 3_682.0, 1_616.0, 109_773.0, 1_949.0],
    [61_187.0, 89.5, 284_599.0, 3_351.0, 1_650.0, 110_929.0, 1_950.0],
    [63_221.0, 96.2, 328_975.0, 2_099.0, 3_099.0, 112_075.0, 1_951.0],
    [63_639.0, 98.1, 346_999.0, 1_932.0, 3_594.0, 113_270.0, 1_952.0],
    [64_989.0, 99.0, 365_385.0, 1_870.0, 3_547.0, 115_094.0, 1_953.0],
    [63_761.0, 100.0, 363_112.0, 3_578.0, 3_350.0, 116_219.0, 1_954.0],
    [66_019.0, 101.2, 397_469.0, 2_904.0, 3_048.0, 117_388.0, 1_955.0],
    [67_857.0, 104.6, 419_180.0, 2_822.0, 2_857.0, 118_734.0, 1_956.0],
    [68_169.0, 108.4, 442_769.0, 2_936.0, 2_798.0, 120_445.0, 1_957.0],
    [66_513.0, 110.8, 444_546.0, 4_681.0, 2_637.0, 121_950.0, 1_958.0],
    [68_655.0, 112.6, 482_704.0, 3_813.0, 2_552.0, 123_366.0, 1_959.0],
    [69_564.0, 114.2, 502_601.0, 3_931.0, 2_514.0, 125_368.0, 1_960.0],
    [69_331.0, 115.7, 518_173.0, 4_806.0, 2_572.0, 127_852.0, 1_961.0],
    [70_551.0, 116.9, 554_894.0, 4_007.0, 2_827.0, 130_081.0, 1_962.0],
];

/// The certified coefficients of Longley's data, the intercept first.
const CERTIFIED: [f64; 7] = [
    -3_482_258.634_595_82,
    15.061_872_271_373_3,
    -0.358_191_792_925_910e-1,
    -2.020_229_803_816_83,
    -1.033_226_867_173_59,
    -0.511_041_056_535_807e-1,
    1_829.151_464_613_55,
];

#[test]
fn ill_conditioned_columns_have_the_certified_coefficients() {
    let y = LONGLEY.map(|[y, ..]| y);
    let x = LONGLEY.map(|[_, x @ ..]| [&[1.0], &x[..]].concat()).concat();
    let coefficients = fit(&run(matrix(7, &x), column(&y)));
    let (exact, pairs) = (exact(&x, 7, &y), coefficients.iter().zip(CERTIFIED));
    for ((b, due), exact) in pairs.zip(exact) {
        println!("{b} {due} {:e}", b / exact - 1.0);
        assert!((exact / due - 1.0).abs() < 1e-14);
        assert!((b / due - 1.0).abs() < 1e-9, "{b} {due}");
    }
}

#[test]
fn powers_of_two_in_columns_come_back_in_coefficients_without_loss() {
    let mut rng = rng(seed());
    let (x, y) = (numbers(&mut rng, 60), numbers(&mut rng, 20));
    let usual = fit(&run(matrix(3, &x), column(&y)));
    for (powers, of_y) in [([0, 40, -40], 0), ([500, -300, 0], -200), ([-1, 900, -500], 400)] {
        let scaled: Vec<f64> =
            x.iter().enumerate().map(|(at, x)| x * 2_f64.powi(powers[at % 3])).collect();
        let y: Vec<f64> = y.iter().map(|y| y * 2_f64.powi(of_y)).collect();
        let due = usual.iter().zip(powers).map(|(b, power)| b * 2_f64.powi(of_y - power));
        assert_eq!(fit(&run(matrix(3, &scaled), column(&y))), due.collect::<Vec<_>>());
    }
}

#[test]
fn coefficients_beyond_the_range_of_doubles_are_no_answer() {
    let fit = |x: f64, y: f64| run(matrix(1, &[x, x]), column(&[y, y]));
    assert_eq!(fault(&fit(1e-300, 1e300)), Fault::ResultOutOfRange);
    assert_eq!(self::fit(&fit(1e300, 1e-300)), [0.0]);
    for (x, y, due) in [(f64::MAX, f64::MAX, 1.0), (f64::from_bits(1), f64::from_bits(3), 3.0)] {
        assert!(off(&self::fit(&fit(x, y)), &[due]) < 1e-15);
    }
}

#[test]
fn whole_numbers_zeros_and_columns_in_every_form_are_understood() {
    let (x, y) = ([1.0, 2.0, 3.0, -0.0], [2.0, 4.0, 6.0, 5.0]);
    let whole =
        |x: &[f64]| Input::Integers(x.iter().map(|x| format!("{x:.0}").parse().unwrap()).collect());
    for x in [column(&x), whole(&x), matrix(1, &x), matrix(4, &x)] {
        for y in [column(&y), whole(&y), matrix(1, &y), matrix(4, &y)] {
            let coefficients = fit(&run(x.clone(), y));
            assert!((coefficients[0] - 2.0).abs() < 1e-14, "{coefficients:?}");
        }
    }
    let zeros = fit(&run(matrix(2, &[1.0, 2.0, 3.0, 4.0, 5.0, -0.0]), column(&[0.0, -0.0, 0.0])));
    assert!(zeros.iter().all(|b| b.to_bits() == 0));
}

#[test]
fn the_answer_is_a_column() {
    let run = run(matrix(2, &[1.0, 0.0, 0.0, 2.0, 0.0, 0.0]), column(&[4.0, 4.0, 9.0]));
    let json = serde_json::to_value(run.answer()).unwrap();
    let coefficients = fit(&run);
    assert!(off(&coefficients, &[4.0, 2.0]) < 1e-14);
    assert_eq!(json, serde_json::json!({"mle": [[coefficients[0]], [coefficients[1]]]}));
    assert_eq!(run.answer().precision(), None);
}

#[test]
fn what_does_not_fit_is_told_to_all_parties() {
    let why =
        |x: Input, y: Input, third: Input| match fault(&Run::new(REGRESSION, vec![x, y, third])) {
            Fault::Undefined { why } => why,
            other => panic!("{other:?}"),
        };
    let x = || matrix(2, &[1.0, 2.0, 3.0, 5.0, 8.0, 13.0]);
    let y = || column(&[1.0, 2.0, 3.0]);
    assert!(why(none(), y(), none()).contains("first party must have a matrix"));
    assert!(why(none(), x(), none()).contains("first party must have a matrix"));
    assert!(why(x(), none(), none()).contains("second party must have a column"));
    assert!(why(x(), x(), none()).contains("one column"));
    assert!(why(x(), y(), y()).contains("only the first and the second"));
    assert!(why(x(), column(&[1.0, 2.0]), none()).contains("differ in their rows"));
    // An honest first party cannot announce as many columns as rows: it refuses to make such a
    // factor.
    let shape = |rows: usize, columns: usize| Some(Shape { rows, columns });
    for columns in [3, 4] {
        let fault = regressors(&[shape(3, columns), shape(3, 1)]).unwrap_err();
        assert!(fault.to_string().contains("more rows than columns"));
    }
    assert!(regressors(&[shape(3, 2), shape(3, 1), None]).is_ok());
}

#[test]
fn a_matrix_that_determines_no_coefficients_is_refused_before_any_message() {
    let due = InputError::Shape { expected: "a matrix of regressors has more rows" }.to_string();
    for x in [matrix(2, &[1.0, 2.0, 3.0, 5.0]), matrix(3, &[1.0, 2.0, 3.0, 5.0, 8.0, 13.0])] {
        let told = refused(x).to_string();
        assert!(told.starts_with(&due), "{told}");
    }
    assert!(refused(column(&[3.0])).to_string().contains("more rows than columns"));
    let twice: Vec<f64> = (1..=7_u8).flat_map(|i| [1.0, f64::from(i), f64::from(2 * i)]).collect();
    let dependent = refused(matrix(3, &twice));
    assert!([1, 2].map(|column| InputError::Dependent { column }).contains(&dependent));
    assert_eq!(refused(matrix(1, &[0.0; 7])), InputError::Dependent { column: 0 });
    let many = vec![1.0; 501 * 502];
    assert!(matches!(refused(matrix(501, &many)), InputError::TooMuch { limit: 500, .. }));

    let input = |input: Input| run(input.clone(), input).request(0).unwrap_err();
    assert_eq!(input(column(&[1.0, f64::NAN])), InputError::NotFinite { index: 1 });
    assert_eq!(input(matrix(1, &[f64::INFINITY])), InputError::NotFinite { index: 0 });
    assert_eq!(input(Input::Integers(vec![(1 << 53) + 1])), InputError::NotADouble { index: 0 });
    assert!(matches!(input(Input::Texts(vec!["x".into()])), InputError::Shape { .. }));
}

#[test]
fn rows_may_not_be_left_out_by_each_party_alone() {
    let missing = Some(Missing::Drop);
    let run = run(column(&[1.0, 2.0]), column(&[1.0, 2.0]));
    let run = run.parameters(Parameters { missing, ..Parameters::default() });
    let error = run.request(0).unwrap_err();
    assert!(matches!(error, InputError::Parameter { name: MISSING, .. }), "{error}");
}

#[test]
fn too_few_rows_are_refused_by_their_number_before_anything_is_shared() {
    let mut rng = rng(seed());
    let mut of_rows = |rows: usize| {
        // Signs in halves, of one size a column: no row has much leverage.
        let sizes = numbers(&mut rng, 3);
        let sign = |row: usize, column: usize| if (row >> column) & 1 == 0 { 1.0 } else { -1.0 };
        let x: Vec<f64> = (0..2 * rows).map(|at| sizes[at % 2] * sign(at / 2, at % 2)).collect();
        let y: Vec<f64> = (0..rows).map(|row| sizes[2] * sign(row, 2)).collect();
        run(matrix(2, &x), column(&y)).rules(Profile::Production.rules())
    };
    let (few, enough) = (of_rows(11), of_rows(12));
    let refusal = Refusal::TooFewRows { minimum: 10, equations: 2, of: Party::new(0).unwrap() };
    assert_eq!(fault(&few), refusal.into());
    let rounds = |run: &Run| {
        let report = run.simulate(Simulation::new(seed()));
        report.meters[0].round_names().to_vec()
    };
    assert_eq!(rounds(&few), ["sizes", "same sizes"]);
    assert!(rounds(&enough).len() > 2 && !fit(&enough).is_empty());
}

#[test]
fn the_result_says_what_its_parties_and_helpers_have_learnt() {
    let (x, y) = (matrix(1, &[1.0, 2.0, 4.0]), column(&[1.0, 3.0, 3.0]));
    let run = Run::new(REGRESSION, vec![x, y]).committee(1, [0, 1, 2]);
    let report = run.simulate(Simulation::new(seed()));
    let outcomes = report.results().unwrap();
    let told = &outcomes[0].security.reveals;
    for word in
        ["number of rows", "single numbers of the column", "power of two", "before they are"]
    {
        assert_eq!(told.iter().filter(|text| text.contains(word)).count(), 1, "{word}");
    }
}
