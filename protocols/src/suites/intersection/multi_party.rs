//! Multi-party PSI: more than two parties find the items of all, and nothing of those of only some.
//!
//! Kolesnikov, Matania, Pinkas, Rosulek and Trieu, *Practical multi-party private set intersection
//! from symmetric-key techniques* (CCS 2017): their protocol with unconditional sharing of zero,
//! for the augmented semi-honest model. Its programmable OPRFs are made, as theirs, of an OPRF and
//! an encoding of its corrections. The OPRF is 2HashDH of Jarecki, Kiayias and Krawczyk (ASIACRYPT
//! 2014) on ristretto255. The encoding is an oblivious key-value store ([`crate::okvs`]).
//!
//! P_1, the first party, leads. Each pair of the others, P_i and P_j, has a key of its own. With it
//! the share of zero of P_i for an item x is s_i(x) = ⊕_j PRF(k_ij, x). Let ρ be the secret
//! exponent of P_1, k_i that of P_i:
//! 1. *masked items*: P_1 sends H(x)^ρ for its items, in a random order, in messages of [`CHUNK`]
//!    items; the same to all.
//! 2. *evaluate*: P_i sends these back, exponentiated by k_i. P_1 takes ρ away again, and has
//!    F_i(x) = hash(i, x, H(x)^k_i), of its own items only.
//! 3. *stores*: P_i sends a store in which each of its items y has s_i(y) ⊕ F_i(y).
//! 4. *answer*: P_1 looks its items up in all stores. ⊕_i (store_i(x) ⊕ F_i(x)) is zero where all
//!    have x, and a random number elsewhere. It sends the hashes of the common items to all, which
//!    find them among their own.
//!
//! **Parties:** n ≥ 3. **Adversary:** augmented semi-honest, up to n − 1 parties. Without P_1 a
//! coalition sees blinded items (decisional Diffie-Hellman) and no store. With P_1 and all others
//! but one, it sees which of P_1's items the last one has. That is the intersection for a coalition
//! whose members all bring P_1's items, which the augmented model allows. With two honest parties
//! or more, a key that only they know hides their items, unless all have them: no smaller group's
//! intersection, nor its size, is learnt.
//!
//! **Leakage:** the number of each party's items, and the items of all.
//!
//! **Detected deviations:** invalid elements, the identity, wrong lengths, and an answer with items
//! that a party does not have. P_1 can leave out items of the answer. Any party can claim items
//! that it does not have, or make the answer wrong: only privacy is promised.
//!
//! **Correctness:** an item that not all have is taken for a common one with a probability of
//! 2^-64. For all of the leader's 2^24 items at most that is 2^-40.
//!
//! **Rounds:** ⌈n_1 / [`CHUNK`]⌉ + 2 at P_1. **Bytes:** 32 for each item of P_1 to and from each of
//! the others. Beside them about 9 for each item of the others to P_1, and 16 for each item of the
//! answer.

use rand_core::CryptoRng;
use rayon::prelude::*;
use zeroize::Zeroizing;

use super::ItemHash;
use super::blinding::{BlindingScalar, ELEMENT};
use super::two_party::CHUNK;
use crate::algebra::elementwise::{gather, zip_exact};
use crate::kernel::channel::Channel;
use crate::kernel::fault::{Fault, Misbehaviour};
use crate::kernel::party::Party;
use crate::kernel::session::Session;
use crate::okvs::Store;

/// The messages of blinded items that go before the first has come back.
const AHEAD: usize = 4;

/// The bytes of the seed of a store's keys.
const SEED: usize = 32;

/// The most attempts at a store, each with other keys; more failures have another cause.
const TRIES: usize = 4;

/// The bytes of an item's hash.
const HASH: usize = 16;

/// One party's side of an intersection, and the public facts.
pub(crate) struct Meeting<'a> {
    pub(crate) channel: &'a Channel,
    pub(crate) session: &'a Session,
    /// The number of each party's items.
    pub(crate) counts: &'a [usize],
}

impl Meeting<'_> {
    /// Returns the places of this party's items that all parties have.
    pub(crate) async fn common(
        &self,
        ours: &[ItemHash],
        rng: &mut impl CryptoRng,
    ) -> Result<Vec<usize>, Fault> {
        let leader = Party::new(0).expect("0 is a place");
        if self.channel.parties().me() == leader {
            self.lead(ours, rng).await
        } else {
            self.follow(leader, ours, rng).await
        }
    }

    /// Returns the number of a party's items.
    fn count(&self, party: Party) -> usize {
        *self.counts.get(party.index()).expect("each party has told the number of its items")
    }

    /// Returns the most items that all parties may have in common.
    fn most_common(&self) -> usize {
        self.counts.iter().copied().min().expect("a meeting has parties")
    }

    async fn lead(&self, ours: &[ItemHash], rng: &mut impl CryptoRng) -> Result<Vec<usize>, Fault> {
        let channel = self.channel;
        let others = || channel.parties().others();
        let stores: Vec<_> =
            others().map(|party| (party, store_bytes(self.count(party)))).collect();
        let answers: Vec<_> = others().map(|party| (party, HASH * self.most_common())).collect();
        channel.begin_round("evaluate");
        channel.open_windows(&stores, &answers).await?;

        let scalar = BlindingScalar::random(rng);
        let inverse = scalar.inverse();
        let chunks: Vec<&[ItemHash]> = ours.chunks(CHUNK).collect();
        let send = |number: usize| {
            chunks
                .get(number)
                .into_iter()
                .for_each(|chunk| channel.broadcast(scalar.blinded(chunk)));
        };
        (0..AHEAD).for_each(send);
        let mut sums = Zeroizing::new(Vec::with_capacity(ours.len()));
        for (number, chunk) in chunks.iter().enumerate() {
            if number > 0 {
                channel.begin_round("evaluate");
            }
            let mut sum = Zeroizing::new(vec![0; chunk.len()]);
            for (party, message) in channel.gather_exactly(ELEMENT * chunk.len()).await? {
                let elements = inverse.exponentiated(&message.into_bytes());
                let elements = elements.ok_or(Fault::blame(party, Misbehaviour::NoElement))?;
                add(&mut sum, &values(party, chunk, &elements));
            }
            sums.append(&mut sum);
            send(number + AHEAD);
        }
        channel.begin_round("stores");
        for party in channel.parties().others() {
            let count = self.count(party);
            let message = channel.receive_exactly(party, store_bytes(count)).await?.into_bytes();
            let malformed = || Fault::blame(party, Misbehaviour::Malformed);
            let (seed, words) = message.split_first_chunk::<SEED>().ok_or_else(malformed)?;
            let (words, _) = words.as_chunks::<8>();
            let words = words.iter().map(|word| u64::from_le_bytes(*word)).collect();
            let store = Store::from_words(words, count).ok_or_else(malformed)?;
            add(&mut sums, &store.decode(&keys(seed, ours)));
        }
        let common: Vec<usize> =
            sums.iter().enumerate().filter(|(_, sum)| **sum == 0).map(|(place, _)| place).collect();
        let mut answer: Vec<ItemHash> = gather(ours, &common);
        answer.sort_unstable();
        channel.begin_round("answer");
        channel.broadcast(
            answer.iter().flat_map(|item_hash| item_hash.to_le_bytes()).collect::<Vec<u8>>(),
        );
        Ok(common)
    }

    async fn follow(
        &self,
        leader: Party,
        ours: &[ItemHash],
        rng: &mut impl CryptoRng,
    ) -> Result<Vec<usize>, Fault> {
        let (channel, me) = (self.channel, self.channel.parties().me());
        channel.begin_round("evaluate");
        let incoming = [(leader, HASH * self.most_common())];
        channel.open_windows(&incoming, &[(leader, store_bytes(self.count(me)))]).await?;

        let scalar = BlindingScalar::random(rng);
        let items = self.count(leader);
        for first in (0..items).step_by(CHUNK) {
            if first > 0 {
                channel.begin_round("evaluate");
            }
            let chunk = CHUNK.min(items - first);
            let message = channel.receive_exactly(leader, ELEMENT * chunk).await?;
            let evaluated = scalar.exponentiated(&message.into_bytes());
            channel.send(leader, evaluated.ok_or(Fault::blame(leader, Misbehaviour::NoElement))?);
        }
        channel.begin_round("stores");
        let mut stored = Zeroizing::new(values(me, ours, &scalar.blinded(ours)));
        self.add_shares_of_zero(leader, ours, &mut stored);
        channel.send(leader, store(ours, &stored, rng)?);

        channel.begin_round("answer");
        let answer = channel.receive(leader).await?;
        let answer = answer.into_bytes();
        places(&answer, ours, self.most_common())
            .ok_or(Fault::blame(leader, Misbehaviour::Malformed))
    }

    /// Adds this party's share of zero for each item, from a key with each other party that
    /// follows.
    fn add_shares_of_zero(&self, leader: Party, ours: &[ItemHash], values: &mut [u64]) {
        for (_, key) in self.session.pair_keys().filter(|(party, _)| *party != leader) {
            let key = key.for_use("cloister 1 intersection: shares of zero", 0);
            let share = |(value, item_hash): (&mut u64, &ItemHash)| {
                *value ^= first_word(&blake3::keyed_hash(&key, &item_hash.to_le_bytes()));
            };
            values.par_iter_mut().zip_eq(ours).for_each(share);
        }
    }
}

/// Returns F_i of each item (step 2). `elements` are the items' under the exponent of P_i, encoded.
fn values(party: Party, items: &[ItemHash], elements: &[u8]) -> Vec<u64> {
    let value = |(item, element): (&ItemHash, &[u8])| {
        let mut hasher =
            blake3::Hasher::new_derive_key("cloister 1 intersection: function of a party");
        hasher.update(&party.to_bytes());
        hasher.update(&item.to_le_bytes());
        hasher.update(element);
        first_word(&hasher.finalize())
    };
    items.par_iter().zip_eq(elements.par_chunks(ELEMENT)).map(value).collect()
}

/// Encodes these values as a store, for the message (step 3).
fn store(items: &[ItemHash], values: &[u64], rng: &mut impl CryptoRng) -> Result<Vec<u8>, Fault> {
    for _ in 0..TRIES {
        let mut seed = [0; SEED];
        rng.fill_bytes(&mut seed);
        if let Ok(store) = Store::encode(&keys(&seed, items), values, rng) {
            let words = store.words().iter().flat_map(|word| word.to_le_bytes());
            return Ok(seed.into_iter().chain(words).collect());
        }
    }
    Err(Fault::Internal("distinct items make a store"))
}

fn store_bytes(items: usize) -> usize {
    SEED + 8 * Store::slots(items)
}

/// Returns the keys of items in a store.
fn keys(seed: &[u8; SEED], items: &[ItemHash]) -> Vec<u128> {
    let key = |item: &ItemHash| {
        let hash = blake3::keyed_hash(seed, &item.to_le_bytes());
        let (halves, _) = hash.as_bytes().as_chunks::<16>();
        halves.first().map_or(0, |half| u128::from_le_bytes(*half))
    };
    items.par_iter().map(key).collect()
}

/// Returns the places of the answer's items among this party's. Returns none if one is not there,
/// or they are not in order.
fn places(answer: &[u8], ours: &[ItemHash], most: usize) -> Option<Vec<usize>> {
    let (item_hashes, rest) = answer.as_chunks::<HASH>();
    let item_hashes: Vec<ItemHash> =
        item_hashes.iter().map(|item_hash| u128::from_le_bytes(*item_hash)).collect();
    if !rest.is_empty()
        || item_hashes.len() > most
        || !item_hashes.is_sorted_by(|one, next| one < next)
    {
        return None;
    }
    let mut sorted: Vec<(ItemHash, usize)> =
        ours.iter().enumerate().map(|(place, item_hash)| (*item_hash, place)).collect();
    sorted.par_sort_unstable();
    let place = |item_hash: &ItemHash| {
        let found = sorted.binary_search_by_key(item_hash, |(item_hash, _)| *item_hash).ok()?;
        sorted.get(found).map(|(_, place)| *place)
    };
    item_hashes.iter().map(place).collect()
}

fn add(sums: &mut [u64], values: &[u64]) {
    zip_exact(sums, values).for_each(|(sum, value)| *sum ^= value);
}

fn first_word(hash: &blake3::Hash) -> u64 {
    hash.as_bytes().first_chunk().map_or(0, |word| u64::from_le_bytes(*word))
}

#[cfg(test)]
#[path = "multi_party_tests.rs"]
mod tests;
