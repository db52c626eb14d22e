//! `cloister up`: runs all nodes of a consortium folder as child processes.

use std::path::PathBuf;

use clap::Args;
use cloister_certs::consortium::Consortium;

use super::node::Stop;
use crate::consortium_dir::ConsortiumDir;
use crate::files::read_toml;
use crate::local_cluster::{Event, LocalCluster};
use crate::logging;
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
    let names = consortium.members().iter().map(|m| m.name.as_str());
    let mut cluster = LocalCluster::start(folder, names, logging::NODE)
        .map_err(|error| Problem::ours(format!("cannot start a node: {error}")))?;
    let outcome = tokio::select! {
        _ = stop.wait() => Ok(()),
        problem = first_end(&mut cluster) => Err(problem),
    };
    cluster.stop().await;
    outcome
}

/// Passes on which nodes are ready, until one ends.
async fn first_end(cluster: &mut LocalCluster) -> Problem {
    while let Some(event) = cluster.event().await {
        match event {
            Event::Ready { name, url } => {
                if let Err(problem) = super::print(&format!("ready {name} {url}\n")) {
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
