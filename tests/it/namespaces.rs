//! Nodes that share nothing but a network. Each is in a network namespace of its own, with its own
//! address, on one bridge; the client is in a fourth. None can reach another over loopback.
//!
//! This takes a Linux system, iproute2, and the right to make network namespaces. If the system
//! refuses that right, the test says `skipped:` and the reason; everything else that goes wrong is
//! a failure.
#![cfg(target_os = "linux")]

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use cloister_testkit::{Cluster, Kind, Lines, run, wait_for};
use serde_json::{Value, json};

const PARTIES: usize = 3;

/// The longest time of a computation, in seconds: longer than a silent link is kept.
const DEADLINE: u32 = 40;

#[test]
fn nodes_on_three_machines_compute_for_a_client_on_a_fourth() {
    let Some(network) = Network::lay("apart") else { return };
    let machines = Machines::start(network);
    let sum = machines.compute("SecureSum", ["[1, 2.25]", "[3]", "[-0.5, 4]"]);
    assert_eq!(report(&sum)["result"], json!({"sum": 9.75}));
    let median = machines.compute("SecureMedian", ["[1, 9]", "[2]", "[8, 3]"]);
    let median = report(&median);
    assert_eq!(median["result"]["median"], json!(3.0), "{median}");
    assert_eq!(median["inputs"], json!(PARTIES));
    // Outside of these namespaces there is no way to them: no loopback carried this.
    let outside = machines.command(&Place::Here, "SecureSum", ["[1]", "[2]", "[3]"]);
    let outside = { outside }.output().unwrap();
    assert_eq!(outside.status.code(), Some(4), "{}", said(&outside));
    assert!(said(&outside).contains("no node answers at https://10."), "{}", said(&outside));
}

#[test]
fn a_machine_whose_cable_is_pulled_is_named_and_comes_back_by_itself() {
    let Some(network) = Network::lay("cable") else { return };
    let machines = Machines::start(network);
    let before = machines.compute("SecureSum", ["[1]", "[2]", "[3]"]);
    assert_eq!(report(&before)["result"], json!({"sum": 6.0}));
    machines.network.plug(2, "down");
    let without = machines.compute("SecureSum", ["[1]", "[2]", "[3]"]);
    assert_eq!(without.status.code(), Some(4), "{}", said(&without));
    assert!(said(&without).contains("clinic-2: no node answers"), "{}", said(&without));
    machines.network.plug(2, "up");
    // The connection from before may yet be found to be dead, by a computation or by its silence.
    let after = wait_for("a link that comes back", || {
        let output = machines.compute("SecureSum", ["[1]", "[2]", "[4]"]);
        (output.status.code() != Some(4)).then_some(output)
    });
    assert_eq!(report(&after)["result"], json!({"sum": 7.0}));
}

fn report(output: &Output) -> Value {
    assert!(output.status.success(), "{}", said(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text)).concat()
}

/// The place at which a command runs.
enum Place {
    /// Beside this test.
    Here,
    /// In the namespace of this name.
    Namespace(String),
}

/// Namespaces for the parties and a client, and one with the bridge that joins them. Dropping the
/// network deletes them.
struct Network {
    name: String,
    made: Vec<String>,
}

impl Network {
    /// Lays the network. Returns none where the system refuses the right.
    fn lay(purpose: &str) -> Option<Self> {
        static LAID: AtomicU32 = AtomicU32::new(0);
        forget_the_dead();
        let number = LAID.fetch_add(1, Ordering::Relaxed);
        let name = format!("{PREFIX}{}-{purpose}{number}", process::id());
        let mut network = Self { name, made: Vec::new() };
        if let Err(refusal) = network.add_namespace("bridge") {
            println!("skipped: this system allows no network namespaces here: {refusal}");
            return None;
        }
        let bridge = network.namespace("bridge");
        ip(&["-n", &bridge, "link", "add", "hub", "type", "bridge"]);
        ip(&["-n", &bridge, "link", "set", "hub", "up"]);
        for place in 0..=PARTIES {
            network.connect(place);
        }
        Some(network)
    }

    /// Makes a machine: a namespace, with a cable to the bridge.
    fn connect(&mut self, place: usize) {
        let port = port(place);
        self.add_namespace(&port).expect("a namespace beside the first");
        let (machine, bridge) = (self.namespace(&port), self.namespace("bridge"));
        ip(&["-n", &machine, "link", "set", "lo", "up"]);
        ip(&[
            "link", "add", "uplink", "netns", &machine, "type", "veth", "peer", "name", &port,
            "netns", &bridge,
        ]);
        let address = format!("{}/24", address(place));
        ip(&["-n", &machine, "address", "add", &address, "dev", "uplink"]);
        ip(&["-n", &machine, "link", "set", "uplink", "up"]);
        ip(&["-n", &bridge, "link", "set", &port, "master", "hub", "up"]);
    }

    /// Pulls a machine's cable (`down`), or puts it back (`up`).
    fn plug(&self, place: usize, state: &str) {
        ip(&["-n", &self.namespace("bridge"), "link", "set", &port(place), state]);
    }

    /// Makes a namespace, or returns the system's reason for the refusal.
    fn add_namespace(&mut self, part: &str) -> Result<(), String> {
        let name = self.namespace(part);
        let output = Command::new("ip").args(["netns", "add", &name]).output();
        let output = output.expect("`ip`, of the package iproute2");
        if output.status.success() {
            self.made.push(name);
            return Ok(());
        }
        let reason = said(&output).trim().to_owned();
        let refused = ["not permitted", "Permission denied", "not implemented", "Read-only file"];
        assert!(refused.iter().any(|words| reason.contains(words)), "ip netns add: {reason}");
        // The beginnings of the namespace are in the way of the next.
        let _ = Command::new("ip").args(["netns", "delete", &name]).output();
        Err(reason)
    }

    fn namespace(&self, part: &str) -> String {
        format!("{}-{part}", self.name)
    }

    fn place(&self, place: usize) -> Place {
        Place::Namespace(self.namespace(&port(place)))
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for name in &self.made {
            let deleted = Command::new("ip").args(["netns", "delete", name]).status();
            if !deleted.is_ok_and(|status| status.success()) {
                eprintln!("the network namespace {name} is left: ip netns delete {name}");
            }
        }
    }
}

/// Nodes, each on its machine.
struct Machines {
    // Before the network: in a namespace that is deleted a process could live on.
    nodes: Vec<Child>,
    tokens: Vec<String>,
    cluster: Cluster,
    network: Network,
}

impl Machines {
    fn start(network: Network) -> Self {
        let cluster =
            Cluster::stopped(Kind { tokens: true, deadline: DEADLINE, ..Kind::teaching(PARTIES) });
        move_apart(&cluster);
        let tokens = (0..PARTIES)
            .map(|index| cluster.token(index, "ada", &["researcher", "owner"]))
            .collect();
        let mut machines = Self { nodes: Vec::new(), tokens, cluster, network };
        for index in 0..PARTIES {
            let node = machines.spawn(index);
            machines.nodes.push(node);
        }
        (0..PARTIES).for_each(|index| machines.wait_until_ready(index));
        machines
    }

    fn spawn(&self, index: usize) -> Child {
        let arguments = ["node", "--exit-with-parent", "--config"];
        self.network
            .place(index)
            .cloister()
            .args(arguments)
            .arg(self.cluster.config(index))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(self.log(index)).unwrap())
            .spawn()
            .unwrap()
    }

    fn wait_until_ready(&mut self, index: usize) {
        let output = self.nodes[index].stdout.take().unwrap();
        let line = Lines::of(output).next().unwrap_or_default();
        let expected = format!("ready clinic-{index} https://{}:", address(index));
        assert!(line.starts_with(&expected), "{line}{}", self.cluster.log(index));
    }

    /// Runs the command on the client's machine and returns its output.
    fn compute(&self, function: &str, data: [&str; PARTIES]) -> Output {
        self.command(&self.network.place(PARTIES), function, data).output().unwrap()
    }

    fn command(&self, place: &Place, function: &str, data: [&str; PARTIES]) -> Command {
        let mut command = place.cloister();
        command.args(["compute", "--json", "--consortium"]).arg(self.cluster.folder());
        command.arg(function);
        for data in data {
            command.args(["--data", data]);
        }
        for (index, token) in self.tokens.iter().enumerate() {
            command.env(format!("CLOISTER_TOKEN_CLINIC_{index}"), token);
        }
        command
    }

    /// Returns the path at which the cluster looks for the log, should the test fail.
    fn log(&self, index: usize) -> PathBuf {
        let folder = self.cluster.folder();
        folder.parent().unwrap().join(format!("clinic-{index}.log"))
    }
}

impl Drop for Machines {
    fn drop(&mut self) {
        for node in &mut self.nodes {
            // It may have ended by itself.
            let _ = node.kill();
            let _ = node.wait();
        }
    }
}

impl Place {
    /// Returns the command under test, at this place.
    fn cloister(&self) -> Command {
        match self {
            Self::Here => cloister_testkit::cloister(),
            Self::Namespace(name) => {
                let mut command = Command::new("ip");
                command.args(["netns", "exec", name, env!("CARGO_BIN_EXE_cloister")]);
                command
            }
        }
    }
}

/// Gives each party's node the address of its machine, in its settings and in all others' files.
fn move_apart(cluster: &Cluster) {
    let configs = (0..PARTIES).map(|index| cluster.config(index));
    let shared = ["consortium.toml", "client.toml"].map(|name| cluster.folder().join(name));
    for path in configs.chain(shared) {
        let mut text = fs::read_to_string(&path).unwrap();
        for index in 0..PARTIES {
            for here in [cluster.url(index).replace("https://", ""), cluster.peer(index)] {
                let there = here.replace("127.0.0.1", &address(index));
                text = text.replace(&here, &there);
            }
        }
        assert!(!text.contains("127.0.0.1"), "{text}");
        fs::write(&path, text).unwrap();
    }
}

/// Names the cable of a machine at the bridge, and the machine.
fn port(place: usize) -> String {
    format!("m{place}")
}

/// Returns an address that only the namespaces see.
fn address(place: usize) -> String {
    format!("10.213.7.{}", 11 + place)
}

const PREFIX: &str = "cloister-test-";

/// Deletes the namespaces of earlier runs that were ended before they could.
fn forget_the_dead() {
    let listed = Command::new("ip").args(["netns", "list"]).output().expect("`ip`, of iproute2");
    for name in String::from_utf8_lossy(&listed.stdout).split_whitespace() {
        let id = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
        let dead = id.is_some_and(|id| !Path::new("/proc").join(id).exists());
        if dead {
            // Another test may have been faster.
            let _ = Command::new("ip").args(["netns", "delete", name]).output();
        }
    }
}

fn ip(arguments: &[&str]) {
    run(Command::new("ip").args(arguments));
}
