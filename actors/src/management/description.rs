//! The OpenAPI description of this API, made from the types of its documents and the table of error
//! codes.

use std::sync::LazyLock;

use actix_web::http::header;
use actix_web::{HttpResponse, Responder};
use serde_json::Value;

use crate::vocabulary::code::{Group, TABLE};

/// The description as it is served.
static SERVED: LazyLock<String> = LazyLock::new(|| document().to_string());

/// Returns the description. Its codes are those that a node answers with.
#[must_use]
pub fn document() -> Value {
    let codes: Vec<&str> = TABLE
        .iter()
        .filter(|entry| entry.group != Group::Command)
        .map(|entry| entry.text)
        .collect();
    cloister_api::openapi::document(&codes)
}

pub(super) async fn read() -> impl Responder {
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "application/json"))
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(SERVED.as_str())
}
