//! The audit log, page by page, and its verification.

use actix_web::{HttpRequest, web};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, Desk, admit, answer};
use crate::controller::Door;
use crate::vocabulary::blocking;
use crate::vocabulary::error::ApiError;
use crate::vocabulary::object::{Principal, Right};

/// The number of entries of one answer by default.
const USUAL_ENTRIES: usize = 100;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Query {
    first: Option<u64>,
    limit: Option<usize>,
}

pub(super) async fn read(
    door: web::Data<Door>,
    desk: web::Data<Desk>,
    request: HttpRequest,
) -> Answer {
    let principal = admit(&door, &request).await?;
    let Query { first, limit } = super::query(&request)?;
    let head = desk.audit_head(&principal).await?;
    let limit = limit.unwrap_or(USUAL_ENTRIES).clamp(1, 1_000);
    // The latest ones, by default.
    let number = head.get("number").and_then(Value::as_u64).unwrap_or_default();
    let latest = number.saturating_sub(u64::try_from(limit).unwrap_or(u64::MAX)) + 1;
    let named = [("first", json!(first.unwrap_or(latest).max(1))), ("limit", json!(limit))];
    let entries = desk.call(&principal, &desk.services.audit, "read", named).await?;
    Ok(answer(&json!({"head": head, "entries": entries})))
}

pub(super) async fn verify(
    door: web::Data<Door>,
    desk: web::Data<Desk>,
    request: HttpRequest,
) -> Answer {
    let principal = admit(&door, &request).await?;
    principal.check(Right::ReadAudit)?;
    let turn = desk.verifying.acquire().await;
    let _turn = turn.map_err(|_| ApiError::unavailable("the audit log"))?;
    let vault = desk.vault.clone();
    let verified = blocking::run(move || vault.verify()).await?;
    Ok(answer(&match verified {
        Ok(own) => json!({"verified": true, "entries": own.entries, "problem": null}),
        Err(broken) => json!({"verified": false, "entries": null, "problem": broken.to_string()}),
    }))
}

impl Desk {
    pub(super) async fn audit_head(&self, principal: &Principal) -> Result<Value, ApiError> {
        self.call(principal, &self.services.audit, "head", []).await
    }
}
