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
