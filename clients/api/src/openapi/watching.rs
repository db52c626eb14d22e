//! Health, metrics, and events.

use serde_json::json;

use super::operation::{Operation, schema};
use super::responses::{FORBIDDEN, FOREIGN_HOST, TOO_OFTEN, UNAUTHORIZED, UNAVAILABLE};
use crate::{Alive, Approvals, AuditHeadEvent, Computations, Members, Ready};

const TAG: &str = "watching";

/// Describes all operations of this tag.
pub(super) fn operations() -> Vec<Operation> {
    vec![healthy(), ready(), metrics(), events(), description()]
}

fn healthy() -> Operation {
    Operation::new("get", "/healthz", "healthy")
        .tag(TAG)
        .says(
            "Ask if the process lives",
            "Answers as long as the process does. Needs no token. Also on the listener \
             `metrics_listen`, if there is one.",
        )
        .open()
        .answers("The process answers.", schema::<Alive>())
}

fn ready() -> Operation {
    Operation::new("get", "/readyz", "ready")
        .tag(TAG)
        .says(
            "Ask if the node takes requests",
            "Answers when controller and data plane do. Needs no token. Also on the listener \
             `metrics_listen`.",
        )
        .open()
        .answers("The node takes requests.", schema::<Ready>())
        .refuses(&[UNAVAILABLE])
}

fn metrics() -> Operation {
    Operation::new("get", "/metrics", "metrics")
        .tag(TAG)
        .says(
            "Numbers for Prometheus",
            "Computations, rounds, bytes, links and certificates, as OpenMetrics text. With \
             tokens it takes the right `observe`; a listener of its own (`metrics_listen`) serves \
             it without.",
        )
        .answers_with(
            "The metrics.",
            "application/openmetrics-text",
            json!({
                "schema": {"type": "string"},
                "example": "# HELP cloister_computations_running Computations under way.\n# TYPE \
                 cloister_computations_running gauge\ncloister_computations_running 1.0\n# HELP \
                 cloister_link_up Whether the link to a member is up.\n# TYPE cloister_link_up \
                 gauge\ncloister_link_up{peer=\"clinic-b\"} 1.0\n# EOF\n",
            }),
        )
        .refuses(&[UNAUTHORIZED, FORBIDDEN, TOO_OFTEN, UNAVAILABLE])
}

fn events() -> Operation {
    Operation::new("get", "/events", "events")
        .tag(TAG)
        .says(
            "What changes, as it changes",
            "Server-sent events, each with a JSON document as its data: `node` (`NodeEvent`), \
             `members` (`Members`), `computations` (`Computations`, those that changed), for those \
             who may also `approvals` (`Approvals`) and `audit` (`AuditHeadEvent`). First all, \
             then what changes, four times a second at most; `node`, `approvals` and `audit` every \
             two seconds at most. A comment after fifteen seconds without a word. Browsers read it \
             with `fetch`, since `EventSource` sends no `Authorization`.",
        )
        .with(
            "x-events",
            json!({
                "node": {"$ref": "#/components/schemas/NodeEvent"},
                "members": schema::<Members>(),
                "computations": schema::<Computations>(),
                "approvals": schema::<Approvals>(),
                "audit": schema::<AuditHeadEvent>(),
            }),
        )
        .answers_with(
            "The events, until one of the two ends hangs up.",
            "text/event-stream",
            json!({
                "schema": {"type": "string"},
                "example": "event: node\ndata: {\"party\":\"clinic-a\", …}\n\nevent: computations\ndata: \
                 {\"computations\":[]}\n\n: still here\n\n",
            }),
        )
        .refuses_with(
            503,
            "As many listen as may (64), or the node is stopping.",
            &["too_many_subscribers", "unavailable"],
        )
        .refuses(&[UNAUTHORIZED, FOREIGN_HOST, TOO_OFTEN])
}

fn description() -> Operation {
    Operation::new("get", "/openapi.json", "description")
        .tag(TAG)
        .says("This description", "Of the whole API. Needs no token.")
        .open()
        .answers(
            "An OpenAPI document.",
            json!({
                "type": "object",
                "properties": {
                    "openapi": {"type": "string"},
                    "info": {"type": "object"},
                    "paths": {"type": "object"},
                },
                "required": ["openapi", "info", "paths"],
            }),
        )
}
