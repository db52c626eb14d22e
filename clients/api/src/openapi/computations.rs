//! Joint computations: their progress, the parties they wait for, and their end.

use serde_json::{Value, json};

use super::operation::{Operation, schema};
use super::responses::{
    BAD_QUERY, FORBIDDEN, FOREIGN_HOST, NO_SUCH_COMPUTATION, TOO_OFTEN, UNAUTHORIZED, UNAVAILABLE,
};
use crate::{Cancelled, ComputationDetail, Computations};

const TAG: &str = "computations";

/// Describes all operations of this tag.
pub(super) fn operations() -> Vec<Operation> {
    vec![computations(), computation(), cancel()]
}

fn computations() -> Operation {
    Operation::new("get", "/v1/computations", "computations")
        .tag(TAG)
        .says(
            "List computations",
            "Those that clients of this node asked for: one's own, and with the right `observe` \
             all clients'; those under way first, and the latest first. The node remembers 500 that \
             have ended.",
        )
        .parameters(json!([
            {
                "name": "state",
                "in": "query",
                "description": "Only those under way, or only those that have ended.",
                "schema": {"type": "string", "enum": ["running", "ended", "all"], "default": "all"},
            },
            {
                "name": "network",
                "in": "query",
                "description": "Only those under this name.",
                "schema": {"type": "string"},
                "example": "0f8c8b62-9d4b-4b6c-9d0e-3a1f1f0c7a55",
            },
            {
                "name": "limit",
                "in": "query",
                "description": "So many, 500 at most.",
                "schema": {"type": "integer", "minimum": 0, "default": 500, "maximum": u32::MAX},
            },
        ]))
        .answers("The computations.", schema::<Computations>())
        .refuses(&[BAD_QUERY, UNAUTHORIZED, FOREIGN_HOST, TOO_OFTEN, UNAVAILABLE])
}

fn computation() -> Operation {
    Operation::new("get", "/v1/computations/{id}", "computation")
        .tag(TAG)
        .says(
            "All of a computation",
            "With its latest rounds on a time axis. Result, security and disclosure are told to \
             the client that asked for it, as long as the node keeps them.",
        )
        .parameters(json!([id()]))
        .answers("The computation.", schema::<ComputationDetail>())
        .leads_to(json!({
            "cancel": {
                "operationId": "cancel",
                "description": "End it.",
                "parameters": {"id": "$request.path.id"},
            },
        }))
        .refuses(&[UNAUTHORIZED, FOREIGN_HOST, NO_SUCH_COMPUTATION, TOO_OFTEN, UNAVAILABLE])
}

fn cancel() -> Operation {
    Operation::new("delete", "/v1/computations/{id}", "cancel")
        .tag(TAG)
        .says(
            "End a computation everywhere",
            "All other nodes are told, and every client gets the error `cancelled` with this \
             node's member as `party`. One's own, or with the right `steer` anybody's.",
        )
        .parameters(json!([id()]))
        .answers("It is ending.", schema::<Cancelled>())
        .refuses_with(409, "It has ended already.", &["already_ended"])
        .refuses(&[UNAUTHORIZED, FORBIDDEN, NO_SUCH_COMPUTATION, TOO_OFTEN, UNAVAILABLE])
}

/// Describes the computation's name in a path.
fn id() -> Value {
    json!({
        "name": "id",
        "in": "path",
        "description": "The computation's name at this node.",
        "required": true,
        "schema": {"type": "string", "format": "uuid"},
        "example": "7c9f2f4e-3a51-4f0e-9a50-0f1d5b7f6f0a",
    })
}
