//! The largest numbers, sorting, and modes without tables, against plaintext, in simulation.

use std::collections::BTreeMap;

use rand_core::Rng;

use crate::computation::{Answer, Input};
use crate::functions::common::mode::{Cell, Mode};
use crate::functions::common::tables::Categories;
use crate::functions::parameters::Parameters;
use crate::functions::top_k::Occurrences;
use crate::kernel::disclosure::{Profile, Refusal, Rules};
use crate::kernel::fault::{Fault, InputError};
use crate::kernel::random::PredictableRng;
use crate::kernel::simulation::Simulation;
use crate::testing::{Run, any_doubles, rng, seed};

/// Makes small whole numbers with many ties, some of them negative zeros, and some numbers of any
/// size. The last party has none.
fn data(rng: &mut PredictableRng, parties: usize) -> Vec<Vec<f64>> {
    let mut party = |index: usize| {
        let mut numbers = any_doubles(rng, index);
        numbers.extend((0..12).map(|_| -f64::from(rng.next_u32() % 5)));
        numbers
    };
    let mut data: Vec<Vec<f64>> = (1..parties).map(&mut party).collect();
    data.push(Vec::new());
    data
}

fn occurrences(data: &[Vec<f64>]) -> Vec<Occurrences> {
    let mut all: Vec<f64> = data.iter().flatten().map(|x| x + 0.0).collect();
    all.sort_by(|a, b| b.total_cmp(a));
    let equal = all.chunk_by(|a, b| a == b);
    equal.map(|equal| Occurrences { value: equal[0], count: equal.len() as u64 }).collect()
}

fn settings(function: &'static str, seed: u64) -> Vec<(Run, Vec<Vec<f64>>)> {
    let run = |parties: usize| {
        let data = data(&mut rng(seed), parties);
        let inputs = data.iter().cloned().map(Input::Numbers).collect();
        (Run::new(function, inputs), data)
    };
    let with = |(run, data): (Run, _), helpers, seats| (run.committee(helpers, seats), data);
    vec![
        run(3),
        run(4),
        with(run(5), 0, [4, 0, 2]),
        with(run(2), 1, [0, 1, 2]),
        with(run(2), 2, [0, 3, 2]),
    ]
}

#[test]
fn the_largest_numbers_are_shown_with_their_counts() {
    let seed = seed();
    for (run, data) in settings("TopK", seed) {
        for k in [1, 3, 100] {
            let rules = Profile::Teaching.rules();
            let parameters = run.parameters.clone().with("k", Some(k));
            let (inputs, dropped) = (run.inputs.clone(), Vec::new());
            let run = Run { rules, parameters, inputs, dropped, ..run };
            let mut top = occurrences(&data);
            top.truncate(usize::try_from(k).unwrap());
            let samples = data.iter().map(Vec::len).sum::<usize>() as u64;
            assert_eq!(run.answer(), Answer::Top { top, samples }, "{k}");
        }
    }
}

#[test]
fn no_party_fills_up_counts_to_see_the_numbers_of_others() {
    // With four of each possible number of its own, a party would see every number of others.
    let own: Vec<f64> = (0..10).flat_map(|number| [f64::from(number); 4]).collect();
    let run = Run::numbers("TopK", [&own, &[9.0, 5.0, 5.0], &[1.0, 8.0]]);
    let report = run
        .rules(Rules { min_cell: 5, ..Profile::Teaching.rules() })
        .simulate(Simulation::new(seed()));
    let is_refused =
        |fault: Option<&Fault>| matches!(fault, Some(Fault::Refused(Refusal::Ranks { .. })));
    assert!(report.endings.iter().all(|ending| is_refused(ending.fault())));
}

#[test]
fn all_numbers_are_sorted_where_single_rows_may_be_shown() {
    let seed = seed();
    for (run, data) in settings("Sort", seed) {
        let mut sorted: Vec<f64> = data.iter().flatten().map(|x| x + 0.0).collect();
        sorted.sort_by(f64::total_cmp);
        let samples = sorted.len() as u64;
        assert_eq!(run.answer(), Answer::Sorted { sorted, samples });
    }
    // As many equations as rows are never enough.
    let numbers: &[f64] = &[1.0; 30];
    let run = Run::numbers("Sort", [numbers; 3]).rules(Profile::Production.rules());
    let report = run.simulate(Simulation::new(seed));
    let is_refused = |fault: Option<&Fault>| {
        matches!(fault, Some(Fault::Refused(Refusal::TooFewRows { equations: u64::MAX, .. })))
    };
    assert!(report.endings.iter().all(|ending| is_refused(ending.fault())));
}

fn only_mode(categories: Option<Categories>) -> Parameters {
    Parameters::default().with("only_mode", Some(true)).with("categories", categories)
}

fn texts(rng: &mut PredictableRng, count: usize) -> Vec<String> {
    (0..count).map(|_| ["a", "b", "c", "d", "e"][(rng.next_u32() % 5) as usize].into()).collect()
}

#[test]
fn the_mode_is_that_of_the_table() {
    let seed = seed();
    let mut rng = rng(seed);
    for parties in [3, 5] {
        let data: Vec<Vec<String>> = (0..parties).map(|index| texts(&mut rng, 7 * index)).collect();
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        data.iter().flatten().for_each(|name| *counts.entry(name.clone()).or_default() += 1);
        let most = counts.values().max().copied().unwrap();
        let first = counts.into_iter().find(|(_, count)| *count == most).map(|(name, _)| name);
        let inputs: Vec<Input> = data.iter().cloned().map(Input::Texts).collect();
        let names = ["a", "b", "c", "d", "e"].map(str::to_owned).to_vec();
        for categories in [None, Some(Categories::One(names))] {
            let run = Run::new("StatisticsFrequency", inputs.clone());
            let answer = run.parameters(only_mode(categories)).answer();
            assert_eq!(answer, Answer::Mode(Mode { mode: first.clone().map(Cell::One) }));
        }
    }
}

#[test]
fn the_mode_of_pairs_with_a_helper_and_none_of_small_counts() {
    let pairs = |pairs: &[(&str, &str)]| {
        Input::TextPairs(pairs.iter().map(|(x, y)| ((*x).into(), (*y).into())).collect())
    };
    let inputs = vec![pairs(&[("a", "x"), ("b", "y")]), pairs(&[("b", "y"), ("b", "x")])];
    let run = |min_cell| {
        let rules = Rules { min_cell, ..Profile::Teaching.rules() };
        let run = Run::new("StatisticsContingency", inputs.clone()).parameters(only_mode(None));
        run.rules(rules).committee(1, [2, 0, 1]).answer()
    };
    let cell = Cell::Two("b".into(), "y".into());
    assert_eq!(run(1), Answer::Mode(Mode { mode: Some(cell) }));
    // Of two rows and columns the other cells are withheld, too, and so is the mode.
    assert_eq!(run(2), Answer::Mode(Mode { mode: None }));
    assert_eq!(run(3), Answer::Mode(Mode { mode: None }));
    assert_eq!(run((1 << 62) - 1), Answer::Mode(Mode { mode: None }));
}

#[test]
fn rules_that_no_count_can_reach_are_refused() {
    for rules in [
        Rules { min_cell: 1 << 62, ..Profile::Teaching.rules() },
        Rules { min_rows: u64::MAX, ..Profile::Teaching.rules() },
        Rules { max_share: 0, ..Profile::Teaching.rules() },
        Rules { max_share: 101, ..Profile::Teaching.rules() },
    ] {
        let run = Run::numbers("TopK", [&[1.0], &[1.0], &[1.0]]).rules(rules);
        let report = run.simulate(Simulation::new(seed()));
        for ending in &report.endings {
            assert!(matches!(ending.fault(), Some(Fault::Misbehaviour { .. })));
        }
    }
}

#[test]
fn what_cannot_be_sorted_is_refused_before_anything_is_sent() {
    let refused = |run: Run| run.request(0).unwrap_err();
    for k in [0, 10_001] {
        let parameters = Parameters::default().with("k", Some(k));
        let run = Run::numbers("TopK", [&[1.0], &[], &[]]).parameters(parameters);
        assert!(matches!(refused(run), InputError::Parameter { name: "k", .. }));
    }
    let many = Run::new("Sort", vec![Input::Numbers(vec![0.0; (1 << 18) + 1]); 3]);
    assert!(matches!(refused(many), InputError::TooMuch { .. }));
}
