//! One operation of the API, built step by step.

use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::examples;

/// The media type of all documents.
const JSON: &str = "application/json";

/// A response that several operations have, by its name among the components.
pub(super) type Shared = (u16, &'static str);

/// An operation, with its path and method.
pub(super) struct Operation {
    pub(super) path: &'static str,
    pub(super) method: &'static str,
    id: &'static str,
    document: Map<String, Value>,
}

impl Operation {
    pub(super) fn new(method: &'static str, path: &'static str, id: &'static str) -> Self {
        let mut document = Map::new();
        document.insert("operationId".to_owned(), id.into());
        document.insert("responses".to_owned(), json!({}));
        Self { path, method, id, document }
    }

    pub(super) fn tag(self, tag: &str) -> Self {
        self.with("tags", json!([tag]))
    }

    pub(super) fn says(self, summary: &str, description: &str) -> Self {
        self.with("summary", summary.into()).with("description", description.into())
    }

    /// Takes no token.
    pub(super) fn open(self) -> Self {
        self.with("security", json!([]))
    }

    /// Adds an entry that only this operation has.
    pub(super) fn with(mut self, name: &str, value: Value) -> Self {
        self.document.insert(name.to_owned(), value);
        self
    }

    pub(super) fn parameters(self, parameters: Value) -> Self {
        self.with("parameters", parameters)
    }

    /// Takes a JSON document, with the examples of this operation's body.
    pub(super) fn takes(self, schema: Value, required: bool, description: Option<&str>) -> Self {
        let content = json!({"schema": schema, "examples": examples::body(self.id)});
        let mut body = json!({"content": {JSON: content}});
        if required {
            insert(&mut body, "required", true.into());
        }
        if let Some(description) = description {
            insert(&mut body, "description", description.into());
        }
        self.with("requestBody", body)
    }

    /// Takes another media type beside JSON.
    pub(super) fn or_takes(mut self, media: &str, content: Value) -> Self {
        let body = self.document.get_mut("requestBody");
        if let Some(contents) = body.and_then(|body| body.get_mut("content")) {
            insert(contents, media, content);
        }
        self
    }

    /// Answers with a JSON document, with the examples of this operation's answer.
    pub(super) fn answers(self, description: &str, schema: Value) -> Self {
        let mut content = json!({"schema": schema});
        if let Some(example) = examples::one(self.id) {
            insert(&mut content, "example", example);
        } else if let Some(several) = examples::several(self.id) {
            insert(&mut content, "examples", several);
        }
        self.answers_with(description, JSON, content)
    }

    /// Answers with another media type.
    pub(super) fn answers_with(mut self, description: &str, media: &str, content: Value) -> Self {
        let response = json!({"description": description, "content": {media: content}});
        self.response(200, response);
        self
    }

    /// Says which operations a client may go on with.
    pub(super) fn leads_to(mut self, links: Value) -> Self {
        let responses = self.document.get_mut("responses");
        if let Some(answer) = responses.and_then(|responses| responses.get_mut("200")) {
            insert(answer, "links", links);
        }
        self
    }

    /// Refuses with responses that several operations have.
    pub(super) fn refuses(mut self, shared: &[Shared]) -> Self {
        for (status, name) in shared {
            self.response(*status, json!({"$ref": format!("#/components/responses/{name}")}));
        }
        self
    }

    /// Refuses with a response of its own, with these examples of errors.
    pub(super) fn refuses_with(mut self, status: u16, description: &str, errors: &[&str]) -> Self {
        self.response(status, error(description, errors));
        self
    }

    pub(super) fn document(self) -> Value {
        Value::Object(self.document)
    }

    fn response(&mut self, status: u16, response: Value) {
        if let Some(responses) = self.document.get_mut("responses") {
            insert(responses, &status.to_string(), response);
        }
    }
}

/// Makes the response that refuses, with these examples of errors.
pub(super) fn error(description: &str, errors: &[&str]) -> Value {
    let examples: Map<String, Value> = errors
        .iter()
        .map(|name| {
            let path = format!("#/components/examples/{name}");
            ((*name).to_owned(), json!({"$ref": path}))
        })
        .collect();
    let schema = schema::<crate::ErrorDocument>();
    json!({"description": description, "content": {JSON: {"schema": schema, "examples": examples}}})
}

/// Makes the reference to a type's schema.
pub(super) fn schema<T: ToSchema>() -> Value {
    json!({"$ref": format!("#/components/schemas/{}", T::name())})
}

/// Puts an entry into an object.
pub(super) fn insert(object: &mut Value, name: &str, entry: Value) {
    if let Some(object) = object.as_object_mut() {
        object.insert(name.to_owned(), entry);
    }
}
