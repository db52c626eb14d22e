//! Accepts connections from other members and gives each to the link of its member.
//!
//! A caller that is no member costs one handshake. Handshakes at a time are bounded by
//! [`ConnectionTable`], in which those from members' addresses have places of their own.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, Addr, AsyncContext, Context, WrapFuture};
use tokio::net::{TcpListener, TcpStream, lookup_host};
use tokio::sync::Semaphore;

use super::connection::{Connection, Refused};
use super::greeting::Purpose;
use super::{Accepted, Events, Peer, PeerLink, Rejected, Trust, probe};
use crate::vocabulary::connection_table::{ConnectionTable, Place, Source};
use crate::vocabulary::connections::Connections;

/// The interval at which the addresses of the members are looked up.
const LOOKING_UP: Duration = Duration::from_secs(60);

/// The time that one name may take.
const LOOKUP: Duration = Duration::from_secs(10);

/// The most lines that one other member may probe at a time.
const MOST_PROBES: usize = 3;

/// A pause after the system could not accept, so that a lack of descriptors does not spin.
const AFTER_FAILURE: Duration = Duration::from_millis(100);

/// The actor that accepts connections.
pub struct Listener {
    acceptor: Acceptor,
    /// The members' addresses, by name.
    addresses: BTreeMap<String, String>,
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
    tables: Tables,
}

/// The tables of connections before they say who they are. Those from members' addresses have one of
/// their own, so that no stranger takes their places.
#[derive(Clone)]
struct Tables {
    sources: Rc<RefCell<Sources>>,
    of_members: ConnectionTable,
    of_others: ConnectionTable,
}

/// The sources of members' connections.
#[derive(Default)]
struct Sources {
    /// Those of the addresses in the consortium file, each member's.
    configured: BTreeMap<String, BTreeSet<Source>>,
    /// That of each member's last connection: it may dial from another address.
    last: BTreeMap<String, Source>,
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
        let address = |peer: &Peer| (peer.member.name.clone(), peer.address.clone());
        let addresses: BTreeMap<String, String> = peers.iter().map(address).collect();
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
        let room = |name: &String| (name.clone(), Arc::new(Semaphore::new(MOST_PROBES)));
        let Connections { of_members, of_others, .. } = Connections::of_this_process();
        let tables = Tables {
            sources: Rc::default(),
            of_members: ConnectionTable::of_strangers(of_members),
            of_others: ConnectionTable::of_strangers(of_others),
        };
        let acceptor = Acceptor {
            trust: trust.clone(),
            links: by_name,
            probes: addresses.keys().map(room).collect(),
            tables,
        };
        Self { acceptor, addresses, socket: Some(socket) }.start();
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
        let sources = Rc::clone(&self.acceptor.tables.sources);
        let looking_up = look_up(self.addresses.clone(), sources);
        context.spawn(looking_up.into_actor(self));
    }
}

/// Looks the members' addresses up, again and again: names may come to have others.
async fn look_up(addresses: BTreeMap<String, String>, sources: Rc<RefCell<Sources>>) {
    loop {
        for (member, address) in &addresses {
            // A name that is not found now keeps its earlier addresses.
            let found = tokio::time::timeout(LOOKUP, lookup_host(address)).await;
            let Ok(Ok(found)) = found else { continue };
            let found = found.map(|address| Source::of(address.ip())).collect();
            sources.borrow_mut().configured.insert(member.clone(), found);
        }
        tokio::time::sleep(LOOKING_UP).await;
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
    loop {
        match socket.accept().await {
            Ok((tcp, from)) => {
                let place = acceptor.tables.of(from).enter(from.ip());
                let acceptor = acceptor.clone();
                actix::spawn(async move {
                    let met = place.hold(async |place| acceptor.meet(tcp, from, place).await);
                    if let Some(connection) = met.await.flatten() {
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
    async fn meet(&self, tcp: TcpStream, from: SocketAddr, place: &Place) -> Option<Connection> {
        match self.trust.current().accept(tcp, place).await {
            Ok(connection) => {
                let member = connection.member.clone();
                self.tables.sources.borrow_mut().last.insert(member, Source::of(from.ip()));
                Some(connection)
            }
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

impl Tables {
    /// Returns the table for connections from this address.
    fn of(&self, from: SocketAddr) -> &ConnectionTable {
        let is_members = self.sources.borrow().has(Source::of(from.ip()));
        if is_members { &self.of_members } else { &self.of_others }
    }
}

impl Sources {
    fn has(&self, source: Source) -> bool {
        self.last.values().any(|last| *last == source)
            || self.configured.values().any(|sources| sources.contains(&source))
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::ptr;

    use super::*;
    use crate::vocabulary::connection_table::Most;

    fn source(address: &str) -> Source {
        Source::of(address.parse::<IpAddr>().unwrap())
    }

    #[test]
    fn connections_from_a_members_address_or_from_where_it_was_last_are_members() {
        let table = || ConnectionTable::of_strangers(Most { of_one: 1, of_all: 1 });
        let sources = Rc::<RefCell<Sources>>::default();
        let tables =
            Tables { sources: Rc::clone(&sources), of_members: table(), of_others: table() };
        let is_members = |address: &str| {
            let from = SocketAddr::new(address.parse().unwrap(), 40_000);
            ptr::eq(tables.of(from), &raw const tables.of_members)
        };
        assert!(!is_members("10.0.0.1"));
        let configured = ["10.0.0.1", "2001:db8:1:2::1"].map(source);
        sources.borrow_mut().configured.insert("b".into(), configured.into());
        sources.borrow_mut().last.insert("c".into(), source("10.0.0.3"));
        // A host has a whole network of IPv6.
        for address in ["10.0.0.1", "2001:db8:1:2::7", "10.0.0.3"] {
            assert!(is_members(address), "{address}");
        }
        for address in ["10.0.0.2", "2001:db8:1:3::1", "10.0.0.4"] {
            assert!(!is_members(address), "{address}");
        }
        // A member that has moved leaves no place for its earlier address.
        sources.borrow_mut().last.insert("c".into(), source("10.0.0.4"));
        assert!(is_members("10.0.0.4") && !is_members("10.0.0.3"));
    }
}
