//! Approvals and the audit log.

use serde_json::json;

use super::operation::{Operation, schema};
use super::responses::{
    BAD_QUERY, FORBIDDEN, TOO_LARGE, TOO_OFTEN, TOO_SLOW, UNAUTHORIZED, UNAVAILABLE,
};
use crate::{Approvals, AuditPage, Decided, Decision, Verification};

const TAG: &str = "owners";

/// Describes all operations of this tag.
pub(super) fn operations() -> Vec<Operation> {
    vec![approvals(), decide(), audit(), verify()]
}

fn approvals() -> Operation {
    Operation::new("get", "/v1/approvals", "approvals")
        .tag(TAG)
        .says(
            "List requests for approval",
            "Uses of datasets that need the owner's approval, and the decision on each. Takes the \
             right `approve`.",
        )
        .answers("The requests.", schema::<Approvals>())
        .refuses(&[UNAUTHORIZED, FORBIDDEN, TOO_OFTEN, UNAVAILABLE])
}

fn decide() -> Operation {
    Operation::new("post", "/v1/approvals/{id}", "decide")
        .tag(TAG)
        .says(
            "Grant or refuse",
            "The decision stands in the audit log before it holds. A request can be decided \
             again. Takes the right `approve`.",
        )
        .parameters(json!([
            {
                "name": "id",
                "in": "path",
                "description": "The request's number.",
                "required": true,
                "schema": {"type": "integer", "minimum": 0},
                "example": 7,
            },
        ]))
        .takes(schema::<Decision>(), true, None)
        .answers("The decision.", schema::<Decided>())
        .refuses_with(
            400,
            "The body is not a JSON object of this form, or ended early.",
            &["bad_body", "broke_off"],
        )
        .refuses_with(404, "There is no such request.", &["no_such_request"])
        .refuses(&[UNAUTHORIZED, FORBIDDEN, TOO_SLOW, TOO_LARGE, TOO_OFTEN, UNAVAILABLE])
}

fn audit() -> Operation {
    Operation::new("get", "/v1/audit", "audit")
        .tag(TAG)
        .says(
            "Read the audit log",
            "Entries from `first` on, or the latest ones where it is left out. Takes the right \
             `audit`.",
        )
        .parameters(json!([
            {
                "name": "first",
                "in": "query",
                "description": "The number of the first entry, from 1; 0 counts as 1.",
                "schema": {"type": "integer", "minimum": 0},
            },
            {
                "name": "limit",
                "in": "query",
                "description": "The number of entries, from 1 to 1,000. A number outside counts as the nearest bound.",
                "schema": {"type": "integer", "minimum": 0, "default": 100},
            },
        ]))
        .answers("The head of the chain, and entries in their order.", schema::<AuditPage>())
        .refuses(&[BAD_QUERY, UNAUTHORIZED, FORBIDDEN, TOO_OFTEN, UNAVAILABLE])
}

fn verify() -> Operation {
    Operation::new("post", "/v1/audit/verification", "verify")
        .tag(TAG)
        .says(
            "Check the audit log",
            "Reads the whole chain, and reports whether every entry has the hash that the next one \
             names. Takes the right `audit`.",
        )
        .answers("The result of the check.", schema::<Verification>())
        .refuses(&[UNAUTHORIZED, FORBIDDEN, TOO_OFTEN, UNAVAILABLE])
}
