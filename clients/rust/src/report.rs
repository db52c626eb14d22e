//! The report of a joint computation at one party: the answer, and the facts that belong to it.

use cloister_report::measurement::Round;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The report of a joint computation at one party.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Report {
    /// The number of parties that took part.
    pub inputs: usize,
    /// The answer.
    pub result: Value,
    /// The assumptions of its protection, and what was revealed.
    pub security: Value,
    /// The disclosure rules that held.
    pub disclosure: Value,
    /// The number of rows of all parties that were left out, if the client allowed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropped: Option<Value>,
    /// The scale at which it was computed, if the function has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precision: Option<Value>,
    /// Its cost for this party.
    pub cost: Cost,
    /// The hash of everything that the parties agreed on.
    pub session: String,
    /// The timing at this party's node, if it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<Trace>,
}

/// The timing of a computation at one node. Times are in seconds, those of rounds after the begin.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Trace {
    /// The begin of the computation, since 1970 by the node's clock.
    pub started: f64,
    /// From its begin to its end.
    pub seconds: f64,
    /// The time before, in which the data were encoded.
    pub encoding: f64,
    /// The time that the node's links worked meanwhile.
    pub serialisation: f64,
    /// The agreement, then each round in order.
    pub rounds: Vec<Round>,
}

/// The cost of a computation for a party.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Cost {
    /// Rounds after the agreement.
    pub rounds: u64,
    /// Messages sent to all other parties.
    pub messages_sent: u64,
    /// Bytes sent to all other parties.
    pub bytes_sent: u64,
    /// Bytes received from all other parties.
    pub bytes_received: u64,
    /// From request to result, in seconds.
    pub seconds: f64,
    /// The part of this that was preparation, where there was any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preparation: Option<Preparation>,
    /// Other entries of the node.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// The cost of making correlated randomness, for a party.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Preparation {
    /// Rounds.
    pub rounds: u64,
    /// Messages sent to all other parties.
    pub messages_sent: u64,
    /// Bytes sent to all other parties.
    pub bytes_sent: u64,
    /// Bytes received from all other parties.
    pub bytes_received: u64,
}
