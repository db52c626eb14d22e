//! The API's description and real nodes agree. Every route is described and every description has a
//! route, and Schemathesis finds no answer that is not as described.
//!
//! `CLOISTER_SEED=n` repeats a run.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use cloister_testkit::{Cluster, Kind, fresh, python_with, run, target};
use serde_json::{Value, json};

/// Pinned packages, so that the same seed tries the same.
const PACKAGES: [&str; 2] = ["schemathesis==4.32.5", "openapi-spec-validator==0.9.0"];

const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/// The first node's dataset, below the package.
const DATA: &str = "tests/data/diabetes.party1.csv";

/// The sources that make routes.
const SOURCES: [&str; 2] = ["controller/http.rs", "management/mod.rs"];

/// A method and a path.
type Route = (String, String);

fn sources() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("actors/src")
}

fn description() -> Value {
    cloister_actors::management::description::document()
}

fn described() -> BTreeSet<Route> {
    let description = description();
    let paths = description["paths"].as_object().unwrap().iter();
    let routes = paths.flat_map(|(path, operations)| {
        let methods = operations.as_object().unwrap().keys();
        methods.map(move |method| (method.to_uppercase(), path.clone()))
    });
    routes.collect()
}

/// Reads the routes in a source: after each path the methods that are routed there.
fn routed(source: &str) -> BTreeSet<Route> {
    let text = fs::read_to_string(sources().join(source)).unwrap();
    let mut routes = BTreeSet::new();
    for endpoint in text.split("endpoint(\"").skip(1) {
        let (path, routing) = endpoint.split_once('"').unwrap();
        for method in METHODS {
            if routing.contains(&format!("web::{}()", method.to_lowercase())) {
                routes.insert((method.to_owned(), path.to_owned()));
            }
        }
    }
    routes
}

#[test]
fn every_route_is_described_and_every_description_has_a_route() {
    let routes: BTreeSet<Route> = SOURCES.into_iter().flat_map(routed).collect();
    assert!(routes.len() > 20, "{routes:?}");
    assert_eq!(described(), routes);
}

#[test]
fn every_described_path_is_there() {
    let cluster = Cluster::teaching(2);
    let api = cluster.api(0);
    for (method, path) in described() {
        // An endless answer; another test sees that it begins.
        if path == "/events" {
            continue;
        }
        let named = path.replace("{uuid}", &fresh()).replace("{attribute}", "compute");
        let answer = api.send(&method, &named.replace("{id}", &fresh()), "{}");
        assert_ne!(answer.code(), "no_such_path", "{method} {path}");
        assert_ne!(answer.status, 405, "{method} {path}");
    }
    assert_eq!(api.send("GET", "/openapi.json", "").body, description());
}

/// Paths and methods that are not described are refused with a document, as all errors are.
#[test]
fn what_is_not_described_is_refused_with_a_document() {
    let cluster = Cluster::teaching(2);
    let api = cluster.api(0);
    for path in ["/v1", "/v2/node", "/v1/node/", "/v1/computations/a/b", "/openapi.yaml"] {
        api.send("GET", path, "").refused(404, "no_such_path");
    }
    let described = described();
    let paths: BTreeSet<&String> = described.iter().map(|(_, path)| path).collect();
    for path in paths {
        for method in METHODS {
            if !described.contains(&(method.to_owned(), path.clone())) {
                api.send(method, path, "{}").refused(405, "method_not_allowed");
            }
        }
    }
}

/// Computes twice, once with a result and once without.
fn compute(cluster: &Cluster, tokens: Option<&[String]>) {
    let name = fresh();
    for functions in [["SecureSum", "SecureSum"], ["SecureSum", "SecureMedian"]] {
        std::thread::scope(|scope| {
            for (index, function) in functions.into_iter().enumerate() {
                let api = match tokens {
                    None => cluster.api(index),
                    Some(tokens) => cluster.api(index).with_token(&tokens[index]),
                };
                let network = cluster.network(&name, index);
                let asked = json!({"microprotocol": function, "data": [1.5], "network": network});
                scope.spawn(move || api.compute(&asked));
            }
        });
    }
}

fn check(cluster: &Cluster, name: &str, token: Option<&str>) {
    let given = std::env::var("CLOISTER_SEED").ok().map(|seed| seed.parse().unwrap());
    let seed: u32 = given.unwrap_or_else(|| uuid::Uuid::new_v4().as_fields().0);
    println!("CLOISTER_SEED={seed}");
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schemathesis/run.py");
    let mut command = Command::new(python_with("schemathesis", &PACKAGES));
    // Schemathesis keeps files where it is started.
    let folder = target().join("schemathesis").join(name);
    fs::create_dir_all(&folder).unwrap();
    command.current_dir(folder).arg(program).args(["--seed", &seed.to_string()]);
    let output = run(command.arg(cluster.url(0)).args(token));
    println!("{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn a_node_without_tokens_answers_as_described() {
    let cluster = Cluster::teaching(2);
    compute(&cluster, None);
    check(&cluster, "open", None);
    cluster.check_health();
}

/// Registers a dataset at the first node, and sends two requests to compute on it that wait for its
/// owner.
fn ask_for_approvals(cluster: &Cluster, token: &str) {
    let api = cluster.api(0).with_token(token);
    let arguments = json!({"dataset": "trial", "columns": ["age"]});
    for function in ["SecureSum", "SecureMedian"] {
        let selection = api.method(&api.service("Datasets"), "select", &arguments).uuid();
        let network = cluster.network(&fresh(), 0);
        let data = json!({"representation_uuid": selection});
        let asked = json!({"microprotocol": function, "data": data, "network": network});
        api.compute(&asked).refused(403, "approval_needed");
    }
}

/// Starts nodes with tokens, of which the first has a dataset.
fn with_tokens() -> Cluster {
    let settings = "access.mode = \"tokens\"\n[policy.dataset.trial]\napproval = true";
    let mut cluster = Cluster::stopped(Kind { settings, ..Kind::teaching(2) });
    let home = cluster.config(0).parent().unwrap().to_owned();
    fs::create_dir_all(home.join("data")).unwrap();
    let csv = home.join("data/trial.csv");
    fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join(DATA), &csv).unwrap();
    cluster.start_all();
    cluster.operate(0, &["data", "register", "trial", "--csv", csv.to_str().unwrap()]);
    cluster
}

#[test]
fn a_node_with_tokens_answers_as_described() {
    let cluster = with_tokens();
    let roles = ["researcher", "owner", "auditor", "operator"];
    let tokens = [0, 1].map(|index| cluster.token(index, "ada", &roles));
    compute(&cluster, Some(&tokens));
    ask_for_approvals(&cluster, &tokens[0]);
    check(&cluster, "tokens", Some(&tokens[0]));
}

/// Checks that the paths that need no token are described so.
#[test]
fn without_a_token_what_is_not_public_is_refused() {
    let cluster = with_tokens();
    let api = cluster.api(0);
    let description = description();
    for (method, path) in described() {
        let operation = &description["paths"][&path][method.to_lowercase()];
        let answer = api.send(&method, &path, "{}");
        if operation["security"] == json!([]) {
            assert_eq!(answer.status, 200, "{method} {path}: {}", answer.body);
        } else {
            answer.refused(401, "no_token");
            assert!(answer.head.contains("www-authenticate: basic"), "{method} {path}");
        }
    }
}
