//! Requests that wait for an owner's approval, and the audit log.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa::openapi::schema::{Array, ArrayBuilder, Object, Type};

use crate::schema::{always_true, words};

/// The kinds of entries of the audit log.
pub const ENTRIES: [&str; 13] = [
    "started",
    "asked",
    "refused",
    "ended",
    "helped",
    "uploaded",
    "registered",
    "withdrawn",
    "token made",
    "token revoked",
    "granted",
    "denied",
    "memory reset",
];

/// A request that an owner has to approve.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Approval {
    /// Its number.
    pub id: u64,
    /// The question that was asked; null for a study, or a class of questions, that was granted as
    /// a whole before any was asked.
    pub class: Option<ApprovalClass>,
    /// The title of what was granted as a whole, else null.
    pub study: Option<String>,
    /// The time at which it was asked for last, in seconds since 1970.
    pub asked: u64,
    /// The owner's decision.
    pub state: ApprovalState,
}

/// A question: this function on these columns and rows by this principal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ApprovalClass {
    /// The principal.
    pub principal: String,
    /// The function.
    pub function: String,
    /// Its parameters, as a JSON object in one spelling; null in a request of an older version,
    /// which did not keep them.
    pub parameters: Option<String>,
    /// The dataset.
    pub dataset: String,
    /// The columns that are computed with.
    #[schema(schema_with = columns)]
    pub columns: Vec<String>,
    /// The condition on rows, in one spelling; null for all rows.
    pub condition: Option<String>,
    /// The equations about rows that each answer tells; null where that depends on other parties.
    #[serde(default)]
    pub equations: Option<u64>,
    /// The part that is told so far of the most told of the columns, from 0 to 100; null where
    /// `equations` is, or the dataset is not registered.
    #[serde(default)]
    pub told_percent: Option<f64>,
    /// The part of a column that each answer tells at most, from 0 to 100; null where
    /// `told_percent` is.
    #[serde(default)]
    pub tells_percent: Option<f64>,
}

/// The decision on a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ApprovalState {
    /// There is no decision yet.
    Asked,
    /// The use is allowed so many more times, until then.
    Granted {
        /// The owner who decided.
        by: String,
        /// The number of uses left.
        times_left: u64,
        /// The end of the approval, in seconds since 1970.
        expires: u64,
        /// The questions that it serves, in words.
        serves: Vec<String>,
    },
    /// The use is not allowed until an owner grants it.
    Refused {
        /// The owner who decided.
        by: String,
    },
}

/// All requests.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Approvals {
    /// The requests.
    pub approvals: Vec<Approval>,
}

/// An owner's decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "decision", rename_all = "lowercase", deny_unknown_fields)]
pub enum Decision {
    /// The use is allowed.
    Grant {
        /// The number of uses that are granted; one where it is left out.
        #[schema(value_type = Option<u32>, minimum = 1, maximum = 4_294_967_295.0)]
        times: Option<NonZeroU32>,
        /// The number of days for which it holds; seven where it is left out.
        #[schema(value_type = Option<u32>, minimum = 1, maximum = 4_294_967_295.0)]
        days: Option<NonZeroU32>,
    },
    /// The use is not allowed. There is nothing else to say.
    Refuse {},
}

/// The answer to a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Decided {
    /// Always true.
    #[schema(schema_with = always_true)]
    pub decided: bool,
}

/// The latest entry of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditHead {
    /// Its number; 0 where there is none.
    pub number: u64,
    /// Its hash.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub hash: String,
}

/// The latest entry of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditHeadEvent {
    /// The entry.
    pub head: AuditHead,
}

/// An entry of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditEntry {
    /// Its number.
    #[schema(minimum = 1)]
    pub number: u64,
    /// The hash of the entry before.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub previous: String,
    /// Its hash.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub hash: String,
    /// Its time, in milliseconds since 1970.
    pub at: u64,
    /// The kind of event.
    #[schema(schema_with = kind)]
    pub kind: String,
    /// Principal, function, data, rules and decision; never a private value.
    #[schema(value_type = Object)]
    pub document: Map<String, Value>,
}

/// A page of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditPage {
    /// The latest entry of the log.
    pub head: AuditHead,
    /// The entries.
    #[schema(max_items = 1000)]
    pub entries: Vec<AuditEntry>,
}

/// The outcome of a verification of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Verification {
    /// True if the log is as it was written.
    pub verified: bool,
    /// The number of entries; null where the log is broken.
    pub entries: Option<u64>,
    /// The problem, and its place.
    pub problem: Option<String>,
}

fn columns() -> Array {
    ArrayBuilder::new()
        .items(Object::with_type(Type::String))
        .description(Some("The columns."))
        .unique_items(true)
        .build()
}

fn kind() -> Object {
    words("The kind of event.", &ENTRIES)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_decision_has_nothing_that_would_be_without_effect() {
        let some = NonZeroU32::new;
        for (body, decision) in [
            (json!({"decision": "grant"}), Decision::Grant { times: None, days: None }),
            (
                json!({"decision": "grant", "times": 2, "days": 30}),
                Decision::Grant { times: some(2), days: some(30) },
            ),
            (json!({"decision": "refuse"}), Decision::Refuse {}),
        ] {
            assert_eq!(
                serde_json::from_value::<Decision>(body.clone()).unwrap(),
                decision,
                "{body}"
            );
        }
        for (body, reason) in [
            (json!({"decision": "refuse", "times": 5}), "unknown field `times`"),
            (json!({"decision": "refuse", "days": 3}), "unknown field `days`"),
            (json!({"decision": "grant", "days": 0}), "expected a nonzero u32"),
            (json!({"decision": "grant", "times": 0}), "expected a nonzero u32"),
            (json!({"decision": "grant", "hours": 1}), "unknown field `hours`"),
            (json!({"decision": "perhaps"}), "unknown variant `perhaps`"),
            (json!({"times": 1}), "missing field `decision`"),
        ] {
            let error = serde_json::from_value::<Decision>(body.clone()).unwrap_err().to_string();
            assert!(error.contains(reason), "{body}: {error}");
        }
    }
}
