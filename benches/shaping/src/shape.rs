//! What a link is like, and the sizes that follow from it.

use std::time::Duration;

/// The longest delay; a longer one counts as this.
const LONGEST_DELAY: Duration = Duration::from_secs(60);

/// The slowest line in bytes a second; a slower one counts as this.
const SLOWEST: f64 = 1.0;

/// What a line without a bandwidth must be able to carry, in bytes a second: more than loopback
/// through a relay does, so that the bound on what is in flight never throttles it.
const FASTEST: f64 = 4e9;

/// How long a line takes for one piece. Whatever is read is delivered in pieces, each when its last
/// byte is due, so a frame in the midst of others is late by this at the most. A piece costs both
/// ends a wake-up.
const PIECE: Duration = Duration::from_micros(250);

/// How far the relay reads ahead of a line that is busy. The line must not fall idle while the
/// reader waits for its turn on a processor that others use.
const AHEAD: Duration = Duration::from_millis(20);

/// What may wait even on the slowest line.
const LEAST_HELD: usize = 4 << 10;

/// What one direction may hold at the most, whatever its delay.
const MOST_HELD: usize = 512 << 20;

/// Delay and bandwidth of a link. Both directions are alike, and each has its own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shape {
    /// How long a byte is under way, one way. More than a minute counts as a minute.
    pub delay: Duration,
    /// Bytes a second in each direction; none for a line that only has delay. Less than one
    /// counts as one.
    pub bandwidth: Option<f64>,
}

impl Shape {
    /// The most that is read at once: what loopback carries in one segment.
    pub(crate) const LONGEST_READ: usize = 64 << 10;

    pub(crate) fn delay(&self) -> Duration {
        self.delay.min(LONGEST_DELAY)
    }

    /// For how long so many bytes keep the line busy; as many as one read has, or fewer.
    pub(crate) fn time_for(&self, bytes: usize) -> Duration {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.rate().map_or(Duration::ZERO, |rate| Duration::from_secs_f64(f64::from(bytes) / rate))
    }

    /// The longest piece that is delivered as one.
    pub(crate) fn piece(&self) -> usize {
        self.rate()
            .map_or(Self::LONGEST_READ, |rate| bytes_in(PIECE, rate).clamp(64, Self::LONGEST_READ))
    }

    /// How much is read at once.
    pub(crate) fn read(&self) -> usize {
        Self::LONGEST_READ.min(self.most_held() / 4)
    }

    /// A direction that holds more than this is not read from.
    pub(crate) fn most_held(&self) -> usize {
        let rate = self.rate().unwrap_or(FASTEST);
        bytes_in(self.delay() + AHEAD, rate).clamp(LEAST_HELD, MOST_HELD)
    }

    /// A direction that held too much is read from again when it holds no more than this: a
    /// quarter of what it may read ahead has gone, for a wake-up per piece would cost more.
    pub(crate) fn resumed_at(&self) -> usize {
        let rate = self.rate().unwrap_or(FASTEST);
        let most = self.most_held();
        most - bytes_in(AHEAD / 4, rate).clamp(1, most / 4)
    }

    fn rate(&self) -> Option<f64> {
        // A NaN becomes the other number.
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
