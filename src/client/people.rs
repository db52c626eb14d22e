//! The requests of the API for people (`/v1`), beside those of Federated Secure Computing: which
//! computations there are and how far they are, what a node is, what it can compute.
//!
//! Nodes of other makers, and older ones, have none of it: [`CallError::is_missing`] tells that apart from
//! a refusal. Keys that are not known are passed over, so that newer nodes may say more.

use std::time::Duration;

use awc::http::Method;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{CallError, NodeClient, QUICK};

/// A computation as a node tells of it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Computation {
    /// The node's own name for it.
    pub id: String,
    /// The name that all nodes know it by.
    pub network: String,
    /// `preparing`, `connecting`, `agreeing`, `running`, `opening`, `done`, `failed` or `cancelled`.
    pub state: String,
    /// The round, from 1 on; 0 before the first.
    #[serde(default)]
    pub round: u64,
    /// What the round is for, in words.
    #[serde(default)]
    pub step: String,
    /// For whom the node waits, if it does.
    #[serde(default)]
    pub waiting: Option<Waiting>,
}

/// For whom a node waits, and for what.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Waiting {
    /// The parties that have not come yet.
    pub parties: Vec<String>,
    /// What is awaited, in a word or two.
    #[serde(default, rename = "for")]
    pub what: String,
    /// Since when, by the node's clock.
    #[serde(default)]
    pub since: String,
}

/// What a node says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct NodeFacts {
    /// Its party.
    pub party: String,
    /// Its version.
    #[serde(default)]
    pub version: String,
    /// Whose disclosure rules hold on it.
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
    /// Who calls, as it sees it.
    #[serde(default)]
    pub principal: Option<Caller>,
    /// What is free on the disk with its state, in bytes, if it can tell.
    #[serde(default)]
    pub disk_free_bytes: Option<u64>,
    /// What it holds in memory, in bytes, if it can tell.
    #[serde(default)]
    pub memory_bytes: Option<u64>,
}

/// What a node says of its certificate.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct CertificateFacts {
    /// The fingerprint, in hex.
    pub fingerprint: String,
    /// Whole days until it ends; below zero once it has.
    pub days_left: i64,
}

/// Whoever calls a node.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Caller {
    /// The name of its token.
    pub name: String,
    /// What it may do.
    #[serde(default)]
    pub rights: Vec<String>,
}

/// What a node found when it tried its line to another.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct ProbeReport {
    /// Step by step.
    pub steps: Vec<ProbeStep>,
    /// How long a word takes there and back, in seconds.
    #[serde(default)]
    pub round_trip_seconds: Option<f64>,
    /// How much the line carried, in bytes a second.
    #[serde(default)]
    pub bytes_per_second: Option<f64>,
    /// How far the other's clock is ahead, in seconds.
    #[serde(default)]
    pub clock_offset_seconds: Option<f64>,
}

/// A step of it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ProbeStep {
    /// Which.
    pub step: String,
    /// `ok`, `warning`, `failed` or `skipped`.
    pub verdict: String,
    /// What was found.
    #[serde(default)]
    pub detail: String,
    /// What to do about it.
    #[serde(default)]
    pub remedy: Option<String>,
    /// Who must do it.
    #[serde(default)]
    pub who: Option<String>,
}

/// A function that a node can compute with others.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// What it computes, in a sentence.
    pub summary: String,
    /// What it takes of a party, in words.
    #[serde(default)]
    pub takes: String,
    /// The suites that serve it.
    #[serde(default)]
    pub suites: Vec<String>,
    /// The keys of its answer.
    #[serde(default)]
    pub result_keys: Vec<String>,
    /// What it reveals beside its answer, at most.
    #[serde(default)]
    pub reveals: Vec<String>,
    /// What can be set; nothing where the node does not say.
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
    /// Whether it must be given.
    #[serde(default)]
    pub required: bool,
    /// What it is for.
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

/// `{"cancelled": true}`, of which nothing more is to be read.
type Cancelled = Value;

impl NodeClient {
    /// What the node is.
    ///
    /// # Errors
    /// If the node cannot be reached or refuses, or has no such request; so for all here.
    pub async fn node(&self) -> Result<NodeFacts, CallError> {
        self.people(Method::GET, "/v1/node").await
    }

    /// Has the node try its line to another member, in up to `within`: without a word for so many seconds,
    /// and with so many bytes.
    pub async fn probe(
        &self,
        member: &str,
        (idle_seconds, bandwidth_bytes): (u64, u64),
        within: Duration,
    ) -> Result<ProbeReport, CallError> {
        let order = json!({
            "member": member,
            "idle_seconds": idle_seconds,
            "bandwidth_bytes": bandwidth_bytes,
        });
        let body = self.exchange(Method::POST, "/v1/probes", Some(&order), within).await?;
        serde_json::from_slice(&body).map_err(|error| self.alien(error))
    }

    /// The functions that it can compute with others.
    pub async fn functions(&self) -> Result<Vec<Function>, CallError> {
        let functions: Functions = self.people(Method::GET, "/v1/functions").await?;
        Ok(functions.functions)
    }

    /// The computations that go on under a network's name.
    pub async fn running(&self, network: &str) -> Result<Vec<Computation>, CallError> {
        let path = format!("/v1/computations?state=running&network={}", encoded(network));
        let all: Computations = self.people(Method::GET, &path).await?;
        // A node that does not know the filter says more than was asked for.
        Ok(all.computations.into_iter().filter(|one| one.network == network).collect())
    }

    /// Ends a computation at this node, which tells the others.
    pub async fn cancel(&self, computation: &Computation) -> Result<(), CallError> {
        let path = format!("/v1/computations/{}", encoded(&computation.id));
        self.people::<Cancelled>(Method::DELETE, &path).await.map(drop)
    }

    async fn people<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
    ) -> Result<T, CallError> {
        let body = self.exchange(method, path, None, QUICK).await?;
        serde_json::from_slice(&body).map_err(|error| self.alien(error))
    }
}

impl CallError {
    /// Whether the node has no such request at all.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.code == "no_such_path")
    }

    /// Whether what was to be ended had ended already.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        let ended = ["already_ended", "no_such_computation"];
        matches!(self, Self::Refused(refusal) if ended.contains(&refusal.code.as_str()))
    }
}

/// A name as a part of a URL: RFC 3986 leaves letters, digits and four marks as they are.
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
