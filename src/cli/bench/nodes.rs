//! Nodes as processes of their own on this machine, or the parties' own nodes. There are relays
//! between processes if the link is to be slower than loopback.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::Duration;

use cloister_certs::consortium::Consortium as ConsortiumFile;
use cloister_client::{ClientFile, Consortium, Data, Job, Report, check_agreement};
use cloister_protocols::disclosure::{Profile, Rules};
use cloister_report::measurement::{Link, NodeCost, Round};
use cloister_shaping::{Relay, Shape};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::timeout;

use super::link;
use super::memory;
use super::protocol_cost::Run;
use super::setup::Setup;
use crate::cli::init;
use crate::consortium_dir::ConsortiumDir;
use crate::files::read_toml;
use crate::local_cluster::{Event, LocalCluster};
use crate::ports::Ports;
use crate::problem::{Outcome, Problem};

/// The time in which the nodes must be ready.
const PATIENCE: Duration = Duration::from_secs(30);

/// The time limit of a computation.
pub(super) const DEADLINE_SECONDS: u32 = 600;

/// The longest request.
const BODY_BYTES: usize = 1 << 31;

/// Nodes of this machine, until they are stopped.
pub(super) struct Nodes {
    folder: ConsortiumDir,
    cluster: LocalCluster,
    _relays: Vec<Relay>,
    _scratch: TempDir,
    _ports: Ports,
}

/// A client of nodes.
pub(super) struct Driver {
    consortium: Consortium,
    /// The process of each node, by member; none where they cannot be seen.
    processes: Vec<(String, u32)>,
    /// True if all nodes have the same clock.
    one_clock: bool,
}

impl Nodes {
    /// Starts a node for each of these members, with links like this one.
    pub(super) async fn start(members: &[String], profile: Profile, link: &Link) -> Outcome<Self> {
        let scratch = tempfile::tempdir().map_err(Problem::ours)?;
        let folder = ConsortiumDir::new(scratch.path().join("consortium"));
        let ports = Ports::take().map_err(Problem::ours)?;
        let names: Vec<&str> = members.iter().map(String::as_str).collect();
        let arguments =
            init::Arguments::of(&names, ports.api(), ports.peer()).with(profile, DEADLINE_SECONDS);
        init::make(&folder, &arguments)?;
        adapt(&folder, members)?;
        let relays = match link::shape(link) {
            Some(shape) => relay(&folder, shape)?,
            None => Vec::new(),
        };
        let mut cluster = LocalCluster::start(&folder, names.into_iter(), "error")
            .map_err(|error| Problem::ours(format!("cannot start a node: {error}")))?;
        let ready = timeout(PATIENCE, all_ready(&mut cluster, members.len())).await;
        ready.unwrap_or_else(|_| Err(Problem::ours("the nodes were not ready in time")))?;
        Ok(Self { folder, cluster, _relays: relays, _scratch: scratch, _ports: ports })
    }

    /// Makes a client of the first so many members.
    pub(super) fn driver(&self, parties: usize) -> Outcome<Driver> {
        let mut file = self.folder.read_client()?;
        file.member.truncate(parties);
        let consortium = Consortium::new(file)?;
        Ok(Driver { consortium, processes: self.cluster.processes().to_vec(), one_clock: true })
    }

    /// Says which node has ended, when one does.
    pub(super) async fn first_end(&mut self) -> Problem {
        match self.cluster.event().await {
            Some(Event::Ended { name, .. }) => {
                Problem::ours(format!("the node of {name} has ended"))
            }
            _ => Problem::ours("the nodes have ended"),
        }
    }

    pub(super) async fn stop(self) {
        self.cluster.stop().await;
    }
}

impl Driver {
    /// Makes a client of the parties' own nodes.
    pub(super) fn of(file: ClientFile) -> Outcome<Self> {
        let consortium = Consortium::new(file)?;
        Ok(Self { consortium, processes: Vec::new(), one_clock: false })
    }

    /// Has them compute once; also tells the rules that held, and the profile that they came from.
    pub(super) async fn run(&self, setup: &Setup) -> Outcome<(Run, Held)> {
        let mut job = Job::new(setup.workload.subject.function.name);
        job.parameters.clone_from(&setup.workload.parameters);
        job.trace = true;
        let data = setup.workload.documents().into_iter().map(Data::Values).collect();
        let reports = self.consortium.compute(&job, data, |_, _| {}).await.all()?;
        check_agreement(&reports)?;
        let held = Held::of(&reports)?;
        let mut nodes = self.costs(&reports)?;
        for (node, (_, id)) in nodes.iter_mut().zip(&self.processes) {
            node.peak_memory = memory::peak(*id);
        }
        Ok((Run::new(self.seconds(&nodes), nodes), held))
    }

    /// Returns the time from the last start to the last end. If clocks may differ, it is the
    /// shortest time of a node: that node started last.
    fn seconds(&self, nodes: &[NodeCost]) -> f64 {
        if !self.one_clock {
            return nodes.iter().map(|node| node.seconds).fold(f64::INFINITY, f64::min);
        }
        let start = nodes.iter().map(|node| node.begins).fold(0.0, f64::max);
        let end = nodes.iter().map(|node| node.begins + node.seconds).fold(0.0, f64::max);
        end - start
    }

    fn costs(&self, reports: &[(String, Report)]) -> Outcome<Vec<NodeCost>> {
        let first = reports
            .iter()
            .filter_map(|(_, report)| Some(report.trace.as_ref()?.started))
            .fold(f64::INFINITY, f64::min);
        reports
            .iter()
            .map(|(name, report)| {
                let trace = report.trace.clone().ok_or_else(|| {
                    let missing = "does not say what took how long: it is of another version";
                    Problem::peer(format!("the node of {name} {missing}"))
                })?;
                let begins = if self.one_clock { trace.started - first } else { 0.0 };
                let mut rounds = trace.rounds;
                shift(&mut rounds, begins);
                let waits = rounds.iter().flat_map(|round| &round.waits);
                Ok(NodeCost {
                    name: name.clone(),
                    messages_sent: report.cost.messages_sent,
                    bytes_sent: report.cost.bytes_sent,
                    bytes_received: report.cost.bytes_received,
                    seconds: trace.seconds,
                    encoding: trace.encoding,
                    arithmetic: rounds.iter().map(|round| round.arithmetic).sum(),
                    waiting: waits.map(|(begin, end)| end - begin).sum(),
                    serialisation: Some(trace.serialisation),
                    peak_memory: None,
                    begins,
                    trace: rounds,
                })
            })
            .collect()
    }
}

fn shift(rounds: &mut [Round], by: f64) {
    for round in rounds {
        round.begins += by;
        round.ends += by;
        for (begin, end) in &mut round.waits {
            (*begin, *end) = (*begin + by, *end + by);
        }
    }
}

/// The rules that held.
pub(super) struct Held {
    pub(super) profile: String,
    pub(super) rules: Rules,
}

impl Held {
    fn of(reports: &[(String, Report)]) -> Outcome<Self> {
        let disclosure = reports.first().map(|(_, report)| &report.disclosure);
        Ok(Self { profile: entry(disclosure, "profile")?, rules: entry(disclosure, "rules")? })
    }
}

/// Reads an entry of a report's disclosure.
fn entry<T: DeserializeOwned>(disclosure: Option<&Value>, name: &str) -> Outcome<T> {
    let value = disclosure.and_then(|disclosure| disclosure.get(name)).cloned();
    let value = value.ok_or_else(|| Problem::peer("a node says no rules"))?;
    serde_json::from_value(value).map_err(Problem::peer)
}

/// Changes settings: test data of any size may come in one request. Between runs the nodes do no
/// preprocessing, which would be measured with the next run.
fn adapt(folder: &ConsortiumDir, members: &[String]) -> Outcome {
    for name in members {
        let path = folder.node(name);
        let settings = fs::read_to_string(&path).map_err(Problem::ours)?;
        let settings =
            format!("{settings}limits.body_bytes = {BODY_BYTES}\npairwise.ahead = false\n");
        fs::write(&path, settings).map_err(Problem::ours)?;
    }
    Ok(())
}

/// Puts a relay before each member's peer address, into the consortium file that all nodes read.
fn relay(folder: &ConsortiumDir, shape: Shape) -> Outcome<Vec<Relay>> {
    let path = folder.consortium();
    let file: ConsortiumFile = read_toml(&path, "")?;
    let mut members = file.members().to_vec();
    let mut relays = Vec::new();
    for member in &mut members {
        let target: SocketAddr = member.peer.parse().map_err(Problem::ours)?;
        let any = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(Problem::ours)?;
        let relay = Relay::start(any, target, shape).map_err(Problem::ours)?;
        member.peer = relay.address().to_string();
        relays.push(relay);
    }
    let file = ConsortiumFile::new(members).map_err(Problem::ours)?;
    let text = toml::to_string(&file).map_err(Problem::ours)?;
    fs::write(&path, text).map_err(Problem::ours)?;
    Ok(relays)
}

async fn all_ready(cluster: &mut LocalCluster, members: usize) -> Outcome {
    for _ in 0..members {
        match cluster.event().await {
            Some(Event::Ready { .. }) => {}
            _ => return Err(Problem::ours("a node ended before it was ready")),
        }
    }
    Ok(())
}
