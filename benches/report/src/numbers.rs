//! Whole numbers as doubles, for ratios and drawings.

/// The double nearest to a count.
#[expect(clippy::cast_precision_loss, reason = "the nearest double is what is asked for")]
pub(crate) fn nearest(count: u64) -> f64 {
    count as f64
}

/// A length as a count.
pub(crate) fn wide(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// How many times `old` is in `new`, if that is a number.
pub(crate) fn ratio(old: f64, new: f64) -> Option<f64> {
    finite(new / old)
}

/// The number, if it is one.
pub(crate) fn finite(number: f64) -> Option<f64> {
    number.is_finite().then_some(number)
}

/// The double nearest to a length or a position.
pub(crate) fn length(length: usize) -> f64 {
    nearest(wide(length))
}
