//! Intersections of two against a party that cheats, in simulation.

use curve25519_dalek::scalar::Scalar;

use super::blinding::BlindingScalar;
use super::tests::{run, texts};
use super::two_party::{CHUNK, Meeting, Side};
use crate::computation::{Answer, Outcome};
use crate::kernel::fault::{Fault, Misbehaviour};
use crate::kernel::party::Party;
use crate::kernel::simulation::adversary::{Action, Envelope, Tamper};
use crate::kernel::simulation::{Ending, Report, Simulation};
use crate::testing::{rng, seed};

/// The numbers of messages: the proposal, sizes and their echo come before.
const MASKED: u32 = 3;
const COMMIT: u32 = 4;
const RETURNED: u32 = 5;

fn party(index: usize) -> Party {
    Party::new(index).unwrap()
}

fn of_party(report: &Report<Outcome>, index: usize) -> Ending<Answer> {
    match &report.endings[index] {
        Ending::Done(outcome) => Ending::Done(outcome.answer.get().clone()),
        Ending::Stopped(fault) => Ending::Stopped(fault.clone()),
        Ending::Stalled(awaiting) => Ending::Stalled(awaiting.clone()),
    }
}

/// Returns the honest party's ending against one that changes its messages so.
fn ending(tamper: &Tamper) -> Ending<Answer> {
    let run = run(&[texts(0..12), texts(6..30)]);
    let report = run.simulate(Simulation::new(seed()).adversary(tamper.clone()));
    of_party(&report, 1 - tamper.party.index())
}

fn blamed(ending: &Ending<Answer>, cheater: Party) -> Option<Misbehaviour> {
    match ending.fault() {
        Some(Fault::Misbehaviour { party, what }) if *party == cheater => Some(what.clone()),
        _ => None,
    }
}

#[test]
fn every_action_on_every_message_ends_the_computation_at_the_other() {
    let actions = [
        Action::Drop,
        Action::Repeat,
        Action::Truncate(1),
        Action::Truncate(32),
        Action::Truncate(usize::MAX),
        Action::Extend(1),
        Action::Extend(32),
        Action::Replace(vec![0xa5; 32 * 12].into()),
        Action::Replace(vec![0x5a; 32].into()),
    ];
    for cheater in [0, 1] {
        for (action, number) in
            actions.iter().flat_map(|a| [MASKED, COMMIT, RETURNED].map(|n| (a, n)))
        {
            let tamper = Tamper::new(party(cheater), None, number, action.clone());
            for tamper in [tamper.clone(), tamper.retagging()] {
                let ending = ending(&tamper);
                // A repeated last message is never read; with a valid number, in no time.
                let unread = number == RETURNED && *action == Action::Repeat;
                match &ending {
                    Ending::Done(_) => assert!(unread, "{tamper:?}"),
                    Ending::Stalled(awaiting) => assert_eq!(awaiting.parties, [party(cheater)]),
                    Ending::Stopped(fault) => {
                        assert!(blamed(&ending, party(cheater)).is_some(), "{tamper:?} {fault}");
                    }
                }
            }
        }
    }
}

/// Returns the honest party's ending if the other replaces a blinded item.
fn replaced(change: impl Fn(&mut Vec<u8>) + 'static) -> Ending<Answer> {
    let mut number = 0;
    let simulation = Simulation::new(seed()).adversary(move |mut envelope: Envelope| {
        if envelope.from == party(1) {
            envelope.retag = true;
            if number == MASKED {
                let mut body = envelope.message.body.to_vec();
                change(&mut body);
                envelope.message.body = body.into();
            }
            number += 1;
        }
        vec![envelope]
    });
    let report = run(&[texts(0..12), texts(6..30)]).simulate(simulation);
    of_party(&report, 0)
}

#[test]
fn elements_of_low_order_and_other_encodings_of_elements_are_refused() {
    // 0; 1 as Ed25519 writes it; −1, of order 2; p and p + 1, not reduced; a set top bit.
    let mut p = [0xff; 32];
    (p[0], p[31]) = (0xed, 0x7f);
    let mut minus_one = p;
    minus_one[0] = 0xec;
    let mut beyond = p;
    beyond[0] = 0xee;
    let mut one = [0; 32];
    one[0] = 1;
    for bad in [[0; 32], one, minus_one, p, beyond] {
        let ending = replaced(move |body| body[32..64].copy_from_slice(&bad));
        assert_eq!(blamed(&ending, party(1)), Some(Misbehaviour::NoElement), "{bad:?}");
    }
    let ending = replaced(|body| body[63] |= 0x80);
    assert_eq!(blamed(&ending, party(1)), Some(Misbehaviour::NoElement));
}

#[test]
fn an_item_that_is_sent_twice_is_noticed() {
    let ending = replaced(|body| body.copy_within(0..32, 32));
    assert_eq!(blamed(&ending, party(1)), Some(Misbehaviour::RepeatedItem));
}

/// Checks a party that sends the other's blinded items back as its own, exponentiated by a scalar
/// of its choice. Then it waits for the results. Unnoticed, it would make the other take all of its
/// items for common ones.
#[test]
fn results_that_are_made_of_the_other_partys_are_noticed() {
    let scalar = Scalar::random(&mut rng(seed()));
    let ours: Vec<u128> = (1..=5).collect();
    let report: Report<usize> =
        Simulation::new(seed()).parties(2).run(move |channel, me, mut rng| {
            let ours = ours.clone();
            async move {
                let key = [7; 32];
                if me.index() == 0 {
                    let meeting =
                        Meeting { channel: &channel, peer: party(1), key: &key, theirs: 5 };
                    let results =
                        meeting.results(&BlindingScalar::random(&mut rng), &ours, None).await?;
                    return Ok(results.pairs(Side::Ours).len());
                }
                let masked = channel.receive(party(0)).await?.into_bytes();
                let raised = masked.chunks(32).flat_map(|element| {
                    let element =
                        curve25519_dalek::ristretto::CompressedRistretto::from_slice(element);
                    (element.unwrap().decompress().unwrap() * scalar).compress().to_bytes()
                });
                channel.send(party(0), raised.collect::<Vec<u8>>());
                // It waits for the other's commitment, and can only commit to the same.
                let commitment = channel.receive(party(0)).await?;
                channel.send(party(0), commitment.into_bytes());
                let results = channel.receive(party(0)).await?;
                channel.send(party(0), results.into_bytes());
                Ok(0)
            }
        });
    let fault = report.endings[0].fault().cloned();
    let due = Fault::Misbehaviour { party: party(1), what: Misbehaviour::WrongOpening };
    assert_eq!(fault, Some(due));
}

/// Checks that the places of the returned results tell nothing: each party has an order of its own,
/// another one each time. The reference middleware lets a party compare places.
#[test]
fn places_of_common_items_are_those_of_nobodys_order() {
    let count = 3 * CHUNK / 2;
    let item_hashes: Vec<u128> =
        (0..count as u128).map(|item_hash| item_hash * 0x9e37_79b9).collect();
    let seed = seed();
    let places = |seed| {
        let item_hashes = item_hashes.clone();
        let report = Simulation::new(seed).parties(2).run(move |channel, me, mut rng| {
            let item_hashes = item_hashes.clone();
            async move {
                let (key, peer) = ([7; 32], party(1 - me.index()));
                let meeting =
                    Meeting { channel: &channel, peer, key: &key, theirs: item_hashes.len() };
                let order = crate::kernel::prss::order_of(item_hashes.len(), &mut rng);
                let results = meeting
                    .results(&BlindingScalar::random(&mut rng), &item_hashes, Some(&order))
                    .await?;
                let first = if me.index() == 0 { Side::Ours } else { Side::Theirs };
                Ok((results.pairs(first), order))
            }
        });
        let results = report.results().unwrap();
        let [first, second] = [0, 1].map(|index| results[index].clone());
        // Both find the same pairs, each from its own side.
        let turned: Vec<[usize; 2]> =
            second.0.iter().map(|[ours, theirs]| [*theirs, *ours]).collect();
        assert_eq!(first.0, turned);
        assert_eq!(first.0.len(), count);
        // Both sent the same items in the same order; so each place leads back to one item.
        for [in_second, in_first] in &first.0 {
            assert_eq!(second.1[*in_second], first.1[*in_first]);
        }
        first.0.into_iter().map(|[_, place]| place).collect::<Vec<_>>()
    };
    let (one, other) = (places(seed), places(seed.wrapping_add(1)));
    let same = one.iter().zip(&other).filter(|(a, b)| a == b).count();
    assert!(same < 20, "{same} of {count} places are the same");
}
