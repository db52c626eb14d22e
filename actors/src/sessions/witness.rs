//! Sightings of audit chains, told and heard in agreements.
//!
//! A node remembers the newest head of each other member's chain, and tells it the member in its
//! proposals. A node that hears of an entry which is not in its own chain has an older state. It
//! writes that down, and refuses questions about datasets with rules until its operator
//! acknowledges the loss. What is asked of pushed data goes on: no memory protects them.
//!
//! Nothing here decides who speaks the truth. The log says which member has told what.

use std::collections::BTreeMap;

use cloister_protocols::session::AuditHead;
use cloister_vault::{Head, Hearing, Sighting, VaultError};
use serde_json::json;

use crate::computation::Witness;
use crate::log::{self, Kind, Log};
use crate::vocabulary::error::ApiError;
use crate::vocabulary::failure::{Failure, words_of_witnesses};

/// Words for a computation that began in the state of before an acknowledged loss.
const ACKNOWLEDGED_MEANWHILE: &str =
    "its operator acknowledged that while this computation began; compute again";

/// The chains as the members of one computation have seen them.
pub(super) struct SeenChains {
    log: Log,
    /// The name of this node's member.
    me: String,
    /// The computation asks a dataset whose memory must not be older than it was.
    remembers: bool,
    /// The number of losses of this node's state before anything was decided about the request.
    losses: u64,
    /// The members are told what this node remembers of their chains.
    tells: bool,
}

impl SeenChains {
    pub(super) fn new(log: Log, me: String, remembers: bool, losses: u64, tells: bool) -> Self {
        Self { log, me, remembers, losses, tells }
    }

    /// Returns the newest remembered head of each member's chain, in order. Where the state cannot
    /// be read there is none: the others are not protected by this node then.
    pub(super) fn seen(&self, members: &[String]) -> Vec<AuditHead> {
        if !self.tells {
            return Vec::new();
        }
        let remembered = self.log.vault().remembered().unwrap_or_else(|error| {
            tracing::error!(%error, "the heads of other members cannot be read");
            BTreeMap::new()
        });
        let head = |name: &String| remembered.get(name).map(head_of).unwrap_or_default();
        members.iter().map(head).collect()
    }

    /// Writes down contradictions that are new. Returns all that there are, and whether a loss was
    /// acknowledged since the request began: approvals were used, and memories asked, in the state
    /// of before it.
    fn contradictions(
        &self,
        told: &[(String, AuditHead)],
    ) -> Result<(BTreeMap<String, Sighting>, bool), ApiError> {
        let vault = self.log.vault();
        let state = |error: VaultError| ApiError::state(&error);
        let told: Vec<_> =
            told.iter().map(|(member, head)| (member.clone(), sighting_of(head))).collect();
        let Hearing { losses, mut known, new } = vault.hear(&told).map_err(state)?;
        let is_of_before_a_loss = losses != self.losses;
        if new.is_empty() {
            return Ok((known, is_of_before_a_loss));
        }
        for (member, sighting) in &new {
            let seen = log::told(&head_of(sighting));
            tracing::error!(member, %seen, "the state of this node is older than a member has seen");
            let entry = json!({"member": member, "seen": seen});
            self.log.record_blocking(Kind::StateOlder, entry)?;
        }
        known.extend(new.iter().cloned());
        vault.contradict(new).wait().map_err(state)?;
        Ok((known, is_of_before_a_loss))
    }
}

impl Witness for SeenChains {
    fn hear(&self, told: &[(String, AuditHead)]) -> Option<Failure> {
        match self.contradictions(told) {
            Ok(_) if !self.remembers => None,
            Ok((known, false)) if known.is_empty() => None,
            Ok((known, true)) if known.is_empty() => Some(Failure::StateOlder {
                member: self.me.clone(),
                witnesses: ACKNOWLEDGED_MEANWHILE.to_owned(),
            }),
            Ok((known, _)) => {
                let witnesses = words_of_witnesses(
                    known.iter().map(|(name, told)| (name.as_str(), told.head.number)),
                );
                Some(Failure::StateOlder { member: self.me.clone(), witnesses })
            }
            // Not written down, it could be forgotten once more.
            Err(error) => {
                tracing::error!(%error, "what members have seen cannot be compared");
                Some(Failure::Broken)
            }
        }
    }

    fn remember(&self, heads: Vec<(String, AuditHead)>) {
        // A member that was told nothing has not heard of the earlier head, which must stay.
        if !self.tells {
            return;
        }
        let said = heads.into_iter().filter(|(_, head)| head.number > 0);
        let seen: Vec<_> = said.map(|(name, head)| (name, sighting_of(&head))).collect();
        if seen.is_empty() {
            return;
        }
        // The log's next entry is committed with it, so that nothing has to wait here.
        drop(self.log.vault().remember(seen));
    }
}

fn sighting_of(head: &AuditHead) -> Sighting {
    let AuditHead { losses, number, hash } = *head;
    Sighting { losses, head: Head { number, hash } }
}

fn head_of(sighting: &Sighting) -> AuditHead {
    let Sighting { losses, head: Head { number, hash } } = *sighting;
    AuditHead { losses, number, hash }
}

#[cfg(test)]
mod tests {
    use cloister_vault::Vault;

    use super::*;
    use crate::vocabulary::code::Code;

    fn entry(vault: &Vault) -> AuditHead {
        let head = vault.append("asked", 0, json!({})).wait().unwrap();
        head_of(&Sighting { losses: vault.losses().unwrap(), head })
    }

    fn chains(vault: &Vault, remembers: bool) -> SeenChains {
        let losses = vault.losses().unwrap();
        SeenChains::new(Log::new(vault.clone()), "a".into(), remembers, losses, true)
    }

    fn told(head: AuditHead) -> [(String, AuditHead); 1] {
        [("b".to_owned(), head)]
    }

    #[test]
    fn a_head_that_is_not_in_the_chain_is_written_down_once_and_refuses_from_then_on() {
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault::open(folder.path()).unwrap();
        let own = entry(&vault);
        let asks_dataset = chains(&vault, true);
        assert_eq!(asks_dataset.hear(&told(own)), None);
        assert_eq!(asks_dataset.hear(&told(AuditHead::default())), None);
        let later = AuditHead { number: 7, ..own };
        // Uploads are computed with, and the alarm is written down.
        assert_eq!(chains(&vault, false).hear(&told(later)), None);
        for again in [later, own] {
            let failure = asks_dataset.hear(&told(again)).unwrap();
            assert_eq!(failure.code(), Code::StateOlder);
            assert!(failure.to_error().message().contains("b has seen entry 7"), "{failure:?}");
        }
        let entries = vault.entries(1, 9).unwrap();
        assert_eq!(entries.iter().filter(|entry| entry.kind == "state older").count(), 1);
        vault.acknowledge_loss(1_000).wait().unwrap();
        assert_eq!(chains(&vault, true).hear(&told(later)), None);
        // It asked for approvals and memories of before the acknowledgement.
        let failure = asks_dataset.hear(&told(AuditHead::default())).unwrap();
        assert!(failure.to_error().message().contains("compute again"), "{failure:?}");
    }

    #[test]
    fn only_a_newer_contradiction_is_written_down_again_and_none_that_is_unfounded() {
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault::open(folder.path()).unwrap();
        let asks = chains(&vault, true);
        let head = |number| AuditHead { losses: 0, number, hash: [1; 32] };
        for number in [20, 19, 21, 20] {
            asks.hear(&told(head(number))).unwrap();
        }
        let entries = vault.entries(1, 9).unwrap();
        assert_eq!(entries.iter().filter(|entry| entry.kind == "state older").count(), 2);
        let judged = vault.contradictions().unwrap()["b"];
        assert!(vault.find_unfounded("b", judged).wait().unwrap());
        assert_eq!(asks.hear(&told(head(21))), None);
        assert!(asks.hear(&told(head(22))).is_some());
    }

    #[test]
    fn heads_of_members_that_are_told_nothing_are_not_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault::open(folder.path()).unwrap();
        let quiet = SeenChains::new(Log::new(vault.clone()), "a".into(), false, 0, false);
        let head = AuditHead { losses: 0, number: 4, hash: [1; 32] };
        quiet.remember([("b".into(), head)].into());
        vault.append("asked", 0, json!({})).wait().unwrap();
        assert_eq!(vault.remembered().unwrap().len(), 0);
        assert_eq!(quiet.seen(&["b".to_owned()]), []);
    }

    #[test]
    fn what_others_said_of_their_chains_is_told_them_in_their_order() {
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault::open(folder.path()).unwrap();
        let chains = chains(&vault, false);
        let head = |losses, number| AuditHead { losses, number, hash: [1; 32] };
        chains.remember([("b".into(), head(0, 4)), ("c".into(), head(0, 0))].into());
        chains.remember([("b".into(), head(0, 3)), ("d".into(), head(1, 1))].into());
        vault.append("asked", 0, json!({})).wait().unwrap();
        let members = ["d", "a", "b", "c"].map(str::to_owned);
        let none = AuditHead::default();
        assert_eq!(chains.seen(&members), [head(1, 1), none, head(0, 4), none]);
    }

    #[test]
    fn a_state_that_cannot_be_compared_lets_nothing_go_on() {
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault::open(folder.path()).unwrap();
        let own = entry(&vault);
        let chains = chains(&vault, false);
        vault.close();
        assert_eq!(chains.hear(&told(own)), Some(Failure::Broken));
    }
}
