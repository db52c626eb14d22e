//! HTTP to messages and back, and nothing else. The only file that knows actix-web's routes.
//!
//! GET and DELETE may carry bodies, as the Python and R clients send them; they are read and
//! ignored. Every answer is JSON, errors too.

use actix::dev::ToEnvelope;
use actix::{Actor, Addr, Handler, Message};
use actix_web::http::{StatusCode, header};
use actix_web::web::{self, Bytes, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::{
    Attribute, Controller, Create, Envelope, Fetch, Invoke, ListServices, Release, Upload,
};
use crate::bus::Description;
use crate::error::ApiError;
use crate::label::{Download, Private};
use crate::object::Principal;

/// From this size on, JSON is read on a thread for blocking work, so that a worker's other
/// requests do not wait for it.
const INLINE_JSON: usize = 64 << 10;

/// What the handlers need.
#[derive(Clone)]
pub struct Door {
    /// The controller.
    pub controller: Addr<Controller>,
    /// The longest body in bytes.
    pub body_bytes: usize,
}

type Answer = Result<HttpResponse, ApiError>;

/// Adds all routes. The application's data must hold a [`Door`].
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(
            web::resource("/representations")
                .route(web::get().to(list))
                .route(web::post().to(create))
                .route(web::put().to(upload))
                .default_service(web::to(method_not_allowed)),
        )
        .service(
            web::resource("/representation/{uuid}")
                .route(web::get().to(fetch))
                .route(web::patch().to(call))
                .route(web::delete().to(release))
                .default_service(web::to(method_not_allowed)),
        )
        .service(
            web::resource("/representation/{uuid}/{attribute}")
                .route(web::get().to(attribute))
                .default_service(web::to(method_not_allowed)),
        )
        .route("/healthz", web::get().to(healthy))
        .route("/readyz", web::get().to(ready))
        .default_service(web::to(not_found));
}

async fn list(door: web::Data<Door>, payload: Payload) -> Answer {
    discard(&door, payload).await?;
    let descriptions = ask(&door, ListServices).await?;
    Ok(answer(&Body::List { list: &descriptions }))
}

async fn create(door: web::Data<Door>, request: HttpRequest, payload: Payload) -> Answer {
    let envelope = read(&door, payload).await?;
    let create = Create { principal: principal(&request), requirements: envelope.kwargs };
    ask(&door, create).await.map(uuid_answer)
}

async fn upload(door: web::Data<Door>, request: HttpRequest, payload: Payload) -> Answer {
    let envelope = read(&door, payload).await?;
    let data = envelope.args.into_iter().next();
    let data = data
        .ok_or_else(|| ApiError::malformed("an upload needs the value as the first of `args`"))?;
    let upload = Upload { principal: principal(&request), data: Private::new(data) };
    ask(&door, upload).await.map(uuid_answer)
}

async fn attribute(
    door: web::Data<Door>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
    payload: Payload,
) -> Answer {
    discard(&door, payload).await?;
    let (uuid, name) = path.into_inner();
    ask(&door, Attribute { principal: principal(&request), uuid, name }).await.map(uuid_answer)
}

async fn call(
    door: web::Data<Door>,
    request: HttpRequest,
    uuid: web::Path<String>,
    payload: Payload,
) -> Answer {
    let envelope = read(&door, payload).await?;
    let invoke = Invoke { principal: principal(&request), uuid: uuid.into_inner(), envelope };
    Ok(match ask(&door, invoke).await? {
        Some(uuid) => uuid_answer(uuid),
        None => answer(&Body::None),
    })
}

async fn fetch(
    door: web::Data<Door>,
    request: HttpRequest,
    uuid: web::Path<String>,
    payload: Payload,
) -> Answer {
    discard(&door, payload).await?;
    let fetch = Fetch { principal: principal(&request), uuid: uuid.into_inner() };
    ask(&door, fetch).await.map(|download| answer(&Body::Object { object: &download }))
}

async fn release(
    door: web::Data<Door>,
    request: HttpRequest,
    uuid: web::Path<String>,
    payload: Payload,
) -> Answer {
    discard(&door, payload).await?;
    ask(&door, Release { principal: principal(&request), uuid: uuid.into_inner() }).await?;
    Ok(answer(&Body::None))
}

async fn healthy() -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "alive"}))
}

async fn ready(door: web::Data<Door>) -> Answer {
    ask(&door, ListServices).await?;
    Ok(HttpResponse::Ok().json(json!({"status": "ready"})))
}

async fn not_found(request: HttpRequest) -> Answer {
    let path: String = request.path().chars().take(100).collect();
    let message = format!("there is nothing at {path}");
    Err(ApiError::new(StatusCode::NOT_FOUND, "no_such_path", message)
        .hint("the API is at /representations and /representation/{uuid}"))
}

async fn method_not_allowed(request: HttpRequest) -> Answer {
    let message = format!("{} is not allowed here", request.method());
    Err(ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message).hint(
        "list, create, upload: GET, POST, PUT /representations; \
               download, call, release: GET, PATCH, DELETE /representation/{uuid}",
    ))
}

/// Every client is the same principal on a node without tokens, which listens on loopback only.
fn principal(_request: &HttpRequest) -> Principal {
    Principal::anybody()
}

async fn ask<M, T>(door: &Door, message: M) -> Result<T, ApiError>
where
    M: Message<Result = Result<T, ApiError>> + Send + 'static,
    T: Send + 'static,
    Controller: Handler<M>,
    <Controller as Actor>::Context: ToEnvelope<Controller, M>,
{
    door.controller.send(message).await.map_err(|_| ApiError::unavailable("the controller"))?
}

async fn read(door: &Door, payload: Payload) -> Result<Envelope, ApiError> {
    let body = body(door, payload).await?;
    if body.len() <= INLINE_JSON {
        return Envelope::parse(&body);
    }
    let parsed = web::block(move || Envelope::parse(&body)).await;
    parsed.map_err(|_| ApiError::unavailable("the thread pool"))?
}

async fn body(door: &Door, payload: Payload) -> Result<Bytes, ApiError> {
    match payload.to_bytes_limited(door.body_bytes).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(_)) => Err(ApiError::malformed("the body of the request broke off")),
        Err(_) => Err(ApiError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body_too_large",
            format!("the body is longer than {} bytes", door.body_bytes),
        )
        .hint("send less at once, or have the operator raise `limits.body_bytes`")),
    }
}

async fn discard(door: &Door, payload: Payload) -> Result<(), ApiError> {
    body(door, payload).await.map(drop)
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
        self.status()
    }

    fn error_response(&self) -> HttpResponse {
        let trace = Uuid::new_v4().simple().to_string();
        if self.status().is_server_error() {
            tracing::warn!(%trace, code = self.code(), status = self.status().as_u16(), "{self}");
        } else {
            tracing::debug!(%trace, code = self.code(), status = self.status().as_u16(), "refused");
        }
        HttpResponse::build(self.status())
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .json(self.document(trace))
    }
}
