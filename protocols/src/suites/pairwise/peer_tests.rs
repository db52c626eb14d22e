//! One end of a link: steps that are left out, and messages that do not pass, in simulation.

use super::*;
use crate::kernel::disclosure::Profile;
use crate::kernel::random::PredictableRng;
use crate::kernel::session::agree;
use crate::kernel::simulation::Simulation;
use crate::ot::batches::Bits;
use crate::suites::pairwise::base_setup::BaseSetup;
use crate::testing::{offer, seed};

const SIZE: Size = Size { rows: 128, directions: Directions::Both };

/// Begins transfers with the other party.
async fn begun(channel: &Channel, rng: &mut PredictableRng) -> Result<Peer, Fault> {
    let offer = offer(2, Profile::Teaching.rules());
    let session = agree(channel, offer, false, rng).await?;
    let (party, key) = session.pair_keys().next().unwrap();
    let key = key.derived("cloister 1 pairwise");
    let first = channel.parties().me() < party;
    let mut peer = Peer::new(party, first, key, channel.link_binding(party));
    let trees = BaseSetup::begin(channel, &peer, rng).deal(channel, &peer, rng).await?;
    peer.begin(&Arc::new(trees.finish(channel, &peer).await?));
    Ok(peer)
}

#[test]
fn chunks_whose_message_is_missing_are_not_left_out() {
    let report = Simulation::new(seed()).parties(2).run(|channel, _, mut rng| async move {
        let mut peer = begun(&channel, &mut rng).await?;
        let mut job = Bits::default();
        assert_eq!(peer.send(&channel, SIZE, &mut job, 0..0), Ok(()));
        assert_eq!(peer.send(&channel, SIZE, &mut job, 0..1), Err(NO_MESSAGE));
        // The message of one chunk is none of two.
        let under_way = peer.extend(&channel, SIZE, &job, 0..1)?;
        assert_eq!(under_way.len(), 1);
        peer.await_extended(&channel, SIZE, &job, 0..1).await?;
        assert_eq!(peer.send(&channel, SIZE, &mut job, 0..2), Err(NO_MESSAGE));
        peer.ends = None;
        assert_eq!(peer.extend(&channel, SIZE, &job, 1..2).err(), Some(NOT_BEGUN));
        assert_eq!(peer.send(&channel, SIZE, &mut job, 1..2), Err(NOT_BEGUN));
        assert_eq!(peer.receive(&channel, &mut job, under_way).await, Err(NOT_BEGUN));
        Ok(())
    });
    report.results().unwrap();
}

#[test]
fn a_chunk_that_does_not_pass_its_check_poisons_the_base_setup() {
    let report = Simulation::new(seed()).parties(2).run(|channel, me, mut rng| async move {
        let mut peer = begun(&channel, &mut rng).await?;
        let mut job = Bits::default();
        if me.index() == 1 {
            channel.send(peer.party, vec![7; extended_bytes(SIZE, &job)]);
            return Ok(());
        }
        peer.await_extended(&channel, SIZE, &job, 0..1).await?;
        assert!(!peer.is_poisoned());
        assert_eq!(peer.send(&channel, SIZE, &mut job, 0..1), Err(peer.blame()));
        assert!(peer.is_poisoned());
        Ok(())
    });
    report.results().unwrap();
}

#[test]
#[should_panic(expected = "begin once")]
fn transfers_that_have_begun_do_not_begin_again() {
    Simulation::new(seed()).parties(2).run(|channel, _, mut rng| async move {
        let mut peer = begun(&channel, &mut rng).await?;
        let base = peer.base.clone().unwrap();
        peer.begin(&base);
        Ok(())
    });
}

#[test]
fn the_directions_have_different_keys() {
    Simulation::new(seed()).parties(2).run(|channel, _, mut rng| async move {
        let peer = begun(&channel, &mut rng).await?;
        let trees = [7; 32];
        assert_ne!(*peer.transfer_key(true, &trees), *peer.transfer_key(false, &trees));
        Ok(())
    });
}

#[test]
fn each_kind_has_a_pool_of_its_own() {
    let party = Party::new(1).unwrap();
    let keys = BTreeMap::from([(party, [1; 32])]);
    let session = crate::kernel::session::Session::of_keys(Profile::Teaching.rules(), keys);
    let (_, key) = session.pair_keys().next().unwrap();
    let mut peer = Peer::new(party, true, key.derived("cloister 1 pairwise"), [0; 32]);
    let kinds = [Kind::Bits, Kind::Numbers(1), Kind::Numbers(2), Kind::Scaled(1), Kind::Scaled(2)];
    for (number, kind) in (0..).zip(kinds) {
        peer.pool(kind).a.push(number);
    }
    for (number, kind) in (0..).zip(kinds) {
        assert_eq!(peer.pool(kind).a, [number]);
    }
    assert!(peer.pool(Kind::Numbers(3)).a.is_empty());
}
