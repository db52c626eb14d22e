//! `cloister doctor`: the faults of a consortium, the action to take, and the party that must take
//! it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use cloister_client::Consortium;

use super::{columns, print};
use crate::consortium_dir::ConsortiumDir;
use crate::doctor::{Check, Checkup, Examination, LineCheck, NodeCheck, Verdict};
use crate::operator::Operator;
use crate::problem::{Outcome, Problem};
use crate::render::clean;

/// Examine a consortium: every node, every line between two in both directions, and a trial
/// computation.
///
/// Each node is asked by this client, with its token, and tries its lines to the others itself.
/// What fails is told with what to do about it and who must do it. Nodes of this machine also ask
/// their databases what their users may do there: a node needs to read, and nothing else. Ends with
/// exit code 4 if anything failed.
#[derive(Args)]
pub(super) struct Arguments {
    /// The folder with the consortium's client.toml.
    #[arg(long, value_name = "DIR")]
    consortium: PathBuf,
    /// The settings of your own node, if they are not in that folder.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Leave each line without a word for so long, to find what cuts idle connections; up to 300.
    #[arg(long, value_name = "SECONDS", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=300))]
    idle: u64,
    /// Send so much over each line, to find how much it carries; up to 16, and 0 to send nothing.
    #[arg(long, value_name = "MB", default_value_t = 1, value_parser = clap::value_parser!(u64).range(..=16))]
    bandwidth: u64,
    /// Compute nothing.
    #[arg(long)]
    no_trial: bool,
    /// Print one JSON document on standard output.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let folder = ConsortiumDir::new(&arguments.consortium);
    let consortium = Consortium::new(folder.read_client()?)?;
    let examination = Examination {
        idle: Duration::from_secs(arguments.idle),
        bytes: arguments.bandwidth * 1_000_000,
        trial: !arguments.no_trial,
    };
    let mut checkup = actix::System::new().block_on(Checkup::of(&consortium, &examination));
    let configs = consortium.members().iter().map(|member| folder.node(&member.name));
    let here = configs.filter(|config| config.is_file()).chain(arguments.config.clone());
    for config in here.collect::<BTreeSet<_>>() {
        // Those of another user's node may be unreadable, and its socket closed to this one.
        let operator = match Operator::of(&config) {
            Ok(operator) => operator,
            Err(problem) if arguments.config.as_ref() == Some(&config) => return Err(problem),
            Err(_) => continue,
        };
        if let Ok(Some(rights)) = operator.database_rights() {
            checkup.add_database_rights(operator.party(), &rights);
        }
    }
    if arguments.json {
        print(&format!("{:#}\n", serde_json::json!(checkup)))?
    } else {
        print(&text(&checkup))?
    }
    match checkup.verdict {
        Verdict::Failed => Err(Problem::peer("the consortium needs mending: see what to do above")),
        _ => Ok(()),
    }
}

fn text(checkup: &Checkup) -> String {
    let nodes = checkup.nodes.iter().map(node).collect();
    let mut text = columns(&["NODE", "VERDICT", "WHAT"], nodes);
    text.push('\n');
    let lines = checkup.lines.iter().map(line).collect();
    text += &columns(&["FROM", "TO", "VERDICT", "ROUND TRIP", "CARRIES", "WHAT"], lines);
    if let Some(Check { verdict, detail, .. }) = &checkup.trial {
        text += &format!("\ntrial computation: {}, {}\n", verdict.name(), clean(detail));
    }
    text += &remedies(checkup);
    text
}

fn node(node: &NodeCheck) -> Vec<String> {
    vec![node.member.clone(), node.verdict.name().to_owned(), worst(&node.checks, node.verdict)]
}

fn line(line: &LineCheck) -> Vec<String> {
    let round_trip = line.round_trip_seconds.map(|time| format!("{:.1} ms", time * 1_000.0));
    let carries = line.bytes_per_second.map(|rate| format!("{:.1} MB/s", rate / 1e6));
    vec![
        line.from.clone(),
        line.to.clone(),
        line.verdict.name().to_owned(),
        round_trip.unwrap_or_else(|| "-".into()),
        carries.unwrap_or_else(|| "-".into()),
        match line.verdict {
            Verdict::Ok => String::new(),
            verdict => worst(&line.checks, verdict),
        },
    ]
}

/// Summarises a list of checks: the worst ones, or the ones that change with time where all are
/// well.
fn worst(checks: &[Check], verdict: Verdict) -> String {
    if verdict == Verdict::Ok {
        let told = ["version", "certificate", "disk"];
        let shown = checks.iter().filter(|check| told.contains(&check.check.as_str()));
        return shown.map(|check| clean(&check.detail)).collect::<Vec<_>>().join("; ");
    }
    let worst = checks.iter().filter(|check| check.verdict == verdict);
    let told = worst.map(|check| format!("{}: {}", check.check, clean(&check.detail)));
    told.collect::<Vec<_>>().join("; ")
}

/// Lists the remedies, each once, with the places of their findings.
fn remedies(checkup: &Checkup) -> String {
    let mut order = Vec::new();
    let mut places = BTreeMap::<(String, String), Vec<String>>::new();
    for (place, check) in checkup.findings() {
        let Some(remedy) = &check.remedy else { continue };
        let who = check.who.clone().unwrap_or_else(|| "all".into());
        let key = (who, remedy.clone());
        if !places.contains_key(&key) {
            order.push(key.clone());
        }
        places.entry(key).or_default().push(format!("{place}, {}", check.check));
    }
    if order.is_empty() {
        return "\nnothing needs to be done\n".into();
    }
    let mut text = "\nwhat to do\n".to_owned();
    for (number, key) in order.into_iter().enumerate() {
        let found = places.get(&key).map(|found| found.join("; ")).unwrap_or_default();
        let (who, remedy) = key;
        let number = number + 1;
        text += &format!("{number:3}. {}: {}\n     ({found})\n", clean(&who), clean(&remedy));
    }
    text
}
