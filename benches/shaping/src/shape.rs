//! The shape of a link, and the sizes derived from it.

use std::time::Duration;

/// The longest delay, which replaces longer ones.
const LONGEST_DELAY: Duration = Duration::from_secs(60);

/// The rate of the slowest line in bytes a second, which replaces lower ones.
const SLOWEST: f64 = 1.0;

/// The rate of a line without a bandwidth, in bytes a second. It exceeds loopback through a relay,
/// so that the bound on bytes in flight never throttles such a line.
const FASTEST: f64 = 4e9;

/// The time of one piece on the line. Bytes are delivered in pieces, each when its last byte is
/// due, so a frame amid others is late by at most this time. A piece costs both ends a wake-up.
const PIECE: Duration = Duration::from_micros(250);

/// The time by which the relay reads ahead of a busy line. The line must not fall idle while the
/// reader waits for a processor.
const AHEAD: Duration = Duration::from_millis(20);

/// The least bytes that a direction may hold, even on the slowest line.
const LEAST_HELD: usize = 4 << 10;

/// The most bytes that a direction may hold, at any delay.
const MOST_HELD: usize = 512 << 20;

/// Delay and bandwidth of a link, the same for each direction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shape {
    /// The one-way delay of a byte. More than a minute counts as a minute.
    pub delay: Duration,
    /// The bytes a second in each direction, or `None` for a line with delay only. Less than one
    /// counts as one.
    pub bandwidth: Option<f64>,
}

impl Shape {
    /// The most bytes of one read, which is the longest segment of loopback.
    pub(crate) const LONGEST_READ: usize = 64 << 10;

    pub(crate) fn delay(&self) -> Duration {
        self.delay.min(LONGEST_DELAY)
    }

    /// Returns the time for which the bytes of at most one read occupy the line.
    pub(crate) fn time_for(&self, bytes: usize) -> Duration {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.rate().map_or(Duration::ZERO, |rate| Duration::from_secs_f64(f64::from(bytes) / rate))
    }

    /// Returns the longest piece that is delivered as one.
    pub(crate) fn piece(&self) -> usize {
        self.rate()
            .map_or(Self::LONGEST_READ, |rate| bytes_in(PIECE, rate).clamp(64, Self::LONGEST_READ))
    }

    /// Returns the most bytes to read at once.
    pub(crate) fn read(&self) -> usize {
        Self::LONGEST_READ.min(self.most_held() / 4)
    }

    /// Returns the bytes from which on a direction is not read from.
    pub(crate) fn most_held(&self) -> usize {
        let rate = self.rate().unwrap_or(FASTEST);
        bytes_in(self.delay() + AHEAD, rate).clamp(LEAST_HELD, MOST_HELD)
    }

    /// Returns the bytes below which a full direction is read from again. By then a quarter of the
    /// read-ahead is delivered, because a wake-up for each piece would cost more.
    pub(crate) fn resumed_at(&self) -> usize {
        let rate = self.rate().unwrap_or(FASTEST);
        let most = self.most_held();
        most - bytes_in(AHEAD / 4, rate).clamp(1, most / 4)
    }

    fn rate(&self) -> Option<f64> {
        // `max` replaces a NaN.
        self.bandwidth.map(|rate| rate.max(SLOWEST)).filter(|rate| rate.is_finite())
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a positive number of bytes, rounded down; too large a one becomes the largest"
)]
fn bytes_in(time: Duration, rate: f64) -> usize {
    (time.as_secs_f64() * rate) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(milliseconds: u64, bandwidth: Option<f64>) -> Shape {
        Shape { delay: Duration::from_millis(milliseconds), bandwidth }
    }

    #[test]
    fn bytes_take_their_number_over_the_bandwidth() {
        let line = shape(14, Some(1_250_000.0));
        assert_eq!(line.time_for(12_500), Duration::from_millis(10));
        assert_eq!(shape(14, None).time_for(12_500), Duration::ZERO);
    }

    #[test]
    fn a_piece_takes_a_fraction_of_a_millisecond() {
        for rate in [1e6, 1.25e7, 1.25e8] {
            let line = shape(0, Some(rate));
            assert!(line.time_for(line.piece()) <= PIECE, "{rate}");
        }
    }

    #[test]
    fn a_line_holds_its_delay_and_little_more() {
        assert_eq!(shape(80, Some(1e6)).most_held(), 100_000);
        assert_eq!(shape(80, Some(1e6)).resumed_at(), 95_000);
        assert!(shape(14, None).most_held() >= 100_000_000);
    }

    #[test]
    fn no_number_makes_a_line_that_cannot_be_computed_with() {
        for rate in [f64::NAN, f64::NEG_INFINITY, -1.0, 0.0, 1e-300, 1.0, 1e300, f64::INFINITY] {
            for delay in [Duration::ZERO, Duration::MAX] {
                let line = Shape { delay, bandwidth: Some(rate) };
                assert!(
                    line.time_for(Shape::LONGEST_READ) <= Duration::from_secs(70_000),
                    "{line:?}"
                );
                assert!((1..=Shape::LONGEST_READ).contains(&line.piece()), "{line:?}");
                assert!((1..=Shape::LONGEST_READ).contains(&line.read()), "{line:?}");
                assert!(line.resumed_at() < line.most_held(), "{line:?}");
                assert!(line.most_held() <= MOST_HELD, "{line:?}");
            }
        }
    }
}
