//! Items as elements of ristretto255, blinded by a party's secret scalar.
//!
//! The group has prime order, and an encoding that is not canonical does not decode. So the
//! identity is the only element of low order that a peer could send; it is refused. Items enter the
//! group by its own hash (RFC 9496, section 4.3.4), of 64 bytes of BLAKE3: no party knows their
//! discrete logarithm.
//!
//! The group is written as a power here: to exponentiate is to multiply an element by a scalar, in
//! constant time. Encodings of many elements share one inversion
//! ([`RistrettoPoint::double_and_compress_batch`]). It encodes twice the element, so the exponent
//! is 2s for a random s.

use curve25519_dalek::ristretto::{CompressedRistretto, RistrettoPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::IsIdentity;
use rand_core::CryptoRng;
use rayon::prelude::*;
use zeroize::Zeroizing;

use super::ItemHash;

/// The bytes of a blinded item.
pub(crate) const ELEMENT: usize = 32;

/// The elements that share an inversion. More are no faster, and fewer leave processors without
/// work.
const BATCH: usize = 64;

/// The secret exponent of a party, for one session.
pub(crate) struct BlindingScalar(Zeroizing<Scalar>);

/// The hash of an item's element under the exponents of two parties.
pub(crate) type DoublyBlinded = u128;

impl BlindingScalar {
    /// Draws a random scalar.
    pub(crate) fn random(rng: &mut impl CryptoRng) -> Self {
        Self(Zeroizing::new(Scalar::random(rng)))
    }

    /// Makes a scalar from a random one that no other party knows and that has no other use.
    pub(crate) fn of(half: Scalar) -> Self {
        Self(Zeroizing::new(half))
    }

    /// Returns the scalar that takes this exponent away again.
    pub(crate) fn inverse(&self) -> Self {
        // The exponent is 2s; half of its inverse is 1 / 4s.
        let four = Scalar::from(4_u8);
        Self(Zeroizing::new((*self.0 * four).invert()))
    }

    /// Exponentiates each item's element, and encodes it.
    pub(crate) fn blinded(&self, items: &[ItemHash]) -> Vec<u8> {
        items.par_chunks(BATCH).flat_map_iter(|items| self.blinded_batch(items)).collect()
    }

    /// Blinds elements that the other party has blinded. Returns none if one is no element of the
    /// group, or the identity.
    pub(crate) fn doubly_blinded(&self, elements: &[u8]) -> Option<Vec<DoublyBlinded>> {
        let exponentiated = self.exponentiated(elements)?;
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

    fn blinded_batch(&self, items: &[ItemHash]) -> Vec<u8> {
        let halves: Vec<RistrettoPoint> =
            items.iter().map(|item| element(item) * *self.0).collect();
        encoded(&halves)
    }

    fn exponentiated_batch(&self, elements: &[[u8; ELEMENT]]) -> Option<Vec<u8>> {
        let halves: Option<Vec<RistrettoPoint>> =
            elements.iter().map(|element| Some(decoded(element)? * *self.0)).collect();
        halves.map(|halves| encoded(&halves))
    }
}

fn element(item: &ItemHash) -> RistrettoPoint {
    let mut hasher = blake3::Hasher::new_derive_key("cloister 1 intersection: into the group");
    hasher.update(&item.to_le_bytes());
    let mut wide = Zeroizing::new([0; 64]);
    hasher.finalize_xof().fill(wide.as_mut());
    RistrettoPoint::from_uniform_bytes(&wide)
}

fn decoded(bytes: &[u8; ELEMENT]) -> Option<RistrettoPoint> {
    let element = CompressedRistretto(*bytes).decompress()?;
    (!element.is_identity()).then_some(element)
}

fn encoded(halves: &[RistrettoPoint]) -> Vec<u8> {
    let encoded = RistrettoPoint::double_and_compress_batch(halves);
    encoded.iter().flat_map(|element| *element.as_bytes()).collect()
}

fn hashed(element: &[u8; ELEMENT]) -> DoublyBlinded {
    let hash = blake3::derive_key("cloister 1 intersection: twice masked", element);
    let (halves, _) = hash.as_chunks::<16>();
    halves.first().map_or(0, |half| u128::from_le_bytes(*half))
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
