//! Intersections of more than two against malicious and semi-honest parties, in simulation.

use super::*;
use crate::kernel::disclosure::Profile;
use crate::kernel::session::agree;
use crate::kernel::simulation::adversary::{Action, Tamper};
use crate::kernel::simulation::{Ending, Simulation};
use crate::suites::intersection::tests::{run, texts};
use crate::testing::{offer, seed};

/// The numbers of messages behind the proposal, sizes and their echo: those of the party that
/// leads, and of one that follows.
const BLINDED: u32 = 3;
const ANSWER: u32 = 4;
const EVALUATED: u32 = 3;
const STORE: u32 = 4;

fn party(index: usize) -> Party {
    Party::new(index).unwrap()
}

fn check(tamper: &Tamper, may_pass: bool) {
    let run = run(&[texts(0..12), texts(6..30), texts(3..10)]);
    let report = run.simulate(Simulation::new(seed()).adversary(tamper.clone()));
    let cheater = tamper.party;
    let mut noticed = false;
    for (index, ending) in report.endings.iter().enumerate().filter(|(i, _)| *i != cheater.index())
    {
        match ending {
            Ending::Done(_) => {}
            // A waiting party waits for the cheater, or for one that has stopped because of it.
            Ending::Stalled(_) => noticed = true,
            Ending::Stopped(Fault::Misbehaviour { party, .. }) => {
                assert_eq!(*party, cheater, "{tamper:?} at {index}");
                noticed = true;
            }
            Ending::Stopped(fault) => panic!("{tamper:?}: {fault}"),
        }
    }
    assert!(noticed || may_pass, "{tamper:?}");
}

#[test]
fn every_action_on_every_message_is_noticed() {
    let actions = [
        Action::Drop,
        Action::Repeat,
        Action::Truncate(1),
        Action::Truncate(8),
        Action::Truncate(usize::MAX),
        Action::Extend(1),
        Action::Extend(16),
        Action::Replace(vec![0xa5; 32 * 12].into()),
    ];
    for action in &actions {
        for (cheater, number) in [(0, BLINDED), (0, ANSWER), (1, EVALUATED), (1, STORE), (2, STORE)]
        {
            let tamper = Tamper::new(party(cheater), None, number, action.clone());
            // A message behind the last one is never read.
            let last = number == if cheater == 0 { ANSWER } else { STORE };
            // The leader can leave out items: an empty answer is one, too.
            let is_cut = (cheater, number, action) == (0, ANSWER, &Action::Truncate(usize::MAX));
            let unread = *action == Action::Repeat && last || is_cut;
            check(&tamper, unread);
            check(&tamper.retagging(), unread);
        }
    }
}

#[test]
fn an_answer_with_items_that_a_party_has_not_is_refused() {
    for answer in [vec![0xa5; 16], vec![0; 32], vec![1; 24]] {
        let tamper = Tamper::new(party(0), None, ANSWER, Action::Replace(answer.into()));
        check(&tamper.retagging(), false);
    }
}

/// Leads an intersection up to the answer, which is empty. Returns what the leader sees of each
/// other party: for each of the leader's own items the value that the party's store adds.
async fn look(
    channel: &Channel,
    ours: &[ItemHash],
    counts: &[usize],
    rng: &mut impl CryptoRng,
) -> Result<Vec<Vec<u64>>, Fault> {
    let scalar = BlindingScalar::random(rng);
    channel.broadcast(scalar.blinded(ours).to_vec());
    let mut found = Vec::new();
    for (party, message) in channel.gather().await? {
        let elements = scalar.inverse().exponentiated(&message.into_bytes()).unwrap();
        found.push((party, values(party, ours, &elements).to_vec()));
    }
    for (party, sums) in &mut found {
        let message = channel.receive(*party).await?.into_bytes();
        let (seed, words) = message.split_first_chunk::<SEED>().unwrap();
        let words = words.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word));
        let store = Store::from_words(words.collect(), counts[party.index()]).unwrap();
        add(sums, &store.decode(&keys(seed, ours)));
    }
    channel.broadcast(Vec::new());
    Ok(found.into_iter().map(|(_, sums)| sums).collect())
}

/// Checks two intersections in one session. With the same shares of zero in both, a leader would
/// see the same value twice for the items that a single party has.
#[test]
fn two_intersections_of_a_session_have_other_shares_of_zero() {
    const PARTIES: usize = 4;
    // Item 1 is one of all parties, item 2 of none but the leader, the others of one party each.
    let item_hashes = [vec![1, 2, 3, 4, 5], vec![1, 3], vec![1, 4], vec![1, 5]];
    let counts = item_hashes.clone().map(|items| items.len());
    let report = Simulation::new(seed()).parties(PARTIES).run(|channel, me, mut rng| {
        let ours = item_hashes[me.index()].clone();
        async move {
            let offer = offer(PARTIES, Profile::Teaching.rules());
            let session = agree(&channel, offer, false, &mut rng).await?;
            if me.index() == 0 {
                let first = look(&channel, &ours, &counts, &mut rng).await?;
                return Ok([first, look(&channel, &ours, &counts, &mut rng).await?]);
            }
            for _ in 0..2 {
                Intersection::new(&channel, &session, &ours, &counts)?.common(&mut rng).await?;
            }
            Ok([Vec::new(), Vec::new()])
        }
    });
    let [first, second] = report.results().unwrap()[0];
    for (one, other) in first.iter().flatten().zip(second.iter().flatten()) {
        assert_ne!(one, other);
    }
    assert_eq!(first.iter().flatten().count(), 5 * (PARTIES - 1));
}

/// Runs `check` at the first of three parties, with an intersection of one item at each.
fn with_intersection(check: fn(&Channel, &Session, &Intersection<'_>)) {
    let report = Simulation::new(seed()).run(|channel, me, mut rng| async move {
        let offer = offer(3, Profile::Teaching.rules());
        let session = agree(&channel, offer, false, &mut rng).await?;
        if me.index() == 0 {
            check(&channel, &session, &Intersection::new(&channel, &session, &[7], &[1; 3])?);
        }
        Ok(())
    });
    report.results().unwrap();
}

#[test]
fn counts_that_are_not_those_of_the_items_are_refused() {
    with_intersection(|channel, session, _| {
        for (ours, counts) in [
            ([1, 2].as_slice(), [1, 1, 1].as_slice()),
            (&[1], &[2, 1, 1]),
            (&[1], &[1, 1]),
            (&[1], &[1, 1, 1, 1]),
            (&[], &[]),
        ] {
            let refused = Intersection::new(channel, session, ours, counts).err();
            assert!(matches!(refused, Some(Fault::Internal(_))), "{ours:?} {counts:?}");
        }
    });
}

#[test]
#[should_panic(expected = "a sum for each item")]
fn a_missing_sum_makes_no_item_a_common_one() {
    with_intersection(|_, _, intersection| {
        assert_eq!(intersection.common_places(&[0]), [0]);
        assert!(intersection.common_places(&[1]).is_empty());
        let _ = intersection.common_places(&[]);
    });
}

/// Checks that a coalition of the leader and one other cannot find the items of the others. It
/// tries each subset of the values that the stores lead to. No subset says anything of items that
/// only some have. In the ring of the reference it did, and every pair's intersection showed.
#[test]
fn smaller_groups_intersections_do_not_show_in_what_the_leader_has() {
    const PARTIES: usize = 4;
    // The item hashes of each party: the set bits of a hash, from 1 on, are the parties that have
    // it.
    let has = |party: usize, item_hash: u128| item_hash >> party & 1 == 1;
    let item_hashes = |party: usize| {
        (1..16_u128).filter(move |item_hash| has(party, *item_hash)).collect::<Vec<_>>()
    };
    let counts: Vec<usize> = (0..PARTIES).map(|party| item_hashes(party).len()).collect();
    let report = Simulation::new(seed()).parties(PARTIES).run(|channel, me, mut rng| {
        let (counts, ours) = (counts.clone(), item_hashes(me.index()));
        async move {
            let offer = offer(PARTIES, Profile::Teaching.rules());
            let session = agree(&channel, offer, false, &mut rng).await?;
            if me.index() == 0 {
                return look(&channel, &ours, &counts, &mut rng).await;
            }
            // The answer is of this test's leader: empty.
            Intersection::new(&channel, &session, &ours, &counts)?.common(&mut rng).await?;
            Ok(Vec::new())
        }
    });
    let results = report.results().unwrap();
    let of_others: &Vec<Vec<u64>> = results[0];
    assert_eq!(of_others.len(), PARTIES - 1);
    for (place, item_hash) in item_hashes(0).into_iter().enumerate() {
        for subset in 1_usize..1 << (PARTIES - 1) {
            let chosen = of_others.iter().enumerate().filter(|(party, _)| subset >> party & 1 == 1);
            let sum = chosen.fold(0, |sum, (_, values)| sum ^ values[place]);
            let is_all = subset + 1 == 1 << (PARTIES - 1);
            assert_eq!(sum == 0, is_all && item_hash == 15, "{item_hash} {subset}");
        }
    }
}
