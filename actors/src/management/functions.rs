//! The catalogue of functions, for people who choose and programs that check.

use actix_web::{HttpRequest, web};
use cloister_protocols::catalogue::{self, Descriptor, InputKind, ParameterEntry};
use cloister_protocols::computation::Suite;
use serde::Serialize;
use serde_json::json;

use super::{Answer, admit, answer};
use crate::controller::ApiState;

/// A function as clients see it.
#[derive(Serialize)]
struct Function {
    name: &'static str,
    summary: &'static str,
    input: &'static str,
    takes: &'static str,
    suites: &'static [Suite],
    result_keys: Vec<&'static str>,
    reveals: Vec<&'static str>,
    parameters: Vec<ParameterEntry>,
}

pub(super) async fn list(api: web::Data<ApiState>, request: HttpRequest) -> Answer {
    admit(&api, &request).await?;
    let functions: Vec<Function> = catalogue::entries().map(Function::of).collect();
    Ok(answer(&json!({"functions": functions})))
}

impl Function {
    fn of(entry: &'static Descriptor) -> Self {
        let (input, takes) = input(entry.input);
        Self {
            name: entry.name,
            summary: entry.summary,
            input,
            takes,
            suites: entry.suites(),
            result_keys: entry.all_result_keys(),
            reveals: entry.all_reveals(),
            parameters: entry.all_parameters(),
        }
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
