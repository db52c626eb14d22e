//! Conversions of counts to real numbers, in one place.

/// Converts a count. Above 2^53 it is rounded; the bounds keep counts far below.
#[expect(clippy::cast_precision_loss, reason = "counts of rows are below 2^53")]
pub(crate) fn real(count: u64) -> f64 {
    count as f64
}
