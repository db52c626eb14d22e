//! One end of a link in one session: chunks of transfers, out and in.
//!
//! The receiver extends a window of chunks (SoftSpokenOT, [`crate::ot::extension`]) and sends the
//! message, with the corrections of its choices to those that it wants (derandomisation, Beaver
//! 1995). The sender checks the message, and sends the corrections of the products
//! ([`crate::ot::ot_correlation`]). The sender learns q_j of each transfer, the receiver t_j = q_j ⊕
//! c_j·Δ and its choices c_j. The sender has Δ.
//!
//! This happens in both directions at once, or in one. The next window is under way while a window
//! is processed.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use rayon::prelude::*;
use zeroize::Zeroizing;

use super::base_setup::Base;
use super::triple_pool::{Kind, TriplePool};
use crate::algebra::elementwise::zip_exact;
use crate::kernel::channel::Channel;
use crate::kernel::fault::{Fault, Misbehaviour};
use crate::kernel::party::Party;
use crate::kernel::session::PairKey;
use crate::kernel::wire;
use crate::ot::batches::{OtCorrelation, Part, ReceiverBatch, SenderBatch};
use crate::ot::ccr_hash::Keys;
use crate::ot::extension::{Chunk, Delta, Received, Receiver, Sender};

/// The transfers in a chunk: as many as keep its columns in the nearer caches.
pub(super) const ROWS: usize = 1 << 14;

/// The chunks of a window: they are processed side by side, and travel in one message.
pub(super) const WINDOW: usize = 4;

/// The most bytes of a message: of extended transfers, or of corrections. Those of matrices have
/// smaller chunks (see `products`).
pub(super) const LARGEST: usize = 640 << 10;

const _: () = {
    let extended = Chunk { first: 0, rows: ROWS }.message_len() + ROWS / 8;
    let corrections = ROWS / 64 * (64 / 2 + 1) * 8;
    assert!(WINDOW * extended <= LARGEST && WINDOW * corrections <= LARGEST);
};

/// One end of a link in one session.
pub(super) struct Peer {
    pub(super) party: Party,
    /// This party is the first of the two in the order of the suite, and sends where only one does.
    pub(super) first: bool,
    pub(super) key: PairKey,
    pub(super) link: [u8; 32],
    pub(super) base: Option<Arc<Base>>,
    ends: Option<Ends>,
    /// The peer's message for the next chunks that this party sends.
    extended: Option<Bytes>,
    pools: BTreeMap<Kind, TriplePool>,
}

/// Both directions of transfers.
struct Ends {
    sender: Sender,
    receiver: Receiver,
    keys_of_sent: Keys,
    keys_of_received: Keys,
    /// The next block of the transfers that this party sends, and of those that it receives.
    next_sent: u64,
    next_received: u64,
}

/// A received chunk whose corrections are under way.
pub(super) struct ChunkUnderWay {
    number: usize,
    /// The number of its first block.
    first: u64,
    received: Received,
}

/// The received chunks whose corrections are under way.
pub(super) type UnderWay = Vec<ChunkUnderWay>;

/// The directions of transfers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Directions {
    Both,
    /// From the first of the two to the second.
    OneWay,
}

/// The rows of a chunk, and the directions.
#[derive(Clone, Copy)]
pub(super) struct Size {
    pub(super) rows: usize,
    pub(super) directions: Directions,
}

impl Peer {
    /// Creates one end, before any message. `first` tells whether this party is the first of the
    /// two.
    pub(super) fn new(party: Party, first: bool, key: PairKey, link: [u8; 32]) -> Self {
        Self {
            party,
            first,
            key,
            link,
            base: None,
            ends: None,
            extended: None,
            pools: BTreeMap::new(),
        }
    }

    /// Returns whether there are both ends of transfers.
    pub(super) fn has_begun(&self) -> bool {
        self.ends.is_some()
    }

    /// Returns whether the base setup is poisoned, by this computation or by another that uses it.
    pub(super) fn is_poisoned(&self) -> bool {
        self.base.as_ref().is_some_and(|base| base.is_poisoned())
    }

    pub(super) fn pool(&mut self, kind: Kind) -> &mut TriplePool {
        self.pools.entry(kind).or_default()
    }

    fn sends(&self, directions: Directions) -> bool {
        directions == Directions::Both || self.first
    }

    fn receives(&self, directions: Directions) -> bool {
        directions == Directions::Both || !self.first
    }

    fn hash_keys(&self, sender_is_first: bool) -> Keys {
        Keys::new(self.key.for_use("cloister 1 pairwise: hash", u64::from(sender_is_first)))
    }

    /// Returns the key of one direction's transfers in this session. The hash of the trees is in
    /// it, and it is in the key of the consistency check (Fiat and Shamir). So a dealer cannot try
    /// trees until one passes.
    fn transfer_key(&self, sender_is_first: bool, trees: &[u8; 32]) -> Zeroizing<[u8; 32]> {
        let purpose = "cloister 1 pairwise: transfers";
        let key = self.key.for_use(purpose, u64::from(sender_is_first));
        Zeroizing::new(*blake3::keyed_hash(&key, trees).as_bytes())
    }

    /// Makes both ends from a base setup.
    ///
    /// # Panics
    /// If they are there: the same blocks would be used again, from the first on.
    pub(super) fn begin(&mut self, base: &Arc<Base>) {
        assert!(self.ends.is_none(), "transfers of a session begin once");
        let sending = self.transfer_key(self.first, &base.taken);
        let receiving = self.transfer_key(!self.first, &base.dealt);
        self.ends = Some(Ends {
            sender: Sender::fork(&base.delta, &base.known, &sending),
            receiver: Receiver::fork(&base.leaves, &receiving),
            keys_of_sent: self.hash_keys(self.first),
            keys_of_received: self.hash_keys(!self.first),
            next_sent: 0,
            next_received: 0,
        });
        self.base = Some(Arc::clone(base));
    }

    pub(super) fn blame(&self) -> Fault {
        Fault::blame(self.party, Misbehaviour::WrongTransfer)
    }

    /// Extends these chunks as the receiver, and sends the message that the sender needs.
    pub(super) fn extend<J: OtCorrelation>(
        &mut self,
        channel: &Channel,
        size: Size,
        job: &J,
        numbers: Range<usize>,
    ) -> Result<UnderWay, Fault> {
        if !self.receives(size.directions) || numbers.is_empty() {
            return Ok(Vec::new());
        }
        let ends = self.ends.as_mut().ok_or(NOT_BEGUN)?;
        let chunks = chunks(&mut ends.next_received, size, numbers);
        let each = extended_bytes(size, job);
        let receiver = &ends.receiver;
        let (under_way, messages): (UnderWay, Vec<Vec<u8>>) = chunks
            .par_iter()
            .map(|(number, chunk)| extend_chunk(receiver, job, *number, *chunk))
            .unzip();
        let are_alike = messages.iter().all(|message| message.len() == each);
        assert!(are_alike, "choices are wanted of all chunks, or of none");
        channel.send(self.party, messages.concat());
        Ok(under_way)
    }

    /// Waits, as the sender, for the receiver's message for these chunks, unless it is there.
    pub(super) async fn await_extended<J: OtCorrelation>(
        &mut self,
        channel: &Channel,
        size: Size,
        job: &J,
        numbers: Range<usize>,
    ) -> Result<(), Fault> {
        if !self.sends(size.directions) || numbers.is_empty() || self.extended.is_some() {
            return Ok(());
        }
        let length = extended_bytes(size, job) * numbers.len();
        let message = channel.receive_exactly(self.party, length).await?;
        self.extended = Some(message.into_bytes());
        Ok(())
    }

    /// Processes these chunks as the sender, once their message is there, and sends the
    /// corrections. A message that does not pass its check poisons the base setup: its maker may
    /// know bits of Δ.
    pub(super) fn send<J: OtCorrelation>(
        &mut self,
        channel: &Channel,
        size: Size,
        job: &mut J,
        numbers: Range<usize>,
    ) -> Result<(), Fault> {
        if !self.sends(size.directions) || numbers.is_empty() {
            return Ok(());
        }
        let blame = self.blame();
        let base = self.base.clone().ok_or(NOT_BEGUN)?;
        let ends = self.ends.as_mut().ok_or(NOT_BEGUN)?;
        let message = self.extended.take().ok_or(NO_MESSAGE)?;
        let chunks = chunks(&mut ends.next_sent, size, numbers);
        let each = extended_bytes(size, job);
        if message.len() != each * chunks.len() {
            return Err(NO_MESSAGE);
        }
        let ends = &*ends;
        let correlation = &*job;
        let sent: Option<Vec<_>> = chunks
            .par_iter()
            .zip_eq(message.par_chunks(each))
            .map(|((number, chunk), message)| {
                send_chunk(ends, &base.delta, correlation, *number, *chunk, message)
            })
            .collect();
        let Some(sent) = sent else {
            base.poison();
            return Err(blame);
        };
        let mut corrections = Vec::with_capacity(job.correction() * chunks.len());
        for SentChunk { number, part, correction } in sent {
            job.absorb_sent(number, part);
            corrections.extend(correction);
        }
        if job.correction() > 0 {
            channel.send(self.party, wire::elements(corrections));
        }
        Ok(())
    }

    /// Grants credit as the sender, if there is one direction only: nothing else comes back to the
    /// receiver.
    pub(super) fn grant_credit(&self, channel: &Channel, directions: Directions) {
        if directions == Directions::OneWay && self.first {
            channel.send(self.party, Vec::new());
        }
    }

    /// Waits for credit as the receiver, if there is one direction only.
    pub(super) async fn await_credit(
        &self,
        channel: &Channel,
        directions: Directions,
    ) -> Result<(), Fault> {
        if directions == Directions::OneWay && !self.first {
            channel.receive_exactly(self.party, 0).await?;
        }
        Ok(())
    }

    /// Takes, as the receiver, the corrections of the chunks under way.
    pub(super) async fn receive<J: OtCorrelation>(
        &mut self,
        channel: &Channel,
        job: &mut J,
        under_way: UnderWay,
    ) -> Result<(), Fault> {
        if under_way.is_empty() {
            return Ok(());
        }
        let ends = self.ends.as_ref().ok_or(NOT_BEGUN)?;
        let each = job.correction();
        let corrections: Vec<u64> = match each {
            0 => Vec::new(),
            _ => channel.receive_elements(self.party, each * under_way.len()).await?,
        };
        let keys = &ends.keys_of_received;
        let correlation = &*job;
        let parts: Vec<_> = under_way
            .into_par_iter()
            .enumerate()
            .map(|(place, ChunkUnderWay { number, first, received })| {
                let correction = corrections.get(place * each..(place + 1) * each);
                let correction = correction.expect("as many corrections came as were awaited");
                let batch = ReceiverBatch { received, hash: keys.of_chunk(first) };
                (number, correlation.received(number, batch, correction))
            })
            .collect();
        parts.into_iter().for_each(|(number, part)| job.absorb_received(number, part));
        Ok(())
    }
}

/// The faults of a caller that leaves out a step. The chunks would be missing without notice.
const NOT_BEGUN: Fault = Fault::Internal("transfers have begun before chunks are made");
const NO_MESSAGE: Fault = Fault::Internal("the message of chunks has come before they are sent");

/// A chunk as its sender has processed it.
struct SentChunk {
    number: usize,
    part: Part,
    correction: Vec<u64>,
}

/// Extends a chunk as the receiver. Returns it with its wanted choices, and the message.
fn extend_chunk<J: OtCorrelation>(
    receiver: &Receiver,
    job: &J,
    number: usize,
    chunk: Chunk,
) -> (ChunkUnderWay, Vec<u8>) {
    let (mut received, mut message) = receiver.extend(chunk);
    if let Some(wanted) = job.wanted(number) {
        for (choice, wanted) in zip_exact(received.choices.iter_mut(), wanted) {
            message.extend_from_slice(&(*choice ^ wanted).to_le_bytes());
            *choice = wanted;
        }
    }
    (ChunkUnderWay { number, first: chunk.first, received }, message)
}

/// Processes a chunk as the sender, from the receiver's message. Returns none if it does not pass
/// the check.
fn send_chunk<J: OtCorrelation>(
    ends: &Ends,
    delta: &Delta,
    job: &J,
    number: usize,
    chunk: Chunk,
    message: &[u8],
) -> Option<SentChunk> {
    let (extended, flips) = message.split_at(chunk.message_len());
    let mut rows = ends.sender.extend(chunk, extended)?;
    if !flips.is_empty() {
        derandomise(&mut rows, flips, delta);
    }
    let hash = ends.keys_of_sent.of_chunk(chunk.first);
    let (part, correction) = job.sent(number, SenderBatch { rows, delta, hash });
    Some(SentChunk { number, part, correction })
}

/// Returns the bytes that a receiver sends for a chunk, with the flips of its choices.
fn extended_bytes<J: OtCorrelation>(size: Size, job: &J) -> usize {
    let flips = if job.wanted(0).is_some() { size.rows / 8 } else { 0 };
    flips + Chunk { first: 0, rows: size.rows }.message_len()
}

/// Returns the chunks of these numbers, which take the next blocks.
fn chunks(next: &mut u64, size: Size, numbers: Range<usize>) -> Vec<(usize, Chunk)> {
    numbers
        .map(|number| {
            let chunk = Chunk { first: *next, rows: size.rows };
            *next = chunk.next().first;
            (number, chunk)
        })
        .collect()
}

/// Derandomises choices: adds Δ to the rows whose random choice the receiver has flipped, a bit a
/// row.
fn derandomise(rows: &mut [u128], flips: &[u8], delta: &Delta) {
    let delta = Zeroizing::new(delta.bits());
    for (rows, flips) in zip_exact(rows.chunks_mut(8), flips) {
        for (place, row) in rows.iter_mut().enumerate() {
            *row ^= *delta & 0_u128.wrapping_sub(u128::from((flips >> place) & 1));
        }
    }
}

/// Returns the chunks of a window, of so many in all.
pub(super) fn of_window(window: usize, chunks: usize) -> Range<usize> {
    (window * WINDOW).min(chunks)..((window + 1) * WINDOW).min(chunks)
}

#[cfg(test)]
#[path = "peer_tests.rs"]
mod tests;
