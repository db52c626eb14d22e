//! Which parameters each function takes, for people who choose and for programs that draw forms.
//!
//! This is a table beside the code that reads [`crate::functions::parameters::Parameters`], not that code. The test
//! below asks every function about every parameter and holds the answers against the table.
//!
//! What is not listed for a function it refuses, or it changes nothing there, in one of two ways: it is not
//! looked at (`k` of a sum), or all parties have to set it alike and nothing comes of it (`ahead`,
//! `committee` and `missing` of functions that have neither shares, nor joint rules, nor rows).

use serde::Serialize;

use super::{
    CONTINGENCY_VERTICAL, CORRELATION, EMPTY, Entry, INTERSECTION, INTERSECTION_SIZE,
    INTERSECTION_SUM, InputKind, MEAN_BY_GROUP, MEASURE, PREPARE, REGRESSION, UNION_SIZE,
    VECTOR_SUM,
};
use crate::functions::is_table;

/// A parameter that a function takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ParameterEntry {
    /// The name that clients give.
    pub name: &'static str,
    /// What its value is: `number`, `text`, `list` or `boolean`.
    pub r#type: &'static str,
    /// Whether nothing is computed without it.
    pub required: bool,
    /// What it says, which values it has, and what holds where it is left out.
    pub summary: &'static str,
}

impl Entry {
    /// What a client may set, the function's own parameters first.
    #[must_use]
    pub fn parameters(&self) -> Vec<ParameterEntry> {
        let mut parameters = self.own_parameters().concat();
        if self.input != InputKind::Other {
            parameters.push(MISSING);
        }
        if self.suites().len() > 1 || is_table(self) {
            parameters.push(SUITE);
        }
        if ![VECTOR_SUM, INTERSECTION, PREPARE, EMPTY].contains(&self.name) {
            parameters.extend([COMMITTEE, AHEAD]);
        }
        parameters
    }

    fn own_parameters(&self) -> &'static [&'static [ParameterEntry]] {
        match self.name {
            VECTOR_SUM => &[&[ENCODING, FRACTION_BITS], DIGITS],
            "StatisticsFrequency" => &[&[CATEGORIES, ONLY_MODE]],
            "StatisticsContingency" => &[&[CATEGORIES_OF_TWO, ONLY_MODE]],
            "Quantiles" => &[&[PROBABILITIES], DIGITS],
            "TopK" => &[&[K], DIGITS],
            REGRESSION => &[&[BY_ID, INTERCEPT], IDS],
            INTERSECTION | INTERSECTION_SIZE | UNION_SIZE | INTERSECTION_SUM => &[IDS],
            CONTINGENCY_VERTICAL | MEAN_BY_GROUP | CORRELATION => &[IDS],
            MEASURE => &[&[OPERATION, SIZE, TIMES]],
            EMPTY => &[&[ROUNDS]],
            _ => match self.input {
                InputKind::Matrix | InputKind::Other => &[],
                _ => &[DIGITS],
            },
        }
    }
}

const fn number(name: &'static str, summary: &'static str) -> ParameterEntry {
    ParameterEntry { name, r#type: "number", required: false, summary }
}

const fn text(name: &'static str, summary: &'static str) -> ParameterEntry {
    ParameterEntry { name, r#type: "text", required: false, summary }
}

const fn list(name: &'static str, summary: &'static str) -> ParameterEntry {
    ParameterEntry { name, r#type: "list", required: false, summary }
}

const fn boolean(name: &'static str, summary: &'static str) -> ParameterEntry {
    ParameterEntry { name, r#type: "boolean", required: false, summary }
}

impl ParameterEntry {
    const fn required(self) -> Self {
        Self { required: true, ..self }
    }
}

/// The range of numbers.
const DIGITS: &[ParameterEntry] = &[
    number(
        "digits_before",
        "magnitudes are below 10 to this power, and others are refused before anything leaves; 12 where \
         only `digits_after` is set, any finite number where neither is",
    ),
    number(
        "digits_after",
        "magnitudes are 0, or at least 10 to minus this power; 12 where only `digits_before` is set, any \
         finite number where neither is",
    ),
];

const ENCODING: ParameterEntry = text(
    "encoding",
    "how elements become integers: `exact` (any double, the usual one), `integer` (whole numbers, 8 bytes \
     an element), or `fixed` (rounded to `fraction_bits`, 8 bytes an element)",
);
const FRACTION_BITS: ParameterEntry = number(
    "fraction_bits",
    "binary digits after the point, from 0 to 62, with the encoding `fixed`; 32 where it is left out",
);

const CATEGORIES: ParameterEntry = list(
    "categories",
    "the categories that there may be, as texts, so that nobody learns who holds which; from all parties' \
     data where it is left out",
);
const CATEGORIES_OF_TWO: ParameterEntry = list(
    "categories",
    "the categories that there may be, as two lists of texts, so that nobody learns who holds which; from \
     all parties' data where it is left out",
);
const ONLY_MODE: ParameterEntry = boolean(
    "only_mode",
    "whether the mode is all that is wanted: then nothing else of the table is opened; the whole table \
     where it is left out",
);

const PROBABILITIES: ParameterEntry =
    list("probabilities", "the shares of all numbers that are below, each from 0 to 1").required();
const K: ParameterEntry =
    number("k", "how many of the largest numbers, from 1 to 10,000; 10 where it is left out");

const BY_ID: ParameterEntry = boolean(
    "by_id",
    "whether the parties' rows are matched by the ids that they begin with; by their order where it is \
     left out",
);
const INTERCEPT: ParameterEntry =
    boolean("intercept", "with `by_id`: whether there is an intercept; none where it is left out");

/// How ids and items are found.
const IDS: &[ParameterEntry] = &[
    text(
        "case",
        "of ids and items: `exact`, where upper and lower case differ (the usual one), or `lower`, where \
         they are compared in lower case",
    ),
    number(
        "pad_to",
        "to how many ids or items each party's set is filled up, which is told instead of the true number; \
         the true number where it is left out",
    ),
];

const OPERATION: ParameterEntry = text(
    "operation",
    "what is measured: `multiply`, `conjunction`, `inject`, `inner_product`, `matrix_product`, `compare`, \
     `sort` or `join`",
)
.required();
const SIZE: ParameterEntry = number(
    "size",
    "on how many numbers, or rows and columns of a square matrix; 1 where it is left out",
);
const TIMES: ParameterEntry =
    number("times", "how many times one after the other; once where it is left out");
const ROUNDS: ParameterEntry =
    number("times", "how many rounds, from 1 to 100,000; 2 where it is left out");

const MISSING: ParameterEntry = text(
    "missing",
    "`drop`: rows in which a value is missing are left out, and the result says how many; refused where it \
     is left out, and always where rows belong together by their order",
);
const SUITE: ParameterEntry = text(
    "suite",
    "who computes on shares: `replicated` (three nodes, of which any one may be curious) or `pairwise` (all \
     parties, of which all but one may collude); where it is left out two parties do so by themselves, and \
     more have three nodes",
);
const COMMITTEE: ParameterEntry = list(
    "committee",
    "the names of the three members whose nodes compute on shares, where something is; those that bring no \
     data help, if their operators let them",
);
const AHEAD: ParameterEntry = boolean(
    "ahead",
    "whether parties that compute on shares by themselves may use up what their nodes have made ahead; they \
     do where it is left out",
);

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Value, json};

    use super::*;
    use crate::computation::{Input, Request};
    use crate::functions::catalogue::{entries, find};
    use crate::functions::parameters::Parameters;

    /// What else may have to be set before a parameter means something.
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

    /// Values of each parameter that there is.
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
            ("k", vec![json!(3)]),
            ("only_mode", vec![json!(true), json!(false)]),
            ("operation", vec![json!("multiply"), json!("compare")]),
            ("size", vec![json!(3)]),
            ("times", vec![json!(3)]),
            ("fraction_bits", vec![json!(3)]),
            ("missing", vec![json!("drop")]),
            ("case", vec![json!("exact"), json!("lower")]),
            ("by_id", vec![json!(true), json!(false)]),
            ("intercept", vec![json!(true), json!(false)]),
            ("pad_to", vec![json!(3)]),
        ]
    }

    /// Parameters that all parties have to set alike, and that change nothing.
    const IDLE: [(&str, &[&str]); 5] = [
        (VECTOR_SUM, &["ahead", "committee"]),
        (INTERSECTION, &["ahead"]),
        (MEASURE, &["missing"]),
        (PREPARE, &["ahead", "missing"]),
        (EMPTY, &["ahead", "missing"]),
    ];

    /// What three parties would have to agree on; none if the function refuses. Without data, which fits
    /// every function but one.
    fn agreed(function: &'static Entry, parameters: &Value) -> Option<String> {
        let parameters: Parameters = serde_json::from_value(parameters.clone()).unwrap();
        let input = match function.input {
            InputKind::Ranked => Input::Ranked { array: Vec::new(), rank: 1, bounds: None },
            _ => Input::Numbers(Vec::new()),
        };
        let request = Request::new(function, &parameters, input, 0, 3).ok()?;
        Some(format!("{} {:?}", request.suite(), request.parameters()))
    }

    fn with(mut circumstance: Value, name: &str, value: Option<&Value>) -> Value {
        let map = circumstance.as_object_mut().unwrap();
        map.remove(name);
        map.extend(value.map(|value| (name.to_owned(), value.clone())));
        circumstance
    }

    /// Whether it makes a difference, anyhow, what the parameter is.
    fn is_taken(function: &'static Entry, name: &str, values: &[Value]) -> bool {
        circumstances().into_iter().any(|circumstance| {
            let absent = agreed(function, &with(circumstance.clone(), name, None));
            let present = values
                .iter()
                .map(|value| agreed(function, &with(circumstance.clone(), name, Some(value))));
            let accepted: BTreeSet<Option<String>> = present.filter(Option::is_some).collect();
            accepted.iter().any(|accepted| *accepted != absent)
        })
    }

    #[test]
    fn the_table_lists_what_the_functions_take() {
        for function in entries() {
            let listed: BTreeSet<&str> =
                function.parameters().iter().map(|entry| entry.name).collect();
            assert_eq!(listed.len(), function.parameters().len(), "{}", function.name);
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
                function.parameters().into_iter().filter(|entry| entry.required).collect();
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
            for entry in function.parameters() {
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

    /// A field that is added to the parameters has to be asked about here.
    #[test]
    fn every_parameter_that_there_is_is_asked_about() {
        let unknown = json!({"?": 1});
        let refusal = serde_json::from_value::<Parameters>(unknown).unwrap_err().to_string();
        let known: BTreeSet<&str> = refusal.split('`').skip(1).step_by(2).skip(1).collect();
        let asked: BTreeSet<&str> = values().into_iter().map(|(name, _)| name).collect();
        assert_eq!(known, asked);
    }

    #[test]
    fn an_entry_reads_as_clients_get_it() {
        let k = find("TopK").unwrap().parameters()[0];
        let due = json!({"name": "k", "type": "number", "required": false, "summary": k.summary});
        assert_eq!(serde_json::to_value(k).unwrap(), due);
    }
}
