//! A bare TLS connection is measured, with the shape that was asked for.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::time::Duration;

use cloister_shaping::Shape;
use cloister_shaping::limits::TlsPair;

use crate::support::{MS, alone, is_about};

#[test]
fn loopback_is_quick() {
    let mut pair = TlsPair::connect(None).unwrap();
    let trip = pair.round_trip(100).unwrap();
    assert!(trip > Duration::ZERO && trip < 20 * MS, "{trip:?}");
    assert!(pair.time(1 << 20).unwrap() > Duration::ZERO);
    assert!(pair.time(0).unwrap() < 100 * MS);
    let rate = pair.bytes_per_second(1 << 20).unwrap();
    assert!(rate > 1e6, "{rate}");
}

#[test]
fn a_slow_link_is_as_slow_as_its_shape() {
    let _alone = alone();
    let shape = Shape { delay: 3 * MS, bandwidth: Some(1e7) };
    let mut pair = TlsPair::connect(Some(shape)).unwrap();
    is_about(6 * MS, MS, || pair.round_trip(11).unwrap());
    is_about(103 * MS, 6 * MS, || pair.time(1_000_000).unwrap());
}
