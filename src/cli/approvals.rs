//! `cloister approvals`: requests of clients, for the owner of the data to grant or refuse.
//!
//! A grant is of exactly the question that was asked, unless options widen it. What was granted is
//! printed in words, with its uses and its end.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use cloister_actors::operations::Operation;
use cloister_actors::services::approvals::{Allowed, Planned, StudySignatures, Widening};
use cloister_client::Data;
use serde_json::Value;

use super::study::read_signatures;
use super::{moment, text};
use crate::files::read_json;
use crate::operator::Operator;
use crate::problem::{Outcome, Problem};
use crate::study::Study;

/// The state in the lists for requests without a value.
const NOTHING: &str = "–";

/// List, grant and refuse what clients want to compute on a node's datasets.
#[derive(Subcommand)]
pub(super) enum Command {
    /// List what was asked for, granted and refused.
    List {
        #[command(flatten)]
        node: super::NodeArguments,
        /// Print one JSON document on standard output.
        #[arg(long)]
        json: bool,
    },
    /// Show one request: the question that was asked, and what was granted.
    Show {
        #[command(flatten)]
        node: super::NodeArguments,
        /// Its number.
        request: u64,
    },
    /// Allow a request: exactly the question that was asked, unless options widen it.
    Grant(Box<Grant>),
    /// Refuse a request.
    Refuse {
        #[command(flatten)]
        node: super::NodeArguments,
        /// Its number.
        request: u64,
    },
}

/// The arguments of `grant`.
#[derive(Args)]
pub(super) struct Grant {
    #[command(flatten)]
    node: super::NodeArguments,
    /// The request's number. Without it, name a study, or a class by `--dataset`.
    #[arg(required_unless_present_any = ["study", "dataset"])]
    request: Option<u64>,
    /// A study's file: all its computations on this node's datasets, with one decision.
    #[arg(long, value_name = "FILE", requires = "principal")]
    #[arg(conflicts_with_all = ["request", "dataset", "functions", "any_parameters", "columns",
        "condition", "condition_columns", "any_condition"])]
    study: Option<PathBuf>,
    /// Grant the study only if all members have signed it.
    #[arg(long, requires = "study", conflicts_with_all = ["request", "dataset"])]
    require_signatures: bool,
    /// A dataset, for a class of questions that was not asked for yet.
    #[arg(long, value_name = "NAME", requires_all = ["principal", "functions", "columns"])]
    #[arg(conflicts_with = "request")]
    dataset: Option<String>,
    /// The principal who may compute, where there is no request.
    #[arg(long, value_name = "NAME", conflicts_with = "request")]
    principal: Option<String>,
    /// Any of these functions or groups of functions (`describe`), with any parameters.
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    functions: Vec<String>,
    /// The function that was asked, with any parameters.
    #[arg(long)]
    any_parameters: bool,
    /// Any of these columns.
    #[arg(long, value_name = "COLUMN,…", value_delimiter = ',')]
    columns: Vec<String>,
    /// Exactly this condition on rows, as for `compute --where`.
    #[arg(long, value_name = "JSON", group = "conditions")]
    condition: Option<String>,
    /// All rows, or any condition on these columns only.
    #[arg(long, value_name = "COLUMN,…", value_delimiter = ',', group = "conditions")]
    condition_columns: Vec<String>,
    /// All rows, or any condition on any columns: also one that selects a few people.
    #[arg(long, group = "conditions")]
    any_condition: bool,
    /// The number of uses; one, or for a study one for each computation.
    #[arg(long)]
    times: Option<NonZeroU32>,
    /// For how many days; a week where it is left out.
    #[arg(long)]
    days: Option<NonZeroU32>,
}

pub(super) fn run(command: Command) -> Outcome {
    match command {
        Command::List { node, json } => {
            let approvals = Operator::of(&node.config)?.perform(Operation::Approvals)?;
            if json {
                return super::print(&format!("{approvals:#}\n"));
            }
            let rows = approvals.as_array().into_iter().flatten().map(row).collect();
            super::print(&super::columns(&HEADS, rows))
        }
        Command::Show { node, request } => {
            let approvals = Operator::of(&node.config)?.perform(Operation::Approvals)?;
            let found = approvals.as_array().into_iter().flatten().find(|one| one["id"] == request);
            let found = found.ok_or_else(|| {
                Problem::usage(format!(
                    "there is no request {request}\n  hint: `cloister approvals list` lists them"
                ))
            })?;
            super::print(&described(found))
        }
        Command::Grant(grant) => {
            let operator = Operator::of(&grant.node.config)?;
            let operation = grant.operation(operator.party(), operator.consortium())?;
            let signed = match &operation {
                Operation::GrantStudy { signatures, .. } => signed_words(&signatures.signed_by),
                _ => String::new(),
            };
            let granted = operator.perform(operation)?;
            super::print(&format!("{}{signed}", granted_words(&granted)))
        }
        Command::Refuse { node, request } => {
            Operator::of(&node.config)?.perform(Operation::Refuse { request })?;
            super::print(&format!("request {request} is refused until it is granted\n"))
        }
    }
}

impl Grant {
    fn operation(&self, party: &str, consortium: &Path) -> Outcome<Operation> {
        let widening = self.widening()?;
        let Self { request, study, dataset, principal, times, days, .. } = self;
        let (times_or_one, days) = (times.unwrap_or(NonZeroU32::MIN), *days);
        let principal = principal.clone().unwrap_or_default();
        match (request, study, dataset) {
            (Some(request), ..) => {
                Ok(Operation::Grant { request: *request, times: times_or_one, days, widening })
            }
            (None, Some(study), _) => {
                let study = Study::read(study)?;
                let computations = planned(&study, party)?;
                let title = study.title().to_owned();
                let signed = read_signatures(&study, consortium)?;
                signed.check(self.require_signatures)?;
                let signed_by = signed.names().map(str::to_owned).collect();
                let signatures = StudySignatures { hash: study.hash().to_string(), signed_by };
                let times = *times;
                Ok(Operation::GrantStudy {
                    title,
                    principal,
                    computations,
                    signatures,
                    times,
                    days,
                })
            }
            (None, None, Some(dataset)) => Ok(Operation::GrantClass {
                principal,
                dataset: dataset.clone(),
                class: widening,
                times: times_or_one,
                days,
            }),
            (None, None, None) => Err(Problem::usage("name a request, a study or a dataset")),
        }
    }

    fn widening(&self) -> Outcome<Widening> {
        let conditions = if self.any_condition {
            Some(Allowed::Any)
        } else if !self.condition_columns.is_empty() {
            Some(Allowed::On(set(&self.condition_columns)))
        } else {
            self.condition.as_deref().map(condition).transpose()?.map(Allowed::Exactly)
        };
        let some = |names: &[String]| (!names.is_empty()).then(|| set(names));
        Ok(Widening {
            functions: some(&self.functions),
            any_parameters: self.any_parameters,
            columns: some(&self.columns),
            conditions,
        })
    }
}

fn set(names: &[String]) -> BTreeSet<String> {
    names.iter().cloned().collect()
}

fn condition(text: &str) -> Outcome<Value> {
    read_json(text).map_err(|error| {
        Problem::usage(format!(
            "`--condition`: {error}\n  hint: write it like {{\"column\": \"age\", \"op\": \">=\", \
             \"value\": 40}}"
        ))
    })
}

/// Returns the computations of a study on this party's datasets.
fn planned(study: &Study, party: &str) -> Outcome<Vec<Planned>> {
    let mut all = Vec::new();
    for computation in study.computations() {
        for data in computation.data(std::iter::once(party))? {
            let Data::Selection { dataset, columns, filter } = data else { continue };
            all.push(Planned {
                function: computation.function.clone(),
                parameters: computation.parameters.clone(),
                dataset,
                columns,
                condition: filter,
            });
        }
    }
    Ok(all)
}

/// Writes what was granted.
fn granted_words(granted: &Value) -> String {
    let serves = granted["serves"].as_array().into_iter().flatten();
    let lines: String = serves.map(|words| format!("  {}\n", text(words))).collect();
    format!("request {} is granted, {}:\n{lines}", granted["request"], text(&granted["terms"]))
}

/// Says which members have signed the study that was granted.
fn signed_words(signed_by: &[String]) -> String {
    match signed_by {
        [] => "no member has signed the study\n".to_owned(),
        names => format!("the study is signed by {}\n", names.join(", ")),
    }
}

const HEADS: [&str; 8] =
    ["request", "principal", "function", "parameters", "dataset", "columns", "condition", "state"];

fn row(approval: &Value) -> Vec<String> {
    let class = &approval["class"];
    let whole = |of_class: String, of_study: &Value| match class {
        Value::Null => text(of_study),
        _ => of_class,
    };
    vec![
        approval["id"].to_string(),
        text(&class["principal"]),
        whole(text(&class["function"]), &approval["study"]),
        parameters(class),
        text(&class["dataset"]),
        columns(class),
        whole(rows(class), &Value::from(NOTHING)),
        state(&approval["state"]),
    ]
}

fn described(approval: &Value) -> String {
    let class = &approval["class"];
    let asked = match class {
        Value::Null => vec![("title", text(&approval["study"]))],
        _ => vec![
            ("principal", text(&class["principal"])),
            ("function", text(&class["function"])),
            ("parameters", parameters(class)),
            ("dataset", text(&class["dataset"])),
            ("columns", columns(class)),
            ("rows", rows(class)),
            ("tells", tells(class)),
        ],
    };
    let asked_at = approval["asked"].as_u64().map(moment).unwrap_or_default();
    let mut lines = vec![("request", approval["id"].to_string()), ("asked", asked_at)];
    lines.extend(asked);
    lines.push(("state", state(&approval["state"])));
    let serves =
        approval.pointer("/state/granted/serves").and_then(Value::as_array).into_iter().flatten();
    lines.extend(serves.map(|words| ("serves", text(words))));
    lines.into_iter().map(|(name, fact)| format!("{name:<10}  {fact}\n")).collect()
}

fn columns(class: &Value) -> String {
    let columns = class["columns"].as_array().into_iter().flatten();
    columns.filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
}

fn parameters(class: &Value) -> String {
    match class["parameters"].as_str() {
        // An older version did not keep them.
        None => NOTHING.to_owned(),
        Some("{}") => "none".to_owned(),
        Some(parameters) => parameters.to_owned(),
    }
}

fn rows(class: &Value) -> String {
    class["condition"].as_str().unwrap_or("all rows").to_owned()
}

/// Says how many equations about rows each answer tells, and how much that is of a column.
fn tells(class: &Value) -> String {
    let equations = match class["equations"].as_u64() {
        None => "as many equations as the joined columns make".to_owned(),
        Some(1) => "1 equation about rows".to_owned(),
        Some(equations) => format!("{equations} equations about rows"),
    };
    match (class["told_percent"].as_f64(), class["tells_percent"].as_f64()) {
        (Some(told), Some(tells)) => format!(
            "{equations}: {} of a column's content is told so far, and this tells {} at most",
            percent(told),
            percent(tells)
        ),
        _ => equations,
    }
}

/// Writes a part of a whole, with a digit after the point below ten.
fn percent(part: f64) -> String {
    if part >= 9.95 { format!("{part:.0} %") } else { format!("{part:.1} %") }
}

/// Writes the state: a word, or a word with its details.
fn state(state: &Value) -> String {
    let Some((word, more)) = state.as_object().and_then(|object| object.iter().next()) else {
        return state.as_str().unwrap_or_default().to_owned();
    };
    match (more["times_left"].as_u64(), more["expires"].as_u64()) {
        (Some(left), Some(expires)) => {
            format!("{word}, {left} times left, until {}", moment(expires))
        }
        _ => word.clone(),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::json;

    use super::*;
    use crate::study::tests::{STUDY, study};

    #[derive(Parser)]
    struct Arguments {
        #[command(subcommand)]
        command: Command,
    }

    fn grant(words: &str) -> Result<Operation, String> {
        let words = ["approvals", "grant", "--config", "node.toml"]
            .into_iter()
            .chain(words.split_whitespace());
        let parsed = Arguments::try_parse_from(words).map_err(|error| error.to_string())?;
        let Command::Grant(grant) = parsed.command else { panic!() };
        grant.operation("a", Path::new("none")).map_err(|problem| problem.to_string())
    }

    #[test]
    fn a_grant_is_of_the_question_unless_an_owner_writes_out_more() {
        let Ok(Operation::Grant { request: 7, times, days: None, widening }) = grant("7") else {
            panic!()
        };
        assert_eq!((times.get(), widening), (1, Widening::default()));
        let Ok(Operation::Grant { widening, .. }) = grant("7 --any-condition --columns a,b") else {
            panic!()
        };
        assert_eq!(widening.conditions, Some(Allowed::Any));
        assert_eq!(widening.columns.unwrap().len(), 2);
        let class = "--dataset trial --principal ada --functions describe --columns age \
                     --condition-columns age,sex --times 20";
        assert!(matches!(grant(class), Ok(Operation::GrantClass { .. })));
        for wrong in [
            "",
            "7 --principal ada",
            "7 --any-condition --condition-columns age",
            "--dataset trial --principal ada",
            "--study study.toml",
            "--study study.toml --principal ada --any-condition",
            "7 --condition age",
            "7 --require-signatures",
        ] {
            assert!(grant(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_study_is_planned_as_this_party_computes_it() {
        let study = study(STUDY).unwrap();
        let planned = planned(&study, "b").unwrap();
        let columns: Vec<_> = planned.iter().map(|one| one.columns.join(",")).collect();
        assert_eq!(columns, ["age", "risk"]);
        assert!(planned[0].condition.is_some() && planned[1].condition.is_none());
        assert_eq!(planned[1].parameters["digits_before"], 3);
    }

    #[test]
    fn a_request_shows_all_of_its_question() {
        let class = json!({"principal": "ada", "function": "SecureSum", "parameters": "{}",
            "dataset": "trial", "columns": ["age"], "condition": "\"age\" >= 40"});
        let asked = json!({"id": 7, "class": class, "study": null, "asked": 0, "state": "asked"});
        let due = ["7", "ada", "SecureSum", "none", "trial", "age", "\"age\" >= 40", "asked"];
        assert_eq!(row(&asked), due);
        let serves = json!(["ada may compute …"]);
        let granted =
            json!({"granted": {"by": "x", "times_left": 2, "expires": 0, "serves": serves}});
        let whole = json!({"id": 8, "class": null, "study": "Age", "asked": 0, "state": granted});
        assert_eq!(row(&whole)[2], "Age");
        let described = described(&whole);
        assert!(described.contains("serves      ada may compute"), "{described}");
    }
}
