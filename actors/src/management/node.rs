//! The description of this node, its members and links, and its datasets.

use std::time::{Duration, SystemTime};

use cloister_api::{Certificate, Datasets, Link, Member, Members, Node};
use cloister_certs::Fingerprint;
use cloister_protocols::wire::VERSION;
use serde::Deserialize;
use serde_json::Value;

use super::{Admitted, Answer, ManagementState, answer};
use crate::controller::ApiState;
use crate::records::{AskLoad, Load};
use crate::sessions::{LinkState, LookAtLinks};
use crate::vocabulary::clock::{self, rfc3339};
use crate::vocabulary::consortium::{self, Consortium};
use crate::vocabulary::documents::count;
use crate::vocabulary::error::ApiError;
use crate::vocabulary::object::{Principal, Right};

const DAY: u64 = 24 * 60 * 60;

/// The step to which memory is rounded up, in bytes.
const MEMORY_STEP: u64 = 64 << 20;

/// The facts that hold until the node is started again, or its certificates are renewed.
pub struct Facts {
    /// The party's name.
    pub party: String,
    /// The name of its disclosure profile.
    pub profile: &'static str,
    /// The start of the node, in milliseconds since 1970.
    pub started: u64,
    /// The longest time that a computation may take.
    pub deadline: Duration,
    /// All members.
    pub consortium: Consortium,
    /// The position of this node among them.
    pub me: usize,
    /// Its certificate's fingerprint.
    pub fingerprint: Fingerprint,
    /// The end of the certificate's validity.
    pub not_after: SystemTime,
    /// The folder of the node's state.
    pub state: std::path::PathBuf,
}

pub(super) async fn node(caller: Admitted) -> Answer {
    Ok(answer(&caller.state.node(&caller.api, &caller.principal).await?))
}

pub(super) async fn members(caller: Admitted) -> Answer {
    Ok(answer(&caller.state.members().await?))
}

pub(super) async fn datasets(caller: Admitted) -> Answer {
    Ok(answer(&caller.state.datasets(&caller.principal).await?))
}

impl ManagementState {
    pub(super) async fn node(
        &self,
        api: &ApiState,
        principal: &Principal,
    ) -> Result<Node, ApiError> {
        let facts = self.facts();
        let Load { running, waiting } = self.of_records(AskLoad).await?;
        let hash = blake3::Hash::from_bytes(facts.consortium.hash()).to_hex();
        // The memory and disk of a node tell a little of the data that it has read.
        let told = api.authenticator.is_open() || principal.may(Right::Observe);
        Ok(Node {
            party: facts.party.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            protocol: VERSION.into(),
            profile: facts.profile.to_owned(),
            started: rfc3339(facts.started),
            now: rfc3339(clock::milliseconds()),
            deadline_seconds: facts.deadline.as_secs_f64(),
            consortium: hash.as_str().to_owned(),
            access: if api.authenticator.is_open() { "open" } else { "tokens" }.to_owned(),
            principal: Some(cloister_api::Principal {
                name: principal.name().to_owned(),
                rights: principal.rights().into_iter().map(str::to_owned).collect(),
            }),
            certificate: Some(Certificate {
                fingerprint: facts.fingerprint.to_string(),
                words: facts.fingerprint.words().to_string(),
                days_left: days_left(facts.not_after),
            }),
            computations: cloister_api::Load { running: count(running), waiting: count(waiting) },
            disk_free_bytes: told.then(|| free_bytes(&facts.state)).flatten(),
            memory_bytes: told.then(memory_bytes).flatten(),
        })
    }

    pub(super) async fn members(&self) -> Result<Members, ApiError> {
        let links = self.of_sessions(LookAtLinks).await?;
        let facts = self.facts();
        let members =
            facts.consortium.members().iter().enumerate().map(|(position, member)| Member {
                name: member.name.clone(),
                api: member.api.clone(),
                peer: member.peer.clone(),
                is_self: position == facts.me,
                fingerprints: member.fingerprints.iter().map(pinned).collect(),
                link: links.iter().find(|link| link.position == position).map(link),
            });
        Ok(Members { members: members.collect() })
    }

    pub(super) async fn datasets(&self, principal: &Principal) -> Result<Datasets, ApiError> {
        let service = &self.services.datasets;
        let listed: Vec<Named> = self.call(principal, service, "list", []).await?;
        let mut datasets = Vec::new();
        for Named { name } in listed {
            let argument = ("dataset", Value::from(name));
            // It may have been withdrawn meanwhile.
            if let Ok(dataset) = self.call(principal, service, "describe", [argument]).await {
                datasets.push(dataset);
            }
        }
        Ok(Datasets { datasets })
    }
}

/// An entry of a list of datasets.
#[derive(Deserialize)]
struct Named {
    name: String,
}

impl Facts {
    /// Returns the facts after a renewal.
    #[must_use]
    pub fn renewed(
        &self,
        consortium: Consortium,
        fingerprint: Fingerprint,
        not_after: SystemTime,
    ) -> Self {
        let (party, state) = (self.party.clone(), self.state.clone());
        Self { party, state, consortium, fingerprint, not_after, ..*self }
    }

    /// Finds the member of this name, with its position in the consortium.
    pub(super) fn member(&self, name: &str) -> Option<(usize, &consortium::Member)> {
        let position = self.consortium.position(name)?;
        Some((position, self.consortium.members().get(position)?))
    }
}

fn pinned(fingerprint: &Fingerprint) -> cloister_api::Fingerprint {
    cloister_api::Fingerprint {
        hex: fingerprint.to_string(),
        words: fingerprint.words().to_string(),
    }
}

fn link(state: &LinkState) -> Link {
    Link {
        state: if state.up { "up" } else { "down" }.to_owned(),
        since: rfc3339(state.since),
        problem: state.problem.clone(),
        round_trip_seconds: state.round_trip.map(|time| time.as_secs_f64()),
        dials: state.attempts,
        certificate_days_left: state.not_after.map(days_left),
        version: state.release.clone(),
    }
}

/// Returns the whole days until then; below zero once it is past.
pub(super) fn days_left(not_after: SystemTime) -> i64 {
    let days = |time: Duration| i64::try_from(time.as_secs() / DAY).unwrap_or(i64::MAX);
    match not_after.duration_since(SystemTime::now()) {
        Ok(left) => days(left),
        Err(past) => -1 - days(past.duration()),
    }
}

/// Returns the free space on the disk with the node's state, in bytes rounded down to whole GiB.
fn free_bytes(folder: &std::path::Path) -> Option<u64> {
    let found = rustix::fs::statvfs(folder).ok()?;
    Some(found.f_bavail.saturating_mul(found.f_frsize) >> 30 << 30)
}

/// Returns the memory of this process, where the system tells.
fn memory_bytes() -> Option<u64> {
    let pages = std::fs::read_to_string("/proc/self/statm").ok()?;
    let resident: u64 = pages.split_whitespace().nth(1)?.parse().ok()?;
    let page = u64::try_from(rustix::param::page_size()).ok()?;
    Some(resident.saturating_mul(page).next_multiple_of(MEMORY_STEP))
}
