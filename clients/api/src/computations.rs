//! Computations as a node records them: progress, parties that are awaited, and how each ended.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::Object;

use crate::report::{Disclosure, Security};
use crate::schema::words;

/// The states of a computation, in order. The last three are ends.
pub const STATES: [&str; 8] =
    ["preparing", "connecting", "agreeing", "running", "opening", "done", "failed", "cancelled"];

/// A computation that a client of this node asked for. Where a dataset is involved, times are
/// rounded up to 50 milliseconds, and beyond a second to steps of 5 %.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Computation {
    /// Its name at this node.
    #[schema(format = "uuid")]
    pub id: String,
    /// The hash of the agreed proposals, alike at all members; null before there is a result.
    #[serde(default)]
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub session: Option<String>,
    /// The name that the clients gave to it, alike at all nodes.
    pub network: String,
    /// Its number under that name, from 0; null before it has one.
    #[serde(default)]
    pub run: Option<u64>,
    /// The function.
    #[serde(default)]
    pub function: String,
    /// The suite; null before it is chosen.
    #[serde(default)]
    pub suite: Option<String>,
    /// The principal that asked for it here.
    #[serde(default)]
    pub principal: String,
    /// The dataset that this node computes on, if it is one.
    #[serde(default)]
    pub dataset: Option<String>,
    /// All members that take part, those that bring data first.
    #[serde(default)]
    #[schema(min_items = 1)]
    pub members: Vec<String>,
    /// The members that compute without data of their own.
    #[serde(default)]
    pub helpers: Vec<String>,
    /// The member whose node this is.
    #[serde(default)]
    pub me: String,
    /// Its state; `done`, `failed` and `cancelled` are ends.
    #[schema(schema_with = states)]
    pub state: String,
    /// The round that runs; 0 for the agreement.
    #[serde(default)]
    pub round: u64,
    /// The purpose of the round, in words; empty before the first and after the last.
    #[serde(default)]
    pub step: String,
    /// The parties that are awaited; null where none is.
    #[serde(default)]
    pub waiting: Option<Waiting>,
    /// The time at which it was asked for.
    #[serde(default)]
    #[schema(format = DateTime)]
    pub started: String,
    /// The time of its end; null while it runs.
    #[serde(default)]
    #[schema(format = DateTime)]
    pub ended: Option<String>,
    /// The time at which it is given up.
    #[serde(default)]
    #[schema(format = DateTime)]
    pub deadline: String,
    /// The reason for which it ended without a result.
    #[serde(default)]
    pub error: Option<Problem>,
    /// Its cost for this party; null without a result.
    #[serde(default)]
    pub cost: Option<Cost>,
}

/// The parties that a computation waits for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Waiting {
    /// Their names.
    #[schema(min_items = 1)]
    pub parties: Vec<String>,
    /// The step that is awaited.
    #[serde(default, rename = "for")]
    pub what: String,
    /// The time since when.
    #[serde(default)]
    #[schema(format = DateTime)]
    pub since: String,
}

/// The reason for which there is no result.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// The code, for programs.
    #[schema(pattern = "^[a-z][a-z0-9_]*$")]
    pub code: String,
    /// A sentence, for people.
    #[serde(default)]
    pub message: String,
    /// A remedy; empty where none is known.
    #[serde(default)]
    pub hint: String,
    /// The member that it concerns.
    #[serde(default)]
    pub party: Option<String>,
}

/// The cost of a computation for this party.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Cost {
    /// Rounds after the agreement.
    pub rounds: u64,
    /// Bytes sent to all others, without frames and TLS.
    pub bytes_sent: u64,
    /// Bytes received from all others.
    pub bytes_received: u64,
    /// Seconds from the request to the result.
    #[schema(minimum = 0.0)]
    pub seconds: f64,
}

/// All facts about a computation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ComputationDetail {
    /// The facts that lists have.
    #[serde(flatten)]
    pub summary: Computation,
    /// The latest rounds, 200 at most.
    #[serde(default)]
    #[schema(max_items = 200)]
    pub rounds: Vec<Round>,
    /// The number of earlier rounds that are forgotten.
    #[serde(default)]
    pub rounds_dropped: u64,
    /// The columns and rows of datasets that this node computes on. They are told to the principal
    /// that asked for it, and to those who may read them in the audit log.
    #[serde(default)]
    pub selections: Vec<Selected>,
    /// The answer, told to the principal that asked for it, as long as the node keeps it.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub result: Option<Value>,
    /// The security of the result, told to the principal that asked for it.
    #[serde(default)]
    #[schema(value_type = Option<Security>)]
    pub security: Option<Value>,
    /// The disclosure rules that held, told to the principal that asked for it.
    #[serde(default)]
    pub disclosure: Option<Disclosure>,
}

/// The columns and rows of a dataset that a computation takes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Selected {
    /// The dataset's name.
    pub dataset: String,
    /// The columns, in the order in which the function takes them: the first 64.
    #[schema(max_items = 64)]
    pub columns: Vec<String>,
    /// The number of further columns.
    #[serde(default)]
    pub more_columns: u64,
    /// The condition on rows, as the audit log writes it, up to 1,024 characters; null where all
    /// rows are taken.
    #[serde(default)]
    pub condition: Option<String>,
}

/// A round on the time axis, in seconds since the computation began.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Round {
    /// Its number; 0 for the agreement.
    pub round: u64,
    /// Its purpose.
    pub stage: String,
    /// Its begin.
    #[schema(minimum = 0.0)]
    pub started: f64,
    /// Its end; null while it runs.
    #[schema(minimum = 0.0)]
    pub ended: Option<f64>,
    /// The members that were awaited last.
    pub waited_for: Vec<String>,
}

/// A list of computations.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Computations {
    /// The computations, those under way first, and the latest first.
    #[schema(max_items = 500)]
    pub computations: Vec<Computation>,
}

/// The answer to a request to end a computation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Cancelled {
    /// Always true.
    #[schema(schema_with = crate::schema::always_true)]
    pub cancelled: bool,
}

fn states() -> Object {
    words("Its state; `done`, `failed` and `cancelled` are ends.", &STATES)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

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
