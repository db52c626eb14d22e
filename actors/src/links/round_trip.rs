//! How long a word takes to a peer and back, read off the keep-alives.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The latest round trip. Clones see the same, and can be read from any thread.
#[derive(Clone, Debug, Default)]
pub struct RoundTrip(Arc<AtomicU64>);

/// Takes the time of one connection's keep-alives.
pub(super) struct Stopwatch {
    asked: Cell<Option<Instant>>,
    round_trip: RoundTrip,
}

impl RoundTrip {
    /// How long it took; none before the first.
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

    /// The peer is asked now.
    pub(super) fn asked(&self) {
        self.asked.set(Some(Instant::now()));
    }

    /// It has answered.
    pub(super) fn answered(&self) {
        if let Some(asked) = self.asked.take() {
            let nanoseconds = u64::try_from(asked.elapsed().as_nanos()).unwrap_or(u64::MAX);
            self.round_trip.0.store(nanoseconds.max(1), Ordering::Relaxed);
        }
    }
}
