//! Nodes as processes of the command itself, on ports of their own, ended on drop.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::http::{Answer, Api};
use crate::ports::Ports;
use crate::process::{cloister, run, send_signal};

/// The description of a consortium for a test.
#[derive(Clone, Copy)]
pub struct Kind {
    pub parties: usize,
    pub profile: &'static str,
    /// The deadline in seconds. A test that does not wait for it has one that no working machine
    /// comes near.
    pub deadline: u32,
    pub log: &'static str,
    /// The API speaks HTTPS and takes calls with a token only.
    pub tokens: bool,
    /// More lines for each node's settings.
    pub settings: &'static str,
}

/// The nodes of a consortium.
pub struct Cluster {
    pub names: Vec<String>,
    kind: Kind,
    folder: TempDir,
    ports: Ports,
    nodes: Vec<Option<Child>>,
}

impl Kind {
    pub fn teaching(parties: usize) -> Self {
        Self {
            parties,
            profile: "teaching",
            deadline: 120,
            log: "info",
            tokens: false,
            settings: "",
        }
    }
}

impl Cluster {
    pub fn teaching(parties: usize) -> Self {
        Self::start(Kind::teaching(parties))
    }

    pub fn start(kind: Kind) -> Self {
        let mut cluster = Self::stopped(kind);
        cluster.start_all();
        cluster
    }

    /// Makes the files of a consortium, of which no node runs.
    pub fn stopped(kind: Kind) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ports = Ports::take().unwrap();
        let names: Vec<String> = (0..kind.parties).map(|index| format!("clinic-{index}")).collect();
        let nodes = (0..kind.parties).map(|_| None).collect();
        let cluster = Self { names, kind, folder, ports, nodes };
        cluster.init();
        cluster
    }

    /// Starts all nodes.
    pub fn start_all(&mut self) {
        self.nodes = (0..self.kind.parties).map(|index| Some(self.spawn(index))).collect();
        (0..self.kind.parties).for_each(|index| self.wait_until_ready(index));
    }

    /// Makes a token at one node.
    pub fn token(&self, index: usize, name: &str, roles: &[&str]) -> String {
        let mut words = vec!["token", "new", "--name", name];
        roles.iter().for_each(|role| words.extend(["--role", role]));
        self.operate(index, &words).trim().to_owned()
    }

    /// Runs the command on one node's state, as its operator does. Returns its output.
    pub fn operate(&self, index: usize, words: &[&str]) -> String {
        let output = run(&mut self.operator(index, words));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Makes the command that does this on one node's state.
    pub fn operator(&self, index: usize, words: &[&str]) -> Command {
        let mut command = cloister();
        let (verbs, rest) = words.split_at(2.min(words.len()));
        command.args(verbs).arg("--config").arg(self.config(index)).args(rest);
        command
    }

    pub fn folder(&self) -> PathBuf {
        self.folder.path().join("consortium")
    }

    pub fn url(&self, index: usize) -> String {
        let scheme = if self.kind.tokens { "https" } else { "http" };
        format!("{scheme}://127.0.0.1:{}", usize::from(self.ports.api()) + index)
    }

    pub fn urls(&self) -> Vec<String> {
        (0..self.kind.parties).map(|index| self.url(index)).collect()
    }

    pub fn api(&self, index: usize) -> Api {
        Api::new(self.url(index).trim_start_matches("http://"))
    }

    /// Returns the address at which the other nodes reach this one: `host:port`.
    pub fn peer(&self, index: usize) -> String {
        format!("127.0.0.1:{}", usize::from(self.ports.peer()) + index)
    }

    pub fn network(&self, uuid: &str, myself: usize) -> Value {
        json!({"nodes": self.urls(), "uuid": uuid, "myself": myself})
    }

    /// Ends a node without a word, as a crash does.
    pub fn kill(&mut self, index: usize) {
        let mut node = self.nodes[index].take().unwrap();
        node.kill().unwrap();
        node.wait().unwrap();
    }

    /// Waits for the end of a node that was told to stop, and returns whether that was a good one.
    pub fn ended_well(&mut self, index: usize) -> bool {
        self.nodes[index].take().unwrap().wait().unwrap().success()
    }

    /// Ends a node in good order.
    pub fn stop(&mut self, index: usize) {
        self.signal(index, "TERM");
        let ended = self.nodes[index].take().unwrap().wait().unwrap();
        assert!(ended.success(), "{ended}: {}", self.log(index));
    }

    /// Starts a node that was killed.
    pub fn restart(&mut self, index: usize) {
        self.nodes[index] = Some(self.spawn(index));
        self.wait_until_ready(index);
    }

    /// Returns the number of a node's process.
    pub fn id(&self, index: usize) -> u32 {
        self.nodes[index].as_ref().unwrap().id()
    }

    /// Stops a node in the middle of its work (`STOP`), or lets it go on (`CONT`).
    pub fn signal(&self, index: usize, signal: &str) {
        send_signal(signal, self.id(index));
    }

    /// Returns the bytes of memory that a node holds.
    pub fn resident(&self, index: usize) -> usize {
        let id = self.id(index);
        let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        let kibibytes: usize = line.trim().trim_end_matches(" kB").parse().unwrap();
        kibibytes << 10
    }

    /// Has each party ask its own node at once. Returns the answers in order: reports, or the first
    /// error.
    pub fn compute(&self, function: &str, data: &[Value], uuid: &str) -> Vec<Answer> {
        let requests = data.iter().enumerate().map(|(index, data)| {
            json!({"microprotocol": function, "data": data, "network": self.network(uuid, index)})
        });
        self.compute_with(&requests.collect::<Vec<_>>())
    }

    /// Has the parties ask with all arguments of `compute`; null for a party that does not come.
    pub fn compute_with(&self, requests: &[Value]) -> Vec<Answer> {
        thread::scope(|scope| {
            let asked: Vec<_> = requests
                .iter()
                .enumerate()
                .filter(|(_, request)| !request.is_null())
                .map(|(index, request)| scope.spawn(move || self.api(index).compute(request)))
                .collect();
            asked.into_iter().map(|answer| answer.join().unwrap()).collect()
        })
    }

    /// Computes a sum with all nodes, and checks it: the nodes live and work.
    pub fn check_health(&self) {
        self.check_sum(&self.sum_of_all());
    }

    /// Returns whether the nodes compute; a sum that is wrong fails.
    pub fn is_healthy(&self) -> bool {
        let answers = self.sum_of_all();
        let all = answers.iter().all(|answer| answer.status == 200);
        if all {
            self.check_sum(&answers);
        }
        all
    }

    fn sum_of_all(&self) -> Vec<Answer> {
        let data: Vec<Value> = (1..=self.kind.parties).map(|number| json!([number, 0.5])).collect();
        self.compute("SecureSum", &data, &fresh())
    }

    fn check_sum(&self, answers: &[Answer]) {
        let parties = f64::from(u32::try_from(self.kind.parties).unwrap());
        let expected = parties * (parties + 1.0) / 2.0 + parties * 0.5;
        for answer in answers {
            assert_eq!(answer.status, 200, "{}", answer.body);
            assert_eq!(answer.body["object"]["result"], json!({"sum": expected}));
        }
    }

    pub fn log(&self, index: usize) -> String {
        // A node that was never started has none.
        fs::read_to_string(self.log_path(index)).unwrap_or_default()
    }

    fn log_path(&self, index: usize) -> PathBuf {
        self.folder.path().join(format!("{}.log", self.names[index]))
    }

    fn init(&self) {
        let mut command = cloister();
        command.arg("init").arg(self.folder());
        for name in &self.names {
            command.args(["--party", name]);
        }
        let numbers = [
            ("--api-port", u32::from(self.ports.api())),
            ("--peer-port", u32::from(self.ports.peer())),
            ("--deadline", self.kind.deadline),
        ];
        for (flag, number) in numbers {
            command.arg(flag).arg(number.to_string());
        }
        if self.kind.tokens {
            command.arg("--tokens");
        }
        let made = command.args(["--profile", self.kind.profile]).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        (0..self.names.len()).for_each(|index| self.add_settings(index));
    }

    fn add_settings(&self, index: usize) {
        let path = self.config(index);
        let settings = fs::read_to_string(&path).unwrap();
        fs::write(path, format!("{settings}{}\n", self.kind.settings)).unwrap();
    }

    pub fn config(&self, index: usize) -> PathBuf {
        self.folder().join(&self.names[index]).join("node.toml")
    }

    /// Starts all nodes, those for which `started` has another command by that one.
    pub fn start_each(&mut self, started: impl Fn(&Self, usize) -> Option<Command>) {
        self.nodes = (0..self.kind.parties)
            .map(|index| {
                let command = started(self, index);
                Some(self.spawn_with(index, command.unwrap_or_else(cloister)))
            })
            .collect();
        (0..self.kind.parties).for_each(|index| self.wait_until_ready(index));
    }

    /// Starts all nodes, or none if one of them refuses to start.
    pub fn starts(&mut self) -> bool {
        self.nodes = (0..self.kind.parties).map(|index| Some(self.spawn(index))).collect();
        let ready: Vec<bool> = (0..self.kind.parties).map(|index| self.says_ready(index)).collect();
        let all = ready.iter().all(|ready| *ready);
        if !all {
            (0..self.kind.parties).for_each(|index| self.kill(index));
        }
        all
    }

    /// Starts these nodes only.
    pub fn start_some(&mut self, indices: &[usize]) {
        for index in indices {
            self.nodes[*index] = Some(self.spawn(*index));
        }
        indices.iter().for_each(|index| self.wait_until_ready(*index));
    }

    fn spawn(&self, index: usize) -> Child {
        self.spawn_with(index, cloister())
    }

    /// Starts a node by a command that runs `cloister` with the arguments that are added to it.
    fn spawn_with(&self, index: usize, mut command: Command) -> Child {
        let log = File::options().create(true).append(true).open(self.log_path(index)).unwrap();
        // The node ends with this process, however that ends: it holds the other end of the pipe.
        command
            .args(["node", "--exit-with-parent", "--config"])
            .arg(self.config(index))
            .env("CLOISTER_LOG", self.kind.log)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap()
    }

    fn wait_until_ready(&mut self, index: usize) {
        assert!(self.says_ready(index), "{}", self.log(index));
    }

    /// Waits for a node's first line. Returns false if it has ended without one.
    fn says_ready(&mut self, index: usize) -> bool {
        let expected = format!("ready {} {}\n", self.names[index], self.url(index));
        let node = self.nodes[index].as_mut().unwrap();
        let mut line = String::new();
        let mut output = BufReader::new(node.stdout.take().unwrap());
        output.read_line(&mut line).unwrap();
        assert!(line.is_empty() || line == expected, "{line}{}", self.log(index));
        !line.is_empty()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for index in 0..self.nodes.len() {
            if self.nodes[index].is_some() {
                self.kill(index);
            }
            if thread::panicking() {
                eprintln!("log of {}:\n{}", self.names[index], self.log(index));
            }
        }
    }
}

/// Makes a name for a computation that no other uses.
pub fn fresh() -> String {
    uuid::Uuid::new_v4().to_string()
}
