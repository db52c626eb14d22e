//! Probes: a node tries its line to another member, step by step.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::Object;

use crate::schema::words;

/// All steps of a probe, in order.
pub const STEPS: [&str; 10] = [
    "resolve",
    "tcp",
    "tls",
    "identity",
    "version",
    "consortium",
    "clock",
    "round_trip",
    "bandwidth",
    "idle",
];

/// The verdicts on a step.
pub const VERDICTS: [&str; 4] = ["ok", "warning", "failed", "skipped"];

/// The order to try a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProbeOrder {
    /// Another member's name.
    pub member: String,
    /// Seconds of silence, which show whether idle lines are cut; 300 at most, and not tried where
    /// it is 0.
    #[serde(default)]
    #[schema(default = 0)]
    pub idle_seconds: u64,
    /// Bytes to send, which show the line's bandwidth; 16 MiB at most, and not tried where it is 0.
    #[serde(default)]
    #[schema(default = 0)]
    pub bandwidth_bytes: u64,
}

/// The findings on a line, step by step, in this order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProbeReport {
    /// The member whose node tried the line.
    #[serde(default)]
    pub from: String,
    /// The member at its other end.
    #[serde(default)]
    pub to: String,
    /// The steps.
    #[schema(min_items = 10, max_items = 10)]
    pub steps: Vec<ProbeStep>,
    /// The round-trip time.
    #[serde(default)]
    #[schema(minimum = 0.0)]
    pub round_trip_seconds: Option<f64>,
    /// The bandwidth.
    #[serde(default)]
    #[schema(minimum = 0.0)]
    pub bytes_per_second: Option<f64>,
    /// The lead of the other's clock over this node's, in seconds.
    #[serde(default)]
    pub clock_offset_seconds: Option<f64>,
}

/// One step, with a remedy where it failed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProbeStep {
    /// Its name.
    #[schema(schema_with = step)]
    pub step: String,
    /// The verdict.
    #[schema(schema_with = verdict)]
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

fn step() -> Object {
    words("Its name.", &STEPS)
}

fn verdict() -> Object {
    words("The verdict.", &VERDICTS)
}
