//! The catalogue: names, and the parameters that it lists for each function.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;
use crate::computation::{Input, Request};
use crate::functions::parameters::Parameters;
use crate::testing;
use crate::testing::names::{EMPTY, INTERSECTION, PREPARE, VECTOR_SUM};

/// Returns settings of other parameters, without which a parameter may have no meaning.
fn circumstances() -> [Value; 6] {
    [
        json!({}),
        json!({"encoding": "fixed"}),
        json!({"only_mode": true}),
        json!({"probabilities": [0.5]}),
        json!({"by_id": true}),
        json!({"operation": "sort"}),
    ]
}

/// Lists values of each parameter.
fn values() -> Vec<(&'static str, Vec<Value>)> {
    vec![
        ("digits_before", vec![json!(3)]),
        ("digits_after", vec![json!(3)]),
        ("categories", vec![json!(["a", "b"]), json!([["a", "b"], ["c"]])]),
        ("encoding", ["exact", "integer", "fixed"].map(Value::from).into()),
        ("suite", ["masked", "replicated", "pairwise", "intersection"].map(Value::from).into()),
        ("ahead", vec![json!(true), json!(false)]),
        ("committee", vec![json!(["north", "south", "west"])]),
        ("probabilities", vec![json!([0.25]), json!([0.75])]),
        ("statistics", vec![json!(["mean"]), json!(["skewness", "minimum"])]),
        ("k", vec![json!(3)]),
        ("only_mode", vec![json!(true), json!(false)]),
        ("operation", vec![json!("multiply"), json!("compare")]),
        ("size", vec![json!(3)]),
        ("times", vec![json!(3)]),
        ("fraction_bits", vec![json!(3)]),
        ("missing", vec![json!("drop")]),
        ("case", vec![json!("exact"), json!("lower")]),
        ("category_case", vec![json!("exact"), json!("lower")]),
        ("by_id", vec![json!(true), json!(false)]),
        ("intercept", vec![json!(true), json!(false)]),
        ("pad_to", vec![json!(3)]),
    ]
}

/// Parameters that all parties have to set alike, and that change nothing.
const IDLE: [(&str, &[&str]); 4] = [
    (VECTOR_SUM, &["ahead", "committee"]),
    (INTERSECTION, &["ahead"]),
    (PREPARE, &["ahead"]),
    (EMPTY, &["ahead"]),
];

/// Returns the text that four parties would have to agree on; none if the function refuses. The
/// request has no data, which fits every function but one.
fn agreed(function: &'static Descriptor, parameters: &Value) -> Option<String> {
    let parameters: Parameters = serde_json::from_value(parameters.clone()).unwrap();
    let input = Input::nothing(function.input);
    let roles = match parameters.committee {
        Some(_) => testing::roles(4, 0, &[0, 1, 2]),
        None => testing::parties(4),
    };
    let request = Request::new(function, &parameters, input, 0, &roles).ok()?;
    Some(format!("{} {:?} {:?}", request.suite(), request.parameters(), request.roles()))
}

fn with(mut circumstance: Value, name: &str, value: Option<&Value>) -> Value {
    let map = circumstance.as_object_mut().unwrap();
    map.remove(name);
    map.extend(value.map(|value| (name.to_owned(), value.clone())));
    circumstance
}

/// Returns whether the value of the parameter makes a difference under any of the circumstances.
fn is_taken(function: &'static Descriptor, name: &str, values: &[Value]) -> bool {
    circumstances().into_iter().any(|circumstance| {
        let absent = agreed(function, &with(circumstance.clone(), name, None));
        let present = values
            .iter()
            .map(|value| agreed(function, &with(circumstance.clone(), name, Some(value))));
        let accepted: BTreeSet<Option<String>> = present.filter(Option::is_some).collect();
        accepted.iter().any(|accepted| *accepted != absent)
    })
}

/// Descriptors of joined rows begin from a common one without these.
#[test]
fn every_descriptor_says_its_name_its_result_and_what_it_reveals() {
    for entry in entries() {
        assert!(!entry.name.is_empty() && !entry.summary.is_empty(), "{}", entry.name);
        if entry.kind == Kind::Joined {
            assert!(!entry.reveals.is_empty() && !entry.result_keys.is_empty(), "{}", entry.name);
        }
    }
}

#[test]
fn the_table_lists_what_the_functions_take() {
    for function in entries() {
        let listed: BTreeSet<&str> =
            function.all_parameters().iter().map(|entry| entry.name).collect();
        assert_eq!(listed.len(), function.all_parameters().len(), "{}", function.name);
        let idle = IDLE.iter().find(|(name, _)| *name == function.name);
        let idle: BTreeSet<&str> =
            idle.iter().flat_map(|(_, names)| names.iter().copied()).collect();
        for (name, values) in values() {
            let expected = listed.contains(name) || idle.contains(name);
            let is_taken = is_taken(function, name, &values);
            assert_eq!(is_taken, expected, "`{name}` of {}", function.name);
            assert!(!(listed.contains(name) && idle.contains(name)), "{}", function.name);
        }
    }
}

#[test]
fn what_is_required_is_what_a_function_cannot_do_without() {
    for function in entries() {
        let required: Vec<ParameterEntry> =
            function.all_parameters().into_iter().filter(|entry| entry.required).collect();
        assert_eq!(agreed(function, &json!({})).is_some(), required.is_empty());
        for entry in required {
            let others: Vec<bool> = circumstances()
                .into_iter()
                .map(|others| agreed(function, &with(others, entry.name, None)).is_some())
                .collect();
            assert!(!others.contains(&true), "`{}` of {}", entry.name, function.name);
        }
    }
}

#[test]
fn the_values_are_of_the_types_that_the_table_tells() {
    for function in entries() {
        for entry in function.all_parameters() {
            let values = values().into_iter().find(|(name, _)| *name == entry.name).unwrap().1;
            for value in values {
                let r#type = match value {
                    Value::Number(_) => "number",
                    Value::String(_) => "text",
                    Value::Array(_) => "list",
                    _ => "boolean",
                };
                assert_eq!(entry.r#type, r#type, "`{}` of {}", entry.name, function.name);
            }
        }
    }
}

/// Checks that the tests try every parameter. One that is added to a function has to be tried here.
#[test]
fn every_parameter_that_there_is_is_asked_about() {
    let known: BTreeSet<&str> =
        entries().flat_map(Descriptor::all_parameters).map(|entry| entry.name).collect();
    let asked: BTreeSet<&str> = values().into_iter().map(|(name, _)| name).collect();
    assert_eq!(known, asked);
}

#[test]
fn an_entry_reads_as_clients_get_it() {
    let k = find("TopK").unwrap().all_parameters()[0];
    let due = json!({"name": "k", "type": "number", "required": false, "summary": k.summary});
    assert_eq!(serde_json::to_value(k).unwrap(), due);
}

#[test]
fn names_are_unique_and_found() {
    for entry in entries() {
        assert_eq!(find(entry.name), Some(entry));
        assert_eq!(entries().filter(|other| other.name == entry.name).count(), 1);
    }
    assert_eq!(find("securesum"), None);
}

/// Checks a parameter of a function beside those that it needs, and returns the refusal.
fn refusal(function: &'static Descriptor, name: &str, value: &Value) -> Option<String> {
    let mut parameters = Parameters::default();
    for needed in function.all_parameters().into_iter().filter(|entry| entry.required) {
        let example = serde_json::from_str::<Value>(needed.example.unwrap()).unwrap();
        parameters = parameters.with(needed.name, example);
    }
    let parameters = parameters.with(name, value);
    let refused = Request::check(function, &parameters, &testing::parties(3)).err()?;
    Some(refused.to_string())
}

#[test]
fn one_value_stands_for_a_list_of_it() {
    for (function, name, value) in [
        ("Quantiles", "probabilities", json!(0.5)),
        ("StatisticsFrequency", "categories", json!("a")),
        ("StatisticsUnivariate", "statistics", json!("mean")),
    ] {
        assert_eq!(refusal(find(function).unwrap(), name, &value), None, "{function}");
    }
}

#[test]
fn a_parameter_of_another_type_is_named_in_words_for_people() {
    let wrong =
        [json!({"a": 1}), json!([[[1]]]), json!([true]), json!("x"), json!(-1.5), json!(true)];
    let words = ["expected", "invalid type", "untagged", "u32", "u64", "f64", "variant"];
    let mut refused = 0;
    for function in entries() {
        for entry in function.all_parameters() {
            // Those that say how any function is computed are read before.
            let is_own =
                function.forms().any(|form| form.parameters.iter().any(|it| it.name == entry.name));
            for value in wrong.iter().filter(|_| is_own) {
                let Some(message) = refusal(function, entry.name, value) else { continue };
                refused += 1;
                let place = format!("{} {} {value}: {message}", function.name, entry.name);
                assert!(words.iter().all(|word| !message.contains(word)), "{place}");
                assert!(message.contains(entry.name), "{place}");
            }
        }
    }
    assert!(refused > 100, "{refused}");
}
