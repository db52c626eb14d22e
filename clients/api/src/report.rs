//! The report of a joint computation at one party: the answer, and the facts that belong to it.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa::openapi::schema::{Array, ArrayBuilder, Object};

use crate::schema::words;
use crate::stage::Stage;

/// The adversaries that a guarantee may hold against, the weaker first.
pub const ADVERSARIES: [&str; 2] = ["semi_honest", "malicious_with_abort"];

/// The problems that a guarantee may rest on.
pub const HARDNESS: [&str; 5] = [
    "diffie_hellman_curve25519",
    "symmetric_primitives",
    "diffie_hellman_ristretto255",
    "decisional_diffie_hellman_ristretto255",
    "correlation_robust_hash",
];

/// The guarantees of a result, the weaker first.
pub const OUTPUTS: [&str; 2] = ["if_followed", "with_abort"];

/// The result of a joint computation, as it is downloaded.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[schema(as = Result)]
pub struct Report {
    /// The number of parties that brought data.
    pub inputs: usize,
    /// The answer; its entries are told by GET /v1/functions.
    pub result: Value,
    /// The assumptions of its protection, and what was revealed.
    #[schema(value_type = Security)]
    pub security: Value,
    /// The disclosure rules that held.
    #[schema(value_type = Disclosure)]
    pub disclosure: Value,
    /// Rows that were left out because a value was missing; null where there are too few to be
    /// told.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Value)]
    pub dropped: Option<Dropped>,
    /// The scale at which it was computed, if the function has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(ignore)]
    pub precision: Option<Value>,
    /// As `Cost`, with the number of messages, and `preparation` where there was any.
    #[schema(value_type = Object)]
    pub cost: ReportCost,
    /// The hash of the agreed proposals.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub session: String,
    /// True if nothing was computed: the same question was answered before, about the same rows with the
    /// same values, and all of this is of then.
    #[serde(default, skip_serializing_if = "is_false")]
    pub kept: bool,
    /// The timing at this party's node, if it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(ignore)]
    pub trace: Option<Trace>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(it: &bool) -> bool {
    !*it
}

/// The number of rows that were left out because a value was missing. It is null where they are
/// none, or too few to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Dropped(Option<u64>);

impl Dropped {
    /// Returns the number, if it may be told.
    #[must_use]
    pub fn count(self) -> Option<u64> {
        self.0
    }
}

/// Reads an entry that is there, be it null: an absent one is another fact.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Dropped>, D::Error> {
    Dropped::deserialize(deserializer).map(Some)
}

/// The assumptions of a computation's protection, and what was revealed beside the answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Security {
    /// The suite.
    pub suite: String,
    /// The abilities of corrupt parties that do not let them learn more.
    pub adversary: String,
    /// The number of parties that may be corrupt.
    pub corruptible: u64,
    /// The guarantee of all suites that ran together: the weakest of each.
    pub guarantee: Guarantee,
    /// The values that nodes got to know beside the answer.
    pub reveals: Vec<String>,
}

/// The guarantee of all suites that ran together: the weakest of each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Guarantee {
    /// The abilities of corrupt parties that do not let them learn more.
    #[schema(schema_with = adversary)]
    pub adversary: String,
    /// The number of parties that may be corrupt.
    pub corruptible: u64,
    /// The problems that must be hard for corrupt parties.
    #[schema(schema_with = hardness)]
    pub hardness: Vec<String>,
    /// `if_followed` if results are right only where all parties follow the protocol; `with_abort`
    /// if they are right wherever there are any.
    #[schema(schema_with = output)]
    pub output: String,
}

/// The disclosure rules that held, and the member that each is of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Disclosure {
    /// The profile of this node.
    #[schema(schema_with = crate::node::profile)]
    pub profile: String,
    /// The strictest of all members' rules.
    pub rules: Rules,
    /// The member of each rule.
    pub decided_by: BTreeMap<String, String>,
    /// The number of parties of which rows are left out of the answer by their own rules: the few that
    /// it would tell alone, or all. Parties without any of the selected rows count, too.
    #[serde(default)]
    pub left_out: u64,
    /// The part of their standard errors that the numbers of the answer were rounded to: `se/N`; null
    /// where no member's rules round. Counts are exact.
    #[serde(default)]
    pub rounded: Option<String>,
}

/// The disclosure rules that held: the strictest of all members'.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Rules {
    /// The fewest parties with data.
    pub min_parties: u64,
    /// The fewest rows of all parties together.
    pub min_rows: u64,
    /// The smallest count that a table may show.
    pub min_cell: u64,
    /// The largest part of the whole that one party may have, in percent.
    #[schema(minimum = 1, maximum = 100)]
    pub max_share: u64,
    /// True if columns made by a client may stand beside a dataset.
    pub client_columns: bool,
}

/// The cost of a computation for a party, with its parts.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct ReportCost {
    /// Rounds after the agreement.
    pub rounds: u64,
    /// Messages sent to all other parties.
    pub messages_sent: u64,
    /// Bytes sent to all other parties, without frames and TLS.
    pub bytes_sent: u64,
    /// Bytes received from all other parties.
    pub bytes_received: u64,
    /// Seconds from the request to the result.
    pub seconds: f64,
    /// The part of this that was preparation. Absent where there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preparation: Option<Preparation>,
    /// Other entries, of newer nodes.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// The cost of making correlated randomness, for a party. It is independent of all data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Preparation {
    /// Rounds.
    pub rounds: u64,
    /// Messages sent to all other parties.
    pub messages_sent: u64,
    /// Bytes sent to all other parties, without frames and TLS.
    pub bytes_sent: u64,
    /// Bytes received from all other parties.
    pub bytes_received: u64,
}

/// The timing of a computation at one node. Times are in seconds.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Trace {
    /// The begin of the computation, since 1970 by the node's clock.
    pub started: f64,
    /// The time from its begin to its end, without the time in which the request was read and
    /// decided, and the data encoded.
    pub seconds: f64,
    /// The time before, in which the data were read, checked and encoded.
    pub encoding: f64,
    /// The time that the node's links worked meanwhile, for this and all other computations.
    pub serialisation: f64,
    /// The agreement, then each round in order.
    pub rounds: Vec<TracedRound>,
}

/// One round at one node. Times are in seconds after the computation's begin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TracedRound {
    /// Its name.
    pub name: String,
    /// Its stage. Documents of older versions leave it out where it is online.
    #[serde(default)]
    pub stage: Stage,
    /// Its begin.
    pub begins: f64,
    /// Its end, which is the begin of the next round.
    pub ends: f64,
    /// The time in the protocol's arithmetic.
    pub arithmetic: f64,
    /// The intervals in which the node waited for messages: pairs of begin and end. The rest is
    /// arithmetic, and the node's other work.
    pub waits: Vec<(f64, f64)>,
    /// Messages sent in it.
    pub messages_sent: u64,
    /// Bytes sent in it.
    pub bytes_sent: u64,
    /// Bytes received in it.
    pub bytes_received: u64,
}

impl TracedRound {
    /// Returns the whole time of waiting.
    #[must_use]
    pub fn waiting(&self) -> f64 {
        self.waits.iter().map(|(begin, end)| end - begin).sum()
    }
}

fn adversary() -> Object {
    words("The abilities of corrupt parties that do not let them learn more.", &ADVERSARIES)
}

fn hardness() -> Array {
    let items = words("A problem that must be hard for corrupt parties.", &HARDNESS);
    let description = "The problems that must be hard for corrupt parties.";
    ArrayBuilder::new().items(items).description(Some(description)).build()
}

fn output() -> Object {
    let description = "`if_followed` if results are right only where all parties follow the \
                       protocol; `with_abort` if they are right wherever there are any.";
    words(description, &OUTPUTS)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rows_left_out_stay_apart_from_none_asked_to_be_left_out() {
        for more in [json!({"dropped": 5}), json!({"dropped": null}), json!({})] {
            let mut report = json!({
                "inputs": 2, "result": {}, "security": {}, "disclosure": {}, "session": "s",
                "cost": {"rounds": 1, "messages_sent": 1, "bytes_sent": 1, "bytes_received": 1,
                         "seconds": 0.5},
            });
            report.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let read: Report = serde_json::from_value(report.clone()).unwrap();
            assert_eq!(read.dropped.map(Dropped::count), more.get("dropped").map(Value::as_u64));
            assert_eq!(serde_json::to_value(&read).unwrap(), report);
        }
    }
}
