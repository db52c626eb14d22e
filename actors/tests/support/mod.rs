//! Real nodes in one process: fresh identities, real listeners, real TLS.

#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    reason = "tests and benchmarks use parts of it"
)]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops where it fails"
)]

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use cloister_actors::computation::Lifecycle;
use cloister_actors::consortium::{Consortium, Member};
use cloister_actors::failure::Failure;
use cloister_actors::label::Report;
use cloister_actors::node::{Node, Parts};
use cloister_actors::sessions::Launch;
use cloister_actors::settings::{Limits, Settings};
use cloister_certs::{Identity, Validity};
use cloister_protocols::catalogue;
use cloister_protocols::computation::{Input, Request};
use cloister_protocols::disclosure::Profile;
use cloister_protocols::parameters::Parameters;
use tokio::sync::watch;

/// The makings of some nodes, of which each can be started, stopped, and started again.
pub struct Plan {
    pub consortium: Consortium,
    settings: Vec<Settings>,
    folder: tempfile::TempDir,
}

pub fn plan(parties: usize, deadline_seconds: u32) -> Plan {
    let folder = tempfile::tempdir().unwrap();
    let addresses = free_addresses(2 * parties);
    let name = |index: usize| format!("clinic-{index}");
    let members = (0..parties).map(|index| {
        let home = folder.path().join(name(index));
        let identity =
            Identity::create(&name(index), Validity::DEFAULT, SystemTime::now()).unwrap();
        identity.save(&home).unwrap();
        Member {
            name: name(index),
            api: format!("http://{}", addresses[2 * index]),
            peer: addresses[2 * index + 1].to_string(),
            fingerprints: vec![identity.fingerprint()],
        }
    });
    let consortium = Consortium::new(members.collect()).unwrap();
    let settings = |index: usize| Settings {
        party: name(index),
        api_listen: addresses[2 * index],
        peer_listen: addresses[2 * index + 1],
        identity: folder.path().join(name(index)),
        consortium: "unused".into(),
        profile: Profile::Teaching,
        deadline_seconds,
        allowed_origins: vec![],
        limits: Limits::default(),
    };
    let settings = (0..parties).map(settings).collect();
    Plan {
        consortium,
        settings,
        folder,
    }
}

impl Plan {
    pub async fn start(&self, index: usize) -> Node {
        let settings = self.settings[index].clone();
        assert!(settings.identity.starts_with(self.folder.path()));
        let identity = Identity::load(&settings.identity).unwrap();
        let consortium = self.consortium.clone();
        Node::start(Parts {
            settings,
            consortium,
            identity,
        })
        .await
        .unwrap()
    }

    pub async fn start_all(&self) -> Vec<Node> {
        let mut nodes = Vec::new();
        for index in 0..self.settings.len() {
            nodes.push(self.start(index).await);
        }
        nodes
    }
}

/// What one party asks for, without parameters.
pub fn launch(function: &str, parties: usize, network: &str, input: Input) -> Launch {
    launch_with(function, &Parameters::default(), parties, network, input)
}

/// What one party asks for.
pub fn launch_with(
    function: &str,
    parameters: &Parameters,
    parties: usize,
    network: &str,
    input: Input,
) -> Launch {
    let entry = catalogue::find(function).unwrap();
    let request = Request::new(entry, parameters, input, parties).unwrap();
    let (progress, _) = watch::channel(Lifecycle::Connecting);
    Launch {
        members: (0..parties).collect(),
        network: network.into(),
        request,
        started: Instant::now(),
        progress,
    }
}

pub type Outcome = Result<Arc<Report>, Failure>;

/// All parties ask for the same at once; their results in order.
pub async fn together(
    nodes: &[Node],
    network: &str,
    function: &str,
    inputs: &[Input],
) -> Vec<Outcome> {
    let asked: Vec<_> = nodes
        .iter()
        .zip(inputs)
        .map(|(node, input)| {
            let launch = launch(function, nodes.len(), network, input.clone());
            actix::spawn(node.sessions().send(launch))
        })
        .collect();
    let mut outcomes = Vec::new();
    for outcome in asked {
        outcomes.push(outcome.await.unwrap().unwrap());
    }
    outcomes
}

/// The answer as JSON.
pub fn result(outcome: &Outcome) -> serde_json::Value {
    let report = outcome
        .as_ref()
        .unwrap_or_else(|failure| panic!("{}", failure.to_error()));
    serde_json::to_value(report.result.get()).unwrap()
}

fn free_addresses(count: usize) -> Vec<SocketAddr> {
    let sockets: Vec<TcpListener> = (0..count)
        .map(|_| TcpListener::bind("127.0.0.1:0").unwrap())
        .collect();
    sockets
        .iter()
        .map(|socket| socket.local_addr().unwrap())
        .collect()
}
