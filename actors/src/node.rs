//! The node put together: which actors there are, where they run, and who knows whom.
//!
//! Links, sessions and small computations share one thread, because rounds are made of messages
//! and a message to another thread costs a hundred times one on the same. The controller, the bus
//! and the services run where [`Node::start`] is called; HTTP has workers of its own.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::SystemTime;

use actix::{Actor, Addr, Recipient};
use actix_cors::Cors;
use actix_rt::Arbiter;
use actix_web::dev::ServerHandle;
use actix_web::http::Method;
use actix_web::{App, HttpServer, web};
use cloister_certs::{Expiry, Identity, Member, Roster, RosterError};
use cloister_protocols::wire::VERSION;
use tokio::sync::{Semaphore, oneshot};

use crate::bus::{Bus, Offer, Register, Sibling};
use crate::consortium::Consortium;
use crate::controller::Controller;
use crate::controller::http::{Door, LARGE_BODIES, routes};
use crate::links::{Events, Greeting, Listener, Peer};
use crate::object::{Call, Interface, Object};
use crate::services::barrier::{self, Barrier};
use crate::services::broadcast::{self, Broadcast};
use crate::services::simon::{self, Port, Simon};
use crate::services::storage::{self, KeyValueStorage};
use crate::sessions::{Connect, Launch, Reserve, Sessions, Shutdown, Surroundings};
use crate::settings::Settings;

/// The address on the bus at which joint computations are asked for.
pub const SESSIONS: &str = "sessions";

/// HTTP workers: handlers only translate, so a few serve many clients.
const HTTP_WORKERS: usize = 2;

/// How long open requests may take when the node stops, in seconds.
const GRACE_SECONDS: u64 = 5;

/// What a node is made of.
pub struct Parts {
    /// The operator's settings, with resolved paths.
    pub settings: Settings,
    /// The consortium file's members.
    pub consortium: Consortium,
    /// The party's identity.
    pub identity: Identity,
}

/// A node that accepts requests and peers.
pub struct Node {
    api: SocketAddr,
    peer: SocketAddr,
    http: ServerHandle,
    data_plane: Arbiter,
    sessions: Addr<Sessions>,
}

/// Why a node cannot start. Each is for its operator to mend.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The party is not in the consortium file.
    #[error("the consortium file has no member `{0}`: give this node the file that names it")]
    NoMember(String),
    /// The identity is not the one that the others have pinned.
    #[error(
        "the identity of `{party}` has fingerprint {ours}, which the consortium file does not pin \
         to it: put it there at all members, or use the identity that is pinned"
    )]
    NotPinned {
        /// The party.
        party: String,
        /// The fingerprint of its identity.
        ours: cloister_certs::Fingerprint,
    },
    /// The certificate cannot be used now.
    #[error(
        "the certificate {0} has expired or is not yet valid: check this machine's clock, or make \
         a new identity with `cloister identity new` and have all members pin it"
    )]
    OutOfDate(cloister_certs::Fingerprint),
    /// Without tokens, clients may come from this machine only.
    #[error("api_listen is {0}, but a node without tokens serves this machine only: use 127.0.0.1")]
    Exposed(SocketAddr),
    /// An address cannot be bound.
    #[error("cannot listen on {address} ({setting}): {error}; is another node running there?")]
    Bind {
        /// Which setting.
        setting: &'static str,
        /// The address.
        address: SocketAddr,
        /// Why not.
        error: io::Error,
    },
    /// The members cannot be told apart.
    #[error("the consortium file: {0}")]
    Roster(#[from] RosterError),
    /// No randomness.
    #[error("the system gives no randomness: {0}")]
    Randomness(getrandom::Error),
    /// An actor did not start.
    #[error("{0} did not start")]
    Actor(&'static str),
}

impl Node {
    /// Binds all listeners and starts all actors. Call it inside a running actix `System`.
    ///
    /// # Errors
    /// If the parts do not fit each other, or an address cannot be bound.
    pub async fn start(parts: Parts) -> Result<Self, StartError> {
        let Parts { settings, consortium, identity } = parts;
        let me = check(&settings, &consortium, &identity)?;
        let (peer_socket, peer) = bind("peer_listen", settings.peer_listen)?;
        let (api_socket, api) = bind("api_listen", settings.api_listen)?;
        let host = consortium.members().get(me).map_or_else(String::new, |own| own.api_host());
        let consortium = Arc::new(consortium);
        let data_plane = Arbiter::new();
        let plane = DataPlane::new(&settings, Arc::clone(&consortium), me, identity, peer_socket)?;
        let sessions = plane.start(&data_plane).await?;
        let controller = start_services(&settings, consortium, me, &sessions).await?;
        let http = serve(api_socket, &settings, controller, sessions.clone(), host)?;
        Ok(Self { api, peer, http, data_plane, sessions })
    }

    /// Where clients reach it.
    #[must_use]
    pub fn api_address(&self) -> SocketAddr {
        self.api
    }

    /// Where other nodes reach it.
    #[must_use]
    pub fn peer_address(&self) -> SocketAddr {
        self.peer
    }

    /// The sessions, for whoever launches computations without HTTP, as benchmarks do.
    #[must_use]
    pub fn sessions(&self) -> Addr<Sessions> {
        self.sessions.clone()
    }

    /// Stops accepting, ends computations, closes links, and returns when all is done.
    pub async fn stop(self) {
        // Computations end first, so that requests that wait for them are answered. Sessions that
        // are gone have none.
        let _ = self.sessions.send(Shutdown).await;
        self.http.stop(true).await;
        self.data_plane.stop();
        let data_plane = self.data_plane;
        let joined = web::block(move || data_plane.join()).await;
        if !matches!(joined, Ok(Ok(()))) {
            tracing::warn!("the data plane did not end in good order");
        }
    }
}

/// What the data plane's thread needs for starting.
struct DataPlane {
    surroundings: Surroundings,
    identity: Arc<Identity>,
    roster: Arc<Roster>,
    greeting: Greeting,
    peers: Vec<Peer>,
    socket: TcpListener,
}

impl DataPlane {
    fn new(
        settings: &Settings,
        consortium: Arc<Consortium>,
        me: usize,
        identity: Identity,
        socket: TcpListener,
    ) -> Result<Self, StartError> {
        let mut boot = [0; 16];
        getrandom::fill(&mut boot).map_err(StartError::Randomness)?;
        let greeting = Greeting { version: VERSION, consortium: consortium.hash(), boot };
        let members = consortium.members().iter().map(pinned);
        Ok(Self {
            identity: Arc::new(identity),
            roster: Arc::new(Roster::new(members)?),
            greeting,
            peers: peers(&consortium, me),
            socket,
            surroundings: Surroundings {
                consortium,
                me,
                boot,
                profile: settings.profile,
                deadline: settings.deadline(),
                limits: settings.limits.clone(),
                committee: settings.committee.clone(),
            },
        })
    }

    async fn start(self, arbiter: &Arbiter) -> Result<Addr<Sessions>, StartError> {
        let (started, address) = oneshot::channel();
        arbiter.spawn_fn(move || {
            let Self { surroundings, identity, roster, greeting, peers, socket } = self;
            let sessions = Sessions::new(surroundings).start();
            let events = Events {
                up: sessions.clone().recipient(),
                down: sessions.clone().recipient(),
                inbound: sessions.clone().recipient(),
            };
            let links = Listener::start_links(socket, identity, roster, greeting, peers, &events);
            // The first message of a mailbox that is empty.
            sessions.do_send(Connect(links));
            // Nobody listens where the node's start was given up.
            let _ = started.send(sessions);
        });
        address.await.map_err(|_| StartError::Actor("the data plane"))
    }
}

/// Checks that settings, consortium and identity belong together; gives back our position.
fn check(
    settings: &Settings,
    consortium: &Consortium,
    identity: &Identity,
) -> Result<usize, StartError> {
    let party = &settings.party;
    let no_member = || StartError::NoMember(party.clone());
    let me = consortium.position(party).ok_or_else(no_member)?;
    let ours = identity.fingerprint();
    let member = consortium.members().get(me).ok_or_else(no_member)?;
    if !member.fingerprints.contains(&ours) {
        return Err(StartError::NotPinned { party: party.clone(), ours });
    }
    if let Expiry::Expired { .. } | Expiry::NotYetValid { .. } = identity.expiry(SystemTime::now())
    {
        return Err(StartError::OutOfDate(ours));
    }
    if !settings.api_listen.ip().is_loopback() {
        return Err(StartError::Exposed(settings.api_listen));
    }
    Ok(me)
}

fn bind(
    setting: &'static str,
    address: SocketAddr,
) -> Result<(TcpListener, SocketAddr), StartError> {
    let failed = |error| StartError::Bind { setting, address, error };
    let socket = TcpListener::bind(address).map_err(failed)?;
    socket.set_nonblocking(true).map_err(failed)?;
    let bound = socket.local_addr().map_err(failed)?;
    Ok((socket, bound))
}

/// All members but ourselves. The one that stands earlier in the file dials.
fn peers(consortium: &Consortium, me: usize) -> Vec<Peer> {
    let peer = |(position, member): (usize, &crate::consortium::Member)| Peer {
        position,
        member: pinned(member),
        address: member.peer.clone(),
        dial: me < position,
    };
    let others = |(position, _): &(usize, &crate::consortium::Member)| *position != me;
    consortium.members().iter().enumerate().filter(others).map(peer).collect()
}

fn pinned(member: &crate::consortium::Member) -> Member {
    Member { name: member.name.clone(), fingerprints: member.fingerprints.clone() }
}

async fn start_services(
    settings: &Settings,
    consortium: Arc<Consortium>,
    me: usize,
    sessions: &Addr<Sessions>,
) -> Result<Addr<Controller>, StartError> {
    let bus = Bus::default().start();
    let gone = |_| StartError::Actor("the bus");
    let launch = Offer { address: SESSIONS, recipient: sessions.clone().recipient::<Launch>() };
    bus.send(launch).await.map_err(gone)?;
    let reserve = Offer { address: SESSIONS, recipient: sessions.clone().recipient::<Reserve>() };
    bus.send(reserve).await.map_err(gone)?;
    let port = port(&bus).await.ok_or(StartError::Actor("the sessions"))?;
    let simon = Simon::new(consortium, me, port, &settings.limits).start();
    let services = [
        (Simon::description(), object(&simon::INTERFACE, simon.recipient())),
        (
            Barrier::description(),
            object(&barrier::INTERFACE, Barrier::default().start().recipient()),
        ),
        (
            Broadcast::description(),
            object(&broadcast::INTERFACE, Broadcast::default().start().recipient()),
        ),
        (
            KeyValueStorage::description(),
            object(&storage::INTERFACE, KeyValueStorage::default().start().recipient()),
        ),
    ];
    for (description, object) in services {
        bus.send(Register { description, object }).await.map_err(gone)?;
    }
    Ok(Controller::new(bus, &settings.limits).start())
}

async fn port(bus: &Addr<Bus>) -> Option<Port> {
    let launch = bus.send(Sibling::<Launch>::at(SESSIONS)).await.ok()??;
    let reserve = bus.send(Sibling::<Reserve>::at(SESSIONS)).await.ok()??;
    Some(Port { reserve, launch })
}

fn object(interface: &'static Interface, recipient: Recipient<Call>) -> Object {
    Object { interface, recipient, key: 0 }
}

fn serve(
    socket: TcpListener,
    settings: &Settings,
    controller: Addr<Controller>,
    sessions: Addr<Sessions>,
    host: String,
) -> Result<ServerHandle, StartError> {
    let door = Door {
        controller,
        body_bytes: settings.limits.body_bytes,
        load: sessions.recipient(),
        host,
        large_bodies: Arc::new(Semaphore::new(LARGE_BODIES)),
    };
    let origins = settings.allowed_origins.clone();
    let app = move || {
        App::new().app_data(web::Data::new(door.clone())).wrap(cors(&origins)).configure(routes)
    };
    let failed =
        |error| StartError::Bind { setting: "api_listen", address: settings.api_listen, error };
    let server = HttpServer::new(app)
        .workers(HTTP_WORKERS)
        .shutdown_timeout(GRACE_SECONDS)
        .disable_signals()
        .listen(socket)
        .map_err(failed)?
        .run();
    let handle = server.handle();
    actix::spawn(server);
    Ok(handle)
}

/// Which web pages may use the API from a browser: those of the origins that the settings allow.
fn cors(origins: &[String]) -> Cors {
    let methods = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    let any = Cors::default().allowed_methods(methods).allow_any_header().max_age(600);
    origins.iter().fold(any, |cors, origin| cors.allowed_origin(origin))
}
