//! Connections through a relay, and measurements over them.

#![allow(dead_code, unreachable_pub, reason = "each test program uses parts of it")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use cloister_shaping::{Relay, Shape};

pub const MS: Duration = Duration::from_millis(1);

/// The time that an arrival may take on any machine before a test says that there is none.
pub const LONG: Duration = Duration::from_secs(30);

pub fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// A relay, and a listener behind it.
pub struct Through {
    pub relay: Relay,
    listener: TcpListener,
}

impl Through {
    pub fn new(delay: Duration, bandwidth: Option<f64>) -> Self {
        let (listener, target) = listen();
        let relay = Relay::start(listen().0, target, Shape { delay, bandwidth }).unwrap();
        Self { relay, listener }
    }

    /// Returns both ends of a connection through the relay.
    pub fn connect(&self) -> (TcpStream, TcpStream) {
        let near = TcpStream::connect(self.relay.address()).unwrap();
        let far = self.listener.accept().unwrap().0;
        near.set_nodelay(true).unwrap();
        far.set_nodelay(true).unwrap();
        (near, far)
    }
}

/// Sends back all messages of 64 bytes.
pub fn echo(mut end: TcpStream) -> JoinHandle<()> {
    thread::spawn(move || {
        let mut message = [0; 64];
        while end.read_exact(&mut message).is_ok() {
            end.write_all(&message).unwrap();
        }
    })
}

/// Returns half of each round trip, sorted.
pub fn one_way(near: &mut TcpStream, rounds: usize) -> Vec<Duration> {
    let mut trip = || {
        let (mut message, start) = ([7; 64], Instant::now());
        near.write_all(&message).unwrap();
        near.read_exact(&mut message).unwrap();
        start.elapsed() / 2
    };
    let mut trips: Vec<Duration> = (0..rounds).map(|_| trip()).collect();
    trips.sort();
    trips
}

/// Writes so many bytes.
pub fn give(mut end: TcpStream, bytes: usize) -> JoinHandle<TcpStream> {
    thread::spawn(move || {
        end.write_all(&vec![7; bytes]).unwrap();
        end
    })
}

/// Reads so many bytes; when the last came.
pub fn take(mut end: TcpStream, bytes: usize) -> JoinHandle<(TcpStream, Instant)> {
    thread::spawn(move || {
        end.read_exact(&mut vec![0; bytes]).unwrap();
        (end, Instant::now())
    })
}

/// Returns the time until the last of so many bytes has come.
pub fn transfer((near, far): (TcpStream, TcpStream), bytes: usize) -> Duration {
    let start = Instant::now();
    let (giving, taking) = (give(near, bytes), take(far, bytes));
    let (_far, arrived) = taking.join().unwrap();
    giving.join().unwrap();
    arrived - start
}

/// Waits until so many bytes have come, or fails.
#[track_caller]
pub fn arrives(end: &mut TcpStream, bytes: usize) {
    end.set_read_timeout(Some(LONG)).unwrap();
    end.read_exact(&mut vec![0; bytes]).unwrap();
}

/// Checks that nothing is earlier than it should be. The relay's nanoseconds may have been rounded
/// down.
#[track_caller]
pub fn at_least(expected: Duration, time: Duration) {
    assert!(time + Duration::from_micros(2) >= expected, "{time:?} instead of {expected:?}");
}
