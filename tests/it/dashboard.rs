//! The dashboard in a real browser. One run is against a node that is played, in every state that a
//! page may have to show. Another is against three real nodes. Of their computations one is slow,
//! one is blocked, one has failed, one is done, and a request waits for its owner.
//!
//! Every page is held to the accessibility rules of axe, wide and narrow, light and dark. Pictures
//! of all are in `target/screenshots`; with `CLOISTER_TEST_PICTURES=1` those that the README shows
//! are made anew.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use cloister_testkit::http::{Answer, Api};
use cloister_testkit::{Cluster, Kind, fresh, run, target, wait_until};
use serde_json::{Value, json};

/// The pictures that the README shows, and their names there.
const SHOWN: [(&str, &str); 4] = [
    ("real-clinic-0-overview-dark-wide", "overview"),
    ("real-blocked-light-wide", "blocked"),
    ("real-done-light-wide", "result"),
    ("real-down-light-wide", "down"),
];

/// The rounds of a computation that lasts until it is cancelled.
const MANY_ROUNDS: u32 = 100_000;

/// Three nodes with data of the public set `indo_rct`, and a token with all roles at each.
struct Trial {
    cluster: Cluster,
    tokens: Vec<String>,
}

impl Trial {
    /// Starts the nodes. The owner of the first decides over each request to compute on `reserved`.
    fn start() -> Self {
        let settings = "access.mode = \"tokens\"";
        let kind = Kind { profile: "production", deadline: 120, settings, ..Kind::teaching(3) };
        let mut cluster = Cluster::stopped(kind);
        for index in 0..3 {
            let home = cluster.config(index).parent().unwrap().to_owned();
            fs::create_dir(home.join("policy.d")).unwrap();
            let policy = "[dataset.trial]\napproval = false\n";
            fs::write(home.join("policy.d/trial.toml"), policy).unwrap();
            fs::create_dir(home.join("data")).unwrap();
            let file = format!("tests/data/indo_rct.party{}.csv", index + 1);
            fs::copy(root().join(file), home.join("data/trial.csv")).unwrap();
        }
        cluster.start_all();
        let mut tokens = Vec::new();
        for index in 0..3 {
            let file = cluster.config(index).parent().unwrap().join("data/trial.csv");
            for name in ["trial", "reserved"] {
                let words = ["data", "register", name, "--csv", file.to_str().unwrap()];
                cluster.operate(index, &words);
            }
            let roles = ["researcher", "owner", "auditor", "operator"];
            tokens.push(cluster.token(index, "ada", &roles));
        }
        Self { cluster, tokens }
    }

    fn api(&self, index: usize) -> Api {
        self.cluster.api(index).with_token(&self.tokens[index])
    }

    /// Computes with these nodes on a column of their datasets of this name.
    fn sum(&self, dataset: &str, network: &str, nodes: &[usize]) -> Vec<Answer> {
        self.all(nodes, |index| {
            let api = self.api(index);
            let columns = json!({"dataset": dataset, "columns": ["age"]});
            let selection = api.method(&api.service("Datasets"), "select", &columns).uuid();
            json!({
                "microprotocol": "StatisticsUnivariate",
                "data": {"representation_uuid": selection},
                "network": self.cluster.network(network, index),
            })
        })
    }

    fn all(&self, nodes: &[usize], request: impl Fn(usize) -> Value + Sync) -> Vec<Answer> {
        let request = &request;
        thread::scope(|scope| {
            let asked: Vec<_> = nodes
                .iter()
                .map(|index| {
                    let index = *index;
                    scope.spawn(move || self.api(index).compute(&request(index)))
                })
                .collect();
            asked.into_iter().map(|answer| answer.join().unwrap()).collect()
        })
    }

    /// Waits until a computation is in this state at the first node.
    fn wait_for(&self, network: &str, state: &str) {
        wait_until(&format!("{network} is {state}"), || {
            let path = format!("/v1/computations?network={network}");
            let listed = self.api(0).send("GET", &path, "").body;
            listed["computations"][0]["state"] == state
        });
    }

    /// Ends a computation by the first node, as a user of the dashboard does.
    fn cancel(&self, network: &str) {
        let path = format!("/v1/computations?network={network}");
        let listed = self.api(0).send("GET", &path, "").body;
        let id = listed["computations"][0]["id"].as_str().unwrap().to_owned();
        let ended = self.api(0).send("DELETE", &format!("/v1/computations/{id}"), "");
        assert_eq!(ended.status, 200, "{}", ended.body);
    }

    /// Has a browser look at the first node for the expected content; `sizes` are wide, narrow or
    /// both.
    fn look(&self, expect: &Value, sizes: &Value, schemes: &Value) {
        let node = json!({"url": self.cluster.url(0), "token": self.tokens[0], "name": "clinic-0"});
        let nodes = [node];
        let order = json!({"nodes": nodes, "expect": expect, "sizes": sizes, "schemes": schemes});
        let mut script = node_js();
        script.arg(folder().join("real.mjs")).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = script.stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(order.to_string().as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let [out, err] = [&output.stdout, &output.stderr].map(|it| String::from_utf8_lossy(it));
        assert!(output.status.success(), "{out}\n{err}");
        let found: Value = serde_json::from_str(out.lines().last().unwrap()).unwrap();
        assert!(found["pages"].as_u64().unwrap() > 0, "{found}");
        println!("{found}");
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn folder() -> PathBuf {
    root().join("tests/dashboard")
}

/// Returns the folder of the browser's driver and axe, below `target/`. They are installed once.
fn modules() -> PathBuf {
    let place = target().join("dashboard");
    fs::create_dir_all(&place).unwrap();
    let lock = File::create(place.join("lock")).unwrap();
    lock.lock().unwrap();
    let wanted = fs::read_to_string(folder().join("package-lock.json")).unwrap();
    let complete = place.join("complete");
    if fs::read_to_string(&complete).unwrap_or_default() != wanted {
        for tool in ["node", "npm"] {
            let there = Command::new(tool).arg("--version").output();
            assert!(
                there.is_ok_and(|output| output.status.success()),
                "{tool} is missing: install Node.js 20 or later (apt install nodejs npm)"
            );
        }
        for file in ["package.json", "package-lock.json"] {
            fs::copy(folder().join(file), place.join(file)).unwrap();
        }
        run(Command::new("npm").args(["ci", "--no-audit", "--no-fund", "--prefix"]).arg(&place));
        fs::write(complete, wanted).unwrap();
    }
    place.join("node_modules")
}

fn screenshots() -> PathBuf {
    target().join("screenshots")
}

/// Makes a command of Node.js with the environment of the scripts.
fn node_js() -> Command {
    let browsers = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
    let named = std::env::var_os("CLOISTER_TEST_CHROMIUM").is_some();
    assert!(
        named || browsers.iter().any(|path| Path::new(path).exists()),
        "a browser is missing: install Chromium (apt install chromium)"
    );
    let mut command = Command::new("node");
    command.env("CLOISTER_TEST_MODULES", modules());
    command.env("CLOISTER_TEST_SCREENSHOTS", screenshots());
    command
}

#[test]
fn every_view_is_accessible_and_does_what_it_shows() {
    let mut command = node_js();
    command.args(["--test", "--test-concurrency=1"]);
    command.args(["behaviour.test.mjs", "views.test.mjs"].map(|file| folder().join(file)));
    run(&mut command);
}

#[test]
fn real_nodes_are_shown_as_they_are() {
    let trial = Trial::start();
    let [done, failed, blocked, slow] = [fresh(), fresh(), fresh(), fresh()];
    for answer in trial.sum("trial", &done, &[0, 1, 2]) {
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    // All three owners are asked, and none has answered.
    for answer in trial.sum("reserved", &failed, &[0, 1, 2]) {
        assert!(answer.status >= 400, "{}", answer.body);
    }
    thread::scope(|scope| {
        let blocking = scope.spawn(|| trial.sum("trial", &blocked, &[0, 1]));
        let going = scope.spawn(|| {
            trial.all(&[0, 1, 2], |index| {
                json!({
                    "microprotocol": "Empty",
                    "data": [],
                    "parameters": {"times": MANY_ROUNDS},
                    "network": trial.cluster.network(&slow, index),
                })
            })
        });
        trial.wait_for(&blocked, "agreeing");
        trial.wait_for(&slow, "running");
        let expect = json!({
            "blocked": {"network": blocked, "party": "clinic-2", "for": "agreeing"},
            "slow": {"network": slow, "states": ["running"]},
        });
        trial.look(&expect, &json!([]), &json!([]));
        trial.cancel(&blocked);
        trial.cancel(&slow);
        for answers in [blocking, going] {
            for answer in answers.join().unwrap() {
                answer.refused(409, "cancelled");
            }
        }
    });
    let expect = json!({
        "failed": {"network": failed, "code": "approval_needed"},
        "done": {"network": done},
        "approval": {"node": 0, "id": 1, "principal": "ada"},
    });
    // Colours depend on the scheme and layout on the width.
    trial.look(&expect, &json!(["wide"]), &json!(["dark"]));
    trial.look(&json!({}), &json!(["narrow"]), &json!(["light"]));
    let Trial { mut cluster, tokens } = trial;
    cluster.kill(2);
    let trial = Trial { cluster, tokens };
    let expect = json!({"down": {"node": 0, "member": "clinic-2", "text": "cannot be reached"}});
    trial.look(&expect, &json!(["wide"]), &json!(["light"]));
    if std::env::var_os("CLOISTER_TEST_PICTURES").is_some() {
        let pictures = folder().join("pictures");
        fs::create_dir_all(&pictures).unwrap();
        for (name, shown) in SHOWN {
            let from = screenshots().join(format!("{name}.png"));
            fs::copy(from, pictures.join(format!("{shown}.png"))).unwrap();
        }
    }
}
