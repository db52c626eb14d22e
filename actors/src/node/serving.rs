//! The listeners for clients: the API, over HTTPS or not, and health and metrics by themselves.
//!
//! A node is ready only when all workers of its listeners have started. Each connection has a place
//! ([`ConnectionTable`]) until its end: by address, until a request on it has shown a right token. So
//! connections that do nothing hold up no request, and take no descriptor from the other members.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_cors::Cors;
use actix_http::{Extensions, HttpService, Protocol, Request, Response};
use actix_service::{IntoServiceFactory, map_config};
use actix_web::body::MessageBody;
use actix_web::dev::{
    AppConfig, RequestHead, Server, ServerHandle, Service, ServiceFactory, fn_factory, fn_service,
};
use actix_web::http::Method;
use actix_web::http::header::HeaderValue;
use actix_web::{App, Error, web};
use cloister_certs::{ApiCertificate, ReadCertificate, SettingsError};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{self, UnboundedSender};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::StartError;
use super::predecessor::bind;
use crate::controller::http::{ApiState, routes};
use crate::controller::{Origins, host_of, until_sent};
use crate::management::{self, ManagementState};
use crate::vocabulary::connection_end::ConnectionEnd;
use crate::vocabulary::connection_table::{ConnectionTable, Most, Standing};
use crate::vocabulary::connections::Connections;
use crate::vocabulary::settings::{Access, Settings};

/// The number of HTTP workers: handlers only translate, so a few serve many clients.
const HTTP_WORKERS: usize = 2;

/// The time that open requests may take when the node stops, in seconds.
const GRACE_SECONDS: u64 = 3;

/// The time that a client may take to close its end of a connection.
const DISCONNECT: Duration = Duration::from_secs(1);

/// The time that the workers of a listener may take to start.
const STARTING: Duration = Duration::from_secs(30);

/// The time that a handshake of TLS may take after its first byte.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// The connections of a worker that may wait for their places, beside those that have one.
const IN_TRANSIT: usize = 16;

/// The time after which the beginning of a connection is looked at again.
const GLANCE: Duration = Duration::from_millis(5);

/// The longest beginning of a connection that is looked at.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The protocols inside of TLS, the preferred first.
const PROTOCOLS: [&[u8]; 2] = [HTTP_2, b"http/1.1"];
const HTTP_2: &[u8] = b"h2";

/// The TLS of the API.
#[derive(Clone)]
pub(super) struct Tls {
    acceptor: TlsAcceptor,
}

/// A socket to be served.
struct Listening {
    socket: TcpListener,
    address: SocketAddr,
    setting: &'static str,
    workers: usize,
    /// The most connections of strangers, and of principals.
    most: [Most; 2],
}

/// A connection with its standing, which its requests change.
struct Served<T> {
    io: T,
    standing: Standing,
    end: ConnectionEnd,
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
            .wrap_fn(|request, service| {
                let answered = service.call(request);
                async { answered.await.map(until_sent) }
            })
            .configure(management::routes)
            .configure(routes)
    };
    let address = settings.api_listen;
    let Connections { of_strangers, of_principals, .. } = Connections::of_this_process();
    let listening = Listening {
        socket,
        address,
        setting: "api_listen",
        workers: HTTP_WORKERS,
        most: [of_strangers, of_principals],
    };
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
        tracing::warn!(%address, "health and metrics are told to all who reach this address");
    }
    let (api, management) = (api.clone(), management.clone());
    let app = move || {
        App::new()
            .app_data(web::Data::new(api.clone()))
            .app_data(web::Data::new(management.clone()))
            .configure(management::metrics_routes)
    };
    let most = [Connections::of_this_process().of_watchers; 2];
    let listening = Listening { socket, address, setting: "metrics_listen", workers: 1, most };
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
        let Self { socket, address, setting, workers, most: [strangers, principals] } = self;
        let places = ConnectionTable::new(strangers, principals);
        let of_each = (strangers.of_all + principals.of_all).div_ceil(workers) + IN_TRANSIT;
        let server = Server::build().workers(workers).shutdown_timeout(GRACE_SECONDS);
        let server = server.max_concurrent_connections(of_each).disable_signals();
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
                let http = http.on_connect_ext(tell_standing);
                let http = http.finish(map_config(app(), |()| AppConfig::default()));
                worker(http, started.clone(), places.clone(), plain)
            }),
            Some(tls) => server.listen(setting, socket, move || {
                let http = HttpService::build().graceful_shutdown_signal(closed.clone());
                let http = http.client_disconnect_timeout(DISCONNECT).local_addr(address).secure();
                let http = http.on_connect_ext(tell_standing);
                let http = http.finish(map_config(app(), |()| AppConfig::default()));
                let tls = tls.clone();
                let open = async move |tcp| tls.shake(tcp).await;
                worker(http, started.clone(), places.clone(), open)
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

/// Makes the service of one worker, and tells whether it has started. A connection takes its place,
/// and is opened before its requests are read.
fn worker<T, H, O>(
    http: H,
    started: UnboundedSender<bool>,
    places: ConnectionTable,
    open: O,
) -> impl ServiceFactory<TcpStream, Config = (), Response = (), Error = (), InitError = ()>
where
    T: AsyncRead + AsyncWrite + Unpin + 'static,
    H: ServiceFactory<
            (Served<T>, Protocol, Option<SocketAddr>),
            Config = (),
            Response = (),
            InitError = (),
        > + 'static,
    O: AsyncFn(TcpStream) -> Option<(T, Protocol)> + 'static,
{
    let (http, open) = (Rc::new(http), Rc::new(open));
    fn_factory(move || {
        let (http, open, started) = (Rc::clone(&http), Rc::clone(&open), started.clone());
        let places = places.clone();
        async move {
            let http = http.new_service(()).await;
            // The node's start may have been given up.
            let _ = started.send(http.is_ok());
            let http = Rc::new(http?);
            Ok(fn_service(move |tcp: TcpStream| {
                let (http, open, places) = (Rc::clone(&http), Rc::clone(&open), places.clone());
                async move {
                    let from = tcp.peer_addr().map_err(drop)?;
                    let served = places.enter(from.ip()).hold(async |place| {
                        if !place.spoken(&tcp).await {
                            return None;
                        }
                        let (io, protocol) = open(tcp).await?;
                        let (standing, end) = (place.standing(), ConnectionEnd::default());
                        let io = Served { io, standing, end };
                        // An error of a connection is its client's.
                        http.call((io, protocol, Some(from))).await.ok()
                    });
                    served.await.flatten().ok_or(())
                }
            }))
        }
    })
}

/// Finds the protocol of a connection without TLS: a client may know that this node speaks HTTP/2. What
/// may become the beginning of it is waited for.
async fn plain(tcp: TcpStream) -> Option<(TcpStream, Protocol)> {
    let protocol = timeout(HANDSHAKE, async {
        let mut begun = [0; PREFACE.len()];
        loop {
            let length = tcp.peek(&mut begun).await.ok()?;
            match begun.get(..length)? {
                begun if begun == PREFACE => return Some(Protocol::Http2),
                begun if begun.is_empty() || !PREFACE.starts_with(begun) => {
                    return Some(Protocol::Http1);
                }
                // Peeking returns what is there already.
                _ => sleep(GLANCE).await,
            }
        }
    });
    let protocol = protocol.await.ok()??;
    Some((tcp, protocol))
}

/// Lets the requests of a connection know its standing, and its end.
fn tell_standing<T>(connection: &Served<T>, extensions: &mut Extensions) {
    extensions.insert(connection.standing.clone());
    extensions.insert(connection.end.watched());
}

impl Tls {
    /// Creates the TLS that shows this certificate.
    pub(super) fn new(certificate: &ApiCertificate) -> Result<Self, SettingsError> {
        let mut config = certificate.server_config()?;
        config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).into();
        Ok(Self { acceptor: TlsAcceptor::from(std::sync::Arc::new(config)) })
    }

    /// Runs the handshake. Returns none if it fails or takes too long.
    async fn shake(&self, tcp: TcpStream) -> Option<(TlsStream<TcpStream>, Protocol)> {
        // Without it, answers only come later.
        let _ = tcp.set_nodelay(true);
        let tls = timeout(HANDSHAKE, self.acceptor.accept(tcp)).await.ok()?.ok()?;
        let is_http_2 = tls.get_ref().1.alpn_protocol() == Some(HTTP_2);
        Some((tls, if is_http_2 { Protocol::Http2 } else { Protocol::Http1 }))
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Served<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let served = self.get_mut();
        let before = into.filled().len();
        let polled = Pin::new(&mut served.io).poll_read(context, into);
        match &polled {
            Poll::Ready(Ok(())) if into.filled().len() == before && into.remaining() > 0 => {
                served.end.half_closed();
            }
            Poll::Ready(Err(_)) => served.end.broken(),
            Poll::Ready(Ok(())) | Poll::Pending => {}
        }
        polled
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Served<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().io).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().io).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listening() -> Listening {
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let socket = TcpListener::bind(address).unwrap();
        let most = [Most { of_one: 8, of_all: 8 }; 2];
        Listening { socket, address, setting: "api_listen", workers: 2, most }
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
