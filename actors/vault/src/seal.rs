//! Sealing: AES-256-GCM under keys that follow from the node's key.
//!
//! Every sealing draws a salt of 32 random bytes and derives a key of its own from it, so no nonce
//! can be used twice under one key however often something is sealed; the nonce is the number of the
//! chunk. What is sealed is bound to its [`place`] (table, key, and what else must not be exchanged),
//! to its number and to the number of chunks, so a chunk that was moved, left out or taken from an
//! earlier version does not open.
//!
//! It does not hide lengths, and it does not notice that a whole record was replaced by an earlier
//! one of the same place.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroizing;

use crate::VaultError;

/// 32 bytes from which a sealing's key is derived, stored beside what is sealed.
pub(crate) type Salt = [u8; 32];

const SALT_BYTES: usize = size_of::<Salt>();

/// A key for one purpose.
pub(crate) struct Sealer(Zeroizing<[u8; 32]>);

impl Sealer {
    /// The sealer of one purpose; `context` is a constant of this crate.
    pub(crate) fn new(node_key: &[u8; 32], context: &'static str) -> Self {
        Self(Zeroizing::new(blake3::derive_key(context, node_key)))
    }

    /// Seals a short content as one piece: salt, ciphertext, tag.
    pub(crate) fn seal(&self, place: &[u8], content: &[u8]) -> Result<Vec<u8>, VaultError> {
        let salt = random::<SALT_BYTES>()?;
        let sealed = self.chunks(&salt, place, 1).seal(0, content)?;
        Ok([salt.as_slice(), &sealed].concat())
    }

    /// Opens what [`Sealer::seal`] made, or nothing if it is not that.
    pub(crate) fn open(&self, place: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (salt, sealed) = sealed.split_first_chunk::<SALT_BYTES>()?;
        self.chunks(salt, place, 1).open(0, sealed)
    }

    /// The chunks of one long content, `count` of them. The salt must be new for every content.
    pub(crate) fn chunks(&self, salt: &Salt, place: &[u8], count: u64) -> Chunks {
        let key = Zeroizing::new(*blake3::keyed_hash(&self.0, salt).as_bytes());
        Chunks { key, bound: self::place(&[place, &count.to_le_bytes()]) }
    }
}

/// Seals and opens the numbered chunks of one content.
pub(crate) struct Chunks {
    key: Zeroizing<[u8; 32]>,
    bound: Vec<u8>,
}

impl Chunks {
    /// The ciphertext and tag of chunk `number`.
    pub(crate) fn seal(&self, number: u64, content: &[u8]) -> Result<Vec<u8>, VaultError> {
        let mut sealed = Vec::with_capacity(content.len().saturating_add(AES_256_GCM.tag_len()));
        sealed.extend_from_slice(content);
        // Fails for contents of more than 64 GiB only, which no caller makes.
        self.cipher()
            .and_then(|cipher| {
                let bound = Aad::from(self.bound.as_slice());
                cipher.seal_in_place_append_tag(nonce(number), bound, &mut sealed)
            })
            .map_err(|_| VaultError::TooBig { what: "a sealed content's bytes", limit: 1 << 36 })?;
        Ok(sealed)
    }

    /// The content of chunk `number`, or nothing if this is not that chunk.
    pub(crate) fn open(&self, number: u64, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let mut buffer = Zeroizing::new(sealed.to_vec());
        let bound = Aad::from(self.bound.as_slice());
        let length =
            self.cipher().ok()?.open_in_place(nonce(number), bound, &mut buffer).ok()?.len();
        buffer.truncate(length);
        Some(buffer)
    }

    fn cipher(&self) -> Result<LessSafeKey, aws_lc_rs::error::Unspecified> {
        UnboundKey::new(&AES_256_GCM, self.key.as_slice()).map(LessSafeKey::new)
    }
}

/// Parts as one byte string from which the parts can be told again: each with its length before it.
pub(crate) fn place(parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}

/// Bytes from the system.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], VaultError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| VaultError::Random)?;
    Ok(bytes)
}

/// Chunks are numbered from 0, and each content has a key of its own.
fn nonce(number: u64) -> Nonce {
    let mut bytes = [0; 12];
    let (_, low) = bytes.split_at_mut(4);
    low.copy_from_slice(&number.to_be_bytes());
    Nonce::assume_unique_for_key(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_at_its_place_and_nowhere_else() {
        let sealer = Sealer::new(&[1; 32], "test");
        let sealed = sealer.seal(b"place", b"content").unwrap();
        assert_eq!(sealer.open(b"place", &sealed).unwrap().as_slice(), b"content");
        assert!(sealer.open(b"other", &sealed).is_none());
        assert!(Sealer::new(&[2; 32], "test").open(b"place", &sealed).is_none());
        assert!(Sealer::new(&[1; 32], "other").open(b"place", &sealed).is_none());
        assert_ne!(sealer.seal(b"place", b"content").unwrap(), sealed, "a salt for every sealing");
    }

    #[test]
    fn no_bit_of_what_is_sealed_can_change_and_no_byte_be_cut() {
        let sealer = Sealer::new(&[1; 32], "test");
        let sealed = sealer.seal(b"place", b"content").unwrap();
        for bit in 0..8 * sealed.len() {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(sealer.open(b"place", &changed).is_none(), "bit {bit}");
        }
        for length in 0..sealed.len() {
            assert!(sealer.open(b"place", &sealed[..length]).is_none(), "cut to {length}");
        }
        assert!(sealer.open(b"place", &[sealed.as_slice(), b"x"].concat()).is_none());
    }

    #[test]
    fn chunks_are_bound_to_their_number_and_to_how_many_there_are() {
        let sealer = Sealer::new(&[1; 32], "test");
        let of = |salt, place: &[u8], count| sealer.chunks(&[salt; 32], place, count);
        let sealed = of(1, b"place", 3).seal(1, b"content").unwrap();
        assert!(of(1, b"place", 3).open(1, &sealed).is_some());
        assert!(of(1, b"place", 3).open(0, &sealed).is_none());
        assert!(of(1, b"place", 2).open(1, &sealed).is_none());
        assert!(of(2, b"place", 3).open(1, &sealed).is_none());
        assert!(of(1, b"other", 3).open(1, &sealed).is_none());
    }

    #[test]
    fn parts_of_a_place_do_not_run_into_each_other() {
        assert_ne!(place(&[b"ab", b"c"]), place(&[b"a", b"bc"]));
        assert_ne!(place(&[b"ab"]), place(&[b"ab", b""]));
    }
}
