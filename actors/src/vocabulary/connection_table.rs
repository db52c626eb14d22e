//! ConnectionTable for connections, by what each has proved.
//!
//! Opening a connection needs no account, so a stranger can open many and stay silent, or speak and
//! then do nothing. Connections that have not proved who makes them have places by their address. A
//! new one always gets a place. Where there is none left, an older one loses its own, of the
//! address that holds the most. Silent connections lose theirs first, then those that speak, the
//! oldest first. An honest connection speaks at once, and has proved itself before it is the
//! oldest.
//!
//! A connection whose request had a right token has a place of its principal's from then on. Of
//! these the one that was idle for the longest time loses its place first.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

/// The time for the first byte. A packet that was lost is sent again after one second.
const FIRST_BYTE: Duration = Duration::from_secs(3);

/// The time in which a silent connection gives way to newer ones of its own address only if all
/// places are taken.
const GRACE: Duration = Duration::from_millis(500);

/// The places of one listener. Clones share them.
#[derive(Clone, Debug)]
pub struct ConnectionTable(Arc<Mutex<Table>>);

/// The most connections of one holder, and of all holders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Most {
    /// The most of one. Silent connections may be more of one holder for a moment.
    pub of_one: usize,
    /// The most of all.
    pub of_all: usize,
}

/// The source of a connection. One host has a whole network of addresses in IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// An address.
    V4([u8; 4]),
    /// The first 64 bits of an address.
    V6([u8; 8]),
}

/// The progress of a connection. Of two, the lesser loses its place first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// No byte has come.
    Silent,
    /// A byte has come, which proves nothing.
    Speaking,
    /// The certificate is a member's, or the token a principal's.
    Known,
}

/// The place of a connection, until it is dropped.
#[must_use]
pub struct Place {
    standing: Standing,
    /// Ends when the place is lost.
    lost: oneshot::Receiver<()>,
}

/// A connection's standing among others, for those who learn more of it. Clones share it.
#[derive(Clone, Debug)]
pub struct Standing {
    number: u64,
    places: ConnectionTable,
}

/// A request that is under way. Its connection is not idle until this is dropped.
#[must_use]
pub struct Underway(Standing);

#[derive(Debug)]
struct Table {
    strangers: Room<Source>,
    principals: Room<Arc<str>>,
    /// The number of the next connection or use. Later ones have higher ones.
    next: u64,
    lost: u64,
}

/// The connections of holders of one kind.
#[derive(Debug)]
struct Room<H> {
    most: Most,
    all: BTreeMap<u64, Entry<H>>,
}

#[derive(Debug)]
struct Entry<H> {
    holder: H,
    stage: Stage,
    entered: Instant,
    /// The number of requests under way.
    requests: usize,
    /// The number of the last use.
    used: u64,
    /// Tells the connection of the loss when it is dropped.
    hold: oneshot::Sender<()>,
}

impl Most {
    /// Returns these bounds, with room for one at least.
    fn at_least_one(self) -> Self {
        Self { of_one: self.of_one.max(1), of_all: self.of_all.max(1) }
    }
}

impl ConnectionTable {
    /// Creates places for connections that have proved nothing, and for those with a right token.
    #[must_use]
    pub fn new(strangers: Most, principals: Most) -> Self {
        let table = Table {
            strangers: Room::new(strangers),
            principals: Room::new(principals),
            next: 0,
            lost: 0,
        };
        Self(Arc::new(Mutex::new(table)))
    }

    /// Creates places for connections that have proved nothing.
    #[must_use]
    pub fn of_strangers(most: Most) -> Self {
        Self::new(most, Most { of_one: 1, of_all: 1 })
    }

    /// Takes a place for a connection from this address, from another connection if need be.
    pub fn enter(&self, from: IpAddr) -> Place {
        self.enter_at(from, Instant::now())
    }

    fn enter_at(&self, from: IpAddr, now: Instant) -> Place {
        let holder = Source::of(from);
        let (hold, lost) = oneshot::channel();
        let mut table = self.table();
        let gone = table.strangers.make_room(&holder, now);
        table.count(&gone);
        let number = table.number();
        let entry =
            Entry { holder, stage: Stage::Silent, entered: now, requests: 0, used: number, hold };
        table.strangers.all.insert(number, entry);
        drop(table);
        Place { standing: Standing { number, places: self.clone() }, lost }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<H: Ord + Clone> Room<H> {
    fn new(most: Most) -> Self {
        Self { most: most.at_least_one(), all: BTreeMap::new() }
    }

    fn of(&self, holder: &H) -> usize {
        self.all.values().filter(|entry| entry.holder == *holder).count()
    }

    /// Returns the holders that hold the most places.
    fn holders_of_most(&self) -> Vec<H> {
        let mut counts = BTreeMap::<&H, usize>::new();
        for entry in self.all.values() {
            *counts.entry(&entry.holder).or_default() += 1;
        }
        let most = counts.values().copied().max();
        let holders = counts.into_iter().filter(|(_, count)| Some(*count) == most);
        holders.map(|(holder, _)| holder.clone()).collect()
    }

    /// Makes room for one more connection of this holder. Returns the holders that lost a place.
    fn make_room(&mut self, newcomer: &H, now: Instant) -> Vec<H> {
        let mut gone = Vec::new();
        while self.of(newcomer) >= self.most.of_one {
            let first = self.first_to_go(|holder| holder == newcomer);
            let Some(number) = first.filter(|number| !self.has_grace(*number, now)) else { break };
            gone.extend(self.all.remove(&number).map(|entry| entry.holder));
        }
        if self.all.len() >= self.most.of_all {
            let most = self.holders_of_most();
            let first = self.first_to_go(|holder| most.contains(holder));
            let entry = first.and_then(|number| self.all.remove(&number));
            gone.extend(entry.map(|entry| entry.holder));
        }
        gone
    }

    /// Returns the connection that gives way first: at the lowest stage, idle, the oldest.
    fn first_to_go(&self, may_go: impl Fn(&H) -> bool) -> Option<u64> {
        let candidates = self.all.iter().filter(|(_, entry)| may_go(&entry.holder));
        let first =
            candidates.min_by_key(|(_, entry)| (entry.stage, entry.requests > 0, entry.used));
        first.map(|(number, _)| *number)
    }

    fn has_grace(&self, number: u64, now: Instant) -> bool {
        self.all.get(&number).is_some_and(|entry| {
            entry.stage == Stage::Silent && now.saturating_duration_since(entry.entered) < GRACE
        })
    }
}

impl<H> Entry<H> {
    /// Returns the same connection of another holder.
    fn of<O>(self, holder: O) -> Entry<O> {
        let Self { stage, entered, requests, used, hold, .. } = self;
        Entry { holder, stage, entered, requests, used, hold }
    }
}

impl Table {
    fn number(&mut self) -> u64 {
        let number = self.next;
        self.next += 1;
        number
    }

    /// Counts the places that were lost. A flood writes a few lines only.
    fn count<H: ToString>(&mut self, gone: &[H]) {
        for holder in gone {
            self.lost += 1;
            if self.lost.is_power_of_two() {
                let (lost, of) = (self.lost, holder.to_string());
                tracing::warn!(%of, lost, "too many connections: older ones were closed");
            }
        }
    }
}

impl Place {
    /// Notes the progress of the connection.
    pub fn reach(&self, stage: Stage) {
        if let Some(entry) =
            self.standing.places.table().strangers.all.get_mut(&self.standing.number)
        {
            entry.stage = stage;
        }
    }

    /// Returns the connection's standing, for those who learn more of it.
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.standing.clone()
    }

    /// Waits for the first byte. Returns false if none comes in time.
    pub async fn spoken(&self, tcp: &TcpStream) -> bool {
        // A connection that was closed can be read, too: the handshake finds its end.
        let spoken = matches!(timeout(FIRST_BYTE, tcp.readable()).await, Ok(Ok(())));
        if spoken {
            self.reach(Stage::Speaking);
        }
        spoken
    }

    /// Works with the connection as long as it has its place. Returns none if it loses it.
    pub async fn hold<T>(mut self, work: impl AsyncFnOnce(&Self) -> T) -> Option<T> {
        let (_, never) = oneshot::channel();
        let lost = std::mem::replace(&mut self.lost, never);
        tokio::select! {
            done = work(&self) => Some(done),
            _ = lost => None,
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut table = self.standing.places.table();
        table.strangers.all.remove(&self.standing.number);
        table.principals.all.remove(&self.standing.number);
    }
}

impl Standing {
    /// Notes that a request on this connection had a right token of this principal.
    pub fn admitted(&self, principal: &str) -> Underway {
        let mut table = self.places.table();
        let used = table.number();
        let before = table.principals.all.get_mut(&self.number);
        match before.filter(|entry| *entry.holder == *principal) {
            Some(entry) => {
                entry.used = used;
                entry.requests += 1;
            }
            None => table.change_holder(self.number, used, Arc::from(principal)),
        }
        drop(table);
        Underway(self.clone())
    }
}

impl Table {
    /// Gives a connection a place of this principal's.
    fn change_holder(&mut self, number: u64, used: u64, holder: Arc<str>) {
        let stranger = self.strangers.all.remove(&number).map(|entry| entry.of(holder.clone()));
        let entry = match stranger {
            Some(entry) => Some(entry),
            None => self.principals.all.remove(&number).map(|entry| entry.of(holder.clone())),
        };
        // A connection that has lost its place ends at once.
        let Some(entry) = entry else { return };
        let gone = self.principals.make_room(&holder, Instant::now());
        self.count(&gone);
        let requests = entry.requests + 1;
        let entry = Entry { stage: Stage::Known, requests, used, ..entry };
        self.principals.all.insert(number, entry);
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        let mut table = self.0.places.table();
        let used = table.number();
        if let Some(entry) = table.principals.all.get_mut(&self.0.number) {
            entry.requests = entry.requests.saturating_sub(1);
            entry.used = used;
        }
    }
}

impl Source {
    /// Returns the source of connections from this address.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address.octets()),
            IpAddr::V6(address) => {
                let [a, b, c, d, e, f, g, h, ..] = address.octets();
                Self::V6([a, b, c, d, e, f, g, h])
            }
        }
    }
}

impl std::fmt::Display for Source {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            Self::V4(octets) => IpAddr::from(octets).fmt(formatter),
            Self::V6([a, b, c, d, e, f, g, h]) => {
                let octets = [a, b, c, d, e, f, g, h, 0, 0, 0, 0, 0, 0, 0, 0];
                write!(formatter, "{}/64", Ipv6Addr::from(octets))
            }
        }
    }
}

#[cfg(test)]
mod tests;
