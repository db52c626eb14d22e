//! Echo: a check that every party sent the same to all others.
//!
//! Every party sends the digests that it received (its echo) to all others, and compares their
//! echoes with its own view, as in the echo broadcast of Goldwasser and Lindell, *Secure multi-party
//! computation without agreement* (Journal of Cryptology 18, 2005). If a third party told two honest
//! ones different things, both see it. Of the third party and the witness that reports it, one is
//! lying; no other party can tell which.
//!
//! Up to eight parties send the digests as a list, so that both are named. Among more the lists would
//! be most of all bytes. They send a hash of the list, and only the witness is named.

use crate::algebra::elementwise::zip_exact;
use crate::kernel::fault::{Fault, Misbehaviour};
use crate::kernel::message::Message;
use crate::kernel::party::{Parties, Party};

/// The most parties that send their views as lists.
const MOST_LISTED: usize = 8;

/// A hash of a message that a party has sent, or a commitment to one that it will send. It is sent
/// to all, and no secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Digest([u8; Self::BYTES]);

/// The digest of each party's message, in order: as it came from the party, or as this party sent
/// it.
#[derive(Debug)]
pub(crate) struct Views {
    me: Party,
    digests: Vec<(Party, Digest)>,
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
            digests.push((from, Digest(bytes.as_ref().try_into().map_err(malformed)?)));
        }
        Self::of(parties, ours, digests)
    }

    /// Puts this party's digest among the others'. There has to be one of each other party: every
    /// accusation depends on their places.
    pub(crate) fn of(
        parties: Parties,
        ours: Digest,
        mut digests: Vec<(Party, Digest)>,
    ) -> Result<Self, Fault> {
        let me = parties.me();
        digests.push((me, ours));
        digests.sort_by_key(|(party, _)| *party);
        if !digests.iter().map(|(party, _)| *party).eq(parties.all()) {
            return Err(Fault::Internal("there is a digest of each party"));
        }
        Ok(Self { me, digests })
    }

    /// Returns all digests in order, or a hash of them, to be sent to all others.
    pub(crate) fn echo(&self) -> Vec<u8> {
        let list = self.digests.iter().flat_map(|(_, digest)| digest.0).collect::<Vec<u8>>();
        if self.digests.len() <= MOST_LISTED {
            return list;
        }
        blake3::derive_key("cloister 1 echo of many", &list).to_vec()
    }

    /// Returns the bytes of an echo.
    pub(crate) fn echo_bytes(&self) -> usize {
        echo_bytes(self.digests.len())
    }

    /// Returns whether `party` sent `digest`.
    pub(crate) fn is_of(&self, party: Party, digest: &Digest) -> bool {
        self.digests.contains(&(party, *digest))
    }

    /// Compares the echo of `witness` with this party's view.
    pub(crate) fn compare(&self, witness: Party, echo: &[u8]) -> Result<(), Fault> {
        if echo.len() != self.echo_bytes() {
            return Err(Fault::blame(witness, Misbehaviour::Malformed));
        }
        if self.digests.len() > MOST_LISTED {
            let is_same = self.echo() == echo;
            return if is_same { Ok(()) } else { Err(Fault::OtherViews { witness }) };
        }
        let (theirs, _) = echo.as_chunks::<{ Digest::BYTES }>();
        for ((party, ours), theirs) in zip_exact(&self.digests, theirs) {
            if ours.0 != *theirs {
                return Err(self.accuse(witness, *party));
            }
        }
        Ok(())
    }

    /// Returns the fault of a differing echo. This party knows its own message, and a witness its
    /// own: about these a witness cannot err.
    fn accuse(&self, witness: Party, accused: Party) -> Fault {
        if accused == self.me || accused == witness {
            return Fault::blame(witness, Misbehaviour::FalseReport);
        }
        Fault::Equivocation { witness, accused }
    }
}

/// Returns the bytes of an echo among so many parties.
pub(crate) fn echo_bytes(parties: usize) -> usize {
    if parties <= MOST_LISTED { Digest::BYTES * parties } else { blake3::OUT_LEN }
}

/// Takes a hash as a digest. The hasher's key or context has to be for one kind of message.
impl From<blake3::Hasher> for Digest {
    fn from(hasher: blake3::Hasher) -> Self {
        Self(*hasher.finalize().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn party(index: usize) -> Party {
        Party::new(index).unwrap()
    }

    fn digest(byte: u8) -> Digest {
        Digest::of_bytes([byte; Digest::BYTES])
    }

    #[test]
    fn digests_stand_in_the_places_of_their_parties() {
        let parties = Parties::new(3, 1).unwrap();
        let others = vec![(party(2), digest(2)), (party(0), digest(0))];
        let views = Views::of(parties, digest(1), others).unwrap();
        assert_eq!(views.echo(), [[0; 32], [1; 32], [2; 32]].concat());
        let echo = [[0; 32], [1; 32], [9; 32]].concat();
        let (witness, accused) = (party(0), party(2));
        assert_eq!(views.compare(witness, &echo), Err(Fault::Equivocation { witness, accused }));
    }

    #[test]
    fn among_many_parties_a_hash_tells_that_a_view_differs() {
        let views = |last: u8| {
            let others =
                (1..9).map(|index| (party(index), digest(if index == 8 { last } else { 1 })));
            Views::of(Parties::new(9, 0).unwrap(), digest(0), others.collect()).unwrap()
        };
        let (ours, witness) = (views(1), party(3));
        assert_eq!(ours.echo().len(), ours.echo_bytes());
        assert_eq!(ours.echo_bytes(), 32);
        assert_eq!(ours.compare(witness, &views(1).echo()), Ok(()));
        assert_eq!(ours.compare(witness, &views(2).echo()), Err(Fault::OtherViews { witness }));
        let short = Fault::blame(witness, Misbehaviour::Malformed);
        assert_eq!(ours.compare(witness, &ours.echo()[1..]), Err(short));
    }

    #[test]
    fn a_missing_or_repeated_digest_accuses_no_party() {
        let parties = Parties::new(3, 1).unwrap();
        for others in [
            vec![],
            vec![(party(2), digest(2))],
            vec![(party(2), digest(2)), (party(2), digest(2))],
            vec![(party(0), digest(0)), (party(1), digest(1))],
            vec![(party(0), digest(0)), (party(2), digest(2)), (party(3), digest(3))],
        ] {
            let views = Views::of(parties, digest(1), others);
            assert!(matches!(views, Err(Fault::Internal(_))), "{views:?}");
        }
    }
}
