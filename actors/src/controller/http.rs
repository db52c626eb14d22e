//! HTTP to messages and back, and nothing else: the routes of Federated Secure Computing's API.
//! Those for people are in [`crate::management`].
//!
//! GET and DELETE may carry bodies, as the Python and R clients send them; they are read and
//! ignored. Every answer is JSON, errors too.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use actix::dev::ToEnvelope;
use actix::{Actor, Addr, Handler, Message};
use actix_web::http::header::HeaderValue;
use actix_web::http::{StatusCode, header};
use actix_web::web::{self, Bytes, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, Resource, ResponseError};
use serde::Serialize;
use serde_json::json;
use tokio::time::timeout;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::large_bodies::{LargeBodies, LargeBody};
use super::{
    Attribute, Authenticator, Controller, Create, Envelope, Fetch, Invoke, ListServices, Release,
    Upload,
};
use crate::bus::{Description, SESSIONS, Siblings};
use crate::services::datasets::Content;
use crate::sessions::Load;
use crate::vocabulary::blocking;
use crate::vocabulary::code::Code;
use crate::vocabulary::error::ApiError;
use crate::vocabulary::flight::{Flight, FlightBudget, SMALL};
use crate::vocabulary::label::Download;
use crate::vocabulary::principal::Principal;
use crate::vocabulary::shown::shown;

/// The size from which on JSON is read on a thread for blocking work, so that a worker's other
/// requests do not wait for it. Shorter bodies need no room in the budget of bytes in flight.
const SMALL_BODY: usize = SMALL;

/// The size beyond which only a few bodies are read at a time.
const LARGE_BODY: usize = 1 << 20;

/// The time that a body may take to arrive.
const PATIENCE: Duration = Duration::from_secs(120);

/// The state that the handlers work with.
#[derive(Clone)]
pub struct ApiState {
    /// The controller.
    pub controller: Addr<Controller>,
    /// The authenticator of callers.
    pub authenticator: Arc<Authenticator>,
    /// The longest body in bytes.
    pub body_bytes: usize,
    /// The node's actors on the bus.
    pub siblings: Siblings,
    /// The host name by which clients may call this node, beside those of the loopback interface.
    pub host: String,
    /// Origins of web pages that may call, beside the node's own.
    pub origins: Arc<[String]>,
    /// The limits of large bodies that are read at a time.
    pub large_bodies: LargeBodies,
    /// The budget of bytes in flight.
    pub flights: FlightBudget,
}

type Answer = Result<HttpResponse, ApiError>;

/// Adds all routes. The application's data must hold an [`ApiState`].
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(
            endpoint("/representations", "GET, POST, PUT")
                .route(web::get().to(list))
                .route(web::post().to(create))
                .route(web::put().to(upload)),
        )
        .service(
            endpoint("/representation/{uuid}", "GET, PATCH, DELETE")
                .route(web::get().to(fetch))
                .route(web::patch().to(call))
                .route(web::delete().to(release)),
        )
        .service(
            endpoint("/representation/{uuid}/{attribute}", "GET").route(web::get().to(attribute)),
        )
        .service(endpoint("/healthz", "GET").route(web::get().to(healthy)))
        .service(endpoint("/readyz", "GET").route(web::get().to(ready)))
        .default_service(web::to(not_found));
}

/// Makes a path that takes these methods. Others are refused with a document.
pub(crate) fn endpoint(path: &str, methods: &'static str) -> Resource {
    let refuse = move |request: HttpRequest| async move {
        let mut response = method_not_allowed(&request, methods).error_response();
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(methods));
        response
    };
    web::resource(path).default_service(web::to(refuse))
}

async fn list(api: web::Data<ApiState>, request: HttpRequest, payload: Payload) -> Answer {
    let principal = api.authenticator.admit(&request).await?;
    discard(&api, &principal, &request, payload).await?;
    let descriptions = ask(&api, ListServices).await?;
    Ok(answer(&Body::List { list: &descriptions }))
}

async fn create(api: web::Data<ApiState>, request: HttpRequest, payload: Payload) -> Answer {
    let principal = api.authenticator.admit(&request).await?;
    let (envelope, _flight) = read(&api, &principal, &request, payload).await?;
    let create = Create { principal, requirements: envelope.kwargs };
    ask(&api, create).await.map(uuid_answer)
}

async fn upload(api: web::Data<ApiState>, request: HttpRequest, payload: Payload) -> Answer {
    let principal = api.authenticator.admit(&request).await?;
    let media = request.headers().get(header::CONTENT_TYPE).and_then(|media| media.to_str().ok());
    let content = Content::of_media(media.unwrap_or_default());
    let received = body(&api, &principal, &request, payload).await?;
    let (bytes, flight) = received.read_with(move |body| checked(content, body)).await?;
    ask(&api, Upload { principal, content, bytes, flight }).await.map(uuid_answer)
}

/// Checks an upload, and returns the part of its body that is kept: of JSON the first of `args`, of
/// columns all.
fn checked(content: Content, body: &[u8]) -> Result<Zeroizing<Vec<u8>>, ApiError> {
    if content != Content::Json {
        content.columns(body)?;
        return Ok(Zeroizing::new(body.to_vec()));
    }
    let value = Envelope::parse(body)?.args.into_iter().next();
    let value = value
        .ok_or_else(|| ApiError::malformed("an upload needs the value as the first of `args`"))?;
    let bytes = serde_json::to_vec(&value);
    bytes.map(Zeroizing::new).map_err(|error| ApiError::internal(error.to_string()))
}

async fn attribute(
    api: web::Data<ApiState>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
    payload: Payload,
) -> Answer {
    let principal = api.authenticator.admit(&request).await?;
    discard(&api, &principal, &request, payload).await?;
    let (uuid, name) = path.into_inner();
    ask(&api, Attribute { principal, uuid, name }).await.map(uuid_answer)
}

async fn call(
    api: web::Data<ApiState>,
    request: HttpRequest,
    uuid: web::Path<String>,
    payload: Payload,
) -> Answer {
    let principal = api.authenticator.admit(&request).await?;
    let (envelope, flight) = read(&api, &principal, &request, payload).await?;
    let invoke = Invoke { principal, uuid: uuid.into_inner(), envelope, flight };
    Ok(match ask(&api, invoke).await? {
        Some(uuid) => uuid_answer(uuid),
        None => answer(&Body::None),
    })
}

async fn fetch(
    api: web::Data<ApiState>,
    request: HttpRequest,
    uuid: web::Path<String>,
    payload: Payload,
) -> Answer {
    let principal = api.authenticator.admit(&request).await?;
    discard(&api, &principal, &request, payload).await?;
    let fetch = Fetch { principal, uuid: uuid.into_inner() };
    ask(&api, fetch).await.map(|download| answer(&Body::Object { object: &download }))
}

async fn release(
    api: web::Data<ApiState>,
    request: HttpRequest,
    uuid: web::Path<String>,
    payload: Payload,
) -> Answer {
    let principal = api.authenticator.admit(&request).await?;
    discard(&api, &principal, &request, payload).await?;
    ask(&api, Release { principal, uuid: uuid.into_inner() }).await?;
    Ok(answer(&Body::None))
}

pub(crate) async fn healthy() -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "alive"}))
}

pub(crate) async fn ready(api: web::Data<ApiState>) -> Answer {
    ask(&api, ListServices).await?;
    let computations = api.siblings.ask(SESSIONS, Load).await?;
    Ok(HttpResponse::Ok().json(json!({"status": "ready", "computations": computations})))
}

async fn not_found(request: HttpRequest) -> Answer {
    let message = format!("there is nothing at {}", shown(request.path()));
    Err(ApiError::new(Code::NoSuchPath, message)
        .hint("GET /openapi.json says which paths there are"))
}

fn method_not_allowed(request: &HttpRequest, methods: &str) -> ApiError {
    let message = format!("{} is not allowed here", request.method());
    ApiError::new(Code::MethodNotAllowed, message)
        .hint(format!("this path takes {methods}; GET /openapi.json describes all"))
}

async fn ask<M, T>(api: &ApiState, message: M) -> Result<T, ApiError>
where
    M: Message<Result = Result<T, ApiError>> + Send + 'static,
    T: Send + 'static,
    Controller: Handler<M>,
    <Controller as Actor>::Context: ToEnvelope<Controller, M>,
{
    api.controller.send(message).await.map_err(|_| ApiError::unavailable("the controller"))?
}

/// Reads the body of a request as an envelope, with the room for its bytes.
async fn read(
    api: &ApiState,
    principal: &Principal,
    request: &HttpRequest,
    payload: Payload,
) -> Result<(Envelope, Flight), ApiError> {
    body(api, principal, request, payload).await?.read_with(Envelope::parse).await
}

impl ApiState {
    /// Checks the host name of a request. A node without tokens takes calls from this machine only.
    /// A web page must not get around that by a name of its own that points here.
    pub(crate) fn check_host(&self, request: &HttpRequest) -> Result<(), ApiError> {
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
        let text = |name| request.headers().get(name).map(HeaderValue::to_str);
        let Some(origin) = text(header::ORIGIN) else { return Ok(()) };
        let host = text(header::HOST).and_then(Result::ok).or_else(|| request.uri().host());
        let known = |origin: &str| {
            let own = origin.split_once("://").map(|(_, authority)| authority);
            let is_own = own.is_some_and(|own| host.is_some_and(|it| own.eq_ignore_ascii_case(it)));
            is_own || self.origins.iter().any(|allowed| allowed.as_str() == origin)
        };
        if origin.is_ok_and(known) {
            return Ok(());
        }
        let message = "a web page of another origin may not use this node";
        Err(ApiError::new(Code::ForeignOrigin, message)
            .hint("have the operator add its origin to `allowed_origins` in node.toml"))
    }

    /// Reads the body of a request that should have a short one.
    pub(crate) async fn small_body(
        &self,
        principal: &Principal,
        request: &HttpRequest,
        payload: Payload,
    ) -> Result<Bytes, ApiError> {
        let short = Self { body_bytes: self.body_bytes.min(SMALL_BODY), ..self.clone() };
        body(&short, principal, request, payload).await.map(|received| received.bytes)
    }
}

/// A body, with the room for its bytes, and while it is large the right to read it.
struct Received {
    bytes: Bytes,
    flight: Flight,
    large: Option<LargeBody>,
}

impl Received {
    /// Reads the bytes, long ones on a thread for blocking work, and passes on their room. The thread
    /// holds the room until it has read them: the request may have been cancelled before.
    async fn read_with<T: Send + 'static>(
        self,
        read: impl FnOnce(&[u8]) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<(T, Flight), ApiError> {
        if self.bytes.len() <= SMALL_BODY {
            return Ok((read(&self.bytes)?, self.flight));
        }
        let reading = move || {
            let Self { bytes, flight, large } = self;
            let value = read(&bytes);
            drop((bytes, large));
            Ok((value?, flight))
        };
        blocking::run(reading).await?
    }
}

async fn body(
    api: &ApiState,
    principal: &Principal,
    request: &HttpRequest,
    payload: Payload,
) -> Result<Received, ApiError> {
    api.check_host(request)?;
    let announced = announced_length(request);
    if announced.is_some_and(|length| length > api.body_bytes) {
        return Err(too_large(api));
    }
    let is_large = announced.is_none_or(|length| length > LARGE_BODY) && has_body(request);
    let reading = async {
        // While a body waits for its turn, it takes no room from others.
        let large = if is_large { api.large_bodies.acquire(principal).await } else { None };
        let mut flight = reserve(api, principal, request, announced)?;
        // For bodies of HTTP/2 without an announced length no room was reserved.
        let limit = if has_body(request) { api.body_bytes } else { SMALL_BODY };
        match payload.to_bytes_limited(limit).await {
            Ok(Ok(bytes)) => {
                flight.shrink_to(bytes.len());
                Ok(Received { bytes, flight, large })
            }
            Ok(Err(_)) => Err(ApiError::malformed("the body of the request broke off")),
            Err(_) if has_body(request) => Err(too_large(api)),
            Err(_) => Err(unannounced()),
        }
    };
    timeout(PATIENCE, reading).await.map_err(|_| too_slow())?
}

/// Reserves the bytes of a body, before any of it is read.
fn reserve(
    api: &ApiState,
    principal: &Principal,
    request: &HttpRequest,
    announced: Option<usize>,
) -> Result<Flight, ApiError> {
    if !has_body(request) {
        return Ok(Flight::default());
    }
    api.flights.reserve(principal, announced.unwrap_or(api.body_bytes))
}

fn announced_length(request: &HttpRequest) -> Option<usize> {
    request.headers().get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn has_body(request: &HttpRequest) -> bool {
    let headers = request.headers();
    headers.contains_key(header::CONTENT_LENGTH) || headers.contains_key(header::TRANSFER_ENCODING)
}

fn too_large(api: &ApiState) -> ApiError {
    ApiError::new(Code::BodyTooLarge, format!("the body is longer than {} bytes", api.body_bytes))
        .hint("send less at once, or have the operator raise `limits.body_bytes`")
}

fn unannounced() -> ApiError {
    let message = format!("a body of unannounced length has more than {SMALL_BODY} bytes");
    ApiError::new(Code::BodyTooLarge, message).hint("send its length as `content-length`")
}

fn too_slow() -> ApiError {
    let message = format!("the body did not arrive within {} s", PATIENCE.as_secs());
    ApiError::new(Code::BodyTooSlow, message).hint("send it faster, or less at once")
}

async fn discard(
    api: &ApiState,
    principal: &Principal,
    request: &HttpRequest,
    payload: Payload,
) -> Result<(), ApiError> {
    body(api, principal, request, payload).await.map(drop)
}

/// Answers as the known clients read them.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Body<'a> {
    List { list: &'a [Description] },
    Uuid { uuid: String },
    Object { object: &'a Download },
    None,
}

fn answer(body: &Body<'_>) -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(body)
}

fn uuid_answer(uuid: Uuid) -> HttpResponse {
    answer(&Body::Uuid { uuid: uuid.to_string() })
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        // All statuses of the table are valid.
        StatusCode::from_u16(self.code().status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let trace = Uuid::new_v4().simple().to_string();
        let (code, status) = (self.code().text(), self.status_code());
        if status.is_server_error() {
            tracing::warn!(%trace, code, status = status.as_u16(), "{self}");
        } else {
            tracing::debug!(%trace, code, status = status.as_u16(), "refused");
        }
        let mut response = HttpResponse::build(status);
        if status == StatusCode::UNAUTHORIZED {
            // Clients with a password in the URL send it when they are asked.
            response.insert_header((header::WWW_AUTHENTICATE, "Basic realm=\"cloister\""));
        }
        response.insert_header((header::CACHE_CONTROL, "no-store")).json(self.document(trace))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

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
