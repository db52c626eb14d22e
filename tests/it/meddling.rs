//! A line between two real nodes on which bytes are changed, lost, added, repeated and put in another
//! order: no computation ends with a wrong number, and the nodes meet again.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use cloister_testkit::{Cluster, Kind, fresh, wait_until};
use serde_json::{Value, json};

/// A change of the bytes in one direction.
#[derive(Clone, Copy, Debug)]
enum Change {
    /// A bit is flipped.
    Flip,
    /// So many bytes are lost.
    Lose(usize),
    /// So many bytes are there twice.
    Repeat(usize),
    /// So many bytes come after the next so many.
    Swap(usize),
    /// So many bytes of an earlier time are put between.
    Replay(usize),
    /// So many zeros are put between.
    Add(usize),
    /// The connection ends there, in the middle of a record.
    End,
}

const CHANGES: [Change; 11] = [
    Change::Flip,
    Change::Lose(1),
    Change::Lose(200),
    Change::Repeat(1),
    Change::Repeat(200),
    Change::Swap(1),
    Change::Swap(100),
    Change::Replay(100),
    Change::Replay(1_000),
    Change::Add(5),
    Change::End,
];

/// The order to change the bytes behind the next so many in one direction.
#[derive(Clone, Copy)]
struct Order {
    forth: bool,
    behind: usize,
    change: Change,
}

/// The state that all connections of the line share.
#[derive(Default)]
struct Line {
    order: Mutex<Option<Order>>,
    /// The bytes of the first connection from the one that dialled.
    first: Mutex<Vec<u8>>,
    /// The number of changes that were made.
    made: Mutex<usize>,
}

impl Line {
    /// Relays the connections that come in to this address.
    fn start(listener: TcpListener, target: SocketAddr) -> Arc<Self> {
        let line = Arc::new(Self::default());
        let shared = Arc::clone(&line);
        thread::spawn(move || {
            for (number, dialler) in listener.incoming().map_while(Result::ok).enumerate() {
                let Ok(other) = TcpStream::connect(target) else { continue };
                let both = (dialler.try_clone().unwrap(), other.try_clone().unwrap());
                let [forth, back] = [Arc::clone(&shared), Arc::clone(&shared)];
                thread::spawn(move || forth.relay(dialler, other, true, number == 0));
                thread::spawn(move || back.relay(both.1, both.0, false, false));
            }
        });
        line
    }

    /// Relays one direction of a connection until one of its ends hangs up.
    fn relay(&self, mut from: TcpStream, mut to: TcpStream, forth: bool, is_first: bool) {
        let mut seen: Vec<u8> = Vec::new();
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            let bytes = &buffer[..length];
            if is_first {
                self.first.lock().unwrap().extend_from_slice(bytes);
            }
            let changed = self.changed(&seen, bytes, forth);
            seen.extend_from_slice(bytes);
            match changed {
                Some(bytes) if to.write_all(&bytes).is_ok() => {}
                _ => break,
            }
        }
        // The other direction ends by that, too.
        let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
    }

    /// Returns the bytes that go on in place of these, or none where the connection ends.
    fn changed(&self, seen: &[u8], bytes: &[u8], forth: bool) -> Option<Vec<u8>> {
        let mut order = self.order.lock().unwrap();
        let mut going = bytes.to_vec();
        let Some(due) = order.as_mut().filter(|order| order.forth == forth) else {
            return Some(going);
        };
        if due.behind >= bytes.len() {
            due.behind -= bytes.len();
            return Some(going);
        }
        let (at, change) = (due.behind, due.change);
        *order = None;
        *self.made.lock().unwrap() += 1;
        let within = |length: usize| at + length.min(bytes.len() - at);
        match change {
            Change::Flip => going[at] ^= 1 << (at % 8),
            Change::Lose(length) => drop(going.drain(at..within(length))),
            Change::Repeat(length) => {
                let twice = bytes[at..within(length)].to_vec();
                drop(going.splice(at..at, twice));
            }
            Change::Swap(length) => {
                going[at..within(2 * length)].rotate_left(length.min(within(2 * length) - at))
            }
            Change::Replay(length) => {
                let earlier = seen[seen.len().saturating_sub(length)..].to_vec();
                drop(going.splice(at..at, earlier));
            }
            Change::Add(length) => drop(going.splice(at..at, vec![0; length])),
            Change::End => return None,
        }
        Some(going)
    }
}

/// Starts two nodes of which the first reaches the second over a line that is meddled with.
fn start() -> (Cluster, Arc<Line>, SocketAddr) {
    let mut cluster = Cluster::stopped(Kind { deadline: 20, ..Kind::teaching(2) });
    let listener = TcpListener::bind(cluster.peer(1)).unwrap();
    let target = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let settings = fs::read_to_string(cluster.config(1)).unwrap();
    let moved = settings.replace(&cluster.peer(1), &target.to_string());
    assert_ne!(moved, settings);
    fs::write(cluster.config(1), moved).unwrap();
    let line = Line::start(listener, target);
    cluster.start_all();
    (cluster, line, target)
}

/// Has both compute sums of vectors. Returns whether they did; a wrong sum fails the test.
fn computes(cluster: &Cluster, change: Option<Change>) -> bool {
    let data = [1, 2].map(|party| (0..300).map(|item| json!(item * party)).collect::<Value>());
    let due: Value = (0..300).map(|item| json!(f64::from(item * 3))).collect();
    let answers = cluster.compute("SecureVectorSum", &data, &fresh());
    let mut all = true;
    for answer in &answers {
        all &= answer.status == 200;
        if answer.status == 200 {
            let told = &answer.body["object"]["result"]["sum"];
            assert_eq!(*told, due, "{change:?}: {}", answer.body);
        } else {
            assert!((502..=504).contains(&answer.status), "{change:?}: {}", answer.body);
        }
    }
    all
}

/// Returns numbers that seem random, from a seed that is printed.
fn random() -> impl FnMut(usize) -> usize {
    let mut state = getrandom::u64().unwrap();
    println!("seed {state}");
    move |below| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    }
}

#[test]
fn a_line_that_is_meddled_with_makes_no_number_wrong() {
    let (cluster, line, target) = start();
    let mut random = random();
    wait_until("the nodes compute", || computes(&cluster, None));
    for change in CHANGES {
        for forth in [true, false] {
            // A computation is of some kilobytes in each direction.
            let order = Order { forth, behind: random(2_000), change };
            *line.order.lock().unwrap() = Some(order);
            computes(&cluster, Some(change));
            wait_until("the nodes compute again", || {
                computes(&cluster, Some(change)) && line.order.lock().unwrap().is_none()
            });
        }
    }
    assert_eq!(*line.made.lock().unwrap(), 2 * CHANGES.len());
    // A connection that was recorded is played again: the node says no more than in a handshake.
    let recorded = line.first.lock().unwrap().clone();
    let whole = recorded.len();
    for length in [whole, whole / 2, 600] {
        let mut stream = TcpStream::connect(target).unwrap();
        // The node may hang up before all is sent.
        let _ = stream.write_all(&recorded[..length.min(whole)]);
        let _ = stream.shutdown(Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!(answer.len() < 8_000, "{} bytes", answer.len());
        assert!(computes(&cluster, None));
    }
}
