//! Sealing: authenticated encryption with AES-256-GCM, under keys derived from the node's key.
//!
//! Each content gets a fresh random salt of 32 bytes, and a key derived from it. The nonce is the
//! number of the chunk, so no nonce is used twice under one key. The associated data bind each
//! chunk to its context (table, key, and other parts that must not be exchanged) and to the number
//! of chunks. A chunk that was moved, left out or taken from an earlier version does not open.
//!
//! Sealing does not hide lengths. It does not detect a whole record that was replaced by an earlier
//! one of the same context.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroizing;

use crate::error::VaultError;

/// Random bytes from which the key of one content is derived, stored beside it in the clear.
pub(crate) type Salt = [u8; 32];

const SALT_BYTES: usize = size_of::<Salt>();

/// A key that derives the keys of contents, for one purpose.
pub(crate) struct Sealer(Zeroizing<[u8; 32]>);

impl Sealer {
    /// Derives the sealer of one purpose; `purpose` is a constant of this crate.
    pub(crate) fn new(node_key: &[u8; 32], purpose: &'static str) -> Self {
        Self(Zeroizing::new(blake3::derive_key(purpose, node_key)))
    }

    /// Seals a short content as one piece: salt, ciphertext, tag.
    pub(crate) fn seal(&self, context: &[u8], content: &[u8]) -> Result<Vec<u8>, VaultError> {
        let salt = random::<SALT_BYTES>()?;
        let sealed = self.chunks(&salt, context, 1).seal(0, content)?;
        Ok([salt.as_slice(), &sealed].concat())
    }

    /// Opens the output of [`Sealer::seal`], or returns `None` if it is not authentic.
    pub(crate) fn open(&self, context: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (salt, sealed) = sealed.split_first_chunk::<SALT_BYTES>()?;
        self.chunks(salt, context, 1).open(0, sealed)
    }

    /// Derives the sealer of one content of `count` chunks. The salt must be fresh for each
    /// content.
    pub(crate) fn chunks(&self, salt: &Salt, context: &[u8], count: u64) -> ChunkSealer {
        let key = Zeroizing::new(*blake3::keyed_hash(&self.0, salt).as_bytes());
        ChunkSealer { key, associated_data: length_prefixed(&[context, &count.to_le_bytes()]) }
    }
}

/// Seals and opens the numbered chunks of one content.
pub(crate) struct ChunkSealer {
    key: Zeroizing<[u8; 32]>,
    associated_data: Vec<u8>,
}

impl ChunkSealer {
    /// Encrypts chunk `number`, and appends its tag.
    pub(crate) fn seal(&self, number: u64, content: &[u8]) -> Result<Vec<u8>, VaultError> {
        let mut sealed = Vec::with_capacity(content.len().saturating_add(AES_256_GCM.tag_len()));
        sealed.extend_from_slice(content);
        let associated_data = Aad::from(self.associated_data.as_slice());
        // Fails for contents of more than 64 GiB only, which no caller makes.
        self.cipher()
            .and_then(|cipher| {
                cipher.seal_in_place_append_tag(nonce(number), associated_data, &mut sealed)
            })
            .map_err(|_| VaultError::TooBig { what: "a sealed content's bytes", limit: 1 << 36 })?;
        Ok(sealed)
    }

    /// Decrypts chunk `number`, or returns `None` if the bytes are not that chunk.
    pub(crate) fn open(&self, number: u64, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let mut buffer = Zeroizing::new(sealed.to_vec());
        let associated_data = Aad::from(self.associated_data.as_slice());
        let cipher = self.cipher().ok()?;
        let content = cipher.open_in_place(nonce(number), associated_data, &mut buffer).ok()?;
        let length = content.len();
        buffer.truncate(length);
        Some(buffer)
    }

    fn cipher(&self) -> Result<LessSafeKey, aws_lc_rs::error::Unspecified> {
        UnboundKey::new(&AES_256_GCM, self.key.as_slice()).map(LessSafeKey::new)
    }
}

/// Joins parts injectively into one byte string, each with its length before it.
pub(crate) fn length_prefixed(parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}

/// Draws bytes from the random source of the system.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], VaultError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| VaultError::Random)?;
    Ok(bytes)
}

/// Derives the nonce of a chunk from its number. Each content has a key of its own.
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
        let sealed = sealer.chunks(&[1; 32], b"place", 3).seal(1, b"content").unwrap();
        assert!(sealer.chunks(&[1; 32], b"place", 3).open(1, &sealed).is_some());
        assert!(sealer.chunks(&[1; 32], b"place", 3).open(0, &sealed).is_none());
        assert!(sealer.chunks(&[1; 32], b"place", 2).open(1, &sealed).is_none());
        assert!(sealer.chunks(&[2; 32], b"place", 3).open(1, &sealed).is_none());
        assert!(sealer.chunks(&[1; 32], b"other", 3).open(1, &sealed).is_none());
    }

    #[test]
    fn joined_parts_cannot_be_confused() {
        assert_ne!(length_prefixed(&[b"ab", b"c"]), length_prefixed(&[b"a", b"bc"]));
        assert_ne!(length_prefixed(&[b"ab"]), length_prefixed(&[b"ab", b""]));
    }
}
