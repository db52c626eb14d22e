//! The requests that wait for an owner of data, and the owner's decisions.

use actix_web::web::{self, Payload};
use cloister_api::{Approvals, Decided, Decision, Ruling};
use serde_json::json;

use super::{Admitted, Answer, ManagementState, answer};
use crate::vocabulary::code::Code;
use crate::vocabulary::error::ApiError;

const DAY: u64 = 24 * 60 * 60;

pub(super) async fn list(caller: Admitted) -> Answer {
    Ok(answer(&caller.state.approvals(&caller.principal).await?))
}

pub(super) async fn decide(caller: Admitted, id: web::Path<String>, payload: Payload) -> Answer {
    let decision: Decision = caller.body(payload).await?;
    let number: u64 = id.parse().map_err(|_| {
        ApiError::new(Code::NoSuchRequest, "this names no request")
            .hint("list them with GET /v1/approvals")
    })?;
    let request = ("request", json!(number));
    let service = &caller.state.services.approvals;
    match decision.decision {
        Ruling::Refuse => {
            caller.state.call::<()>(&caller.principal, service, "refuse", [request]).await?
        }
        Ruling::Grant => {
            let seconds = decision.days.map(|days| u64::from(days) * DAY);
            let named = [request, ("times", json!(decision.times)), ("seconds", json!(seconds))];
            caller.state.call::<()>(&caller.principal, service, "grant", named).await?
        }
    }
    Ok(answer(&Decided { decided: true }))
}

impl ManagementState {
    pub(super) async fn approvals(
        &self,
        principal: &crate::vocabulary::object::Principal,
    ) -> Result<Approvals, ApiError> {
        let approvals = self.call(principal, &self.services.approvals, "list", []).await?;
        Ok(Approvals { approvals })
    }
}
