//! Base transfers, by public keys.
//!
//! Masny and Rindal, *Endemic oblivious transfer* (CCS 2019), their transfer from a key agreement
//! in one round, with that of Diffie and Hellman on ristretto255.
//!
//! **Parties:** a sender and a receiver. **Adversary:** either may be corrupt and deviate. The keys
//! are endemic then: a party that deviates may choose its own, and learns nothing of the others.
//!
//! For each transfer j, with random oracles H_0, H_1 into the group:
//! 1. The receiver with choice c draws b and a random element r_{1−c}, puts r_c = b·G −
//!    H_c(r_{1−c}), and sends (r_0, r_1), which are two elements that tell nothing of c.
//! 2. The sender draws a and sends A = a·G, which does not depend on (r_0, r_1) and may go at once.
//! 3. The sender's keys are k_i = KDF(a·(r_i + H_i(r_{1−i}))), the receiver's is k_c = KDF(b·A).
//!
//! The oracles and the derivation of keys take in a context. It follows from the session, its two
//! parties and their link, the direction, and the number of the transfer. Each transfer has an a of
//! its own.
//!
//! **Bytes** for n transfers: 64·n by the receiver, 32·n by the sender, both in the first round.
//!
//! Elements come compressed. [`CompressedRistretto::decompress`] takes canonical encodings of the
//! group only, which has prime order. The identity is refused as A.

use crate::algebra::elementwise::zip_exact;
use curve25519_dalek::ristretto::{CompressedRistretto, RistrettoPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::IsIdentity;
use rand_core::CryptoRng;
use rayon::prelude::*;
use subtle::{Choice, ConditionallySelectable};
use zeroize::{Zeroize, Zeroizing};

/// The bytes of a group element.
const ELEMENT: usize = 32;

/// The bytes that a receiver sends for each transfer.
pub(crate) const RECEIVED: usize = 2 * ELEMENT;

/// The bytes that a sender sends for each transfer.
pub(crate) const SENT: usize = ELEMENT;

/// A key that a transfer ends with.
pub(crate) type Key = Zeroizing<[u8; 32]>;

/// The context of all keys and oracles of one batch of transfers.
#[derive(Clone, Copy)]
pub(crate) struct Session<'a>(pub(crate) &'a [u8; 32]);

/// The sender, between its message and its keys.
pub(crate) struct Sender(Vec<Zeroizing<Scalar>>);

/// The receiver, between its message and its keys.
pub(crate) struct Receiver(Vec<Zeroizing<Scalar>>);

impl Sender {
    /// Draws the secrets of `count` transfers, and makes the message to the receiver (step 2).
    pub(crate) fn begin(count: usize, rng: &mut impl CryptoRng) -> (Self, Vec<u8>) {
        let secrets: Vec<_> = (0..count).map(|_| Zeroizing::new(Scalar::random(rng))).collect();
        let elements = secrets.par_iter().map(|a| RistrettoPoint::mul_base(a).compress());
        let message: Vec<[u8; ELEMENT]> = elements.map(|element| element.to_bytes()).collect();
        (Self(secrets), message.concat())
    }

    /// Returns the keys k_0 and k_1 of each transfer (step 3), or none if the message is invalid.
    pub(crate) fn finish(self, session: Session<'_>, message: &[u8]) -> Option<Vec<[Key; 2]>> {
        let (pairs, rest) = message.as_chunks::<RECEIVED>();
        if pairs.len() != self.0.len() || !rest.is_empty() {
            return None;
        }
        self.0
            .par_iter()
            .zip(pairs)
            .enumerate()
            .map(|(number, (a, pair))| {
                let (first, second) = pair.split_at(ELEMENT);
                let (r_0, r_1) = (decompress(first)?, decompress(second)?);
                let key = |index: u8, own: RistrettoPoint, other: &[u8]| {
                    let agreed = own + session.oracle(number, index, other);
                    session.key(number, index, &(agreed * **a))
                };
                Some([key(0, r_0, second), key(1, r_1, first)])
            })
            .collect()
    }
}

impl Receiver {
    /// Draws the secrets of a transfer for each choice, and makes the message to the sender (step
    /// 1).
    pub(crate) fn begin(
        session: Session<'_>,
        choices: &[bool],
        rng: &mut impl CryptoRng,
    ) -> (Self, Vec<u8>) {
        let drawn: Vec<(Zeroizing<Scalar>, CompressedRistretto)> = choices
            .iter()
            .map(|_| (Zeroizing::new(Scalar::random(rng)), RistrettoPoint::random(rng).compress()))
            .collect();
        let message: Vec<Vec<u8>> = drawn
            .par_iter()
            .zip(choices)
            .enumerate()
            .map(|(number, ((b, other), chosen))| session.pair(number, b, other, *chosen))
            .collect();
        (Self(drawn.into_iter().map(|(b, _)| b).collect()), message.concat())
    }

    /// Returns the key k_c of each transfer (step 3), or none if the message is invalid.
    pub(crate) fn finish(
        self,
        session: Session<'_>,
        choices: &[bool],
        message: &[u8],
    ) -> Option<Vec<Key>> {
        let (elements, rest) = message.as_chunks::<SENT>();
        if elements.len() != self.0.len() || !rest.is_empty() {
            return None;
        }
        let secrets: Vec<_> = zip_exact(self.0.iter(), choices).enumerate().collect();
        secrets
            .par_iter()
            .zip(elements.par_iter().map(<[u8; SENT]>::as_slice))
            .map(|((number, (b, chosen)), element)| {
                let a = decompress(element).filter(|a| !a.is_identity())?;
                Some(session.key(*number, u8::from(**chosen), &(a * ***b)))
            })
            .collect()
    }
}

impl Session<'_> {
    /// Returns H_index of transfer `number`: an element of the group for each text.
    fn oracle(self, number: usize, index: u8, other: &[u8]) -> RistrettoPoint {
        let mut hasher =
            blake3::Hasher::new_derive_key("cloister 1 pairwise: oracle of a transfer");
        self.begin(&mut hasher, number, index);
        hasher.update(other);
        let mut uniform = [0; 64];
        hasher.finalize_xof().fill(&mut uniform);
        RistrettoPoint::from_uniform_bytes(&uniform)
    }

    /// Makes the receiver's pair r_0, r_1 for transfer `number` (step 1), of its secret `b` and the
    /// random element `other`. Time and memory access do not depend on `chosen`.
    fn pair(self, number: usize, b: &Scalar, other: &CompressedRistretto, chosen: bool) -> Vec<u8> {
        let chosen = Choice::from(u8::from(chosen));
        let other = other.as_bytes();
        let oracles = [0, 1].map(|index| self.oracle(number, index, other));
        let [oracle_0, oracle_1] = &oracles;
        let oracle = RistrettoPoint::conditional_select(oracle_0, oracle_1, chosen);
        let own = (RistrettoPoint::mul_base(b) - oracle).compress();
        let mut pair = [[0; ELEMENT]; 2];
        let [r_0, r_1] = &mut pair;
        for (place, (own, other)) in zip_exact(r_0.iter_mut(), own.as_bytes().iter().zip(other)) {
            *place = u8::conditional_select(own, other, chosen);
        }
        for (place, (own, other)) in zip_exact(r_1.iter_mut(), own.as_bytes().iter().zip(other)) {
            *place = u8::conditional_select(other, own, chosen);
        }
        pair.concat()
    }

    fn key(self, number: usize, index: u8, agreed: &RistrettoPoint) -> Key {
        let mut hasher = blake3::Hasher::new_derive_key("cloister 1 pairwise: key of a transfer");
        self.begin(&mut hasher, number, index);
        hasher.update(agreed.compress().as_bytes());
        let key = Zeroizing::new(*hasher.finalize().as_bytes());
        hasher.zeroize();
        key
    }

    fn begin(self, hasher: &mut blake3::Hasher, number: usize, index: u8) {
        hasher.update(self.0);
        hasher.update(&(number as u64).to_le_bytes());
        hasher.update(&[index]);
    }
}

fn decompress(bytes: &[u8]) -> Option<RistrettoPoint> {
    CompressedRistretto::from_slice(bytes).ok()?.decompress()
}
