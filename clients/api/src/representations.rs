//! The documents of the Federated Secure Computing API: services, calls, and values behind handles.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa::openapi::schema::{AnyOf, Object, Schema};
use utoipa::openapi::{Ref, RefOr};

use crate::schema::words;

/// An error, for programs (`code`) and for people. An error never holds a private value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Error)]
pub struct ErrorDocument {
    /// The code to act on. New codes may be added.
    #[schema(pattern = "^[a-z][a-z0-9_]*$")]
    pub code: String,
    /// A sentence on what happened.
    pub message: String,
    /// A remedy; empty where none is known.
    #[serde(default)]
    pub hint: String,
    /// The member of the consortium that it concerns, if it concerns one.
    #[serde(default)]
    pub party: Option<String>,
    /// A random name under which the node's log has the same error.
    #[serde(default)]
    #[schema(pattern = "^[0-9a-f]{32}$")]
    pub trace: String,
}

/// The arguments of a call. Both entries may be missing; an empty body counts as `{}`. A scalar
/// stands for a list of one, `{}` for an empty list, and `[]` for an empty object, as the R client
/// writes them. `{"representation_uuid": UUID}` anywhere in them stands for the value behind that
/// handle. Other entries are ignored.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct Envelope {
    /// Arguments by position.
    #[serde(default)]
    #[schema(value_type = Vec<Value>)]
    pub args: Vec<Value>,
    /// Arguments by name.
    #[serde(default)]
    #[schema(value_type = Object, additional_properties = true)]
    pub kwargs: Map<String, Value>,
}

/// The first of `args` is the value that is pushed; all else is ignored.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct UploadEnvelope {
    /// The value, and nothing else.
    #[schema(value_type = Vec<Value>, min_items = 1)]
    pub args: Vec<Value>,
    /// Ignored.
    #[serde(default)]
    #[schema(value_type = Object, additional_properties = true)]
    pub kwargs: Map<String, Value>,
}

/// The description of a microservice.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct ServiceDescription {
    /// The namespace of its interface.
    #[schema(schema_with = namespace)]
    pub namespace: String,
    /// The version of its interface.
    pub version: String,
    /// Its protocol, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String)]
    pub protocol: Option<String>,
    /// Its plugin, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String)]
    pub plugin: Option<String>,
    /// Its name, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String)]
    pub microservice: Option<String>,
    /// Other entries.
    #[serde(flatten)]
    pub more: BTreeMap<String, String>,
}

/// The descriptions of services.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ListAnswer {
    /// `list`.
    #[schema(schema_with = list_kind)]
    pub r#type: String,
    /// The descriptions.
    #[schema(min_items = 1)]
    pub list: Vec<ServiceDescription>,
}

/// A handle.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct UuidAnswer {
    /// `uuid`.
    #[schema(schema_with = uuid_kind)]
    pub r#type: String,
    /// The handle.
    #[schema(format = "uuid")]
    pub uuid: String,
}

/// A value.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ObjectAnswer {
    /// `object`.
    #[schema(schema_with = object_kind)]
    pub r#type: String,
    /// The result of a joint computation, or a value that was never secret.
    #[schema(schema_with = value)]
    pub object: Value,
}

/// No value: there is nothing to refer to.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct NoneAnswer {
    /// `none`.
    #[schema(schema_with = none_kind)]
    pub r#type: String,
}

fn namespace() -> Object {
    words("The namespace of its interface.", &["federatedsecure", "cloister"])
}

fn list_kind() -> Object {
    words("The kind of answer.", &["list"])
}

fn uuid_kind() -> Object {
    words("The kind of answer.", &["uuid"])
}

fn object_kind() -> Object {
    words("The kind of answer.", &["object"])
}

fn none_kind() -> Object {
    words("The kind of answer.", &["none"])
}

fn value() -> RefOr<Schema> {
    let mut any = AnyOf::new();
    any.items.push(RefOr::Ref(Ref::from_schema_name("Result")));
    any.items.push(RefOr::T(Schema::Object(crate::schema::anything())));
    any.description =
        Some("The result of a joint computation, or a value that was never secret.".to_owned());
    RefOr::T(Schema::AnyOf(any))
}
