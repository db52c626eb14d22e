//! `cloister config check`: which settings hold and why, and all that is wrong with a node before
//! it starts.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use clap::{Args, Subcommand};
use cloister_actors::node::StartError;
use cloister_actors::settings::{AccessMode, NodeThresholds, Settings};
use cloister_certs::consortium::Consortium;
use cloister_certs::{Expiry, Identity};
use cloister_vault::Vault;

use crate::config::{self, Effective};
use crate::files::read_toml;
use crate::operator::Operator;
use crate::problem::{Outcome, Problem};

/// Settings that other checks rest on: where they are wrong, those checks are left out.
const FOUNDATIONS: [&str; 4] = ["party", "identity", "consortium", "api_listen"];

/// Show and check a node's settings.
#[derive(Subcommand)]
pub(super) enum Command {
    /// Print the settings that hold, each with where it came from, and everything that is wrong.
    Check(Check),
}

#[derive(Args)]
pub(super) struct Check {
    /// The node's settings.
    #[arg(long, visible_alias = "settings", value_name = "FILE", default_value = "node.toml")]
    config: PathBuf,
    /// A setting over the file and the environment, as `cloister node` takes it.
    #[arg(long = "set", value_name = "NAME=VALUE")]
    set: Vec<String>,
}

pub(super) fn run(command: &Command) -> Outcome {
    let Command::Check(check) = command;
    let effective = config::read(&check.config, &check.set)?;
    super::print(&effective.commented()?)?;
    let mut wrong: Vec<String> = effective.complaints().iter().map(ToString::to_string).collect();
    if stands(&effective) {
        wrong.extend(of_node(effective.settings()));
    }
    let warnings = effective.warnings().to_vec();
    for warning in warnings.into_iter().chain(of_policies(effective.settings())) {
        eprintln!("warning: {warning}");
    }
    match wrong.len() {
        0 => {
            eprintln!("the settings are right");
            Ok(())
        }
        count => Err(Problem::usage(format!("{count} things to mend:\n{}", wrong.join("\n")))),
    }
}

/// Returns `true` if the settings that other checks rest on are right.
fn stands(effective: &Effective) -> bool {
    !effective.complaints().iter().any(|complaint| {
        complaint.name.first().is_some_and(|first| FOUNDATIONS.contains(&first.as_str()))
    })
}

/// Lists the errors that would keep a node with these settings from starting.
fn of_node(settings: &Settings) -> Vec<String> {
    let identity = Identity::load(&settings.identity).map_err(|error| error.to_string());
    let hint = "put the consortium's file there, or mend the setting `consortium`";
    let consortium: Result<Consortium, String> =
        read_toml(&settings.consortium, hint).map_err(|problem| problem.to_string());
    let mut wrong = of_access(settings);
    if let (Ok(identity), Ok(consortium)) = (&identity, &consortium) {
        wrong.extend(of_membership(settings, identity, consortium));
    }
    if let Ok(consortium) = &consortium {
        let policy = settings.policy.check(|name| consortium.position(name).is_some());
        wrong.extend(policy.err().map(|error| error.to_string()));
        let chosen = settings.thresholds.as_deref();
        let thresholds = NodeThresholds::new(settings.profile, consortium.profiles(), chosen)
            .and_then(|node| node.check(&settings.policy));
        wrong.extend(thresholds.err().map(|error| error.to_string()));
    }
    if let Ok(identity) = &identity
        && let Expiry::Expired { .. } | Expiry::NotYetValid { .. } =
            identity.expiry(SystemTime::now())
    {
        wrong.push(StartError::OutOfDate(identity.fingerprint()).to_string());
    }
    wrong.extend(identity.err());
    wrong.extend(consortium.err());
    wrong.extend(settings.data.folders.iter().filter_map(|folder| missing(folder)));
    wrong
}

/// Lists the policies of datasets that neither the settings nor the state have. A running node has
/// its state open: it is asked. A check begins no state.
fn of_policies(settings: &Settings) -> Vec<String> {
    if settings.policy.dataset.is_empty() {
        return Vec::new();
    }
    let declared = settings.datasets.iter().map(|dataset| dataset.name.clone());
    let registered = if Vault::exists(&settings.state) {
        Operator::new(settings.clone()).datasets()
    } else {
        Ok(Vec::new())
    };
    match registered {
        Ok(registered) => {
            let known: BTreeSet<String> = declared.chain(registered).collect();
            settings.policy.without_dataset(|name| known.contains(name))
        }
        Err(problem) => vec![format!("the datasets of the state are not known: {problem}")],
    }
}

fn of_membership(
    settings: &Settings,
    identity: &Identity,
    consortium: &Consortium,
) -> Option<String> {
    let party = settings.party.clone();
    let Some(own) = consortium.members().iter().find(|member| member.name == party) else {
        return Some(StartError::NoMember(party).to_string());
    };
    let ours = identity.fingerprint();
    let pinned = own.fingerprints.contains(&ours);
    (!pinned).then(|| StartError::NotPinned { party, ours }.to_string())
}

fn of_access(settings: &Settings) -> Vec<String> {
    let exposed = !settings.api_listen.ip().is_loopback();
    let open = settings.access.mode == AccessMode::Open;
    let half = settings.access.certificate.is_some() != settings.access.key.is_some();
    let wrong = [
        (exposed && open).then_some(StartError::Exposed(settings.api_listen)),
        (exposed && !open && !settings.api_tls()).then_some(StartError::Plain(settings.api_listen)),
        half.then_some(StartError::HalfACertificate),
    ];
    wrong.into_iter().flatten().map(|error| error.to_string()).collect()
}

/// Complains of a folder for data that is not there; the usual one may be made later.
fn missing(folder: &Path) -> Option<String> {
    let usual = folder.file_name().is_some_and(|name| name == "data");
    let there = usual || folder.is_dir();
    (!there).then(|| {
        let shown = folder.display();
        format!("`data.folders` names {shown}, which is no folder: make it, or take it out")
    })
}
