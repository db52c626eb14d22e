//! Intersections against plaintext, in simulation.

use std::collections::BTreeSet;

use rand_core::Rng;

use crate::computation::{Answer, Input};
use crate::functions::parameters::Parameters;
use crate::kernel::disclosure::{Profile, Refusal};
use crate::kernel::fault::{Fault, InputError};
use crate::kernel::party::Party;
use crate::kernel::simulation::Simulation;
use crate::kernel::text::Case;
use crate::testing::names::INTERSECTION;
use crate::testing::{Run, rng, seed};

pub(super) fn run(sets: &[Vec<String>]) -> Run {
    Run::new(INTERSECTION, sets.iter().cloned().map(Input::Texts).collect())
}

pub(super) fn texts<T: ToString>(items: impl IntoIterator<Item = T>) -> Vec<String> {
    items.into_iter().map(|item| item.to_string()).collect()
}

fn plain(sets: &[Vec<String>]) -> Vec<String> {
    let sets: Vec<BTreeSet<&String>> = sets.iter().map(|set| set.iter().collect()).collect();
    let (first, others) = sets.split_first().unwrap();
    first
        .iter()
        .filter(|item| others.iter().all(|set| set.contains(*item)))
        .map(|item| (*item).clone())
        .collect()
}

pub(super) fn intersection(run: &Run) -> Vec<String> {
    match run.answer() {
        Answer::Intersection { intersection, size_intersection, .. } => {
            assert_eq!(size_intersection, intersection.len() as u64);
            intersection
        }
        other => panic!("{other:?}"),
    }
}

fn check(sets: &[Vec<String>]) {
    assert_eq!(intersection(&run(sets)), plain(sets), "{} parties", sets.len());
}

/// Draws sets for the parties: each has its number of items among `among`.
fn random_sets(parties: usize, sizes: &[usize], among: u64, seed: u64) -> Vec<Vec<String>> {
    let mut rng = rng(seed);
    (0..parties)
        .map(|party| {
            let count = sizes[party % sizes.len()];
            texts((0..count).map(|_| format!("patient {}", rng.next_u64() % among)))
        })
        .collect()
}

const PARTIES: [usize; 4] = [2, 3, 4, 5];

#[test]
fn what_all_have_is_found_whatever_the_sizes() {
    let seed = seed();
    for parties in PARTIES {
        // Disjoint, equal, empty, of one item, of many, and duplicates among them.
        let disjoint: Vec<_> =
            (0..parties).map(|party| texts(party * 10..party * 10 + 9)).collect();
        check(&disjoint);
        check(&vec![texts(0..20); parties]);
        check(&vec![Vec::new(); parties]);
        check(&vec![texts(["one"]); parties]);
        let mut one_is_empty = vec![texts(0..5); parties];
        one_is_empty[parties - 1].clear();
        check(&one_is_empty);
        for sizes in [&[40, 40][..], &[10, 100], &[100, 10], &[1, 30]] {
            check(&random_sets(parties, sizes, 60, seed));
        }
    }
}

#[test]
fn sets_of_several_messages_are_compared_as_a_whole() {
    let seed = seed();
    check(&random_sets(2, &[20_000, 9_000], 15_000, seed));
    check(&random_sets(2, &[1, 20_000], 15_000, seed));
    check(&random_sets(3, &[5_000, 2_000, 3_000], 4_000, seed));
}

#[test]
fn long_items_and_such_as_look_alike_are_told_apart() {
    let long = |last: char| "x".repeat(100_000) + &last.to_string();
    let sets = [
        vec![long('a'), "é".into(), "Ö".into(), "a".into()],
        vec![long('b'), "e\u{301}".into(), "ö".into(), "\u{430}".into()],
    ];
    assert_eq!(intersection(&run(&sets)), ["é"]);
    let parameters = Parameters::default().with("case", Some(Case::Lower));
    assert_eq!(intersection(&run(&sets).parameters(parameters)), ["é", "ö"]);
}

#[test]
fn a_blank_text_is_refused_as_an_item() {
    for blank in ["", "  "] {
        let sets = [vec!["a".to_owned(), blank.into()], vec!["a".to_owned()]];
        let refusal = run(&sets).request(0).unwrap_err();
        assert_eq!(refusal, InputError::BlankId { index: 1 });
    }
}

#[test]
fn a_declared_size_is_told_instead_of_the_true_one() {
    for parties in PARTIES {
        let bytes = |sets: &[Vec<String>], pad_to: Option<u64>| {
            let parameters = Parameters::default().with("pad_to", pad_to);
            let report =
                run(sets).parameters(parameters).simulate(Simulation::new(seed()).parties(parties));
            let outcomes = report.results().unwrap();
            let answer = serde_json::to_value(outcomes[0].answer.get()).unwrap();
            assert_eq!(answer["intersection"], serde_json::json!(plain(sets)));
            assert_eq!(answer.get("padded_to").cloned(), pad_to.map(Into::into));
            (report.bytes(), report.rounds())
        };
        // Three are common to all.
        let few = vec![texts(0..3); parties];
        let many: Vec<Vec<String>> =
            (0..parties).map(|p| texts((0..3).chain(100 * (p + 1)..100 * (p + 1) + 67))).collect();
        assert_eq!(bytes(&few, Some(90)), bytes(&many, Some(90)));
        assert_ne!(bytes(&few, None), bytes(&many, None));
    }
    let parameters = Parameters::default().with("pad_to", Some(2));
    let refused = run(&[texts(0..3), texts(0..2)]).parameters(parameters).request(0).err();
    assert!(matches!(refused, Some(InputError::Parameter { name: "pad_to", .. })), "{refused:?}");
    let parameters = Parameters::default().with("pad_to", Some(1_u64 << 40));
    let refused = run(&[texts(0..3), texts(0..2)]).parameters(parameters).request(0).err();
    assert!(matches!(refused, Some(InputError::TooMuch { .. })), "{refused:?}");
}

#[test]
fn rules_that_withhold_small_counts_forbid_members() {
    for parties in [3, 4] {
        let run = run(&vec![texts(0..30); parties]).rules(Profile::Production.rules());
        let report = run.simulate(Simulation::new(seed()));
        let of = Party::new(0).unwrap();
        for ending in report.endings {
            assert_eq!(ending.fault(), Some(&Fault::Refused(Refusal::SingleRows { of })));
        }
    }
}

#[test]
fn rows_that_were_left_out_are_counted() {
    let run = Run { dropped: vec![2, 5], ..run(&[texts(0..9), texts(3..12)]) };
    let missing = Some(crate::functions::parameters::Missing::Drop);
    let run = run.parameters(Parameters { missing, ..Parameters::default() });
    let report = run.simulate(Simulation::new(seed()));
    for outcome in report.results().unwrap() {
        assert_eq!(serde_json::to_value(outcome.dropped).unwrap(), 7);
        assert!(matches!(outcome.answer.get(), Answer::Intersection { size_intersection: 6, .. }));
    }
}

#[test]
fn other_data_are_refused() {
    let numbers = Run::numbers(INTERSECTION, [&[1.0], &[2.0]]);
    assert!(matches!(numbers.request(0), Err(InputError::Shape { .. })));
    let asked = Parameters { suite: Some("pairwise".into()), ..Parameters::default() };
    let refused = run(&[texts(0..3), texts(0..2)]).parameters(asked).request(0).err();
    assert!(matches!(refused, Some(InputError::Parameter { name: "suite", .. })), "{refused:?}");
}

/// Checks that an observer of two sessions finds no element that comes in both. An item's element
/// depends on the item, its owner's scalar and the session alone.
#[test]
fn no_masked_item_comes_in_two_sessions_or_twice_in_one() {
    let seed = seed();
    let mut seen = BTreeSet::new();
    for run_number in 0..2 {
        let report =
            run(&[texts(0..40), texts(0..40)]).simulate(Simulation::new(seed + run_number));
        report.results().unwrap();
        let masked = report.transcript.iter().filter(|delivery| delivery.body.len() == 32 * 40);
        for element in masked
            .flat_map(|delivery| delivery.body.chunks(32).map(<[u8]>::to_vec).collect::<Vec<_>>())
        {
            assert!(seen.insert(element));
        }
    }
    assert_eq!(seen.len(), 2 * 2 * 40);
}
