//! Schemas that the types' derived ones are made of, and the rules that hold for all of them.

use serde_json::{Map, Value, json};
use utoipa::openapi::schema::{Array, ArrayBuilder, Object, ObjectBuilder, SchemaType, Type};

/// The form of all times: RFC 3339 in UTC, with milliseconds.
const TIME: &str = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z$";

/// Schemas of requests: entries may be absent, as the types say.
const REQUESTS: [&str; 4] = ["Envelope", "UploadEnvelope", "ProbeOrder", "Decision"];

/// Schemas whose objects may have entries that are not described.
const OPEN: [&str; 4] = ["Envelope", "UploadEnvelope", "ServiceDescription", "Result"];

/// Entries that a node leaves out where there is nothing to say.
const ABSENT: [(&str, &str); 8] = [
    ("Column", "unit"),
    ("Column", "range"),
    ("Column", "levels"),
    ("Column", "times"),
    ("Result", "dropped"),
    ("ServiceDescription", "protocol"),
    ("ServiceDescription", "plugin"),
    ("ServiceDescription", "microservice"),
];

/// Makes the schema of a text that is one of these words.
pub(crate) fn words(description: &str, words: &[&str]) -> Object {
    ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::String))
        .enum_values(Some(words.iter().copied()))
        .description(Some(description))
        .build()
}

/// Makes the schema of a list of different words.
pub(crate) fn list_of_words(description: &str, of: &[&str]) -> Array {
    let items = ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::String))
        .enum_values(Some(of.iter().copied()))
        .build();
    ArrayBuilder::new().items(items).description(Some(description)).unique_items(true).build()
}

/// Makes the schema of the value `true`.
pub(crate) fn always_true() -> Object {
    ObjectBuilder::new()
        .schema_type(SchemaType::AnyValue)
        .enum_values(Some([Value::Bool(true)]))
        .build()
}

/// Makes the schema of any value.
pub(crate) fn anything() -> Object {
    Object::with_type(SchemaType::AnyValue)
}

/// Completes a derived schema. A node writes every entry and no other. Types tolerate absent
/// entries of older nodes and unknown ones of newer. Numbers have no width in JSON.
pub(crate) fn complete(name: &str, schema: Value) -> Value {
    let mut schema = merged(schema);
    adjust(&mut schema, name, !REQUESTS.contains(&name));
    schema
}

/// Merges the parts of a flattened type into one object.
fn merged(schema: Value) -> Value {
    let Some(parts) = schema.get("allOf").and_then(Value::as_array) else {
        return schema;
    };
    let mut properties = Map::new();
    for part in parts {
        let part = match reference(part) {
            Some(name) => crate::openapi::derived(name),
            None => part.clone(),
        };
        if let Some(Value::Object(entries)) = part.get("properties") {
            properties.extend(entries.clone());
        }
    }
    let description = schema.get("description");
    json!({"type": "object", "description": description, "properties": properties, "required": []})
}

/// Returns the name of the schema that a reference is to.
fn reference(schema: &Value) -> Option<&str> {
    schema.get("$ref")?.as_str()?.rsplit('/').next()
}

fn adjust(schema: &mut Value, name: &str, is_answer: bool) {
    if let Some(items) = schema.as_array_mut() {
        items.iter_mut().for_each(|item| adjust(item, name, is_answer));
        return;
    }
    let Some(object) = schema.as_object_mut() else { return };
    // Keys of objects are texts in any case.
    object.remove("propertyNames");
    object.values_mut().for_each(|value| adjust(value, name, is_answer));
    match object.get("format").and_then(Value::as_str) {
        Some("date-time") => drop(object.insert("pattern".to_owned(), TIME.into())),
        Some("int32" | "int64" | "float" | "double") => drop(object.remove("format")),
        _ => {}
    }
    if object.get("type").is_some_and(|kind| kind == "object")
        && object.get("properties").is_some_and(Value::is_object)
    {
        close(object, name, is_answer);
    }
}

/// Requires all entries of an answer, and allows no others.
fn close(object: &mut Map<String, Value>, name: &str, is_answer: bool) {
    if is_answer {
        let properties = object.get("properties").and_then(Value::as_object);
        let names = properties.into_iter().flat_map(Map::keys);
        let required: Vec<Value> = names
            .filter(|entry| !ABSENT.contains(&(name, entry.as_str())))
            .map(|entry| Value::from(entry.as_str()))
            .collect();
        object.insert("required".to_owned(), required.into());
    }
    if !OPEN.contains(&name) {
        object.insert("additionalProperties".to_owned(), false.into());
    }
}
