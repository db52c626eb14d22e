//! The API of Federated Secure Computing: services, data, calls and results behind handles.

use serde_json::{Value, json};

use super::links;
use super::operation::{Operation, schema};
use super::responses::{
    BROKE_OFF, FORBIDDEN, FOREIGN_HOST, NO_SUCH_REPRESENTATION, OVER_QUOTA, TOO_LARGE, TOO_OFTEN,
    TOO_SLOW, UNAUTHORIZED, UNAVAILABLE,
};
use crate::{Envelope, ListAnswer, NoneAnswer, ObjectAnswer, UploadEnvelope, UuidAnswer};

const TAG: &str = "representations";

/// Describes all operations of this tag.
pub(super) fn operations() -> Vec<Operation> {
    vec![list_services(), create(), upload(), download(), call(), release(), attribute()]
}

fn list_services() -> Operation {
    operation("get", "/representations", "listServices")
        .says(
            "List the microservices",
            "What all microservices of this node say of themselves, in the order in which they \
             are found by `create`. The known clients send a body with GET and DELETE; it is read \
             and ignored.",
        )
        .answers("Their descriptions.", schema::<ListAnswer>())
        .refuses(&[BROKE_OFF, FOREIGN_HOST, TOO_OFTEN, UNAVAILABLE])
}

fn create() -> Operation {
    operation("post", "/representations", "create")
        .says(
            "Find a microservice",
            "A handle of the first microservice whose description holds all of `kwargs`; without \
             any, of the first one. The same for all clients while the node runs.",
        )
        .takes(
            json!({
                "type": "object",
                "description": "See `Envelope`.",
                "properties": {
                    "args": {"type": "array", "description": "Ignored."},
                    "kwargs": {
                        "type": "object",
                        "description": "Entries of the description.",
                        "additionalProperties": {"type": "string"},
                    },
                },
            }),
            false,
            Some("What the description must hold, in `kwargs`."),
        )
        .answers("The handle.", schema::<UuidAnswer>())
        .leads_to(links(&["attribute", "call", "download", "release"]))
        .refuses_with(
            400,
            "The body is no envelope, or a requirement is no text.",
            &["malformed_request", "bad_requirement", "broke_off"],
        )
        .refuses_with(404, "No microservice meets the requirements.", &["no_such_service"])
        .refuses(&[FOREIGN_HOST, TOO_OFTEN, UNAVAILABLE])
}

fn upload() -> Operation {
    operation("put", "/representations", "upload")
        .says(
            "Push data",
            "Data of this party, which never leave the node again: computations use them, and \
             that is all. They lie encrypted in the node's state, survive a restart with their \
             handle, count against a quota (`limits.upload_bytes`) and expire \
             (`limits.upload_seconds`). A content type that the node does not know counts as \
             JSON.",
        )
        .takes(
            schema::<UploadEnvelope>(),
            true,
            Some("A JSON value as the first of `args`, or columns."),
        )
        .or_takes(
            "text/csv",
            json!({
                "schema": {
                    "type": "string",
                    "description": "A line of names, then rows; parted by commas, semicolons or tabs.",
                },
                "examples": {"columns": {"value": "age,risk\n61,0.2\n48,0.1\n"}},
            }),
        )
        .or_takes(
            "application/vnd.apache.arrow.stream",
            json!({
                "schema": {
                    "type": "string",
                    "contentMediaType": "application/vnd.apache.arrow.stream",
                    "description": "A stream of record batches.",
                },
            }),
        )
        .answers("The handle.", schema::<UuidAnswer>())
        .leads_to(links(&["call", "download", "release"]))
        .refuses_with(
            400,
            "The body is no envelope, has nothing in `args`, or is no CSV or Arrow stream.",
            &["malformed_request", "broke_off"],
        )
        .refuses_with(409, "The node keeps as many uploads as it may.", &["state_full"])
        .refuses(&[FORBIDDEN, OVER_QUOTA, UNAVAILABLE])
}

fn download() -> Operation {
    operation("get", "/representation/{uuid}", "download")
        .says(
            "Download a result",
            "The value behind a handle, if it is the result of a joint computation or was never \
             secret. Data are never downloaded.",
        )
        .parameters(json!([handle()]))
        .answers("The value.", schema::<ObjectAnswer>())
        .refuses_with(
            403,
            "It is data, a service or a method, none of which leaves the node; or a node without \
             tokens was called by a foreign name.",
            &["no_download", "foreign_host", "foreign_origin"],
        )
        .refuses(&[BROKE_OFF, NO_SUCH_REPRESENTATION, TOO_OFTEN, UNAVAILABLE])
}

fn call() -> Operation {
    operation("patch", "/representation/{uuid}", "call")
        .says(
            "Call a method",
            "Calls the method behind a handle, such as Simon's `compute`, which answers when the \
             computation has ended at this party: all parties' clients must have asked for it, \
             each at its own node. The answer is a handle of what the method gives back, for \
             `download`; or nothing.",
        )
        .parameters(json!([handle()]))
        .takes(schema::<Envelope>(), false, Some("The arguments."))
        .answers(
            "A handle, or nothing.",
            json!({"oneOf": [schema::<UuidAnswer>(), schema::<NoneAnswer>()]}),
        )
        .leads_to(links(&["download", "release"]))
        .refuses_with(
            400,
            "The body is no envelope, an argument is missing or wrong, or what is behind the \
             handle is no method.",
            &["malformed_request", "bad_argument", "not_callable", "broke_off"],
        )
        .refuses_with(
            403,
            "The principal's roles, a policy, a missing approval, or the disclosure rules forbid \
             it; or a node without tokens was called by a foreign name.",
            &[
                "wrong_role",
                "refused_by_policy",
                "approval_needed",
                "foreign_host",
                "foreign_origin",
            ],
        )
        .refuses_with(
            404,
            "There is no such handle, function, dataset, task, or whatever else an argument \
             names.",
            &["no_such_representation", "no_such_function"],
        )
        .refuses_with(
            409,
            "The parties want different things, a client has cancelled, or a task is in another \
             state.",
            &["disagreement", "cancelled"],
        )
        .refuses_with(
            422,
            "The function cannot take the data, or there is no such answer of them.",
            &["bad_input"],
        )
        .refuses_with(500, "A fault of the node.", &["internal"])
        .refuses_with(
            502,
            "Another member's node went away, gave up, or broke the protocol; `party` names it.",
            &["peer_lost"],
        )
        .refuses_with(
            503,
            "The node is stopping or overloaded.",
            &["unavailable", "too_many_computations"],
        )
        .refuses_with(504, "The time was up; `party` names who was awaited.", &["deadline"])
        .refuses(&[OVER_QUOTA])
}

fn release() -> Operation {
    operation("delete", "/representation/{uuid}", "release")
        .says(
            "Give a handle back",
            "Forgets a handle, and what was pushed under it. Microservices stay: their handles \
             are all clients'.",
        )
        .parameters(json!([handle()]))
        .answers("It is gone.", schema::<NoneAnswer>())
        .refuses(&[BROKE_OFF, FOREIGN_HOST, NO_SUCH_REPRESENTATION, TOO_OFTEN, UNAVAILABLE])
}

fn attribute() -> Operation {
    operation("get", "/representation/{uuid}/{attribute}", "attribute")
        .says(
            "Ask for a method",
            "A handle of a method of a service, or of what a service made (a task, a barrier, a \
             storage). A new one every time.",
        )
        .parameters(json!([
            handle(),
            {
                "name": "attribute",
                "in": "path",
                "description": "The method's name.",
                "required": true,
                "schema": {"type": "string", "minLength": 1},
                "example": "compute",
            },
        ]))
        .answers("The handle.", schema::<UuidAnswer>())
        .leads_to(links(&["call", "download", "release"]))
        .refuses_with(
            404,
            "There is no such representation, or it has no such method.",
            &["no_such_representation", "no_such_attribute"],
        )
        .refuses(&[BROKE_OFF, FOREIGN_HOST, OVER_QUOTA, UNAVAILABLE])
}

/// Begins an operation of this tag, with the refusals that all have. Each reads a body, if only to
/// ignore it.
fn operation(method: &'static str, path: &'static str, id: &'static str) -> Operation {
    Operation::new(method, path, id).tag(TAG).refuses(&[UNAUTHORIZED, TOO_SLOW, TOO_LARGE])
}

/// Describes the handle in a path.
fn handle() -> Value {
    json!({
        "name": "uuid",
        "in": "path",
        "description": "The handle. What was never a handle is no representation either.",
        "required": true,
        "schema": {"type": "string", "format": "uuid"},
        "example": "7c9f2f4e-3a51-4f0e-9a50-0f1d5b7f6f0a",
    })
}
