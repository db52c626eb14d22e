//! The command line: names, flags and exit codes are a contract with scripts.
//!
//! Standard output has answers only; progress, explanations and logs go to standard error.

mod compute;
mod demo;
mod identity;
mod init;
mod node;
mod up;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::problem::{Outcome, Problem};

/// A node for federated secure computing: data stays at its owner, only agreed results leave.
///
/// Exit codes: 0 done, 2 usage, 3 refused by a policy, 4 a peer or the consortium failed,
/// 5 our fault.
#[derive(Parser)]
#[command(name = "cloister", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Demo(demo::Arguments),
    Init(init::Arguments),
    Up(up::Arguments),
    Node(node::Arguments),
    Identity(identity::Arguments),
    Compute(compute::Arguments),
}

/// Does what the command line says.
#[must_use]
pub fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("error: {problem}");
            problem.exit_code()
        }
    }
}

/// Writes to standard output at once. Whoever reads it may have gone, which is no reason to panic.
fn print(text: &str) -> Outcome {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| Problem::usage(format!("cannot write to standard output: {error}")))
}

fn run(command: Command) -> Outcome {
    match command {
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Init(arguments) => init::run(&arguments),
        Command::Up(arguments) => up::run(&arguments),
        Command::Node(arguments) => node::run(&arguments),
        Command::Identity(arguments) => identity::run(&arguments),
        Command::Compute(arguments) => compute::run(&arguments),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
