//! `cloister data`: which data a node knows, and whether the members' data fit each other.

mod check;
mod password;
mod register;

use clap::Subcommand;
use cloister_actors::operations::Operation;
use serde_json::Value;

use crate::cli::text;
use crate::operator::Operator;
use crate::problem::Outcome;

/// Make data known to a node, list them, take them back; compare those of all members.
#[derive(Subcommand)]
pub(super) enum Command {
    Register(Box<register::Arguments>),
    /// List what is registered: names, columns, types, units, and rows rounded down.
    List {
        #[command(flatten)]
        node: super::NodeArguments,
        /// Print one JSON document on standard output.
        #[arg(long)]
        json: bool,
    },
    /// Take a dataset back. What was asked of it stays remembered.
    Withdraw {
        #[command(flatten)]
        node: super::NodeArguments,
        /// Its name.
        name: String,
    },
    Check(check::Arguments),
}

pub(super) fn run(command: Command) -> Outcome {
    match command {
        Command::Register(register) => register::run(&register),
        Command::List { node, json } => {
            let datasets = Operator::of(&node.config)?.perform(Operation::Datasets)?;
            if json {
                return super::print(&format!("{datasets:#}\n"));
            }
            let rows = datasets.as_array().into_iter().flatten().flat_map(rows).collect();
            super::print(&super::columns(&["dataset", "rows", "column", "type", "unit"], rows))
        }
        Command::Withdraw { node, name } => {
            Operator::of(&node.config)?.perform(Operation::Withdraw { name }).map(drop)
        }
        Command::Check(check) => check::run(&check),
    }
}

/// Makes a row for each column.
fn rows(dataset: &Value) -> Vec<Vec<String>> {
    dataset["columns"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|column| {
            vec![
                text(&dataset["name"]),
                format!("at least {}", dataset["rows"]),
                text(&column["name"]),
                text(&column["kind"]),
                text(&column["unit"]),
            ]
        })
        .collect()
}
