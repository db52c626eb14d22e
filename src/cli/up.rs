//! `cloister up`: runs all nodes of a consortium folder as child processes.
//!
//! A hangup has all of them read their files again, as it has a node by itself.

use std::convert::Infallible;
use std::path::{Path, PathBuf};

use clap::Args;
use cloister_certs::consortium::Consortium;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::node::Stop;
use crate::consortium_dir::ConsortiumDir;
use crate::files::read_toml;
use crate::local_cluster::{Event, LocalCluster};
use crate::logging;
use crate::operator::{Operator, Reloaded};
use crate::problem::{Outcome, Problem};

/// Run all nodes of a consortium folder; prints `ready NAME URL` for each.
#[derive(Args)]
pub(super) struct Arguments {
    /// The folder that `cloister init` made.
    dir: PathBuf,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    logging::start("info")?;
    let folder = ConsortiumDir::new(&arguments.dir);
    let hint = "make a consortium with `cloister init` first";
    let consortium: Consortium = read_toml(&folder.consortium(), hint)?;
    actix::System::new().block_on(supervise(&folder, &consortium))
}

async fn supervise(folder: &ConsortiumDir, consortium: &Consortium) -> Outcome {
    let mut stop = Stop::new(false)?;
    let mut hangup = signal(SignalKind::hangup()).map_err(Problem::ours)?;
    let configs: Vec<PathBuf> = consortium.members().iter().map(|m| folder.node(&m.name)).collect();
    let names = consortium.members().iter().map(|m| m.name.as_str());
    let mut cluster = LocalCluster::start(folder, names, logging::NODE)
        .map_err(|error| Problem::ours(format!("cannot start a node: {error}")))?;
    let outcome = tokio::select! {
        _ = stop.wait() => Ok(()),
        problem = first_end(&mut cluster) => Err(problem),
        never = pass_on(&mut hangup, &configs) => match never {},
    };
    cluster.stop().await;
    outcome
}

/// Passes on which nodes are ready, until one ends.
async fn first_end(cluster: &mut LocalCluster) -> Problem {
    while let Some(event) = cluster.event().await {
        match event {
            Event::Ready { name, url } => {
                if let Err(problem) = super::announce(&format!("ready {name} {url}\n")) {
                    return problem;
                }
            }
            Event::Ended { name, status } => {
                return Problem::peer(format!(
                    "the node of {name} has ended ({}); the others are stopped",
                    status.map_or_else(|error| error.to_string(), |status| status.to_string())
                ));
            }
        }
    }
    Problem::ours("no node is left")
}

/// Passes each hangup on to all nodes.
async fn pass_on(hangup: &mut Signal, configs: &[PathBuf]) -> Infallible {
    loop {
        if hangup.recv().await.is_none() {
            std::future::pending().await
        }
        for config in configs {
            reload(config).await;
        }
    }
}

/// Has a node read its files again. One that cannot goes on as before.
async fn reload(config: &Path) {
    let path = config.to_owned();
    let reloading = actix_rt::task::spawn_blocking(move || Operator::of(&path)?.reload());
    let node = config.display();
    let reason = match reloading.await {
        Ok(Ok(Reloaded::Yes)) => return tracing::info!(%node, "it has read its files again"),
        Ok(Ok(Reloaded::Refused(reason))) => reason,
        Ok(Ok(Reloaded::NotRunning | Reloaded::NotAble)) => "it does not run".to_owned(),
        Ok(Err(problem)) => problem.to_string(),
        Err(error) => error.to_string(),
    };
    tracing::error!(%node, reason, "the files were not read again");
}
