//! Preprocessed correlations across computations of the same parties, in simulation.

use std::collections::BTreeSet;

use rand_core::Rng;

use super::*;
use crate::computation::{Answer, Input, Outcome};
use crate::functions::parameters::Parameters;
use crate::kernel::meter::Stage;
use crate::kernel::simulation::{Report, Simulation};
use crate::suites::pairwise::triple_pool::Batch;
use crate::testing::{Run, rng, seed};

/// Makes empty stores at so many parties.
fn empty(parties: usize, bound: usize) -> Vec<CorrelationStore> {
    (0..parties).map(|_| CorrelationStore::bounded(bound)).collect()
}

const ROOMY: usize = 100 << 20;

/// Returns the binding of the link between each party and every other, in order.
fn links(parties: usize) -> Vec<Vec<[u8; 32]>> {
    let report = Simulation::new(0).parties(parties).run(|channel, _, _| async move {
        let others = channel.parties().others();
        Ok(others.map(|other| channel.link_binding(other)).collect::<Vec<_>>())
    });
    report.results().unwrap().into_iter().cloned().collect()
}

fn alone(ahead: Option<bool>) -> Parameters {
    Parameters { suite: Some(SUITE.to_owned()), ahead, ..Parameters::default() }
}

fn simulate(run: &Run, stores: &[CorrelationStore], seed: u64) -> Report<Outcome> {
    run.simulate_with(Simulation::new(seed).without_transcript(), stores)
}

/// Makes a batch on each link.
fn prepare(stores: &[CorrelationStore], seed: u64) {
    let run = Run::new("Prepare", vec![Input::Numbers(Vec::new()); stores.len()]);
    let report = simulate(&run, stores, seed);
    for outcome in report.results().unwrap() {
        assert_eq!(*outcome.answer.get(), Answer::Empty {});
        assert_eq!(
            (outcome.security.suite.name(), outcome.security.corruptible),
            (SUITE, stores.len() - 1)
        );
    }
}

/// Computes a median of random numbers, which must be right. Returns the bytes that each party sent
/// to prepare it, and whether there were base transfers.
fn median(stores: &[CorrelationStore], ahead: Option<bool>, seed: u64) -> (u64, bool) {
    let mut rng = rng(seed);
    let mut number = || f64::from(rng.next_u32() % 1_000) - 500.0;
    let data: Vec<Vec<f64>> = stores.iter().map(|_| (0..3).map(|_| number()).collect()).collect();
    let mut all = data.concat();
    all.sort_by(f64::total_cmp);
    let due = f64::midpoint(all[(all.len() - 1) / 2], all[all.len() / 2]);
    let inputs = data.into_iter().map(Input::Numbers).collect();
    let run = Run::new("SecureMedian", inputs).parameters(alone(ahead));
    let report = simulate(&run, stores, seed);
    for outcome in report.results().unwrap() {
        assert_eq!(*outcome.answer.get(), Answer::Median { median: due });
    }
    let sent = report.meters.iter().map(|meter| meter.total_of(Stage::Preparation).bytes_sent);
    let sent = sent.max().unwrap();
    (sent, report.meters.iter().any(|meter| meter.round_names().contains(&"base transfers")))
}

fn bytes(stores: &[CorrelationStore]) -> Vec<usize> {
    stores.iter().map(CorrelationStore::bytes).collect()
}

#[test]
fn what_was_made_ahead_is_used_once_by_the_next_computation() {
    let seed = seed() >> 1;
    for parties in [2, 3] {
        let (stores, links) = (empty(parties, ROOMY), links(parties));
        let wants = || stores.iter().zip(&links).all(|(s, links)| links.iter().all(|l| s.wants(l)));
        let batches = |count: usize| vec![count * (parties - 1) * Batch::BYTES; parties];
        assert!(!wants());
        let (anew, founded) = median(&stores, None, seed);
        assert!(founded && wants());
        assert_eq!(bytes(&stores), batches(0));
        let (on_base, founded) = median(&stores, None, seed + 1);
        assert!(!founded && on_base < anew, "{on_base} {anew}");

        prepare(&stores, seed + 2);
        assert_eq!(bytes(&stores), batches(1));
        assert!(wants());
        let (on_lot, founded) = median(&stores, None, seed + 3);
        assert!(!founded && on_lot < on_base, "{on_lot} {on_base}");
        assert_eq!(bytes(&stores), batches(0));
        // The batch is gone.
        assert_eq!(median(&stores, None, seed + 4), (on_base, false));

        // Two batches serve two computations. One that wants no preprocessed correlations leaves
        // them alone.
        (5..7).for_each(|more| prepare(&stores, seed + more));
        assert_eq!(bytes(&stores), batches(2));
        let (without, founded) = median(&stores, Some(false), seed + 7);
        assert!(founded && without < anew, "{without} {anew}");
        assert_eq!(median(&empty(parties, ROOMY), Some(false), seed + 8), (without, true));
        assert_eq!(bytes(&stores), batches(2));
        assert_eq!(median(&stores, None, seed + 9), (on_lot, false));
        assert_eq!(bytes(&stores), batches(1));
        assert_eq!(median(&stores, None, seed + 10), (on_lot, false));
        assert_eq!(bytes(&stores), batches(0));
        assert_eq!(median(&stores, None, seed + 11), (on_base, false));
    }
}

#[test]
fn nodes_that_have_met_before_use_what_they_have_with_others_about() {
    let seed = seed() >> 1;
    let stores = empty(3, ROOMY);
    prepare(&stores, seed);
    let whole = 2 * Batch::BYTES;
    assert_eq!(bytes(&stores), [whole; 3]);
    // Two of the three.
    let (on_lot, founded) = median(&stores[..2], None, seed + 1);
    assert!(!founded);
    assert_eq!(bytes(&stores), [Batch::BYTES, Batch::BYTES, whole]);
    let (on_base, founded) = median(&stores[..2], None, seed + 2);
    assert!(!founded && on_lot < on_base);
    // Then all: one of the three links has no batch.
    let (mixed, founded) = median(&stores, None, seed + 3);
    assert_eq!(bytes(&stores), [0; 3]);
    let (none, _) = median(&stores, None, seed + 4);
    assert!(!founded && mixed < none, "{mixed} {none}");
}

#[test]
fn a_link_that_is_gone_takes_everything_with_it() {
    let seed = seed() >> 1;
    let (stores, links) = (empty(2, ROOMY), links(2));
    prepare(&stores, seed);
    let link = links[0][0];
    assert_eq!(link, links[1][0]);
    let mut other = link;
    other[rng(seed).next_u32() as usize % 32] ^= 4;
    for stores in &stores {
        assert!(stores.base(&other).is_none() && stores.take_batch(&other, &[1; 32]).is_none());
        assert!(!stores.wants(&other));
        // Clones share the content.
        stores.clone().forget(&other);
        assert_eq!(stores.bytes(), Batch::BYTES);
        stores.clone().forget(&link);
        assert!(stores.base(&link).is_none() && stores.take_batch(&link, &[1; 32]).is_none());
        assert!(!stores.wants(&link) && stores.bytes() == 0);
    }
    assert!(median(&stores, None, seed + 1).1, "base transfers anew");
    assert!(!median(&stores, None, seed + 2).1);
}

#[test]
fn a_base_that_one_end_alone_has_is_not_used() {
    let seed = seed() >> 1;
    for forgetful in [0, 1] {
        let (stores, links) = (empty(2, ROOMY), links(2));
        prepare(&stores, seed);
        stores[forgetful].forget(&links[forgetful][0]);
        assert!(median(&stores, None, seed + 1).1, "base transfers anew");
        assert_eq!(bytes(&stores), [0; 2], "the batch that one end alone had is gone");
        assert!(!median(&stores, None, seed + 2).1);
    }
    // Each has a base setup, and not the same.
    let [stores, others] = [seed, seed + 9].map(|seed| {
        let stores = empty(2, ROOMY);
        prepare(&stores, seed);
        stores
    });
    let mixed = [stores[0].clone(), others[1].clone()];
    assert!(median(&mixed, None, seed + 3).1, "base transfers anew");
    assert_eq!(bytes(&mixed), [0; 2]);
    assert!(!median(&mixed, None, seed + 4).1);
}

#[test]
fn lots_that_the_two_ends_have_not_alike_are_dropped() {
    let seed = seed() >> 1;
    for parties in [2, 3] {
        let (stores, links) = (empty(parties, ROOMY), links(parties));
        let (_, _) = median(&stores, None, seed);
        let (on_base, _) = median(&stores, None, seed + 1);
        // One end alone has a batch.
        prepare(&stores, seed + 2);
        for link in &links[0] {
            assert!(stores[0].take_batch(link, &[1; 32]).is_some());
        }
        let (sent, founded) = median(&stores[..2], None, seed + 3);
        assert!(!founded && (parties > 2 || sent == on_base));
        assert_eq!((stores[0].bytes(), stores[1].bytes()), (0, (parties - 2) * Batch::BYTES));
    }
    // Each end has another one.
    let (stores, links) = (empty(2, ROOMY), links(2));
    (4..6).for_each(|more| prepare(&stores, seed + more));
    let link = &links[0][0];
    let take = |session: u8| stores[0].take_batch(link, &[session; 32]).unwrap();
    let (kept, gone) = (take(0), take(0));
    let own = stores[1].take_batch(link, &[0; 32]).unwrap();
    assert_eq!(own.0, kept.0, "of the same session both find the same");
    let base = stores[0].base(link).unwrap();
    stores[0].keep_batch(link, &base, kept.0, kept.1);
    assert_ne!(gone.0, own.0);
    assert_eq!(bytes(&stores), [Batch::BYTES; 2]);
    let (on_base, _) = median(&empty_but_bases(&stores, link), None, seed + 6);
    assert_eq!(median(&stores, None, seed + 7), (on_base, false));
    assert_eq!(bytes(&stores), [0; 2]);
}

/// Makes stores with the same base setup of a link, and nothing else.
fn empty_but_bases(stores: &[CorrelationStore], link: &[u8; 32]) -> Vec<CorrelationStore> {
    stores
        .iter()
        .map(|stores| {
            let without = CorrelationStore::bounded(ROOMY);
            without.keep_base(*link, &stores.base(link).unwrap());
            without
        })
        .collect()
}

#[test]
fn two_computations_at_once_never_get_the_same_lot() {
    let mut rng = rng(seed());
    let (stores, links) = (empty(2, ROOMY), links(2));
    let link = &links[0][0];
    const BATCHES: usize = 4;
    (0..BATCHES).for_each(|_| prepare(&stores, rng.next_u64() >> 1));
    let sessions: Vec<[u8; 32]> = (0..BATCHES + 2)
        .map(|_| {
            let mut session = [0; 32];
            rng.fill_bytes(&mut session);
            session
        })
        .collect();
    // In one order at one end, and in another at the other.
    let taken = |stores: &CorrelationStore, order: &[usize]| {
        let mut taken = vec![None; BATCHES + 2];
        let mut batches = Vec::new();
        for session in order {
            if let Some((id, batch)) = stores.take_batch(link, &sessions[*session]) {
                taken[*session] = Some(id);
                batches.push((id, batch));
            }
        }
        let ids: BTreeSet<u64> = taken.iter().flatten().copied().collect();
        assert_eq!((ids.len(), batches.len(), stores.bytes()), (BATCHES, BATCHES, 0));
        let base = stores.base(link).unwrap();
        batches.into_iter().for_each(|(id, batch)| stores.keep_batch(link, &base, id, batch));
        (taken, ids)
    };
    let mut order: Vec<usize> = (0..BATCHES + 2).collect();
    for _ in 0..20 {
        let one = taken(&stores[0], &order);
        assert_eq!(one, taken(&stores[1], &order), "in the same order both ends find the same");
        let first = usize::try_from(rng.next_u64() % order.len() as u64).unwrap();
        order.rotate_left(first);
        order.swap(0, 1);
        // In another order they may find others, and then use none: but each its own once.
        assert_eq!(one.1, taken(&stores[1], &order).1);
    }
    // If there are more batches than sessions, most find the same in any order.
    let mut alike = 0;
    for _ in 0..20 {
        let pair: [[u8; 32]; 2] = std::array::from_fn(|_| {
            let mut session = [0; 32];
            rng.fill_bytes(&mut session);
            session
        });
        let [one, mut other] = [[0, 1], [1, 0]].map(|order| {
            let stores = &stores[order[0]];
            let batches = order.map(|session| stores.take_batch(link, &pair[session]).unwrap());
            let ids = [batches[0].0, batches[1].0];
            let base = stores.base(link).unwrap();
            batches.into_iter().for_each(|(id, batch)| stores.keep_batch(link, &base, id, batch));
            ids
        });
        other.reverse();
        alike += u32::from(one == other);
    }
    assert!(alike >= 5, "{alike}");
}

#[test]
fn no_more_is_kept_than_the_bound_allows() {
    let mut rng = rng(seed());
    let links = links(2);
    let link = &links[0][0];
    for (batches, more) in [(0, Batch::BYTES - 1), (2, 100)] {
        let bound = batches * Batch::BYTES + more;
        let stores = empty(2, bound);
        let mut due = 0;
        median(&stores, None, rng.next_u64() >> 1);
        for _ in 0..if batches == 0 { 3 } else { 100 } {
            // More often made than used, and the other way round now and then.
            if !rng.next_u32().is_multiple_of(3) {
                prepare(&stores, rng.next_u64() >> 1);
                due = batches.min(due + 1);
            } else {
                median(&stores, None, rng.next_u64() >> 1);
                due = due.saturating_sub(1);
            }
            assert_eq!(bytes(&stores), [due * Batch::BYTES; 2]);
            assert!(due * Batch::BYTES <= bound);
            assert!(stores.iter().all(|stores| stores.wants(link) == (due < batches)));
        }
    }
}

#[test]
fn debugging_shows_nothing_of_what_is_kept() {
    let stores = empty(2, ROOMY);
    prepare(&stores, seed() >> 1);
    assert_eq!(format!("{:?}", stores[0]), "Stores(..)");
}
