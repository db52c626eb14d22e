//! The node's audit log: every decision, and its outcome.
//!
//! An entry names the principal, the function, the data, the rules and the decision; it never holds
//! a private value. It is on disk before the client that waits for the decision is told. The head
//! of the chain travels with the agreement of every computation, and the other members' heads come
//! back into it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use cloister_protocols::party::Party;
use cloister_protocols::session::{AuditHead, Roles};
use cloister_vault::{AuditEntry, Head, Vault, VaultError};
use serde_json::{Value, json};

use crate::computation::Agreement;
use crate::vocabulary::clock;
use crate::vocabulary::error::ApiError;

/// The most refusals of one principal that are written one by one in [`WINDOW`].
const MOST_REFUSALS: u64 = 1_000;

/// The time after which refusals are written one by one again.
const WINDOW: Duration = Duration::from_secs(60 * 60);

/// The most principals whose refusals are counted.
const MOST_PRINCIPALS: usize = 10_000;

/// The longest condition or list in an entry about a refusal, and the longest account of all data, in
/// bytes of JSON. A hash stands for a longer one.
const LONGEST: usize = 1_000;
const LONGEST_DATA: usize = 8_000;

/// Writes entries. A clone is cheap.
#[derive(Clone)]
pub struct Log {
    vault: Vault,
    refusals: Arc<Mutex<BTreeMap<String, Refusals>>>,
}

/// The refusals of a principal since a time.
#[derive(Debug)]
struct Refusals {
    since: Instant,
    number: u64,
    /// Those of them that the log tells of.
    written: u64,
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
    /// A copy of the state, which lets its reader read what was pushed.
    BackedUp,
}

impl Log {
    /// Creates the log in this vault.
    #[must_use]
    pub fn new(vault: Vault) -> Self {
        Self { vault, refusals: Arc::default() }
    }

    /// Writes that a question of a principal was refused, and waits until it is on disk. A refusal
    /// costs the principal nothing. So its entry is short, and of many in an hour only the number is
    /// written: with every doubling of it, with the first one after the hour, and when the node stops.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn record_refusal(
        &self,
        principal: &str,
        mut document: Value,
    ) -> Result<(), ApiError> {
        let Some(unwritten) = self.count_refusal(principal, Instant::now()) else { return Ok(()) };
        shorten(&mut document);
        if let Some(document) = document.as_object_mut()
            && unwritten > 0
        {
            document.insert("refused_before".to_owned(), json!(unwritten));
        }
        self.record(Kind::Refused, document).await.map(drop)
    }

    /// Counts a refusal. Returns the number of those before that were not written, or none if this
    /// one is not to be written.
    fn count_refusal(&self, principal: &str, now: Instant) -> Option<u64> {
        let mut all = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST_PRINCIPALS && !all.contains_key(principal) {
            all.retain(|_, refusals| {
                now.saturating_duration_since(refusals.since) < WINDOW || refusals.unwritten() > 0
            });
        }
        let fresh = || Refusals { since: now, number: 0, written: 0 };
        let refusals = all.entry(principal.to_owned()).or_insert_with(fresh);
        let is_over = now.saturating_duration_since(refusals.since) >= WINDOW;
        let unwritten = refusals.unwritten();
        if is_over {
            *refusals = fresh();
        }
        refusals.number += 1;
        if !is_over && !refusals.is_due() {
            return None;
        }
        refusals.written = refusals.number;
        Some(unwritten)
    }

    /// Writes the numbers of refusals that the log does not tell of yet: the node stops.
    ///
    /// # Errors
    /// If they cannot be written.
    pub async fn record_unwritten(&self) -> Result<(), ApiError> {
        let unwritten: Vec<(String, u64)> = {
            let mut all = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
            let each = all.iter_mut().map(|(principal, refusals)| {
                let unwritten = refusals.unwritten();
                refusals.written = refusals.number;
                (principal.clone(), unwritten)
            });
            each.filter(|(_, unwritten)| *unwritten > 0).collect()
        };
        for (principal, unwritten) in unwritten {
            let document = json!({"principal": principal, "refused_before": unwritten});
            self.record(Kind::Refused, document).await?;
        }
        Ok(())
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

impl Refusals {
    fn unwritten(&self) -> u64 {
        self.number.saturating_sub(self.written)
    }

    /// Returns whether the last one is written: it is one of the first, or the number has doubled.
    fn is_due(&self) -> bool {
        let times = self.number / MOST_REFUSALS;
        self.number <= MOST_REFUSALS
            || self.number.is_multiple_of(MOST_REFUSALS) && times.is_power_of_two()
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
            Self::BackedUp => "backed up",
        }
    }
}

/// Puts hashes in the place of what a client wrote at length about its data.
fn shorten(document: &mut Value) {
    let Some(data) = document.get_mut("data") else { return };
    for item in data.as_array_mut().into_iter().flatten() {
        let entries = item.as_object_mut().into_iter().flatten();
        entries.for_each(|(_, value)| replace_longer(value, LONGEST));
    }
    replace_longer(data, LONGEST_DATA);
}

fn replace_longer(value: &mut Value, longest: usize) {
    let text = value.to_string();
    if text.len() > longest {
        *value = json!(format!("blake3 {}", blake3::hash(text.as_bytes()).to_hex()));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_rt::test]
    async fn refusals_are_short_and_of_many_only_the_number_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let log = Log::new(Vault::open(folder.path()).unwrap());
        let now = Instant::now();
        let written = |at| log.count_refusal("ada", at);
        assert_eq!((0..MOST_REFUSALS).filter_map(|_| written(now)).sum::<u64>(), 0);
        assert_eq!((0..500).filter_map(|_| written(now)).count(), 0);
        assert_eq!(log.count_refusal("bob", now), Some(0), "others are written");
        assert_eq!((0..500).filter_map(|_| written(now)).collect::<Vec<_>>(), [999], "it doubled");
        assert_eq!((0..7).filter_map(|_| written(now)).count(), 0);
        assert_eq!(written(now + WINDOW), Some(7));
        assert_eq!(written(now + WINDOW), Some(0));
        let condition = "x".repeat(16 << 10);
        let document = json!({"function": "SecureSum", "data": [{"condition": condition}]});
        log.record_refusal("cleo", document).await.unwrap();
        let entry = &log.vault().entries(1, 1).unwrap()[0].document;
        assert_eq!(entry["function"], "SecureSum");
        let condition = entry["data"][0]["condition"].as_str().unwrap();
        assert!(condition.starts_with("blake3 ") && condition.len() < 80, "{condition}");
    }

    #[actix_rt::test]
    async fn of_refusals_none_is_without_a_trace() {
        let folder = tempfile::tempdir().unwrap();
        let log = Log::new(Vault::open(folder.path()).unwrap());
        let now = Instant::now();
        // Entries and numbers in them together tell of all, up to the last doubling.
        let told: u64 =
            (0..10_000).filter_map(|_| log.count_refusal("ada", now)).map(|it| it + 1).sum();
        assert_eq!(told, 8_000);
        log.record_unwritten().await.unwrap();
        let entries = log.vault().entries(1, 10).unwrap();
        assert_eq!(entries.len(), 1);
        assert_eq!(entries[0].document, json!({"principal": "ada", "refused_before": 2_000}));
        log.record_unwritten().await.unwrap();
        assert_eq!(log.vault().entries(1, 10).unwrap().len(), 1);
    }
}
