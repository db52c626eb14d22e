//! Computations: list, inspect, cancel.

use actix_web::web;
use cloister_api::{Cancelled, Computations};
use serde::Deserialize;
use uuid::Uuid;

use super::{Admitted, Answer, answer};
use crate::records::{CancelOne, Filter, Inspect, List};
use crate::vocabulary::code::Code;
use crate::vocabulary::error::ApiError;

/// The filter of a list of computations.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Query {
    state: Option<State>,
    network: Option<String>,
    limit: Option<usize>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Running,
    Ended,
    All,
}

pub(super) async fn list(caller: Admitted) -> Answer {
    let query: Query = caller.query()?;
    let running = match query.state {
        Some(State::Running) => Some(true),
        Some(State::Ended) => Some(false),
        Some(State::All) | None => None,
    };
    let filter = Filter { running, network: query.network, limit: query.limit };
    let computations =
        caller.state.of_records(List { principal: caller.principal.clone(), filter }).await?;
    Ok(answer(&Computations { computations }))
}

pub(super) async fn inspect(caller: Admitted, id: web::Path<String>) -> Answer {
    let id = parse(&id)?;
    Ok(answer(
        &caller.state.of_records(Inspect { principal: caller.principal.clone(), id }).await??,
    ))
}

pub(super) async fn cancel(caller: Admitted, id: web::Path<String>) -> Answer {
    let id = parse(&id)?;
    caller.state.of_records(CancelOne { principal: caller.principal.clone(), id }).await??;
    Ok(answer(&Cancelled { cancelled: true }))
}

fn parse(id: &str) -> Result<Uuid, ApiError> {
    Uuid::parse_str(id).map_err(|_| {
        ApiError::new(Code::NoSuchComputation, "this names no computation")
            .hint("list them with GET /v1/computations")
    })
}
