//! HTTP to messages and back, and nothing else: the routes of Federated Secure Computing's API.
//! Those for people are in [`crate::management`].
//!
//! GET and DELETE may carry bodies, as the Python and R clients send them; they are read and
//! ignored. Every answer is JSON, errors too.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use actix::dev::ToEnvelope;
use actix::{Actor, Addr, Handler, Message};
use actix_web::http::header::HeaderValue;
use actix_web::http::{StatusCode, Version, header};
use actix_web::web::{self, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, Resource, ResponseError};
use futures_util::StreamExt;
use serde::Serialize;
use serde_json::json;
use tokio::time::sleep;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::large_bodies::LargeBodies;
use super::{
    Attribute, Authenticator, Caller, Controller, Create, Envelope, Fetch, Invoke, ListServices,
    Origins, Readiness, Release, Upload,
};
use crate::bus::{Description, SESSIONS, Siblings};
use crate::services::datasets::Content;
use crate::sessions::Load;
use crate::vocabulary::code::Code;
use crate::vocabulary::connection_end::ClientGone;
use crate::vocabulary::error::ApiError;
use crate::vocabulary::flight::FlightBudget;
use crate::vocabulary::label::Download;
use crate::vocabulary::presence::presence;
use crate::vocabulary::shown::shown;

/// The interval of looks whether a stream of HTTP/2 was reset.
const GLANCE: Duration = Duration::from_millis(200);

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
    pub origins: Origins,
    /// The question whether the state can be written.
    pub readiness: Readiness,
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

async fn list(caller: Caller, payload: Payload) -> Answer {
    caller.discard(payload).await?;
    let descriptions = caller.api.ask(ListServices).await?;
    Ok(answer(&Body::List { list: &descriptions }))
}

async fn create(caller: Caller, payload: Payload) -> Answer {
    let (envelope, _flight) = caller.read(payload).await?;
    let Caller { api, principal, .. } = caller;
    api.ask(Create { principal, requirements: envelope.kwargs }).await.map(uuid_answer)
}

async fn upload(caller: Caller, payload: Payload) -> Answer {
    let media = caller.request().headers().get(header::CONTENT_TYPE);
    let media = media.and_then(|media| media.to_str().ok());
    let content = Content::of_media(media.unwrap_or_default());
    let (bytes, flight) = caller.read_with(payload, move |body| checked(content, body)).await?;
    let Caller { api, principal, .. } = caller;
    api.ask(Upload { principal, content, bytes, flight }).await.map(uuid_answer)
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

async fn attribute(caller: Caller, path: web::Path<(String, String)>, payload: Payload) -> Answer {
    caller.discard(payload).await?;
    let (uuid, name) = path.into_inner();
    let Caller { api, principal, .. } = caller;
    api.ask(Attribute { principal, uuid, name }).await.map(uuid_answer)
}

async fn call(caller: Caller, uuid: web::Path<String>, mut payload: Payload) -> Answer {
    let (envelope, flight) = caller.read(&mut payload).await?;
    let gone = gone(caller.request(), payload);
    let Caller { api, principal, .. } = caller;
    // A client that goes away ends what runs for it alone, as one does that drops this request.
    let (present, awaited) = presence();
    let invoke = Invoke { principal, uuid: uuid.into_inner(), envelope, flight, awaited };
    let mut asked = pin!(api.ask(invoke));
    let invoked = tokio::select! {
        invoked = &mut asked => invoked,
        () = gone => {
            drop(present);
            asked.await
        }
    };
    Ok(match invoked? {
        Some(uuid) => uuid_answer(uuid),
        None => answer(&Body::None),
    })
}

/// Returns when the client's connection has ended, or of HTTP/2 the stream of this request, whose body
/// was read. It never returns if nothing is known of them.
fn gone(request: &HttpRequest, body: Payload) -> impl Future<Output = ()> + use<> {
    let end = request.conn_data::<ClientGone>().cloned();
    let is_of_http_2 = request.version() == Version::HTTP_2;
    async move {
        let ended = async {
            match end {
                Some(end) => end.gone().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = ended => {}
            () = reset(body), if is_of_http_2 => {}
        }
    }
}

/// Returns when a stream of HTTP/2 is reset. A body that has ended wakes no reader, so it is looked at
/// again and again: it is an error from the reset on.
async fn reset(mut body: Payload) {
    while !matches!(body.next().await, Some(Err(_))) {
        sleep(GLANCE).await;
    }
}

async fn fetch(caller: Caller, uuid: web::Path<String>, payload: Payload) -> Answer {
    caller.discard(payload).await?;
    let Caller { api, principal, .. } = caller;
    let download = api.ask(Fetch { principal, uuid: uuid.into_inner() }).await?;
    Ok(answer(&Body::Object { object: &download }))
}

async fn release(caller: Caller, uuid: web::Path<String>, payload: Payload) -> Answer {
    caller.discard(payload).await?;
    let Caller { api, principal, .. } = caller;
    api.ask(Release { principal, uuid: uuid.into_inner() }).await?;
    Ok(answer(&Body::None))
}

pub(crate) async fn healthy() -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "alive"}))
}

pub(crate) async fn ready(api: web::Data<ApiState>) -> Answer {
    api.ask(ListServices).await?;
    api.readiness.check().await?;
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

impl ApiState {
    /// Sends a message to the controller, and returns its answer.
    pub(super) async fn ask<M, T>(&self, message: M) -> Result<T, ApiError>
    where
        M: Message<Result = Result<T, ApiError>> + Send + 'static,
        T: Send + 'static,
        Controller: Handler<M>,
        <Controller as Actor>::Context: ToEnvelope<Controller, M>,
    {
        self.controller.send(message).await.map_err(|_| ApiError::unavailable("the controller"))?
    }
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
