//! The JSON form of filters.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::{Comparison, Constant, Filter, MAX_DEPTH, MAX_NODES};
use crate::error::SelectionError;

impl Filter {
    /// Parses the JSON form.
    ///
    /// # Errors
    ///
    /// Another form, more than [`MAX_DEPTH`] levels or more than [`MAX_NODES`] parts.
    pub fn from_json(value: &Value) -> Result<Self, SelectionError> {
        let mut nodes = 0;
        parse(value, MAX_DEPTH, &mut nodes)
    }

    /// Encodes the filter as JSON.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Compare { column, op, value } => {
                json!({"column": column, "op": op.symbol(), "value": value.to_json()})
            }
            Self::And(parts) => json!({"and": all_to_json(parts)}),
            Self::Or(parts) => json!({"or": all_to_json(parts)}),
            Self::Not(part) => json!({"not": part.to_json()}),
        }
    }
}

impl<'de> Deserialize<'de> for Filter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Self::from_json(&value).map_err(D::Error::custom)
    }
}

impl Serialize for Filter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(serializer)
    }
}

fn all_to_json(parts: &[Filter]) -> Value {
    parts.iter().map(Filter::to_json).collect()
}

fn parse(value: &Value, depth: usize, nodes: &mut usize) -> Result<Filter, SelectionError> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(SelectionError::TooDeep(MAX_DEPTH));
    };
    *nodes = nodes.saturating_add(1);
    if *nodes > MAX_NODES {
        return Err(SelectionError::TooLarge(MAX_NODES));
    }
    let Value::Object(object) = value else {
        return Err(SelectionError::Form("a condition is not an object"));
    };
    if object.contains_key("column") {
        return comparison(object);
    }
    let mut entries = object.iter();
    let (Some((key, inner)), None) = (entries.next(), entries.next()) else {
        return Err(SelectionError::Form("a condition has more or fewer keys"));
    };
    match key.as_str() {
        "and" => list(inner, depth, nodes).map(Filter::And),
        "or" => list(inner, depth, nodes).map(Filter::Or),
        "not" => parse(inner, depth, nodes).map(|filter| Filter::Not(Box::new(filter))),
        _ => Err(SelectionError::Form("a condition has an unknown key")),
    }
}

fn list(value: &Value, depth: usize, nodes: &mut usize) -> Result<Vec<Filter>, SelectionError> {
    match value {
        Value::Array(parts) if parts.is_empty() => {
            Err(SelectionError::Form("a list of conditions is empty"))
        }
        Value::Array(parts) => parts.iter().map(|part| parse(part, depth, nodes)).collect(),
        _ => Err(SelectionError::Form("the conditions of an `and` or `or` are not a list")),
    }
}

fn comparison(object: &Map<String, Value>) -> Result<Filter, SelectionError> {
    let (Some(Value::String(column)), Some(Value::String(op)), Some(value), 3) =
        (object.get("column"), object.get("op"), object.get("value"), object.len())
    else {
        return Err(SelectionError::Form("a comparison has more or fewer keys, or not texts"));
    };
    Ok(Filter::Compare { column: column.clone(), op: operator(op)?, value: constant(value)? })
}

fn operator(symbol: &str) -> Result<Comparison, SelectionError> {
    match symbol {
        "=" => Ok(Comparison::Equal),
        "!=" => Ok(Comparison::NotEqual),
        "<" => Ok(Comparison::Less),
        "<=" => Ok(Comparison::LessOrEqual),
        ">" => Ok(Comparison::Greater),
        ">=" => Ok(Comparison::GreaterOrEqual),
        _ => Err(SelectionError::Form("an unknown op")),
    }
}

fn constant(value: &Value) -> Result<Constant, SelectionError> {
    match value {
        Value::Bool(truth) => Ok(Constant::Truth(*truth)),
        Value::String(text) => Ok(Constant::Text(text.clone())),
        Value::Number(number) => match (number.as_i64(), number.is_u64(), number.as_f64()) {
            (Some(integer), ..) => Ok(Constant::Integer(integer)),
            (None, false, Some(double)) if double.is_finite() => Ok(Constant::Number(double)),
            _ => Err(SelectionError::Form("an integer beyond 64 bits")),
        },
        Value::Null => Err(SelectionError::Form("a value is null; nothing equals what is missing")),
        Value::Array(_) | Value::Object(_) => {
            Err(SelectionError::Form("a value is not a number, a text or a truth value"))
        }
    }
}

impl Constant {
    fn to_json(&self) -> Value {
        match self {
            Self::Integer(value) => Value::from(*value),
            Self::Number(value) => Value::from(*value),
            Self::Text(value) => Value::from(value.as_str()),
            Self::Truth(value) => Value::from(*value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn age() -> Value {
        json!({"column": "age", "op": ">=", "value": 40})
    }

    #[test]
    fn what_is_written_is_read() {
        let value = json!({"and": [age(), {"or": [{"not": age()}, age()]}]});
        let filter: Filter = serde_json::from_value(value.clone()).unwrap();
        assert_eq!(serde_json::to_value(&filter).unwrap(), value);
    }

    #[test]
    fn other_forms_are_refused() {
        let cases = [
            json!(1),
            json!({}),
            json!({"and": []}),
            json!({"or": age()}),
            json!({"xor": [age()]}),
            json!({"and": [age()], "or": [age()]}),
            json!({"column": "age", "op": "=="  , "value": 1}),
            json!({"column": "age", "op": "="}),
            json!({"column": "age", "op": "=", "value": null}),
            json!({"column": "age", "op": "=", "value": [1]}),
            json!({"column": "age", "op": "=", "value": 9_223_372_036_854_775_808_u64}),
            json!({"column": 1, "op": "=", "value": 1}),
            json!({"column": "age", "op": "=", "value": 1, "and": []}),
        ];
        for case in cases {
            let parsed = Filter::from_json(&case);
            assert!(matches!(parsed, Err(SelectionError::Form(_))), "{case}");
        }
    }

    fn nested(times: usize) -> Value {
        (0..times).fold(age(), |inner, _| json!({"not": inner}))
    }

    fn wide(parts: usize) -> Value {
        json!({"or": vec![age(); parts]})
    }

    #[test]
    fn depth_and_size_are_bounded() {
        assert!(Filter::from_json(&nested(MAX_DEPTH - 1)).is_ok());
        let deep = Filter::from_json(&nested(MAX_DEPTH));
        assert!(matches!(deep, Err(SelectionError::TooDeep(_))));
        assert!(Filter::from_json(&wide(MAX_NODES - 1)).is_ok());
        let large = Filter::from_json(&wide(MAX_NODES));
        assert!(matches!(large, Err(SelectionError::TooLarge(_))));
    }
}
