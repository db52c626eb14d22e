//! Links are as slow as they should be, and no slower: real sockets, and the figures that were given.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use cloister_shaping::Shape;

use crate::support::{MS, Through, alone, echo, give, is_about, one_way, take, transfer};

/// What a link may be late by at the median.
const LATE: Duration = Duration::from_micros(300);

#[test]
fn a_message_takes_the_delay() {
    let _alone = alone();
    for (delay, rounds) in [(MS, 21), (14 * MS, 7)] {
        let through = Through::new(delay, None);
        let (mut near, far) = through.connect();
        let echo = echo(far);
        is_about(delay, LATE, || {
            let trips = one_way(&mut near, rounds);
            assert!(trips[0] >= delay, "{trips:?}");
            trips[rounds / 2]
        });
        drop(near);
        echo.join().unwrap();
    }
}

#[test]
fn delay_alone_does_not_limit_how_much_is_under_way() {
    let _alone = alone();
    // With a window of a megabyte it would take 1.6 s.
    let through = Through::new(100 * MS, None);
    let mut ends = Some(through.connect());
    is_about(100 * MS, 300 * MS, || {
        let (back, time) = transfer(ends.take().unwrap(), 16 << 20);
        ends = Some(back);
        time
    });
}

#[test]
fn bytes_take_their_number_over_the_bandwidth_and_the_delay() {
    let _alone = alone();
    for (rate, bytes, line) in [(10e6, 2_000_000, 200 * MS), (1e6, 100_000, 100 * MS)] {
        let through = Through::new(14 * MS, Some(rate));
        let mut ends = Some(through.connect());
        is_about(line + 14 * MS, line / 20, || {
            let (back, time) = transfer(ends.take().unwrap(), bytes);
            ends = Some(back);
            time
        });
    }
}

#[test]
fn both_directions_have_the_bandwidth_at_once() {
    let _alone = alone();
    let (bytes, line) = (1_000_000, 100 * MS);
    let through = Through::new(MS, Some(10e6));
    is_about(line + MS, line / 20, || {
        let (near, far) = through.connect();
        let start = Instant::now();
        let giving =
            [near.try_clone().unwrap(), far.try_clone().unwrap()].map(|end| give(end, bytes));
        let arrived = [near, far].map(|end| take(end, bytes)).map(|end| end.join().unwrap().1);
        giving.into_iter().for_each(|end| drop(end.join().unwrap()));
        arrived[0].max(arrived[1]) - start
    });
}

#[test]
fn a_message_against_the_stream_is_not_slowed() {
    let _alone = alone();
    let through = Through::new(MS, Some(10e6));
    is_about(MS, 2 * LATE, || {
        let (mut near, mut far) = through.connect();
        let giving = give(near.try_clone().unwrap(), 500_000);
        far.read_exact(&mut [0; 1_000]).unwrap();
        let start = Instant::now();
        far.write_all(&[7]).unwrap();
        near.read_exact(&mut [0]).unwrap();
        let time = start.elapsed();
        giving.join().unwrap();
        time
    });
}

#[test]
fn connections_through_one_relay_do_not_share_bandwidth() {
    let _alone = alone();
    let (bytes, line) = (1_000_000, 100 * MS);
    let through = Through::new(MS, Some(10e6));
    is_about(line + MS, line / 20, || {
        let start = Instant::now();
        let ends = [through.connect(), through.connect()];
        let running = ends.map(|(near, far)| (give(near, bytes), take(far, bytes)));
        let arrived = running.map(|(giving, taking)| {
            giving.join().unwrap();
            taking.join().unwrap().1
        });
        arrived[0].max(arrived[1]) - start
    });
}

#[test]
fn a_small_message_does_not_wait_for_all_that_comes_after_it() {
    let _alone = alone();
    let through = Through::new(MS, Some(1e6));
    // The line takes 50 ms for what comes after it.
    is_about(MS, 2 * MS, || {
        let (mut near, mut far) = through.connect();
        let start = Instant::now();
        near.write_all(&[7; 50_000]).unwrap();
        far.read_exact(&mut [0; 64]).unwrap();
        start.elapsed()
    });
}

#[test]
fn a_link_takes_another_shape_while_it_lives() {
    let _alone = alone();
    let through = Through::new(10 * MS, None);
    let (mut near, far) = through.connect();
    let echo = echo(far);
    for delay in [10 * MS, MS, 5 * MS] {
        through.relay.set(Shape { delay, bandwidth: None });
        is_about(delay, LATE, || one_way(&mut near, 11)[5]);
    }
    // 64 bytes take 6.4 ms.
    through.relay.set(Shape { delay: MS, bandwidth: Some(1e4) });
    is_about(MS + MS * 64 / 10, LATE, || one_way(&mut near, 5)[2]);
    drop(near);
    echo.join().unwrap();
}
