//! The audit log, page by page, and its verification.

use std::sync::Arc;

use cloister_api::{AuditHead, AuditPage, Verification};
use serde::Deserialize;
use serde_json::json;

use super::{Admitted, Answer, ManagementState, answer};
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

pub(super) async fn read(caller: Admitted) -> Answer {
    let Query { first, limit } = caller.query()?;
    let head = caller.state.audit_head(&caller.principal).await?;
    let limit = limit.unwrap_or(USUAL_ENTRIES).clamp(1, 1_000);
    // The latest ones, where nothing is said.
    let latest = head.number.saturating_sub(u64::try_from(limit).unwrap_or(u64::MAX)) + 1;
    let named = [("first", json!(first.unwrap_or(latest).max(1))), ("limit", json!(limit))];
    let entries =
        caller.state.call(&caller.principal, &caller.state.services.audit, "read", named).await?;
    Ok(answer(&AuditPage { head, entries }))
}

pub(super) async fn verify(caller: Admitted) -> Answer {
    caller.principal.check(Right::ReadAudit)?;
    let turn = Arc::clone(&caller.state.verifying).acquire_owned().await;
    let turn = turn.map_err(|_| ApiError::unavailable("the audit log"))?;
    let vault = caller.state.vault.clone();
    let verified = blocking::run(move || {
        // The client may have gone meanwhile: the turn ends with the work.
        let _turn = turn;
        vault.verify()
    })
    .await?;
    Ok(answer(&match verified {
        Ok(own) => Verification { verified: true, entries: Some(own.entries), problem: None },
        Err(broken) => {
            Verification { verified: false, entries: None, problem: Some(broken.to_string()) }
        }
    }))
}

impl ManagementState {
    pub(super) async fn audit_head(&self, principal: &Principal) -> Result<AuditHead, ApiError> {
        self.call(principal, &self.services.audit, "head", []).await
    }
}
