//! The catalogue of functions, for people who choose and programs that check.

use cloister_api::{Function, Functions, Parameter};
use cloister_protocols::catalogue::{self, Descriptor, InputKind, ParameterEntry};

use super::{Admitted, Answer, answer};

pub(super) async fn list(_: Admitted) -> Answer {
    let functions = catalogue::entries().map(function).collect();
    Ok(answer(&Functions { functions }))
}

fn function(entry: &Descriptor) -> Function {
    let columns = entry.input.columns();
    let [least, most] =
        [*columns.start(), *columns.end()].map(|n| u32::try_from(n).unwrap_or(u32::MAX));
    let (input, takes) = input(entry.input);
    Function {
        name: entry.name.to_owned(),
        summary: entry.summary.to_owned(),
        input: input.to_owned(),
        takes: takes.to_owned(),
        columns: Some([least, most]),
        suites: entry.suites().iter().map(|suite| suite.name().to_owned()).collect(),
        result_keys: entry.all_result_keys().into_iter().map(str::to_owned).collect(),
        reveals: entry.all_reveals().into_iter().map(str::to_owned).collect(),
        parameters: Some(entry.all_parameters().into_iter().map(parameter).collect()),
    }
}

fn parameter(entry: ParameterEntry) -> Parameter {
    Parameter {
        name: entry.name.to_owned(),
        kind: entry.r#type.to_owned(),
        required: entry.required,
        summary: entry.summary.to_owned(),
    }
}

/// Returns the name of a kind of input, and its description in words.
fn input(kind: InputKind) -> (&'static str, &'static str) {
    match kind {
        InputKind::Numbers => ("numbers", "one column of numbers"),
        InputKind::Vector => ("vector", "one vector of numbers, of the same length at all parties"),
        InputKind::Texts => ("texts", "one column of texts"),
        InputKind::TextPairs => ("text pairs", "two columns of texts"),
        InputKind::Points => ("points", "two columns of numbers"),
        InputKind::Extremes => ("extremes", "objects with a minimum and a maximum"),
        InputKind::Ranked => ("ranked", "an array of numbers and the rank that is asked for"),
        InputKind::Matrix | InputKind::Regressors => {
            ("matrix", "one matrix of numbers, or nothing")
        }
        InputKind::Set => ("set", "one column of ids"),
        InputKind::Keyed(_) => ("keyed", "ids, or rows that begin with one"),
        InputKind::Other => ("other", "something else, or nothing"),
    }
}
