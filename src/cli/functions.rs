//! `cloister functions`: the functions, their data and parameters, and the values that they reveal.

use std::path::PathBuf;

use clap::Args;
use cloister_client::{Consortium, Function, Parameter};
use cloister_protocols::catalogue::{self, Descriptor, InputKind, ParameterEntry};
use serde_json::json;

use crate::consortium_dir::ConsortiumDir;
use crate::names::no_such_function;
use crate::problem::{Outcome, Problem};
use crate::render::clean;

/// The widest line of a description.
const WIDTH: usize = 96;

/// List the functions that nodes compute together.
#[derive(Args)]
pub(super) struct Arguments {
    /// One function; all where it is left out.
    name: Option<String>,
    /// Ask the nodes of this consortium; without it, what this command itself knows is listed.
    #[arg(long, value_name = "DIR")]
    consortium: Option<PathBuf>,
    /// Print one JSON document on standard output.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let all = match &arguments.consortium {
        Some(folder) => of_nodes(folder)?,
        None => catalogue::entries().map(of_catalogue).collect(),
    };
    let chosen = choose(all, arguments.name.as_deref())?;
    if arguments.json {
        return super::print(&format!("{:#}\n", json!({"functions": chosen})));
    }
    match (&arguments.name, chosen.as_slice()) {
        (Some(_), [one]) => super::print(&in_full(one)),
        (_, all) => super::print(&list(all)),
    }
}

/// Asks the first node that tells its functions. Older nodes have the catalogue of this command.
fn of_nodes(folder: &std::path::Path) -> Outcome<Vec<Function>> {
    let consortium = Consortium::new(ConsortiumDir::new(folder).read_client()?)?;
    match actix::System::new().block_on(consortium.functions()) {
        Ok(functions) => Ok(functions),
        Err(error) if error.is_missing() => {
            eprintln!("these nodes do not tell: this is what the command itself knows");
            Ok(catalogue::entries().map(of_catalogue).collect())
        }
        Err(error) => Err(Problem::new(error.blame().into(), error)),
    }
}

fn choose(all: Vec<Function>, name: Option<&str>) -> Outcome<Vec<Function>> {
    let Some(name) = name else { return Ok(all) };
    match all.iter().find(|function| function.name == name) {
        Some(found) => Ok(vec![found.clone()]),
        None => {
            let known = all.iter().map(|function| function.name.as_str());
            Err(Problem::usage(no_such_function(name, known)))
        }
    }
}

fn of_catalogue(entry: &'static Descriptor) -> Function {
    Function {
        name: entry.name.to_owned(),
        summary: entry.summary.to_owned(),
        input: String::new(),
        takes: takes(entry.input).to_owned(),
        columns: None,
        suites: entry.suites().iter().map(ToString::to_string).collect(),
        result_keys: texts(&entry.all_result_keys()),
        reveals: texts(&entry.all_reveals()),
        parameters: Some(entry.all_parameters().iter().map(parameter_of).collect()),
    }
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

fn parameter_of(entry: &ParameterEntry) -> Parameter {
    Parameter {
        name: entry.name.to_owned(),
        kind: entry.r#type.to_owned(),
        required: entry.required,
        summary: entry.summary.to_owned(),
    }
}

fn takes(input: InputKind) -> &'static str {
    match input {
        InputKind::Numbers => "numbers",
        InputKind::Vector => "one vector of numbers",
        InputKind::Texts => "texts",
        InputKind::TextPairs => "pairs of texts",
        InputKind::Points => "pairs of numbers",
        InputKind::Extremes => "objects with a `minimum` and a `maximum`",
        InputKind::Ranked => "objects with an `array` of numbers and a `rank`",
        InputKind::Matrix | InputKind::Regressors => {
            "one matrix of numbers, as a list of rows, or nothing"
        }
        InputKind::Set => "a set of texts",
        InputKind::Keyed(_) => "ids, or rows that begin with one",
        InputKind::Other => "something else, or nothing",
    }
}

fn list(functions: &[Function]) -> String {
    let rows = functions
        .iter()
        .map(|function| {
            let Function { name, takes, summary, suites, .. } = function;
            [name, takes, &suites.join(", "), summary].map(|text| clean(text)).into()
        })
        .collect();
    super::columns(&["function", "a party brings", "suites", "what is computed"], rows)
}

fn in_full(function: &Function) -> String {
    let mut text = format!("{}: {}\n", clean(&function.name), clean(&function.summary));
    text += &entry("a party brings", std::slice::from_ref(&function.takes));
    text += &entry("suites", &[function.suites.join(", ")]);
    text += &entry("answers with", &[function.result_keys.join(", ")]);
    if let Some(parameters) = &function.parameters {
        text += &entry("parameters", &parameters.iter().map(parameter).collect::<Vec<_>>());
    }
    text + &entry("reveals beside it, at most", &function.reveals)
}

fn parameter(parameter: &Parameter) -> String {
    let Parameter { name, kind, required, summary } = parameter;
    let required = if *required { ", required" } else { "" };
    format!("{name} ({kind}{required}): {summary}")
}

/// Writes a head, and each text below it, broken into lines.
fn entry(head: &str, texts: &[String]) -> String {
    let mut text = format!("\n{head}\n");
    for item in texts.iter().filter(|item| !item.is_empty()) {
        let mut line = String::from("  -");
        for word in clean(item).split_whitespace() {
            if line.chars().count() + 1 + word.chars().count() > WIDTH {
                text += &format!("{line}\n");
                line = String::from("   ");
            }
            line += &format!(" {word}");
        }
        text += &format!("{line}\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_of_the_catalogue_is_described_in_lines_that_fit() {
        for function in catalogue::entries().map(of_catalogue) {
            let text = in_full(&function);
            assert!(text.contains(&function.summary) && text.contains("reveals"), "{text}");
            assert!(
                text.lines().all(|line| line.chars().count() <= WIDTH || line.contains(": ")),
                "{text}"
            );
        }
    }

    #[test]
    fn a_name_that_is_nearly_right_is_helped() {
        let all = || catalogue::entries().map(of_catalogue).collect();
        assert_eq!(choose(all(), Some("SecureSum")).unwrap().len(), 1);
        let problem = choose(all(), Some("securesum")).unwrap_err();
        assert!(problem.to_string().contains("did you mean SecureSum?"), "{problem}");
    }
}
