//! The OpenAPI description of a node's API: schemas from the types of this crate, operations from
//! the files beside this one, examples from `examples.json`.

mod computations;
mod consortium;
mod data;
mod examples;
mod operation;
mod owners;
mod representations;
mod responses;
mod watching;

use std::sync::LazyLock;

use serde_json::{Map, Value, json};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use utoipa::{PartialSchema, ToSchema};

use self::operation::Operation;
use crate::schema::complete;
use crate::*;

/// The derived schemas, by the names that they have in the description.
static DERIVED: LazyLock<Map<String, Value>> = LazyLock::new(|| {
    let mut schemas = Vec::new();
    add::<ListAnswer>(&mut schemas);
    add::<UuidAnswer>(&mut schemas);
    add::<ObjectAnswer>(&mut schemas);
    add::<NoneAnswer>(&mut schemas);
    add::<ServiceDescription>(&mut schemas);
    add::<Envelope>(&mut schemas);
    add::<UploadEnvelope>(&mut schemas);
    add::<Report>(&mut schemas);
    add::<ErrorDocument>(&mut schemas);
    add::<Alive>(&mut schemas);
    add::<Ready>(&mut schemas);
    add::<Node>(&mut schemas);
    add::<Members>(&mut schemas);
    add::<ProbeOrder>(&mut schemas);
    add::<ProbeReport>(&mut schemas);
    add::<Datasets>(&mut schemas);
    add::<Functions>(&mut schemas);
    add::<Computations>(&mut schemas);
    add::<ComputationDetail>(&mut schemas);
    add::<Cancelled>(&mut schemas);
    add::<Approvals>(&mut schemas);
    add::<Decision>(&mut schemas);
    add::<Decided>(&mut schemas);
    add::<AuditPage>(&mut schemas);
    add::<AuditHeadEvent>(&mut schemas);
    add::<Verification>(&mut schemas);
    schemas
        .into_iter()
        .map(|(name, schema)| {
            let schema = serde_json::to_value(schema).expect("a schema is JSON");
            (name, schema)
        })
        .collect()
});

/// Returns the description of the API of a node. Lists these codes of errors, if there are any.
#[must_use]
pub fn document(codes: &[&str]) -> Value {
    json!({
        "openapi": "3.1.0",
        "info": info(),
        "servers": [{"url": "/", "description": "The node that serves this description."}],
        "tags": tags(),
        "security": [{"bearer": []}, {"basic": []}, {}],
        "paths": paths(),
        "components": {
            "securitySchemes": security_schemes(),
            "schemas": schemas(codes),
            "responses": responses::all(),
            "examples": examples::errors(),
        },
    })
}

/// Returns the derived schema of this name.
pub(crate) fn derived(name: &str) -> Value {
    DERIVED.get(name).cloned().unwrap_or_default()
}

fn add<T: ToSchema + PartialSchema>(schemas: &mut Vec<(String, RefOr<Schema>)>) {
    schemas.push((T::name().into_owned(), T::schema()));
    T::schemas(schemas);
}

fn schemas(codes: &[&str]) -> Map<String, Value> {
    let mut schemas = Map::new();
    for (name, schema) in &*DERIVED {
        schemas.insert(name.clone(), complete(name, schema.clone()));
    }
    schemas.insert("NodeEvent".to_owned(), complete("NodeEvent", node_event()));
    let error = schemas.get_mut("Error").and_then(|error| error.get_mut("properties"));
    if let Some(properties) = error
        && !codes.is_empty()
    {
        let description = "The code to act on. New codes may be added.";
        let code = json!({"type": "string", "enum": codes, "description": description});
        operation::insert(properties, "code", code);
    }
    schemas
}

/// Makes the schema of a node in events: without the entries that change by themselves.
fn node_event() -> Value {
    let mut schema = derived("Node");
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        properties.retain(|name, _| !Node::RESTLESS.contains(&name.as_str()));
    }
    schema
}

fn paths() -> Map<String, Value> {
    let mut paths = Map::new();
    for operation in operations() {
        let method = operation.method;
        let path = paths.entry(operation.path).or_insert_with(|| json!({}));
        operation::insert(path, method, operation.document());
    }
    paths
}

fn operations() -> Vec<Operation> {
    let mut operations = representations::operations();
    operations.extend(watching::operations());
    operations.extend(consortium::operations());
    operations.extend(data::operations());
    operations.extend(computations::operations());
    operations.extend(owners::operations());
    operations
}

/// Makes the links from a handle to the operations that take one.
fn links(operations: &[&str]) -> Value {
    let mut links = Map::new();
    for operation in operations {
        let description = match *operation {
            "attribute" => "Ask for one of its methods.",
            "call" => "Call it, if it is a method.",
            "download" => "Download it, if it is a result.",
            _ => "Give it back.",
        };
        let link = json!({
            "operationId": operation,
            "description": description,
            "parameters": {"uuid": "$response.body#/uuid"},
        });
        links.insert((*operation).to_owned(), link);
    }
    Value::Object(links)
}

fn info() -> Value {
    json!({
        "title": "cloister",
        "version": env!("CARGO_PKG_VERSION"),
        "summary": "A node for federated secure computing.",
        "description": "Every party runs a node next to its own data. Clients tell the nodes what to \
                        compute, each party's client its own node; the nodes compute it with each \
                        other by secure protocols. Data are never downloaded, only results are.\n\n\
                        Clients of Federated Secure Computing use `/representations` and \
                        `/representation/{uuid}`; people, and programs that show things to people, \
                        use `/v1`.\n\nEvery answer of these is JSON, errors too (`Error`). A path that \
                        there is not answers 404 `no_such_path`; a method that a path does not have \
                        answers 405 `method_not_allowed`. Clients must tolerate entries that they do \
                        not know.",
        "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
    })
}

fn tags() -> Value {
    json!([
        {
            "name": "representations",
            "description": "The API of Federated Secure Computing: services, data, calls and results \
                            behind handles.",
        },
        {
            "name": "consortium",
            "description": "This node, the other members, and the lines between them.",
        },
        {
            "name": "data",
            "description": "What there is to compute on, and with which functions.",
        },
        {
            "name": "computations",
            "description": "Joint computations: who waits for whom, how far they are, and ending them.",
        },
        {"name": "owners", "description": "Approvals and the audit log."},
        {"name": "watching", "description": "Health, numbers, and what changes."},
    ])
}

fn security_schemes() -> Value {
    json!({
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "description": "A token of `cloister token new`. A node without tokens (`access.mode = \
                            \"open\"`) needs none, and takes calls from its own machine only.",
        },
        "basic": {
            "type": "http",
            "scheme": "basic",
            "description": "The token as the password, with any user name: so existing clients can have \
                            it in the URL.",
        },
    })
}
