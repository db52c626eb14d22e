//! The collector as an HTTP server: takes a request, and may as well not be there.
//!
//! It is called from the thread that sends spans and from no other, so that waiting holds up
//! nothing else. That it cannot be reached is said once, until it could be.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use awc::error::PayloadError;
use cloister_actors::settings::Endpoint;
use cloister_certs::public_client_config;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use tokio_rustls::rustls::ClientConfig;

use crate::problem::{Outcome, Problem};

/// The time in which a connection must be there.
const CONNECT: Duration = Duration::from_secs(2);

/// The time limit of a request in all.
const PATIENCE: Duration = Duration::from_secs(5);

/// The longest answer in bytes; a short document is due.
const LONGEST_ANSWER: usize = 1 << 16;

/// A collector of traces.
pub(super) struct Collector {
    url: String,
    tls: Option<Arc<ClientConfig>>,
    lost: AtomicBool,
}

/// The reason for which spans were not taken.
#[derive(Debug, thiserror::Error)]
enum Refused {
    // In words: the library's error stays on the thread that it was made on.
    #[error("{0}")]
    Unsent(String),
    #[error("its answer broke off: {0}")]
    Unheard(PayloadError),
    #[error("it answered with status {0}")]
    Status(u16),
    #[error("{0}")]
    Runtime(io::Error),
}

impl Collector {
    /// Makes the collector at this place, without connecting to it.
    pub(super) fn new(endpoint: &Endpoint) -> Outcome<Self> {
        let tls = if endpoint.tls() {
            Some(Arc::new(public_client_config().map_err(Problem::ours)?))
        } else {
            None
        };
        Ok(Self { url: endpoint.traces(), tls, lost: AtomicBool::new(false) })
    }

    /// Sends it, and waits for the answer.
    fn exchange(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Refused> {
        // Made anew each time: the client cannot be sent between threads, and requests are few.
        let runtime = actix_rt::Runtime::new().map_err(Refused::Runtime)?;
        runtime.block_on(self.send(request))
    }

    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Refused> {
        let mut connector = awc::Connector::new().timeout(CONNECT);
        if let Some(tls) = &self.tls {
            connector = connector.rustls_0_23(Arc::clone(tls));
        }
        let client = awc::Client::builder().connector(connector).timeout(PATIENCE).finish();
        let mut sent = client.post(&self.url);
        // The two libraries have different versions of the same types.
        for (name, value) in request.headers() {
            sent = sent.insert_header((name.as_str(), value.as_bytes()));
        }
        let answer = sent.send_body(request.into_body()).await;
        let mut answer = answer.map_err(|error| Refused::Unsent(error.to_string()))?;
        let body = answer.body().limit(LONGEST_ANSWER).await.map_err(Refused::Unheard)?;
        match answer.status() {
            status if status.is_success() => Ok(Response::new(body)),
            status => Err(Refused::Status(status.as_u16())),
        }
    }

    /// Says that it is lost, or back, if it was not so before.
    fn note(&self, refused: Option<&Refused>) {
        let was_lost = self.lost.swap(refused.is_some(), Ordering::Relaxed);
        match (was_lost, refused) {
            (false, Some(error)) => tracing::warn!(
                endpoint = self.url,
                %error,
                "the collector does not take traces; they are dropped until it does"
            ),
            (true, None) => tracing::info!(endpoint = self.url, "the collector takes traces"),
            _ => {}
        }
    }
}

#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let exchanged = self.exchange(request);
        self.note(exchanged.as_ref().err());
        exchanged.map_err(HttpError::from)
    }
}

impl std::fmt::Debug for Collector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Collector").field("url", &self.url).finish_non_exhaustive()
    }
}
