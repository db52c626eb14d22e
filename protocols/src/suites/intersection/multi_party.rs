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
//! 1. *Blinded items*: P_1 sends H(x)^ρ for its items, in a random order, in messages of [`CHUNK`]
//!    items; the same to all.
//! 2. *Evaluate*: P_i sends these back, exponentiated by k_i. P_1 takes ρ away again, and has
//!    F_i(x) = hash(i, x, H(x)^k_i), of its own items only.
//! 3. *Stores*: P_i sends a store in which each of its items y has s_i(y) ⊕ F_i(y).
//! 4. *Answer*: P_1 looks its items up in all stores. ⊕_i (store_i(x) ⊕ F_i(x)) is zero where all
//!    have x, and a random number elsewhere. It sends the item hashes of the common items to all,
//!    which find them among their own. These are hashes under a key of the session, not blinded: a
//!    party of the session can test guesses of the answer's items, which all parties have.
//!
//! **Deviations** from the paper:
//! - P_1 holds no shares of zero. It has the values of all stores, so shares of its own would hide
//!   nothing from it.
//! - P_1 sends one vector of blinded items under one ρ to all, and P_i has one k_i for all items, in
//!   the place of a batched OPRF for each pair. What P_i gets is independent of P_i: equal vectors
//!   tell a coalition no more than one.
//! - The store takes the place of the paper's tables and polynomials.
//! - P_1 sends the answer to all. In the paper P_1 alone has it.
//!
//! **Parties:** n ≥ 3. **Adversary:** augmented semi-honest, up to n − 1 parties. Without P_1 a
//! coalition sees blinded items, and of stores and values its own alone; then the answer, which
//! is its own result. With P_1 and all others but one, it sees which of P_1's items the last one
//! has. That is the intersection for a coalition whose members all bring P_1's items, which the
//! augmented model allows. With two honest parties or more beside P_1, a key that only they know
//! hides their items, unless all have them: no smaller group's intersection, nor its size, is learnt.
//!
//! **Assumptions:** the decisional Diffie-Hellman problem in ristretto255; H and the hash of F_i as
//! random oracles; keyed BLAKE3 as a PRF, for shares of zero and for the keys of a store. The words
//! of a store are uniform where its values are (see [`crate::okvs`]).
//!
//! **Leakage:** the number of each party's items, and the items of all.
//!
//! **Detected deviations:** invalid elements, the identity, wrong lengths, and an answer with items
//! that a party does not have. P_1 can leave out items of the answer. Any party can claim items
//! that it does not have, or make the answer wrong: only privacy is promised.
//!
//! **Correctness:** an item that not all have is taken for a common one with a probability of
//! 2^-64. For all of the leader's 2^24 items at most that is 2^-40. Then the parties that lack the
//! item refuse the answer and accuse the leader, which is honest. They have seen the hash of an item
//! that is not common.
//!
//! **Timing:** the attempts of a party at its store depend on its items. A second one is needed with
//! a probability of 2^-40 or so.
//!
//! **Rounds:** ⌈n_1 / [`CHUNK`]⌉, or one if P_1 has no items, and 2. **Bytes:** 32 for each item of
//! P_1 to and from each of the others. Beside them about 9 for each item of the others to P_1, and
//! 16 for each item of the answer.

use rand_core::CryptoRng;
use rayon::prelude::*;
use zeroize::Zeroizing;

use super::blinding::{BlindingScalar, ELEMENT};
use super::two_party::{AHEAD, CHUNK};
use super::{ItemHash, check_counts};
use crate::algebra::digest::{first_block, first_word};
use crate::algebra::elementwise::{gather, zip_exact};
use crate::kernel::channel::{Channel, Message};
use crate::kernel::fault::{Fault, Misbehaviour};
use crate::kernel::party::Party;
use crate::kernel::session::Session;
use crate::okvs::Store;

/// The bytes of the seed of a store's keys.
const SEED: usize = 32;

/// The most attempts at a store, each with other keys; more failures have another cause.
const TRIES: usize = 4;

/// The bytes of an item's hash.
const HASH: usize = 16;

/// One party's side of an intersection, and the public facts.
pub(crate) struct Intersection<'a> {
    channel: &'a Channel,
    session: &'a Session,
    /// The items of this party: distinct, and in a random order.
    ours: &'a [ItemHash],
    /// The number of each party's items.
    counts: &'a [usize],
    /// The number of this intersection in the session. It is in the keys of shares of zero: those of
    /// two intersections are independent.
    number: u64,
}

impl<'a> Intersection<'a> {
    /// Begins an intersection of all parties of the session. `ours` are distinct and in a random
    /// order, because the leader sends them in theirs.
    pub(crate) fn new(
        channel: &'a Channel,
        session: &'a Session,
        ours: &'a [ItemHash],
        counts: &'a [usize],
    ) -> Result<Self, Fault> {
        check_counts(channel.parties(), ours, counts)?;
        Ok(Self { channel, session, ours, counts, number: session.next_use() })
    }

    /// Returns the places of this party's items that all parties have.
    pub(crate) async fn common(self, rng: &mut impl CryptoRng) -> Result<Vec<usize>, Fault> {
        let leader = Party::new(0).expect("0 is a place");
        if self.channel.parties().me() == leader {
            self.lead(rng).await
        } else {
            self.follow(leader, rng).await
        }
    }

    /// Returns the number of a party's items.
    fn count(&self, party: Party) -> usize {
        *self.counts.get(party.index()).expect("each party has told the number of its items")
    }

    /// Returns the most items that all parties may have in common.
    fn most_common(&self) -> usize {
        self.counts.iter().copied().min().expect("an intersection has parties")
    }

    async fn lead(&self, rng: &mut impl CryptoRng) -> Result<Vec<usize>, Fault> {
        let channel = self.channel;
        channel.begin_round("evaluate");
        let others: Vec<Party> = channel.parties().others().collect();
        let stores: Vec<_> =
            others.iter().map(|party| (*party, store_bytes(self.count(*party)))).collect();
        let answers: Vec<_> =
            others.iter().map(|party| (*party, HASH * self.most_common())).collect();
        channel.open_windows(&stores, &answers).await?;

        let mut sums = self.evaluate(rng).await?;
        channel.begin_round("stores");
        for party in others {
            let message = channel.receive_exactly(party, store_bytes(self.count(party))).await?;
            add(&mut sums, &self.decoded(party, message)?);
        }
        let common = self.common_places(&sums);

        // Step 4.
        let mut answer: Vec<ItemHash> = gather(self.ours, &common);
        answer.sort_unstable();
        channel.begin_round("answer");
        channel.broadcast(answer.into_iter().flat_map(ItemHash::to_le_bytes).collect::<Vec<u8>>());
        Ok(common)
    }

    /// Sends the blinded items (step 1), and takes them back evaluated (step 2). Returns ⊕_i F_i(x)
    /// for each item.
    async fn evaluate(&self, rng: &mut impl CryptoRng) -> Result<Zeroizing<Vec<u64>>, Fault> {
        let scalar = BlindingScalar::random(rng);
        let inverse = scalar.inverse();
        let chunks: Vec<&[ItemHash]> = self.ours.chunks(CHUNK).collect();
        chunks.iter().take(AHEAD).for_each(|chunk| self.send_blinded(&scalar, chunk));
        // Reserved as a whole: growing would leave copies behind.
        let mut sums = Zeroizing::new(Vec::with_capacity(self.ours.len()));
        for (number, chunk) in chunks.iter().enumerate() {
            if number > 0 {
                self.channel.begin_round("evaluate");
            }
            let mut sum = Zeroizing::new(vec![0; chunk.len()]);
            for (party, message) in self.channel.gather_exactly(ELEMENT * chunk.len()).await? {
                let elements = inverse.exponentiated(&message.into_bytes());
                let elements = elements.map(Zeroizing::new).ok_or_else(|| no_element(party))?;
                add(&mut sum, &values(party, chunk, &elements));
            }
            sums.append(&mut sum);
            let next = chunks.get(number + AHEAD);
            next.into_iter().for_each(|chunk| self.send_blinded(&scalar, chunk));
        }
        Ok(sums)
    }

    fn send_blinded(&self, scalar: &BlindingScalar, items: &[ItemHash]) {
        self.channel.broadcast(std::mem::take(&mut *scalar.blinded(items)));
    }

    /// Looks this party's items up in the store of `party` (step 3).
    fn decoded(&self, party: Party, message: Message) -> Result<Zeroizing<Vec<u64>>, Fault> {
        let malformed = || Fault::blame(party, Misbehaviour::Malformed);
        let message = message.into_bytes();
        let (seed, words) = message.split_first_chunk::<SEED>().ok_or_else(malformed)?;
        let (words, _) = words.as_chunks::<8>();
        let words = words.iter().map(|word| u64::from_le_bytes(*word)).collect();
        let store = Store::from_words(words, self.count(party)).ok_or_else(malformed)?;
        Ok(Zeroizing::new(store.decode(&keys(seed, self.ours))))
    }

    /// Returns the places of the items whose values of all parties add up to zero.
    fn common_places(&self, sums: &[u64]) -> Vec<usize> {
        assert_eq!(sums.len(), self.ours.len(), "there is a sum for each item");
        sums.iter().enumerate().filter(|(_, sum)| **sum == 0).map(|(place, _)| place).collect()
    }

    async fn follow(&self, leader: Party, rng: &mut impl CryptoRng) -> Result<Vec<usize>, Fault> {
        let channel = self.channel;
        let me = channel.parties().me();
        channel.begin_round("evaluate");
        let incoming = [(leader, HASH * self.most_common())];
        channel.open_windows(&incoming, &[(leader, store_bytes(self.ours.len()))]).await?;

        // Step 2.
        let scalar = BlindingScalar::random(rng);
        let items = self.count(leader);
        for first in (0..items).step_by(CHUNK) {
            if first > 0 {
                channel.begin_round("evaluate");
            }
            let chunk = CHUNK.min(items - first);
            let message = channel.receive_exactly(leader, ELEMENT * chunk).await?;
            let evaluated = scalar.exponentiated(&message.into_bytes());
            channel.send(leader, evaluated.ok_or_else(|| no_element(leader))?);
        }

        // Step 3.
        channel.begin_round("stores");
        let mut stored = values(me, self.ours, &scalar.blinded(self.ours));
        self.add_shares_of_zero(leader, &mut stored);
        channel.send(leader, store(self.ours, &stored, rng)?);

        // Step 4.
        channel.begin_round("answer");
        let answer = channel.receive(leader).await?.into_bytes();
        places_of_answer(&answer, self.ours, self.most_common())
            .ok_or_else(|| Fault::blame(leader, Misbehaviour::Malformed))
    }

    /// Adds this party's share of zero for each item, from a key with each other party that
    /// follows.
    fn add_shares_of_zero(&self, leader: Party, values: &mut [u64]) {
        for (_, key) in self.session.pair_keys().filter(|(party, _)| *party != leader) {
            let key = key.for_use("cloister 1 intersection: shares of zero", self.number);
            values.par_iter_mut().zip_eq(self.ours).for_each(|(value, item)| {
                *value ^= first_word(blake3::keyed_hash(&key, &item.to_le_bytes()).as_bytes());
            });
        }
    }
}

fn no_element(party: Party) -> Fault {
    Fault::blame(party, Misbehaviour::NoElement)
}

/// Returns F_i of each item (step 2). `elements` are the items' under the exponent of P_i, encoded.
fn values(party: Party, items: &[ItemHash], elements: &[u8]) -> Zeroizing<Vec<u64>> {
    let pairs = items.par_iter().zip_eq(elements.par_chunks(ELEMENT));
    Zeroizing::new(pairs.map(|(item, element)| value(party, *item, element)).collect())
}

/// Returns F_i(x) = hash(i, x, H(x)^k_i).
fn value(party: Party, item: ItemHash, element: &[u8]) -> u64 {
    let mut hasher = blake3::Hasher::new_derive_key("cloister 1 intersection: function of a party");
    hasher.update(&party.to_bytes());
    hasher.update(&item.to_le_bytes());
    hasher.update(element);
    first_word(hasher.finalize().as_bytes())
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

/// Returns the keys of items in a store. The seed is public, so they tell as much as the item hashes.
fn keys(seed: &[u8; SEED], items: &[ItemHash]) -> Zeroizing<Vec<u128>> {
    let hashes = items.par_iter().map(|item| blake3::keyed_hash(seed, &item.to_le_bytes()));
    Zeroizing::new(hashes.map(|hash| first_block(hash.as_bytes())).collect())
}

/// Returns the places of the answer's items among this party's. Returns none if one is not there,
/// or they are not in order.
fn places_of_answer(answer: &[u8], ours: &[ItemHash], most: usize) -> Option<Vec<usize>> {
    let (item_hashes, rest) = answer.as_chunks::<HASH>();
    let item_hashes: Vec<ItemHash> =
        item_hashes.iter().map(|item_hash| u128::from_le_bytes(*item_hash)).collect();
    if !rest.is_empty()
        || item_hashes.len() > most
        || !item_hashes.is_sorted_by(|one, next| one < next)
    {
        return None;
    }
    let mut sorted: Zeroizing<Vec<(ItemHash, usize)>> = Zeroizing::new(
        ours.iter().enumerate().map(|(place, item_hash)| (*item_hash, place)).collect(),
    );
    sorted.par_sort_unstable();
    item_hashes.iter().map(|item_hash| place_of(*item_hash, &sorted)).collect()
}

/// Returns the place of an item hash in a sorted list of these and their places.
fn place_of(item_hash: ItemHash, sorted: &[(ItemHash, usize)]) -> Option<usize> {
    let found = sorted.binary_search_by_key(&item_hash, |(item_hash, _)| *item_hash).ok()?;
    sorted.get(found).map(|(_, place)| *place)
}

fn add(sums: &mut [u64], values: &[u64]) {
    zip_exact(sums, values).for_each(|(sum, value)| *sum ^= value);
}

#[cfg(test)]
#[path = "multi_party_tests.rs"]
mod tests;
