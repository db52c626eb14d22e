//! The node's audit log: every decision, and its outcome.
//!
//! An entry names the principal, the function, the data, the rules and the decision; it never holds
//! a private value. It is on disk before the client that waits for the decision is told. The head
//! of the chain travels with the agreement of every computation, and the other members' heads come
//! back into it.

use std::collections::BTreeMap;

use cloister_protocols::party::Party;
use cloister_protocols::session::{AuditHead, Roles};
use cloister_vault::{AuditEntry, Head, Vault, VaultError};
use serde_json::{Value, json};

use crate::computation::Agreement;
use crate::vocabulary::clock;
use crate::vocabulary::error::ApiError;

/// Writes entries. A clone is cheap.
#[derive(Clone)]
pub struct Log {
    vault: Vault,
}

/// The subject of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The start of the node.
    Started,
    /// A computation that may be asked of the other members.
    Asked,
    /// A computation that was refused before anything was asked.
    Refused,
    /// The end of a computation that was asked.
    Ended,
    /// Another member's computation in which this node was helper.
    Helped,
    /// Pushed data.
    Uploaded,
    /// A registered dataset.
    Registered,
    /// A withdrawn dataset.
    Withdrawn,
    /// A new token.
    TokenMade,
    /// A revoked token.
    TokenRevoked,
    /// A granted approval.
    Granted,
    /// A denied approval.
    Denied,
    /// A new beginning of the memory of a dataset's answers.
    MemoryReset,
    /// An entry of this chain that another member has seen, and that is not in it.
    StateOlder,
    /// A loss of the state that the operator acknowledges.
    LossAcknowledged,
    /// A member's word of a later state that the operator finds to be unfounded.
    WordDropped,
    /// A dataset that its owner opens after a loss of the state.
    DatasetOpened,
}

impl Log {
    /// Creates the log in this vault.
    #[must_use]
    pub fn new(vault: Vault) -> Self {
        Self { vault }
    }

    /// Writes an entry, and waits until it is on disk.
    ///
    /// # Errors
    /// If it cannot be written. Then the action that it records must not happen.
    pub async fn record(&self, kind: Kind, document: Value) -> Result<AuditHead, ApiError> {
        let written = self.vault.append(kind.name(), clock::milliseconds(), document).await;
        written.and_then(|head| self.told(head)).map_err(|error| ApiError::state(&error))
    }

    /// Writes an entry, for callers that may block.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn record_blocking(&self, kind: Kind, document: Value) -> Result<AuditHead, ApiError> {
        let written = self.vault.append(kind.name(), clock::milliseconds(), document).wait();
        written.and_then(|head| self.told(head)).map_err(|error| ApiError::state(&error))
    }

    /// Returns the head of the chain as it is on disk.
    ///
    /// # Errors
    /// If the state cannot be read.
    pub fn head(&self) -> Result<AuditHead, ApiError> {
        self.told(self.vault.head()).map_err(|error| ApiError::state(&error))
    }

    /// Returns the vault that the log is in.
    #[must_use]
    pub fn vault(&self) -> &Vault {
        &self.vault
    }

    /// Returns a head as other members are told it.
    fn told(&self, Head { number, hash }: Head) -> Result<AuditHead, VaultError> {
        Ok(AuditHead { losses: self.vault.losses()?, number, hash })
    }
}

impl Kind {
    /// Returns the name in the log.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Asked => "asked",
            Self::Refused => "refused",
            Self::Ended => "ended",
            Self::Helped => "helped",
            Self::Uploaded => "uploaded",
            Self::Registered => "registered",
            Self::Withdrawn => "withdrawn",
            Self::TokenMade => "token made",
            Self::TokenRevoked => "token revoked",
            Self::Granted => "granted",
            Self::Denied => "denied",
            Self::MemoryReset => "memory reset",
            Self::StateOlder => "state older",
            Self::LossAcknowledged => "loss acknowledged",
            Self::WordDropped => "word dropped",
            Self::DatasetOpened => "dataset opened",
        }
    }
}

/// Describes the members' roles: the names of those that bring data, that may compute on shares, and
/// that get the answer.
#[must_use]
pub fn roles(names: &[String], roles: &Roles) -> Value {
    let name = |party: Party| names.get(party.index());
    json!({
        "input": roles.inputs().filter_map(name).collect::<Vec<_>>(),
        "compute": roles.computing().filter_map(name).collect::<Vec<_>>(),
        "output": roles.outputs().filter_map(name).collect::<Vec<_>>(),
    })
}

/// Describes the agreement with the other members: the session, the rules, and the members' heads.
/// Their operators can no longer change these without this node's noticing.
#[must_use]
pub fn agreed(agreement: &Agreement) -> Value {
    let heads: BTreeMap<&str, Value> =
        agreement.heads.iter().map(|(member, head)| (member.as_str(), told(head))).collect();
    json!({
        "session": agreement.session,
        "rules": agreement.rules,
        "decided_by": agreement.decided_by,
        "left_out": agreement.left_out,
        "heads": heads,
    })
}

/// Describes an entry of the log, for people and programs.
#[must_use]
pub fn document(entry: &AuditEntry) -> Value {
    let hash = |hash: &[u8; 32]| blake3::Hash::from_bytes(*hash).to_hex().to_string();
    json!({
        "number": entry.number,
        "previous": hash(&entry.previous),
        "hash": hash(&entry.hash),
        "at": entry.at,
        "kind": entry.kind,
        "document": entry.document,
    })
}

/// Describes a head as a member has told it.
#[must_use]
pub fn told(head: &AuditHead) -> Value {
    let hash = blake3::Hash::from_bytes(head.hash).to_hex().to_string();
    json!({"losses": head.losses, "number": head.number, "hash": hash})
}
