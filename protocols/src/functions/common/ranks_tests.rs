//! Ranks, medians, extremes and quantiles against sorting in plaintext, in simulation.

#![expect(clippy::cast_precision_loss, reason = "of numbers that tests make up")]

use rand_core::Rng;

use crate::computation::{Answer, Input, Request};
use crate::functions::parameters::Parameters;
use crate::kernel::disclosure::{Profile, Refusal, Rules};
use crate::kernel::fault::{Fault, InputError};
use crate::kernel::party::Party;
use crate::kernel::random::PredictableRng;
use crate::kernel::session::{Role, Roles, Spec, agree};
use crate::kernel::simulation::Simulation;
use crate::suites::replicated::Committee;
use crate::testing::{self, Run, any_doubles, offer, rng, seed};

/// Makes data of so many parties: any doubles, small whole numbers with many ties, and zeros of
/// both signs. The last party has none.
fn data(rng: &mut PredictableRng, parties: usize) -> Vec<Vec<f64>> {
    let party = |index: usize| {
        let mut numbers = any_doubles(rng, 5 + index);
        numbers.extend([0.0, -0.0, 1.0, 1.0, -1.0, f64::MAX, f64::MIN, 5e-324]);
        numbers.extend((0..10).map(|_| (rng.next_u64() % 4) as f64));
        numbers
    };
    let mut data: Vec<Vec<f64>> = (1..parties).map(party).collect();
    data.push(Vec::new());
    data
}

fn sorted(data: &[Vec<f64>]) -> Vec<f64> {
    let mut all: Vec<f64> = data.iter().flatten().map(|x| x + 0.0).collect();
    all.sort_by(f64::total_cmp);
    all
}

/// Returns the run with three, four and seven parties, and with two and a helper.
fn settings(run: impl Fn(usize) -> Run) -> Vec<Run> {
    vec![
        run(3),
        run(3).committee(0, [1, 2, 0]),
        run(4),
        run(7).committee(0, [6, 0, 3]),
        run(2).committee(1, [0, 1, 2]),
        run(2).committee(2, [0, 3, 2]),
    ]
}

fn numbers(function: &'static str, data: &[Vec<f64>]) -> Run {
    Run::new(function, data.iter().cloned().map(Input::Numbers).collect())
}

#[test]
fn medians_are_right_with_any_parties_and_helpers() {
    let seed = seed();
    let data = |parties| data(&mut rng(seed), parties);
    for run in settings(|parties| numbers("SecureMedian", &data(parties))) {
        let all = sorted(&data(run.inputs.len()));
        let (lower, upper) = (all[(all.len() - 1) / 2], all[all.len() / 2]);
        // As numpy.median and R's median compute it, and not beyond the range of doubles.
        let sum = lower + upper;
        let median = if sum.is_finite() { sum / 2.0 } else { lower / 2.0 + upper / 2.0 };
        assert_eq!(run.answer(), Answer::Median { median });
    }
}

#[test]
fn a_number_of_every_rank_is_found() {
    let data = data(&mut rng(seed()), 3);
    let all = sorted(&data);
    for rank in 1..=all.len() {
        let ranked = |array: &Vec<f64>| Input::Ranked {
            array: array.clone(),
            rank: rank as u64,
            bounds: Some((f64::MIN, f64::MAX)),
        };
        let run = Run::new("KthElement", data.iter().map(ranked).collect());
        let samples = all.len() as u64;
        assert_eq!(run.answer(), Answer::Kth { item: all[rank - 1], samples });
    }
}

#[test]
fn extremes_are_right_also_of_one_row_and_of_negative_ones() {
    let seed = seed();
    let pairs = |data: Vec<Vec<f64>>| -> Vec<Input> {
        let pairs = |numbers: Vec<f64>| numbers.iter().map(|x| (*x, *x + 1.0)).collect();
        data.into_iter().map(|numbers| Input::Points(pairs(numbers))).collect()
    };
    let data = |parties| data(&mut rng(seed), parties);
    for run in settings(|parties| Run::new("MinimumMaximum", pairs(data(parties)))) {
        let all = sorted(&data(run.inputs.len()));
        let (minimum, maximum) = (all[0], all[all.len() - 1] + 1.0);
        assert_eq!(run.answer(), Answer::Extremes { minimum, maximum, samples: all.len() as u64 });
    }
    for (data, minimum, maximum) in [
        (vec![vec![], vec![7.0], vec![]], 7.0, 8.0),
        (vec![vec![-3.0, -2.0], vec![-9.0], vec![-2.5]], -9.0, -1.0),
    ] {
        let samples = data.iter().map(Vec::len).sum::<usize>() as u64;
        let answer = Run::new("MinimumMaximum", pairs(data)).answer();
        assert_eq!(answer, Answer::Extremes { minimum, maximum, samples });
    }
}

#[test]
fn quantiles_are_those_of_r_and_numpy() {
    // numpy.quantile([1, 2, 4, 8, 16, 32], p) and R's quantile of the same.
    let data: [&[f64]; 3] = [&[4.0, 32.0], &[1.0, 16.0, 2.0], &[8.0]];
    let probabilities = vec![0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0];
    let due = [1.0, 1.5, 2.5, 6.0, 14.0, 24.0, 32.0];
    let parameters = Parameters::default().with("probabilities", Some(probabilities));
    let answer = Run::numbers("Quantiles", data).parameters(parameters).answer();
    assert_eq!(answer, Answer::Quantiles { quantiles: due.to_vec(), samples: 6 });
}

#[test]
fn quantiles_of_equal_extreme_and_single_numbers() {
    let quantiles = |data: [&[f64]; 3], p: f64| {
        let parameters = Parameters::default().with("probabilities", Some(vec![p]));
        match Run::numbers("Quantiles", data).parameters(parameters).answer() {
            Answer::Quantiles { quantiles, .. } => quantiles[0],
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(quantiles([&[3.0], &[3.0, 3.0], &[3.0]], 0.37), 3.0);
    assert_eq!(quantiles([&[5.0], &[], &[]], 0.99), 5.0);
    assert_eq!(quantiles([&[f64::MIN], &[], &[f64::MAX]], 0.5), 0.0);
    assert_eq!(quantiles([&[-0.0], &[0.0], &[]], 0.5).to_bits(), 0);
}

#[test]
fn the_number_of_rounds_and_bytes_does_not_depend_on_the_rows() {
    let cost = |rows: usize| {
        let data: Vec<Vec<f64>> =
            (0..3).map(|party| (0..rows).map(|row| (party * row) as f64).collect()).collect();
        let report = numbers("SecureMedian", &data).simulate(Simulation::new(1));
        report.results().unwrap();
        (report.rounds(), report.bytes())
    };
    assert_eq!(cost(45), cost(63));
    assert!(cost(1_000).0 - cost(45).0 <= 2 * 8);
}

#[test]
fn what_has_no_answer_is_said_at_all_parties() {
    let fault = |run: Run| {
        let report = run.simulate(Simulation::new(seed()));
        let faults: Vec<_> = report.endings.iter().map(|ending| ending.fault().cloned()).collect();
        assert!(faults.iter().all(|fault| *fault == faults[0]));
        faults[0].clone()
    };
    let any_rows = Rules { min_rows: 0, ..Profile::Teaching.rules() };
    let none = fault(numbers("SecureMedian", &vec![Vec::new(); 3]).rules(any_rows));
    assert!(matches!(none, Some(Fault::Undefined { .. })));
    let ranked = |rank| Input::Ranked { array: vec![1.0], rank, bounds: None };
    let beyond = fault(Run::new("KthElement", vec![ranked(4), ranked(4), ranked(4)]));
    assert!(matches!(beyond, Some(Fault::Undefined { .. })));
    let other = Run::new("KthElement", vec![ranked(1), ranked(2), ranked(1)]);
    let report = other.simulate(Simulation::new(seed()));
    let is_disagreement = |fault: Option<&Fault>| matches!(fault, Some(Fault::Disagreement { .. }));
    assert!(report.endings.iter().all(|ending| is_disagreement(ending.fault())));
}

#[test]
fn quantiles_do_not_list_the_rows_where_small_counts_are_withheld() {
    let of_rows = |rows: usize, probabilities: &[f64]| {
        let data: Vec<Vec<f64>> = (0..3).map(|party| vec![f64::from(party); rows]).collect();
        let parameters = Parameters::default().with("probabilities", Some(probabilities));
        let run = numbers("Quantiles", &data).parameters(parameters);
        let report = run.rules(Profile::Production.rules()).simulate(Simulation::new(seed()));
        let faults = report.endings.iter().map(|ending| ending.fault().cloned());
        let faults: Vec<_> = faults.collect();
        assert!(faults.iter().all(|fault| *fault == faults[0]));
        faults[0].clone()
    };
    let of = Party::new(0).unwrap();
    let refused = Some(Fault::Refused(Refusal::Ranks { minimum: 10, of }));
    let grid = [0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95];
    assert_eq!(of_rows(68, &grid), None);
    // Ten rows are below the rank at 5 percent of 201 rows and more.
    assert_eq!(of_rows(66, &[0.05]), refused);
    assert_eq!(of_rows(67, &[0.05]), None);
    assert_eq!(of_rows(66, &[0.5]), None);
    for other in [0.0, 1.0, 0.3, 0.51, 0.500_000_1] {
        assert_eq!(of_rows(400, &[other]), refused, "{other}");
        assert_eq!(of_rows(400, &[0.5, other]), refused, "{other}");
    }
}

#[test]
fn helpers_do_not_take_part_in_nonsense() {
    let spec = |function: &str, parameters: &[(&str, &str)]| {
        let mut spec = offer(3, Profile::Teaching.rules()).spec;
        testing::set_helpers(&mut spec, 1);
        spec.function = function.to_owned();
        spec.suite = "replicated".to_owned();
        let parameters = parameters.iter();
        spec.parameters = parameters.map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        spec
    };
    let many = vec!["0.5"; 1_001].join(", ");
    for (function, parameters) in [
        ("Nonsense", vec![]),
        ("SecureSum", vec![]),
        ("StatisticsFrequency", vec![]),
        ("StatisticsFrequency", vec![("only_mode", "false")]),
        ("KthElement", vec![]),
        ("KthElement", vec![("rank", "0")]),
        ("Quantiles", vec![]),
        ("Quantiles", vec![("probabilities", "NaN")]),
        ("Quantiles", vec![("probabilities", "-5")]),
        ("Quantiles", vec![("probabilities", &many)]),
        ("TopK", vec![("k", "0")]),
        ("Measure", vec![("operation", "sort"), ("size", "2"), ("times", "1")]),
    ] {
        assert!(
            Request::to_help(&spec(function, &parameters)).is_err(),
            "{function} {parameters:?}"
        );
    }
    let median = |missing| {
        spec(
            "SecureMedian",
            &[("digits_before", "any"), ("digits_after", "any"), ("missing", missing)],
        )
    };
    for nonsense in ["", "Drop", "perhaps"] {
        assert!(Request::to_help(&median(nonsense)).is_err());
    }
    // A text that is not canonical is none that parties agree on.
    assert!(Request::to_help(&spec("SecureMedian", &[("missing", "refuse")])).is_err());
    let sensible = median("refuse");
    assert!(Request::to_help(&sensible).is_ok());
    for helpers in [0, 2, 3] {
        let mut nonsense = sensible.clone();
        nonsense.members.iter_mut().for_each(|member| member.role = Role::OUTSIDE_COMMITTEE);
        testing::set_helpers(&mut nonsense, helpers);
        let refusal = Request::to_help(&nonsense).unwrap_err();
        assert!(matches!(refusal, InputError::Roles { .. }), "{helpers}: {refusal}");
    }
    for nonsense in [
        Spec { suite: "masked".into(), ..sensible.clone() },
        Spec { shape: [("length".to_owned(), 1)].into(), ..sensible },
    ] {
        assert!(Request::to_help(&nonsense).is_err(), "{nonsense:?}");
    }
}

#[test]
fn helpers_of_masked_sums_know_what_the_release_check_needs() {
    let spec = |function: &str, parameters: &[(&str, &str)], shape: &[(&str, u64)]| {
        let mut spec = offer(3, Profile::Teaching.rules()).spec;
        testing::set_helpers(&mut spec, 1);
        (spec.function, spec.suite) = (function.to_owned(), "masked".to_owned());
        let parameters = parameters.iter();
        spec.parameters = parameters.map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        spec.shape = shape.iter().map(|(k, v)| ((*k).to_owned(), *v)).collect();
        spec
    };
    let digits = |before, after| [("digits_before", before), ("digits_after", after)];
    let (any, length) = (digits("any", "any"), [("length", 3)]);
    for sensible in [
        spec("SecureSum", &any, &[]),
        spec("SecureSum", &digits("12", "0"), &[]),
        spec("StatisticsBivariate", &any, &[]),
        spec("StatisticsFrequency", &[("missing", "drop")], &[]),
        spec("StatisticsContingency", &[], &[]),
        spec("SecureVectorSum", &[any[0], any[1], ("encoding", "exact")], &length),
    ] {
        assert!(Request::to_help(&sensible).is_ok(), "{sensible:?}");
    }
    for nonsense in [
        spec("SecureSum", &[], &[]),
        spec("SecureSum", &digits("400", "0"), &[]),
        spec("SecureSum", &digits("3", "any"), &[]),
        spec("SecureSum", &[("digits_before", "3")], &[]),
        spec("SecureSum", &any, &length),
        spec("StatisticsFrequency", &[("only_mode", "true")], &[]),
        spec("StatisticsFrequency", &[("missing", "perhaps")], &[]),
        spec("SecureVectorSum", &[], &length),
        spec("SecureVectorSum", &[any[0], any[1], ("encoding", "exact")], &[]),
        spec("SecureMedian", &[], &[]),
        spec("Empty", &[], &[]),
        spec("Measure", &[], &[]),
        spec("SetIntersection", &[], &[]),
    ] {
        assert!(Request::to_help(&nonsense).is_err(), "{nonsense:?}");
    }
}

/// The helpers' part with so many parties outside of the committee, parties in it, and helpers.
fn helping(outside: usize, computing: usize, helpers: usize) -> Result<(), InputError> {
    let mut spec = offer(outside + computing + helpers, Profile::Teaching.rules()).spec;
    spec.members.iter_mut().take(outside).for_each(|it| it.role = Role::OUTSIDE_COMMITTEE);
    testing::set_helpers(&mut spec, helpers);
    (spec.function, spec.suite) = ("SecureMedian".to_owned(), "replicated".to_owned());
    spec.parameters = [("digits_before", "any"), ("digits_after", "any"), ("missing", "refuse")]
        .map(|(name, text)| (name.to_owned(), text.to_owned()))
        .into();
    Request::to_help(&spec).map(drop)
}

#[test]
fn members_that_help_are_of_the_three_that_compute() {
    for (outside, computing, helpers) in [(0, 2, 1), (1, 2, 1), (1, 1, 2), (2, 0, 3), (9, 1, 2)] {
        assert_eq!(helping(outside, computing, helpers), Ok(()));
    }
    for (outside, computing, helpers) in [(0, 3, 1), (0, 2, 2), (2, 0, 2), (1, 1, 1), (0, 2, 9)] {
        let refusal = helping(outside, computing, helpers).unwrap_err();
        assert!(matches!(refusal, InputError::Roles { .. }), "{refusal}");
    }
}

#[test]
fn a_committee_is_the_first_three_that_compute_and_serve() {
    let seats = |roles: Roles, unwilling: &[usize]| {
        let simulation = Simulation::new(seed()).parties(roles.count());
        let report = simulation.run(|channel, party, mut rng| {
            let mut offer = offer(roles.count(), Profile::Teaching.rules());
            offer.serves = !unwilling.contains(&party.index());
            let roles = roles.clone();
            async move {
                let session = agree(&channel, offer, false, &mut rng).await?;
                Committee::of(&roles, &session)
            }
        });
        report.results().map(|committees| *committees[0]).map_err(|(_, end)| end.fault().cloned())
    };
    let none = |serving| Err(Some(Fault::NoCommittee { serving }));
    let four = testing::parties(4);
    assert_eq!(seats(four.clone(), &[]), Ok(Committee::fixed([0, 1, 2])));
    assert_eq!(seats(four.clone(), &[1]), Ok(Committee::fixed([0, 2, 3])));
    assert_eq!(seats(four, &[1, 3]), none(2));
    let helped = testing::roles(3, 1, &[3, 0, 1]);
    assert_eq!(seats(helped.clone(), &[2]), Ok(Committee::fixed([0, 1, 3])));
    assert_eq!(seats(helped, &[0]), none(2));
}

#[test]
fn what_cannot_be_compared_is_refused_before_anything_is_sent() {
    let refused = |run: Run| run.request(0).unwrap_err();
    let suite = Some("replicated".to_owned());
    let two = numbers("SecureMedian", &[vec![1.0], vec![2.0]]);
    assert_eq!(two.request(0).unwrap().suite().name(), "pairwise");
    let two = two.parameters(Parameters { suite, ..Parameters::default() });
    assert!(matches!(refused(two), InputError::Parameter { name: "committee", .. }));
    let big = Input::Integers(vec![1, (1 << 53) + 1]);
    let big = Run::new("SecureMedian", vec![big.clone(), big.clone(), big]);
    assert_eq!(refused(big), InputError::NotADouble { index: 1 });
    let nan = numbers("SecureMedian", &vec![vec![f64::NAN]; 3]);
    assert_eq!(refused(nan), InputError::NotFinite { index: 0 });
    let bounds = Some((0.0, 1.0));
    let outside = Input::Ranked { array: vec![0.5, 1.5], rank: 1, bounds };
    let outside = Run::new("KthElement", vec![outside; 3]);
    assert!(matches!(refused(outside), InputError::OutOfRange { index: 1, .. }));
    let zero = Input::Ranked { array: vec![0.5], rank: 0, bounds: None };
    let zero = Run::new("KthElement", vec![zero; 3]);
    assert!(matches!(refused(zero), InputError::Parameter { name: "rank", .. }));
    for list in [vec![], vec![1.1], vec![-0.1], vec![f64::NAN], vec![0.5; 1_001]] {
        let parameters = Parameters::default().with("probabilities", Some(list));
        let run = numbers("Quantiles", &vec![vec![1.0]; 3]).parameters(parameters);
        assert!(run.request(0).is_err());
    }
}
