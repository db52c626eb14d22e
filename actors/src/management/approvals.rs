//! The requests that wait for an owner of data, and the owner's decisions.

use actix_web::HttpRequest;
use actix_web::web::{self, Payload};
use cloister_api::{Approvals, Decided, Decision, Ruling};
use serde_json::json;

use super::{Answer, ManagementState, admit, answer};
use crate::controller::ApiState;
use crate::vocabulary::code::Code;
use crate::vocabulary::error::ApiError;

const DAY: u64 = 24 * 60 * 60;

pub(super) async fn list(
    api: web::Data<ApiState>,
    state: web::Data<ManagementState>,
    request: HttpRequest,
) -> Answer {
    let principal = admit(&api, &request).await?;
    Ok(answer(&state.approvals(&principal).await?))
}

pub(super) async fn decide(
    api: web::Data<ApiState>,
    state: web::Data<ManagementState>,
    request: HttpRequest,
    id: web::Path<String>,
    payload: Payload,
) -> Answer {
    let principal = admit(&api, &request).await?;
    let decision: Decision = super::body(&api, &request, payload).await?;
    let no_such = |_| {
        ApiError::new(Code::NoSuchRequest, "this names no request")
            .hint("list them with GET /v1/approvals")
    };
    let number: u64 = id.parse().map_err(no_such)?;
    let request = ("request", json!(number));
    let service = &state.services.approvals;
    match decision.decision {
        Ruling::Refuse => state.call::<()>(&principal, service, "refuse", [request]).await?,
        Ruling::Grant => {
            let seconds = decision.days.map(|days| u64::from(days) * DAY);
            let named = [request, ("times", json!(decision.times)), ("seconds", json!(seconds))];
            state.call::<()>(&principal, service, "grant", named).await?
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
