//! Conversions of numbers, for ratios and drawings.

/// Returns the double nearest to a count.
#[expect(clippy::cast_precision_loss, reason = "the caller wants the nearest double")]
pub(crate) fn nearest(count: u64) -> f64 {
    count as f64
}

/// Converts a length to a count.
pub(crate) fn wide(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// Divides `new` by `old`, and returns `None` if the result is not finite.
pub(crate) fn ratio(old: f64, new: f64) -> Option<f64> {
    finite(new / old)
}

/// Returns the number, if it is finite.
pub(crate) fn finite(number: f64) -> Option<f64> {
    number.is_finite().then_some(number)
}

/// Returns the double nearest to a length or position.
pub(crate) fn length(length: usize) -> f64 {
    nearest(wide(length))
}
