//! One request for a joint computation: checked, encoded, and handed to the sessions.

use std::sync::Arc;
use std::time::Instant;

use actix::Recipient;
use actix_web::http::StatusCode;
use cloister_protocols::catalogue::{self, Entry, Status};
use cloister_protocols::computation::Request;
use cloister_protocols::parameters::Parameters;
use tokio::sync::watch;

use super::input;
use crate::computation::Lifecycle;
use crate::data::Data;
use crate::error::ApiError;
use crate::label::{Private, Report};
use crate::sessions::{Launch, Reserve};

/// From this many bytes on, data is checked and encoded on a thread for blocking work.
const INLINE_BYTES: usize = 64 << 10;

/// What to compute.
pub(super) struct Job {
    pub(super) function: &'static Entry,
    pub(super) parameters: Parameters,
    pub(super) data: Private<Data>,
    pub(super) members: Vec<usize>,
    pub(super) helpers: usize,
    pub(super) network: String,
    pub(super) progress: watch::Sender<Lifecycle>,
}

/// The sessions, as the bus knows them.
#[derive(Clone)]
pub struct Port {
    /// Gives tickets.
    pub reserve: Recipient<Reserve>,
    /// Takes requests.
    pub launch: Recipient<Launch>,
}

impl Job {
    /// Computes it with the other parties.
    ///
    /// The network's name is reserved first, before the data is looked at: requests keep the order
    /// in which they came, however long their data takes to encode.
    pub(super) async fn run(self, sessions: Port) -> Result<Arc<Report>, ApiError> {
        let started = Instant::now();
        let Self { function, parameters, data, members, helpers, network, progress } = self;
        let parties = members.len().saturating_sub(helpers);
        let reserved = sessions.reserve.send(Reserve { members, helpers, network }).await;
        let reserved = reserved.map_err(|_| ApiError::unavailable("the data plane"))?;
        let ticket = reserved.map_err(|failure| failure.to_error())?;
        let small = data.for_computing().footprint() <= INLINE_BYTES;
        let encode = move || encode(function, &parameters, &data, parties);
        let request = if small { encode()? } else { blocking(encode).await? };
        let launch = Launch { ticket, request, started, progress };
        let result = sessions.launch.send(launch).await;
        let result = result.map_err(|_| ApiError::unavailable("the data plane"))?;
        result.map_err(|failure| failure.to_error())
    }
}

/// The function of this name, if it can be computed.
pub(super) fn function(name: &str) -> Result<&'static Entry, ApiError> {
    let shown: String = name.chars().take(100).collect();
    let entry = catalogue::find(name).ok_or_else(|| {
        let names: Vec<&str> = catalogue::entries().iter().map(|entry| entry.name).collect();
        ApiError::new(
            StatusCode::NOT_FOUND,
            "no_such_function",
            format!("there is no function `{shown}`"),
        )
        .hint(format!("there are: {}", names.join(", ")))
    })?;
    match entry.status {
        Status::Available => Ok(entry),
        Status::Awaits { suite } => Err(ApiError::new(
            StatusCode::NOT_IMPLEMENTED,
            "awaits_suite",
            format!("{shown} needs the suite `{suite}`, which this version does not have"),
        )
        .hint("a later version brings it; GET /representations tells what this one can")),
    }
}

async fn blocking(
    encode: impl FnOnce() -> Result<Request, ApiError> + Send + 'static,
) -> Result<Request, ApiError> {
    let encoded = actix_web::web::block(encode).await;
    encoded.map_err(|_| ApiError::unavailable("the thread pool"))?
}

fn encode(
    function: &'static Entry,
    parameters: &Parameters,
    data: &Private<Data>,
    parties: usize,
) -> Result<Request, ApiError> {
    let input = input::read(data.for_computing(), function.input)?;
    Ok(Request::new(function, parameters, input, parties)?)
}
