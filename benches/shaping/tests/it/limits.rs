//! A bare TLS connection is measured, with the shape that was asked for.

use std::time::Duration;

use cloister_shaping::Shape;
use cloister_shaping::limits::TlsPair;

use crate::support::{MS, at_least};

#[test]
fn loopback_is_measured() {
    let mut pair = TlsPair::connect(None).unwrap();
    assert!(pair.round_trip(100).unwrap() > Duration::ZERO);
    assert!(pair.time(1 << 20).unwrap() > Duration::ZERO);
    pair.time(0).unwrap();
    assert!(pair.bytes_per_second(1 << 20).unwrap() > 0.0);
}

#[test]
fn a_slow_link_is_as_slow_as_its_shape() {
    let shape = Shape { delay: 3 * MS, bandwidth: Some(1e7) };
    let mut pair = TlsPair::connect(Some(shape)).unwrap();
    at_least(6 * MS, pair.round_trip(11).unwrap());
    at_least(103 * MS, pair.time(1_000_000).unwrap());
}
