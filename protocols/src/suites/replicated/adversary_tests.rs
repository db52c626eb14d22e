//! The suite against members that cheat, and the view of a single member, in simulation.

use super::tests::{Setting, THREE};
use super::*;
use crate::computation::{Answer, Execution, Input};
use crate::engine::openings;
use crate::engine::shared::Shared;
use crate::functions::common::tables::Categories;
use crate::functions::parameters::Parameters;
use crate::kernel::disclosure::{Profile, Rules};
use crate::kernel::fault::Misbehaviour;
use crate::kernel::reveal::Reveal;
use crate::kernel::simulation::adversary::{Action, Tamper};
use crate::kernel::simulation::{Delivery, Ending, Report, Simulation};
use crate::suites::pairwise::CorrelationStore;
use crate::testing::{self, Run, seed};

/// Runs every operation once, on eleven rows; in the end a sum is opened.
async fn everything(setting: Setting, channel: Channel, seed: u64) -> Result<Vec<u64>, Fault> {
    let mut rng = testing::rng(seed);
    let mut engine = setting.engine(&channel, &mut rng).await?;
    let me = channel.parties().me().index() as u64;
    let lengths = vec![11; setting.inputs];
    let mine: Vec<u64> = if engine.brings_data() { (me..me + 11).collect() } else { Vec::new() };
    let shares = engine.share(&mine, &lengths).await?;
    let z = engine.multiply(&shares[0], &shares[1]).await?;
    let bits = engine.addends(&z, 20).await?;
    let numbers = engine.bit_to_arithmetic(&[&bits[0][0], &bits[1][1]], 11).await?;
    let inner = engine.dot(&numbers, &numbers, 2).await?;
    let table = Columns { numbers: vec![inner], words: vec![engine.random(11)] };
    let table = engine.shuffle(table).await?;
    engine.open(&table.words[0], Reveal::RANDOM).await?;
    let result = shares[0].plus(&shares[1]);
    Ok(engine.open(&result, Reveal::ANSWER).await?.value().unwrap_or_default())
}

fn run(setting: Setting, simulation: Simulation) -> Report<Vec<u64>> {
    let mut seeds = 0;
    simulation.parties(setting.members()).run(|channel, _, _| {
        seeds += 1;
        everything(setting, channel, seeds)
    })
}

fn due() -> Vec<u64> {
    (0..11).map(|row| 2 * row + 1).collect()
}

fn names(fault: &Fault, cheater: Party) -> bool {
    match fault {
        Fault::Misbehaviour { party, .. } => *party == cheater,
        Fault::InconsistentShares { one, other } => [one, other].contains(&&cheater),
        _ => false,
    }
}

/// Lists all messages but proposals, each once.
fn messages(report: &Report<Vec<u64>>) -> Vec<(Party, Party, u32)> {
    let later = report.transcript.iter().filter(|delivery| delivery.sequence > 0);
    later.map(|delivery| (delivery.from, delivery.to, delivery.sequence)).collect()
}

#[test]
fn messages_of_wrong_length_or_order_end_it_and_name_the_sender() {
    let seed = seed();
    for setting in [THREE, Setting { inputs: 4, helpers: 0, seats: [3, 1, 0] }] {
        let honest = run(setting, Simulation::new(seed));
        assert!(honest.results().unwrap().iter().all(|sum| **sum == due()));
        for (from, to, number) in messages(&honest) {
            let tamper = |action| Tamper::new(from, Some(to), number, action);
            for tamper in [
                tamper(Action::Drop),
                tamper(Action::Repeat),
                tamper(Action::Swap),
                tamper(Action::Truncate(1)).retagging(),
                tamper(Action::Extend(8)).retagging(),
            ] {
                let report = run(setting, Simulation::new(seed).adversary(tamper.clone()));
                match &report.endings[to.index()] {
                    Ending::Stopped(fault) => assert!(names(fault, from), "{tamper:?} {fault}"),
                    Ending::Stalled(awaiting) => {
                        assert!(awaiting.parties.contains(&from), "{tamper:?} {awaiting:?}");
                    }
                    // A message that comes twice after the last due one is not read any more. A
                    // message that was to be swapped with one that never came is held back.
                    Ending::Done(sum) => assert_eq!(*sum, due(), "{tamper:?}"),
                }
            }
        }
    }
}

#[test]
fn a_wrong_share_in_an_opening_is_caught_wherever_it_is_shown() {
    let seed = seed();
    for setting in [THREE, Setting { inputs: 4, helpers: 0, seats: [3, 1, 0] }] {
        let honest = run(setting, Simulation::new(seed));
        let last = |from: Party, to: Party| {
            let between = messages(&honest).into_iter();
            between.filter(|(f, t, _)| (*f, *t) == (from, to)).map(|(_, _, number)| number).max()
        };
        for from in setting.seats.map(|seat| Party::new(seat).unwrap()) {
            for to in honest_others(setting, from) {
                let Some(number) = last(from, to) else { continue };
                for bit in [0, 77, 255, 256, 300] {
                    let tamper = Tamper::new(from, Some(to), number, Action::Flip(bit)).retagging();
                    let report = run(setting, Simulation::new(seed).adversary(tamper));
                    match &report.endings[to.index()] {
                        Ending::Stopped(fault @ Fault::InconsistentShares { .. }) => {
                            assert!(names(fault, from));
                        }
                        // The message was shorter than that.
                        Ending::Done(sum) => assert_eq!((sum, bit > 255), (&due(), true)),
                        other => panic!("{from} to {to}, bit {bit}: {other:?}"),
                    }
                }
            }
        }
    }
}

/// Four parties, of which the third has no seat.
const OUTSIDER: Setting = Setting { inputs: 4, helpers: 0, seats: [3, 1, 0] };

#[test]
fn inconsistent_shares_of_a_party_without_a_seat_are_its_own_fault() {
    let seed = seed();
    let accused = Party::new(2).unwrap();
    for (seat, bit) in [(1, 0), (1, 300), (0, 7), (0, 900)] {
        let to = Party::new(seat);
        let tamper = Tamper::new(accused, to, 1, Action::Flip(bit)).retagging();
        let report = run(OUTSIDER, Simulation::new(seed).adversary(tamper));
        let found: Vec<(usize, &Fault)> = (0..)
            .zip(&report.endings)
            .filter_map(|(seat, ending)| Some((seat, ending.fault()?)))
            .collect();
        assert!(!found.is_empty());
        for (seat, fault) in found {
            // No seat that finds it has sent a share of what follows.
            let mut sent = report.transcript.iter().filter(|d| d.from.index() == seat);
            assert!(sent.all(|d| d.to != accused || d.sequence == 0), "seat {seat}");
            assert!(
                matches!(fault, Fault::Equivocation { accused: a, .. } if *a == accused),
                "{fault}"
            );
        }
    }
}

#[test]
fn a_seat_that_draws_two_common_keys_is_one_of_two_that_are_named() {
    let cheater = Party::new(1).unwrap();
    let tamper = Tamper::new(cheater, Party::new(0), 1, Action::Flip(3)).retagging();
    let report = run(OUTSIDER, Simulation::new(seed()).adversary(tamper));
    for honest in [0, 3] {
        match &report.endings[honest] {
            Ending::Stopped(Fault::Equivocation { witness, accused }) => {
                assert!([witness, accused].contains(&&cheater));
            }
            other => panic!("{other:?}"),
        }
    }
    // The party without a seat was shown nothing.
    assert!(matches!(report.endings[2], Ending::Stalled(_)));
}

fn honest_others(setting: Setting, cheater: Party) -> Vec<Party> {
    let all = (0..setting.members()).filter_map(Party::new);
    all.filter(|party| *party != cheater).collect()
}

/// Makes the keys of `me` for the view of `viewer`. The keys that the viewer has are the same in
/// all runs, and so is all that it holds and knows. The others follow from `seed`.
fn keys(me: usize, members: usize, viewer: usize, seed: u64) -> BTreeMap<Party, [u8; 32]> {
    let key = |other: usize| {
        let pair = [me.min(other) as u64, me.max(other) as u64];
        let seed = if me == viewer || other == viewer { 0 } else { seed };
        blake3::derive_key(
            "keys of a test",
            &[pair[0], pair[1], seed].map(u64::to_le_bytes).concat(),
        )
    };
    let others = (0..members).filter(|other| *other != me);
    others.map(|other| (Party::new(other).unwrap(), key(other))).collect()
}

/// Runs a function. Returns the answer, and every message on the way.
fn observed(run: &Run, viewer: usize, seed: u64) -> Report<Option<Answer>> {
    let members = run.inputs.len() + run.helpers;
    Simulation::new(seed).parties(members).run(|channel, party, mut rng| {
        let session = Session::of_keys(run.rules, keys(party.index(), members, viewer, seed));
        let ((prepared, subject), spec) = (run.part(party.index()).into_parts(), run.spec());
        async move {
            let agreed = Execution {
                channel: &channel,
                spec: &spec,
                roles: spec.roles().unwrap(),
                joint: *session.rules(),
                stores: CorrelationStore::default(),
            };
            let committee = Committee::fixed([0, 1, 2]);
            let ended = agreed.with_committee(session, committee, prepared, subject, &mut rng);
            Ok(ended.await?.answer)
        }
    })
}

/// Counts how often each bit is 1, over many runs. The bits are those that `viewer` receives, and
/// those that it reconstructs from openings: shares that fit each other say nothing one by one.
fn view(run: &Run, viewer: usize, seeds: Range<u64>) -> Vec<Vec<u32>> {
    let mut ones: Vec<Vec<u32>> = Vec::new();
    for seed in seeds {
        openings::take();
        let report = observed(run, viewer, seed);
        report.results().unwrap();
        let mut received: Vec<&Delivery> =
            report.transcript.iter().filter(|delivery| delivery.to.index() == viewer).collect();
        received.sort_by_key(|delivery| (delivery.from, delivery.sequence));
        let opened = openings::take().into_iter().filter(|(party, _)| party.index() == viewer);
        let mut seen: Vec<Vec<u8>> = received.into_iter().map(|d| d.body.to_vec()).collect();
        seen.extend(opened.map(|(_, bytes)| bytes));
        ones.resize(seen.len(), Vec::new());
        for (ones, seen) in ones.iter_mut().zip(seen) {
            ones.resize(8 * seen.len(), 0);
            let bits = seen.iter().flat_map(|byte| (0..8).map(move |at| (byte >> at) & 1));
            ones.iter_mut().zip(bits).for_each(|(ones, bit)| *ones += u32::from(bit));
        }
    }
    ones
}

/// Returns the largest distance of two frequencies of a bit, in standard deviations of a fair
/// coin's.
fn distance(one: &[Vec<u32>], other: &[Vec<u32>]) -> f64 {
    let lengths = |view: &[Vec<u32>]| view.iter().map(Vec::len).collect::<Vec<_>>();
    assert_eq!(lengths(one), lengths(other), "the messages' sizes tell the inputs apart");
    let pairs = one.iter().flatten().zip(other.iter().flatten());
    let widest = pairs.map(|(a, b)| a.abs_diff(*b)).max().unwrap_or(0);
    f64::from(widest) / (f64::from(RUNS) / 2.0).sqrt()
}

const RUNS: u32 = 120;

/// The bound on a distance. Of some 2^19 fair bits, one is beyond it in one of 10^6 tests.
const FAIR: f64 = 7.0;

fn views_apart(one: &Run, other: &Run, viewer: usize) -> f64 {
    let (first, runs) = (seed() >> 1, u64::from(RUNS));
    let one = view(one, viewer, first..first + runs);
    let other = view(other, viewer, first + runs..first + 2 * runs);
    distance(&one, &other)
}

/// Makes a run with numbers of three parties, or of two and a helper. `viewer` has the same in all.
fn medians(viewer: usize, helper: bool, others: [[f64; 3]; 2]) -> Run {
    let mut others = others.into_iter();
    let inputs = (0..if helper { 2 } else { 3 }).map(|party| {
        let own = [1.0, 50.0, 99.0];
        let numbers = if party == viewer { own } else { others.next().unwrap_or(own) };
        Input::Numbers(numbers.to_vec())
    });
    let run = Run::new("SecureMedian", inputs.collect());
    if helper { run.committee(1, [0, 1, 2]) } else { run }
}

#[test]
fn what_a_member_sees_does_not_tell_inputs_of_the_same_answer_apart() {
    for (viewer, helper) in [(0, false), (1, false), (2, false), (0, true), (1, true)] {
        let one = medians(viewer, helper, [[2.0, 50.0, 98.0], [3.0, 50.0, 97.0]]);
        let other = medians(viewer, helper, [[49.0, 50.0, 51.0], [-7e9, 50.0, 1e300]]);
        assert_eq!(one.answer(), other.answer());
        let apart = views_apart(&one, &other, viewer);
        assert!(apart < FAIR, "member {viewer}: {apart} standard deviations");
    }
}

#[test]
fn the_test_of_views_tells_answers_apart() {
    let one = medians(0, false, [[2.0, 50.0, 98.0], [3.0, 50.0, 97.0]]);
    let other = medians(0, false, [[51.0; 3], [51.0; 3]]);
    assert!(views_apart(&one, &other, 0) > 2.0 * FAIR);
}

#[test]
fn what_a_helper_sees_does_not_even_tell_answers_apart() {
    let one = medians(2, true, [[2.0, 50.0, 98.0], [3.0, 50.0, 97.0]]);
    let other = medians(2, true, [[-5.0; 3], [700.0; 3]]);
    assert_ne!(one.answer(), other.answer());
    let apart = views_apart(&one, &other, 2);
    assert!(apart < FAIR, "{apart} standard deviations");
}

/// Makes runs of two or three parties that differ in the inputs of the others than `viewer`.
fn others_have(
    function: &'static str,
    viewer: usize,
    helper: bool,
    (own, others): (&Input, [Input; 2]),
) -> Run {
    let mut others = others.into_iter();
    let inputs = (0..if helper { 2 } else { 3 })
        .map(|party| if party == viewer { own.clone() } else { others.next().unwrap() });
    let rules = Rules { min_rows: 2, max_share: 70, min_cell: 3, ..Profile::Teaching.rules() };
    let run = Run::new(function, inputs.collect()).rules(rules);
    if helper { run.committee(1, [0, 1, 2]) } else { run }
}

#[test]
fn what_a_member_sees_of_the_gate_does_not_tell_inputs_of_the_same_bits_apart() {
    let numbers = |numbers: &[f64]| Input::Numbers(numbers.to_vec());
    let own = numbers(&[5.0, 5.0, 0.0]);
    let one = || [numbers(&[9.0, -2.0, 5.0]), numbers(&[8.0, 1.0, 0.0])];
    let other = || [numbers(&[1.0; 12]), numbers(&[9.0, 9.0, -9.0])];
    for (viewer, helper) in [(0, false), (1, false), (2, false), (2, true)] {
        let run = |others| {
            let run = others_have("SecureSum", viewer, helper, (&own, others));
            let digits_after = Some(0);
            let committee = run.parameters.committee.clone();
            let digits = Parameters::default()
                .with("digits_before", Some(1))
                .with("digits_after", digits_after);
            run.parameters(Parameters { committee, ..digits })
        };
        let (one, other) = (run(one()), run(other()));
        assert_eq!(one.answer(), other.answer());
        let apart = views_apart(&one, &other, viewer);
        assert!(apart < FAIR, "member {viewer}: {apart} standard deviations");
    }
}

#[test]
fn what_a_member_sees_of_a_table_does_not_tell_small_cells_apart() {
    let texts = |counts: [usize; 3]| {
        let names = ["a", "b", "c"].into_iter().zip(counts);
        let rows = names.flat_map(|(name, count)| std::iter::repeat_n(name.to_owned(), count));
        Input::Texts(rows.collect())
    };
    for (viewer, helper) in [(0, false), (1, false), (2, false), (2, true)] {
        let run = |others| {
            let own = texts([3, 0, 0]);
            let run = others_have("StatisticsFrequency", viewer, helper, (&own, others));
            let committee = run.parameters.committee.clone();
            let names = ["a", "b", "c"].map(str::to_owned).to_vec();
            let categories = Some(Categories::One(names));
            run.parameters(
                Parameters { committee, ..Parameters::default() }.with("categories", categories),
            )
        };
        let one = run([texts([3, 1, 0]), texts([2, 0, 1])]);
        let other = run([texts([2, 2, 0]), texts([3, 0, 0])]);
        assert_eq!(one.answer(), other.answer());
        let apart = views_apart(&one, &other, viewer);
        assert!(apart < FAIR, "member {viewer}: {apart} standard deviations");
    }
}

#[test]
fn lengths_are_checked_before_anything_is_shared() {
    let report = Simulation::new(1).run(|channel, _, rng| async move {
        let mut rng = rng;
        let mut engine = THREE.engine(&channel, &mut rng).await?;
        engine.share(&[1_u64, 2], &[2, 1, 2]).await.map(drop)
    });
    assert!(matches!(report.endings[1].fault(), Some(Fault::Input(_))));
    let wrong_length = |ending: &Ending<()>| match ending {
        Ending::Stopped(Fault::Misbehaviour { what, .. }) => {
            matches!(what, Misbehaviour::WrongLength { .. })
        }
        Ending::Stalled(_) => true,
        other => panic!("{other:?}"),
    };
    assert!(wrong_length(&report.endings[2]));
}
