//! The canonical form of what approvals compare: parameters and conditions on rows.
//!
//! Parameters that differ in their order or in the spelling of a number alone have one text. A
//! condition has the text of its normal form.

use std::collections::BTreeMap;

use cloister_protocols::parameters::{Missing, Parameters};
use cloister_sources::Filter;
use cloister_vault::Condition;
use serde_json::{Map, Value, json};

/// The longest value that is written out, in bytes. A hash stands for a longer one.
const LONGEST: usize = 1_000;

/// The entry for values that stand beside the columns, such as a rank.
const BESIDE: &str = "beside the columns";

/// Writes the parameters that change what is opened, or who computes on shares, as one text. The
/// values `beside` the columns, such as a rank, are part of it.
#[must_use]
pub fn parameters(parameters: &Parameters, beside: &[Value]) -> String {
    let Parameters { suite, ahead: _, committee, missing, own } = parameters;
    let mut all: BTreeMap<String, Value> = BTreeMap::new();
    let set = own.iter().filter(|(_, value)| !value.is_null());
    all.extend(set.map(|(name, value)| (name.clone(), short(one_spelling(value)))));
    if let Some(suite) = suite {
        all.insert("suite".to_owned(), json!(suite));
    }
    if let Some(committee) = committee {
        let mut members = committee.clone();
        members.sort_unstable();
        all.insert("committee".to_owned(), json!(members));
    }
    if let Some(Missing::Drop) = missing {
        all.insert("missing".to_owned(), json!("drop"));
    }
    if !beside.is_empty() {
        all.insert(BESIDE.to_owned(), short(one_spelling(&json!(beside))));
    }
    Value::Object(all.into_iter().collect()).to_string()
}

/// Returns a condition in canonical form.
#[must_use]
pub fn condition(filter: &Filter) -> Condition {
    let columns = filter.columns().into_iter().map(str::to_owned).collect();
    Condition { text: filter.question(), columns }
}

/// Sorts the entries of objects, and writes whole numbers as such.
fn one_spelling(value: &Value) -> Value {
    match value {
        Value::Number(number) => match number.as_f64() {
            #[expect(clippy::cast_possible_truncation, reason = "a whole number below 2^53")]
            Some(double) if double.fract() == 0.0 && double.abs() < 9_007_199_254_740_992.0 => {
                json!(double as i64)
            }
            _ => value.clone(),
        },
        Value::Array(items) => items.iter().map(one_spelling).collect(),
        Value::Object(entries) => {
            let sorted: BTreeMap<String, Value> =
                entries.iter().map(|(name, value)| (name.clone(), one_spelling(value))).collect();
            Value::Object(sorted.into_iter().collect::<Map<_, _>>())
        }
        other => other.clone(),
    }
}

/// Returns a hash in the place of a value that is too long to be read.
fn short(value: Value) -> Value {
    let text = value.to_string();
    match text.len() {
        0..=LONGEST => value,
        _ => json!({"blake3": blake3::hash(text.as_bytes()).to_hex().to_string()}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(json: &Value) -> String {
        parameters(&serde_json::from_value(json.clone()).unwrap(), &[])
    }

    #[test]
    fn the_same_parameters_have_the_same_text() {
        let due = r#"{"digits_before":3,"missing":"drop"}"#;
        assert_eq!(text(&json!({"missing": "drop", "digits_before": 3})), due);
        assert_eq!(text(&json!({"digits_before": 3.0, "missing": "drop", "k": null})), due);
        assert_eq!(text(&json!({"digits_before": 3, "missing": "drop", "ahead": true})), due);
        assert_eq!(text(&json!({})), "{}");
    }

    #[test]
    fn other_parameters_have_another_text() {
        let long = |last: u32| json!({"categories": (0..500).chain([last]).collect::<Vec<_>>()});
        let mut texts: Vec<String> = [
            json!({}),
            json!({"digits_before": 3}),
            json!({"digits_before": 3.5}),
            json!({"digits_before": "3"}),
            json!({"digits_before": [3]}),
            json!({"missing": "drop"}),
            json!({"suite": "pairwise"}),
            json!({"committee": ["a", "b", "c"]}),
            json!({"by_id": false}),
            long(1),
            long(2),
        ]
        .iter()
        .map(text)
        .collect();
        texts.push(parameters(&Parameters::default(), &[json!({"rank": 1})]));
        texts.push(parameters(&Parameters::default(), &[json!({"rank": 2})]));
        let before = texts.len();
        texts.sort();
        texts.dedup();
        assert_eq!(texts.len(), before, "{texts:?}");
    }
}
