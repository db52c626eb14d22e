//! Responses that several operations have, each a refusal.

use serde_json::{Value, json};

use super::operation::{Shared, error, insert};

pub(super) const BAD_QUERY: Shared = (400, "BadQuery");
pub(super) const BROKE_OFF: Shared = (400, "BrokeOff");
pub(super) const FORBIDDEN: Shared = (403, "Forbidden");
pub(super) const FOREIGN_HOST: Shared = (403, "ForeignHost");
pub(super) const NO_SUCH_COMPUTATION: Shared = (404, "NoSuchComputation");
pub(super) const NO_SUCH_REPRESENTATION: Shared = (404, "NoSuchRepresentation");
pub(super) const OVER_QUOTA: Shared = (429, "OverQuota");
pub(super) const TOO_LARGE: Shared = (413, "TooLarge");
pub(super) const TOO_OFTEN: Shared = (429, "TooOften");
pub(super) const TOO_SLOW: Shared = (408, "TooSlow");
pub(super) const UNAUTHORIZED: Shared = (401, "Unauthorized");
pub(super) const UNAVAILABLE: Shared = (503, "Unavailable");

/// Describes all of them, by name.
pub(super) fn all() -> Value {
    json!({
        "BadQuery": error(
            "The query has an unknown name, one twice, or a value that cannot be read.",
            &["bad_query"],
        ),
        "BrokeOff": error("The body of the request broke off.", &["broke_off"]),
        "Forbidden": error(
            "The principal's roles do not allow it; or a node without tokens was called by a \
             foreign name.",
            &["wrong_role", "foreign_host", "foreign_origin"],
        ),
        "ForeignHost": error(
            "A node without tokens is called by its own names and addresses only, so that a web \
             page cannot reach it by a name of its own.",
            &["foreign_host", "foreign_origin"],
        ),
        "MethodNotAllowed": error(
            "The path has no such method. What it answers to methods that this description does \
             not have.",
            &["method_not_allowed"],
        ),
        "NoSuchComputation": error(
            "No such computation for this principal: it is another client's, or forgotten.",
            &["no_such_computation"],
        ),
        "NoSuchPath": error(
            "Nothing is there. What a path answers that this description does not have.",
            &["no_such_path"],
        ),
        "NoSuchRepresentation": error(
            "No such representation for this principal: it was released, has expired, or is \
             another client's.",
            &["no_such_representation"],
        ),
        "OverQuota": error(
            "The principal calls too often, or holds as much as it may.",
            &["too_many_requests", "over_quota"],
        ),
        "TooLarge": error(
            "The body is longer than the node takes (`limits.body_bytes`, or 64 KiB on /v1).",
            &["body_too_large"],
        ),
        "TooOften": error(
            "The principal calls too often (`access.requests_per_second`).",
            &["too_many_requests"],
        ),
        "TooSlow": error("The body did not arrive within two minutes.", &["body_too_slow"]),
        "Unauthorized": unauthorized(),
        "Unavailable": error(
            "The node is stopping or overloaded, or cannot read or write its state.",
            &["unavailable", "state_unavailable"],
        ),
    })
}

fn unauthorized() -> Value {
    let mut response = error(
        "The node takes calls with a token only, and there is none, or one that does not hold. \
         A client that fails again and again waits longer each time.",
        &["no_token", "token_unknown", "token_expired"],
    );
    insert(
        &mut response,
        "headers",
        json!({
            "WWW-Authenticate": {
                "description": "So that clients with a password in the URL send it.",
                "schema": {"type": "string", "const": "Basic realm=\"cloister\""},
                "required": true,
            },
        }),
    );
    response
}
