//! Delivery: in order, to the last byte, within bounds, with an end when it should.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::{Instant, SystemTime};

use cloister_shaping::{Relay, Shape};

use crate::support::{LONG, MS, Through, listen, take};

/// splitmix64: numbers for a test, of a seed that it prints.
struct Numbers(u64);

impl Numbers {
    fn new() -> Self {
        let seed = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
        println!("seed {seed}");
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> usize {
        usize::try_from(self.next() % bound).unwrap()
    }
}

#[test]
fn bytes_arrive_in_order_whatever_they_are_cut_into_and_the_shapes_are() {
    let mut numbers = Numbers::new();
    let through = Through::new(2 * MS, Some(2e7));
    let (near, far) = through.connect();
    let sent: Vec<u8> = (0..250_000).flat_map(|_| numbers.next().to_le_bytes()).collect();
    let mut cuts: Vec<usize> = (0..300).map(|_| numbers.below(sent.len() as u64)).collect();
    cuts.extend([0, sent.len()]);
    cuts.sort();
    thread::scope(|scope| {
        for (mut from, mut to) in [(&near, &far), (&far, &near)] {
            let (sent, cuts) = (&sent, &cuts);
            scope.spawn(move || {
                cuts.windows(2).for_each(|cut| from.write_all(&sent[cut[0]..cut[1]]).unwrap());
                from.shutdown(Shutdown::Write).unwrap();
            });
            scope.spawn(move || {
                let mut received = Vec::new();
                to.read_to_end(&mut received).unwrap();
                assert!(received == *sent, "{} of {} bytes", received.len(), sent.len());
            });
        }
        for _ in 0..20 {
            let delay = MS * u32::try_from(numbers.below(5)).unwrap();
            let bandwidth = [None, Some(1e7), Some(5e7)][numbers.below(3)];
            through.relay.set(Shape { delay, bandwidth });
            thread::sleep(5 * MS);
        }
    });
}

#[test]
fn a_side_that_has_finished_is_still_answered() {
    let through = Through::new(5 * MS, None);
    let (mut near, mut far) = through.connect();
    near.write_all(b"question").unwrap();
    near.shutdown(Shutdown::Write).unwrap();
    let mut text = String::new();
    far.read_to_string(&mut text).unwrap();
    assert_eq!(text, "question");
    far.write_all(b"answer").unwrap();
    drop(far);
    near.read_to_string(&mut text).unwrap();
    assert_eq!(text, "questionanswer");
}

#[test]
fn what_is_under_way_arrives_after_its_sender_has_gone() {
    let through = Through::new(20 * MS, None);
    let (mut near, mut far) = through.connect();
    let start = Instant::now();
    near.write_all(&[7; 100_000]).unwrap();
    drop(near);
    let mut received = Vec::new();
    far.read_to_end(&mut received).unwrap();
    assert_eq!(received.len(), 100_000);
    assert!(start.elapsed() >= 20 * MS);
}

#[test]
fn whoever_is_reset_is_told() {
    let through = Through::new(5 * MS, None);
    let (mut near, mut far) = through.connect();
    near.set_read_timeout(Some(LONG)).unwrap();
    near.write_all(&[7; 1_000]).unwrap();
    far.read_exact(&mut [0]).unwrap();
    // The system resets a connection that is closed with bytes unread.
    drop(far);
    let error = near.read(&mut [0]).err().map(|error| error.kind());
    assert!(matches!(error, None | Some(ErrorKind::ConnectionReset)), "{error:?}");
    let begun = Instant::now();
    while near.write_all(&[7]).is_ok() {
        assert!(begun.elapsed() < LONG, "it is never told");
        thread::sleep(MS);
    }
}

#[test]
fn a_sender_is_held_back_when_the_line_is_full() {
    let through = Through::new(14 * MS, Some(1e4));
    let (mut near, far) = through.connect();
    // The buffers of the system's own, of both sockets of the near connection.
    let bound = 16 << 20;
    near.set_write_timeout(Some(200 * MS)).unwrap();
    let (block, mut accepted) = (vec![7; 1 << 16], 0);
    while accepted < bound
        && let Ok(written) = near.write(&block)
    {
        accepted += written;
    }
    println!("{accepted} bytes accepted");
    assert!(accepted < bound, "{accepted}");
    // It carries on where it stood.
    through.relay.set(Shape { delay: MS, bandwidth: None });
    take(far, accepted.min(200_000)).join().unwrap();
}

#[test]
fn a_sender_is_held_back_when_nobody_reads() {
    let through = Through::new(MS, None);
    let (mut near, _far) = through.connect();
    near.set_write_timeout(Some(200 * MS)).unwrap();
    let (block, mut accepted) = (vec![7; 1 << 20], 0);
    while accepted < 512 && near.write_all(&block).is_ok() {
        accepted += 1;
    }
    println!("{accepted} MiB accepted");
    assert!(accepted < 256, "{accepted}");
}

#[test]
fn a_relay_that_is_dropped_ends_everything() {
    let through = Through::new(2 * LONG, Some(1e5));
    let (address, start) = (through.relay.address(), Instant::now());
    let (near, far) = through.connect();
    let mut ends = [near, far];
    // Under way, without a reader.
    ends.iter_mut().for_each(|end| end.write_all(&[7; 50_000]).unwrap());
    drop(through.relay);
    for end in &mut ends {
        end.set_read_timeout(Some(LONG)).unwrap();
        let end = end.read(&mut [0]).map_err(|error| error.kind());
        assert!(matches!(end, Ok(0) | Err(ErrorKind::ConnectionReset)), "{end:?}");
    }
    assert_eq!(TcpStream::connect(address).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    assert!(start.elapsed() < 2 * LONG);
}

#[test]
fn whoever_comes_before_the_target_is_turned_away_and_may_come_again() {
    let (absent, target) = listen();
    drop(absent);
    let shape = Shape { delay: MS, bandwidth: None };
    let relay = Relay::start(listen().0, target, shape).unwrap();
    let mut early = TcpStream::connect(relay.address()).unwrap();
    early.set_read_timeout(Some(LONG)).unwrap();
    assert_eq!(early.read(&mut [0]).unwrap(), 0);
    let listener = TcpListener::bind(target).unwrap();
    let mut near = TcpStream::connect(relay.address()).unwrap();
    near.write_all(&[7]).unwrap();
    let mut byte = [0];
    listener.accept().unwrap().0.read_exact(&mut byte).unwrap();
    assert_eq!(byte, [7]);
}
