//! The round trip time to a peer, measured by the keep-alives.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The latest round trip time. Clones share it, and it can be read from any thread.
#[derive(Clone, Debug, Default)]
pub struct RoundTrip(Arc<AtomicU64>);

/// Measures the round trips of one connection's keep-alives.
pub(super) struct Stopwatch {
    asked: Cell<Option<Instant>>,
    round_trip: RoundTrip,
}

impl RoundTrip {
    /// Returns the latest round trip time; none before the first.
    #[must_use]
    pub fn latest(&self) -> Option<Duration> {
        match self.0.load(Ordering::Relaxed) {
            0 => None,
            nanoseconds => Some(Duration::from_nanos(nanoseconds)),
        }
    }
}

impl Stopwatch {
    pub(super) fn new(round_trip: RoundTrip) -> Self {
        Self { asked: Cell::new(None), round_trip }
    }

    /// Notes the time of a ping.
    pub(super) fn asked(&self) {
        self.asked.set(Some(Instant::now()));
    }

    /// Takes the time of the answer.
    pub(super) fn answered(&self) {
        if let Some(asked) = self.asked.take() {
            let nanoseconds = u64::try_from(asked.elapsed().as_nanos()).unwrap_or(u64::MAX);
            self.round_trip.0.store(nanoseconds.max(1), Ordering::Relaxed);
        }
    }
}
