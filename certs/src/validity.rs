//! The period for which a new identity is valid.

use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The number of days for which a new identity is valid.
///
/// Its end is not how a member is removed (that is done by taking its pin out of the consortium
/// file). It bounds the time for which a forgotten copy of the key is worth anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    days: u16,
}

impl Validity {
    /// The longest: ten years and the leap days in them.
    pub const MAX_DAYS: u16 = 3653;

    /// The default of `cloister identity new`: two years, because a renewal costs every member a
    /// telephone call.
    pub const DEFAULT: Self = Self::days(730);

    /// Makes a period of so many days from now. [`Identity::create`](crate::Identity::create)
    /// refuses 0 and more than [`Self::MAX_DAYS`].
    pub const fn days(days: u16) -> Self {
        Self { days }
    }

    /// Returns the number of days, as given.
    pub(crate) fn in_days(self) -> u16 {
        self.days
    }

    /// Returns the length of the period, or `None` if it is out of bounds.
    pub(crate) fn duration(self) -> Option<Duration> {
        (1..=Self::MAX_DAYS).contains(&self.days).then(|| DAY * u32::from(self.days))
    }
}

impl Default for Validity {
    fn default() -> Self {
        Self::DEFAULT
    }
}
