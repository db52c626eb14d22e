//! `cloister compute`: one central client for all parties of a joint computation.

mod advice;
mod data;
mod drive;
mod output;
mod progress;

use std::path::PathBuf;

use clap::{ArgGroup, Args};
use cloister_client::{ApiMember, Consortium, Data, Job};
use cloister_protocols::catalogue;
use cloister_sources::{Encoding, Filter, parse_delimiter};
use serde_json::{Map, Value};

use self::data::{Form, Given};
pub(super) use self::drive::{NoResult, drive};
pub(super) use self::output::{Format, Output, document, errors};
use crate::cli::written::Written;
use crate::consortium_dir::ConsortiumDir;
use crate::files::read_json;
use crate::names::no_such_function;
use crate::problem::{Outcome, Problem};
use crate::render::page::Section;

/// Have all nodes of a consortium compute a function together, and print the result.
///
/// Ctrl-C ends the computation at all nodes; pressed again, it leaves at once.
#[derive(Args)]
#[command(group = ArgGroup::new("input").required(true).args(["data", "data_file"]))]
pub(super) struct Arguments {
    /// The folder with the consortium's client.toml.
    #[arg(long, value_name = "DIR")]
    consortium: PathBuf,
    /// The function, such as SecureSum; `cloister functions` lists them.
    #[arg(value_name = "NAME")]
    function: String,
    /// A party's data: as JSON, one for each party in order, or as PARTY=JSON; or as columns of a
    /// dataset, DATASET.COLUMN[,COLUMN…], one for each party or one for all. A name with a comma or
    /// a quote stands in double quotes, in which a quote is written twice.
    #[arg(long, value_name = "[PARTY=]JSON|DATASET.COLUMN")]
    data: Vec<String>,
    /// A file with a party's data: one for each party in order, or as PARTY=FILE. JSON; or a table,
    /// as CSV with a head or as Parquet, of which FILE.csv:COLUMN[,COLUMN…] takes some columns. A
    /// table is read as a node reads a dataset.
    #[arg(long, alias = "data-json", value_name = "[PARTY=]FILE")]
    data_file: Vec<String>,
    /// The separator between the fields of CSV files, such as `;` or `tab`; a comma where it is left
    /// out.
    #[arg(long, value_name = "CHARACTER", requires = "data_file", value_parser = parse_delimiter)]
    delimiter: Option<char>,
    /// The encoding of CSV files: utf-8, latin1 or windows-1252; utf-8 where it is left out.
    #[arg(long, value_name = "NAME", requires = "data_file")]
    encoding: Option<Encoding>,
    #[command(flatten)]
    written: Written,
    /// A condition on the rows of a dataset, as JSON: {"column": "age", "op": ">=", "value": 40},
    /// with and, or, not. The operators are =, !=, <, <=, >, >=. A row whose value is missing is not
    /// selected.
    #[arg(long = "where", value_name = "JSON", requires = "data")]
    filter: Option<String>,
    /// A parameter, the same for all parties; the value is read as JSON if it is JSON, else as
    /// text.
    #[arg(long = "parameter", value_name = "K=V")]
    parameters: Vec<String>,
    /// The name of the computation; a fresh one if it is left out.
    #[arg(long, value_name = "UUID")]
    session: Option<String>,
    #[command(flatten)]
    output: Output,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let file = ConsortiumDir::new(&arguments.consortium).read_client()?;
    let data = arguments.read_data(&file.member)?;
    arguments.output.check()?;
    let job = Job {
        function: arguments.function.clone(),
        parameters: parameters(&arguments.parameters)?,
        session: arguments.session.clone(),
        trace: false,
    };
    let computed = compute(Consortium::new(file)?, job, data, &arguments.output);
    actix::System::new().block_on(computed)
}

/// Checks that there is a function of this name. One that this command does not know may be of a
/// newer node.
async fn check_function(consortium: &Consortium, name: &str) -> Outcome {
    if catalogue::find(name).is_some() {
        return Ok(());
    }
    // Nodes that do not tell are of an older release, or say themselves what is wrong with them.
    let told = consortium.functions().await.unwrap_or_default();
    if told.iter().any(|function| function.name == name) {
        return Ok(());
    }
    let known = told.iter().map(|function| function.name.as_str());
    let known = catalogue::entries().map(|entry| entry.name).chain(known);
    Err(Problem::usage(no_such_function(name, known)))
}

async fn compute(consortium: Consortium, job: Job, data: Vec<Data>, output: &Output) -> Outcome {
    check_function(&consortium, &job.function).await?;
    let (function, parameters) = (job.function.clone(), job.parameters.clone());
    let reports = match drive(&consortium, job, data).await {
        Ok(reports) => reports,
        Err(none) => {
            if let (NoResult::Failed(failed), Format::Json) = (&none, output.format()) {
                super::print(&format!("{:#}\n", errors(failed)))?;
            }
            return Err(none.into());
        }
    };
    super::print(&output.text(&function, &reports)?)?;
    let title = function.clone();
    output.write_page(
        &title,
        &[],
        &[Section { title: "Result".to_owned(), function, parameters, reports }],
    )
}

impl Arguments {
    fn read_data(&self, members: &[ApiMember]) -> Outcome<Vec<Data>> {
        let filter = self.filter.as_deref().map(condition).transpose()?;
        let given = if self.data_file.is_empty() {
            Given::Inline(&self.data)
        } else {
            let encoding = self.encoding.unwrap_or_default();
            let form = Form { delimiter: self.delimiter, encoding, format: self.written.format() };
            Given::Files(&self.data_file, form)
        };
        data::all(&given, filter.as_ref(), members)
    }
}

/// Reads a condition, and checks its form before a node is asked.
fn condition(text: &str) -> Outcome<Value> {
    let condition = read_json(text).map_err(|error| {
        Problem::usage(format!(
            "--where is no JSON ({error}): write it like {{\"column\": \"age\", \"op\": \">=\", \
             \"value\": 40}}"
        ))
    })?;
    match Filter::from_json(&condition) {
        Ok(_) => Ok(condition),
        Err(error) => Err(Problem::usage(format!("--where: {error}"))),
    }
}

fn parameters(given: &[String]) -> Outcome<Map<String, Value>> {
    let mut parameters = Map::new();
    for text in given {
        let Some((name, value)) = text.split_once('=') else {
            let message = format!("--parameter `{text}` has no `=`: write it as NAME=VALUE");
            return Err(Problem::usage(message));
        };
        let value = read_json(value).unwrap_or_else(|_| Value::from(value));
        if parameters.insert(name.to_owned(), value).is_some() {
            return Err(Problem::usage(format!("--parameter {name} is given twice")));
        }
    }
    Ok(parameters)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_condition_of_another_form_is_refused_before_a_node_is_asked() {
        assert!(condition(r#"{"column": "age", "op": ">=", "value": 40}"#).is_ok());
        for (wrong, says) in [
            ("age >= 40", "no JSON"),
            (r#"{"column": "age", "op": "in", "value": 40}"#, "an unknown op"),
            (r#"{"column": "age", "op": "=", "value": null}"#, "nothing equals what is missing"),
        ] {
            let problem = condition(wrong).unwrap_err();
            assert!(problem.to_string().contains(says), "{problem}");
        }
    }

    #[test]
    fn parameters_are_json_where_they_can_be() {
        let given = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
        let read = parameters(&given(&["digits_before=6", "suite=masked", "x=[1]"])).unwrap();
        assert_eq!(Value::from(read), json!({"digits_before": 6, "suite": "masked", "x": [1]}));
        assert!(parameters(&given(&["x"])).is_err());
        assert!(parameters(&given(&["x=1", "x=2"])).is_err());
    }
}
