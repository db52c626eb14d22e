//! Real nodes in one process: fresh identities, real listeners, real TLS.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use actix::Addr;
use cloister_actors::consortium::{Consortium, Member};
use cloister_actors::failure::Failure;
use cloister_actors::label::Report;
use cloister_actors::node::{Node, Parts, Reread};
use cloister_actors::policy::Policies;
use cloister_actors::progress::Reporter;
use cloister_actors::sessions::{Launch, Reserve, Sessions, Terms};
use cloister_actors::settings::{
    Access, Committee, DataAccess, Limits, Pairwise, Settings, Telemetry,
};
use cloister_certs::{Identity, Validity};
use cloister_protocols::catalogue;
use cloister_protocols::computation::{Input, Request};
use cloister_protocols::disclosure::Profile;
use cloister_protocols::parameters::Parameters;
use cloister_protocols::session::{AuditHead, Origin, Role, Roles};

use crate::ports::Ports;

/// The makings of some nodes, of which each can be started, stopped, and started again.
pub struct Plan {
    pub consortium: Consortium,
    settings: Vec<Settings>,
    folder: tempfile::TempDir,
    /// The reservation of the ports while a node is down.
    _ports: Ports,
}

/// A deadline, in seconds, that no working machine comes near.
pub const PATIENCE: u32 = 180;

pub fn plan(parties: usize, deadline_seconds: u32) -> Plan {
    let folder = tempfile::tempdir().unwrap();
    let ports = Ports::take().unwrap();
    let api = |index: usize| loopback(ports.api() + u16::try_from(index).unwrap());
    let peer = |index: usize| loopback(ports.peer() + u16::try_from(index).unwrap());
    let name = |index: usize| format!("clinic-{index}");
    let members = (0..parties).map(|index| {
        let home = folder.path().join(name(index));
        let identity =
            Identity::create(&name(index), Validity::DEFAULT, SystemTime::now()).unwrap();
        identity.save(&home).unwrap();
        Member {
            name: name(index),
            api: format!("http://{}", api(index)),
            peer: peer(index).to_string(),
            fingerprints: vec![identity.fingerprint()],
        }
    });
    let consortium = Consortium::new(members.collect()).unwrap();
    let settings = |index: usize| Settings {
        party: name(index),
        api_listen: api(index),
        peer_listen: peer(index),
        identity: folder.path().join(name(index)),
        consortium: "unused".into(),
        profile: Profile::Teaching,
        thresholds: None,
        deadline_seconds,
        metrics_listen: None,
        grace_seconds: 0,
        allowed_origins: vec![],
        state: folder.path().join(format!("{}-state", name(index))),
        access: Access::default(),
        data: DataAccess::default(),
        datasets: vec![],
        policy: Policies::default(),
        limits: Limits::default(),
        committee: Committee { help: true, ..Committee::default() },
        pairwise: Pairwise::default(),
        telemetry: Telemetry::default(),
    };
    let settings = (0..parties).map(settings).collect();
    Plan { consortium, settings, folder, _ports: ports }
}

impl Plan {
    /// Changes the settings of a node that has not been started.
    pub fn set(&mut self, index: usize, change: impl FnOnce(&mut Settings)) {
        change(&mut self.settings[index]);
    }

    pub async fn start(&self, index: usize) -> Node {
        Node::start(self.parts(index)).await.unwrap()
    }

    /// Returns the parts of a node, which reads nothing again.
    pub fn parts(&self, index: usize) -> Parts {
        let settings = self.settings[index].clone();
        assert!(settings.identity.starts_with(self.folder.path()));
        let identity = Identity::load(&settings.identity).unwrap();
        let consortium = self.consortium.clone();
        let reread: Reread = Arc::new(|| Err("there are no files".into()));
        Parts { settings, consortium, identity, reread }
    }

    pub async fn start_all(&self) -> Vec<Node> {
        let mut nodes = Vec::new();
        for index in 0..self.settings.len() {
            nodes.push(self.start(index).await);
        }
        nodes
    }
}

pub type Outcome = Result<Arc<Report>, Failure>;

/// The request of one party: all members compute `function` of their inputs.
#[derive(Clone)]
pub struct Ask<'a> {
    pub function: &'a str,
    pub parameters: Parameters,
    /// The number of members, with the helpers.
    pub members: usize,
    /// The number of helpers, which are the last members.
    pub helpers: usize,
    pub network: &'a str,
}

impl<'a> Ask<'a> {
    pub fn new(function: &'a str, parties: usize, network: &'a str) -> Self {
        let (parameters, members, helpers) = (Parameters::default(), parties, 0);
        Self { function, parameters, members, helpers, network }
    }

    pub fn request(&self, input: Input) -> Request {
        let entry = catalogue::find(self.function).unwrap();
        Request::new(entry, &self.parameters, input, 0, &self.roles()).unwrap()
    }

    /// The last members help; if there are any, the first parties compute with them.
    pub fn roles(&self) -> Roles {
        let parties = self.members - self.helpers;
        let committee = if self.helpers == 0 { parties } else { 3 - self.helpers };
        let role = |index| {
            if index < parties {
                Role { compute: index < committee, ..Role::PARTY }
            } else {
                Role::HELPER
            }
        };
        Roles::new((0..self.members).map(role).collect()).unwrap()
    }

    /// Asks the node with these sessions, and waits for the outcome.
    pub fn of(
        &self,
        sessions: &Addr<Sessions>,
        input: Input,
    ) -> impl Future<Output = Outcome> + use<> {
        let request = self.request(input);
        let members = (0..self.members).collect();
        let reserve = Reserve { members, network: self.network.into() };
        let sessions = sessions.clone();
        async move {
            let started = Instant::now();
            let reporter = Reporter::unobserved();
            let reservation = sessions.send(reserve).await.unwrap()?;
            let (rules, audit) = (Profile::Teaching.rules(), AuditHead::default());
            let terms = Terms { rules, origin: Origin::Client, audit, remembers: false };
            let turn = None;
            let launch =
                Launch { reservation, request, terms, turn, started, reporter, trace: None };
            sessions.send(launch).await.unwrap().result
        }
    }
}

/// Has all parties ask for the same at once. Returns their outcomes in order.
pub async fn together(
    nodes: &[Node],
    network: &str,
    function: &str,
    inputs: &[Input],
) -> Vec<Outcome> {
    let ask = Ask::new(function, nodes.len(), network);
    let asked =
        nodes.iter().zip(inputs).map(|(node, input)| ask.of(&node.sessions(), input.clone()));
    futures_util::future::join_all(asked).await
}

/// Returns the answer as JSON.
pub fn result(outcome: &Outcome) -> serde_json::Value {
    let report = outcome.as_ref().unwrap_or_else(|failure| panic!("{}", failure.to_error()));
    serde_json::to_value(report.result.get()).unwrap()
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}
