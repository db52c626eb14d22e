//! The grid of time on which questions about datasets are answered: the time to an answer or to a
//! refusal would otherwise tell how many rows there are, and which rule refused.
//!
//! Times are rounded up to multiples of 50 ms, and beyond a second to steps of 5 %. A step hides
//! what differs within it, not a difference of several steps. Nothing here reads a clock but
//! [`TimeGrid::wait`], which asks the runtime's.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// The steps up to a second.
const STEP: Duration = Duration::from_millis(50);

/// The time from which on steps are relative.
const RELATIVE_FROM: Duration = Duration::from_secs(1);

/// The ratio of a relative step and the one before.
const RATIO: f64 = 1.05;

/// Waits for the grid's next step, or not at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeGrid {
    /// Answers wait.
    Waits,
    /// Answers come at once.
    Off,
}

impl TimeGrid {
    /// Waits until the time since `began` is on the grid.
    pub async fn wait(self, began: Instant) {
        if self == Self::Waits {
            sleep_until(began + coarse(began.elapsed())).await;
        }
    }
}

/// Rounds a time up to the grid.
#[must_use]
pub fn coarse(time: Duration) -> Duration {
    if time <= RELATIVE_FROM {
        let steps = time.as_nanos().div_ceil(STEP.as_nanos());
        return STEP * u32::try_from(steps).expect("a second has 20 steps");
    }
    let mut edge = RELATIVE_FROM;
    while edge < time {
        edge = edge.mul_f64(RATIO);
    }
    edge
}

/// Rounds seconds up to the grid.
#[must_use]
pub fn coarse_seconds(seconds: f64) -> f64 {
    coarse(Duration::try_from_secs_f64(seconds).unwrap_or_default()).as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounded(milliseconds: u64) -> u128 {
        coarse(Duration::from_millis(milliseconds)).as_millis()
    }

    #[test]
    fn times_are_rounded_up_to_50_ms_and_beyond_a_second_to_5_percent() {
        let due =
            [(0, 0), (1, 50), (50, 50), (51, 100), (999, 1_000), (1_000, 1_000), (1_001, 1_050)];
        for (time, grid) in due {
            assert_eq!(rounded(time), grid, "{time}");
        }
        assert_eq!(rounded(1_051), 1_102);
        let day = rounded(86_400_000);
        assert!((86_400_000..=90_720_000).contains(&day), "{day}");
    }

    #[test]
    fn a_time_on_the_grid_stays_there() {
        for milliseconds in [0, 7, 430, 1_234, 60_000, 3_600_000] {
            let once = coarse(Duration::from_millis(milliseconds));
            assert_eq!(coarse(once), once, "{milliseconds}");
            assert!(once.as_millis() >= u128::from(milliseconds));
        }
    }

    #[actix::test]
    async fn an_answer_waits_for_the_grid() {
        let began = Instant::now();
        TimeGrid::Waits.wait(began - Duration::from_millis(12)).await;
        assert!(began.elapsed() >= Duration::from_millis(38));
        // Without the grid, not even a wait of an hour would begin.
        TimeGrid::Off.wait(began - Duration::from_secs(72_001)).await;
    }
}
