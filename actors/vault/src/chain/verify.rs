//! The check of a chain, entry by entry and in bounded memory.

use std::io;
use std::sync::Arc;

use serde_json::Value;

use super::entry::{Head, StoredEntry, entry_hash};
use crate::error::VaultError;

/// The result for a chain without a defect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// The number of entries.
    pub entries: u64,
    /// The recomputed head.
    pub head: Head,
}

/// The result for a chain that agrees with the heads that another member recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Witnessed {
    /// The number of our heads that the other member recorded.
    pub heads: u64,
    /// The greatest entry number among them, and 0 without any. The record vouches for our chain up
    /// to there.
    pub until: u64,
    /// The number of recorded heads that are not in our chain, and are of before its last loss.
    /// They say nothing about the chain of now.
    pub skipped: u64,
    /// The other member's chain.
    pub other: Verified,
}

/// The first defect of a chain.
#[derive(Debug, Clone, thiserror::Error)]
#[error("entry {number}: {why}")]
pub struct BrokenChain {
    /// The number of the entry.
    pub number: u64,
    /// The defect.
    pub why: BrokenReason,
}

/// The defects of a chain.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum BrokenReason {
    /// The entry is missing.
    #[error("it is missing")]
    Missing,
    /// The entry names another hash than that of the previous entry.
    #[error("it does not follow from the entry before")]
    Previous,
    /// The hash is not that of the content.
    #[error("its content is not what was hashed")]
    Hash,
    /// The entry is malformed.
    #[error("it is not in the form in which entries are written")]
    Form,
    /// The stored head does not match the end of the chain.
    #[error("the chain ends before it, or goes on, and the stored head says otherwise")]
    Head,
    /// Another member recorded a different or missing entry.
    #[error("another member has recorded a different entry here")]
    Witness,
    /// Another member's record of our head is malformed.
    #[error("it speaks of our head, and not in the form in which heads are recorded")]
    WitnessForm,
    /// The lines are of a node that has computed with another node of our name. Or our own log has
    /// lost all entries with this certificate.
    #[error(
        "these are the lines of {owner}, which computed here with a node of our name whose certificate \
         our own log does not have: {certificate}; give the log of a member that has computed with this \
         node; if the certificate was this node's, our log has lost what came since"
    )]
    Foreign {
        /// The party whose lines they are.
        owner: String,
        /// The certificate of the node of our name that it met.
        certificate: String,
    },
    /// The state could not be read.
    #[error(transparent)]
    Vault(VaultError),
    /// The exported lines could not be read.
    #[error("the lines could not be read: {0}")]
    Input(Arc<io::Error>),
}

/// Reads the certificate that the member `name` had in the computation of this document.
pub(crate) fn recorded_certificate(document: &Value, name: &str) -> Option<String> {
    let members = document.get("members")?.as_array()?;
    let place = members.iter().position(|member| member == name)?;
    document.get("certificates")?.get(place)?.as_str().map(str::to_owned)
}

/// Reads the party of the node that writes in this document that it starts.
pub(crate) fn recorded_party(document: &Value) -> Option<String> {
    document.get("wire")?;
    document.get("party")?.as_str().map(str::to_owned)
}

/// Reads the head of the member `name` from a document, if the document records one, with the number
/// of losses of before it.
pub(crate) fn recorded_head(
    document: &Value,
    name: &str,
) -> Result<Option<(u64, Head)>, BrokenReason> {
    match document.get("heads").and_then(|heads| heads.get(name)) {
        Some(head) => parse_head(head).ok_or(BrokenReason::WitnessForm).map(Some),
        None => Ok(None),
    }
}

fn parse_head(head: &Value) -> Option<(u64, Head)> {
    // Logs of earlier versions have no losses: there was no acknowledgement then.
    let losses = head.get("losses").map_or(Some(0), Value::as_u64)?;
    let number = head.get("number")?.as_u64()?;
    let hash = blake3::Hash::from_hex(head.get("hash")?.as_str()?).ok()?;
    Some((losses, Head { number, hash: *hash.as_bytes() }))
}

/// A chain, recomputed up to its head.
#[derive(Default)]
pub(crate) struct Chain {
    pub(crate) head: Head,
}

impl Chain {
    /// Checks and adds the next entry.
    pub(crate) fn add(&mut self, number: u64, stored: &StoredEntry<'_>) -> Result<(), BrokenChain> {
        if number != self.next() {
            return Err(self.broken(BrokenReason::Missing));
        }
        let hash = entry_hash(&self.head.hash, number, stored.bytes);
        if hash != stored.hash {
            return Err(self.broken(BrokenReason::Hash));
        }
        self.head = Head { number, hash };
        Ok(())
    }

    /// Ends the check without a defect.
    pub(crate) fn verified(&self) -> Verified {
        Verified { entries: self.head.number, head: self.head }
    }

    /// Reports a defect of the next entry.
    pub(crate) fn broken(&self, why: BrokenReason) -> BrokenChain {
        BrokenChain { number: self.next(), why }
    }

    /// Reports that the next entry could not be read.
    pub(crate) fn unreadable(&self, error: impl Into<VaultError>) -> BrokenChain {
        self.broken(BrokenReason::Vault(error.into()))
    }

    fn next(&self) -> u64 {
        self.head.number.saturating_add(1)
    }
}
