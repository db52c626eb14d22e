//! The requests that wait for an owner of data, and the owner's decisions.

use actix_web::web::{self, Payload};
use cloister_api::{Approvals, Decided, Decision};
use serde_json::json;

use super::{Admitted, Answer, ManagementState, answer};
use crate::vocabulary::code::Code;
use crate::vocabulary::error::ApiError;
use crate::vocabulary::object::Principal;

const SECONDS_A_DAY: u64 = 24 * 60 * 60;

/// Lists the requests and their states.
pub(super) async fn list(caller: Admitted) -> Answer {
    Ok(answer(&caller.state.approvals(&caller.principal).await?))
}

/// Grants or refuses the request of this number.
pub(super) async fn decide(caller: Admitted, id: web::Path<String>, payload: Payload) -> Answer {
    let decision: Decision = caller.body(payload).await?;
    let number: u64 = id.parse().map_err(|_| no_such_request())?;
    let request = json!(number);
    let service = &caller.state.services.approvals;
    match decision {
        Decision::Refuse {} => {
            let named = [("request", request)];
            caller.state.call::<()>(&caller.principal, service, "refuse", named).await?
        }
        Decision::Grant { times, days } => {
            let seconds = days.map(|days| u64::from(days.get()) * SECONDS_A_DAY);
            let named =
                [("request", request), ("times", json!(times)), ("seconds", json!(seconds))];
            caller.state.call::<()>(&caller.principal, service, "grant", named).await?
        }
    }
    Ok(answer(&Decided { decided: true }))
}

fn no_such_request() -> ApiError {
    ApiError::new(Code::NoSuchRequest, "this names no request")
        .hint("list them with GET /v1/approvals")
}

impl ManagementState {
    pub(super) async fn approvals(&self, principal: &Principal) -> Result<Approvals, ApiError> {
        let approvals = self.call(principal, &self.services.approvals, "list", []).await?;
        Ok(Approvals { approvals })
    }
}
