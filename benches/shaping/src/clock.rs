//! Waiting for an instant to some ten microseconds.
//!
//! Linux lets a sleeping thread oversleep by its timer slack, 50 µs unless it asks for less; and then
//! a processor must wake, which takes longer the longer it has slept. So a [`Waker`] learns how late
//! its thread wakes, has it woken that much earlier, and spins for what is left: some ten
//! microseconds, and never longer than [`LONGEST_SPIN`].

use std::hint;
use std::time::{Duration, Instant};

use crate::thread::wake_in_time;

/// The relay shares its processors with those whom it measures.
const LONGEST_SPIN: Duration = Duration::from_micros(100);

/// By how much more than usual a wake-up may be late and still be in time.
const MARGIN: Duration = Duration::from_micros(10);

/// How much one wake-up counts among those before it.
const WEIGHT: u32 = 8;

/// How late the thread that owns it wakes.
#[derive(Default)]
pub(crate) struct Waker {
    lateness: Duration,
}

impl Waker {
    /// For the calling thread, whose sleeps and timed waits end when they should from now on.
    pub(crate) fn of_this_thread() -> Self {
        wake_in_time();
        Self::default()
    }

    /// When to be woken for something that is due then.
    pub(crate) fn before(&self, due: Instant) -> Instant {
        due.checked_sub((self.lateness + MARGIN).min(LONGEST_SPIN)).unwrap_or(due)
    }

    /// The thread, which wanted to be woken at an instant, is awake.
    pub(crate) fn learn(&mut self, wanted: Instant) {
        let late = wanted.elapsed().min(LONGEST_SPIN);
        self.lateness = (self.lateness * (WEIGHT - 1) + late) / WEIGHT;
    }
}

/// Spins.
pub(crate) fn spin_until(due: Instant) {
    while Instant::now() < due {
        hint::spin_loop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_wakes_earlier_by_how_late_it_was_but_never_much() {
        let (mut waker, now) = (Waker::default(), Instant::now());
        let due = now + Duration::from_secs(1);
        assert_eq!(waker.before(due), due - MARGIN);
        let long_ago = now.checked_sub(Duration::from_millis(5)).unwrap();
        (0..100).for_each(|_| waker.learn(long_ago));
        assert_eq!(waker.before(due), due - LONGEST_SPIN);
    }
}
