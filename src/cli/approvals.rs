//! `cloister approvals`: requests of clients, for the owner of the data to grant or refuse.

use std::num::NonZeroU32;

use clap::Subcommand;
use cloister_actors::operations::Operation;
use serde_json::Value;

use super::{moment, text};
use crate::operator::Operator;
use crate::problem::Outcome;

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
    /// Allow a request: this function on these columns by this principal.
    Grant {
        #[command(flatten)]
        node: super::NodeArguments,
        /// Its number.
        request: u64,
        /// The number of uses.
        #[arg(long, default_value_t = NonZeroU32::MIN)]
        times: NonZeroU32,
        /// For how many days; a week where it is left out.
        #[arg(long)]
        days: Option<NonZeroU32>,
    },
    /// Refuse a request.
    Refuse {
        #[command(flatten)]
        node: super::NodeArguments,
        /// Its number.
        request: u64,
    },
}

pub(super) fn run(command: Command) -> Outcome {
    match command {
        Command::List { node, json } => {
            let approvals = Operator::of(&node.config)?.perform(Operation::Approvals)?;
            if json {
                return super::print(&format!("{approvals:#}\n"));
            }
            let rows = approvals.as_array().into_iter().flatten().map(row).collect();
            let heads = ["request", "principal", "function", "dataset", "columns", "state"];
            super::print(&super::columns(&heads, rows))
        }
        Command::Grant { node, request, times, days } => {
            let grant = Operation::Grant { request, times, days };
            Operator::of(&node.config)?.perform(grant).map(drop)
        }
        Command::Refuse { node, request } => {
            Operator::of(&node.config)?.perform(Operation::Refuse { request }).map(drop)
        }
    }
}

fn row(approval: &Value) -> Vec<String> {
    let class = &approval["class"];
    let columns: Vec<&str> =
        class["columns"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    vec![
        approval["id"].to_string(),
        text(&class["principal"]),
        text(&class["function"]),
        text(&class["dataset"]),
        columns.join(", "),
        state(&approval["state"]),
    ]
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
