//! Places for connections that have not shown yet who makes them.
//!
//! Opening a connection needs no account, so a stranger can open many and stay silent. Places are
//! therefore counted by source. A new connection always gets a place. Where there is none left, an
//! older connection loses its own, of the source that holds the most. Silent connections lose
//! theirs first, then those in their handshake, the oldest first. An honest connection speaks at
//! once, and is through before it is the oldest.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// The time for the first byte. A packet that was lost is sent again after one second.
const FIRST_BYTE: Duration = Duration::from_secs(3);

/// The places of one port. Clones share them.
#[derive(Clone, Debug)]
pub struct HalfOpen {
    most_of_one: usize,
    most: usize,
    table: Arc<Mutex<Table>>,
}

/// The source of a connection. One host has a whole network of addresses in IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source {
    /// An address.
    V4([u8; 4]),
    /// The first 64 bits of an address.
    V6([u8; 8]),
}

/// The progress of a connection. Of two, the lesser loses its place first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// No byte has come.
    Silent,
    /// The handshake has begun.
    Speaking,
    /// The certificate is a member's.
    Known,
}

/// The place of a connection, until it is dropped.
#[must_use]
pub struct Place {
    number: u64,
    half_open: HalfOpen,
    /// Ends when the place is lost.
    lost: oneshot::Receiver<()>,
}

#[derive(Debug, Default)]
struct Table {
    /// By number. Later connections have higher ones.
    all: BTreeMap<u64, Entry>,
    next: u64,
    lost: u64,
}

#[derive(Debug)]
struct Entry {
    source: Source,
    stage: Stage,
    /// Tells the connection of the loss when it is dropped.
    _hold: oneshot::Sender<()>,
}

impl HalfOpen {
    /// Creates `most` places, of which one source can hold `most_of_one`. Both are at least 1.
    #[must_use]
    pub fn new(most_of_one: usize, most: usize) -> Self {
        Self { most_of_one: most_of_one.max(1), most: most.max(1), table: Arc::default() }
    }

    /// Takes a place for a connection from this address, from another connection if need be.
    pub fn enter(&self, from: IpAddr) -> Place {
        let source = Source::of(from);
        let (hold, lost) = oneshot::channel();
        let mut table = self.table();
        if table.of(source) >= self.most_of_one {
            table.lose_one_of(|entry| entry.source == source);
        } else if table.all.len() >= self.most {
            let most = table.most_of_one();
            table.lose_one_of(|entry| most.contains(&entry.source));
        }
        let number = table.next;
        table.next += 1;
        table.all.insert(number, Entry { source, stage: Stage::Silent, _hold: hold });
        Place { number, half_open: self.clone(), lost }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn of(&self, source: Source) -> usize {
        self.all.values().filter(|entry| entry.source == source).count()
    }

    /// Returns the sources that hold the most places.
    fn most_of_one(&self) -> Vec<Source> {
        let mut counts = BTreeMap::<Source, usize>::new();
        for entry in self.all.values() {
            *counts.entry(entry.source).or_default() += 1;
        }
        let most = counts.values().copied().max();
        counts.into_iter().filter(|(_, count)| Some(*count) == most).map(|(it, _)| it).collect()
    }

    /// Takes the place of the oldest of these connections at the lowest stage.
    fn lose_one_of(&mut self, may_lose: impl Fn(&Entry) -> bool) {
        let candidates = self.all.iter().filter(|(_, entry)| may_lose(entry));
        let oldest = candidates.min_by_key(|(number, entry)| (entry.stage, **number));
        let Some(number) = oldest.map(|(number, _)| *number) else { return };
        let Some(Entry { source, .. }) = self.all.remove(&number) else { return };
        self.lost += 1;
        // A flood writes a few lines only.
        if self.lost.is_power_of_two() {
            let (lost, source) = (self.lost, source.to_string());
            tracing::warn!(%source, lost, "too many half-open connections: older ones were closed");
        }
    }
}

impl Place {
    /// Notes the progress of the connection.
    pub(super) fn reach(&self, stage: Stage) {
        if let Some(entry) = self.half_open.table().all.get_mut(&self.number) {
            entry.stage = stage;
        }
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
        self.half_open.table().all.remove(&self.number);
    }
}

impl Source {
    pub(super) fn of(address: IpAddr) -> Self {
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
mod tests {
    use tokio::sync::oneshot::error::TryRecvError;

    use super::*;

    fn host(number: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, number])
    }

    fn has_place(place: &mut Place) -> bool {
        place.lost.try_recv() == Err(TryRecvError::Empty)
    }

    fn with_place(places: &mut [Place]) -> Vec<bool> {
        places.iter_mut().map(has_place).collect()
    }

    #[test]
    fn the_oldest_connection_of_a_full_source_loses_its_place() {
        let half_open = HalfOpen::new(2, 10);
        let mut other = half_open.enter(host(2));
        let mut places: Vec<Place> = (0..1_000).map(|_| half_open.enter(host(1))).collect();
        let expected: Vec<bool> = (0..1_000).map(|number| number >= 998).collect();
        assert_eq!(with_place(&mut places), expected);
        assert!(has_place(&mut other), "other sources lose nothing");
        drop(places);
        assert_eq!(half_open.table().all.len(), 1);
    }

    #[test]
    fn silent_connections_lose_their_places_before_older_ones_that_speak() {
        let half_open = HalfOpen::new(3, 10);
        let mut places: Vec<Place> = (0..3).map(|_| half_open.enter(host(1))).collect();
        places[0].reach(Stage::Known);
        places[1].reach(Stage::Speaking);
        for _ in 0..100 {
            drop(half_open.enter(host(1)));
        }
        assert_eq!(with_place(&mut places), [true, true, false]);
        let mut newest = half_open.enter(host(1));
        newest.reach(Stage::Speaking);
        places.push(half_open.enter(host(1)));
        places[3].reach(Stage::Speaking);
        assert_eq!(with_place(&mut places), [true, false, false, true]);
        assert!(has_place(&mut newest));
    }

    #[test]
    fn a_full_port_takes_places_from_the_source_that_holds_the_most() {
        let half_open = HalfOpen::new(4, 6);
        let mut honest = [half_open.enter(host(1)), half_open.enter(host(2))];
        let mut flood: Vec<Place> = (0..4).map(|_| half_open.enter(host(3))).collect();
        let mut newest = half_open.enter(host(4));
        assert_eq!(with_place(&mut honest), [true, true]);
        assert_eq!(with_place(&mut flood), [false, true, true, true]);
        assert!(has_place(&mut newest));
    }

    #[test]
    fn of_many_sources_the_oldest_connection_loses_its_place() {
        let half_open = HalfOpen::new(4, 100);
        let mut places: Vec<Place> =
            (0..=200).map(|number| half_open.enter(host(number))).collect();
        let expected: Vec<bool> = (0..=200).map(|number| number > 100).collect();
        assert_eq!(with_place(&mut places), expected);
    }

    #[test]
    fn a_network_of_ipv6_and_a_mapped_address_are_one_source_each() {
        let source = |text: &str| Source::of(text.parse().unwrap());
        assert_eq!(source("2001:db8::1"), source("2001:db8::ffff:2"));
        assert_ne!(source("2001:db8::1"), source("2001:db8:0:1::1"));
        assert_eq!(source("::ffff:192.0.2.7"), Source::of(host(7)));
        assert_eq!(source("2001:db8::1").to_string(), "2001:db8::/64");
    }

    #[actix_rt::test]
    async fn work_ends_with_its_place() {
        let half_open = HalfOpen::new(1, 1);
        let first = half_open.enter(host(1)).hold(async |_| std::future::pending::<()>().await);
        let second = half_open.enter(host(1)).hold(async |_| 2);
        assert_eq!(first.await, None);
        assert_eq!(second.await, Some(2));
    }
}
