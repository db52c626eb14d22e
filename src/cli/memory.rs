//! `cloister memory`: what answers have told of a node's datasets, for the owner of the data, and
//! the loss of that memory.

use clap::Subcommand;
use cloister_actors::operations::Operation;
use serde_json::Value;

use super::text;
use crate::operator::Operator;
use crate::problem::Outcome;

/// Show what answers have told of a dataset, begin to remember anew, or decide on a lost state.
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
    /// Acknowledge that the node's state is older than other members have seen. Then they remember
    /// its log from here on. Approvals are used up. Questions without approval are refused for each
    /// dataset until its owner opens it.
    Acknowledge {
        #[command(flatten)]
        node: super::NodeArguments,
        /// A backup was put back, and no member may have told the node yet.
        #[arg(long)]
        restored: bool,
        /// Instead: this member's word is unfounded, such as where it never computed with this
        /// node. It is dropped, nothing is closed, and approvals stay.
        #[arg(long, value_name = "MEMBER", conflicts_with = "restored")]
        unfounded: Option<String>,
    },
    /// Open a dataset that a lost state has closed, and forget nothing. The owner decides that what
    /// was told of it in the lost time does not matter: nothing remembers that.
    Open {
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
            let name = dataset.clone();
            let shown = operator.perform(Operation::Memory { dataset })?;
            if json {
                return super::print(&format!("{shown:#}\n"));
            }
            let values = shown.get("values").and_then(Value::as_array).into_iter().flatten();
            let rows: Vec<Vec<String>> = values.map(row).collect();
            if shown.get("closed").and_then(Value::as_bool).unwrap_or_default() {
                eprintln!(
                    "closed: the node has lost its newest state; only approved questions are \
                     answered until `cloister memory open {name}`"
                );
            }
            if rows.is_empty() {
                super::print("nothing was told of it\n")
            } else {
                super::print(&super::columns(&["value", "questions", "told"], rows))
            }
        }
        Command::Reset { node, dataset } => {
            let operator = Operator::of(&node.config)?;
            operator.perform(Operation::ResetMemory { dataset })?;
            eprintln!("the memory begins anew; the audit log has what had been told");
            Ok(())
        }
        Command::Open { node, dataset } => {
            let operator = Operator::of(&node.config)?;
            let done = operator.perform(Operation::OpenDataset { dataset })?;
            let was_closed = done.get("was_closed").and_then(Value::as_bool).unwrap_or_default();
            eprintln!(
                "{}",
                if was_closed {
                    "the dataset is open; what was told of it in the lost time is not remembered"
                } else {
                    "the dataset was not closed"
                }
            );
            Ok(())
        }
        Command::Acknowledge { node, unfounded: Some(member), .. } => {
            let operator = Operator::of(&node.config)?;
            let told = operator.perform(Operation::DropWord { member })?;
            let number = told.get("number").and_then(Value::as_u64).unwrap_or_default();
            let member = told.get("member").map(text).unwrap_or_default();
            eprintln!(
                "the word of {member} that it has seen entry {number} is dropped; the audit log has it"
            );
            Ok(())
        }
        Command::Acknowledge { node, restored, unfounded: None } => {
            let operator = Operator::of(&node.config)?;
            let done = operator.perform(Operation::AcknowledgeLoss { restored })?;
            for told in done.get("told").and_then(Value::as_array).into_iter().flatten() {
                eprintln!("{} has seen entry {}", text(&told["member"]), told["number"]);
            }
            eprintln!(
                "the loss is acknowledged; approvals are used up, and questions without approval are \
                 refused for each dataset until `cloister memory open DATASET`"
            );
            Ok(())
        }
    }
}

/// Lays out a value with its questions and the part of it that was told.
fn row(value: &Value) -> Vec<String> {
    let told = value["told_percent"].as_f64().unwrap_or_default();
    vec![text(&value["value"]), value["questions"].to_string(), format!("{told:.1} %")]
}
