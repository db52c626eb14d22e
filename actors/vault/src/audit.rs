//! The audit chain of a state: appending, reading, exporting and verifying its entries.
//!
//! Documents are stored in the clear, and the caller must put no private values into them.

use std::collections::BTreeSet;
use std::io::{self, BufRead, BufWriter, Write};
use std::sync::Arc;

use redb::ReadableTable;
use serde_json::Value;

use crate::chain::{
    AuditEntry, BrokenChain, BrokenReason, Chain, Head, StoredEntry, Verified, Witnessed,
    entry_bytes, entry_hash, line, recorded_certificate, recorded_head, recorded_party,
    verify_each,
};
use crate::error::VaultError;
use crate::limits::{check_name, document_text};
use crate::schema::{AUDIT, losses, store_head, stored_head};
use crate::state::State;
use crate::writer::Written;

/// The most entries that [`Audit::entries`] returns.
const MAX_ANSWER: usize = 10_000;
/// The number of bytes from which on [`Audit::entries`] returns no more entries.
const MAX_ANSWER_BYTES: usize = 16 << 20;

/// The audit chain of a state.
pub(crate) struct Audit<'a>(pub(crate) &'a State);

impl Audit<'_> {
    pub(crate) fn append(&self, kind: &str, at: u64, document: &Value) -> Written<Head> {
        let bytes = match new_entry(kind, at, document) {
            Ok(bytes) => bytes,
            Err(error) => return Written::refused(error),
        };
        self.0.submit(bytes.len(), move |group| {
            let number =
                group.head.number.checked_add(1).ok_or(VaultError::Altered { table: "meta" })?;
            let hash = entry_hash(&group.head.hash, number, &bytes);
            let head = Head { number, hash };
            let stored = [hash.as_slice(), &bytes].concat();
            group.transaction.open_table(AUDIT)?.insert(number, stored.as_slice())?;
            store_head(group.transaction, head)?;
            group.head = head;
            Ok(head)
        })
    }

    pub(crate) fn entries(&self, from: u64, limit: usize) -> Result<Vec<AuditEntry>, VaultError> {
        let audit = self.0.read()?.open_table(AUDIT)?;
        let first = from.max(1);
        let mut previous = Head::default().hash;
        if first > 1 {
            let Some(value) = audit.get(first.saturating_sub(1))? else { return Ok(Vec::new()) };
            previous = split(value.value())?.hash;
        }
        let mut entries = Vec::new();
        let mut bytes = 0_usize;
        for entry in audit.range(first..)?.take(limit.min(MAX_ANSWER)) {
            let (number, value) = entry?;
            bytes = bytes.saturating_add(value.value().len());
            let stored = split(value.value())?;
            entries.push(stored.entry(number.value(), previous).ok_or_else(altered)?);
            previous = stored.hash;
            if bytes >= MAX_ANSWER_BYTES {
                break;
            }
        }
        Ok(entries)
    }

    pub(crate) fn export_lines(&self, out: impl Write) -> Result<Head, VaultError> {
        let transaction = self.0.read()?;
        let audit = transaction.open_table(AUDIT)?;
        let mut out = BufWriter::new(out);
        let mut head = Head::default();
        for entry in audit.iter()? {
            let (number, value) = entry?;
            let stored = split(value.value())?;
            let line = line(number.value(), &head.hash, &stored).ok_or_else(altered)?;
            out.write_all(line.as_bytes()).map_err(output_error)?;
            head = Head { number: number.value(), hash: stored.hash };
        }
        out.flush().map_err(output_error)?;
        Ok(head)
    }

    pub(crate) fn verify(&self) -> Result<Verified, BrokenChain> {
        // The chain that is read next must contain this head, which may be older.
        let remembered = self.0.head();
        let mut chain = Chain::default();
        let transaction = self.0.read().map_err(|error| chain.unreadable(error))?;
        let audit = transaction.open_table(AUDIT).map_err(|error| chain.unreadable(error))?;
        for entry in audit.iter().map_err(|error| chain.unreadable(error))? {
            let (number, value) = entry.map_err(|error| chain.unreadable(error))?;
            let stored =
                StoredEntry::split(value.value()).ok_or(chain.broken(BrokenReason::Form))?;
            chain.add(number.value(), &stored)?;
            if chain.head.number == remembered.number && chain.head.hash != remembered.hash {
                return Err(BrokenChain { number: remembered.number, why: BrokenReason::Head });
            }
        }
        let head = stored_head(&transaction).map_err(|error| chain.unreadable(error))?;
        if head != chain.head || head.number < remembered.number {
            return Err(chain.broken(BrokenReason::Head));
        }
        Ok(chain.verified())
    }

    pub(crate) fn verify_against(
        &self,
        own_name: &str,
        other: impl BufRead,
    ) -> Result<Witnessed, BrokenChain> {
        let own = self.verify()?;
        let start = Chain::default();
        let transaction = self.0.read().map_err(|error| start.unreadable(error))?;
        let audit = transaction.open_table(AUDIT).map_err(|error| start.unreadable(error))?;
        let losses = losses(&transaction).map_err(|error| start.unreadable(error))?;
        let own_certificates =
            own_certificates(&audit, own_name).map_err(|error| start.unreadable(error))?;
        let mut owner = "another node".to_owned();
        let (mut heads, mut until, mut skipped) = (0_u64, 0_u64, 0_u64);
        let other = verify_each(other, |number, document| {
            let broken = |why| BrokenChain { number, why };
            let document: Value =
                serde_json::from_str(document).map_err(|_| broken(BrokenReason::Form))?;
            if let Some(party) = recorded_party(&document) {
                owner = party;
            }
            let recorded = recorded_head(&document, own_name).map_err(broken)?;
            let Some((of, head)) = recorded else { return Ok(()) };
            let is_ours =
                has_head(&audit, own.head, head).map_err(|error| start.unreadable(error))?;
            if !is_ours && of < losses {
                skipped = skipped.saturating_add(1);
                return Ok(());
            }
            // Another consortium may have a member of our name.
            let certificate = recorded_certificate(&document, own_name);
            if let Some(certificate) = certificate.filter(|_| !is_ours)
                && !own_certificates.is_empty()
                && !own_certificates.contains(&certificate)
            {
                let owner = owner.clone();
                return Err(broken(BrokenReason::Foreign { owner, certificate }));
            }
            if !is_ours || of > losses {
                return Err(BrokenChain { number: head.number, why: BrokenReason::Witness });
            }
            heads = heads.saturating_add(1);
            until = until.max(head.number);
            Ok(())
        })?;
        Ok(Witnessed { heads, until, skipped, other })
    }
}

/// Lists the certificates that the member of this name, the log's own, had in its computations.
fn own_certificates(
    audit: &impl ReadableTable<u64, &'static [u8]>,
    own_name: &str,
) -> Result<BTreeSet<String>, VaultError> {
    let mut all = BTreeSet::new();
    for entry in audit.iter()? {
        let (number, value) = entry?;
        let entry = split(value.value())?.entry(number.value(), Head::default().hash);
        let document = entry.ok_or_else(altered)?.document;
        all.extend(recorded_certificate(&document, own_name));
    }
    Ok(all)
}

fn new_entry(kind: &str, at: u64, document: &Value) -> Result<Vec<u8>, VaultError> {
    check_name("an entry's kind", kind)?;
    entry_bytes(at, kind, &document_text(document)?)
}

fn split(value: &[u8]) -> Result<StoredEntry<'_>, VaultError> {
    StoredEntry::split(value).ok_or_else(altered)
}

fn altered() -> VaultError {
    VaultError::Altered { table: "audit" }
}

fn output_error(error: io::Error) -> VaultError {
    VaultError::Output(Arc::new(error))
}

/// Returns `true` if `head` is that of an entry of the verified chain, or of the empty chain.
fn has_head(
    audit: &impl ReadableTable<u64, &'static [u8]>,
    verified: Head,
    head: Head,
) -> Result<bool, VaultError> {
    let Some(value) = audit.get(head.number)? else { return Ok(head == Head::default()) };
    let is_verified = head.number <= verified.number;
    Ok(is_verified && StoredEntry::split(value.value()).is_some_and(|own| own.hash == head.hash))
}

#[cfg(test)]
mod tests;
