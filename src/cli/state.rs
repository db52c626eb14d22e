//! `cloister state`: the node's state as a whole.

use std::path::PathBuf;

use clap::Subcommand;
use cloister_actors::operations::Operation;
use serde_json::Value;

use crate::operator::{Operator, absolute};
use crate::problem::Outcome;

/// Copy a node's state as a whole.
#[derive(Subcommand)]
pub(super) enum Command {
    /// Copy the state with its key into a folder, also while the node runs; print the head of the
    /// audit log in it. Its reader can read what was pushed: keep it as safe as the state.
    Backup {
        #[command(flatten)]
        node: super::NodeArguments,
        /// The folder, which must not be there yet. It is put back in the place of the state's folder,
        /// while the node is stopped.
        #[arg(value_name = "FOLDER")]
        to: PathBuf,
    },
}

pub(super) fn run(command: Command) -> Outcome {
    let Command::Backup { node, to } = command;
    let copied = Operator::of(&node.config)?.perform(Operation::BackUp { to: absolute(&to)? })?;
    let entries = copied.get("entries").and_then(Value::as_u64).unwrap_or_default();
    let head = copied.get("head").map(super::text).unwrap_or_default();
    super::print(&format!("{entries} entries, head {head}\n"))
}
