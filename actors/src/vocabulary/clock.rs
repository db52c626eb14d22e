//! The time of day, for records and for expiry.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;

/// Returns the seconds since 1970.
#[must_use]
pub fn seconds() -> u64 {
    since_1970().as_secs()
}

/// Returns the milliseconds since 1970.
#[must_use]
pub fn milliseconds() -> u64 {
    u64::try_from(since_1970().as_millis()).unwrap_or(u64::MAX)
}

/// Formats milliseconds since 1970 as RFC 3339 writes them: `2026-11-28T19:00:00.000Z`.
#[must_use]
pub fn rfc3339(milliseconds: u64) -> String {
    let nanoseconds = i128::from(milliseconds) * 1_000_000;
    let moment = OffsetDateTime::from_unix_timestamp_nanos(nanoseconds);
    let moment = moment.unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let (date, time) = (moment.date(), moment.time());
    let (hour, minute, second, millisecond) = time.as_hms_milli();
    format!("{date}T{hour:02}:{minute:02}:{second:02}.{millisecond:03}Z")
}

fn since_1970() -> Duration {
    // A clock before 1970 is wrong in any case.
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
