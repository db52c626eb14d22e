//! `cloister memory`: what answers have told of a node's datasets, for the owner of the data.

use clap::Subcommand;
use cloister_actors::operations::Operation;
use serde_json::Value;

use super::text;
use crate::operator::Operator;
use crate::problem::Outcome;

/// Show what answers have told of a dataset, or begin to remember anew.
#[derive(Subcommand)]
pub(super) enum Command {
    /// Show the questions about each value, and how much of it they have told.
    Show {
        #[command(flatten)]
        node: super::NodeArguments,
        /// The dataset's name.
        dataset: String,
        /// Print one JSON document on standard output.
        #[arg(long)]
        json: bool,
    },
    /// Forget what was told: answers before and after can be combined, and nothing notices. Only
    /// for data that are new. The audit log has what had been told.
    Reset {
        #[command(flatten)]
        node: super::NodeArguments,
        /// The dataset's name.
        dataset: String,
    },
}

pub(super) fn run(command: Command) -> Outcome {
    match command {
        Command::Show { node, dataset, json } => {
            let operator = Operator::of(&node.config)?;
            let shown = operator.perform(Operation::Memory { dataset })?;
            if json {
                return super::print(&format!("{shown:#}\n"));
            }
            let values = shown.get("values").and_then(Value::as_array).into_iter().flatten();
            let rows: Vec<Vec<String>> = values.map(row).collect();
            match rows.is_empty() {
                true => super::print("nothing was told of it\n"),
                false => super::print(&super::columns(&["value", "questions", "told"], rows)),
            }
        }
        Command::Reset { node, dataset } => {
            let operator = Operator::of(&node.config)?;
            operator.perform(Operation::ResetMemory { dataset })?;
            eprintln!("the memory begins anew; the audit log has what had been told");
            Ok(())
        }
    }
}

/// Lays out a value with its questions and the part of it that was told.
fn row(value: &Value) -> Vec<String> {
    let told = value["told_percent"].as_f64().unwrap_or_default();
    vec![text(&value["value"]), value["questions"].to_string(), format!("{told:.1} %")]
}
