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
const MASKED: u32 = 3;
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
        for (cheater, number) in [(0, MASKED), (0, ANSWER), (1, EVALUATED), (1, STORE), (2, STORE)]
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
            let meeting = Meeting { channel: &channel, session: &session, counts: &counts };
            if me.index() > 0 {
                // The answer is of this test's leader: empty.
                meeting.common(&ours, &mut rng).await?;
                return Ok(Vec::new());
            }
            let scalar = BlindingScalar::random(&mut rng);
            channel.broadcast(scalar.blinded(&ours));
            let mut found = Vec::new();
            for (party, message) in channel.gather().await? {
                let elements = scalar.inverse().exponentiated(&message.into_bytes()).unwrap();
                found.push((party, values(party, &ours, &elements)));
            }
            for (party, sums) in &mut found {
                let message = channel.receive(*party).await?.into_bytes();
                let (seed, words) = message.split_first_chunk::<SEED>().unwrap();
                let words = words.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word));
                let store = Store::from_words(words.collect(), counts[party.index()]).unwrap();
                add(sums, &store.decode(&keys(seed, &ours)));
            }
            channel.broadcast(Vec::new());
            Ok(found.into_iter().map(|(_, sums)| sums).collect())
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
