//! The command line: names, flags and exit codes are a contract with scripts.
//!
//! Standard output has answers only; progress, explanations and logs go to standard error.

mod aloud;
mod approvals;
mod audit;
mod bench;
mod completions;
mod compute;
mod config;
mod consortium;
mod data;
mod demo;
mod doctor;
mod functions;
mod identity;
mod init;
mod memory;
mod node;
mod state;
mod study;
mod token;
mod up;
mod written;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::SystemTime;

use clap::{Args, Parser, Subcommand};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::problem::{Outcome, Problem};

/// A node for federated secure computing: data stays at its owner, only agreed results leave.
///
/// Exit codes: 0 done, 1 worse than an earlier measurement, 2 usage, 3 refused by a policy, 4 a
/// peer or the consortium failed, 5 our fault, 130 interrupted.
#[derive(Parser)]
#[command(name = "cloister", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Demo(demo::Arguments),
    Doctor(doctor::Arguments),
    Init(init::Arguments),
    Up(up::Arguments),
    Node(node::Arguments),
    #[command(subcommand)]
    Config(config::Command),
    #[command(subcommand)]
    Identity(identity::Command),
    #[command(subcommand)]
    Consortium(consortium::Command),
    Compute(compute::Arguments),
    Functions(functions::Arguments),
    Run(study::RunArguments),
    #[command(subcommand)]
    Study(study::Command),
    #[command(subcommand)]
    Data(data::Command),
    #[command(subcommand)]
    Token(token::Command),
    #[command(subcommand)]
    Approvals(approvals::Command),
    #[command(subcommand)]
    Memory(memory::Command),
    #[command(subcommand)]
    State(state::Command),
    #[command(subcommand)]
    Audit(audit::Command),
    Bench(bench::Arguments),
    Completions(completions::Arguments),
}

/// The node that a command is about.
#[derive(Args)]
struct NodeArguments {
    /// The node's settings.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

/// Runs the command line.
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

/// Writes to standard output at once. A reader that has gone is no reason to panic.
fn print(text: &str) -> Outcome {
    match write_out(text) {
        // The reader has what it wanted, as `head` does.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(|error| unwritable(&error)),
    }
}

/// Writes what another program waits for to standard output. A reader that has gone is an error.
fn announce(text: &str) -> Outcome {
    write_out(text).map_err(|error| unwritable(&error))
}

fn write_out(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

fn unwritable(error: &io::Error) -> Problem {
    Problem::usage(format!("cannot write to standard output: {error}"))
}

/// Returns the text of a value, and an empty one of a value that is no text.
fn text(value: &serde_json::Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Lays out rows under their heads, each column as wide as its longest cell.
fn columns(heads: &[&str], rows: Vec<Vec<String>>) -> String {
    let head = heads.iter().map(|&head| head.to_owned()).collect();
    let all: Vec<Vec<String>> = std::iter::once(head).chain(rows).collect();
    let widths: Vec<usize> = (0..heads.len())
        .map(|column| {
            let cells = all.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        })
        .collect();
    all.iter()
        .map(|row| {
            let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
            format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
        })
        .collect()
}

/// Writes a time in UTC, from seconds since 1970.
fn moment(seconds: u64) -> String {
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    let moment = OffsetDateTime::from_unix_timestamp(seconds).ok();
    let written = moment.and_then(|moment| moment.format(&Rfc3339).ok());
    written.unwrap_or_else(|| seconds.to_string())
}

/// Writes a time in UTC.
fn moment_of(moment: SystemTime) -> String {
    let since = moment.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    self::moment(since.as_secs())
}

fn run(command: Command) -> Outcome {
    match command {
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Doctor(arguments) => doctor::run(&arguments),
        Command::Init(arguments) => init::run(&arguments),
        Command::Up(arguments) => up::run(&arguments),
        Command::Node(arguments) => node::run(&arguments),
        Command::Config(command) => config::run(&command),
        Command::Identity(command) => identity::run(&command),
        Command::Consortium(command) => consortium::run(&command),
        Command::Compute(arguments) => compute::run(&arguments),
        Command::Data(command) => data::run(command),
        Command::Token(command) => token::run(command),
        Command::Approvals(command) => approvals::run(command),
        Command::Memory(command) => memory::run(command),
        Command::State(command) => state::run(command),
        Command::Audit(command) => audit::run(command),
        Command::Bench(arguments) => bench::run(arguments),
        Command::Run(arguments) => study::run_study(&arguments),
        Command::Study(command) => study::run(&command),
        Command::Functions(arguments) => functions::run(&arguments),
        Command::Completions(arguments) => completions::run(&arguments),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn times_and_tables_are_for_people() {
        assert_eq!(moment(1_700_000_000), "2023-11-14T22:13:20Z");
        let table = columns(&["a", "long"], vec![vec!["1234".into(), "x".into()]]);
        assert_eq!(table, "a     long\n1234  x\n");
    }

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
