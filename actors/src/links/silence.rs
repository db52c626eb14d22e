//! The silence of a connection, in time in which this node could have heard something.
//!
//! A process that was stopped, or a machine that slept, has heard nothing meanwhile, but its peer may have
//! spoken: what it sent waits in the socket. So no tick counts for more than the interval of ticks.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// The interval of pings on a link, and of looks at its silence.
pub(super) const KEEP_ALIVE: Duration = Duration::from_secs(5);

/// The longest silence of a link. A link on which nothing came for so long is dead. A peer that is stopped
/// for 20 s is not: it may have spoken last one interval before, and speaks again one after.
const LONGEST: Duration = Duration::from_secs(40);

/// The silence of one connection.
pub(super) struct Silence {
    length: Cell<Duration>,
    ticked: Cell<Instant>,
}

impl Silence {
    /// Creates the silence of a connection that has just spoken.
    pub(super) fn new(now: Instant) -> Self {
        Self { length: Cell::new(Duration::ZERO), ticked: Cell::new(now) }
    }

    /// Notes that bytes have come.
    pub(super) fn broken(&self) {
        self.length.set(Duration::ZERO);
    }

    /// Counts the time since the last tick. Returns the length of a silence that is too long.
    pub(super) fn tick(&self, now: Instant) -> Option<Duration> {
        let since = now.saturating_duration_since(self.ticked.replace(now));
        let length = self.length.get() + since.min(KEEP_ALIVE);
        self.length.set(length);
        (length > LONGEST).then_some(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STOPPED: Duration = Duration::from_secs(20);

    #[test]
    fn a_peer_that_is_stopped_for_20_seconds_keeps_its_link() {
        let began = Instant::now();
        let silence = Silence::new(began);
        // It spoke just after a tick, and is one interval late when it goes on.
        let last = STOPPED + KEEP_ALIVE + KEEP_ALIVE;
        let ticks = (1_u32..).map(|tick| KEEP_ALIVE * tick).take_while(|at| *at <= last);
        for at in ticks {
            assert_eq!(silence.tick(began + at), None, "{at:?}");
        }
    }

    #[test]
    fn a_node_that_was_stopped_hears_its_peers_before_it_calls_them_silent() {
        let began = Instant::now();
        let silence = Silence::new(began);
        assert_eq!(silence.tick(began + KEEP_ALIVE), None);
        // All missed ticks come at once.
        let now = began + KEEP_ALIVE + 10 * STOPPED;
        for _ in 0..50 {
            assert_eq!(silence.tick(now), None);
        }
    }

    #[test]
    fn a_link_is_dead_after_a_long_silence_and_not_where_something_came() {
        let began = Instant::now();
        let silence = Silence::new(began);
        let mut now = began;
        let ticks = || {
            now += KEEP_ALIVE;
            silence.tick(now)
        };
        let dead: Vec<_> = std::iter::repeat_with(ticks).take(9).collect();
        assert_eq!(dead[..8], [None; 8]);
        assert_eq!(dead[8], Some(Duration::from_secs(45)));
        silence.broken();
        assert_eq!(silence.tick(now + KEEP_ALIVE), None);
    }
}
