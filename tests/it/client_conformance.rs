//! The Rust client and the API's description agree. The client sends only described requests, and
//! reads every example of an answer as its type. The test in `api_description.rs` checks that real
//! nodes answer as described.

use std::fs;
use std::path::Path;

use cloister_client::{Computation, Function, NodeFacts, ProbeReport, Refusal, Report};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

fn description() -> Value {
    let file = "clients/openapi.json";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// Lists the examples that the description has of the answers to such a request.
fn examples(description: &Value, method: &str, path: &str, status: &str) -> Vec<Value> {
    let response = &description["paths"][path][method]["responses"][status];
    let response = resolved(description, response);
    let content = &response["content"]["application/json"];
    let one = content.get("example").cloned();
    let several = content["examples"].as_object().into_iter().flatten();
    let several = several.map(|(_, example)| resolved(description, example)["value"].clone());
    let examples: Vec<Value> = one.into_iter().chain(several).collect();
    assert!(!examples.is_empty(), "{method} {path} {status} has no example: {response}");
    examples
}

/// Follows a reference.
fn resolved<'a>(description: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(reference) => description.pointer(reference.trim_start_matches('#')).unwrap(),
        None => value,
    }
}

fn read<T: DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).unwrap_or_else(|error| panic!("{error}: {value}"))
}

#[test]
fn answers_are_read_as_they_are_described() {
    let description = description();
    for node in examples(&description, "get", "/v1/node", "200") {
        let facts: NodeFacts = read(&node);
        assert_eq!(facts.party, node["party"].as_str().unwrap());
        let days = node["certificate"]["days_left"].as_i64();
        assert_eq!(facts.certificate.map(|certificate| certificate.days_left), days);
    }
    for list in examples(&description, "get", "/v1/computations", "200") {
        for one in list["computations"].as_array().unwrap() {
            let computation: Computation = read(one);
            assert_eq!(computation.network, one["network"].as_str().unwrap());
            assert_eq!(computation.waiting.is_some(), one["waiting"].is_object());
        }
    }
    for list in examples(&description, "get", "/v1/functions", "200") {
        let functions: Vec<Function> = read(&list["functions"]);
        assert!(functions.iter().all(|function| function.parameters.is_some()), "{list}");
    }
    for found in examples(&description, "post", "/v1/probes", "200") {
        let report: ProbeReport = read(&found);
        assert_eq!(report.steps.len(), found["steps"].as_array().unwrap().len());
        for (step, told) in report.steps.iter().zip(found["steps"].as_array().unwrap()) {
            assert_eq!(
                (&json!(step.step), &json!(step.verdict)),
                (&told["step"], &told["verdict"])
            );
        }
    }
    for answer in examples(&description, "get", "/representation/{uuid}", "200") {
        let report: Report = read(&answer["object"]);
        assert_eq!(json!(report.session), answer["object"]["session"]);
    }
    for (method, path, status) in [
        ("get", "/v1/node", "401"),
        ("delete", "/v1/computations/{id}", "409"),
        ("post", "/v1/probes", "404"),
    ] {
        for error in examples(&description, method, path, status) {
            let refusal: Refusal = read(&error);
            assert_eq!(refusal.error.code, error["code"].as_str().unwrap());
            assert!(!refusal.error.hint.is_empty(), "{error}");
        }
    }
}

#[test]
fn what_the_client_sends_is_described() {
    let description = description();
    let order = &description["paths"]["/v1/probes"]["post"]["requestBody"];
    let schema = resolved(&description, &order["content"]["application/json"]["schema"]);
    for key in ["member", "idle_seconds", "bandwidth_bytes"] {
        assert!(schema["properties"].get(key).is_some(), "{key}: {schema}");
    }
    let query = description["paths"]["/v1/computations"]["get"]["parameters"].as_array().unwrap();
    for name in ["state", "network"] {
        let known = query.iter().any(|one| resolved(&description, one)["name"] == name);
        assert!(known, "{name}");
    }
    for (method, path) in [
        ("get", "/representations"),
        ("post", "/representations"),
        ("put", "/representations"),
        ("get", "/representation/{uuid}"),
        ("patch", "/representation/{uuid}"),
        ("delete", "/representation/{uuid}"),
        ("get", "/representation/{uuid}/{attribute}"),
        ("delete", "/v1/computations/{id}"),
    ] {
        assert!(description["paths"][path].get(method).is_some(), "{method} {path}");
    }
}
