//! The body of a request: `args` and `kwargs`, as the known clients write them.
//!
//! The R client sends `{}` for an empty list, `[]` for an empty object, and a scalar for a list of
//! one. Missing entries count as empty.

use std::collections::BTreeMap;
use std::mem;

use crate::vocabulary::data::Data;
use crate::vocabulary::error::ApiError;

/// The arguments of a request.
#[derive(Debug, Default, PartialEq)]
pub struct Envelope {
    /// Positional arguments.
    pub args: Vec<Data>,
    /// Named arguments.
    pub kwargs: BTreeMap<String, Data>,
}

impl Envelope {
    /// Reads the body of a request; an empty body counts as `{}`.
    ///
    /// # Errors
    /// If it is no JSON, or no envelope.
    pub fn parse(body: &[u8]) -> Result<Self, ApiError> {
        if body.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self::default());
        }
        let plain = cloister_sources::plain_json_numbers(body)
            .map_err(|error| ApiError::malformed(format!("the body is not taken: {error}")))?;
        let mut data: Data = serde_json::from_slice(&plain).map_err(|error| {
            let place = format!("line {}, column {}", error.line(), error.column());
            let reason = reason(&error.to_string());
            ApiError::malformed(format!(
                "the body is no JSON that this node takes, at {place}{reason}"
            ))
            .hint(
                "send JSON; columns are taken as CSV or as an Arrow stream with their content type, \
                 text/csv or application/vnd.apache.arrow.stream",
            )
        })?;
        let kind = data.kind();
        let Data::Map(map) = &mut data else {
            return Err(ApiError::malformed(format!("the body is {kind}, no object")));
        };
        let args = positional(map.remove("args").unwrap_or(Data::Null))?;
        let kwargs = named(map.remove("kwargs").unwrap_or(Data::Null))?;
        Ok(Self { args, kwargs })
    }
}

/// Returns the reason for which a body is refused where its grammar is right, behind its place. The
/// parser's words tell no value.
fn reason(words: &str) -> &'static str {
    let reasons = [
        (
            "hex escape",
            ": a text has half of a surrogate pair, or another escape that is no character",
        ),
        ("an entry twice", ": an object names an entry twice"),
        ("out of range", ": a number is beyond double precision"),
        ("beyond 2^63", ": a whole number is beyond 64 bits, and no double equals it"),
        ("too much memory", ": it would take too much memory"),
        ("recursion limit", ": lists and objects are nested too deeply"),
        ("control character", ": a text has a control character that is not escaped"),
    ];
    let found = reasons.into_iter().find(|(word, _)| words.contains(word));
    found.map_or("", |(_, reason)| reason)
}

fn positional(mut args: Data) -> Result<Vec<Data>, ApiError> {
    match &mut args {
        Data::Null => Ok(Vec::new()),
        Data::List(list) => Ok(mem::take(list)),
        Data::Integers(list) => Ok(list.iter().copied().map(Data::Integer).collect()),
        Data::Numbers(list) => Ok(list.iter().copied().map(Data::Number).collect()),
        Data::Map(map) if map.is_empty() => Ok(Vec::new()),
        Data::Map(_) => Err(ApiError::malformed("`args` is an object, not a list")),
        Data::Bool(_) | Data::Integer(_) | Data::Number(_) | Data::Text(_) => Ok(vec![args]),
    }
}

fn named(mut kwargs: Data) -> Result<BTreeMap<String, Data>, ApiError> {
    match &mut kwargs {
        Data::Null => Ok(BTreeMap::new()),
        Data::Map(map) => Ok(mem::take(map)),
        Data::List(list) if list.is_empty() => Ok(BTreeMap::new()),
        other => Err(ApiError::malformed(format!("`kwargs` is {}, not an object", other.kind()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocabulary::code::Code;

    #[test]
    fn what_the_known_clients_send_is_read() {
        let empty = Envelope::default();
        for body in ["", "{}", r#"{"ignore":[]}"#, r#"{"args":{},"kwargs":[]}"#] {
            assert_eq!(Envelope::parse(body.as_bytes()).unwrap(), empty);
        }
        let unboxed = Envelope::parse(br#"{"args":"a","kwargs":{"k":1}}"#).unwrap();
        assert_eq!(unboxed.args, vec![Data::Text("a".into())]);
        let vector = Envelope::parse(br#"{"args":[1,2]}"#).unwrap();
        assert_eq!(vector.args, vec![Data::Integer(1), Data::Integer(2)]);
    }

    #[test]
    fn a_refused_body_is_told_the_reason() {
        for (body, reason) in [
            (r#"{"args":["\ud800"]}"#, "half of a surrogate pair"),
            (r#"{"args":[{"a":1,"a":2}]}"#, "names an entry twice"),
            (r#"{"args":[1e999]}"#, "beyond double precision"),
            (r#"{"args":[9007199254740993e0]}"#, "at byte 9"),
            (r#"{"args":[1e-999]}"#, "so near to zero"),
        ] {
            let error = Envelope::parse(body.as_bytes()).unwrap_err();
            assert_eq!(error.code(), Code::MalformedRequest, "{body}");
            assert!(error.message().contains(reason), "{body}: {}", error.message());
        }
        let whole = Envelope::parse(br#"{"args":[[9007199254740993,1e3]]}"#).unwrap();
        assert_eq!(whole.args, vec![Data::Integers(vec![9_007_199_254_740_993, 1000])]);
    }

    #[test]
    fn columns_that_are_sent_as_json_are_told_their_content_type() {
        let error = Envelope::parse(b"age,sex\n61,f\n").unwrap_err();
        assert!(error.advice().contains("text/csv"), "{}", error.advice());
    }

    #[test]
    fn what_is_no_envelope_is_refused() {
        for body in ["[]", "1", "{", r#"{"args":{"a":1}}"#, r#"{"kwargs":[1]}"#, "\u{fffd}"] {
            let error = Envelope::parse(body.as_bytes()).unwrap_err();
            assert_eq!(error.code(), Code::MalformedRequest, "{body}");
        }
    }
}
