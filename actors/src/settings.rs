//! A node's settings, as `node.toml` holds them. Unknown entries are errors.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cloister_protocols::disclosure::Profile;
use serde::{Deserialize, Serialize};

/// What an operator sets for a node.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The party's name, as the consortium file has it.
    pub party: String,
    /// Where clients reach the node. Without tokens it must be a loopback address.
    pub api_listen: SocketAddr,
    /// Where other nodes reach it.
    pub peer_listen: SocketAddr,
    /// The folder with the party's certificate and key; relative to the settings file.
    #[serde(default = "default_identity")]
    pub identity: PathBuf,
    /// The consortium file; relative to the settings file.
    #[serde(default = "default_consortium")]
    pub consortium: PathBuf,
    /// Whose disclosure rules hold on this node.
    #[serde(default)]
    pub profile: Profile,
    /// How long a computation may take in all, in seconds, from its request to its result.
    #[serde(default = "default_deadline")]
    pub deadline_seconds: u32,
    /// Origins of web pages that may use the API from a browser, such as `https://lab.example`.
    #[serde(default)]
    pub allowed_origins: Vec<String>,
    /// Bounds.
    #[serde(default)]
    pub limits: Limits,
    /// For whom this node computes on shares.
    #[serde(default)]
    pub committee: Committee,
}

/// For whom a node computes on shares, as one of the three of a committee. Two of the three that
/// collude see everybody's data: who sits there is a question of trust, and so the operator's.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Committee {
    /// In computations that this node's own client has asked for.
    pub serve: bool,
    /// In computations of other members, without data of its own and without seeing the answer.
    pub help: bool,
}

/// Bounds of a node. Each has a default that suits a small server.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// The longest body of a request in bytes.
    pub body_bytes: usize,
    /// How many handles one principal may hold.
    pub handles: usize,
    /// How many bytes of values one principal may hold.
    pub held_bytes: usize,
    /// How long a handle lives after its last use, in seconds.
    pub handle_seconds: u32,
    /// How many computations may be under way.
    pub computations: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 64 << 20,
            handles: 10_000,
            held_bytes: 1 << 30,
            handle_seconds: 4 * 60 * 60,
            computations: 4_096,
        }
    }
}

impl Default for Committee {
    fn default() -> Self {
        Self { serve: true, help: false }
    }
}

impl Settings {
    /// The deadline of a computation.
    #[must_use]
    pub fn deadline(&self) -> Duration {
        Duration::from_secs(u64::from(self.deadline_seconds))
    }

    /// These settings with paths that no longer depend on where the file was.
    #[must_use]
    pub fn resolved(mut self, folder: &Path) -> Self {
        self.identity = folder.join(&self.identity);
        self.consortium = folder.join(&self.consortium);
        self
    }
}

fn default_identity() -> PathBuf {
    PathBuf::from("identity")
}

fn default_consortium() -> PathBuf {
    PathBuf::from("../consortium.toml")
}

fn default_deadline() -> u32 {
    60
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(more: &str) -> Result<Settings, serde_json::Error> {
        let least = r#""party":"a","api_listen":"127.0.0.1:1","peer_listen":"127.0.0.1:2""#;
        serde_json::from_str(&format!("{{{least}{more}}}"))
    }

    #[test]
    fn a_node_serves_its_own_client_and_helps_nobody_unless_it_is_told() {
        let committee = |more| read(more).unwrap().committee;
        assert_eq!(committee(""), Committee { serve: true, help: false });
        assert_eq!(committee(r#","committee":{}"#), Committee::default());
        let turned = Committee { serve: false, help: true };
        assert_eq!(committee(r#","committee":{"serve":false,"help":true}"#), turned);
    }

    #[test]
    fn entries_that_do_not_exist_are_refused() {
        for unknown in [r#","committee":{"helps":true}"#, r#","help":true"#] {
            assert!(read(unknown).unwrap_err().to_string().contains("unknown field"), "{unknown}");
        }
    }
}
