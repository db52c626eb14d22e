//! Start-up time and memory of nodes, as processes of the real command.
//!
//! Measured are the time to ready, memory when idle, and memory before and after 1,000 computations
//! at once. A last line has a node's part of the time of a request by the existing Python client.
//!
//! `cargo bench --bench node`
//!
//! Prints a table; each figure is a median over the runs that it names. The Python figure needs
//! `python3` and the environment that the client tests make under `target/`: run
//! `cargo test --test it python_client` once. Without it the line says so.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a benchmark stops where it fails"
)]
#![allow(clippy::print_stdout, reason = "its output is what it is for")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cloister::consortium_dir::ConsortiumDir;
use cloister::ports::Ports;
use cloister_client::{Consortium, Data, Job};
use futures_util::future::join_all;
use serde_json::json;

const PARTIES: [&str; 3] = ["north", "south", "west"];
const AT_ONCE: usize = 1_000;

/// Processes of the real command. Dropping them ends them.
struct Nodes {
    folder: tempfile::TempDir,
    children: Vec<Child>,
    ready: Vec<Duration>,
}

impl Nodes {
    fn start(ports: &Ports) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("consortium");
        let mut init = Command::new(env!("CARGO_BIN_EXE_cloister"));
        init.arg("init").arg(&home).args(["--profile", "teaching"]);
        init.args(["--api-port", &ports.api().to_string()]);
        init.args(["--peer-port", &ports.peer().to_string()]);
        for party in PARTIES {
            init.args(["--party", party]);
        }
        assert!(init.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success());
        let mut nodes = Self { folder, children: Vec::new(), ready: Vec::new() };
        for party in PARTIES {
            let (child, ready) = start_node(&ConsortiumDir::new(&home).node(party));
            nodes.children.push(child);
            nodes.ready.push(ready);
        }
        nodes
    }

    fn home(&self) -> PathBuf {
        self.folder.path().join("consortium")
    }

    /// Returns the resident memory of each node in KiB, once it has not fallen for a second.
    async fn settled_memory(&self) -> Vec<f64> {
        let mut lowest = self.memory();
        let mut since = Instant::now();
        while since.elapsed() < Duration::from_secs(1) {
            actix_rt::time::sleep(Duration::from_millis(50)).await;
            let now = self.memory();
            if now.iter().sum::<f64>() < lowest.iter().sum() {
                lowest = now;
                since = Instant::now();
            }
        }
        lowest
    }

    /// Returns the resident memory of each node in KiB.
    fn memory(&self) -> Vec<f64> {
        self.children.iter().map(|child| resident_kib(child.id())).collect()
    }
}

impl Drop for Nodes {
    fn drop(&mut self) {
        for child in &mut self.children {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

fn start_node(config: &Path) -> (Child, Duration) {
    let start = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_cloister"))
        .args(["node", "--config"])
        .arg(config)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("ready "), "{line}");
    (child, start.elapsed())
}

fn resident_kib(process: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

async fn compute_at_once(consortium: &Consortium, times: usize) {
    let runs = (0..times).map(|run| async move {
        let data = (0..3).map(|party| Data::Values(json!([run, party, 0.1]))).collect();
        let reports = consortium.compute(&Job::new("SecureSum"), data, |_, _| {}).await;
        let reports = reports.all().unwrap_or_else(|failed| panic!("{failed}"));
        // (3·run + 0 + 1 + 2 + 0.3), each addend a double, rounded once.
        let expected = format!("{}.3", 3 * run + 3).parse::<f64>().unwrap();
        for (_, report) in reports {
            assert_eq!(report.result["sum"].as_f64().unwrap(), expected);
        }
    });
    join_all(runs).await;
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Returns the node's part of the Python client's time, in milliseconds: the seconds that the last
/// of the three nodes to be asked reports.
fn python_share(home: &Path) -> Option<f64> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent()?.to_owned();
    let python = target.join("python-client/venv/bin/python");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/support/python_share.py");
    let output = Command::new(python).arg(script).arg(home.join("client.toml")).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let shares: Option<Vec<f64>> = text.lines().map(|line| line.parse().ok()).collect();
    shares.filter(|shares| !shares.is_empty()).map(median)
}

fn main() {
    let ports = Ports::take().unwrap();
    let mut ready = Vec::new();
    let mut idle = Vec::new();
    for _ in 0..5 {
        let nodes = Nodes::start(&ports);
        ready.extend(nodes.ready.iter().map(|ready| 1e3 * ready.as_secs_f64()));
        // An idle node has its links: wait for them by using them once.
        let consortium =
            Consortium::new(ConsortiumDir::new(nodes.home()).read_client().unwrap()).unwrap();
        actix_rt::System::new().block_on(compute_at_once(&consortium, 1));
        idle.extend(nodes.memory());
    }
    println!("ready after start          {:8.1} ms   median of 15", median(ready));
    println!("idle, resident             {:8.1} MiB  median of 15", median(idle) / 1024.0);

    let nodes = Nodes::start(&ports);
    let file = || ConsortiumDir::new(nodes.home()).read_client().unwrap();
    let system = actix_rt::System::new();
    system.block_on(compute_at_once(&Consortium::new(file()).unwrap(), 1));
    let before = nodes.memory();
    for round in 1..=3 {
        let consortium = Consortium::new(file()).unwrap();
        let start = Instant::now();
        system.block_on(compute_at_once(&consortium, AT_ONCE));
        let seconds = start.elapsed().as_secs_f64();
        // The memory of the client's open connections is not the node's.
        drop(consortium);
        let memory = system.block_on(nodes.settled_memory());
        let ratio =
            median(memory.iter().zip(&before).map(|(after, before)| after / before).collect());
        let memory = median(memory) / 1024.0;
        println!(
            "{AT_ONCE} at once, time {round}    {seconds:8.2} s    memory {memory:.1} MiB, {ratio:.3} of before"
        );
    }
    match python_share(&nodes.home()) {
        Some(share) => {
            println!("Python SecureSum, node     {share:8.2} ms   median of 50, M=3, N=100")
        }
        None => println!("Python SecureSum: run `cargo test --test it python_client` first"),
    }
}
