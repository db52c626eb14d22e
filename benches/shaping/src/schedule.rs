//! The model of arrivals, without a clock.
//!
//! It is the model of the protocols' simulation (`protocols/src/kernel/simulation/network.rs`), for a
//! delay that may change: bytes stay in order even then.

use std::time::Instant;

use crate::shape::Shape;

/// One direction of a link.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    busy_until: Option<Instant>,
    last: Option<Instant>,
}

impl Schedule {
    /// Returns when the last of these bytes arrives, if they are handed over at `now`.
    pub(crate) fn arrival_of(&mut self, bytes: usize, now: Instant, shape: &Shape) -> Instant {
        let begin = self.busy_until.map_or(now, |busy| busy.max(now));
        let sent = begin + shape.time_for(bytes);
        self.busy_until = Some(sent);
        self.in_order(sent + shape.delay())
    }

    /// Delays an arrival to the last one before, because bytes do not overtake others even after
    /// the delay became shorter.
    fn in_order(&mut self, arrival: Instant) -> Instant {
        let arrival = self.last.map_or(arrival, |last| last.max(arrival));
        self.last = Some(arrival);
        arrival
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn shape(delay: Duration, bandwidth: Option<f64>) -> Shape {
        Shape { delay, bandwidth }
    }

    #[test]
    fn bytes_arrive_after_their_time_on_the_line_and_the_delay() {
        let mut line = Schedule::default();
        let now = Instant::now();
        let shape = shape(14 * MS, Some(1e6));
        assert_eq!(line.arrival_of(5_000, now, &shape), now + 19 * MS);
    }

    #[test]
    fn bytes_wait_for_those_before_them_and_a_line_that_was_idle_is_free() {
        let mut line = Schedule::default();
        let now = Instant::now();
        let shape = shape(14 * MS, Some(1e6));
        line.arrival_of(5_000, now, &shape);
        assert_eq!(line.arrival_of(1_000, now + 2 * MS, &shape), now + 20 * MS);
        assert_eq!(line.arrival_of(1_000, now + 9 * MS, &shape), now + 24 * MS);
    }

    #[test]
    fn delay_alone_lets_any_number_of_bytes_be_under_way() {
        let mut line = Schedule::default();
        let now = Instant::now();
        for _ in 0..10 {
            assert_eq!(line.arrival_of(1 << 16, now, &shape(14 * MS, None)), now + 14 * MS);
        }
    }

    #[test]
    fn nothing_overtakes_when_the_delay_becomes_shorter() {
        let mut line = Schedule::default();
        let now = Instant::now();
        line.arrival_of(1, now, &shape(14 * MS, None));
        assert_eq!(line.arrival_of(1, now + MS, &shape(MS, None)), now + 14 * MS);
        assert_eq!(line.arrival_of(1, now + 20 * MS, &shape(MS, None)), now + 21 * MS);
    }

    #[test]
    fn pieces_of_a_whole_end_when_the_whole_does() {
        let mut pieces = Schedule::default();
        let mut whole = Schedule::default();
        let now = Instant::now();
        // The time of a piece is no whole number of nanoseconds.
        let shape = shape(MS, Some(1e6 / 3.0));
        let last = (0..200).map(|_| pieces.arrival_of(311, now, &shape)).last().unwrap();
        let [of_pieces, of_whole] =
            [last, whole.arrival_of(62_200, now, &shape)].map(|end| end - now);
        let apart = of_pieces.abs_diff(of_whole);
        assert!(apart < Duration::from_micros(1), "{apart:?}");
    }
}
