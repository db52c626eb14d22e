//! `cloister compute`: one central client for all parties of a joint computation.

use std::fs;
use std::path::PathBuf;

use clap::{ArgGroup, Args};
use serde_json::{Map, Value, json};

use crate::client::{Data, Report};
use crate::folder::{ApiMember, Folder};
use crate::joint::{Consortium, Job, State, check_agreement};
use crate::problem::{Outcome, Problem};

/// Have all nodes of a consortium compute a function together, and print the result.
#[derive(Args)]
#[command(group = ArgGroup::new("input").required(true).args(["data", "data_json"]))]
pub(super) struct Arguments {
    /// The folder with the consortium's client.toml.
    #[arg(long, value_name = "DIR")]
    consortium: PathBuf,
    /// The function, such as SecureSum.
    #[arg(value_name = "NAME")]
    function: String,
    /// A party's data: as JSON, one for each party in order, or as PARTY=JSON; or as columns of a
    /// dataset, DATASET.COLUMN[,COLUMN…], one for each party or one for all.
    #[arg(long, value_name = "[PARTY=]JSON|DATASET.COLUMN")]
    data: Vec<String>,
    /// A file with a party's data as JSON: one for each party in order, or as PARTY=FILE.
    #[arg(long, value_name = "[PARTY=]FILE")]
    data_json: Vec<String>,
    /// Which rows of a dataset, as JSON: {"column": "age", "op": ">=", "value": 40}, with and, or, not.
    #[arg(long = "where", value_name = "JSON", requires = "data")]
    filter: Option<String>,
    /// A parameter, the same for all parties; the value is read as JSON if it is JSON, else as
    /// text.
    #[arg(long = "parameter", value_name = "K=V")]
    parameters: Vec<String>,
    /// The name of the computation; a fresh one if it is left out.
    #[arg(long, value_name = "UUID")]
    session: Option<String>,
    /// Print one JSON document on standard output.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let file = Folder::new(&arguments.consortium).read_client()?;
    let data = arguments.read_data(&file.member)?;
    let job = Job {
        function: arguments.function.clone(),
        parameters: parameters(&arguments.parameters)?,
        session: arguments.session.clone(),
        trace: false,
    };
    let computed = compute(Consortium::new(file)?, &job, data, arguments.json);
    actix::System::new().block_on(computed)
}

async fn compute(consortium: Consortium, job: &Job, data: Vec<Data>, as_json: bool) -> Outcome {
    let reports = match consortium.compute(job, data, show).await.all() {
        Ok(reports) => reports,
        Err(failed) => {
            if as_json {
                super::print(&format!("{:#}\n", failed.document()))?;
            }
            return Err(failed.into());
        }
    };
    check_agreement(&reports)?;
    match reports.first() {
        Some((_, first)) if as_json => super::print(&format!("{:#}\n", document(first, &reports))),
        Some((_, first)) => super::print(&table(first)),
        None => Err(Problem::usage("the consortium has no parties")),
    }
}

impl Arguments {
    fn read_data(&self, members: &[ApiMember]) -> Outcome<Vec<Data>> {
        if self.data_json.is_empty() {
            let filter = self.filter.as_deref().map(|text| parse(text, "--where")).transpose()?;
            // The same dataset at all members needs to be named once.
            if let [one] = self.data.as_slice()
                && let Some(selection) = selection(one, filter.as_ref())
            {
                return Ok(vec![selection; members.len()]);
            }
            let given = by_party(&self.data, members)?.into_iter();
            let data = given.map(|text| match selection(text, filter.as_ref()) {
                Some(selection) => Ok(selection),
                None => parse(text, "--data").map(Data::Values),
            });
            return data.collect();
        }
        let read = |path: &str| {
            let text = fs::read_to_string(path)
                .map_err(|error| Problem::usage(format!("cannot read {path}: {error}")))?;
            parse(&text, path).map(Data::Values)
        };
        by_party(&self.data_json, members)?.into_iter().map(read).collect()
    }
}

/// Columns of a dataset, if this is how they are named and no JSON.
fn selection(text: &str, filter: Option<&Value>) -> Option<Data> {
    let (dataset, columns) = text.split_once('.')?;
    let word = |text: &str| {
        let plain = |c: char| c.is_alphanumeric() || "-_ ".contains(c);
        text.starts_with(|c: char| c.is_alphabetic() || c == '_') && text.chars().all(plain)
    };
    let columns: Vec<String> = columns.split(',').map(str::to_owned).collect();
    (word(dataset) && columns.iter().all(|column| word(column))).then(|| Data::Selection {
        dataset: dataset.to_owned(),
        columns,
        filter: filter.cloned(),
    })
}

/// Values in the order of the members: given in that order, or each as `PARTY=value`.
fn by_party<'a>(values: &'a [String], members: &[ApiMember]) -> Outcome<Vec<&'a str>> {
    let named = |member: &ApiMember| {
        let of_member = |value: &'a String| value.strip_prefix(&member.name)?.strip_prefix('=');
        values.iter().find_map(of_member)
    };
    let found: Option<Vec<&str>> = members.iter().map(named).collect();
    if values.len() != members.len() {
        let names: Vec<&str> = members.iter().map(|member| member.name.as_str()).collect();
        return Err(Problem::usage(format!(
            "there are {} parties ({}) and data for {}: give one for each",
            members.len(),
            names.join(", "),
            values.len()
        )));
    }
    if let Some(found) = found {
        return Ok(found);
    }
    match members.iter().find(|member| named(member).is_some()) {
        Some(member) => Err(Problem::usage(format!(
            "data is named for {} but not for all parties: name all or none",
            member.name
        ))),
        None => Ok(values.iter().map(String::as_str).collect()),
    }
}

fn parse(text: &str, source: &str) -> Outcome<Value> {
    serde_json::from_str(text).map_err(|error| {
        Problem::usage(format!(
            "{source} is no JSON ({error}): write it like [1, 2.5] or [\"a\", \"b\"]"
        ))
    })
}

fn parameters(given: &[String]) -> Outcome<Map<String, Value>> {
    let mut parameters = Map::new();
    for text in given {
        let Some((name, value)) = text.split_once('=') else {
            let message = format!("--parameter `{text}` has no `=`: write it as NAME=VALUE");
            return Err(Problem::usage(message));
        };
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
        if parameters.insert(name.to_owned(), value).is_some() {
            return Err(Problem::usage(format!("--parameter {name} is given twice")));
        }
    }
    Ok(parameters)
}

fn show(party: &str, state: State<'_>) {
    match state {
        State::Asked => eprintln!("{party}: asked"),
        State::Done(report) => eprintln!(
            "{party}: done, {} rounds, {} bytes sent, {:.1} ms",
            report.cost.rounds,
            report.cost.bytes_sent,
            report.cost.seconds * 1e3
        ),
        State::Failed(error) => eprintln!("{party}: failed: {error}"),
    }
}

/// The first party's report, with what it cost each.
fn document(first: &Report, reports: &[(String, Report)]) -> Value {
    let cost = |(party, report): &(String, Report)| json!({"party": party, "cost": report.cost});
    let costs: Vec<Value> = reports.iter().map(cost).collect();
    let mut document = json!(first);
    if let Some(object) = document.as_object_mut() {
        object.insert("parties".to_owned(), costs.into());
    }
    document
}

fn table(report: &Report) -> String {
    let mut rows = Vec::new();
    flatten(String::new(), &report.result, &mut rows);
    rows.push(("parties".to_owned(), report.inputs.to_string()));
    flatten("security".to_owned(), &report.security, &mut rows);
    flatten("disclosure".to_owned(), &report.disclosure, &mut rows);
    if let Some(dropped) = &report.dropped {
        rows.push(("dropped".to_owned(), dropped.to_string()));
    }
    rows.push(("session".to_owned(), report.session.clone()));
    let width = rows.iter().map(|(name, _)| name.chars().count()).max();
    let width = width.unwrap_or(0);
    rows.iter().map(|(name, value)| format!("{name:width$}  {value}\n")).collect()
}

/// One row for each value inside; lists stay in one row.
fn flatten(name: String, value: &Value, rows: &mut Vec<(String, String)>) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                let key = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
                flatten(key, value, rows);
            }
        }
        Value::String(text) => rows.push((name, text.clone())),
        other => rows.push((name, other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members() -> Vec<ApiMember> {
        let member = |name: &str| ApiMember::open(name, "http://x");
        vec![member("a"), member("b")]
    }

    fn values(given: &[&str]) -> Vec<String> {
        given.iter().map(|&text| text.to_owned()).collect()
    }

    #[test]
    fn data_comes_in_order_or_by_name() {
        assert_eq!(by_party(&values(&["1", "2"]), &members()).unwrap(), ["1", "2"]);
        assert_eq!(by_party(&values(&["b=2", "a=1"]), &members()).unwrap(), ["1", "2"]);
        for wrong in [&["1"][..], &["1", "2", "3"], &["a=1", "2"], &["a=1", "a=2"]] {
            assert!(by_party(&values(wrong), &members()).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn columns_of_a_dataset_are_told_from_json() {
        let columns = |text| match selection(text, None) {
            Some(Data::Selection { dataset, columns, .. }) => Some((dataset, columns)),
            _ => None,
        };
        let two = columns("trial.age,outcome_2").unwrap();
        assert_eq!(two, ("trial".into(), vec!["age".into(), "outcome_2".into()]));
        for json in ["[1.5, 2]", "1.5", "\"a.b\"", "{}", "trial"] {
            assert_eq!(columns(json), None, "{json}");
        }
    }

    #[test]
    fn parameters_are_json_where_they_can_be() {
        let read = parameters(&values(&["digits_before=6", "suite=masked", "x=[1]"])).unwrap();
        assert_eq!(Value::from(read), json!({"digits_before": 6, "suite": "masked", "x": [1]}));
        assert!(parameters(&values(&["x"])).is_err());
        assert!(parameters(&values(&["x=1", "x=2"])).is_err());
    }

    #[test]
    fn nested_results_have_a_row_each() {
        let mut rows = Vec::new();
        flatten(String::new(), &json!({"table": {"x": {"y": 5, "z": null}}}), &mut rows);
        let row = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(rows, [row("table.x.y", "5"), row("table.x.z", "null")]);
    }
}
