//! Numbers of JSON texts, with the meaning that they have in files.
//!
//! A parser of JSON makes the nearest double of every number with a point or an exponent. Here a
//! number is refused as a field of a column is, if its double is another whole number, or zero. A
//! whole number with an exponent, such as `1e3`, is written out, so that it is read as one.
//!
//! Nothing here checks the grammar of JSON, which the parser does afterwards.

use std::borrow::Cow;

use serde::de::IgnoredAny;

use crate::number;

/// The longest number without an exponent that needs no look at its value: it has at most 15
/// digits, a sign and a point.
const SHORT: usize = 17;

/// The fewest characters of a number without an exponent whose double can be zero.
const TINY: usize = 300;

/// A number of a JSON text that cannot be read without loss.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum JsonNumber {
    /// A whole number that no double equals, at this byte from 0.
    #[error(
        "the number at byte {0} is whole, and no double-precision number equals it: write it as a \
         text, or without exponent and point if it fits 64 bits"
    )]
    Inexact(usize),
    /// A number that is not zero, and whose double is.
    #[error(
        "the number at byte {0} is not zero, and no double-precision number is so near to zero: write \
         0 if you mean it"
    )]
    TooSmall(usize),
}

/// Returns a JSON text of the same meaning in which small whole numbers have no exponents.
///
/// # Errors
///
/// The first number that cannot be read without loss. A number beyond the doubles is left to the
/// parser, which refuses it.
pub fn plain_json_numbers(json: &[u8]) -> Result<Cow<'_, [u8]>, JsonNumber> {
    let mut written = Vec::new();
    let (mut kept, mut at) = (0, 0);
    while let Some(byte) = json.get(at) {
        let length = match byte {
            b'"' => text_length(json, at),
            b'-' | b'0'..=b'9' => number_length(json, at),
            _ => 1,
        };
        let end = at.saturating_add(length);
        if *byte != b'"'
            && let Some(plain) = judge(json.get(at..end).unwrap_or_default(), at)?
        {
            written.extend_from_slice(json.get(kept..at).unwrap_or_default());
            written.extend_from_slice(plain.as_bytes());
            kept = end;
        }
        at = end;
    }
    if kept == 0 {
        return Ok(Cow::Borrowed(json));
    }
    written.extend_from_slice(json.get(kept..).unwrap_or_default());
    Ok(Cow::Owned(written))
}

/// Returns the length of the text that opens at this byte, quotes included.
fn text_length(json: &[u8], at: usize) -> usize {
    let mut escaped = true;
    let inner = json.get(at..).unwrap_or_default().iter();
    let closing = inner.enumerate().position(|(place, byte)| {
        let closes = *byte == b'"' && !escaped && place > 0;
        escaped = *byte == b'\\' && !escaped;
        closes
    });
    closing.map_or(json.len(), |place| place.saturating_add(1))
}

/// Returns the length of the number that begins at this byte.
fn number_length(json: &[u8], at: usize) -> usize {
    let rest = json.get(at..).unwrap_or_default().iter();
    let is_part = |byte: &&u8| matches!(**byte, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9');
    rest.take_while(is_part).count().max(1)
}

/// Returns the plain form of a number, if it is to be written in another.
fn judge(token: &[u8], at: usize) -> Result<Option<String>, JsonNumber> {
    let has_exponent = token.iter().any(|byte| matches!(byte, b'e' | b'E'));
    if !has_exponent && token.len() <= SHORT {
        return Ok(None);
    }
    let Ok(text) = std::str::from_utf8(token) else { return Ok(None) };
    if serde_json::from_str::<IgnoredAny>(text).is_err() {
        return Ok(None);
    }
    if (has_exponent || token.len() >= TINY) && number::vanishes(text) {
        return Err(JsonNumber::TooSmall(at));
    }
    // Whole numbers that fit 64 bits stay such, beside others.
    let is_integer = !text.contains('.') && text.parse::<i64>().is_ok();
    if !is_integer && number::written(text).is_none() {
        return Err(JsonNumber::Inexact(at));
    }
    Ok(has_exponent.then(|| number::without_exponent(text)).flatten())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(json: &str) -> Result<String, JsonNumber> {
        plain_json_numbers(json.as_bytes())
            .map(|bytes| String::from_utf8(bytes.into_owned()).unwrap())
    }

    #[test]
    fn whole_numbers_with_exponents_are_written_out() {
        for (json, expected) in [
            ("[1e3,2E+2,-1.25e2,5e0,10e-1]", "[1000,200,-125,5,10e-1]"),
            (
                r#"{"a":1e1,"b":"1e3","\"1e3":[1e15]}"#,
                r#"{"a":10,"b":"1e3","\"1e3":[1000000000000000]}"#,
            ),
            (r#"["\\",1e2]"#, r#"["\\",100]"#),
            ("[1.5e3,1.5e-3,0e5,-0e1]", "[1500,1.5e-3,0,-0e1]"),
            // The parser decides on the forms of doubles.
            (
                "[1e16,6.02214076e23,6.0221407599999999e+23,1e400]",
                "[1e16,6.02214076e23,6.0221407599999999e+23,1e400]",
            ),
            (
                "[9007199254740993,123456789012345680000,0.1]",
                "[9007199254740993,123456789012345680000,0.1]",
            ),
            (
                "[0.10000000000000000555,9007199254740992.0]",
                "[0.10000000000000000555,9007199254740992.0]",
            ),
            ("1e2", "100"),
            ("[1e,--1,1.e2]", "[1e,--1,1.e2]"),
        ] {
            assert_eq!(plain(json).as_deref(), Ok(expected), "{json}");
        }
    }

    #[test]
    fn numbers_that_would_become_others_are_refused_with_their_place() {
        use JsonNumber::{Inexact, TooSmall};
        for (json, expected) in [
            ("[9007199254740993e0]", Inexact(1)),
            ("[1, 9.007199254740993e15]", Inexact(4)),
            ("[9007199254740993.0]", Inexact(1)),
            ("[12345678901234567890123]", Inexact(1)),
            (r#"{"value": 1e-400}"#, TooSmall(10)),
            ("[-1.5e-999999999999]", TooSmall(1)),
        ] {
            assert_eq!(plain(json), Err(expected), "{json}");
        }
        let tiny = format!("[0.{}1]", "0".repeat(400));
        assert_eq!(plain(&tiny), Err(TooSmall(1)));
    }

    #[test]
    fn a_number_means_the_same_in_json_and_in_a_file() {
        use crate::column::Kind;
        use crate::field::FieldReader;
        use crate::values::Cell;

        let numbers = [
            "1e3",
            "1.25e2",
            "9007199254740993e0",
            "9007199254740993.0",
            "9007199254740992",
            "0.1",
            "1e-3",
            "1e-400",
            "-1e-400",
            "1e16",
            "1.2345678901234568e17",
            "1.2345678901234567e17",
            "123456789012345678901",
            "100000000000000000000",
            "5e-324",
            "1e308",
            "0.30000000000000004",
            "6.0221407599999999e+23",
        ];
        for number in numbers {
            let of_field = match FieldReader::default().field(number, false, Kind::Number) {
                Ok(Cell::Number(value)) => Some(value),
                _ => None,
            };
            let of_json = plain(number).ok().map(|text| text.parse::<f64>().unwrap());
            assert_eq!(of_json.map(f64::to_bits), of_field.map(f64::to_bits), "{number}");
        }
    }
}
