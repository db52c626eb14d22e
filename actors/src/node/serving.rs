//! The listeners for clients: the API, over HTTPS or not, and health and metrics by themselves.

use std::net::TcpListener;

use actix_cors::Cors;
use actix_web::dev::ServerHandle;
use actix_web::http::Method;
use actix_web::{App, HttpServer, web};
use cloister_certs::{Identity, api_server_config, api_server_config_of};
use tokio_rustls::rustls::ServerConfig;

use super::{StartError, bind};
use crate::controller::http::{ApiState, routes};
use crate::management::{self, ManagementState};
use crate::vocabulary::settings::Settings;

/// The number of HTTP workers: handlers only translate, so a few serve many clients.
const HTTP_WORKERS: usize = 2;

/// The time that open requests may take when the node stops, in seconds.
const GRACE_SECONDS: u64 = 5;

/// Returns the TLS configuration of the API, if it uses TLS.
pub(super) fn api_tls(
    settings: &Settings,
    identity: &Identity,
) -> Result<Option<ServerConfig>, StartError> {
    if !settings.api_tls() {
        return Ok(None);
    }
    match (&settings.access.certificate, &settings.access.key) {
        (Some(certificate), Some(key)) => Ok(Some(api_server_config_of(certificate, key)?)),
        (None, None) => Ok(Some(api_server_config(identity)?)),
        _ => Err(StartError::HalfACertificate),
    }
}

pub(super) fn serve(
    socket: TcpListener,
    settings: &Settings,
    api: ApiState,
    management: ManagementState,
    tls: Option<ServerConfig>,
) -> Result<ServerHandle, StartError> {
    let origins = settings.allowed_origins.clone();
    let app = move || {
        App::new()
            .app_data(web::Data::new(api.clone()))
            .app_data(web::Data::new(management.clone()))
            .wrap(cors(&origins))
            .configure(management::routes)
            .configure(routes)
    };
    let failed =
        |error| StartError::Bind { setting: "api_listen", address: settings.api_listen, error };
    let server = HttpServer::new(app)
        .workers(HTTP_WORKERS)
        .shutdown_timeout(GRACE_SECONDS)
        .disable_signals();
    let server = match tls {
        Some(tls) => server.listen_rustls_0_23(socket, tls),
        None => server.listen(socket),
    };
    let server = server.map_err(failed)?.run();
    let handle = server.handle();
    actix::spawn(server);
    Ok(handle)
}

/// Serves health and metrics on a listener of their own, if the settings say so.
pub(super) fn serve_metrics(
    settings: &Settings,
    api: &ApiState,
    management: &ManagementState,
) -> Result<Option<ServerHandle>, StartError> {
    let Some(address) = settings.metrics_listen else { return Ok(None) };
    let (socket, _) = bind("metrics_listen", address)?;
    if !address.ip().is_loopback() {
        tracing::warn!(%address, "health and metrics are told to whoever reaches this address");
    }
    let (api, management) = (api.clone(), management.clone());
    let app = move || {
        App::new()
            .app_data(web::Data::new(api.clone()))
            .app_data(web::Data::new(management.clone()))
            .configure(management::metrics_routes)
    };
    let failed = |error| StartError::Bind { setting: "metrics_listen", address, error };
    let server =
        HttpServer::new(app).workers(1).disable_signals().listen(socket).map_err(failed)?;
    let server = server.run();
    let handle = server.handle();
    actix::spawn(server);
    Ok(Some(handle))
}

/// Returns the rule for web pages that use the API from a browser: the origins that the settings
/// allow.
fn cors(origins: &[String]) -> Cors {
    let methods = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    let any = Cors::default().allowed_methods(methods).allow_any_header().max_age(600);
    origins.iter().fold(any, |cors, origin| cors.allowed_origin(origin))
}
