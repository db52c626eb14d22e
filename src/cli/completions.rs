//! `cloister completions`: the script with which a shell completes the command's words.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::problem::Outcome;

/// Print a shell's completions: for bash, `source <(cloister completions bash)`.
#[derive(Args)]
pub(super) struct Arguments {
    /// The shell.
    shell: Shell,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let mut script = Vec::new();
    let mut command = super::Arguments::command();
    clap_complete::generate(arguments.shell, &mut command, "cloister", &mut script);
    super::print(&String::from_utf8_lossy(&script))
}
