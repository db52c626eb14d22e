//! Commitments: all parties fix their vectors before any of them is shown.
//!
//! 1. *commit*: party i draws a nonce r_i of 32 bytes and sends all others c_i = H(purpose ‖ session
//!    ‖ use ‖ i ‖ r_i ‖ y_i).
//! 2. *open*: having all commitments, it sends all others r_i ‖ (c_1 … c_n as it saw them: the echo;
//!    among many parties a hash of them), and y_i. It checks that every echo agrees with its own view, and that every vector fits its
//!    commitment.
//!
//! So no party chooses its vector after it has seen another's. H binds a party to y_i, and the nonce
//! hides y_i also where it can be guessed. The purpose, session, use and party inside the hash keep a
//! commitment from being copied or replayed.
//!
//! **The echo may travel with the opening.** Suppose that a party shows c to P and c′ to Q. P and Q
//! are honest, so P's echo to Q has c, and Q's to P has c′. Either accepts only after it has
//! compared every echo with its own view, so both stop. Hence two honest parties that accept hold
//! the same commitments, and by the binding of H the same vectors.
//!
//! The two rounds are two types: an [`Opening`] commits and becomes a [`Committed`], which opens
//! and is gone. So nothing can be opened twice or before all have committed.
//!
//! **Bytes sent per party:** (n − 1)(|y| + 32 + 32 + e), with e = 32n for up to eight parties, 32 for
//! more.

use bytes::Bytes;
use rand_core::CryptoRng;

use crate::kernel::channel::{Channel, Message};
use crate::kernel::echo::{Digest, Views, echo_bytes};
use crate::kernel::fault::{Fault, Misbehaviour};
use crate::kernel::party::{Parties, Party};
use crate::kernel::session::SessionHash;

const NONCE: usize = 32;

/// The place of a commitment: no two commitments of a party have the same one.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    /// The context of the hash, of one protocol.
    pub(crate) purpose: &'static str,
    /// The session.
    pub(crate) session: SessionHash,
    /// The number of the use in the session.
    pub(crate) number: u64,
}

/// The vector that one party is going to open.
pub(crate) struct Opening {
    place: Place,
    me: Party,
    nonce: [u8; NONCE],
    y: Bytes,
}

/// The vector that one party is going to open, and the commitments of all.
pub(crate) struct Committed {
    opening: Opening,
    commitments: Views,
}

/// Returns the lengths of the messages of one party before its vector: commitment, and nonce with
/// echo.
pub(crate) fn lengths(parties: Parties) -> [usize; 2] {
    [Digest::BYTES, NONCE + echo_bytes(parties.count())]
}

impl Opening {
    pub(crate) fn new(place: Place, me: Party, y: Bytes, rng: &mut impl CryptoRng) -> Self {
        let mut nonce = [0; NONCE];
        rng.fill_bytes(&mut nonce);
        Self { place, me, nonce, y }
    }

    /// Creates an opening with a fixed nonce.
    #[cfg(test)]
    pub(crate) fn fixed(place: Place, me: Party, nonce: [u8; NONCE], y: Bytes) -> Self {
        Self { place, me, nonce, y }
    }

    /// Commits, and receives all others' commitments (step 1).
    pub(crate) async fn commit(self, channel: &Channel) -> Result<Committed, Fault> {
        let c = self.commitment();
        channel.broadcast(c.to_vec());
        let others = channel.gather_exactly(c.len()).await?;
        let commitments = Views::new(channel.parties(), c, others)?;
        Ok(Committed { opening: self, commitments })
    }

    /// Returns c_i.
    pub(crate) fn commitment(&self) -> Digest {
        let mut hasher = self.hasher(self.me, &self.nonce);
        hasher.update(&self.y);
        Digest::from(hasher)
    }

    /// Returns r_i ‖ echo, and y_i.
    pub(crate) fn messages(&self, commitments: &Views) -> [Bytes; 2] {
        let first = [self.nonce.as_slice(), &commitments.echo()].concat();
        [first.into(), self.y.clone()]
    }

    /// Hashes all of the commitment but y, which is to follow.
    fn hasher(&self, party: Party, nonce: &[u8]) -> blake3::Hasher {
        let mut hasher = blake3::Hasher::new_derive_key(self.place.purpose);
        hasher.update(self.place.session.as_bytes());
        hasher.update(&self.place.number.to_le_bytes());
        hasher.update(&party.to_bytes());
        hasher.update(nonce);
        hasher
    }
}

impl Committed {
    /// Opens, and checks that all tell the same commitments and that all vectors fit theirs (step
    /// 2). `take` takes in each other party's vector and hashes all of its bytes in their order.
    /// Nothing of what it has taken in may be used unless this returns without a fault.
    pub(crate) async fn open(
        self,
        channel: &Channel,
        mut take: impl FnMut(&Message, &mut blake3::Hasher),
    ) -> Result<(), Fault> {
        let Self { opening, commitments } = self;
        for message in opening.messages(&commitments) {
            channel.broadcast(message);
        }
        let nonces = compare_echoes(channel, &commitments).await?;

        let others: Vec<Party> = channel.parties().others().collect();
        let mut awaited = others.as_slice();
        for (j, r_j) in nonces {
            let y_j = channel.receive_first(awaited, j, opening.y.len()).await?;
            awaited = awaited.split_first().map_or(&[], |(_, later)| later);
            let mut hasher = opening.hasher(j, &r_j);
            take(&y_j, &mut hasher);
            if !commitments.is_of(j, &Digest::from(hasher)) {
                return Err(Fault::blame(j, Misbehaviour::WrongOpening));
            }
        }
        Ok(())
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
