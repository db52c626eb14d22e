//! The base setup of two nodes: base OTs by public keys, and punctured trees dealt through them, in
//! both directions at once (see [`crate::ot`]).
//!
//! It is bound to the session in which it is made, to its two parties and to their link: the two
//! have a key in that session. Later sessions over the same link fork it.

use std::sync::atomic::{AtomicBool, Ordering};

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::peer::Peer;
use crate::algebra::digest::halves;
use crate::kernel::channel::Channel;
use crate::kernel::fault::Fault;
use crate::ot::base::{self, Key};
use crate::ot::extension::Delta;
use crate::ot::pprf::{self, DEALT, Seed};
use crate::ot::{DELTA, GROUPS};

/// The state that both ends of a link keep from base transfers on: enough for any number of
/// transfers.
pub(super) struct Base {
    /// The name, the same at both ends.
    pub(super) name: [u8; 16],
    /// All leaves, for transfers that this end receives.
    pub(super) leaves: Vec<Seed>,
    /// This end's Δ, for transfers that it sends, and all leaves but those that Δ names.
    pub(super) delta: Delta,
    pub(super) known: Vec<Seed>,
    /// The hashes of the trees that this end has dealt, and of those that the peer has.
    pub(super) dealt: [u8; 32],
    pub(super) taken: [u8; 32],
    /// A chunk did not pass its check: its maker may know bits of Δ.
    poisoned: AtomicBool,
}

/// Base transfers under way in both directions. The sender of one will receive extended transfers,
/// and its receiver will send them.
pub(super) struct BaseSetup {
    sender: base::Sender,
    receiver: base::Receiver,
    delta: Delta,
}

/// Base transfers under way, with this end's trees dealt.
pub(super) struct GeneratedTrees {
    leaves: Vec<Seed>,
    delta: Delta,
    known: Vec<Key>,
    hash: [u8; 32],
}

/// Returns the context of base transfers that this end sends, and of those that it receives.
fn contexts(peer: &Peer) -> [Zeroizing<[u8; 32]>; 2] {
    let context =
        |first: bool| peer.key.for_use("cloister 1 pairwise: base transfers", u64::from(first));
    [context(peer.first), context(!peer.first)]
}

impl BaseSetup {
    pub(super) fn begin(channel: &Channel, peer: &Peer, rng: &mut impl CryptoRng) -> Self {
        let [_, receiving] = contexts(peer);
        let delta = Delta::draw(rng);
        let (sender, elements) = base::Sender::begin(DELTA, rng);
        let choices = delta.choices();
        let (receiver, pairs) = base::Receiver::begin(base::Session(&receiving), &choices, rng);
        channel.send(peer.party, [elements, pairs].concat());
        Self { sender, receiver, delta }
    }

    pub(super) async fn deal(
        self,
        channel: &Channel,
        peer: &Peer,
        rng: &mut impl CryptoRng,
    ) -> Result<GeneratedTrees, Fault> {
        let Self { sender, receiver, delta } = self;
        let (elements, pairs) = (base::SENT * DELTA, base::RECEIVED * DELTA);
        let message = channel.receive_exactly(peer.party, elements + pairs).await?.into_bytes();
        let (elements, pairs) = message.split_at(elements);
        let [sending, receiving] = contexts(peer);
        let keys = sender.finish(base::Session(&sending), pairs);
        let known = receiver.finish(base::Session(&receiving), &delta.choices(), elements);
        let (keys, known) = keys.zip(known).ok_or_else(|| peer.blame())?;
        let roots: Vec<Seed> = (0..GROUPS)
            .map(|_| {
                let mut root = Seed::default();
                rng.fill_bytes(root.as_mut_slice());
                root
            })
            .collect();
        let (leaves, message) = pprf::generate(&roots, &keys);
        let hash = hash_of_trees(&message);
        channel.send(peer.party, message);
        Ok(GeneratedTrees { leaves, delta, known, hash })
    }
}

impl GeneratedTrees {
    pub(super) async fn finish(self, channel: &Channel, peer: &Peer) -> Result<Base, Fault> {
        let Self { leaves, delta, known, hash } = self;
        let message = channel.receive_exactly(peer.party, DEALT).await?.into_bytes();
        let known =
            pprf::evaluate(&delta.missing(), &known, &message).ok_or_else(|| peer.blame())?;
        let name = peer.key.for_use("cloister 1 pairwise: name of a base", 0);
        let [name, _] = halves(&name);
        let (taken, poisoned) = (hash_of_trees(&message), AtomicBool::new(false));
        Ok(Base { name, leaves, delta, known, dealt: hash, taken, poisoned })
    }
}

fn hash_of_trees(message: &[u8]) -> [u8; 32] {
    blake3::derive_key("cloister 1 pairwise: trees that were dealt", message)
}

impl Base {
    /// Returns whether it must not be used any more.
    pub(super) fn is_poisoned(&self) -> bool {
        self.poisoned.load(Ordering::Acquire)
    }

    /// Copies it as it was made: a test run that poisons one does not poison the next.
    #[cfg(test)]
    pub(super) fn anew(&self) -> Self {
        Self {
            name: self.name,
            leaves: self.leaves.clone(),
            delta: self.delta.clone(),
            known: self.known.clone(),
            dealt: self.dealt,
            taken: self.taken,
            poisoned: AtomicBool::new(false),
        }
    }

    pub(super) fn poison(&self) {
        self.poisoned.store(true, Ordering::Release);
    }
}
