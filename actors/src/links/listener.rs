//! Accepts connections from other members and gives each to the link of its member.
//!
//! A caller that is no member costs one handshake. The number of handshakes at a time is bounded.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, Addr, AsyncContext, Context, WrapFuture};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::connection::{Connection, Refused};
use super::greeting::Purpose;
use super::{Accepted, Events, Peer, PeerLink, Rejected, Trust, probe};

/// The most connections in their handshake at a time.
const MOST_HANDSHAKES: usize = 64;

/// The most lines that one other member may probe at a time.
const MOST_PROBES: usize = 3;

/// A pause after the system could not accept, so that a lack of descriptors does not spin.
const AFTER_FAILURE: Duration = Duration::from_millis(100);

/// The actor that accepts connections.
pub struct Listener {
    acceptor: Acceptor,
    socket: Option<std::net::TcpListener>,
}

/// The state for accepting connections.
#[derive(Clone)]
struct Acceptor {
    trust: Trust,
    /// The links to the members that dial this node, by name.
    links: BTreeMap<String, Addr<PeerLink>>,
    /// Room for the probes of each member.
    probes: BTreeMap<String, Arc<Semaphore>>,
}

impl Listener {
    /// Starts a link for each peer and the listener for all of them, on this thread. Returns the
    /// links by position.
    #[must_use]
    pub fn start_links(
        socket: std::net::TcpListener,
        trust: &Trust,
        peers: Vec<Peer>,
        events: &Events,
    ) -> BTreeMap<usize, Addr<PeerLink>> {
        let names: Vec<String> = peers.iter().map(|peer| peer.member.name.clone()).collect();
        let names = names.into_iter();
        let mut by_position = BTreeMap::new();
        let mut by_name = BTreeMap::new();
        for peer in peers {
            let (position, name) = (peer.position, peer.member.name.clone());
            let dials_us = !peer.dial;
            let link = PeerLink::new(peer, trust.clone(), events.clone()).start();
            if dials_us {
                by_name.insert(name, link.clone());
            }
            by_position.insert(position, link);
        }
        let probes = names.map(|name| (name, Arc::new(Semaphore::new(MOST_PROBES)))).collect();
        let acceptor = Acceptor { trust: trust.clone(), links: by_name, probes };
        Self { acceptor, socket: Some(socket) }.start();
        by_position
    }
}

impl Actor for Listener {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        let Some(socket) = self.socket.take() else {
            return;
        };
        let accepting = accept(socket, self.acceptor.clone());
        context.spawn(accepting.into_actor(self));
    }
}

async fn accept(socket: std::net::TcpListener, acceptor: Acceptor) {
    let socket = match TcpListener::from_std(socket) {
        Ok(socket) => socket,
        Err(error) => {
            tracing::error!(%error, "the peer listener cannot run");
            return;
        }
    };
    let handshakes = Arc::new(Semaphore::new(MOST_HANDSHAKES));
    loop {
        let Ok(permit) = Arc::clone(&handshakes).acquire_owned().await else {
            return;
        };
        match socket.accept().await {
            Ok((tcp, from)) => {
                let acceptor = acceptor.clone();
                actix::spawn(async move {
                    let met = acceptor.meet(tcp, from).await;
                    drop(permit);
                    if let Some(connection) = met {
                        acceptor.admit(connection, from).await;
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(AFTER_FAILURE).await;
            }
        }
    }
}

impl Acceptor {
    /// Runs the handshake with the caller, and reports a refusal to the link of its member.
    async fn meet(&self, tcp: TcpStream, from: SocketAddr) -> Option<Connection> {
        match self.trust.current().accept(tcp).await {
            Ok(connection) => Some(connection),
            Err(Refused { member, error }) => {
                let reason = error.to_string();
                tracing::warn!(%from, %reason, "refused a connection");
                if let Some(link) = member.and_then(|member| self.links.get(&member)) {
                    // One message a connection, and connections are bounded.
                    link.do_send(Rejected(reason));
                }
                None
            }
        }
    }

    async fn admit(&self, connection: Connection, from: SocketAddr) {
        let member = connection.member.clone();
        if connection.greeting.purpose == Purpose::Probe {
            let room = self.probes.get(&member).and_then(|room| room.try_acquire().ok());
            match room {
                Some(_room) => probe::serve(connection).await,
                None => tracing::warn!(%from, member, "it tries too many lines at a time"),
            }
            return;
        }
        let accepted = match self.links.get(&member) {
            Some(link) => link.send(Accepted(connection)).await.is_ok(),
            None => false,
        };
        if !accepted {
            tracing::warn!(%from, member, "refused a connection that this node should make itself");
        }
    }
}
