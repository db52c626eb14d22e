//! `cloister consortium`: the file that says who computes together, made from the members' cards.

mod add_cards;
mod client;
mod diff;
mod prompt;
mod show;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use cloister_certs::membership::Membership;

use crate::operator::{Operator, Reloaded};
use crate::problem::Outcome;

/// Make, change, show and compare consortium files.
#[derive(Subcommand)]
pub(super) enum Command {
    /// Make a file from the cards of two members or more.
    New(add_cards::Arguments),
    /// Take in the cards of further members, or newer cards of those that are there.
    Add(add_cards::Arguments),
    /// Take a member out.
    Remove {
        /// The consortium file.
        file: PathBuf,
        /// The member's name.
        name: String,
        #[command(flatten)]
        node: Node,
    },
    /// Show the members, their fingerprints in words, and the hash that all members must have
    /// alike.
    Show(show::Arguments),
    /// Make client.toml, the file for a client on a machine of its own.
    Client(client::Arguments),
    /// Say what two files have differently: in whom, and in what.
    Diff(diff::Arguments),
}

/// The node that is to know of the change.
#[derive(Args)]
pub(super) struct Node {
    /// The settings of this member's own node, which is then told to read the file again.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

pub(super) fn run(command: &Command) -> Outcome {
    match command {
        Command::New(cards) => cards.run(Membership::new(&cards.file)?),
        Command::Add(cards) => cards.run(Membership::read(&cards.file)?),
        Command::Remove { file, name, node } => {
            let mut membership = Membership::read(file)?;
            membership.remove(name)?;
            finish(&membership, file, node)
        }
        Command::Show(arguments) => show::run(arguments),
        Command::Client(arguments) => client::run(arguments),
        Command::Diff(arguments) => diff::run(arguments),
    }
}

/// Writes the file, tells its hash, and has the node reload.
fn finish(membership: &Membership, file: &Path, node: &Node) -> Outcome {
    show::tell_hash(&membership.write()?, file);
    let reloaded = match &node.config {
        Some(config) => Operator::of(config)?.reload()?,
        None => Reloaded::NotAble,
    };
    match reloaded {
        Reloaded::Yes => eprintln!("the running node uses it from now on"),
        Reloaded::NotRunning => eprintln!("the node does not run; it will use it when it starts"),
        // Only fingerprints change while a node runs.
        Reloaded::Refused(reason) => {
            eprintln!("the running node goes on with the old file: {reason}")
        }
        Reloaded::NotAble => eprintln!("a running node uses it from its next start on"),
    }
    Ok(())
}
