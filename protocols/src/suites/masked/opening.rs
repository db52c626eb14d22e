//! Commitments, echoes and openings of the masked sum.
//!
//! The two rounds are two types: an [`Opening`] commits and becomes a [`Committed`], which opens
//! and is gone. So nothing can be opened twice or before all have committed.

use bytes::Bytes;
use rand_core::CryptoRng;

use crate::algebra::elementwise::zip_exact;
use crate::algebra::layout::{Layout, PARALLEL_WORDS, Sign, apply};
use crate::kernel::channel::{Channel, Message};
use crate::kernel::echo::{Digest, Views};
use crate::kernel::fault::{Fault, Misbehaviour};
use crate::kernel::party::{Parties, Party};
use crate::kernel::session::{Session, SessionHash};
use crate::kernel::wire;

const NONCE: usize = 32;

/// The vector that one party is going to open.
pub(super) struct Opening {
    session: SessionHash,
    number: u64,
    me: Party,
    nonce: [u8; NONCE],
    y: Bytes,
}

/// The vector that one party is going to open, and the commitments of all.
pub(super) struct Committed {
    opening: Opening,
    commitments: Views,
}

/// Returns the lengths of the messages of one party in one sum: commitment, nonce and echo, y.
pub(super) fn lengths(parties: Parties, layout: &Layout) -> [usize; 3] {
    let echo = Digest::BYTES * parties.count();
    [Digest::BYTES, NONCE + echo, layout.bytes()]
}

impl Opening {
    pub(super) fn new(
        session: &Session,
        number: u64,
        parties: Parties,
        y: Vec<u64>,
        rng: &mut impl CryptoRng,
    ) -> Self {
        let mut nonce = [0; NONCE];
        rng.fill_bytes(&mut nonce);
        Self { session: *session.hash(), number, me: parties.me(), nonce, y: wire::elements(y) }
    }

    /// Creates an opening with a fixed session, number and nonce.
    #[cfg(test)]
    pub(super) fn fixed(parties: Parties, nonce: [u8; NONCE], y: Vec<u64>) -> Self {
        let session = SessionHash::fixed([5; 32]);
        Self { session, number: 7, me: parties.me(), nonce, y: wire::elements(y) }
    }

    /// Commits, and receives all others' commitments (step 1).
    pub(super) async fn commit(self, channel: &Channel) -> Result<Committed, Fault> {
        let c = self.commitment();
        channel.broadcast(c.to_vec());
        let others = channel.gather_exactly(c.len()).await?;
        let commitments = Views::new(channel.parties(), c, others)?;
        Ok(Committed { opening: self, commitments })
    }

    /// Returns c_i = H(session ‖ use ‖ i ‖ r_i ‖ y_i).
    pub(super) fn commitment(&self) -> Digest {
        let mut hasher = self.hasher(self.me, &self.nonce);
        hasher.update(&self.y);
        Digest::from(hasher)
    }

    /// Returns r_i ‖ echo, and y_i.
    pub(super) fn messages(&self, commitments: &Views) -> [Bytes; 2] {
        let first = [self.nonce.as_slice(), &commitments.echo()].concat();
        [first.into(), self.y.clone()]
    }

    /// Hashes all of the commitment but y, which is to follow.
    fn hasher(&self, party: Party, nonce: &[u8]) -> blake3::Hasher {
        let mut hasher = blake3::Hasher::new_derive_key("cloister 1 masked sum: commitment");
        hasher.update(self.session.as_bytes());
        hasher.update(&self.number.to_le_bytes());
        hasher.update(&party.to_bytes());
        hasher.update(nonce);
        hasher
    }
}

impl Committed {
    /// Opens, checks that all tell the same commitments and that all openings fit theirs, and adds
    /// (step 2).
    pub(super) async fn open(self, channel: &Channel, layout: &Layout) -> Result<Vec<u64>, Fault> {
        let Self { opening, commitments } = self;
        for message in opening.messages(&commitments) {
            channel.broadcast(message);
        }
        let nonces = compare_echoes(channel, &commitments).await?;

        let mut sum = wire::read_elements(layout.words(), std::iter::once(&*opening.y));
        let others: Vec<Party> = channel.parties().others().collect();
        let mut awaited = others.as_slice();
        for (j, r_j) in nonces {
            let y_j = channel.receive_first(awaited, j, layout.bytes()).await?;
            awaited = awaited.split_first().map_or(&[], |(_, later)| later);
            let mut hasher = opening.hasher(j, &r_j);
            add_opening(layout, &mut sum, &y_j, &mut hasher);
            if !commitments.is_of(j, &Digest::from(hasher)) {
                return Err(Fault::blame(j, Misbehaviour::WrongOpening));
            }
        }
        Ok(sum)
    }
}

/// Checks that all saw the same commitments. Returns the nonces that came with the echoes.
async fn compare_echoes(
    channel: &Channel,
    commitments: &Views,
) -> Result<Vec<(Party, Bytes)>, Fault> {
    let mut nonces = Vec::new();
    for (from, message) in channel.gather_exactly(NONCE + commitments.echo_bytes()).await? {
        let mut nonce = message.into_bytes();
        let echo = nonce.split_off(NONCE);
        commitments.compare(from, &echo)?;
        nonces.push((from, nonce));
    }
    Ok(nonces)
}

/// Adds the words of `message` to `sum` and to `hasher` in one pass.
pub(super) fn add_opening(
    layout: &Layout,
    sum: &mut [u64],
    message: &Message,
    hasher: &mut blake3::Hasher,
) {
    let mut reader = Reader::new(message);
    let mut rest = sum;
    let mut buffer = vec![0; PARALLEL_WORDS.min(layout.words())];
    for segment in layout.segments() {
        let (words, later) = rest.split_at_mut(segment.words());
        let block = (buffer.len() / segment.limbs).max(1) * segment.limbs;
        for target in words.chunks_mut(block) {
            buffer.resize(buffer.len().max(target.len()), 0);
            let (source, _) = buffer.split_at_mut(target.len());
            reader.read(source, hasher);
            apply(Sign::Plus, segment.limbs, target, source);
        }
        rest = later;
    }
}

/// Reads words from a message that came in pieces. Pieces are whole words; a cell may lie across
/// two of them.
struct Reader<'a> {
    pieces: Vec<&'a [u8]>,
}

impl<'a> Reader<'a> {
    fn new(message: &'a Message) -> Self {
        let mut pieces: Vec<&[u8]> = message.pieces().collect();
        pieces.reverse();
        Self { pieces }
    }

    fn read(&mut self, words: &mut [u64], hasher: &mut blake3::Hasher) {
        let mut rest = words;
        while !rest.is_empty() {
            let Some(piece) = self.pieces.pop() else {
                return;
            };
            let (now, later) = piece.split_at(piece.len().min(8 * rest.len()));
            hasher.update(now);
            let (bytes, _) = now.as_chunks::<8>();
            let (target, left) = rest.split_at_mut(bytes.len());
            for (word, bytes) in zip_exact(target.iter_mut(), bytes) {
                *word = u64::from_le_bytes(*bytes);
            }
            rest = left;
            if !later.is_empty() {
                self.pieces.push(later);
            }
        }
    }
}
