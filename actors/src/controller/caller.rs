//! Callers of the API: admitted, and with their bodies read within the node's bounds.

use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::time::Duration;

use actix_web::dev::{self, RequestHead};
use actix_web::error::PayloadError;
use actix_web::http::header::{self, HeaderValue};
use actix_web::http::uri::Authority;
use actix_web::web::{self, Bytes};
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use bytes::BytesMut;
use futures_util::{Stream, StreamExt};
use tokio::time::{Instant, timeout, timeout_at};

use super::Envelope;
use super::http::ApiState;
use super::large_bodies::LargeBody;
use crate::vocabulary::blocking;
use crate::vocabulary::code::Code;
use crate::vocabulary::connection_table::Standing;
use crate::vocabulary::error::ApiError;
use crate::vocabulary::flight::{Flight, SMALL};
use crate::vocabulary::principal::Principal;

/// The size from which on JSON is read on a thread for blocking work, so that a worker's other
/// requests do not wait for it. Shorter bodies need no room in the budget of bytes in flight.
const SMALL_BODY: usize = SMALL;

/// The size beyond which only a few bodies are read at a time.
const LARGE_BODY: usize = 1 << 20;

/// The bytes of a body that must arrive within [`WINDOW`], again and again, until its end.
const LEAST: usize = 320 << 10;

/// The time for [`LEAST`] bytes. The two allow lines of 128 kbit/s.
const WINDOW: Duration = Duration::from_secs(20);

/// The longest wait of a body that has arrived for its turn to be read.
const PATIENCE: Duration = Duration::from_secs(120);

/// The caller of a request: a principal, from a host and an origin that the node takes calls from.
pub(crate) struct Caller {
    pub(crate) api: web::Data<ApiState>,
    pub(crate) principal: Principal,
    request: HttpRequest,
}

impl FromRequest for Caller {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        Box::pin(Self::admit(request.clone()))
    }
}

impl Caller {
    async fn admit(request: HttpRequest) -> Result<Self, ApiError> {
        let api = request.app_data::<web::Data<ApiState>>().cloned();
        let api = api.ok_or_else(|| ApiError::internal("the server has no state of the API"))?;
        api.check_host(&request)?;
        let principal = api.authenticator.admit(&request).await?;
        if let Some(standing) = request.conn_data::<Standing>() {
            let underway = standing.admitted(principal.name());
            request.extensions_mut().insert(underway);
        }
        Ok(Self { api, principal, request })
    }

    /// Admits the caller again. A token may have been revoked, or given other roles.
    pub(crate) async fn again(&self) -> Result<Self, ApiError> {
        Self::admit(self.request.clone()).await
    }

    /// Returns the request.
    pub(crate) fn request(&self) -> &HttpRequest {
        &self.request
    }

    /// Reads the body of a request that should have a short one.
    pub(crate) async fn small_body(
        &self,
        payload: impl Stream<Item = Result<Bytes, PayloadError>>,
    ) -> Result<Bytes, ApiError> {
        let longest = self.api.body_bytes.min(SMALL_BODY);
        self.body(longest, payload).await.map(|received| received.bytes)
    }

    /// Reads the body as an envelope. Returns the room for its bytes too.
    pub(super) async fn read(
        &self,
        payload: impl Stream<Item = Result<Bytes, PayloadError>>,
    ) -> Result<(Envelope, Flight), ApiError> {
        self.read_with(payload, Envelope::parse).await
    }

    /// Reads the body by this function. Returns the room for its bytes too.
    pub(super) async fn read_with<T: Send + 'static>(
        &self,
        payload: impl Stream<Item = Result<Bytes, PayloadError>>,
        read: impl FnOnce(&[u8]) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<(T, Flight), ApiError> {
        self.body(self.api.body_bytes, payload).await?.read_with(read).await
    }

    /// Reads a body that no handler looks at.
    pub(super) async fn discard(
        &self,
        payload: impl Stream<Item = Result<Bytes, PayloadError>>,
    ) -> Result<(), ApiError> {
        self.body(self.api.body_bytes, payload).await.map(drop)
    }

    /// Reads the body of the request, of `longest` bytes at the most.
    async fn body(
        &self,
        longest: usize,
        payload: impl Stream<Item = Result<Bytes, PayloadError>>,
    ) -> Result<Received, ApiError> {
        let announced = announced_length(&self.request);
        if announced.is_some_and(|length| length > longest) {
            return Err(too_large(longest));
        }
        let has_body = has_body(&self.request);
        // For bodies of HTTP/2 without an announced length no room is reserved.
        let (limit, room) =
            if has_body { (longest, announced.unwrap_or(longest)) } else { (SMALL_BODY, 0) };
        let flights = &self.api.flights;
        // A body that does not fit now is refused before it comes.
        drop(flights.reserve(&self.principal, room)?);
        let mut flight = Flight::default();
        let grow = |bytes| flights.grow(&self.principal, &mut flight, bytes);
        let bytes = match arrive(payload, limit, grow).await {
            Err(Stopped::TooLong) if has_body => return Err(too_large(longest)),
            Err(Stopped::TooLong) => return Err(unannounced()),
            Err(Stopped::TooSlow) => return Err(too_slow()),
            Err(Stopped::NoRoom(error)) => return Err(error),
            Err(Stopped::Broken) => {
                return Err(ApiError::malformed("the body of the request broke off"));
            }
            Ok(bytes) => bytes,
        };
        // A body takes a place when it is there: one that comes slowly takes none from others.
        let turn = timeout(PATIENCE, self.api.large_bodies.acquire(&self.principal));
        let large =
            if bytes.len() > LARGE_BODY { turn.await.map_err(|_| no_turn())? } else { None };
        Ok(Received { bytes, flight, large })
    }
}

/// The reason why a body has not arrived.
#[derive(Debug, PartialEq, Eq)]
enum Stopped {
    Broken,
    TooLong,
    TooSlow,
    NoRoom(ApiError),
}

/// Collects a body of at most so many bytes, as long as it comes fast enough. Takes room for the
/// bytes that are there: those that are announced and do not come take none from others.
async fn arrive<E>(
    payload: impl Stream<Item = Result<Bytes, E>>,
    most: usize,
    mut grow: impl FnMut(usize) -> Result<(), ApiError>,
) -> Result<Bytes, Stopped> {
    let mut payload = pin!(payload);
    let mut bytes = BytesMut::new();
    let mut rate = Rate::new(Instant::now());
    while let Some(chunk) =
        timeout_at(rate.due, payload.next()).await.map_err(|_| Stopped::TooSlow)?
    {
        let chunk = chunk.map_err(|_| Stopped::Broken)?;
        if chunk.len() > most.saturating_sub(bytes.len()) {
            return Err(Stopped::TooLong);
        }
        grow(bytes.len().saturating_add(chunk.len())).map_err(Stopped::NoRoom)?;
        bytes.extend_from_slice(&chunk);
        rate.arrived(bytes.len(), Instant::now());
    }
    Ok(bytes.freeze())
}

/// The rate at which a body must arrive.
struct Rate {
    /// The time by which it must have ended, or have as many bytes as are wanted.
    due: Instant,
    wanted: usize,
}

impl Rate {
    fn new(now: Instant) -> Self {
        Self { due: now + WINDOW, wanted: LEAST }
    }

    /// Notes that so many bytes in all have arrived.
    fn arrived(&mut self, bytes: usize, now: Instant) {
        if bytes >= self.wanted {
            *self = Self { due: now + WINDOW, wanted: bytes.saturating_add(LEAST) };
        }
    }
}

/// A body, with the room for its bytes, and while it is large the right to read it.
struct Received {
    bytes: Bytes,
    flight: Flight,
    large: Option<LargeBody>,
}

impl Received {
    /// Reads the bytes, long ones on a thread for blocking work, and passes on their room. The
    /// thread holds the room until it has read them: the request may have been cancelled before.
    async fn read_with<T: Send + 'static>(
        self,
        read: impl FnOnce(&[u8]) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<(T, Flight), ApiError> {
        if self.bytes.len() <= SMALL_BODY {
            return Ok((read(&self.bytes)?, self.flight));
        }
        blocking::run(move || {
            let Self { bytes, flight, large } = self;
            let value = read(&bytes);
            drop((bytes, large));
            Ok((value?, flight))
        })
        .await?
    }
}

impl ApiState {
    /// Checks the host name of a request. A node without tokens takes calls from this machine only.
    /// A web page must not get around that by a name of its own that points here.
    fn check_host(&self, request: &HttpRequest) -> Result<(), ApiError> {
        self.check_origin(request)?;
        if !self.authenticator.is_open() {
            return Ok(());
        }
        // Not the forwarded host: a page could put anything there.
        let header = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
        let host = header.or_else(|| request.uri().host()).unwrap_or_default();
        let name = host.rsplit_once(':').map_or(host, |(name, port)| {
            if port.bytes().all(|byte| byte.is_ascii_digit()) { name } else { host }
        });
        let name = name.trim_start_matches('[').trim_end_matches(']');
        let loopback = name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        if loopback
            || name.eq_ignore_ascii_case("localhost")
            || name.eq_ignore_ascii_case(&self.host)
        {
            return Ok(());
        }
        Err(ApiError::new(Code::ForeignHost, "this node has another host name")
            .hint("call it by the API URL in the consortium file, or as localhost"))
    }

    /// Refuses web pages of other origins. A browser may act here by itself, or with a password
    /// that it remembers. Some requests need no permission of this node to be sent. Other clients
    /// name no origin.
    fn check_origin(&self, request: &HttpRequest) -> Result<(), ApiError> {
        let origin = request.headers().get(header::ORIGIN).map(HeaderValue::to_str);
        let Some(origin) = origin else { return Ok(()) };
        let host = host_of(request.head());
        if origin.is_ok_and(|origin| self.origins.allow(origin, host)) {
            return Ok(());
        }
        let message = "a web page of another origin may not use this node";
        Err(ApiError::new(Code::ForeignOrigin, message)
            .hint("have the operator add its origin to `allowed_origins` in node.toml"))
    }
}

/// Returns the host that a request is sent to, with its port. HTTP/2 has it in the address.
pub(crate) fn host_of(head: &RequestHead) -> Option<&str> {
    let named = head.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    named.or_else(|| head.uri.authority().map(Authority::as_str))
}

fn announced_length(request: &HttpRequest) -> Option<usize> {
    request.headers().get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn has_body(request: &HttpRequest) -> bool {
    let headers = request.headers();
    headers.contains_key(header::CONTENT_LENGTH) || headers.contains_key(header::TRANSFER_ENCODING)
}

fn too_large(longest: usize) -> ApiError {
    ApiError::new(Code::BodyTooLarge, format!("the body is longer than {longest} bytes"))
        .hint("send less at once, or have the operator raise `limits.body_bytes`")
}

fn unannounced() -> ApiError {
    let message = format!("a body of unannounced length has more than {SMALL_BODY} bytes");
    ApiError::new(Code::BodyTooLarge, message).hint("send its length as `content-length`")
}

fn too_slow() -> ApiError {
    let (bytes, seconds) = (LEAST, WINDOW.as_secs());
    let message = format!("the body came more slowly than {bytes} bytes in {seconds} s");
    ApiError::new(Code::BodyTooSlow, message).hint("send it faster, or less at once")
}

fn no_turn() -> ApiError {
    ApiError::new(Code::Unavailable, "too many large bodies are being read now")
        .hint("try again later, or send less at once")
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::controller::LargeBodies;
    use crate::vocabulary::flight::FlightBudget;

    fn chunks(sizes: &[usize]) -> impl Stream<Item = Result<Bytes, ()>> + use<> {
        let chunks: Vec<_> = sizes.iter().map(|size| Ok(Bytes::from(vec![1; *size]))).collect();
        futures_util::stream::iter(chunks)
    }

    #[test]
    fn the_host_has_its_port_with_and_without_a_header() {
        let with = |uri: &str, header: Option<&str>| {
            let request = actix_web::test::TestRequest::with_uri(uri);
            let request = header
                .into_iter()
                .fold(request, |request, host| request.insert_header((header::HOST, host)));
            host_of(request.to_http_request().head()).map(str::to_owned)
        };
        assert_eq!(with("/a", Some("node:8443")).as_deref(), Some("node:8443"));
        assert_eq!(with("https://node:8443/a", None).as_deref(), Some("node:8443"));
        assert_eq!(with("https://[::1]/a", None).as_deref(), Some("[::1]"));
        assert_eq!(with("/a", None), None);
    }

    #[actix_rt::test]
    async fn a_body_arrives_within_its_bounds() {
        let any = |_| Ok(());
        assert_eq!(arrive(chunks(&[]), 0, any).await.unwrap().len(), 0);
        assert_eq!(
            arrive(chunks(&[LEAST, 3, LEAST]), 2 * LEAST + 3, any).await.unwrap().len(),
            655_363
        );
        assert_eq!(arrive(chunks(&[LEAST, 3]), LEAST + 2, any).await, Err(Stopped::TooLong));
        let broken = chunks(&[1]).chain(futures_util::stream::iter([Err(())]));
        assert_eq!(arrive(broken, 100, any).await, Err(Stopped::Broken));
    }

    #[actix_rt::test]
    async fn a_body_holds_room_for_what_has_arrived_and_no_more() {
        let (budget, ada) = (FlightBudget::new(10 << 20, 10 << 20), Principal::owner("ada"));
        let (mut flight, mut asked) = (Flight::default(), Vec::new());
        let grow = |bytes| {
            asked.push(bytes);
            budget.grow(&ada, &mut flight, bytes)
        };
        arrive(chunks(&[4 << 20, 4 << 20]), 60 << 20, grow).await.unwrap();
        assert_eq!(asked, [4 << 20, 8 << 20]);
        assert!(budget.reserve(&ada, 3 << 20).is_err() && budget.reserve(&ada, 2 << 20).is_ok());
        let grow = |bytes| budget.grow(&ada, &mut flight, bytes);
        let refused = arrive(chunks(&[9 << 20, 4 << 20]), 60 << 20, grow).await.unwrap_err();
        assert!(matches!(refused, Stopped::NoRoom(error) if error.code() == Code::Unavailable));
        drop(flight);
        assert!(budget.reserve(&ada, 10 << 20).is_ok());
    }

    /// Returns the second in which a body is given up of which so many bytes come each second, or
    /// none if all have come.
    fn given_up(bytes_a_second: usize, all: usize) -> Option<u64> {
        let begun = Instant::now();
        let mut rate = Rate::new(begun);
        let mut arrived = 0;
        for second in 1.. {
            let now = begun + Duration::from_secs(second);
            if now > rate.due {
                return Some(second);
            }
            arrived += bytes_a_second;
            if arrived >= all {
                return None;
            }
            rate.arrived(arrived, now);
        }
        None
    }

    #[test]
    fn a_body_that_stays_away_or_trickles_is_given_up_and_a_slow_one_is_not() {
        let all = 60 << 20;
        assert_eq!(given_up(0, all), Some(21));
        assert_eq!(given_up(1_000, all), Some(21));
        assert_eq!(given_up(LEAST / 21, all), Some(21));
        assert_eq!(given_up(LEAST / 20, all), None);
        assert_eq!(given_up(all, all), None);
    }

    #[test]
    fn the_room_of_a_cancelled_request_is_held_while_its_bytes_are_read() {
        let principal = Principal::anybody();
        let (budget, large) = (FlightBudget::new(1 << 20, 1 << 20), LargeBodies::new(1, 1));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let (go_on, told) = mpsc::channel();
        runtime.block_on(async {
            let received = Received {
                bytes: Bytes::from(vec![b' '; 1 << 20]),
                flight: budget.reserve(&principal, 1 << 20).unwrap(),
                large: large.acquire(&principal).await,
            };
            let reading = received.read_with(move |_| {
                told.recv().map_err(|error| ApiError::internal(error.to_string()))
            });
            assert!(timeout(Duration::ZERO, reading).await.is_err(), "it was cancelled");
            assert!(budget.reserve(&principal, 1 << 20).is_err());
            assert!(timeout(Duration::ZERO, large.acquire(&principal)).await.is_err());
        });
        go_on.send(()).unwrap();
        // The runtime waits for its threads.
        drop(runtime);
        assert!(budget.reserve(&principal, 1 << 20).is_ok());
    }
}
