//! `cloister token`: the callers of a node's API, and their roles.

use std::path::Path;

use clap::Subcommand;
use cloister_actors::operations::Operation;
use cloister_vault::Role;

use super::moment;
use crate::operator::Operator;
use crate::problem::Outcome;

/// Make, list and take back the tokens of a node's API.
#[derive(Subcommand)]
pub(super) enum Command {
    /// Make a token and print it. It is shown this once; the node keeps a hash.
    New {
        #[command(flatten)]
        node: super::NodeArguments,
        /// The principal's name, under which the node knows the caller.
        #[arg(long)]
        name: String,
        /// Its role: researcher (compute what policies allow), owner (register, upload,
        /// approve), auditor (read the audit log), operator. May be given several times.
        #[arg(long = "role", required = true)]
        roles: Vec<Role>,
        /// For how many days; without end where it is left out.
        #[arg(long)]
        days: Option<u32>,
    },
    /// List names, roles and ends.
    List {
        #[command(flatten)]
        node: super::NodeArguments,
    },
    /// Take a token back. It is not accepted from now on.
    Revoke {
        #[command(flatten)]
        node: super::NodeArguments,
        /// The principal's name.
        #[arg(long)]
        name: String,
    },
}

pub(super) fn run(command: Command) -> Outcome {
    match command {
        Command::New { node, name, roles, days } => {
            let roles = roles.into_iter().collect();
            let made = &perform(&node.config, Operation::NewToken { name, roles, days })?;
            super::print(&format!("{}\n", made["token"].as_str().unwrap_or_default()))?;
            eprintln!("give it to its owner; it cannot be shown again");
            Ok(())
        }
        Command::List { node } => {
            let tokens = perform(&node.config, Operation::Tokens)?;
            let rows = tokens
                .as_array()
                .into_iter()
                .flatten()
                .map(|token| {
                    let roles: Vec<&str> = token["roles"]
                        .as_array()
                        .into_iter()
                        .flatten()
                        .filter_map(|r| r.as_str())
                        .collect();
                    let end = token["expires"].as_u64().map_or("without end".to_owned(), moment);
                    vec![
                        token["name"].as_str().unwrap_or_default().to_owned(),
                        roles.join(", "),
                        end,
                    ]
                })
                .collect();
            super::print(&super::columns(&["name", "roles", "until"], rows))
        }
        Command::Revoke { node, name } => {
            perform(&node.config, Operation::RevokeToken { name }).map(drop)
        }
    }
}

fn perform(config: &Path, operation: Operation) -> Outcome<serde_json::Value> {
    Operator::of(config)?.perform(operation)
}
