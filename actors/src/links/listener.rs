//! Accepts connections from other members and gives each to the link of its member.
//!
//! Whoever is no member costs one handshake, and of those there are only so many at a time.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, Addr, AsyncContext, Context, WrapFuture};
use cloister_certs::{Identity, Roster};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::connection::Credentials;
use super::{Accepted, Events, Greeting, Peer, PeerLink};

/// Connections that may be in their handshake at a time.
const MOST_HANDSHAKES: usize = 64;

/// A pause after the system could not accept, so that a lack of descriptors does not spin.
const AFTER_FAILURE: Duration = Duration::from_millis(100);

/// The actor that accepts.
pub struct Listener {
    credentials: Credentials,
    links: BTreeMap<String, Addr<PeerLink>>,
    socket: Option<std::net::TcpListener>,
}

impl Listener {
    /// Starts a link for each peer and the listener for all of them, on this thread. Gives back
    /// the links by position.
    #[must_use]
    pub fn start_links(
        socket: std::net::TcpListener,
        identity: Arc<Identity>,
        roster: Arc<Roster>,
        greeting: Greeting,
        peers: Vec<Peer>,
        events: &Events,
    ) -> BTreeMap<usize, Addr<PeerLink>> {
        let credentials = Credentials { identity, roster, greeting };
        let mut by_position = BTreeMap::new();
        let mut by_name = BTreeMap::new();
        for peer in peers {
            let (position, name) = (peer.position, peer.member.name.clone());
            let dials_us = !peer.dial;
            let link = PeerLink::new(peer, credentials.clone(), events.clone()).start();
            if dials_us {
                by_name.insert(name, link.clone());
            }
            by_position.insert(position, link);
        }
        Self { credentials, links: by_name, socket: Some(socket) }.start();
        by_position
    }
}

impl Actor for Listener {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        let Some(socket) = self.socket.take() else {
            return;
        };
        let accepting = accept(socket, self.credentials.clone(), self.links.clone());
        context.spawn(accepting.into_actor(self));
    }
}

async fn accept(
    socket: std::net::TcpListener,
    credentials: Credentials,
    links: BTreeMap<String, Addr<PeerLink>>,
) {
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
                let (credentials, links) = (credentials.clone(), links.clone());
                actix::spawn(async move {
                    admit(tcp, from, &credentials, &links).await;
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(AFTER_FAILURE).await;
            }
        }
    }
}

async fn admit(
    tcp: TcpStream,
    from: SocketAddr,
    credentials: &Credentials,
    links: &BTreeMap<String, Addr<PeerLink>>,
) {
    let connection = match credentials.accept(tcp).await {
        Ok(connection) => connection,
        Err(error) => {
            tracing::warn!(%from, reason = %error, "refused a connection");
            return;
        }
    };
    let member = connection.member.clone();
    let accepted = match links.get(&member) {
        Some(link) => link.send(Accepted(connection)).await.is_ok(),
        None => false,
    };
    if !accepted {
        tracing::warn!(%from, member, "refused a connection that this node should make itself");
    }
}
