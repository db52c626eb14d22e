//! `cloister consortium`: the file that says who computes together, made from the members' cards.

mod ask;
mod diff;
mod show;
mod take_in;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::membership::Membership;
use crate::problem::Outcome;

/// Make, change, show and compare consortium files.
#[derive(Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a file from the cards of two members or more.
    New(take_in::Arguments),
    /// Take in the cards of further members, or newer cards of those that are there.
    Add(take_in::Arguments),
    /// Take a member out.
    Remove {
        /// The consortium file.
        file: PathBuf,
        /// The member's name.
        name: String,
    },
    /// Show the members, their fingerprints in words, and the hash that all members must have alike.
    Show(show::Arguments),
    /// Say what two files have differently: in whom, and in what.
    Diff(diff::Arguments),
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    match &arguments.command {
        Command::New(cards) => cards.run(Membership::new(&cards.file)?),
        Command::Add(cards) => cards.run(Membership::read(&cards.file)?),
        Command::Remove { file, name } => {
            let mut membership = Membership::read(file)?;
            membership.remove(name)?;
            show::tell_hash(&membership.write()?, file);
            Ok(())
        }
        Command::Show(arguments) => show::run(arguments),
        Command::Diff(arguments) => diff::run(arguments),
    }
}
