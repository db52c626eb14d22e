//! Items as elements of ristretto255, blinded by a party's secret scalar.
//!
//! The group has prime order, and an encoding that is not canonical does not decode. So the
//! identity is the only element of low order that a peer could send; it is refused. Items enter the
//! group by its own hash (RFC 9496, section 4.3.4), of 64 bytes of BLAKE3: no party knows their
//! discrete logarithm.
//!
//! The group is written as a power here: to exponentiate is to multiply an element by a scalar, in
//! constant time. Encodings of many elements share one inversion
//! ([`RistrettoPoint::double_and_compress_batch`]). It encodes twice the point, the square of the
//! element. So the exponent is 2s for a random s.
//!
//! Scalars, hashes of items and encodings of their blinded elements are zeroized. Points on the way
//! are not.

use curve25519_dalek::ristretto::{CompressedRistretto, RistrettoPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::IsIdentity;
use rand_core::CryptoRng;
use rayon::prelude::*;
use zeroize::{Zeroize, Zeroizing};

use super::ItemHash;
use crate::algebra::digest::first_block;

/// The bytes of a blinded item.
pub(crate) const ELEMENT: usize = 32;

/// The elements that share an inversion. More are no faster, and fewer leave processors without
/// work.
const BATCH: usize = 64;

/// Half of the secret exponent of a party, for one session: s of the exponent 2s.
pub(crate) struct BlindingScalar {
    half: Zeroizing<Scalar>,
}

/// The hash of an item's element under the exponents of two parties.
pub(crate) type DoublyBlinded = u128;

impl BlindingScalar {
    /// Draws a random scalar.
    pub(crate) fn random(rng: &mut impl CryptoRng) -> Self {
        Self { half: Zeroizing::new(Scalar::random(rng)) }
    }

    /// Makes a scalar from a random one that no other party knows and that has no other use.
    pub(crate) fn of(half: Zeroizing<Scalar>) -> Self {
        Self { half }
    }

    /// Returns the scalar that takes this exponent away again.
    pub(crate) fn inverse(&self) -> Self {
        // The exponent is 2s; half of its inverse is 1 / 4s.
        let twice = Zeroizing::new(*self.half * Scalar::from(4_u8));
        Self { half: Zeroizing::new(twice.invert()) }
    }

    /// Exponentiates each item's element, and encodes it.
    pub(crate) fn blinded(&self, items: &[ItemHash]) -> Zeroizing<Vec<u8>> {
        let mut blinded = Zeroizing::new(vec![0; ELEMENT * items.len()]);
        blinded
            .par_chunks_mut(ELEMENT * BATCH)
            .zip_eq(items.par_chunks(BATCH))
            .for_each(|(blinded, items)| self.blind_batch(items, blinded));
        blinded
    }

    /// Blinds elements that the other party has blinded. Returns none if one is no element of the
    /// group, or the identity.
    pub(crate) fn doubly_blinded(&self, elements: &[u8]) -> Option<Vec<DoublyBlinded>> {
        let exponentiated = Zeroizing::new(self.exponentiated(elements)?);
        let (elements, _) = exponentiated.as_chunks::<ELEMENT>();
        Some(elements.par_iter().map(hashed).collect())
    }

    /// Exponentiates elements, and encodes them. Returns none if one is no element of the group, or
    /// the identity.
    pub(crate) fn exponentiated(&self, elements: &[u8]) -> Option<Vec<u8>> {
        let (elements, rest) = elements.as_chunks::<ELEMENT>();
        if !rest.is_empty() {
            return None;
        }
        let batches: Option<Vec<Vec<u8>>> =
            elements.par_chunks(BATCH).map(|batch| self.exponentiated_batch(batch)).collect();
        batches.map(|batches| batches.concat())
    }

    fn blind_batch(&self, items: &[ItemHash], blinded: &mut [u8]) {
        let roots: Vec<RistrettoPoint> =
            items.iter().map(|item| element(item) * *self.half).collect();
        blinded.copy_from_slice(&Zeroizing::new(encoded_squares(&roots)));
    }

    fn exponentiated_batch(&self, elements: &[[u8; ELEMENT]]) -> Option<Vec<u8>> {
        let roots: Option<Vec<RistrettoPoint>> =
            elements.iter().map(|element| Some(decoded(element)? * *self.half)).collect();
        roots.map(|roots| encoded_squares(&roots))
    }
}

fn element(item: &ItemHash) -> RistrettoPoint {
    let mut hasher = blake3::Hasher::new_derive_key("cloister 1 intersection: into the group");
    hasher.update(&item.to_le_bytes());
    let mut wide = Zeroizing::new([0; 64]);
    let mut output = hasher.finalize_xof();
    output.fill(wide.as_mut());
    output.zeroize();
    hasher.zeroize();
    RistrettoPoint::from_uniform_bytes(&wide)
}

fn decoded(bytes: &[u8; ELEMENT]) -> Option<RistrettoPoint> {
    let element = CompressedRistretto(*bytes).decompress()?;
    (!element.is_identity()).then_some(element)
}

/// Encodes the square of each element, as a power: twice the point.
fn encoded_squares(roots: &[RistrettoPoint]) -> Vec<u8> {
    let encoded = RistrettoPoint::double_and_compress_batch(roots);
    encoded.iter().flat_map(|element| *element.as_bytes()).collect()
}

fn hashed(element: &[u8; ELEMENT]) -> DoublyBlinded {
    // The retired word is on the wire: a result is a part of this hash.
    first_block(&blake3::derive_key("cloister 1 intersection: twice masked", element))
}

#[cfg(test)]
mod tests {
    use curve25519_dalek::constants::RISTRETTO_BASEPOINT_POINT;

    use super::*;
    use crate::testing::{rng, seed};

    #[test]
    fn both_orders_of_exponents_lead_to_the_same_and_other_items_do_not() {
        let mut rng = rng(seed());
        let one = BlindingScalar::random(&mut rng);
        let other = BlindingScalar::random(&mut rng);
        let items: Vec<ItemHash> = (0..130).collect();
        let first = other.doubly_blinded(&one.blinded(&items)).unwrap();
        assert_eq!(one.doubly_blinded(&other.blinded(&items)).unwrap(), first);
        let mut distinct = first.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), items.len());
    }

    #[test]
    fn what_is_no_element_is_refused() {
        let scalar = BlindingScalar::random(&mut rng(seed()));
        let good = RISTRETTO_BASEPOINT_POINT.compress().to_bytes();
        assert!(scalar.doubly_blinded(&good).is_some());
        let mut negative = good;
        negative[0] ^= 1;
        let mut beyond = [0xff; 32];
        beyond[0] = 0xed;
        beyond[31] = 0x7f;
        let mut above = beyond;
        above[0] = 0xee;
        let mut high = good;
        high[31] |= 0x80;
        // The identity; p and p + 1, which are 0 and 1 written otherwise; a set top bit; a negative
        // number; the curve's points of order 2 and 4 as Ed25519 encodes them; noise.
        let mut order_2 = [0xff; 32];
        order_2[0] = 0xec;
        order_2[31] = 0x7f;
        for bad in [[0; 32], beyond, above, high, negative, order_2, [0xa5; 32]] {
            assert!(scalar.doubly_blinded(&bad).is_none(), "{bad:?}");
            assert!(scalar.doubly_blinded(&[good, bad].concat()).is_none(), "{bad:?}");
        }
        assert!(scalar.doubly_blinded(&good[..31]).is_none());
    }
}
