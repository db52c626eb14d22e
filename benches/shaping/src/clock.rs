//! Waiting for an instant, to some ten microseconds.
//!
//! A thread of Linux oversleeps by its timer slack, 50 µs by default, and by the time in which a
//! processor wakes. So a [`Waker`] learns the lateness of its thread, and wakes it that much
//! earlier. The thread spins for the rest: some ten microseconds, and at most [`LONGEST_SPIN`].

use std::hint;
use std::time::{Duration, Instant};

use crate::thread::wake_in_time;

/// The longest spin. It is short because the measured nodes run on the same processors.
const LONGEST_SPIN: Duration = Duration::from_micros(100);

/// The lateness above the usual one that a wake-up may have and still be in time.
const MARGIN: Duration = Duration::from_micros(10);

/// The inverse weight of a wake-up in the average of their lateness.
const WEIGHT: u32 = 8;

/// The average lateness of the owning thread.
#[derive(Default)]
pub(crate) struct Waker {
    lateness: Duration,
}

impl Waker {
    /// Makes the waker of the calling thread, and sets its timer slack to the minimum.
    pub(crate) fn of_this_thread() -> Self {
        wake_in_time();
        Self::default()
    }

    /// Returns the instant to be woken at for something that is due at `due`.
    pub(crate) fn before(&self, due: Instant) -> Instant {
        due.checked_sub((self.lateness + MARGIN).min(LONGEST_SPIN)).unwrap_or(due)
    }

    /// Learns from a wake-up that was wanted at an instant and happened now.
    pub(crate) fn learn(&mut self, wanted: Instant) {
        let late = wanted.elapsed().min(LONGEST_SPIN);
        self.lateness = (self.lateness * (WEIGHT - 1) + late) / WEIGHT;
    }
}

/// Spins until an instant.
pub(crate) fn spin_until(due: Instant) {
    while Instant::now() < due {
        hint::spin_loop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_wakes_earlier_by_its_lateness_within_a_bound() {
        let mut waker = Waker::default();
        let now = Instant::now();
        let due = now + Duration::from_secs(1);
        assert_eq!(waker.before(due), due - MARGIN);
        let long_ago = now.checked_sub(Duration::from_millis(5)).unwrap();
        (0..100).for_each(|_| waker.learn(long_ago));
        assert_eq!(waker.before(due), due - LONGEST_SPIN);
    }
}
