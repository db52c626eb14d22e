//! What a joint computation comes to at one party: the answer, and what is to be known of it.

use cloister_report::measurement::Round;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What a joint computation came to at one party.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Report {
    /// How many parties took part.
    pub inputs: usize,
    /// The answer.
    pub result: Value,
    /// What its protection assumes and gives away.
    pub security: Value,
    /// The disclosure rules that held.
    pub disclosure: Value,
    /// How many rows of all parties were left out, if the client allowed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropped: Option<Value>,
    /// The scale at which it was computed, if the function has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precision: Option<Value>,
    /// What it cost this party.
    pub cost: Cost,
    /// The hash of everything that the parties agreed on.
    pub session: String,
    /// What took how long at this party's node, if that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<Trace>,
}

/// What took how long at one node. Times are in seconds, those of rounds after the begin.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Trace {
    /// When the computation began, since 1970 by the node's clock.
    pub started: f64,
    /// From its begin to its end.
    pub seconds: f64,
    /// What encoding the data took before.
    pub encoding: f64,
    /// What the node's links worked meanwhile.
    pub serialisation: f64,
    /// The agreement, then each round in order.
    pub rounds: Vec<Round>,
}

/// What a computation cost a party.
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
    /// What of this was preparation, where there was any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preparation: Option<Preparation>,
    /// Whatever else the node says of it.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// What making correlated randomness cost a party.
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
