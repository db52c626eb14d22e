//! The generated description says the same as the one that was written by hand: the same paths,
//! methods, parameters, responses, schemas and examples. Descriptions of entries may differ in
//! words.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

fn old() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../actors/src/management/openapi.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn new() -> Value {
    let old = old();
    let codes = old["components"]["schemas"]["Error"]["properties"]["code"]["enum"].as_array();
    let codes: Vec<&str> = codes.into_iter().flatten().map(|code| code.as_str().unwrap()).collect();
    cloister_api::openapi::document(&codes)
}

/// Brings a schema into one form: words for people left out, constants as enumerations, sets in
/// order.
fn normal(schema: &Value) -> Value {
    match schema {
        Value::Object(object) => {
            let mut normalised = Map::new();
            for (key, value) in object {
                match key.as_str() {
                    "description" | "example" | "examples" if !value.is_object() => {}
                    "required" if value == &json!([]) => {}
                    "additionalProperties" if value == &json!(true) => {}
                    "const" => {
                        drop(normalised.insert("enum".into(), json!([normal(value).to_string()])))
                    }
                    "enum" | "required" | "oneOf" | "anyOf" if value.is_array() => {
                        let items: BTreeSet<String> = value
                            .as_array()
                            .unwrap()
                            .iter()
                            .map(|v| normal(v).to_string())
                            .collect();
                        normalised.insert(key.clone(), json!(items));
                    }
                    "type" if value.is_array() => {
                        let kinds: BTreeSet<String> =
                            value.as_array().unwrap().iter().map(Value::to_string).collect();
                        normalised.insert(key.clone(), json!(kinds));
                    }
                    // Without it nothing else is said.
                    "type" if object.contains_key("enum") || object.contains_key("const") => {}
                    _ => drop(normalised.insert(key.clone(), normal(value))),
                }
            }
            Value::Object(normalised)
        }
        Value::Array(items) => items.iter().map(normal).collect(),
        Value::Number(number) => json!(number.as_f64()),
        other => other.clone(),
    }
}

fn keys(value: &Value) -> BTreeSet<&String> {
    value.as_object().unwrap().keys().collect()
}

#[test]
fn schemas_are_those_that_were_written_by_hand() {
    let (old, new) = (old(), new());
    let (old, new) = (&old["components"]["schemas"], &new["components"]["schemas"]);
    assert_eq!(keys(old), keys(new));
    let mut differ = Vec::new();
    for (name, schema) in old.as_object().unwrap() {
        let (old, new) = (normal(schema), normal(&new[name]));
        if old != new {
            differ.push(format!("{name}\n  {old}\n  {new}"));
        }
    }
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}

#[test]
fn operations_are_those_that_were_written_by_hand() {
    let (old, new) = (old(), new());
    assert_eq!(keys(&old["paths"]), keys(&new["paths"]));
    for (path, methods) in old["paths"].as_object().unwrap() {
        assert_eq!(keys(methods), keys(&new["paths"][path]), "{path}");
        for (method, operation) in methods.as_object().unwrap() {
            let generated = &new["paths"][path][method];
            assert_eq!(keys(operation), keys(generated), "{method} {path}");
            for (entry, value) in operation.as_object().unwrap() {
                assert_eq!(value, &generated[entry], "{method} {path} {entry}");
            }
        }
    }
}

#[test]
fn all_else_is_as_it_was() {
    let (old, new) = (old(), new());
    assert_eq!(keys(&old), keys(&new));
    for entry in ["openapi", "info", "servers", "tags", "security"] {
        assert_eq!(old[entry], new[entry], "{entry}");
    }
    for part in ["securitySchemes", "responses", "examples"] {
        let (old, new) = (&old["components"][part], &new["components"][part]);
        assert_eq!(keys(old), keys(new), "{part}");
        for (name, value) in old.as_object().unwrap() {
            assert_eq!(value, &new[name], "{part} {name}");
        }
    }
}
