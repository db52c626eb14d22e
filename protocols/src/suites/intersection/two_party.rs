//! DH-PSI: two parties find their common items by blinding each other's.
//!
//! Meadows, *A more efficient cryptographic matchmaking protocol for use in the absence of a
//! continuously available third party* (IEEE Symposium on Security and Privacy 1986); Huberman,
//! Franklin and Hogg, *Enhancing privacy and trust in electronic communities* (EC 1999). For sizes
//! alone there is a shuffle: Agrawal, Evfimievski and Srikant, *Information sharing across private
//! databases* (SIGMOD 2003, section 5), section on the size of an intersection.
//!
//! With α, β the secret exponents of the two for this session, and H the hash into the group:
//! 1. Blinded items (round *blinded items*): each sends H(x)^α for its items x, in a random order, in messages of
//!    [`CHUNK`] items.
//! 2. Each exponentiates the received elements. *commit*: it commits to the results H(x)^αβ, each
//!    cut to 40 + log₂ n + log₂ m bits, in the order of sending. If the members are to be known,
//!    that is the order of arrival, and else one that only it knows.
//! 3. Doubly blinded items (round *twice blinded*): the results go back to the owner, which has made the other party's itself.
//!    Equal results are of the same item.
//!
//! **Parties:** two. **Adversary:** semi-honest, either party. Privacy of items that are not common
//! rests on the decisional Diffie-Hellman assumption in ristretto255, with H a random oracle.
//!
//! **Leakage:** each learns the number of the other's items, and its own items that are common. If
//! both send back in an order of their own, each learns only the number of common items.
//!
//! **Detected deviations:** invalid elements, the identity, repeated elements or results, and wrong
//! lengths. A party might wait for the results of its own items and send them back as the other's.
//! The other would take all of its own items for common ones. The commitment prevents this. A party
//! can still send back invalid results, or use items that it does not have. So no item is proved to
//! be its owner's.
//!
//! **Correctness:** two results are equal by chance with a probability of at most 2^-40.
//!
//! **Rounds:** ⌈n / [`CHUNK`]⌉ + 1 + ⌈n / [`RESULTS`]⌉ where n is the larger set's size. The first
//! [`AHEAD`] messages go without waiting. Each later one waits for one of the other's. So
//! computing, sending and receiving overlap, and no more than [`AHEAD`] messages wait anywhere.
//! **Bytes** for each item: 32 to the other, about 10 back.

use rayon::prelude::*;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::ItemHash;
use super::blinding::{BlindingScalar, DoublyBlinded, ELEMENT};
use crate::algebra::elementwise::gather;
use crate::kernel::channel::{Channel, Message};
use crate::kernel::fault::{Fault, Misbehaviour};
use crate::kernel::party::Party;

/// The items in a message.
pub(crate) const CHUNK: usize = 2_048;

/// The results in a message.
const RESULTS: usize = 8_192;

/// The messages that go before the first has come.
pub(crate) const AHEAD: usize = 4;

/// A link to the other party, and the public facts of both sets.
#[derive(Clone, Copy)]
pub(crate) struct Meeting<'a> {
    pub(crate) channel: &'a Channel,
    pub(crate) peer: Party,
    /// A key of this session that only the two have, for commitments.
    pub(crate) key: &'a [u8; 32],
    /// The number of the other's items.
    pub(crate) theirs: usize,
}

/// Both parties' items, doubly blinded.
pub(crate) struct Results {
    /// This party's items, in the order in which the other has sent them back.
    ours: Vec<DoublyBlinded>,
    /// The other's items, in the order in which this party has sent them back.
    theirs: Vec<DoublyBlinded>,
}

/// An exchange in which each message waits for one of the other's. Both directions have as many
/// messages as the longer one.
trait Paced {
    /// Returns this party's message of this number.
    fn message(&mut self, number: usize) -> Vec<u8>;
    /// Returns the bytes of the other's message of this number.
    fn due(&self, number: usize) -> usize;
    /// Takes the other's message of this number, or returns the misbehaviour that it shows.
    fn take(&mut self, number: usize, message: Message) -> Result<(), Misbehaviour>;
}

struct Blinding<'a> {
    scalar: &'a BlindingScalar,
    ours: &'a [ItemHash],
    theirs: usize,
    results: Vec<DoublyBlinded>,
}

struct Returning<'a> {
    bytes: usize,
    theirs: &'a [DoublyBlinded],
    count: usize,
    ours: Vec<DoublyBlinded>,
    hasher: blake3::Hasher,
}

impl Meeting<'_> {
    /// Has both parties' items doubly blinded. `ours` are sent in their order. The other's are sent
    /// back in the order that `order` gives, as the place that each comes from, or as they came.
    pub(crate) async fn results(
        self,
        scalar: &BlindingScalar,
        ours: &[ItemHash],
        order: Option<&[usize]>,
    ) -> Result<Results, Fault> {
        let Self { channel, peer, theirs, .. } = self;
        let larger = ours.len().max(theirs);
        let mut blinding = Blinding { scalar, ours, theirs, results: Vec::new() };
        self.paced("blinded items", larger.div_ceil(CHUNK), &mut blinding).await?;
        let mut results = blinding.results;
        if has_repeated(&results) {
            return Err(Fault::blame(peer, Misbehaviour::RepeatedItem));
        }
        if let Some(order) = order {
            results = gather(&results, order);
        }
        let bytes = result_bytes(ours.len(), theirs);
        results.iter_mut().for_each(|result| *result = cut(*result, bytes));

        channel.begin_round("commit");
        channel.send(peer, self.commitment(channel.parties().me(), bytes, &results).to_vec());
        let commitment = channel.receive_exactly(peer, blake3::OUT_LEN).await?.into_bytes();

        let hasher = self.hasher(peer);
        let (count, returned) = (ours.len(), Vec::with_capacity(ours.len()));
        let mut returning = Returning { bytes, theirs: &results, count, ours: returned, hasher };
        self.paced("twice blinded", larger.div_ceil(RESULTS), &mut returning).await?;
        let Returning { ours, hasher, .. } = returning;
        if !bool::from(hasher.finalize().as_bytes().as_slice().ct_eq(&commitment)) {
            return Err(Fault::blame(peer, Misbehaviour::WrongOpening));
        }
        if has_repeated(&ours) {
            return Err(Fault::blame(peer, Misbehaviour::RepeatedItem));
        }
        Ok(Results { ours, theirs: results })
    }

    async fn paced(
        self,
        name: &'static str,
        messages: usize,
        work: &mut impl Paced,
    ) -> Result<(), Fault> {
        for number in 0..AHEAD.min(messages) {
            self.channel.send(self.peer, work.message(number));
        }
        for number in 0..messages {
            self.channel.begin_round(name);
            let message = self.channel.receive_exactly(self.peer, work.due(number)).await?;
            work.take(number, message).map_err(|what| Fault::blame(self.peer, what))?;
            if number + AHEAD < messages {
                self.channel.send(self.peer, work.message(number + AHEAD));
            }
        }
        Ok(())
    }

    fn hasher(&self, of: Party) -> blake3::Hasher {
        let mut hasher = blake3::Hasher::new_keyed(self.key);
        hasher.update(&of.to_bytes());
        hasher
    }

    fn commitment(&self, me: Party, bytes: usize, results: &[DoublyBlinded]) -> [u8; 32] {
        let mut hasher = self.hasher(me);
        results.chunks(RESULTS).for_each(|chunk| {
            hasher.update(&written(chunk, bytes));
        });
        *hasher.finalize().as_bytes()
    }
}

impl Paced for Blinding<'_> {
    fn message(&mut self, number: usize) -> Vec<u8> {
        std::mem::take(&mut *self.scalar.blinded(chunk(self.ours, number, CHUNK)))
    }

    fn due(&self, number: usize) -> usize {
        ELEMENT * chunk_len(self.theirs, number, CHUNK)
    }

    fn take(&mut self, _: usize, message: Message) -> Result<(), Misbehaviour> {
        let results = self.scalar.doubly_blinded(&message.into_bytes());
        self.results.extend(results.ok_or(Misbehaviour::NoElement)?);
        Ok(())
    }
}

impl Paced for Returning<'_> {
    fn message(&mut self, number: usize) -> Vec<u8> {
        written(chunk(self.theirs, number, RESULTS), self.bytes)
    }

    fn due(&self, number: usize) -> usize {
        self.bytes * chunk_len(self.count, number, RESULTS)
    }

    fn take(&mut self, _: usize, message: Message) -> Result<(), Misbehaviour> {
        let message = message.into_bytes();
        self.hasher.update(&message);
        self.ours.extend(message.chunks(self.bytes).map(|bytes| {
            let mut whole = [0; 16];
            let (lowest, _) = whole.split_at_mut(bytes.len());
            lowest.copy_from_slice(bytes);
            u128::from_le_bytes(whole)
        }));
        Ok(())
    }
}

impl Results {
    /// Returns the common items as pairs of places: this party's among the results that came back,
    /// and the other's among those that it sent back. Ascending in the places of `first`.
    pub(crate) fn pairs(&self, first: Side) -> Vec<[usize; 2]> {
        let theirs = with_places(&self.theirs);
        let mut pairs = Vec::new();
        for (ours, result) in self.ours.iter().enumerate() {
            let found = theirs.binary_search_by_key(result, |(result, _)| *result);
            if let Some((_, theirs)) = found.ok().and_then(|index| theirs.get(index)) {
                pairs.push([ours, *theirs]);
            }
        }
        if first == Side::Theirs {
            pairs.sort_unstable_by_key(|[_, theirs]| *theirs);
        }
        pairs
    }
}

/// The party whose places order the pairs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Ours,
    Theirs,
}

/// Returns the results with their places, sorted by result.
fn with_places(results: &[DoublyBlinded]) -> Vec<(DoublyBlinded, usize)> {
    let mut sorted: Vec<_> =
        results.iter().enumerate().map(|(place, result)| (*result, place)).collect();
    sorted.par_sort_unstable();
    sorted
}

/// Returns the bytes of a result that is sent back: so many that no two of all results are equal by
/// chance, of one party or of both. Two of one party would pass for a repeated item.
fn result_bytes(ours: usize, theirs: usize) -> usize {
    let bits = 40 + 2 * bit_length(ours.max(theirs));
    usize::try_from(bits.div_ceil(8)).map_or(16, |bytes| bytes.min(16))
}

fn bit_length(count: usize) -> u32 {
    usize::BITS - count.leading_zeros()
}

fn cut(result: DoublyBlinded, bytes: usize) -> DoublyBlinded {
    let bits = u32::try_from(8 * bytes).unwrap_or(u128::BITS);
    result & 1_u128.checked_shl(bits).map_or(u128::MAX, |above| above.wrapping_sub(1))
}

fn written(results: &[DoublyBlinded], bytes: usize) -> Vec<u8> {
    results.iter().flat_map(|result| result.to_le_bytes().into_iter().take(bytes)).collect()
}

fn chunk<T>(items: &[T], number: usize, size: usize) -> &[T] {
    items.chunks(size).nth(number).unwrap_or_default()
}

fn chunk_len(count: usize, number: usize, size: usize) -> usize {
    count.saturating_sub(number * size).min(size)
}

fn has_repeated(results: &[DoublyBlinded]) -> bool {
    let mut sorted = Zeroizing::new(results.to_vec());
    sorted.par_sort_unstable();
    sorted.windows(2).any(|two| two.first() == two.get(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_long_enough_for_the_larger_set_against_itself() {
        for (ours, theirs) in [(1, 1 << 20), (1 << 20, 1), (1 << 20, 1 << 20), (3, 1 << 30)] {
            // Among n results two are equal by chance with a probability of n² / 2^bits at most.
            let bits = 8 * result_bytes(ours, theirs);
            let pairs = 2 * (ours.max(theirs) as u64).ilog2() as usize;
            assert!(bits >= 40 + pairs, "{ours} {theirs}: {bits}");
        }
    }
}
