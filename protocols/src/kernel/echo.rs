//! Echo: a check that every party sent the same to all others.
//!
//! Every party sends the digests that it received (its echo) to all others, and compares their
//! echoes with its own view. If a third party told two honest ones different things, both see it.
//! Of the third party and the witness that reports it, one is lying; no other party can tell which.

use subtle::ConstantTimeEq;

use crate::kernel::fault::{Fault, Misbehaviour};
use crate::kernel::message::Message;
use crate::kernel::party::{Parties, Party};

/// A hash of a message that a party has sent, or a commitment to one that it will send.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Digest([u8; Self::BYTES]);

/// The digest of each party's message, in order: as it came from the party, or as this party sent
/// it.
pub(crate) struct Views {
    parties: Parties,
    digests: Vec<Digest>,
}

impl Digest {
    pub(crate) const BYTES: usize = 32;

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    #[cfg(test)]
    pub(crate) fn of_bytes(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    pub(crate) fn to_vec(self) -> Vec<u8> {
        self.0.to_vec()
    }
}

impl Views {
    /// Collects the digests: this party's own, and the others' from a message each.
    pub(crate) fn new(
        parties: Parties,
        ours: Digest,
        others: Vec<(Party, Message)>,
    ) -> Result<Self, Fault> {
        let mut digests = Vec::with_capacity(parties.count());
        for (from, message) in others {
            let malformed = |_| Fault::blame(from, Misbehaviour::Malformed);
            let bytes = message.into_bytes();
            digests.push(Digest(bytes.as_ref().try_into().map_err(malformed)?));
        }
        Ok(Self::of(parties, ours, digests))
    }

    /// Puts this party's digest among the others', which are in order.
    pub(crate) fn of(parties: Parties, ours: Digest, mut others: Vec<Digest>) -> Self {
        let place = parties.position(parties.me()).expect("we are one of the parties");
        others.insert(place.min(others.len()), ours);
        Self { parties, digests: others }
    }

    /// Returns all digests in order, to be sent to all others.
    pub(crate) fn echo(&self) -> Vec<u8> {
        self.digests.iter().flat_map(|digest| digest.0).collect()
    }

    /// Returns the bytes of an echo.
    pub(crate) fn echo_bytes(&self) -> usize {
        Digest::BYTES * self.digests.len()
    }

    /// Returns whether `party` sent `digest`.
    pub(crate) fn is_of(&self, party: Party, digest: &Digest) -> bool {
        let known = self.parties.position(party).and_then(|place| self.digests.get(place));
        known.is_some_and(|known| known.0.ct_eq(&digest.0).into())
    }

    /// Compares the echo of `witness` with this party's view.
    pub(crate) fn compare(&self, witness: Party, echo: &[u8]) -> Result<(), Fault> {
        let (theirs, rest) = echo.as_chunks::<{ Digest::BYTES }>();
        if theirs.len() != self.digests.len() || !rest.is_empty() {
            return Err(Fault::blame(witness, Misbehaviour::Malformed));
        }
        for (place, (ours, theirs)) in self.digests.iter().zip(theirs).enumerate() {
            if ours.0 != *theirs {
                return Err(self.accuse(witness, place));
            }
        }
        Ok(())
    }

    /// Returns the fault of a differing echo. This party knows its own message, and a witness its
    /// own: about these a witness cannot err.
    fn accuse(&self, witness: Party, place: usize) -> Fault {
        match self.parties.all().nth(place) {
            Some(accused) if accused != self.parties.me() && accused != witness => {
                Fault::Equivocation { witness, accused }
            }
            _ => Fault::blame(witness, Misbehaviour::FalseReport),
        }
    }
}

impl From<blake3::Hasher> for Digest {
    fn from(hasher: blake3::Hasher) -> Self {
        Self(*hasher.finalize().as_bytes())
    }
}
