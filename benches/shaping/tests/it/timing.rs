//! Links are as slow as they should be, whatever the load: nothing arrives before it is due.
//! `examples/figures.rs` measures how late it may be. Some links are so slow that a wait for them
//! would be in vain.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use cloister_shaping::Shape;

use crate::support::{LONG, MS, Through, arrives, at_least, echo, give, one_way, take, transfer};

/// Bytes a second at which twenty kilobytes take longer than any test waits.
const CRAWL: f64 = 100.0;

#[test]
fn a_message_takes_the_delay() {
    for (delay, rounds) in [(MS, 21), (14 * MS, 7)] {
        let through = Through::new(delay, None);
        let (mut near, far) = through.connect();
        let echo = echo(far);
        at_least(delay, one_way(&mut near, rounds)[0]);
        drop(near);
        echo.join().unwrap();
    }
}

#[test]
fn delay_alone_does_not_limit_how_much_is_under_way() {
    let through = Through::new(2 * LONG, None);
    let (mut near, _far) = through.connect();
    // Nothing has arrived when all of it has left.
    near.set_write_timeout(Some(LONG)).unwrap();
    near.write_all(&vec![7; 16 << 20]).unwrap();
}

#[test]
fn bytes_take_their_number_over_the_bandwidth_and_the_delay() {
    for (rate, bytes, line) in [(10e6, 2_000_000, 200 * MS), (1e6, 100_000, 100 * MS)] {
        let through = Through::new(14 * MS, Some(rate));
        at_least(line + 14 * MS, transfer(through.connect(), bytes));
    }
}

#[test]
fn both_directions_have_the_bandwidth_at_once() {
    let (bytes, line) = (1_000_000, 100 * MS);
    let through = Through::new(MS, Some(10e6));
    let (near, far) = through.connect();
    let start = Instant::now();
    let giving = [near.try_clone().unwrap(), far.try_clone().unwrap()].map(|end| give(end, bytes));
    let arrived = [near, far].map(|end| take(end, bytes)).map(|end| end.join().unwrap().1);
    giving.into_iter().for_each(|end| drop(end.join().unwrap()));
    for arrived in arrived {
        at_least(line + MS, arrived - start);
    }
}

#[test]
fn a_message_against_the_stream_does_not_wait_for_it() {
    let through = Through::new(MS, Some(CRAWL));
    let (mut near, mut far) = through.connect();
    near.write_all(&[7; 20_000]).unwrap();
    far.read_exact(&mut [0; 10]).unwrap();
    far.write_all(&[7]).unwrap();
    arrives(&mut near, 1);
}

#[test]
fn connections_through_one_relay_do_not_share_bandwidth() {
    let through = Through::new(MS, Some(CRAWL));
    let [(mut busy, _far), (mut near, mut far)] = [through.connect(), through.connect()];
    busy.write_all(&[7; 20_000]).unwrap();
    near.write_all(&[7]).unwrap();
    arrives(&mut far, 1);
}

#[test]
fn a_small_message_does_not_wait_for_all_that_comes_after_it() {
    let through = Through::new(MS, Some(CRAWL));
    let (mut near, mut far) = through.connect();
    near.write_all(&[7; 20_000]).unwrap();
    arrives(&mut far, 10);
}

#[test]
fn a_link_takes_another_shape_while_it_lives() {
    let through = Through::new(2 * LONG, None);
    let (mut near, mut far) = through.connect();
    // In time only by the new delay, and then again not before the newest.
    through.relay.set(Shape { delay: MS, bandwidth: None });
    near.write_all(&[7]).unwrap();
    arrives(&mut far, 1);
    let echo = echo(far);
    for delay in [10 * MS, MS, 5 * MS] {
        through.relay.set(Shape { delay, bandwidth: None });
        at_least(delay, one_way(&mut near, 11)[0]);
    }
    // 64 bytes take 6.4 ms.
    through.relay.set(Shape { delay: MS, bandwidth: Some(1e4) });
    at_least(MS + Duration::from_micros(6_400), one_way(&mut near, 5)[0]);
    drop(near);
    echo.join().unwrap();
}
