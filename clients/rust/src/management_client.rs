//! The requests of the management API (`/v1`): computations and their progress, facts about a node,
//! the functions that it can compute.
//!
//! Nodes of other makers, and older ones, have none of it: [`CallError::is_missing`] tells that
//! apart from a refusal. Unknown keys are ignored, so that newer nodes may say more.

use std::time::Duration;

use awc::http::Method;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::error::CallError;
use crate::node_client::{NodeClient, QUICK};

/// A computation as a node tells of it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Computation {
    /// The node's own name for it.
    pub id: String,
    /// The name that all nodes know it by.
    pub network: String,
    /// `preparing`, `connecting`, `agreeing`, `running`, `opening`, `done`, `failed` or
    /// `cancelled`.
    pub state: String,
    /// The round, from 1 on; 0 before the first.
    #[serde(default)]
    pub round: u64,
    /// The purpose of the round, in words.
    #[serde(default)]
    pub step: String,
    /// The parties that the node waits for, if it does.
    #[serde(default)]
    pub waiting: Option<Waiting>,
}

/// The parties that a node waits for, and the step of theirs that it awaits.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Waiting {
    /// The parties that have not come yet.
    pub parties: Vec<String>,
    /// The step that is awaited, in a word or two.
    #[serde(default, rename = "for")]
    pub what: String,
    /// The time since when, by the node's clock.
    #[serde(default)]
    pub since: String,
}

/// Facts about a node, in its own words.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct NodeFacts {
    /// Its party.
    pub party: String,
    /// Its version.
    #[serde(default)]
    pub version: String,
    /// The profile of its disclosure rules.
    pub profile: String,
    /// The hash of its consortium file.
    #[serde(default)]
    pub consortium: String,
    /// The version of the protocol that it speaks with other nodes.
    #[serde(default)]
    pub protocol: u64,
    /// Its clock, as RFC 3339 writes it.
    #[serde(default)]
    pub now: String,
    /// Its certificate.
    #[serde(default)]
    pub certificate: Option<CertificateFacts>,
    /// The caller, as it sees it.
    #[serde(default)]
    pub principal: Option<Caller>,
    /// Free bytes on the disk with its state, if it can tell.
    #[serde(default)]
    pub disk_free_bytes: Option<u64>,
    /// Bytes that it holds in memory, if it can tell.
    #[serde(default)]
    pub memory_bytes: Option<u64>,
}

/// Facts about a node's certificate.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct CertificateFacts {
    /// The fingerprint, in hex.
    pub fingerprint: String,
    /// Whole days until it ends; below zero once it has.
    pub days_left: i64,
}

/// The principal that calls a node.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Caller {
    /// The name of its token.
    pub name: String,
    /// Its rights.
    #[serde(default)]
    pub rights: Vec<String>,
}

/// Findings of a node that tried its line to another.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct ProbeReport {
    /// Step by step.
    pub steps: Vec<ProbeStep>,
    /// The round-trip time, in seconds.
    #[serde(default)]
    pub round_trip_seconds: Option<f64>,
    /// The bandwidth, in bytes a second.
    #[serde(default)]
    pub bytes_per_second: Option<f64>,
    /// The lead of the other's clock, in seconds.
    #[serde(default)]
    pub clock_offset_seconds: Option<f64>,
}

/// A step of it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ProbeStep {
    /// Its name.
    pub step: String,
    /// `ok`, `warning`, `failed` or `skipped`.
    pub verdict: String,
    /// The finding.
    #[serde(default)]
    pub detail: String,
    /// A remedy.
    #[serde(default)]
    pub remedy: Option<String>,
    /// The party that must do it.
    #[serde(default)]
    pub who: Option<String>,
}

/// A function that a node can compute with others.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// A sentence on its result.
    pub summary: String,
    /// The input of a party, in words.
    #[serde(default)]
    pub takes: String,
    /// The suites that serve it.
    #[serde(default)]
    pub suites: Vec<String>,
    /// The keys of its answer.
    #[serde(default)]
    pub result_keys: Vec<String>,
    /// The most that it reveals beside its answer.
    #[serde(default)]
    pub reveals: Vec<String>,
    /// Its parameters; none where the node does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Vec<Parameter>>,
}

/// A parameter of a function.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// `number`, `text`, `list` or `boolean`.
    #[serde(default, rename = "type")]
    pub kind: String,
    /// True if it must be given.
    #[serde(default)]
    pub required: bool,
    /// Its purpose.
    #[serde(default)]
    pub summary: String,
}

#[derive(Deserialize)]
struct Computations {
    computations: Vec<Computation>,
}

#[derive(Deserialize)]
struct Functions {
    functions: Vec<Function>,
}

/// `{"cancelled": true}`, which is not read further.
type Cancelled = Value;

impl NodeClient {
    /// Asks the node for facts about itself.
    ///
    /// # Errors
    /// If the node cannot be reached or refuses, or has no such request; so for all here.
    pub async fn node(&self) -> Result<NodeFacts, CallError> {
        self.managed(Method::GET, "/v1/node").await
    }

    /// Has the node try its line to another member: silent for the time `idle`, and with so many
    /// bytes. Waits for the answer for up to `within`.
    pub async fn probe(
        &self,
        member: &str,
        idle: Duration,
        bytes: u64,
        within: Duration,
    ) -> Result<ProbeReport, CallError> {
        let order = json!({
            "member": member,
            "idle_seconds": idle.as_secs(),
            "bandwidth_bytes": bytes,
        });
        let body = self.exchange(Method::POST, "/v1/probes", Some(&order), within).await?;
        serde_json::from_slice(&body).map_err(|error| self.alien(error))
    }

    /// Lists the functions that it can compute with others.
    pub async fn functions(&self) -> Result<Vec<Function>, CallError> {
        let functions: Functions = self.managed(Method::GET, "/v1/functions").await?;
        Ok(functions.functions)
    }

    /// Lists the computations that go on under a network's name.
    pub async fn running(&self, network: &str) -> Result<Vec<Computation>, CallError> {
        let path = format!("/v1/computations?state=running&network={}", encoded(network));
        let all: Computations = self.managed(Method::GET, &path).await?;
        // A node that does not know the filter says more than was asked for.
        Ok(all.computations.into_iter().filter(|one| one.network == network).collect())
    }

    /// Ends a computation at this node, which tells the others.
    pub async fn cancel(&self, computation: &Computation) -> Result<(), CallError> {
        let path = format!("/v1/computations/{}", encoded(&computation.id));
        self.managed::<Cancelled>(Method::DELETE, &path).await.map(drop)
    }

    async fn managed<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
    ) -> Result<T, CallError> {
        let body = self.exchange(method, path, None, QUICK).await?;
        serde_json::from_slice(&body).map_err(|error| self.alien(error))
    }
}

/// Encodes a name as a part of a URL: RFC 3986 leaves letters, digits and four marks as they are.
fn encoded(name: &str) -> String {
    let mut text = String::new();
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                text.push(char::from(byte));
            }
            other => text += &format!("%{other:02X}"),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_stay_inside_their_part_of_a_url() {
        assert_eq!(encoded("a-1_b.c~"), "a-1_b.c~");
        assert_eq!(encoded("a/b?c&d=ü"), "a%2Fb%3Fc%26d%3D%C3%BC");
    }

    #[test]
    fn a_node_may_say_more_or_less() {
        let computation = json!({
            "id": "1", "network": "n", "state": "running", "round": 2, "step": "opening",
            "waiting": {"parties": ["b"], "for": "agreeing", "since": "x", "more": 1}, "new": true,
        });
        let read: Computation = serde_json::from_value(computation).unwrap();
        assert_eq!(read.waiting.unwrap().what, "agreeing");
        let least = json!({"id": "1", "network": "n", "state": "done"});
        assert_eq!(serde_json::from_value::<Computation>(least).unwrap().round, 0);
    }
}
