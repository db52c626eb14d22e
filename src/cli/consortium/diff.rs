//! `cloister consortium diff`.

use std::path::PathBuf;

use clap::Args;
use cloister_certs::consortium::Consortium;
use cloister_certs::membership::{FileDifference, differences};
use serde_json::{Value, json};

use crate::cli::{columns, print};
use crate::files::read_toml;
use crate::problem::{Outcome, Problem};

#[derive(Args)]
pub(in crate::cli) struct Arguments {
    /// A consortium file.
    first: PathBuf,
    /// Another.
    second: PathBuf,
    /// Print one JSON document on standard output.
    #[arg(long)]
    json: bool,
}

/// Files that differ are a failure of the consortium: its nodes do not connect.
pub(super) fn run(arguments: &Arguments) -> Outcome {
    let hint = "name two consortium files";
    let first: Consortium = read_toml(&arguments.first, hint)?;
    let second: Consortium = read_toml(&arguments.second, hint)?;
    let differences = differences(&first, &second);
    if arguments.json {
        let found: Vec<Value> = differences.iter().map(document).collect();
        print(&format!("{:#}\n", json!({"differences": found})))?;
    } else if !differences.is_empty() {
        let (first, second) =
            (arguments.first.display().to_string(), arguments.second.display().to_string());
        let rows = differences.iter().map(row).collect();
        print(&columns(&["member", "entry", &first, &second], rows))?;
    }
    match differences.len() {
        0 if first.hash() == second.hash() => {
            eprintln!("both say the same");
            Ok(())
        }
        count => Err(Problem::peer(format!(
            "the files differ in {count} entries: find out which is right, and give it to every member"
        ))),
    }
}

fn document(difference: &FileDifference) -> Value {
    let FileDifference { member, field, first, second } = difference;
    json!({"member": member, "entry": field, "first": first, "second": second})
}

fn row(difference: &FileDifference) -> Vec<String> {
    let FileDifference { member, field, first, second } = difference;
    let member = member.clone().unwrap_or_else(|| "(all)".to_owned());
    vec![member, (*field).to_owned(), first.clone(), second.clone()]
}
