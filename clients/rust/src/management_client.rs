//! The requests of the management API (`/v1`): computations and their progress, facts about a node,
//! the functions that it can compute.
//!
//! Nodes of other makers, and older ones, have none of it: [`CallError::is_missing`] tells that
//! apart from a refusal. Unknown keys are ignored, so that newer nodes may say more.

use std::time::Duration;

use awc::http::Method;
use cloister_api::{
    Cancelled, Computation, Computations, Function, Functions, Member, Members, Node, ProbeOrder,
    ProbeReport,
};
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::error::CallError;
use crate::node_client::{NodeClient, QUICK};

impl NodeClient {
    /// Asks the node for facts about itself.
    ///
    /// # Errors
    /// If the node cannot be reached or refuses, or has no such request; so for all here.
    pub async fn node(&self) -> Result<Node, CallError> {
        self.managed(Method::GET, "/v1/node").await
    }

    /// Lists the members that the node knows, with its link to each.
    pub async fn members(&self) -> Result<Vec<Member>, CallError> {
        let members: Members = self.managed(Method::GET, "/v1/members").await?;
        Ok(members.members)
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
        let order = json!(ProbeOrder {
            member: member.to_owned(),
            idle_seconds: idle.as_secs(),
            bandwidth_bytes: bytes,
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
    use super::*;

    #[test]
    fn names_stay_inside_their_part_of_a_url() {
        assert_eq!(encoded("a-1_b.c~"), "a-1_b.c~");
        assert_eq!(encoded("a/b?c&d=ü"), "a%2Fb%3Fc%26d%3D%C3%BC");
    }
}
