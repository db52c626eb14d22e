//! Notices of ends that a peer may not have got, because its link was down or broke soon after.
//!
//! A peer that has not begun the session would wait for it until its deadline. So the notices of the
//! last moments are sent again over the next connection. A peer that has got one takes no notice of
//! it again.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::SendStop;

/// The time for which a notice is sent again. A dead line is found sooner, and the longest deadline
/// is of no use after it.
const LATELY: Duration = Duration::from_secs(60);

/// The most notices, and the most bytes of them.
const MOST: usize = 64;
const MOST_BYTES: usize = 256 << 10;

/// The last notices to a peer, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Told {
    notices: VecDeque<(Instant, SendStop)>,
    /// The run of the peer's node that they were for: another knows nothing of their sessions.
    boot: Option<[u8; 16]>,
}

impl Told {
    /// Keeps a notice.
    pub(super) fn keep(&mut self, stop: SendStop, now: Instant) {
        self.notices.push_back((now, stop));
        while self.notices.len() > MOST || self.bytes() > MOST_BYTES {
            self.notices.pop_front();
        }
    }

    /// Returns the notices that a peer whose node is connected now, in this run, may lack.
    pub(super) fn again(
        &mut self,
        boot: [u8; 16],
        now: Instant,
    ) -> impl Iterator<Item = &SendStop> {
        if self.boot.replace(boot) != Some(boot) {
            self.notices.clear();
        }
        self.notices.retain(|(told, _)| now.saturating_duration_since(*told) < LATELY);
        self.notices.iter().map(|(_, stop)| stop)
    }

    fn bytes(&self) -> usize {
        self.notices.iter().map(|(_, stop)| stop.notice.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use cloister_protocols::wire::SessionId;

    use super::*;

    fn stop(number: u8, bytes: usize) -> SendStop {
        SendStop { session: SessionId([number; 16]), notice: Bytes::from(vec![0; bytes]) }
    }

    fn numbers(told: &mut Told, now: Instant) -> Vec<u8> {
        told.again([7; 16], now).map(|stop| stop.session.0[0]).collect()
    }

    /// Connected once, so that the run of its node is known.
    fn told(now: Instant) -> Told {
        let mut told = Told::default();
        assert_eq!(numbers(&mut told, now), [0; 0]);
        told
    }

    #[test]
    fn a_node_that_was_started_again_is_told_nothing_of_before() {
        let now = Instant::now();
        let mut told = told(now);
        told.keep(stop(1, 100), now);
        assert_eq!(told.again([8; 16], now).count(), 0);
        assert_eq!(numbers(&mut told, now), [0; 0]);
    }

    #[test]
    fn the_last_notices_are_told_again_for_a_while() {
        let now = Instant::now();
        let mut told = told(now);
        told.keep(stop(1, 100), now);
        told.keep(stop(2, 100), now + LATELY / 2);
        assert_eq!(numbers(&mut told, now + LATELY / 2), [1, 2]);
        assert_eq!(numbers(&mut told, now + LATELY), [2]);
        assert_eq!(numbers(&mut told, now + LATELY * 2), [0; 0]);
    }

    #[test]
    fn they_are_few_and_short() {
        let now = Instant::now();
        let mut told = told(now);
        (0..200).for_each(|number| told.keep(stop(number, 100), now));
        assert_eq!(numbers(&mut told, now).len(), MOST);
        (0..10).for_each(|number| told.keep(stop(number, 60 << 10), now));
        assert_eq!(numbers(&mut told, now), [6, 7, 8, 9]);
    }
}
