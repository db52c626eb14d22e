//! The audit chain: entries that are only ever added, each with the hash of the one before.
//!
//! Entries are numbered from 1. The hash of entry n is BLAKE3, in its mode for derived keys with the
//! context "cloister 1 audit entry", of the previous hash (32 zero bytes before entry 1), n (8 bytes,
//! little-endian) and the entry's bytes as they are stored: time (8 bytes, little-endian), length of
//! the kind (1 byte), kind, JSON text of the document. A [`Head`] is the number and hash of the last
//! entry; it is stored by itself, so that entries cut off the end are missed, and other members
//! record it, so that nobody can rewrite a chain alone.
//!
//! Documents are stored in the clear. What is in them is the caller's; private values never.

mod entry;
mod lines;
mod verify;

use std::io::{self, Write};
use std::sync::Arc;

use redb::{ReadTransaction, ReadableTable, TableDefinition, WriteTransaction};
use serde_json::Value;

pub use self::entry::{AuditEntry, Head};
pub use self::lines::verify_lines;
pub use self::verify::{Broken, Verified, Why, Witnessed};

use self::entry::Stored;
use crate::limits::{check_name, document_text};
use crate::vault::META;
use crate::{Vault, VaultError, Written};

/// Number, from 1, to hash and bytes of the entry.
pub(crate) const AUDIT: TableDefinition<'static, u64, &[u8]> = TableDefinition::new("audit");
/// The entry of [`META`] with number and hash of the last entry.
pub(crate) const HEAD: &str = "head";
/// The most entries of one answer of [`Vault::entries`].
const MAX_ANSWER: usize = 10_000;
/// After so many bytes an answer of [`Vault::entries`] ends.
const MAX_ANSWER_BYTES: usize = 16 << 20;

pub(crate) fn make_tables(transaction: &WriteTransaction) -> Result<(), VaultError> {
    transaction.open_table(AUDIT)?;
    transaction.open_table(META)?.insert(HEAD, Head::default().bytes().as_slice())?;
    Ok(())
}

/// The head as it is stored.
pub(crate) fn stored_head(transaction: &ReadTransaction) -> Result<Head, VaultError> {
    let meta = transaction.open_table(META)?;
    let head = meta.get(HEAD)?.and_then(|bytes| Head::from_bytes(bytes.value()));
    head.ok_or(VaultError::Altered { table: "meta" })
}

impl Vault {
    /// Adds an entry of `kind` at `at` (Unix milliseconds); answers with the chain's head of which it
    /// is the last entry.
    ///
    /// # Errors
    ///
    /// A kind that is empty or longer than 200 bytes, a document of more than 1 MiB.
    pub fn append(&self, kind: &str, at: u64, document: Value) -> Written<Head> {
        let checked = check_name("an entry's kind", kind).and_then(|()| document_text(&document));
        let bytes = match checked.and_then(|text| entry::bytes(at, kind, &text)) {
            Ok(bytes) => bytes,
            Err(error) => return Written::refused(error),
        };
        self.submit(bytes.len(), move |group| {
            let number =
                group.head.number.checked_add(1).ok_or(VaultError::Altered { table: "meta" })?;
            let hash = entry::hash(&group.head.hash, number, &bytes);
            let head = Head { number, hash };
            let stored = [hash.as_slice(), &bytes].concat();
            group.transaction.open_table(AUDIT)?.insert(number, stored.as_slice())?;
            group.transaction.open_table(META)?.insert(HEAD, head.bytes().as_slice())?;
            group.head = head;
            Ok(head)
        })
    }

    /// The head of the last committed entry, from memory.
    pub fn head(&self) -> Head {
        self.store().head()
    }

    /// Entries from number `from` on (the first is 1), at most `limit`, at most 10,000, and no more
    /// after 16 MiB: whoever wants more asks again from the number after the last.
    pub fn entries(&self, from: u64, limit: usize) -> Result<Vec<AuditEntry>, VaultError> {
        let altered = || VaultError::Altered { table: "audit" };
        let audit = self.read()?.open_table(AUDIT)?;
        let first = from.max(1);
        let mut previous = match first.checked_sub(1) {
            None | Some(0) => Head::default().hash,
            Some(before) => match audit.get(before)? {
                Some(value) => Stored::split(value.value()).ok_or_else(altered)?.hash,
                None => return Ok(Vec::new()),
            },
        };
        let (mut entries, mut bytes) = (Vec::new(), 0_usize);
        for entry in audit.range(first..)?.take(limit.min(MAX_ANSWER)) {
            let (number, value) = entry?;
            bytes = bytes.saturating_add(value.value().len());
            let stored = Stored::split(value.value()).ok_or_else(altered)?;
            entries.push(stored.entry(number.value(), previous).ok_or_else(altered)?);
            previous = stored.hash;
            if bytes >= MAX_ANSWER_BYTES {
                break;
            }
        }
        Ok(entries)
    }

    /// Writes the chain as JSON Lines, one entry a line with number, previous, hash, at, kind and
    /// document; answers with its head. The document is the stored text to the byte: a tool that
    /// formats the lines anew breaks the hashes.
    pub fn export_lines(&self, out: impl Write) -> Result<Head, VaultError> {
        let output = |error: io::Error| VaultError::Output(Arc::new(error));
        let transaction = self.read()?;
        let audit = transaction.open_table(AUDIT)?;
        let mut out = io::BufWriter::new(out);
        let mut head = Head::default();
        for entry in audit.iter()? {
            let (number, value) = entry?;
            let altered = || VaultError::Altered { table: "audit" };
            let stored = Stored::split(value.value()).ok_or_else(altered)?;
            let line = lines::line(number.value(), &head.hash, &stored).ok_or_else(altered)?;
            out.write_all(line.as_bytes()).map_err(output)?;
            head = Head { number: number.value(), hash: stored.hash };
        }
        out.flush().map_err(output)?;
        Ok(head)
    }
}

#[cfg(test)]
mod tests;
