//! `StatisticsUnivariate` in simulation, against exact rationals.

use num_bigint::{BigInt, BigUint};
use num_traits::float::FloatCore;
use num_traits::{One, Signed, Zero};
use rand_core::Rng;
use serde_json::{Value, json};

use crate::algebra::rounding::{fraction_to_double, integer_to_double, root_of_fraction};
use crate::computation::Input;
use crate::engine::reveals::UNIVARIATE_SUMS;
use crate::functions::Function;
use crate::functions::parameters::Parameters;
use crate::functions::univariate::{Extremes, Univariate, UnivariateStatistics};
use crate::kernel::disclosure::Profile;
use crate::kernel::fault::{Fault, InputError};
use crate::kernel::random::PredictableRng;
use crate::kernel::session::agree;
use crate::kernel::simulation::{Report, Simulation};
use crate::suites::masked::MaskedSums;
use crate::testing::{any_doubles, joint, offer, rng, seed};

/// The tolerance of a standardized moment, relative to that of the magnitudes, and of values that
/// are rounded once.
const TOLERANCE: f64 = 2.3e-16;

/// The relative tolerance of means that are made of rounded terms: two units in the last place.
const OF_MEANS: f64 = 4.5e-16;

/// Creates the part of one of two parties.
pub(super) fn part(
    parameters: &Parameters,
    input: &Input,
) -> Result<UnivariateStatistics, InputError> {
    UnivariateStatistics::new(
        parameters.read(UnivariateStatistics::DESCRIPTOR.parameters)?,
        Some(input),
        2,
    )
}

fn prepared(input: &Input) -> UnivariateStatistics {
    part(&Parameters::default(), input).unwrap()
}

pub(super) fn numbers(parts: &[&[f64]]) -> Vec<Input> {
    parts.iter().map(|part| Input::Numbers(part.to_vec())).collect()
}

fn extremes(inputs: &[Input]) -> Extremes {
    let parts: Vec<UnivariateStatistics> = inputs.iter().map(prepared).collect();
    let all = || parts.iter().flat_map(|part| part.numbers.iter().copied());
    // Without numbers there are no extremes, and the search for them refuses.
    let Some(first) = all().next() else { return Extremes { minimum: 0.0, maximum: 0.0 } };
    Extremes { minimum: all().fold(first, f64::min), maximum: all().fold(first, f64::max) }
}

/// Runs the parties with these inputs, extremes and number of rows, which may contradict each
/// other.
pub(super) fn simulate(
    inputs: &[Input],
    parameters: &Parameters,
    extremes: Extremes,
    rows: Option<u64>,
) -> Report<Univariate> {
    Simulation::new(seed()).parties(inputs.len()).run(|channel, party, mut rng| {
        let prepared = part(parameters, &inputs[party.index()]).unwrap();
        let (parties, rules) = (inputs.len(), Profile::Teaching.rules());
        let permit = joint(rules).permit(parties, rows).unwrap();
        async move {
            let session = agree(&channel, offer(parties, rules), false, &mut rng).await?;
            let mut sums = MaskedSums::new(&channel, session);
            prepared.sum(&mut sums, &permit, Some(extremes), &mut rng).await
        }
    })
}

/// Returns the answer, which is the same at all parties.
fn answer_with(inputs: &[Input], parameters: &Parameters) -> Univariate {
    let report = simulate(inputs, parameters, extremes(inputs), None);
    let answers = report.results().unwrap();
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    answers[0].clone()
}

fn answer(parts: &[&[f64]]) -> Univariate {
    answer_with(&numbers(parts), &Parameters::default())
}

fn fault(parts: &[&[f64]]) -> Option<Fault> {
    let inputs = numbers(parts);
    let report = simulate(&inputs, &Parameters::default(), extremes(&inputs), None);
    let faults: Vec<_> = report.endings.iter().map(|ending| ending.fault().cloned()).collect();
    assert!(faults.iter().all(|fault| *fault == faults[0]));
    faults[0].clone()
}

/// Returns a double times 2^1075, which is whole.
fn on_grid(x: f64) -> BigInt {
    let (significand, exponent, sign) = FloatCore::integer_decode(x);
    (BigInt::from(significand) * sign) << (i32::from(exponent) + 1075)
}

/// Exact rationals: the data times 2^1075, and n times their distances from the mean.
struct Exact {
    n: u64,
    x: Vec<BigInt>,
    d: Vec<BigInt>,
}

impl Exact {
    fn of(data: &[f64]) -> Self {
        let n = data.len() as u64;
        let x: Vec<BigInt> = data.iter().map(|x| on_grid(*x)).collect();
        let sum: BigInt = x.iter().sum();
        let d = x.iter().map(|x| x * n - &sum).collect();
        Self { n, x, d }
    }

    fn sum(&self) -> BigInt {
        self.x.iter().sum()
    }

    fn mean(&self) -> Option<f64> {
        fraction_to_double(&self.sum(), &self.n.into(), -1075)
    }

    /// Returns Σd²: n² times the sum of squares about the mean.
    fn squares(&self) -> BigInt {
        self.d.iter().map(|d| d * d).sum()
    }

    fn variance(&self, divisor: u64) -> Option<f64> {
        fraction_to_double(&self.squares(), &(BigInt::from(self.n).pow(2) * divisor), -2150)
    }

    fn deviation(&self, divisor: u64) -> Option<f64> {
        let grid = (BigUint::from(self.n).pow(2) * divisor) << 2150_u32;
        root_of_fraction(false, self.squares().magnitude(), &grid)
    }

    fn root_mean_square(&self) -> Option<f64> {
        let squares: BigInt = self.x.iter().map(|x| x * x).sum();
        root_of_fraction(false, squares.magnitude(), &(BigUint::from(self.n) << 2150_u32))
    }

    /// Returns √(squares/(n²·divisor)) / (sum/n).
    fn coefficient(&self, divisor: u64) -> Option<f64> {
        let square = self.sum().magnitude().pow(2) * divisor;
        root_of_fraction(self.sum().is_negative(), self.squares().magnitude(), &square)
    }

    /// Returns the k-th standardized moment, and that of the magnitudes: the root of (Σd^k/n)² /
    /// (Σd²/n)^k.
    fn moment(&self, k: u32) -> Option<(f64, f64)> {
        let powers = self.d.iter().map(|d| d.pow(k));
        let (sum, magnitudes) = powers
            .fold((BigInt::zero(), BigInt::zero()), |(sum, all), d| (sum + &d, all + d.abs()));
        let below = self.squares().magnitude().pow(k);
        let standardized = |sum: BigInt| {
            let above = sum.magnitude().pow(2) * BigUint::from(self.n).pow(k - 2);
            root_of_fraction(sum.is_negative(), &above, &below)
        };
        Some((standardized(sum)?, standardized(magnitudes)?))
    }

    fn excess(&self) -> Option<f64> {
        let fourth: BigInt = self.d.iter().map(|d| d.pow(4)).sum();
        let square = self.squares().pow(2);
        fraction_to_double(&(fourth * self.n - 3 * &square), &square, 0)
    }

    fn harmonic(&self) -> f64 {
        let reciprocals =
            self.x.iter().fold((BigInt::zero(), BigInt::one()), |(p, q), x| (p * x + &q, q * x));
        fraction_to_double(&(reciprocals.1 * self.n), &reciprocals.0, -1075).unwrap()
    }

    /// Returns the relative error of `mean` as the geometric mean: n√(mean^n / Πx) − 1.
    fn geometric_error(&self, mean: f64) -> f64 {
        let power = on_grid(mean).pow(u32::try_from(self.n).unwrap());
        let product: BigInt = self.x.iter().product();
        let difference = fraction_to_double(&(power - &product), &product, 0).unwrap();
        #[expect(clippy::cast_precision_loss, reason = "small")]
        let n = self.n as f64;
        difference.abs() / n
    }
}

fn near(ours: Option<f64>, due: Option<(f64, f64)>) {
    match (ours, due) {
        (None, None) => {}
        (Some(ours), Some((due, scale))) => {
            // Half a unit in the last place of the value itself, and the error that the sum may
            // have.
            let off = (ours - due).abs();
            assert!(off <= due.abs() * TOLERANCE + scale * 7e-19, "{ours} {due} {scale}");
        }
        _ => panic!("{ours:?} is not {due:?}"),
    }
}

/// Checks every statistic of `parts` against exact rationals.
fn check(parts: &[&[f64]]) -> Univariate {
    let answer = answer(parts);
    check_answer(&answer, &parts.concat());
    answer
}

fn check_answer(answer: &Univariate, data: &[f64]) {
    let exact = Exact::of(data);
    let n = exact.n;
    let varies = !exact.squares().is_zero();
    let sample = |value: Option<f64>| if n > 1 { value } else { None };
    assert_eq!(answer.samples, n);
    assert_eq!(Some(answer.sum), integer_to_double(&exact.sum(), -1075));
    assert_eq!(Some(answer.mean), exact.mean());
    assert_eq!(answer.variance, sample(exact.variance(n - 1)));
    assert_eq!(answer.variance_mle, exact.variance(n));
    assert_eq!(answer.variance_of_sample_mean, sample(exact.variance(n * (n - 1))));
    assert_eq!(answer.standard_deviation, sample(exact.deviation(n - 1)));
    assert_eq!(answer.standard_deviation_mle, exact.deviation(n));
    assert_eq!(answer.standard_error_of_sample_mean, sample(exact.deviation(n * (n - 1))));
    assert_eq!(answer.root_mean_square, exact.root_mean_square());
    assert_eq!(answer.root_mean_square_deviation, answer.standard_deviation_mle);
    let coefficient =
        |divisor| if exact.sum().is_zero() { None } else { exact.coefficient(divisor) };
    assert_eq!(answer.coefficient_of_variation, sample(coefficient(n - 1)));
    assert_eq!(answer.coefficient_of_variation_mle, coefficient(n));
    near(answer.skewness, exact.moment(3).filter(|_| varies));
    near(answer.kurtosis, exact.moment(4).filter(|_| varies));
    near(answer.hyper_skewness, exact.moment(5).filter(|_| varies));
    near(answer.hyper_flatness, exact.moment(6).filter(|_| varies));
    let magnitude = exact.moment(4).map(|(kurtosis, _)| kurtosis);
    near(answer.kurtosis_excess, exact.excess().filter(|_| varies).zip(magnitude));
    let positive = data.iter().all(|x| *x > 0.0);
    assert_eq!(
        (answer.harmonic_mean.is_some(), answer.geometric_mean.is_some()),
        (positive, positive)
    );
    if let (Some(harmonic), Some(geometric)) = (answer.harmonic_mean, answer.geometric_mean) {
        let due = exact.harmonic();
        // Denormals are as coarse as they are.
        let least = f64::from_bits(1);
        assert!((harmonic - due).abs() <= (due * OF_MEANS).max(least), "{harmonic} {due}");
        let off = exact.geometric_error(geometric);
        assert!(off <= OF_MEANS.max(0.6 * least / geometric), "geometric mean off by {off}");
    }
}

/// Deals `data` to `parties`, some of which may get nothing.
fn deal(rng: &mut PredictableRng, data: &[f64], parties: usize) -> Vec<Vec<f64>> {
    let mut parts = vec![Vec::new(); parties];
    for x in data {
        let party = usize::try_from(rng.next_u32()).unwrap() % parties;
        parts[party].push(*x);
    }
    parts
}

fn check_dealt(rng: &mut PredictableRng, data: &[f64]) {
    let parties = 2 + usize::try_from(rng.next_u32() % 4).unwrap();
    let parts = deal(rng, data, parties);
    let parts: Vec<&[f64]> = parts.iter().map(Vec::as_slice).collect();
    check(&parts);
}

/// Returns a number from -1 to 1.
fn unit(rng: &mut PredictableRng) -> f64 {
    2.0_f64.mul_add(f64::from(rng.next_u32()) / f64::from(u32::MAX), -1.0)
}

#[test]
fn a_small_example_by_hand() {
    // The mean is 5; the distances are -3, -1, -1, -1, 0, 0, 2, 4.
    let answer = check(&[&[2.0, 4.0, 4.0], &[], &[4.0, 5.0, 5.0, 7.0, 9.0]]);
    let due = json!({
        "samples": 8,
        "minimum": 2.0,
        "maximum": 9.0,
        "sum": 40.0,
        "mean": 5.0,
        "harmonic_mean": 4.201_750_729_470_612_5,
        "geometric_mean": answer.geometric_mean,
        "variance": 32.0 / 7.0,
        "variance_mle": 4.0,
        "variance_of_sample_mean": 4.0 / 7.0,
        "standard_deviation": (32.0_f64 / 7.0).sqrt(),
        "standard_deviation_mle": 2.0,
        "standard_error_of_sample_mean": 0.755_928_946_018_454_5,
        "coefficient_of_variation": answer.coefficient_of_variation,
        "coefficient_of_variation_mle": 0.4,
        "root_mean_square": 29_f64.sqrt(),
        "root_mean_square_deviation": 2.0,
        // Σd³ = 42, Σd⁴ = 356, Σd⁵ = 810, Σd⁶ = 4892.
        "skewness": 42.0 / 8.0 / 8.0,
        "kurtosis": 356.0 / 8.0 / 16.0,
        "kurtosis_excess": 356.0 / 8.0 / 16.0 - 3.0,
        "hyper_skewness": 810.0 / 8.0 / 32.0,
        "hyper_flatness": 4892.0 / 8.0 / 64.0,
    });
    assert_eq!(serde_json::to_value(&answer).unwrap(), due);
    let text = serde_json::to_string(&answer).unwrap();
    assert!(text.starts_with(r#"{"samples":8,"minimum":2.0,"maximum":9.0,"sum":40.0,"mean":5.0,"#));
}

#[test]
fn random_data_of_every_kind_agree_with_exact_rationals() {
    let mut rng = rng(seed());
    for count in [1, 2, 3, 5, 17, 40] {
        for (offset, noise) in [
            (0.0, 1.0),
            (1e9, 1e-3),
            (1e15, 1.0),
            (-1e15, 0.3),
            (1.0, 1e-15),
            (1e-300, 1e-300),
            (1e-300, 1e-310),
            (0.0, 1e140),
            (-3e150, 1e150),
            (1e300, 0.0),
            (12.5, 10.0),
        ] {
            let data: Vec<f64> =
                (0..count).map(|_| unit(&mut rng).mul_add(noise, offset)).collect();
            check_dealt(&mut rng, &data);
        }
    }
}

#[test]
fn data_of_very_different_sizes_agree_with_exact_rationals() {
    let mut rng = rng(seed());
    for count in [2, 3, 10, 30] {
        let all = any_doubles(&mut rng, 50 * count);
        let data: Vec<f64> = all.into_iter().filter(|x| x.abs() < 1e153).take(count).collect();
        check_dealt(&mut rng, &data);
        let positive: Vec<f64> = data.iter().map(|x| x.abs()).collect();
        check_dealt(&mut rng, &positive);
    }
}

#[test]
fn nasty_data_agree_with_exact_rationals() {
    let least = f64::from_bits(1);
    let cases: [&[f64]; 16] = [
        &[0.0, -0.0],
        &[-0.0],
        &[5.0, 5.0, 5.0],
        &[0.1, 0.1, 0.1],
        &[-1.0, 1.0],
        &[1e15, 1e15 + 0.125],
        &[1e15, 1e15, 1e15, 1e15, 1e15 + 0.125],
        &[1.0, 1.0_f64.next_up(), 1.0_f64.next_down()],
        &[least, least, 2.0 * least],
        &[least, 1e150],
        &[least; 3],
        &[1e-300, -1e-300, 1e-308, 0.0],
        &[1e150, 1.0, -1e-150, 1e-320],
        &[1e150, -1e150, 1e120],
        &[1e9 + 1e-6, 1e9, 1e9 - 1e-6, 1e9 + 5e-6],
        &[f64::MAX / 4.0; 3],
    ];
    for data in cases {
        let (first, second) = data.split_at(data.len() / 2);
        check(&[first, second, &[]]);
        check(&[&[], data]);
    }
}

#[test]
fn an_outlier_among_many_fits() {
    let mut data = vec![1.0; 20_000];
    data[7] = 1e20;
    // The minimum is not above zero: the geometric mean of so many numbers takes too long to check.
    let answer = check(&[&[-1.0], &data]);
    assert!((answer.kurtosis.unwrap() - 2e4).abs() < 1.1);
}

#[test]
fn symmetric_data_have_no_skewness_at_all() {
    let answer = check(&[&[-3.5, 1.25, 0.0], &[3.5, -1.25]]);
    assert_eq!((answer.skewness, answer.hyper_skewness), (Some(0.0), Some(0.0)));
    assert_eq!((answer.mean, answer.coefficient_of_variation), (0.0, None));
    let far = check(&[&[1e12 - 3.0, 1e12 + 3.0, 1e12 + 1.0], &[1e12 - 1.0]]);
    assert_eq!((far.skewness, far.hyper_skewness), (Some(0.0), Some(0.0)));
}

#[test]
fn two_values_have_the_least_kurtosis() {
    for (low, high) in [(1.0, 3.0), (0.1, 0.7), (-1e-300, 3e-300), (1e15, 1e15 + 0.125)] {
        let answer = check(&[&[low, high], &[high, low]]);
        assert_eq!((answer.kurtosis, answer.hyper_flatness), (Some(1.0), Some(1.0)));
        assert_eq!(answer.kurtosis_excess, Some(-2.0));
    }
}

#[test]
fn equal_numbers_are_their_own_means() {
    let mut rng = rng(seed());
    let random: Vec<f64> = (0..30).map(|_| unit(&mut rng) + 1.5).collect();
    for x in [0.1, 1e-310, f64::from_bits(1), 7e150].into_iter().chain(random) {
        let answer = check(&[&[x, x], &[x]]);
        let means = [answer.harmonic_mean, answer.geometric_mean, Some(answer.mean)];
        assert_eq!(means, [Some(x); 3]);
        assert_eq!((answer.variance, answer.skewness), (Some(0.0), None));
    }
}

#[test]
fn what_is_not_defined_is_null() {
    let json = |parts: &[&[f64]]| serde_json::to_value(check(parts)).unwrap();
    let nulls = |value: &Value| -> Vec<String> {
        value
            .as_object()
            .unwrap()
            .iter()
            .filter(|(_, value)| value.is_null())
            .map(|(key, _)| key.clone())
            .collect()
    };
    let moments = ["hyper_flatness", "hyper_skewness", "kurtosis", "kurtosis_excess", "skewness"];
    let of_sample = [
        "coefficient_of_variation",
        "standard_deviation",
        "standard_error_of_sample_mean",
        "variance",
        "variance_of_sample_mean",
    ];
    let sorted = |names: &[&[&str]]| {
        let mut names: Vec<String> = names.concat().iter().map(ToString::to_string).collect();
        names.sort();
        names
    };
    let means = ["geometric_mean", "harmonic_mean"];
    assert_eq!(nulls(&json(&[&[3.0], &[]])), sorted(&[&moments, &of_sample]));
    assert_eq!(nulls(&json(&[&[3.0], &[3.0]])), sorted(&[&moments]));
    assert_eq!(nulls(&json(&[&[3.0], &[0.0, 1.0]])), sorted(&[&means]));
    assert_eq!(nulls(&json(&[&[-3.0], &[-1.0, -1.0]])), sorted(&[&means]));
    let coefficients = ["coefficient_of_variation", "coefficient_of_variation_mle"];
    assert_eq!(nulls(&json(&[&[-3.0], &[3.0]])), sorted(&[&means, &coefficients]));
    assert_eq!(nulls(&json(&[&[3.0], &[2.0]])), Vec::<String>::new());
}

#[test]
fn no_numbers_and_too_large_results_are_faults() {
    let undefined = Fault::Undefined { why: "the parties have no numbers" };
    assert_eq!(fault(&[&[], &[]]), Some(undefined));
    assert_eq!(fault(&[&[f64::MAX], &[f64::MAX]]), Some(Fault::ResultOutOfRange));
    assert_eq!(fault(&[&[1e200], &[-1e200]]), Some(Fault::ResultOutOfRange));
    assert_eq!(fault(&[&[1e150, 1e-200], &[-1e150]]), Some(Fault::ResultOutOfRange));
}

#[test]
fn integers_are_doubles_or_refused() {
    let inputs = vec![
        Input::Integers(vec![1 << 53, -(1 << 60), 0, i64::MIN]),
        Input::Numbers(vec![0.5, 3.0]),
        Input::Integers(vec![]),
    ];
    let data = [2_f64.powi(53), -2_f64.powi(60), 0.0, -2_f64.powi(63), 0.5, 3.0];
    check_answer(&answer_with(&inputs, &Parameters::default()), &data);
    for bad in [(1 << 53) + 1, i64::MAX, i64::MIN + 1] {
        let refused = part(&Parameters::default(), &Input::Integers(vec![0, bad]));
        assert_eq!(refused.err(), Some(InputError::NotADouble { index: 1 }));
    }
}

#[test]
fn declared_digits_make_it_small_and_are_checked() {
    let inputs = numbers(&[&[1.5, 1e-3, 17.25], &[999.0]]);
    let digits = Parameters::default().with("digits_before", Some(12));
    let small = part(&digits, &inputs[0]).unwrap();
    assert_eq!((small.words(), prepared(&inputs[0]).words()), (36 + 3, 127 + 3));
    assert_eq!(small.agreed()["digits_before"], "12");
    let answer = answer_with(&inputs, &digits);
    assert_eq!(answer, answer_with(&inputs, &Parameters::default()));
    check_answer(&answer, &[1.5, 1e-3, 17.25, 999.0]);
    let refusal = |parameters: &Parameters, input| part(parameters, &input).err();
    let large = refusal(&digits, Input::Numbers(vec![0.0, 1e12]));
    assert!(matches!(large, Some(InputError::OutOfRange { index: 1, .. })));
    let large = refusal(&digits, Input::Integers(vec![1_000_000_000_000]));
    assert!(matches!(large, Some(InputError::OutOfRange { index: 0, .. })));
    let infinite = refusal(&Parameters::default(), Input::Numbers(vec![f64::INFINITY]));
    assert_eq!(infinite, Some(InputError::NotFinite { index: 0 }));
    let texts = refusal(&Parameters::default(), Input::Texts(vec!["a".to_owned()]));
    assert_eq!(texts, Some(InputError::Shape { expected: "numbers" }));
    assert!(part(&Parameters::default(), &Input::Texts(vec![])).is_ok());
    let categories: Parameters = serde_json::from_str(r#"{"categories": ["a"]}"#).unwrap();
    let refused = UnivariateStatistics::DESCRIPTOR.form(&categories).err();
    assert!(
        matches!(refused, Some(InputError::UnknownParameter { name, .. }) if name == "categories")
    );
}

#[test]
fn it_takes_two_or_four_rounds_and_the_bytes_that_the_documentation_says() {
    for (data, rounds) in [(&[1.0, 2.0], 4), (&[2.0, 2.0], 2)] {
        let inputs = numbers(&[data, &[]]);
        let parameters = Parameters::default();
        let report = simulate(&inputs, &parameters, extremes(&inputs), None);
        let names = ["commit sums", "open sums", "commit moments", "open moments"];
        assert_eq!(report.meters[0].round_names(), &names[..rounds]);
        // Of each masked sum the nonce, the commitment and the echo of two.
        let words = prepared(&inputs[0]).words() - 2 - if rounds == 4 { 0 } else { 20 };
        let due = 8 * words + rounds / 2 * (32 + 32 + 64);
        let proposal = report.transcript.iter().find(|d| d.sequence == 0).unwrap().body.len();
        let sent = usize::try_from(report.meters[0].total().bytes_sent).unwrap();
        assert_eq!(sent - proposal, due);
    }
    assert!(UNIVARIATE_SUMS.told.contains("third to sixth powers"));
}
