//! Facts about a node, the members that it knows, and its links to them.

use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::{Object, Schema};
use utoipa::openapi::{Array, RefOr};
use utoipa::{PartialSchema, ToSchema};

use crate::schema::words;

/// The names of the disclosure profiles.
pub const PROFILES: [&str; 2] = ["production", "teaching"];

/// The rights that a principal may have.
pub const RIGHTS: [&str; 7] =
    ["compute", "upload", "register", "approve", "audit", "observe", "steer"];

/// Facts about this node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Node {
    /// The member whose node this is.
    pub party: String,
    /// The release of the node.
    #[serde(default)]
    pub version: String,
    /// The version of the protocol between nodes.
    #[serde(default)]
    pub protocol: u64,
    /// The disclosure profile.
    #[schema(schema_with = profile)]
    pub profile: String,
    /// The time at which the node was started.
    #[serde(default)]
    #[schema(format = DateTime)]
    pub started: String,
    /// The node's clock.
    #[serde(default)]
    #[schema(format = DateTime)]
    pub now: String,
    /// The time limit of a computation.
    #[serde(default)]
    #[schema(exclusive_minimum = 0.0)]
    pub deadline_seconds: f64,
    /// The hash of the consortium file, which must be alike at all members.
    #[serde(default)]
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub consortium: String,
    /// `tokens` if calls need a token.
    #[serde(default)]
    #[schema(schema_with = access)]
    pub access: String,
    /// The caller.
    #[serde(default)]
    #[schema(value_type = Principal)]
    pub principal: Option<Principal>,
    /// The node's certificate.
    #[serde(default)]
    #[schema(value_type = Certificate)]
    pub certificate: Option<Certificate>,
    /// The numbers of computations.
    #[serde(default)]
    #[schema(schema_with = load)]
    pub computations: Load,
    /// Free bytes on the disk with the node's state; null where the system does not tell.
    #[serde(default)]
    pub disk_free_bytes: Option<u64>,
    /// Bytes that the process holds in memory; null where the system does not tell.
    #[serde(default)]
    pub memory_bytes: Option<u64>,
}

impl Node {
    /// The entries that change by themselves. Events have none of them.
    pub const RESTLESS: [&str; 3] = ["now", "disk_free_bytes", "memory_bytes"];
}

/// Computations under way, and those of them that wait for links.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Load {
    /// Computations under way.
    pub running: u64,
    /// Those of them that wait for links.
    pub waiting: u64,
}

/// The node's certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Certificate {
    /// Its SHA-256.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub fingerprint: String,
    /// The same in 24 words, for reading aloud.
    #[serde(default)]
    #[schema(pattern = "^([a-z]+ ){23}[a-z]+$")]
    pub words: String,
    /// Whole days until it ends; below zero once it has.
    pub days_left: i64,
}

/// The caller of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Principal {
    /// The name of its token; `anybody` at a node without tokens.
    pub name: String,
    /// Its rights.
    #[serde(default)]
    #[schema(schema_with = rights)]
    pub rights: Vec<String>,
}

/// A member of the consortium, as this node sees it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// The URL at which its clients reach it.
    pub api: String,
    /// The address at which other nodes reach it.
    pub peer: String,
    /// True for this node's own member.
    #[serde(rename = "self")]
    pub is_self: bool,
    /// The certificates that the consortium file pins.
    #[schema(min_items = 1)]
    pub fingerprints: Vec<Fingerprint>,
    /// The link to it; null for this node itself.
    pub link: Option<Link>,
}

/// A pinned certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Fingerprint {
    /// Its SHA-256.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub hex: String,
    /// The same in 24 words, for reading aloud.
    #[schema(pattern = "^([a-z]+ ){23}[a-z]+$")]
    pub words: String,
}

/// The link to a member.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Link {
    /// `up` or `down`.
    #[schema(schema_with = link_state)]
    pub state: String,
    /// The time since when.
    #[schema(format = DateTime)]
    pub since: String,
    /// The problem and its remedy, if there is one.
    pub problem: Option<String>,
    /// The round-trip time.
    #[schema(minimum = 0.0)]
    pub round_trip_seconds: Option<f64>,
    /// The number of times that the link was dialled.
    pub dials: u64,
    /// Whole days until the member's certificate ends.
    pub certificate_days_left: Option<i64>,
    /// The release of the member's node.
    pub version: Option<String>,
}

/// All members.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Members {
    /// The members, in the order of the consortium file.
    #[schema(min_items = 1)]
    pub members: Vec<Member>,
}

/// The answer of a live process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Alive {
    /// `alive`.
    #[schema(schema_with = alive)]
    pub status: String,
}

/// The answer of a node that takes requests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Ready {
    /// `ready`.
    #[schema(schema_with = ready)]
    pub status: String,
    /// Computations under way.
    pub computations: u64,
}

pub(crate) fn profile() -> Object {
    words("The disclosure profile.", &PROFILES)
}

fn load() -> RefOr<Schema> {
    Load::schema()
}

fn access() -> Object {
    words("`tokens` if calls need a token.", &["open", "tokens"])
}

fn rights() -> Array {
    crate::schema::list_of_words("Its rights.", &RIGHTS)
}

fn link_state() -> Object {
    words("The state of the link.", &["up", "down"])
}

fn alive() -> Object {
    words("The node's process answers.", &["alive"])
}

fn ready() -> Object {
    words("The node takes requests.", &["ready"])
}
