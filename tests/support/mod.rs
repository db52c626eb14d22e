//! Real nodes for tests: processes of the command itself, on ports of their own, ended on drop.
//!
//! Nothing here says how fast a machine is: a node is there when it says `ready`, gone when it was waited
//! for, and every other event is asked for until it has come.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "every test is a program of its own, and takes what it needs"
)]

pub mod http;
pub mod stub;

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use cloister::ports::Ports;
use serde_json::{Value, json};
use tempfile::TempDir;

use self::http::{Answer, Api};

/// The longest wait for an event before a test fails because the event does not come. No working machine
/// comes near it.
pub const PATIENCE: Duration = Duration::from_secs(180);

/// The pause between two questions whether an event has come.
const PAUSE: Duration = Duration::from_millis(20);

/// Asks again and again until there is an answer. Fails when none has come within [`PATIENCE`].
#[track_caller]
pub fn wait_for<T>(event: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begun.elapsed() < PATIENCE, "never came: {event}");
        thread::sleep(PAUSE);
    }
}

/// Asks again and again until it is so. Fails when it is not within [`PATIENCE`].
#[track_caller]
pub fn wait_until(event: &str, mut is_so: impl FnMut() -> bool) {
    wait_for(event, || is_so().then_some(()));
}

/// What a consortium for a test is like.
#[derive(Clone, Copy)]
pub struct Kind {
    pub parties: usize,
    pub profile: &'static str,
    /// In seconds. A test that does not wait for it has one that no working machine comes near.
    pub deadline: u32,
    pub log: &'static str,
    /// Whether the API speaks HTTPS and takes calls with a token only.
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

    /// The files of a consortium, of which no node runs.
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

    /// Runs the command on one node's state, as its operator does; what it prints.
    pub fn operate(&self, index: usize, words: &[&str]) -> String {
        let output = run(&mut self.operator(index, words));
        String::from_utf8(output.stdout).unwrap()
    }

    /// The command that does this on one node's state.
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

    /// Where the other nodes reach this one: `host:port`.
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

    /// Waits for the end of a node that was told to stop, and says whether that was a good one.
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

    /// Stops a node in the middle of whatever it does (`STOP`), or lets it go on (`CONT`).
    pub fn signal(&self, index: usize, signal: &str) {
        send_signal(signal, self.nodes[index].as_ref().unwrap().id());
    }

    /// How many bytes of memory a node holds.
    pub fn resident(&self, index: usize) -> usize {
        let id = self.nodes[index].as_ref().unwrap().id();
        let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        let kibibytes: usize = line.trim().trim_end_matches(" kB").parse().unwrap();
        kibibytes << 10
    }

    /// Each party asks its own node at once; the answers in order: reports, or the first error.
    pub fn compute(&self, function: &str, data: &[Value], uuid: &str) -> Vec<Answer> {
        let requests = data.iter().enumerate().map(|(index, data)| {
            json!({"microprotocol": function, "data": data, "network": self.network(uuid, index)})
        });
        self.compute_with(&requests.collect::<Vec<_>>())
    }

    /// The same with all arguments of `compute`; null for a party that does not come.
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

    /// Whether the nodes compute; a sum that is wrong fails.
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
        let spawn = |index| {
            let command = started(self, index);
            self.spawn_with(index, command.unwrap_or_else(cloister))
        };
        self.nodes = (0..self.kind.parties).map(|index| Some(spawn(index))).collect();
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

    /// Starts the nodes of these, and of nobody else.
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

    /// Waits for a node's first line; false if it has ended without one.
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

/// The command under test.
pub fn cloister() -> Command {
    Command::new(env!("CARGO_BIN_EXE_cloister"))
}

/// Sends a signal such as `TERM` to a process.
pub fn send_signal(signal: &str, id: u32) {
    run(Command::new("kill").args(["-s", signal, &id.to_string()]));
}

/// A name for a computation that nobody else uses.
pub fn fresh() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// Where tests may keep what they do not want to make again.
pub fn target() -> PathBuf {
    let exe = PathBuf::from(env!("CARGO_BIN_EXE_cloister"));
    exe.ancestors().nth(2).unwrap().to_owned()
}

pub fn clients() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients")
}

const CLIENT: &str = "federatedsecure-client==0.6.2";

/// A Python that has the client of Federated Secure Computing.
pub fn python() -> PathBuf {
    python_with("python-client", &[CLIENT])
}

/// A Python that has these packages, in a folder of this name. Made once; whoever comes second waits for
/// the first.
pub fn python_with(name: &str, packages: &[&str]) -> PathBuf {
    let folder = target().join(name);
    fs::create_dir_all(&folder).unwrap();
    let lock = File::create(folder.join("lock")).unwrap();
    lock.lock().unwrap();
    let python = folder.join("venv/bin/python");
    let complete = folder.join(packages.join(" "));
    if !complete.exists() {
        let version = Command::new("python3").arg("--version").output();
        assert!(
            version.is_ok_and(|version| version.status.success()),
            "python3 is missing: install python3 and python3-venv (apt install python3-venv)"
        );
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder.join("venv")));
        run(Command::new(&python).args(["-m", "pip", "install", "--quiet"]).args(packages));
        File::create(complete).unwrap();
    }
    python
}

/// Runs a program to its end, and fails with what it said if it failed.
pub fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    let [out, err] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    assert!(output.status.success(), "{command:?}: {}\n{out}\n{err}", output.status);
    output
}

/// Runs a program at a terminal of its own, with these variables more, and types this; what it ended with
/// and what was seen.
pub fn at_a_terminal(
    folder: &Path,
    words: &[&str],
    variables: &[(&str, &str)],
    typed: &str,
) -> (i32, String) {
    const PROGRAM: &str = "import os, pty, sys
folder, typed, *words = sys.argv[1:]
child, terminal = pty.fork()
if child == 0:
    os.chdir(folder)
    os.execv(words[0], words)
os.write(terminal, typed.encode())
seen = b''
while True:
    try:
        part = os.read(terminal, 65536)
    except OSError:
        break
    if not part:
        break
    seen += part
sys.stdout.buffer.write(seen)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
";
    let mut command = Command::new("python3");
    command.args(["-c", PROGRAM]).arg(folder).arg(typed).args(words);
    let output = command.envs(variables.iter().copied()).output().unwrap();
    let seen = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.code().unwrap_or_else(|| panic!("{seen}")), seen)
}
