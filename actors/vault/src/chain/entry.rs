//! One entry: its bytes, its hash and its parts.

use std::fmt;

use serde_json::Value;

use crate::error::VaultError;

/// The end of a chain: number and hash of the last entry.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Head {
    /// The number of the last entry, and so of all entries; 0 for an empty chain.
    pub number: u64,
    /// The hash of the last entry; zero for an empty chain.
    pub hash: [u8; 32],
}

impl Head {
    /// Encodes the number (little-endian) and the hash.
    pub(crate) fn bytes(self) -> Vec<u8> {
        [self.number.to_le_bytes().as_slice(), &self.hash].concat()
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (number, hash) = bytes.split_first_chunk()?;
        Some(Self { number: u64::from_le_bytes(*number), hash: hash.try_into().ok()? })
    }

    /// Returns the hash in hexadecimal, as documents and exports have it.
    pub fn hex(&self) -> String {
        blake3::Hash::from_bytes(self.hash).to_hex().to_string()
    }
}

impl fmt::Debug for Head {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Head({}, {})", self.number, self.hex())
    }
}

/// An entry as it is read.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEntry {
    /// Its number, from 1 and without gaps.
    pub number: u64,
    /// The hash of the previous entry.
    pub previous: [u8; 32],
    /// The entry's hash.
    pub hash: [u8; 32],
    /// The time at which it was made, in Unix milliseconds.
    pub at: u64,
    /// The kind of event.
    pub kind: String,
    /// The description of the event.
    pub document: Value,
}

/// The stored value of an entry.
pub(crate) struct StoredEntry<'a> {
    pub(crate) hash: [u8; 32],
    /// The bytes that are hashed after the previous hash and the number.
    pub(crate) bytes: &'a [u8],
}

impl<'a> StoredEntry<'a> {
    pub(crate) fn split(value: &'a [u8]) -> Option<Self> {
        let (hash, bytes) = value.split_first_chunk()?;
        Some(Self { hash: *hash, bytes })
    }

    /// Splits the bytes into time, kind, and text of the document.
    pub(crate) fn parts(&self) -> Option<(u64, &'a str, &'a str)> {
        let (at, rest) = self.bytes.split_first_chunk()?;
        let (length, rest) = rest.split_first()?;
        let (kind, document) = rest.split_at_checked(usize::from(*length))?;
        let kind = str::from_utf8(kind).ok()?;
        let document = str::from_utf8(document).ok()?;
        Some((u64::from_le_bytes(*at), kind, document))
    }

    pub(crate) fn entry(&self, number: u64, previous: [u8; 32]) -> Option<AuditEntry> {
        let (at, kind, text) = self.parts()?;
        let document = serde_json::from_str(text).ok()?;
        Some(AuditEntry { number, previous, hash: self.hash, at, kind: kind.to_owned(), document })
    }
}

/// Encodes the bytes of an entry that are stored and hashed.
pub(crate) fn entry_bytes(at: u64, kind: &str, document: &[u8]) -> Result<Vec<u8>, VaultError> {
    let length = u8::try_from(kind.len())
        .map_err(|_| VaultError::TooBig { what: "an entry's kind in bytes", limit: 200 })?;
    Ok([at.to_le_bytes().as_slice(), &[length], kind.as_bytes(), document].concat())
}

/// Hashes the entry `number` with these bytes, after the entry with the hash `previous`.
pub(crate) fn entry_hash(previous: &[u8; 32], number: u64, bytes: &[u8]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key("cloister 1 audit entry");
    hasher.update(previous).update(&number.to_le_bytes()).update(bytes);
    *hasher.finalize().as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pins the bytes, because a change of the hash would break every existing chain.
    #[test]
    fn the_hash_of_an_entry_never_changes() {
        let bytes = entry_bytes(0x0102, "kind", b"{\"a\":1}").unwrap();
        assert_eq!(bytes, b"\x02\x01\0\0\0\0\0\0\x04kind{\"a\":1}");
        let hash = entry_hash(&[7; 32], 3, &bytes);
        let mut hasher = blake3::Hasher::new_derive_key("cloister 1 audit entry");
        hasher.update(&[[7; 32].as_slice(), b"\x03\0\0\0\0\0\0\0", &bytes].concat());
        assert_eq!(hash, *hasher.finalize().as_bytes());
        assert_eq!(Head { number: 3, hash }.hex(), HASH);
    }

    const HASH: &str = "527a38886c5752411ec681e1592929c014f9759235771a5bfe881be8959fc29a";
}
