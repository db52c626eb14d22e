//! The dashboard in a real browser. One run is against a node that is played, in every state that a
//! page may have to show. Another is against three real nodes. Of their computations one is slow,
//! one is blocked, one has failed, one is done, and a request waits for its owner.
//!
//! Every page is held to the accessibility rules of axe, wide and narrow, light and dark. Pictures
//! of all are in `target/screenshots`; with `CLOISTER_TEST_PICTURES=1` those that the README shows
//! are made anew.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;

use cloister::render::page::{self, Page, Section};
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

/// The longest time of a computation, in seconds: no working machine comes near it.
const DEADLINE: u32 = 3_600;

/// Three nodes with data of the public set `indo_rct`, and a token with all roles at each.
struct Trial {
    cluster: Cluster,
    tokens: Vec<String>,
}

impl Trial {
    /// Starts the nodes. The owner of the first decides over each request to compute on `reserved`.
    fn start() -> Self {
        let settings = "access.mode = \"tokens\"";
        let kind =
            Kind { profile: "production", deadline: DEADLINE, settings, ..Kind::teaching(3) };
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
        let tokens = thread::scope(|scope| {
            let cluster = &cluster;
            let prepared: Vec<_> =
                (0..3).map(|index| scope.spawn(move || Self::prepare(cluster, index))).collect();
            prepared.into_iter().map(|token| token.join().unwrap()).collect()
        });
        Self { cluster, tokens }
    }

    /// Registers the datasets of a node, and returns a token with all roles there.
    fn prepare(cluster: &Cluster, index: usize) -> String {
        let file = cluster.config(index).parent().unwrap().join("data/trial.csv");
        for name in ["trial", "reserved"] {
            let words = ["data", "register", name, "--csv", file.to_str().unwrap()];
            cluster.operate(index, &words);
        }
        cluster.token(index, "ada", &["researcher", "owner", "auditor", "operator"])
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

    /// Returns the columns and rows that the first node tells of a computation, to a token's bearer.
    fn selections(&self, network: &str, token: &str) -> Value {
        let api = self.cluster.api(0).with_token(token);
        let path = format!("/v1/computations?network={network}");
        let listed = api.send("GET", &path, "").body;
        let id = listed["computations"][0]["id"].as_str().unwrap().to_owned();
        api.send("GET", &format!("/v1/computations/{id}"), "").body["selections"].clone()
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

    /// Has the browser look at the first node for the expected content; `sizes` are wide, narrow or
    /// both.
    fn look(&self, browser: &mut Browser, expect: &Value, sizes: &Value, schemes: &Value) {
        let node = json!({"url": self.cluster.url(0), "token": self.tokens[0], "name": "clinic-0"});
        let nodes = [node];
        let order = json!({"nodes": nodes, "expect": expect, "sizes": sizes, "schemes": schemes});
        let found = browser.follow(&order);
        assert_eq!(found["problems"], json!([]), "{found}");
        assert!(found["pages"].as_u64().unwrap() > 0, "{found}");
        println!("{found}");
    }
}

/// A browser that looks at real nodes, as often as it is told to.
struct Browser {
    child: Child,
    orders: Option<ChildStdin>,
    found: BufReader<ChildStdout>,
}

impl Browser {
    /// Starts it, and waits until it is there.
    fn start() -> Self {
        let mut script = node_js();
        script.arg(folder().join("real.mjs")).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = script.spawn().unwrap();
        let orders = child.stdin.take();
        let found = BufReader::new(child.stdout.take().unwrap());
        let mut browser = Self { child, orders, found };
        browser.follow(&json!({"nodes": []}));
        browser
    }

    /// Follows an order, and returns its findings.
    fn follow(&mut self, order: &Value) -> Value {
        writeln!(self.orders.as_mut().unwrap(), "{order}").unwrap();
        let mut line = String::new();
        self.found.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It ends by itself, and its browser with it, where no order can come.
        drop(self.orders.take());
        let _ = self.child.wait();
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
    command.arg(folder().join("all.mjs"));
    run(&mut command);
}

/// Makes a section of a page from a result of three parties.
fn section(function: &str, result: &Value) -> Section {
    let report = json!({
        "inputs": 3, "result": result, "security": {"suite": "masked", "corruptible": 2},
        "disclosure": {"profile": "production"}, "session": "5f".repeat(32),
        "cost": {
            "rounds": 4, "messages_sent": 8, "bytes_sent": 723_000_000, "bytes_received": 723_000_000,
            "seconds": 3.512_345_678,
        },
    });
    let of = |party: &str| (party.to_owned(), serde_json::from_value(report.clone()).unwrap());
    Section {
        title: function.to_owned(),
        function: function.to_owned(),
        parameters: json!({"probabilities": [0.025, 0.5, 0.975]}).as_object().unwrap().clone(),
        reports: vec![of("university-hospital-north"), of("south"), of("west")],
    }
}

/// The page of `compute --output`, with long numbers, many numbers, and wide tables.
#[test]
fn a_page_of_results_is_readable_on_a_phone() {
    let numbers: Vec<f64> = (0..100_000).map(|at| f64::from(at) / 7.0 * 1e-5).collect();
    let row: Vec<f64> = numbers.iter().skip(1).take(20).map(|number| number * 1e17).collect();
    let cells: Value = (1..13).map(|at| (format!("stage {at}"), json!(at * 123_457))).collect();
    let sections = [
        section("Sort", &json!({"sorted": numbers})),
        section("CorrelationVertical", &json!({"correlation": vec![row; 20], "samples": 512})),
        section("StatisticsContingency", &json!({"table": {"benign": cells, "malignant": cells}})),
        section(
            "StatisticsUnivariate",
            &json!({
                "samples": 1_234_567, "mean": 54.123_456_789_012_34, "variance": 1.234_567_890_123e-250,
                "median": -1.797_693_134_862_315_7e308, "quantiles": [1e-5, 0.1, 2.0 / 3.0],
            }),
        ),
    ];
    let facts = [("session".to_owned(), "a-study-of-three-hospitals".to_owned())];
    let page = Page { title: "Results", made: "today", facts: &facts, sections: &sections };
    let pages = target().join("pages");
    fs::create_dir_all(&pages).unwrap();
    let file = pages.join(format!("{}.html", fresh()));
    fs::write(&file, page::text(&page)).unwrap();
    run(node_js().arg(folder().join("page.mjs")).arg(&file));
    fs::remove_file(file).unwrap();
}

#[test]
fn real_nodes_are_shown_as_they_are() {
    let mut browser = Browser::start();
    let trial = Trial::start();
    let [done, failed, blocked, slow, started] = [fresh(), fresh(), fresh(), fresh(), fresh()];
    for answer in trial.sum("trial", &done, &[0, 1, 2]) {
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    let selected = json!([
        {"dataset": "trial", "columns": ["age"], "more_columns": 0, "condition": null},
    ]);
    for (roles, told) in [("auditor", &selected), ("owner", &json!([]))] {
        let token = trial.cluster.token(0, &format!("one-{roles}"), &[roles]);
        assert_eq!(trial.selections(&done, &token), *told, "{roles}");
    }
    assert_eq!(trial.selections(&done, &trial.tokens[0]), selected);
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
        trial.look(&mut browser, &expect, &json!([]), &json!([]));
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
    // One party starts its part by the page, the others by their clients.
    let start = json!({
        "function": "StatisticsUnivariate", "dataset": "trial", "column": "age", "network": started,
    });
    thread::scope(|scope| {
        let others = scope.spawn(|| trial.sum("trial", &started, &[1, 2]));
        trial.look(&mut browser, &json!({"start": start}), &json!([]), &json!([]));
        for answer in others.join().unwrap() {
            assert_eq!(answer.status, 200, "{}", answer.body);
        }
    });
    // Colours depend on the scheme and layout on the width.
    trial.look(&mut browser, &expect, &json!(["wide"]), &json!(["dark"]));
    trial.look(&mut browser, &json!({}), &json!(["narrow"]), &json!(["light"]));
    let Trial { mut cluster, tokens } = trial;
    cluster.kill(2);
    let trial = Trial { cluster, tokens };
    let expect = json!({"down": {"node": 0, "member": "clinic-2", "text": "cannot be reached"}});
    trial.look(&mut browser, &expect, &json!([]), &json!([]));
    if std::env::var_os("CLOISTER_TEST_PICTURES").is_some() {
        let pictures = folder().join("pictures");
        fs::create_dir_all(&pictures).unwrap();
        for (name, shown) in SHOWN {
            let from = screenshots().join(format!("{name}.png"));
            fs::copy(from, pictures.join(format!("{shown}.png"))).unwrap();
        }
    }
}
