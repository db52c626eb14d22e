//! One end of a link in one session: chunks of transfers, out and in.
//!
//! Chunks go in windows. The receiver of a window extends it and sends the message. The sender
//! takes the peer's message, and sends the corrections. This happens in both directions at once, or
//! in one. The next window is under way while a window is processed.

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
use crate::ot::batches::{OtCorrelation, ReceiverBatch, SenderBatch};
use crate::ot::ccr_hash::Keys;
use crate::ot::extension::{Chunk, Received, Receiver, Sender};
use crate::ot::{DELTA, GROUPS};

/// The transfers in a chunk: as many as keep its columns in the nearer caches.
pub(super) const ROWS: usize = 1 << 14;

/// The chunks that are processed side by side, and travel in one message.
pub(super) const WINDOW: usize = 4;

/// The most bytes of a message: of extended transfers, or of corrections.
pub(super) const LARGEST: usize = 640 << 10;

const _: () = {
    let extended = 16 * ((GROUPS - 1) * (ROWS / 128 + 1) + 1 + DELTA) + ROWS / 8;
    let corrections = ROWS / 64 * (64 / 2 + 1) * 8;
    assert!(WINDOW * extended <= LARGEST && WINDOW * corrections <= LARGEST);
};

/// One end of a link in one session.
pub(super) struct Peer {
    pub(super) party: Party,
    /// This party is the earlier of the two, and sends where only one does.
    pub(super) first: bool,
    pub(super) key: PairKey,
    pub(super) link: [u8; 32],
    pub(super) base: Option<Arc<Base>>,
    ends: Option<Ends>,
    /// The peer's message for the next chunks that this party sends.
    extended: Option<Bytes>,
    pools: [TriplePool; 5],
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

/// The received chunks whose corrections are under way: each with its number and its first block.
pub(super) type UnderWay = Vec<(usize, u64, Received)>;

/// The directions of transfers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Directions {
    Both,
    /// From the earlier of the two to the later.
    Forth,
}

/// The rows of a chunk, and the directions.
#[derive(Clone, Copy)]
pub(super) struct Size {
    pub(super) rows: usize,
    pub(super) directions: Directions,
}

impl Peer {
    /// Creates one end, before any message. `first` tells whether this party is the earlier of the
    /// two.
    pub(super) fn new(party: Party, first: bool, key: PairKey, link: [u8; 32]) -> Self {
        let (base, ends, extended, pools) = Default::default();
        Self { party, first, key, link, base, ends, extended, pools }
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
        let [bits, numbers, wide, scaled, wide_scaled] = &mut self.pools;
        match kind.place() {
            0 => bits,
            1 => numbers,
            2 => wide,
            3 => scaled,
            _ => wide_scaled,
        }
    }

    /// Returns whether this party sends, and whether it receives.
    pub(super) fn takes_part(&self, directions: Directions) -> (bool, bool) {
        match directions {
            Directions::Both => (true, true),
            Directions::Forth => (self.first, !self.first),
        }
    }

    fn hash_keys(&self, sender_is_first: bool) -> Keys {
        Keys::new(self.key.for_use("cloister 1 pairwise: hash", u64::from(sender_is_first)))
    }

    pub(super) fn begin(&mut self, base: &Arc<Base>) {
        // The trees are in it, so that no party can look for trees that pass a check which it
        // knows.
        let session = |trees: &[u8; 32]| {
            let key = self.key.for_use("cloister 1 pairwise: transfers", 0);
            Zeroizing::new(*blake3::keyed_hash(&key, trees).as_bytes())
        };
        self.ends = Some(Ends {
            sender: Sender::fork(&base.delta, &base.known, &session(&base.taken)),
            receiver: Receiver::fork(&base.leaves, &session(&base.dealt)),
            keys_of_sent: self.hash_keys(self.first),
            keys_of_received: self.hash_keys(!self.first),
            next_sent: 0,
            next_received: 0,
        });
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
    ) -> UnderWay {
        let (_, receives) = self.takes_part(size.directions);
        let Some(ends) = self.ends.as_mut().filter(|_| receives && !numbers.is_empty()) else {
            return Vec::new();
        };
        let chunks = chunks(&mut ends.next_received, size, numbers);
        let receiver = &ends.receiver;
        let extend = |(number, chunk): &(usize, Chunk)| {
            let (mut received, mut message) = receiver.receive(*chunk);
            if let Some(wanted) = job.wanted(*number) {
                for (choice, wanted) in zip_exact(received.choices.iter_mut(), wanted) {
                    message.extend_from_slice(&(*choice ^ wanted).to_le_bytes());
                    *choice = wanted;
                }
            }
            ((*number, chunk.first, received), message)
        };
        let made: (UnderWay, Vec<Vec<u8>>) = chunks.par_iter().map(extend).unzip();
        channel.send(self.party, made.1.concat());
        made.0
    }

    /// Waits, as the sender, for the receiver's message for these chunks, unless it is there.
    pub(super) async fn await_extended<J: OtCorrelation>(
        &mut self,
        channel: &Channel,
        size: Size,
        job: &J,
        numbers: Range<usize>,
    ) -> Result<(), Fault> {
        let (sends, _) = self.takes_part(size.directions);
        if !sends || numbers.is_empty() || self.extended.is_some() {
            return Ok(());
        }
        let length = extended_bytes(size, job) * numbers.len();
        let message = channel.receive_exactly(self.party, length).await?;
        self.extended = Some(message.into_bytes());
        Ok(())
    }

    /// Processes these chunks as the sender, once their message is there, and sends the
    /// corrections.
    pub(super) fn send<J: OtCorrelation>(
        &mut self,
        channel: &Channel,
        size: Size,
        job: &mut J,
        numbers: Range<usize>,
    ) -> Result<(), Fault> {
        let blame = self.blame();
        let Some((message, ends)) = self.extended.take().zip(self.ends.as_mut()) else {
            return Ok(());
        };
        let chunks = chunks(&mut ends.next_sent, size, numbers);
        let each = extended_bytes(size, job);
        let (sender, keys) = (&ends.sender, &ends.keys_of_sent);
        let send = |((number, chunk), message): (&(usize, Chunk), &[u8])| {
            let (extended, flips) = message.split_at(chunk.message());
            let mut rows = sender.send(*chunk, extended)?;
            if !flips.is_empty() {
                derandomise(&mut rows, flips, sender.delta());
            }
            let hash = keys.of_chunk(chunk.first);
            let sent = SenderBatch { rows, delta: sender.delta(), hash };
            let (part, correction) = job.sent(*number, sent);
            Some((*number, part, correction))
        };
        let sent: Option<Vec<_>> =
            chunks.par_iter().zip_eq(message.par_chunks(each)).map(send).collect();
        let mut corrections = Vec::with_capacity(job.correction() * chunks.len());
        for (number, part, correction) in sent.ok_or(blame)? {
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
        if directions == Directions::Forth && self.first {
            channel.send(self.party, Vec::new());
        }
    }

    /// Waits for credit as the receiver, if there is one direction only.
    pub(super) async fn await_credit(
        &self,
        channel: &Channel,
        directions: Directions,
    ) -> Result<(), Fault> {
        if directions == Directions::Forth && !self.first {
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
        let Some(ends) = self.ends.as_ref().filter(|_| !under_way.is_empty()) else {
            return Ok(());
        };
        let each = job.correction();
        let corrections: Vec<u64> = match each {
            0 => Vec::new(),
            _ => channel.receive_elements(self.party, each * under_way.len()).await?,
        };
        let keys = &ends.keys_of_received;
        let finish = |(place, (number, first, received)): (usize, (usize, u64, Received))| {
            let correction = corrections.get(place * each..(place + 1) * each);
            let correction = correction.expect("as many corrections came as were awaited");
            (
                number,
                job.received(
                    number,
                    ReceiverBatch { received, hash: keys.of_chunk(first) },
                    correction,
                ),
            )
        };
        let parts: Vec<_> = under_way.into_par_iter().enumerate().map(finish).collect();
        parts.into_iter().for_each(|(number, part)| job.absorb_received(number, part));
        Ok(())
    }
}

/// Returns the bytes that a receiver sends for a chunk, with the flips of its choices.
fn extended_bytes<J: OtCorrelation>(size: Size, job: &J) -> usize {
    let flips = if job.wanted(0).is_some() { size.rows / 8 } else { 0 };
    flips + Chunk { first: 0, rows: size.rows }.message()
}

/// Returns the chunks of these numbers, which take the next blocks.
fn chunks(next: &mut u64, size: Size, numbers: Range<usize>) -> Vec<(usize, Chunk)> {
    let chunk = |number: usize| {
        let chunk = Chunk { first: *next, rows: size.rows };
        *next = chunk.next().first;
        (number, chunk)
    };
    numbers.map(chunk).collect()
}

/// Derandomises choices: adds Δ to the rows whose random choice the receiver has flipped, a bit a
/// row.
fn derandomise(rows: &mut [u128], flips: &[u8], delta: u128) {
    for (rows, flips) in zip_exact(rows.chunks_mut(8), flips) {
        for (place, row) in rows.iter_mut().enumerate() {
            *row ^= delta & 0_u128.wrapping_sub(u128::from((flips >> place) & 1));
        }
    }
}

/// Returns the chunks of a window, of so many in all.
pub(super) fn of_window(window: usize, chunks: usize) -> Range<usize> {
    (window * WINDOW).min(chunks)..((window + 1) * WINDOW).min(chunks)
}
