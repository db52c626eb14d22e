//! Access to a node: tokens, roles, HTTPS, and the treatment of failed attempts.

use std::fs;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use cloister_testkit::{Cluster, Kind, cloister, python, run, wait_until};
use serde_json::json;

use crate::clients;

/// Starts nodes that take calls with a token only, over plain HTTP: they listen on loopback.
fn with_tokens() -> Cluster {
    Cluster::start(Kind { settings: "access.mode = \"tokens\"", ..Kind::teaching(2) })
}

#[test]
fn without_a_token_nobody_comes_in() {
    let cluster = with_tokens();
    let api = cluster.api(0);
    for (method, path) in
        [("GET", "/representations"), ("POST", "/representations"), ("PUT", "/representations")]
    {
        api.send(method, path, "{}").refused(401, "no_token");
    }
    api.with_token("cloister_nonsense").create(&json!({})).refused(401, "token_unknown");
    let answer = api.send("GET", "/healthz", "");
    assert_eq!(answer.status, 200);
}

#[test]
fn each_role_does_its_own() {
    let cluster = with_tokens();
    let api = |role| cluster.api(0).with_token(&cluster.token(0, role, &[role]));
    let (researcher, owner, auditor) = (api("researcher"), api("owner"), api("auditor"));
    researcher.upload(&json!([1])).refused(403, "wrong_role");
    owner.upload(&json!([1])).uuid();
    let simon = owner.service("Simon");
    owner.method(&simon, "get_task", &json!({"task_id": "x"})).refused(403, "wrong_role");
    let audit = researcher.service("Audit");
    researcher.method(&audit, "read", &json!({})).refused(403, "wrong_role");
    let read = auditor.method(&audit, "read", &json!({})).uuid();
    let entries = auditor.download(&read).body["object"].clone();
    let kinds: Vec<&str> =
        entries.as_array().unwrap().iter().map(|entry| entry["kind"].as_str().unwrap()).collect();
    assert!(kinds.contains(&"token made") && kinds.contains(&"uploaded"), "{kinds:?}");
    // The objects of one principal do not exist for another.
    let secret = owner.upload(&json!([2])).uuid();
    researcher.download(&secret).refused(404, "no_such_representation");
}

#[test]
fn a_token_that_is_taken_back_or_has_ended_is_refused() {
    let cluster = with_tokens();
    let api = cluster.api(0).with_token(&cluster.token(0, "ada", &["researcher"]));
    assert_eq!(api.send("GET", "/representations", "").status, 200);
    cluster.operate(0, &["token", "revoke", "--name", "ada"]);
    api.send("GET", "/representations", "").refused(401, "token_unknown");
    let listed = cluster.operate(0, &["token", "list"]);
    assert!(!listed.contains("ada"), "{listed}");
    let ended =
        cluster.operate(0, &["token", "new", "--name", "eve", "--role", "owner", "--days", "0"]);
    cluster.api(0).with_token(ended.trim()).create(&json!({})).refused(401, "token_expired");
}

#[test]
fn wrong_tokens_are_slowed_and_written_to_the_log_and_right_ones_are_not() {
    let cluster = with_tokens();
    let token = cluster.token(0, "ada", &["researcher"]);
    let good = cluster.api(0).with_token(&token);
    assert_eq!(good.create(&json!({})).status, 200);
    let bad = cluster.api(0).with_token("cloister_wrong");
    let started = Instant::now();
    (0..4).for_each(|_| bad.create(&json!({})).refused(401, "token_unknown"));
    // The waits before the second, third and fourth attempt.
    assert!(started.elapsed() > Duration::from_millis(200 + 400 + 800), "{:?}", started.elapsed());
    // A right token that came while a wrong one waits would be answered after it, if it waited too.
    wait_until("a right token does not wait", || {
        thread::scope(|scope| {
            let slowed = scope.spawn(|| bad.create(&json!({})).refused(401, "token_unknown"));
            assert_eq!(good.create(&json!({})).status, 200);
            !slowed.is_finished()
        })
    });
    let log = cluster.log(0);
    assert!(log.contains("a token was not accepted"), "{log}");
    assert!(!log.contains("cloister_wrong") && !log.contains(&token), "{log}");
}

#[test]
fn who_calls_too_often_is_told_so() {
    let settings = "access.requests_per_second = 1\naccess.burst = 5";
    let cluster = Cluster::start(Kind { settings, ..Kind::teaching(2) });
    let call = || cluster.api(0).send("GET", "/representations", "").status;
    assert_eq!(call(), 200);
    wait_until("a call too many", || match call() {
        200 => false,
        status => {
            assert_eq!(status, 429);
            true
        }
    });
}

#[test]
fn the_unmodified_client_computes_over_https_with_tokens_in_its_urls() {
    let cluster = Cluster::start(Kind { tokens: true, ..Kind::teaching(3) });
    let urls: Vec<String> = (0..3)
        .map(|index| {
            let token = cluster.token(index, "ada", &["researcher", "owner"]);
            cluster.url(index).replace("https://", &format!("https://any:{token}@"))
        })
        .collect();
    run(Command::new(python()).arg(clients().join("https.py")).args(&urls).args(cluster.urls()));
}

#[test]
fn the_command_computes_over_https_with_the_pinned_certificates() {
    let cluster = Cluster::start(Kind { tokens: true, ..Kind::teaching(2) });
    let compute = || {
        let mut command = cloister();
        command.args(["compute", "SecureSum", "--data", "[1]", "--data", "[2.5]", "--json"]);
        command.arg("--consortium").arg(cluster.folder());
        command
    };
    let without = compute().output().unwrap();
    assert_eq!(without.status.code(), Some(3), "{}", String::from_utf8_lossy(&without.stderr));
    let mut with = compute();
    for index in 0..2 {
        let variable = format!("CLOISTER_TOKEN_CLINIC_{index}");
        with.env(variable, cluster.token(index, "ada", &["researcher"]));
    }
    let output = run(&mut with);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["result"], json!({"sum": 3.5}));
    // Another certificate than the pinned one is not believed.
    let path = cluster.folder().join("client.toml");
    let text = fs::read_to_string(&path).unwrap();
    let pins: Vec<&str> = text.lines().filter(|line| line.starts_with("fingerprint")).collect();
    fs::write(&path, text.replace(pins[0], pins[1])).unwrap();
    let deceived = String::from_utf8(compute().output().unwrap().stderr).unwrap();
    assert!(deceived.contains("clinic-0: no node answers") && deceived.contains("certificate"));
}

#[test]
fn a_node_is_not_exposed_without_tokens_and_https() {
    for (settings, reason) in [
        ("", "without tokens serves this machine only"),
        ("access.mode = \"tokens\"\naccess.tls = false", "tokens need HTTPS"),
    ] {
        let cluster = Cluster::stopped(Kind { settings, ..Kind::teaching(2) });
        let path = cluster.config(0);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replacen("api_listen = \"127.0.0.1", "api_listen = \"0.0.0.0", 1))
            .unwrap();
        let output = cloister().args(["node", "--config"]).arg(path).output().unwrap();
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{message}");
        assert!(message.contains(reason), "{message}");
    }
}
