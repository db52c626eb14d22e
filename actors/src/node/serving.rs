//! The listeners for clients: the API, over HTTPS or not, and health and metrics by themselves.
//!
//! A node is ready only when all workers of its listeners have started. Handshakes of TLS have
//! places by address ([`HalfOpen`]), so that those that never end hold up no request.

use std::fmt;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::time::Duration;

use actix_cors::Cors;
use actix_http::{HttpService, Protocol, Request, Response};
use actix_service::{IntoServiceFactory, map_config};
use actix_web::body::MessageBody;
use actix_web::dev::{
    AppConfig, RequestHead, Server, ServerHandle, Service, ServiceFactory, fn_factory, fn_service,
};
use actix_web::http::Method;
use actix_web::http::header::HeaderValue;
use actix_web::{App, Error, web};
use cloister_certs::{ApiCertificate, ReadCertificate, SettingsError};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{self, UnboundedSender};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::StartError;
use super::predecessor::bind;
use crate::controller::http::{ApiState, routes};
use crate::controller::{Origins, host_of};
use crate::links::HalfOpen;
use crate::management::{self, ManagementState};
use crate::vocabulary::settings::{Access, Settings};

/// The number of HTTP workers: handlers only translate, so a few serve many clients.
const HTTP_WORKERS: usize = 2;

/// The time that open requests may take when the node stops, in seconds.
const GRACE_SECONDS: u64 = 5;

/// The time that a client may take to close its end of a connection.
const DISCONNECT: Duration = Duration::from_secs(1);

/// The time that the workers of a listener may take to start.
const STARTING: Duration = Duration::from_secs(30);

/// The time that a handshake of TLS may take after its first byte.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// The most connections in their handshake at a time: from one address, and from all. Many clients
/// may come from one address, that of a gateway.
const HALF_OPEN: [usize; 2] = [128, 256];

/// The protocols inside of TLS, the preferred first.
const PROTOCOLS: [&[u8]; 2] = [HTTP_2, b"http/1.1"];
const HTTP_2: &[u8] = b"h2";

/// The TLS of the API.
#[derive(Clone)]
pub(super) struct Tls {
    acceptor: TlsAcceptor,
    half_open: HalfOpen,
}

/// A socket to be served.
struct Listening {
    socket: TcpListener,
    address: SocketAddr,
    setting: &'static str,
    workers: usize,
}

/// Reads the certificate that the API shows: that of the settings, or else the identity's. It
/// blocks.
pub(super) fn api_certificate(
    access: &Access,
    identity: &cloister_certs::Identity,
) -> Result<ReadCertificate, StartError> {
    match (&access.certificate, &access.key) {
        (Some(certificate), Some(key)) => Ok(ReadCertificate::of_files(certificate, key)?),
        (None, None) => Ok(ReadCertificate::of_identity(identity)),
        _ => Err(StartError::HalfACertificate),
    }
}

/// Serves the API, and returns when all its workers have started.
pub(super) async fn serve(
    socket: TcpListener,
    settings: &Settings,
    api: ApiState,
    management: ManagementState,
    tls: Option<Tls>,
) -> Result<ServerHandle, StartError> {
    let origins = api.origins.clone();
    let app = move || {
        App::new()
            .app_data(web::Data::new(api.clone()))
            .app_data(web::Data::new(management.clone()))
            .wrap(cors(origins.clone()))
            .configure(management::routes)
            .configure(routes)
    };
    let address = settings.api_listen;
    let listening = Listening { socket, address, setting: "api_listen", workers: HTTP_WORKERS };
    listening.start(app, tls).await
}

/// Serves health and metrics on a listener of their own, if the settings say so.
pub(super) async fn serve_metrics(
    settings: &Settings,
    api: &ApiState,
    management: &ManagementState,
) -> Result<Option<ServerHandle>, StartError> {
    let Some(address) = settings.metrics_listen else { return Ok(None) };
    let (socket, _) = bind("metrics_listen", address).await?;
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
    let listening = Listening { socket, address, setting: "metrics_listen", workers: 1 };
    listening.start(app, None).await.map(Some)
}

/// Returns the rule for web pages that use the API from a browser.
fn cors(origins: Origins) -> Cors {
    let methods = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    let allow = move |origin: &HeaderValue, head: &RequestHead| {
        origins.allow(origin.to_str().unwrap_or_default(), host_of(head))
    };
    let cors = Cors::default().allowed_methods(methods).allow_any_header().max_age(600);
    cors.allowed_origin_fn(allow)
}

impl Listening {
    /// Serves this application, and returns when all workers have started.
    async fn start<F, I, S, B>(self, app: F, tls: Option<Tls>) -> Result<ServerHandle, StartError>
    where
        F: Fn() -> I + Send + Clone + 'static,
        I: IntoServiceFactory<S, Request>,
        S: ServiceFactory<Request, Config = AppConfig, Error = Error> + 'static,
        S::InitError: fmt::Debug,
        S::Response: Into<Response<B>> + 'static,
        S::Service: 'static,
        <S::Service as Service<Request>>::Future: 'static,
        B: MessageBody + 'static,
    {
        let Self { socket, address, setting, workers } = self;
        let server = Server::build().workers(workers).shutdown_timeout(GRACE_SECONDS);
        let server = server.disable_signals();
        let closing = server.graceful_shutdown_signal();
        let closed = move || {
            let closing = closing.clone();
            async move { closing.notified().await }
        };
        let (started, mut starts) = mpsc::unbounded_channel();
        let server = match tls {
            None => server.listen(setting, socket, move || {
                let http = HttpService::build().graceful_shutdown_signal(closed.clone());
                let http = http.client_disconnect_timeout(DISCONNECT).local_addr(address);
                let http = http.finish(map_config(app(), |()| AppConfig::default()));
                worker(http, started.clone(), async |tcp| Some((tcp, Protocol::Http1)))
            }),
            Some(tls) => server.listen(setting, socket, move || {
                let http = HttpService::build().graceful_shutdown_signal(closed.clone());
                let http = http.client_disconnect_timeout(DISCONNECT).local_addr(address).secure();
                let http = http.finish(map_config(app(), |()| AppConfig::default()));
                let tls = tls.clone();
                worker(http, started.clone(), async move |tcp| tls.shake(tcp).await)
            }),
        };
        let server = server.map_err(|error| StartError::Bind { setting, address, error })?.run();
        let handle = server.handle();
        actix::spawn(server);
        let all_start = async {
            for _ in 0..workers {
                if starts.recv().await != Some(true) {
                    return false;
                }
            }
            true
        };
        if matches!(timeout(STARTING, all_start).await, Ok(true)) {
            return Ok(handle);
        }
        handle.stop(false).await;
        Err(StartError::Workers(setting))
    }
}

/// Makes the service of one worker, and tells whether it has started. A connection is opened before
/// its requests are read.
fn worker<T, H, O>(
    http: H,
    started: UnboundedSender<bool>,
    open: O,
) -> impl ServiceFactory<TcpStream, Config = (), Response = (), Error = (), InitError = ()>
where
    T: AsyncRead + AsyncWrite + Unpin + 'static,
    H: ServiceFactory<
            (T, Protocol, Option<SocketAddr>),
            Config = (),
            Response = (),
            InitError = (),
        > + 'static,
    O: AsyncFn(TcpStream) -> Option<(T, Protocol)> + 'static,
{
    let (http, open) = (Rc::new(http), Rc::new(open));
    fn_factory(move || {
        let (http, open, started) = (Rc::clone(&http), Rc::clone(&open), started.clone());
        async move {
            let http = http.new_service(()).await;
            // The node's start may have been given up.
            let _ = started.send(http.is_ok());
            let http = Rc::new(http?);
            Ok(fn_service(move |tcp: TcpStream| {
                let (http, open) = (Rc::clone(&http), Rc::clone(&open));
                async move {
                    let from = tcp.peer_addr().ok();
                    let (io, protocol) = open(tcp).await.ok_or(())?;
                    // An error of a connection is its client's.
                    http.call((io, protocol, from)).await.map_err(drop)
                }
            }))
        }
    })
}

impl Tls {
    /// Creates the TLS that shows this certificate.
    pub(super) fn new(certificate: &ApiCertificate) -> Result<Self, SettingsError> {
        let mut config = certificate.server_config()?;
        config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).into();
        let [of_one, all] = HALF_OPEN;
        let half_open = HalfOpen::new(of_one, all);
        Ok(Self { acceptor: TlsAcceptor::from(std::sync::Arc::new(config)), half_open })
    }

    /// Runs the handshake. Returns none if it fails, takes too long or loses its place.
    async fn shake(&self, tcp: TcpStream) -> Option<(TlsStream<TcpStream>, Protocol)> {
        let from = tcp.peer_addr().ok()?.ip();
        // Without it, answers only come later.
        let _ = tcp.set_nodelay(true);
        let shaken = self.half_open.enter(from).hold(async |place| {
            if !place.spoken(&tcp).await {
                return None;
            }
            timeout(HANDSHAKE, self.acceptor.accept(tcp)).await.ok()?.ok()
        });
        let tls = shaken.await.flatten()?;
        let is_http_2 = tls.get_ref().1.alpn_protocol() == Some(HTTP_2);
        Some((tls, if is_http_2 { Protocol::Http2 } else { Protocol::Http1 }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listening() -> Listening {
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let socket = TcpListener::bind(address).unwrap();
        Listening { socket, address, setting: "api_listen", workers: 2 }
    }

    #[actix_rt::test]
    async fn a_listener_has_started_when_all_its_workers_have() {
        let handle = listening().start(App::new, None).await.unwrap();
        handle.stop(false).await;
    }

    /// The layer fails when a worker starts, as one for cross-origin requests may.
    #[actix_rt::test]
    async fn a_worker_that_cannot_start_is_an_error_of_the_start() {
        let app = || App::new().wrap(Cors::default().allowed_origin("no origin"));
        let started = listening().start(app, None).await;
        assert!(matches!(started, Err(StartError::Workers("api_listen"))));
    }
}
