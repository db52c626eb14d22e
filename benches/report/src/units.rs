//! Numbers for people to read: three digits and a unit.
//!
//! An absent, infinite or undefined number is [`ABSENT`], so that no table and no page shows `NaN`.

use crate::numbers::{finite, nearest};

/// The text in place of a missing number.
pub(crate) const ABSENT: &str = "–";

/// Prefixes of decimal multiples, with their factors.
const MULTIPLES: [(f64, &str); 4] = [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")];

/// Writes a time: `8.20 ms`.
pub(crate) fn seconds(seconds: f64) -> String {
    match finite(seconds) {
        None => ABSENT.to_owned(),
        Some(0.0) => "0 s".to_owned(),
        Some(seconds) => {
            let (value, unit) = unit_of_time(seconds);
            format!("{} {unit}", three_digits(value))
        }
    }
}

/// Writes a size in powers of a thousand: `1.40 MB`.
pub(crate) fn bytes(bytes: f64) -> String {
    multiple(bytes, "B")
}

/// Writes a rate in bytes a second: `1.20 GB/s`.
pub(crate) fn bytes_per_second(rate: f64) -> String {
    multiple(rate, "B/s")
}

/// Writes a rate in any unit: `27.0 M rows/s`, or `27.0 M/s` without a unit.
pub(crate) fn rate(rate: f64, unit: &str) -> String {
    let Some(rate) = finite(rate) else { return ABSENT.to_owned() };
    let (value, prefix) = scaled(rate);
    let mut text = three_digits(value);
    for word in [prefix, unit] {
        if !word.is_empty() {
            text = format!("{text} {word}");
        }
    }
    format!("{text}/s")
}

/// Writes a ratio: `1.31×`.
pub(crate) fn times(ratio: f64) -> String {
    finite(ratio).map_or_else(|| ABSENT.to_owned(), |ratio| format!("{}×", three_digits(ratio)))
}

/// Writes a size of data with all digits: `10 k`, `1 M`, `65536`.
pub(crate) fn exact(count: usize) -> String {
    match count {
        0 => "0".to_owned(),
        _ if count.is_multiple_of(1_000_000) => format!("{} M", count / 1_000_000),
        _ if count.is_multiple_of(1_000) => format!("{} k", count / 1_000),
        _ => count.to_string(),
    }
}

/// Writes a round time at an axis: `20 ms`.
pub(crate) fn tick_seconds(seconds: f64) -> String {
    if seconds == 0.0 {
        return "0".to_owned();
    }
    let (value, unit) = unit_of_time(seconds);
    format!("{} {unit}", thousandths(value))
}

/// Writes a round count at an axis: `20 k`.
pub(crate) fn tick_count(count: f64) -> String {
    let (value, prefix) = scaled(count);
    format!("{} {prefix}", thousandths(value)).trim_end().to_owned()
}

/// Writes a count of bytes that may be absent.
pub(crate) fn maybe_bytes(count: Option<u64>) -> String {
    count.map_or_else(|| ABSENT.to_owned(), |count| bytes(nearest(count)))
}

/// Writes a time that may be absent.
pub(crate) fn maybe_seconds(time: Option<f64>) -> String {
    time.map_or_else(|| ABSENT.to_owned(), seconds)
}

/// Chooses the unit in which a time has one to three digits before the point. A time that would be
/// rounded up to a thousand gets the next unit.
fn unit_of_time(seconds: f64) -> (f64, &'static str) {
    match seconds.abs() {
        size if size < 0.999_5e-6 => (seconds * 1e9, "ns"),
        size if size < 0.999_5e-3 => (seconds * 1e6, "µs"),
        size if size < 0.999_5 => (seconds * 1e3, "ms"),
        _ => (seconds, "s"),
    }
}

fn multiple(number: f64, unit: &str) -> String {
    let Some(number) = finite(number) else { return ABSENT.to_owned() };
    let (value, prefix) = scaled(number);
    // Without a prefix the number is whole, as there is no fraction of a byte.
    let value = if prefix.is_empty() { format!("{value:.0}") } else { three_digits(value) };
    format!("{value} {prefix}{unit}")
}

fn scaled(number: f64) -> (f64, &'static str) {
    for (factor, prefix) in MULTIPLES {
        if number.abs() >= factor * 0.999_5 {
            return (number / factor, prefix);
        }
    }
    (number, "")
}

/// Rounds to three decimal places.
fn thousandths(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

fn three_digits(value: f64) -> String {
    match value.abs() {
        size if size >= 99.95 => format!("{value:.0}"),
        size if size >= 9.995 => format!("{value:.1}"),
        size if size >= 0.099_95 || size == 0.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_digits_and_the_nearest_unit() {
        let cases = [
            (0.0, "0 s"),
            (4.2e-9, "4.20 ns"),
            (999.7e-9, "1.00 µs"),
            (63e-6, "63.0 µs"),
            (0.0082, "8.20 ms"),
            (0.9999, "1.00 s"),
            (1.5, "1.50 s"),
            (123.4, "123 s"),
        ];
        for (time, written) in cases {
            assert_eq!(seconds(time), written);
        }
    }

    #[test]
    fn sizes_and_rates_have_decimal_multiples() {
        assert_eq!(bytes(0.0), "0 B");
        assert_eq!(bytes(999.0), "999 B");
        assert_eq!(bytes(1_400_000.0), "1.40 MB");
        assert_eq!(bytes(999_999.0), "1.00 MB");
        assert_eq!(bytes_per_second(1.25e9), "1.25 GB/s");
        assert_eq!(rate(27e6, "rows"), "27.0 M rows/s");
        assert_eq!(rate(12.0, "rows"), "12.0 rows/s");
        assert_eq!(rate(27e6, ""), "27.0 M/s");
        assert_eq!(times(1.314), "1.31×");
    }

    #[test]
    fn sizes_of_data_lose_no_digit() {
        assert_eq!(exact(0), "0");
        assert_eq!(exact(10_000), "10 k");
        assert_eq!(exact(2_000_000), "2 M");
        assert_eq!(exact(65_536), "65536");
        assert_eq!(exact(1_001), "1001");
    }

    #[test]
    fn what_is_no_number_is_absent() {
        for strange in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(seconds(strange), ABSENT);
            assert_eq!(bytes(strange), ABSENT);
            assert_eq!(rate(strange, "rows"), ABSENT);
            assert_eq!(times(strange), ABSENT);
        }
    }
}
