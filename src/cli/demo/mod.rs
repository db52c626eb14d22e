//! `cloister demo`: three real nodes, real data, joint results beside a plaintext check.
//!
//! The three parties hold parts of the Wisconsin breast cancer data. One central client has their
//! nodes compute over all of it, while each node sees its own party's rows only. The check pools
//! the rows, which would be impossible if the data were not public, and computes with other code.

mod dataset;
mod plaintext;
mod program;
mod table;

use std::time::{Duration, Instant};

use clap::Args;
use cloister_client::{Consortium, Data, check_agreement};
use serde_json::json;
use tokio::time::timeout;

use self::dataset::PartyData;
use self::program::Step;
use super::init;
use super::node::Stop;
use crate::consortium_dir::ConsortiumDir;
use crate::local_cluster::{Event, LocalCluster};
use crate::logging;
use crate::ports::Ports;
use crate::problem::{Outcome, Problem};

/// Three hospitals on this machine.
const PARTIES: [&str; 3] = ["university", "municipal", "rural"];

/// The time in which the nodes must be ready.
const PATIENCE: Duration = Duration::from_secs(30);

/// Three nodes, real data, joint results beside a plaintext check.
#[derive(Args)]
pub(super) struct Arguments {
    /// Leave the nodes running until Ctrl-C, and print their URLs.
    #[arg(long)]
    keep: bool,
    /// Print one JSON document on standard output.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    logging::start("warn")?;
    let scratch = tempfile::tempdir().map_err(Problem::ours)?;
    let folder = ConsortiumDir::new(scratch.path());
    let ports = Ports::take().map_err(Problem::ours)?;
    let init = init::Arguments::of(&PARTIES, ports.api(), ports.peer());
    init::make(&folder, &init)?;
    actix::System::new().block_on(show(&folder, arguments))
}

async fn show(folder: &ConsortiumDir, arguments: &Arguments) -> Outcome {
    let mut stop = Stop::new(false)?;
    let mut cluster = LocalCluster::start(folder, PARTIES.into_iter(), "error")
        .map_err(|error| Problem::ours(format!("cannot start a node: {error}")))?;
    let outcome = tokio::select! {
        outcome = perform(folder, &mut cluster, arguments) => outcome,
        reason = stop.wait() => Err(Problem::usage(reason)),
    };
    if arguments.keep && outcome.is_ok() {
        eprintln!("the nodes of {} run until you press Ctrl-C", folder.path().display());
        stop.wait().await;
    }
    cluster.stop().await;
    outcome
}

async fn perform(
    folder: &ConsortiumDir,
    cluster: &mut LocalCluster,
    arguments: &Arguments,
) -> Outcome {
    let started = Instant::now();
    wait_until_ready(cluster).await?;
    let seconds = started.elapsed().as_secs_f64();
    eprintln!("three nodes are ready after {:.0} ms", seconds * 1e3);

    let parties = dataset::parties()?;
    let consortium = Consortium::new(folder.read_client()?)?;
    let mut steps = Vec::new();
    for task in program::tasks() {
        eprintln!("computing {} ({})", task.what, task.job.function);
        steps.push(compute(&consortium, task, &parties).await?);
    }
    report(&steps, &consortium, arguments)
}

async fn wait_until_ready(cluster: &mut LocalCluster) -> Outcome {
    let all = async {
        for _ in PARTIES {
            match cluster.event().await {
                Some(Event::Ready { name, url }) => eprintln!("ready {name} {url}"),
                _ => return Err(Problem::ours("a node ended before it was ready")),
            }
        }
        Ok(())
    };
    timeout(PATIENCE, all)
        .await
        .unwrap_or_else(|_| Err(Problem::ours("the nodes were not ready in time")))
}

async fn compute(
    consortium: &Consortium,
    task: program::Task,
    parties: &[PartyData],
) -> Outcome<Step> {
    let data = parties.iter().map(|party| Data::Values((task.data)(party))).collect();
    let reports = consortium.compute(&task.job, data, |_, _| {}).await.all()?;
    check_agreement(&reports)?;
    let first = reports.into_iter().next();
    let (_, report) = first.ok_or_else(|| Problem::ours("no party computed"))?;
    let findings = (task.findings)(&report, parties)?;
    Ok(Step { what: task.what, function: task.job.function, findings, report })
}

fn report(steps: &[Step], consortium: &Consortium, arguments: &Arguments) -> Outcome {
    let agree = steps.iter().all(Step::agrees);
    if arguments.json {
        let steps: Vec<_> = steps.iter().map(Step::document).collect();
        let nodes = consortium.members();
        let document = json!({"agree": agree, "nodes": nodes, "computations": steps});
        super::print(&format!("{document:#}\n"))?;
    } else {
        super::print(&table::render(steps))?;
    }
    if agree {
        Ok(())
    } else {
        Err(Problem::ours("a joint result differs from the plaintext check"))
    }
}
