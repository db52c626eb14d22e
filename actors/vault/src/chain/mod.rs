//! The audit chain without a database: entries, their hashes, and the check of a whole chain.
//!
//! Entries are numbered from 1. The hash of entry n is BLAKE3, in its mode for derived keys with
//! the context "cloister 1 audit entry", of three parts: the previous hash (32 zero bytes before
//! entry 1), n (8 bytes, little-endian), and the stored bytes of the entry. Those are time (8
//! bytes, little-endian), length of the kind (1 byte), kind, and JSON text of the document.
//!
//! A [`Head`] is the number and hash of the last entry. It is stored by itself, so that a truncated
//! chain is detected. Other members record it, so that its owner alone cannot rewrite the chain.

mod entry;
mod lines;
mod verify;

pub use self::entry::{AuditEntry, Head};
pub use self::lines::verify_lines;
pub use self::verify::{BrokenChain, BrokenReason, Verified, Witnessed};

pub(crate) use self::entry::{StoredEntry, entry_bytes, entry_hash};
pub(crate) use self::lines::{line, verify_each};
pub(crate) use self::verify::{Chain, recorded_certificate, recorded_head, recorded_party};
