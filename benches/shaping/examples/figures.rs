//! The accuracy, the rate and the cost of the relay on this machine.
//!
//! `cargo run --release -p cloister-shaping --example figures`

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a program for developers of this crate stops at its first failure"
)]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use cloister_shaping::limits::TlsPair;
use cloister_shaping::{Relay, Shape};

fn main() {
    let direct = round_trips(None, 2_000);
    println!("bare sockets: round trip {:?}, 99 % {:?}", direct[1_000], direct[1_980]);
    for micros in [500, 1_000, 14_000, 40_000] {
        let delay = Duration::from_micros(micros);
        let rounds = (Duration::from_secs(3).as_micros() / (2 * delay.as_micros())).min(1_000);
        let rounds = usize::try_from(rounds).unwrap();
        let sorted = round_trips(Some(Shape { delay, bandwidth: None }), rounds);
        let [least, median, p99] = [0, 50, 99].map(|part| {
            let trip = sorted[(rounds - 1) * part / 100].as_secs_f64();
            (trip / 2.0 - delay.as_secs_f64()) * 1e6
        });
        println!(
            "{delay:?} one way, {rounds} rounds: late by {least:.0} us at the least, {median:.0} at \
             the median, {p99:.0} at 99 %"
        );
    }
    for (delay, bandwidth) in [(0, None), (14, None), (14, Some(125e6)), (14, Some(1.25e6))] {
        let shape = Shape { delay: Duration::from_millis(delay), bandwidth };
        let bytes: u32 =
            bandwidth.map_or(1 << 30, |rate| if rate > 1e7 { 64 << 20 } else { 1 << 20 });
        let (before, start) = (cpu(), Instant::now());
        let taken = time(shape, usize::try_from(bytes).unwrap());
        let load = (cpu() - before) / start.elapsed().as_secs_f64();
        let rate = f64::from(bytes) / taken.as_secs_f64() / 1e6;
        println!("{shape:?}: {bytes} bytes in {taken:?}, {rate:.3} MB/s, {load:.2} processors");
    }
    let mut pair = TlsPair::connect(None).unwrap();
    let (trip, rate) = (pair.round_trip(2_000).unwrap(), pair.bytes_per_second(64 << 20).unwrap());
    println!("bare TLS: round trip {trip:?}, {:.0} MB/s", rate / 1e6);
    let idle = idle();
    println!("idle relay: {idle:?} of processor time a second");
}

/// Connects two sockets, through a relay for a shape.
fn connect(shape: Option<Shape>) -> (TcpStream, TcpStream, Option<Relay>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = listener.local_addr().unwrap();
    let relay = shape.map(|shape| {
        Relay::start(TcpListener::bind("127.0.0.1:0").unwrap(), target, shape).unwrap()
    });
    let near = TcpStream::connect(relay.as_ref().map_or(target, Relay::address)).unwrap();
    let far = listener.accept().unwrap().0;
    near.set_nodelay(true).unwrap();
    far.set_nodelay(true).unwrap();
    (near, far, relay)
}

fn round_trips(shape: Option<Shape>, rounds: usize) -> Vec<Duration> {
    let (mut near, mut far, _relay) = connect(shape);
    let echo = thread::spawn(move || {
        let mut message = [0; 64];
        while far.read_exact(&mut message).is_ok() {
            far.write_all(&message).unwrap();
        }
    });
    let mut trips: Vec<Duration> = (0..rounds + 10)
        .map(|_| {
            let (mut message, start) = ([7; 64], Instant::now());
            near.write_all(&message).unwrap();
            near.read_exact(&mut message).unwrap();
            start.elapsed()
        })
        .skip(10)
        .collect();
    drop(near);
    echo.join().unwrap();
    trips.sort();
    trips
}

fn time(shape: Shape, bytes: usize) -> Duration {
    let (mut near, mut far, _relay) = connect(Some(shape));
    let sink = thread::spawn(move || {
        let (mut left, mut buffer) = (bytes, vec![0; 1 << 20]);
        while left > 0 {
            left -= far.read(&mut buffer).unwrap();
        }
        Instant::now()
    });
    let (buffer, start) = (vec![7; 1 << 20], Instant::now());
    (0..bytes >> 20).for_each(|_| near.write_all(&buffer).unwrap());
    sink.join().unwrap() - start
}

fn idle() -> Duration {
    let (near, far, relay) =
        connect(Some(Shape { delay: Duration::from_millis(14), bandwidth: None }));
    let before = cpu();
    thread::sleep(Duration::from_secs(1));
    let spent = cpu() - before;
    drop((near, far, relay));
    Duration::from_secs_f64(spent)
}

/// Returns the seconds of processor time of this process, to ten milliseconds, including threads
/// that have ended.
fn cpu() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap();
    let (_, fields) = text.rsplit_once(')').unwrap();
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let [user, system] = [fields[11], fields[12]].map(|ticks| ticks.parse::<f64>().unwrap());
    (user + system) / 100.0
}
