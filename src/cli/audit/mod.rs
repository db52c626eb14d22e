//! `cloister audit`: the log of every decision, its check, and its export for auditors.

mod five_safes;

use std::path::{Path, PathBuf};

use clap::Subcommand;
use cloister_actors::operations::Operation;
use serde_json::Value;

use super::moment;
use crate::operator::{Operator, absolute};
use crate::problem::Outcome;

/// Check, show and export a node's audit log.
#[derive(Subcommand)]
pub(super) enum Command {
    /// Check the whole chain; with other members' exported logs also that nothing was rewritten.
    Verify {
        #[command(flatten)]
        node: super::NodeArguments,
        /// A log that another member has exported: what it recorded of ours must be in ours.
        #[arg(long = "witness", value_name = "FILE")]
        witnesses: Vec<PathBuf>,
    },
    /// Print the entries.
    Show {
        #[command(flatten)]
        node: super::NodeArguments,
        /// The number of the first entry.
        #[arg(long, default_value_t = 1)]
        first: u64,
        /// Print each entry as a line of JSON.
        #[arg(long)]
        json: bool,
    },
    /// Write the log to a file of JSON lines, or to a research object crate after the Five Safes.
    Export {
        #[command(flatten)]
        node: super::NodeArguments,
        /// The file, or with --crate the folder; it must not be there yet.
        #[arg(long, value_name = "PATH")]
        out: PathBuf,
        /// Make a crate (RO-Crate): the log with who, what, on which data, under which rules.
        #[arg(long = "crate")]
        as_crate: bool,
    },
}

pub(super) fn run(command: Command) -> Outcome {
    match command {
        Command::Verify { node, witnesses } => verify(&Operator::of(&node.config)?, &witnesses),
        Command::Show { node, first, json } => show(&Operator::of(&node.config)?, first, json),
        Command::Export { node, out, as_crate: false } => {
            export(&Operator::of(&node.config)?, &out).map(drop)
        }
        Command::Export { node, out, as_crate: true } => {
            five_safes::export_crate(&Operator::of(&node.config)?, &out)
        }
    }
}

fn verify(operator: &Operator, witnesses: &[PathBuf]) -> Outcome {
    let witnesses = witnesses.iter().map(|path| absolute(path)).collect::<Outcome<_>>()?;
    let verified = &operator.perform(Operation::Verify { witnesses })?;
    let head = verified.pointer("/head/hash").and_then(Value::as_str).unwrap_or_default();
    super::print(&format!("{} entries, unbroken; head {head}\n", verified["entries"]))?;
    for witness in verified["witnesses"].as_array().into_iter().flatten() {
        super::print(&format!(
            "{}: {} heads recorded there, all in this log, up to entry {}\n",
            witness["log"].as_str().unwrap_or_default(),
            witness["heads"],
            witness["until"]
        ))?;
        if witness["skipped"].as_u64().is_some_and(|skipped| skipped > 0) {
            super::print(&format!(
                "  {} heads of before an acknowledged loss are not in this log, and were skipped\n",
                witness["skipped"]
            ))?;
        }
    }
    Ok(())
}

fn show(operator: &Operator, first: u64, json: bool) -> Outcome {
    entries(operator, first, |entry| {
        if json { super::print(&format!("{entry}\n")) } else { super::print(&line(entry)) }
    })
}

/// Gives each entry from `first` on to `each`.
fn entries(
    operator: &Operator,
    mut first: u64,
    mut each: impl FnMut(&Value) -> Outcome,
) -> Outcome {
    loop {
        let page = operator.perform(Operation::Audit { first })?;
        let page = page.as_array().cloned().unwrap_or_default();
        let Some(last) = page.last() else { return Ok(()) };
        first = last["number"].as_u64().unwrap_or(u64::MAX).saturating_add(1);
        page.iter().try_for_each(&mut each)?;
    }
}

fn line(entry: &Value) -> String {
    let at = entry["at"].as_u64().unwrap_or_default() / 1_000;
    let kind = entry["kind"].as_str().unwrap_or_default();
    format!("{:>6}  {}  {kind:<13} {}\n", entry["number"], moment(at), entry["document"])
}

/// Writes the log as lines; says how many entries it has.
fn export(operator: &Operator, out: &Path) -> Outcome<Value> {
    let exported = &operator.perform(Operation::Export { to: absolute(out)? })?;
    eprintln!("{} entries, head {}", exported["entries"], exported["head"]);
    Ok(exported.clone())
}
