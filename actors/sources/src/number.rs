//! Conversions between integers, decimals and doubles that lose no digit silently.

use std::cmp::Ordering;

/// 2^63: the first double above all 64-bit integers.
const TWO_63: f64 = 9_223_372_036_854_775_808.0;

/// 2^53: from here on texts of different integers have one double.
const TWO_53: f64 = 9_007_199_254_740_992.0;

/// The bound up to which every integer is a double.
const EXACT: u64 = 1 << 53;

/// The most significant digits that every decimal keeps in its nearest double.
const DIGITS: usize = 15;

/// Returns the double that equals this integer, if there is one.
pub(crate) fn exact(integer: i64) -> Option<f64> {
    let double = nearest(integer);
    let same = integer.unsigned_abs() <= EXACT || compare(integer, double) == Ordering::Equal;
    same.then_some(double)
}

/// Returns the double nearest to this integer.
#[expect(clippy::cast_precision_loss, reason = "the nearest double is what is asked for")]
pub(crate) fn nearest(integer: i64) -> f64 {
    integer as f64
}

/// Returns the integer that equals this double, if there is one.
pub(crate) fn integer(double: f64) -> Option<i64> {
    let whole = double.is_finite() && double.fract() == 0.0;
    let fits = (-TWO_63..TWO_63).contains(&double);
    (whole && fits).then(|| truncated(double))
}

/// Compares as real numbers, without rounding. `double` is finite.
pub(crate) fn compare(integer: i64, double: f64) -> Ordering {
    if double >= TWO_63 {
        return Ordering::Less;
    }
    if double < -TWO_63 {
        return Ordering::Greater;
    }
    let below = double.floor();
    let fraction = if double > below { Ordering::Less } else { Ordering::Equal };
    integer.cmp(&truncated(below)).then(fraction)
}

#[expect(clippy::cast_possible_truncation, reason = "callers have checked the bounds")]
fn truncated(double: f64) -> i64 {
    double as i64
}

/// Converts a decimal, as databases write it, to a double from which it can be recovered.
///
/// This is every decimal of up to 15 significant digits, and every longer one that Rust prints with
/// the same digits.
pub(crate) fn decimal(text: &str) -> Option<f64> {
    let double: f64 = text.parse().ok()?;
    if !double.is_finite() {
        return None;
    }
    let (found, expected) = (digits(&format!("{double:e}")), digits(text));
    let same = expected.len() <= DIGITS || found == expected;
    // Doubles below the smallest normal one have fewer digits.
    let normal = double.is_normal() || expected.is_empty();
    (same && normal).then_some(double)
}

/// Converts a decimal without fraction, or whose fraction is zero, to an integer.
pub(crate) fn decimal_integer(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    fraction.bytes().all(|digit| digit == b'0').then(|| whole.parse().ok()).flatten()
}

/// Returns `true` for a decimal without fraction, or whose fraction is zero.
pub(crate) fn is_whole(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = whole.strip_prefix(['+', '-']).unwrap_or(whole);
    let is_digits = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    is_digits && fraction.bytes().all(|digit| digit == b'0')
}

/// Returns `true` for a number that its exponent makes whole, such as `1.25e2`.
fn is_whole_by_exponent(text: &str) -> bool {
    let Some((mantissa, exponent)) = text.split_once(['e', 'E']) else { return false };
    let fraction = mantissa.split_once('.').map_or("", |(_, fraction)| fraction);
    let Ok(places) = u64::try_from(fraction.trim_end_matches('0').len()) else { return false };
    exponent.parse::<i64>().is_ok_and(|exponent| exponent >= 0 && exponent.unsigned_abs() >= places)
}

/// Returns `true` for a number that is not zero and whose nearest double is zero.
pub(crate) fn vanishes(text: &str) -> bool {
    text.parse::<f64>().is_ok_and(|double| double == 0.0) && !digits(text).is_empty()
}

/// Writes out a whole number with an exponent, such as `1.25e2`, up to 2^53. A negative zero keeps
/// its exponent, because without one it would be an integer.
pub(crate) fn without_exponent(text: &str) -> Option<String> {
    let double = written(text).filter(|_| is_whole_by_exponent(text))?;
    let fits = double.abs() <= TWO_53 && !(double == 0.0 && double.is_sign_negative());
    fits.then(|| integer(double)).flatten().map(|whole| whole.to_string())
}

/// Returns a decimal without the zeros at the end of its fraction, so that equal ones have one text.
pub(crate) fn plain_decimal(text: &str) -> &str {
    match text.split_once('.') {
        Some((_, fraction)) if fraction.bytes().all(|digit| digit.is_ascii_digit()) => {
            text.trim_end_matches('0').trim_end_matches('.')
        }
        _ => text,
    }
}

/// Converts a number as people write it to the nearest double. A whole number that is no double is
/// `None`; fractions are rounded, because they were so when they were written. A whole number with an
/// exponent is taken if it can be recovered: so programs write doubles, with 17 digits at the most.
pub(crate) fn written(text: &str) -> Option<f64> {
    if is_whole_by_exponent(text) && !text.parse().is_ok_and(f64::is_infinite) {
        return decimal(text).or_else(|| in_full(text));
    }
    if !is_whole(text) {
        return text.parse().ok();
    }
    match decimal_integer(text) {
        Some(integer) => exact(integer),
        None => decimal(text).or_else(|| equal(text)),
    }
}

/// Returns the double that equals this whole number, if there is one: a power of two has more digits
/// than tell it apart.
fn equal(text: &str) -> Option<f64> {
    let double: f64 = text.parse().ok()?;
    let (whole, _) = text.split_once('.').unwrap_or((text, ""));
    let unsigned = |text: &str| text.trim_start_matches(['+', '-', '0']).to_owned();
    (unsigned(&format!("{double:.0}")) == unsigned(whole)).then_some(double)
}

/// Returns the double that a program wrote with all 17 digits that tell doubles apart.
fn in_full(text: &str) -> Option<f64> {
    let double: f64 = text.parse().ok()?;
    (digits(&format!("{double:.16e}")) == digits(text)).then_some(double)
}

/// Returns `true` for a text in the grammar of doubles.
pub(crate) fn is_number(text: &str) -> bool {
    text.parse::<f64>().is_ok()
}

/// Returns `true` for a text with a fraction or an exponent whose nearest double can be an integer
/// that the text is not.
pub(crate) fn may_round(text: &str) -> bool {
    if is_whole(text) {
        return false;
    }
    let (mantissa, exponent) = text.split_once(['e', 'E']).map_or((text, ""), |parts| parts);
    let fraction = mantissa.split_once('.').map_or("", |(_, fraction)| fraction);
    let large = text.parse::<f64>().is_ok_and(|double| double.abs() >= TWO_53);
    large || (exponent.is_empty() && fraction.bytes().any(|digit| digit != b'0'))
}

/// Rounds to a float of 32 bits.
#[expect(clippy::cast_possible_truncation, reason = "the nearest float is what is asked for")]
pub(crate) fn single(double: f64) -> f32 {
    double as f32
}

/// Returns the significant digits, without leading and trailing zeros, sign, point and exponent.
fn digits(text: &str) -> String {
    let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    digits.trim_matches('0').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_become_doubles_only_where_they_are_ones() {
        assert_eq!(exact(1 << 53), Some(9_007_199_254_740_992.0));
        assert_eq!(exact((1 << 53) + 1), None);
        assert_eq!(exact((1 << 53) + 2), Some(9_007_199_254_740_994.0));
        assert_eq!(exact(i64::MAX), None);
        assert_eq!(exact(i64::MIN), Some(-TWO_63));
    }

    #[test]
    fn doubles_become_integers_only_where_they_are_ones() {
        assert_eq!(integer(-3.0), Some(-3));
        assert_eq!(integer(-0.0), Some(0));
        assert_eq!(integer(-TWO_63), Some(i64::MIN));
        for double in [0.5, TWO_63, f64::NAN, f64::INFINITY, -1e300] {
            assert_eq!(integer(double), None);
        }
    }

    #[test]
    fn comparison_does_not_round() {
        assert_eq!(compare((1 << 53) + 1, 9_007_199_254_740_992.0), Ordering::Greater);
        assert_eq!(compare(i64::MAX, TWO_63), Ordering::Less);
        assert_eq!(compare(i64::MIN, -TWO_63), Ordering::Equal);
        assert_eq!(compare(-2, -1.5), Ordering::Less);
        assert_eq!(compare(-1, -1.5), Ordering::Greater);
        assert_eq!(compare(0, -0.0), Ordering::Equal);
    }

    #[test]
    fn decimals_keep_their_digits() {
        assert_eq!(decimal("19.990"), Some(19.99));
        assert_eq!(decimal("-0.00"), Some(-0.0));
        assert_eq!(decimal("123456789012345"), Some(123_456_789_012_345.0));
        assert_eq!(decimal("9007199254740993"), None);
        assert_eq!(decimal("0.1000000000000000055"), None);
        assert_eq!(decimal("1e400"), None);
        assert_eq!(decimal("9007199254740992"), Some(9_007_199_254_740_992.0));
        assert_eq!(decimal_integer("-12.000"), Some(-12));
        assert_eq!(decimal_integer("12.5"), None);
        assert_eq!(decimal_integer("9223372036854775808"), None);
        assert_eq!(plain_decimal("-1.50"), "-1.5");
        assert_eq!(plain_decimal("100.000"), "100");
        assert_eq!(plain_decimal("100"), "100");
    }

    #[test]
    fn written_whole_numbers_are_not_rounded() {
        assert_eq!(written("9007199254740993"), None);
        assert_eq!(written("9007199254740993.00"), None);
        assert_eq!(written("-9007199254740994"), Some(-9_007_199_254_740_994.0));
        assert_eq!(written("123456789012345678901234567890"), None);
        assert_eq!(written("100000000000000000000000000000"), Some(1e29));
        assert_eq!(written("9223372036854775808"), Some(TWO_63));
        assert_eq!(written("-18446744073709551616.0"), Some(-2.0 * TWO_63));
        assert_eq!(written("18446744073709551615"), None);
        assert_eq!(written("0.30000000000000004"), Some(0.300_000_000_000_000_04));
        assert_eq!(written("0.10000000000000000555"), Some(0.1));
        assert_eq!(written("1e300"), Some(1e300));
        // Doubles as programs write them are taken, and what no double is written as is not.
        assert_eq!(written("1.2345678901234568e17"), Some(1.234_567_890_123_456_8e17));
        assert_eq!(written("6.02214076E+23"), Some(6.022_140_76e23));
        assert_eq!(written("-0e5"), Some(-0.0));
        assert_eq!(written("9.007199254740993e15"), None);
        assert_eq!(written("9007199254740993e0"), None);
        assert_eq!(written("-1.2345678901234567e17"), None);
        assert_eq!(written("1.00000000000000005e1"), Some(10.0));
        assert_eq!(written("1e400"), Some(f64::INFINITY));
    }
}
