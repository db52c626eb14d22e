//! The node put together: its actors, their threads, and their addresses.
//!
//! Links, sessions and small computations share one thread. Rounds are made of messages, and a
//! message to another thread costs a hundred times one on the same. The controller, the bus and the
//! services run where [`Node::start`] is called; HTTP has workers of its own.

mod predecessor;
mod reloading;
mod services;
mod serving;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, RwLock};
use std::time::{Duration, SystemTime};

use actix::{Actor, Addr};
use actix_rt::Arbiter;
use actix_web::dev::ServerHandle;
use actix_web::web;
use cloister_certs::{
    ApiCertificate, ApiCertificateError, Expiry, Identity, Member, Roster, RosterError,
    SettingsError,
};
use cloister_vault::{Vault, VaultError};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use self::predecessor::bind;
use self::reloading::Reloader;
pub use self::reloading::{Files, Reread};
use self::services::{Services, Started, State};
use self::serving::{Tls, api_certificate, serve, serve_metrics};
use crate::bus::Siblings;
use crate::control::{self, Reload};
use crate::controller::http::ApiState;
use crate::controller::{Authenticator, LARGE_BODIES, LargeBodies, Origins, Readiness};
use crate::links::{Events, Greeting, Listener, Peer, Trust};
use crate::log::Log;
use crate::management::{Facts, ManagementState};
use crate::operations::Operations;
use crate::policy::PolicyError;
use crate::records::{AskLoad, Records, StopAll};
use crate::services::registry::Books;
use crate::sessions::{self, Close, Connect, Sessions, Shutdown};
use crate::vocabulary::clock;
use crate::vocabulary::consortium::Consortium;
use crate::vocabulary::error::ApiError;
use crate::vocabulary::flight::FlightBudget;
use crate::vocabulary::settings::{
    AccessMode, CurrentPolicies, NodeThresholds, Settings, ThresholdsError,
};

/// The interval at which the authenticator forgets old callers.
const SWEEP: Duration = Duration::from_secs(60);

/// The interval of looks for the end of computations when the node stops.
const GLANCE: Duration = Duration::from_millis(20);

/// The time that clients have to fetch the results of computations that ended while the node was
/// stopping.
const FETCHING: Duration = Duration::from_secs(1);

/// The time that each part of the node has to end when the node stops. A part that is amid a long step
/// ends with the process.
const ENDING: Duration = Duration::from_secs(1);

/// The parts of a node.
pub struct Parts {
    /// The operator's settings, with resolved paths.
    pub settings: Settings,
    /// The consortium file's members.
    pub consortium: Consortium,
    /// The party's identity.
    pub identity: Identity,
    /// Reads the files of the node anew, when certificates are renewed or policies have changed.
    pub reread: Reread,
}

/// A node that accepts requests and peers.
pub struct Node {
    api: SocketAddr,
    peer: SocketAddr,
    http: ServerHandle,
    /// The listener of health and metrics, if there is one.
    watched: Option<ServerHandle>,
    data_plane: Arbiter,
    sessions: Addr<Sessions>,
    records: Addr<Records>,
    siblings: Siblings,
    stopping: watch::Sender<bool>,
    grace: Duration,
    reloader: Addr<Reloader>,
    vault: Vault,
    log: Log,
    /// The tasks that run beside the actors until the node stops.
    tasks: Vec<JoinHandle<()>>,
}

/// The reason why a node cannot start. Its operator can mend each.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A party that is not in the consortium file.
    #[error("the consortium file has no member `{0}`: give this node the file that names it")]
    NoMember(String),
    /// An identity other than the one that the members have pinned.
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
    /// A certificate that cannot be used now.
    #[error(
        "the certificate {0} has expired or is not yet valid: check this machine's clock, or make \
         a new identity with `cloister identity new` and have all members pin it"
    )]
    OutOfDate(cloister_certs::Fingerprint),
    /// A public address without tokens: clients may then come from this machine only.
    #[error(
        "api_listen is {0}, but a node without tokens serves this machine only: use 127.0.0.1, or \
         set `access.mode = \"tokens\"`"
    )]
    Exposed(SocketAddr),
    /// Tokens without TLS: they would be on the wire for all to read.
    #[error("api_listen is {0}, where tokens need HTTPS: leave `access.tls` out, or use 127.0.0.1")]
    Plain(SocketAddr),
    /// A certificate without its key, or a key without its certificate.
    #[error("`access.certificate` and `access.key` belong together: name both or none")]
    HalfACertificate,
    /// A fault of the API's certificate.
    #[error(transparent)]
    ApiCertificate(#[from] ApiCertificateError),
    /// A fault of the TLS settings.
    #[error(transparent)]
    Tls(#[from] SettingsError),
    /// A fault of the owners' policies.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// Thresholds that the consortium file does not list.
    #[error(transparent)]
    Thresholds(#[from] ThresholdsError),
    /// A fault of the state.
    #[error("the folder with the node's state: {0}")]
    State(#[from] VaultError),
    /// A fault of the state, as an actor tells of it.
    #[error("the node's state: {0}")]
    Unreadable(#[from] ApiError),
    /// A fault of the operator's socket.
    #[error("the socket `control` in the state's folder cannot be made: {0}")]
    Control(io::Error),
    /// An address that cannot be bound.
    #[error("cannot listen on {address} ({setting}): {error}; is another node running there?")]
    Bind {
        /// The setting.
        setting: &'static str,
        /// The address.
        address: SocketAddr,
        /// The reason.
        error: io::Error,
    },
    /// Members that cannot be told apart.
    #[error("the consortium file: {0}")]
    Roster(#[from] RosterError),
    /// A lack of randomness.
    #[error("the system gives no randomness: {0}")]
    Randomness(getrandom::Error),
    /// A listener whose workers did not start.
    #[error("the listener of {0} did not start; the log says why")]
    Workers(&'static str),
    /// An actor that did not start.
    #[error("{0} did not start")]
    Actor(&'static str),
}

impl Node {
    /// Binds all listeners and starts all actors. Call it inside a running actix `System`.
    ///
    /// # Errors
    /// If the parts do not fit each other, or an address cannot be bound.
    pub async fn start(parts: Parts) -> Result<Self, StartError> {
        let Parts { settings, consortium, identity, reread } = parts;
        let me = check(&settings, &consortium, &identity)?;
        let (peer_socket, peer) = bind("peer_listen", settings.peer_listen).await?;
        let (api_socket, api_address) = bind("api_listen", settings.api_listen).await?;
        let state = State::open(&settings).await?;
        let facts = Facts {
            party: settings.party.clone(),
            profile: settings.profile.name(),
            started: clock::milliseconds(),
            deadline: settings.deadline(),
            consortium: consortium.clone(),
            me,
            fingerprint: identity.fingerprint(),
            not_after: identity.not_after(),
            state: settings.state.clone(),
        };
        let host = consortium.members().get(me).map_or_else(String::new, |own| own.api_host());
        let consortium = Arc::new(consortium);
        let data_plane = Arbiter::new();
        let certificate = if settings.api_tls() {
            Some(ApiCertificate::new(api_certificate(&settings.access, &identity)?))
        } else {
            None
        };
        let tls = certificate.as_ref().map(Tls::new).transpose()?;
        let log = state.log.clone();
        let plane =
            DataPlane::new(&settings, Arc::clone(&consortium), me, identity, peer_socket, log)?;
        let (trust, boot) = (plane.trust.clone(), plane.config.boot);
        let thresholds = plane.config.thresholds.clone();
        let sessions = plane.start(&data_plane).await?;
        let flights = flight_budget(&settings);
        let policies = CurrentPolicies::new(settings.policy.clone());
        let services = Services {
            settings: &settings,
            consortium,
            me,
            state: &state,
            flights: flights.clone(),
            policies: policies.clone(),
            thresholds,
        };
        let Started { controller, records, siblings } = services.start(&sessions).await?;
        let facts = Arc::new(RwLock::new(Arc::new(facts)));
        let reloader = Reloader {
            reread,
            me,
            boot,
            trust,
            facts: Arc::clone(&facts),
            siblings: siblings.clone(),
            settings: Arc::new(settings.clone()),
            policies,
            books: Books::new(state.vault.clone(), state.log.clone(), state.access.clone()),
            certificate,
            turn: Arc::default(),
        }
        .start();
        let control = control::listen(&settings.state).map_err(StartError::Control)?;
        let operations = Operations::new(
            &settings.party,
            state.vault.clone(),
            state.access.clone(),
            state.memories.clone(),
        );
        let control =
            actix::spawn(control::serve(control, operations, reloader.clone().recipient()));
        let (stopping, stops) = watch::channel(false);
        let vault = state.vault.clone();
        let management = ManagementState::new(facts, siblings.clone(), vault, stops);
        let authenticator = Authenticator::new(&settings.access, state.vault.clone());
        let authenticator = Arc::new(authenticator);
        let sweeping = actix::spawn(sweep(Arc::clone(&authenticator)));
        let api = ApiState {
            controller,
            authenticator,
            body_bytes: settings.limits.body_bytes,
            siblings: siblings.clone(),
            host,
            origins: Origins::new(&settings.allowed_origins),
            readiness: Readiness::new(state.vault.clone()),
            large_bodies: large_bodies(&settings),
            flights,
        };
        let watched = serve_metrics(&settings, &api, &management).await?;
        let http = serve(api_socket, &settings, api, management, tls).await?;
        let (vault, log, tasks) = (state.vault, state.log, vec![control, sweeping]);
        let grace = settings.grace();
        Ok(Self {
            api: api_address,
            peer,
            http,
            watched,
            data_plane,
            sessions,
            records,
            siblings,
            stopping,
            grace,
            reloader,
            vault,
            log,
            tasks,
        })
    }

    /// Returns the address at which clients reach the node.
    #[must_use]
    pub fn api_address(&self) -> SocketAddr {
        self.api
    }

    /// Returns the node's actors on the bus, for programs that replace one.
    #[must_use]
    pub fn siblings(&self) -> Siblings {
        self.siblings.clone()
    }

    /// Returns the address at which other nodes reach it.
    #[must_use]
    pub fn peer_address(&self) -> SocketAddr {
        self.peer
    }

    /// Returns the sessions, for programs that launch computations without HTTP, as benchmarks do.
    #[must_use]
    pub fn sessions(&self) -> Addr<Sessions> {
        self.sessions.clone()
    }

    /// Reads identity, fingerprints, the API's certificate and the policies again, for all
    /// connections and questions from now on.
    ///
    /// # Errors
    /// If they cannot be read, or more of the consortium has changed than fingerprints: then nothing
    /// was done.
    pub async fn reload(&self) -> Result<(), ApiError> {
        let reloaded = self.reloader.send(Reload).await;
        reloaded.map_err(|_| ApiError::unavailable("the reloader"))?.map(drop)
    }

    /// Stops the node: takes no more computations, gives those under way some time, ends the rest,
    /// and closes the links. Returns when all is done. Steps that are under way then, and what is read,
    /// go on in their threads, and tell nothing any more.
    pub async fn stop(self) {
        self.close().await;
        // Computations end first, so that requests that wait for them are answered. Parts that are gone
        // have none. The thread of the sessions may be amid a step.
        let _ = timeout(ENDING, self.sessions.send(Shutdown)).await;
        let _ = self.records.send(StopAll).await;
        // Their ends come into the log before the state is closed.
        let _ = timeout(ENDING, self.until_none_runs()).await;
        // Without a dashboard there is no listener.
        let _ = self.stopping.send(true);
        self.http.stop(true).await;
        if let Some(watched) = self.watched {
            watched.stop(false).await;
        }
        if let Err(error) = self.log.record_unwritten().await {
            tracing::warn!(%error, "the log does not tell of all refusals");
        }
        self.tasks.iter().for_each(JoinHandle::abort);
        self.data_plane.stop();
        let (data_plane, vault) = (self.data_plane, self.vault);
        let joined = timeout(ENDING, web::block(move || data_plane.join())).await;
        if !matches!(joined, Ok(Ok(Ok(())))) {
            tracing::warn!("the data plane did not end in good order");
        }
        if web::block(move || vault.close()).await.is_err() {
            tracing::warn!("the state did not end in good order");
        }
    }

    /// Begins no computation any more, and waits until none is under way, or for the time that the
    /// settings give.
    async fn close(&self) {
        let closing = async {
            // If an actor is gone, there is nothing to wait for.
            let _ = self.sessions.send(Close).await;
            if self.until_none_runs().await {
                // A client fetches its result by a request of its own.
                sleep(FETCHING).await;
            }
        };
        if timeout(self.grace, closing).await.is_err() {
            tracing::warn!(grace = ?self.grace, "computations are still under way, and are ended");
        }
    }

    /// Waits until no computation is under way. Returns whether one was.
    async fn until_none_runs(&self) -> bool {
        let mut any = false;
        while let Ok(load) = self.records.send(AskLoad).await
            && load.running > 0
        {
            any = true;
            sleep(GLANCE).await;
        }
        any
    }
}

/// The parts that the thread of sessions and links needs for starting.
struct DataPlane {
    config: sessions::Config,
    trust: Trust,
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
        log: Log,
    ) -> Result<Self, StartError> {
        let mut boot = [0; 16];
        getrandom::fill(&mut boot).map_err(StartError::Randomness)?;
        let greeting = Greeting::new(&consortium, boot);
        let members = consortium.members().iter().map(pinned);
        Ok(Self {
            trust: Trust::new(Arc::new(identity), Arc::new(Roster::new(members)?), greeting),
            peers: peers(&consortium, me),
            socket,
            config: sessions::Config {
                me,
                boot,
                thresholds: thresholds(settings, &consortium)?,
                deadline: settings.deadline(),
                limits: settings.limits.clone(),
                committee: settings.committee.clone(),
                pairwise: settings.pairwise.clone(),
                log,
                consortium,
            },
        })
    }

    async fn start(self, arbiter: &Arbiter) -> Result<Addr<Sessions>, StartError> {
        let (started, address) = oneshot::channel();
        arbiter.spawn_fn(move || {
            let Self { config, trust, peers, socket } = self;
            let sessions = Sessions::new(config).start();
            let events = Events {
                up: sessions.clone().recipient(),
                down: sessions.clone().recipient(),
                inbound: sessions.clone().recipient(),
            };
            let links = Listener::start_links(socket, &trust, peers, &events);
            // The first message of a mailbox that is empty.
            sessions.do_send(Connect(links));
            // The receiver is gone if the node's start was given up.
            let _ = started.send(sessions);
        });
        address.await.map_err(|_| StartError::Actor("the data plane"))
    }
}

/// Checks that settings, consortium and identity belong together. Returns this node's position.
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
        if settings.access.mode == AccessMode::Open {
            return Err(StartError::Exposed(settings.api_listen));
        }
        if !settings.api_tls() {
            return Err(StartError::Plain(settings.api_listen));
        }
    }
    settings.policy.check(|name| consortium.position(name).is_some())?;
    thresholds(settings, consortium)?.check(&settings.policy)?;
    Ok(me)
}

fn thresholds(
    settings: &Settings,
    consortium: &Consortium,
) -> Result<NodeThresholds, ThresholdsError> {
    let chosen = settings.thresholds.as_deref();
    NodeThresholds::new(settings.profile, consortium.profiles(), chosen)
}

/// Returns all members but this node's own. The one that stands earlier in the file dials.
fn peers(consortium: &Consortium, me: usize) -> Vec<Peer> {
    let peer = |(position, member): (usize, &crate::vocabulary::consortium::Member)| Peer {
        position,
        member: pinned(member),
        address: member.peer.clone(),
        dial: me < position,
    };
    let others = |(position, _): &(usize, &crate::vocabulary::consortium::Member)| *position != me;
    consortium.members().iter().enumerate().filter(others).map(peer).collect()
}

fn pinned(member: &crate::vocabulary::consortium::Member) -> Member {
    Member { name: member.name.clone(), fingerprints: member.fingerprints.clone() }
}

/// Makes the budget of bytes in flight. One principal can reserve a quarter of it, or one body.
/// Without tokens there is one principal only.
fn flight_budget(settings: &Settings) -> FlightBudget {
    let body = settings.limits.body_bytes;
    let all = settings.limits.flight_bytes.max(body);
    FlightBudget::new(
        all,
        match settings.access.mode {
            AccessMode::Open => all,
            AccessMode::Tokens => (all / 4).max(body),
        },
    )
}

/// Limits the large bodies that are read at a time. Without tokens there is one principal only.
fn large_bodies(settings: &Settings) -> LargeBodies {
    match settings.access.mode {
        AccessMode::Open => LargeBodies::new(LARGE_BODIES, LARGE_BODIES),
        AccessMode::Tokens => LargeBodies::new(LARGE_BODIES, LARGE_BODIES / 2),
    }
}

/// Forgets old callers, as long as the node runs.
async fn sweep(authenticator: Arc<Authenticator>) {
    loop {
        tokio::time::sleep(SWEEP).await;
        authenticator.sweep();
    }
}
