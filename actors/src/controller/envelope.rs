//! The body of a request: `args` and `kwargs`, as the known clients write them.
//!
//! The R client sends `{}` for an empty list, `[]` for an empty object, and a scalar for a list of
//! one. Missing entries count as empty.

use std::collections::BTreeMap;

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
        let data: Data = serde_json::from_slice(body).map_err(|error| {
            let place = format!("line {}, column {}", error.line(), error.column());
            ApiError::malformed(format!("the body is no JSON that this node takes, at {place}"))
        })?;
        let Data::Map(mut map) = data else {
            return Err(ApiError::malformed(format!("the body is {}, no object", data.kind())));
        };
        let args = positional(map.remove("args").unwrap_or(Data::Null))?;
        let kwargs = named(map.remove("kwargs").unwrap_or(Data::Null))?;
        Ok(Self { args, kwargs })
    }
}

fn positional(args: Data) -> Result<Vec<Data>, ApiError> {
    match args {
        Data::Null => Ok(Vec::new()),
        Data::List(list) => Ok(list),
        Data::Integers(list) => Ok(list.into_iter().map(Data::Integer).collect()),
        Data::Numbers(list) => Ok(list.into_iter().map(Data::Number).collect()),
        Data::Map(map) if map.is_empty() => Ok(Vec::new()),
        Data::Map(_) => Err(ApiError::malformed("`args` is an object, not a list")),
        scalar => Ok(vec![scalar]),
    }
}

fn named(kwargs: Data) -> Result<BTreeMap<String, Data>, ApiError> {
    match kwargs {
        Data::Null => Ok(BTreeMap::new()),
        Data::Map(map) => Ok(map),
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
    fn what_is_no_envelope_is_refused() {
        for body in ["[]", "1", "{", r#"{"args":{"a":1}}"#, r#"{"kwargs":[1]}"#, "\u{fffd}"] {
            let error = Envelope::parse(body.as_bytes()).unwrap_err();
            assert_eq!(error.code(), Code::MalformedRequest, "{body}");
        }
    }
}
