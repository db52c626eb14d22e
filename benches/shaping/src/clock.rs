//! Waiting for an instant to some ten microseconds.
//!
//! Linux lets a sleeping thread oversleep by its timer slack, 50 µs unless it asks for less; and then
//! a processor must wake, which takes longer the longer it has slept. So a [`Waker`] learns how late
//! its thread wakes, has it woken that much earlier, and spins for what is left: some ten
//! microseconds, and never longer than [`LONGEST_SPIN`].
//!
//! A wire does not wait until a processor has time for it, so threads that stand for one go first where
//! the system allows it.

use std::hint;
use std::num::NonZeroU64;
use std::time::{Duration, Instant};

use rustix::process::setpriority_process;
use rustix::thread::{gettid, set_current_timer_slack};

/// The relay shares its processors with those whom it measures.
const LONGEST_SPIN: Duration = Duration::from_micros(100);

/// By how much more than usual a wake-up may be late and still be in time.
const MARGIN: Duration = Duration::from_micros(10);

/// How much one wake-up counts among those before it.
const WEIGHT: u32 = 8;

/// The nice value that is not nice at all.
const HIGHEST_PRIORITY: i32 = -20;

/// How late the thread that owns it wakes.
#[derive(Default)]
pub(crate) struct Waker {
    lateness: Duration,
}

impl Waker {
    /// For the calling thread, whose sleeps and timed waits end when they should from now on.
    pub(crate) fn of_this_thread() -> Self {
        // Where the system refuses, it wakes later by its slack, and that is learnt.
        let _ = set_current_timer_slack(NonZeroU64::new(1));
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

/// The calling thread goes before all others that have no special class. Nodes that compute on every
/// processor else make it wait for its turn, which is some milliseconds.
pub(crate) fn go_first() {
    // Needs a privilege. Without it a link is late now and then, which a median does not see.
    let _ = setpriority_process(Some(gettid()), HIGHEST_PRIORITY);
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
