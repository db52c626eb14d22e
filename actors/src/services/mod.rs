//! The microservices that clients find on the bus.

pub mod approvals;
pub mod audit;
pub mod barrier;
pub mod broadcast;
pub mod datasets;
mod named;
pub mod registry;
pub mod simon;
pub mod storage;

use std::sync::Arc;

pub use self::named::Quota;
use crate::bus::Description;
use crate::vocabulary::code::Code;
use crate::vocabulary::data::Data;
use crate::vocabulary::error::ApiError;
use crate::vocabulary::label::{Labelled, Public};
use crate::vocabulary::object::Reply;

/// The version that existing clients know these services by.
const API_VERSION: &str = "0.6.0";

/// Returns about how many bytes a value holds here and nowhere else.
fn footprint(value: &Labelled) -> usize {
    match value {
        Labelled::Public(data) => data.get().footprint(),
        Labelled::Private(stored) => size_of::<Labelled>() + stored.footprint(),
        Labelled::Opened(report) => report.footprint(),
    }
}

fn description(entries: &[(&'static str, &'static str)]) -> Description {
    let common = [("namespace", "federatedsecure"), ("version", API_VERSION)];
    common.into_iter().chain(entries.iter().copied()).collect()
}

/// Describes a microservice that the Federated Secure Computing API does not know.
fn own_description(microservice: &'static str) -> Description {
    let version = env!("CARGO_PKG_VERSION");
    let entries = [("namespace", "cloister"), ("microservice", microservice), ("version", version)];
    entries.into_iter().collect()
}

/// Replies with a value that was never secret.
fn public(value: &impl serde::Serialize) -> Result<Reply, ApiError> {
    let data = Arc::new(Data::of(value)?);
    Ok(Reply::Value(Labelled::Public(Public::never_secret(data))))
}

fn nothing_named(what: &str) -> ApiError {
    ApiError::new(Code::NotFound, format!("there is no {what} of this name"))
        .hint("it was never made, or has been deleted")
}
