//! One entry: its bytes, its hash, its parts.

use std::fmt;

use serde_json::Value;

use crate::VaultError;

/// The end of a chain: how many entries there are, and the hash of the last.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Head {
    /// Entries so far, which is the number of the last one; 0 for an empty chain.
    pub number: u64,
    /// The hash of the last entry; zero for an empty chain.
    pub hash: [u8; 32],
}

impl Head {
    /// Number (little-endian) and hash.
    pub(crate) fn bytes(self) -> Vec<u8> {
        [self.number.to_le_bytes().as_slice(), &self.hash].concat()
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (number, hash) = bytes.split_first_chunk()?;
        Some(Self { number: u64::from_le_bytes(*number), hash: hash.try_into().ok()? })
    }

    /// The hash in hexadecimal, as it stands in documents and exports.
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
    /// From 1, without gaps.
    pub number: u64,
    /// The hash of the entry before.
    pub previous: [u8; 32],
    /// The entry's hash.
    pub hash: [u8; 32],
    /// When it was made, in Unix milliseconds.
    pub at: u64,
    /// What kind of event it is about.
    pub kind: String,
    /// What is said of it.
    pub document: Value,
}

/// The parts of an entry's stored value.
pub(crate) struct Stored<'a> {
    pub(crate) hash: [u8; 32],
    /// What is hashed after the previous hash and the number.
    pub(crate) bytes: &'a [u8],
}

impl<'a> Stored<'a> {
    pub(crate) fn split(value: &'a [u8]) -> Option<Self> {
        let (hash, bytes) = value.split_first_chunk()?;
        Some(Self { hash: *hash, bytes })
    }

    /// Time, kind, and text of the document.
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

/// The bytes of an entry that are stored and hashed.
pub(crate) fn bytes(at: u64, kind: &str, document: &[u8]) -> Result<Vec<u8>, VaultError> {
    let length = u8::try_from(kind.len())
        .map_err(|_| VaultError::TooBig { what: "an entry's kind in bytes", limit: 200 })?;
    Ok([at.to_le_bytes().as_slice(), &[length], kind.as_bytes(), document].concat())
}

/// The hash of the entry `number` with these bytes, after the entry with the hash `previous`.
pub(crate) fn hash(previous: &[u8; 32], number: u64, bytes: &[u8]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key("cloister 1 audit entry");
    hasher.update(previous).update(&number.to_le_bytes()).update(bytes);
    *hasher.finalize().as_bytes()
}
