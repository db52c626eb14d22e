//! Settings from file, environment and flags, as operators use them.

use std::fs;
use std::process::{Command, Output};

use cloister_testkit::{Cluster, Kind, cloister};

fn check(cluster: &Cluster) -> Command {
    let mut command = cloister();
    command.args(["config", "check", "--settings"]).arg(cluster.config(0));
    command
}

#[track_caller]
fn ended(output: &Output, code: i32, says: &[&str]) -> String {
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{error}");
    says.iter().for_each(|says| assert!(error.contains(says), "{says} in {error}"));
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn settings_are_shown_with_their_sources() {
    let cluster = Cluster::stopped(Kind::teaching(2));
    let output = check(&cluster)
        .args(["--set", "limits.rows=1000"])
        .env("CLOISTER_LIMITS__HANDLES", "77")
        .env("CLOISTER_TOKEN_CLINIC_0", "secret")
        .output()
        .unwrap();
    let text = ended(&output, 0, &["the settings are right"]);
    let line = |head: &str| text.lines().find(|line| line.starts_with(head)).unwrap().to_owned();
    assert!(line("party").contains("node.toml:1"), "{text}");
    assert!(line("rows").contains("flag --set limits.rows=1000"), "{text}");
    assert!(line("handles = 77").contains("CLOISTER_LIMITS__HANDLES"), "{text}");
    assert!(line("burst").contains("default"), "{text}");
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let cluster = Cluster::stopped(Kind::teaching(2));
    fs::remove_file(cluster.folder().join("clinic-0/identity/key.pem")).unwrap();
    let output = check(&cluster)
        .env("CLOISTER_LIMITS__ROW", "1")
        .args(["--set", "access.key=key.pem", "--set", "pairwise.stock=much"])
        .output()
        .unwrap();
    let says = [
        "CLOISTER_LIMITS__ROWS",
        "flag --set pairwise.stock=much",
        "belong together",
        "key.pem",
        "4 things to mend",
    ];
    ended(&output, 2, &says);
}

#[test]
fn a_node_and_its_operator_use_the_environment_and_the_node_its_flags() {
    let cluster = Cluster::stopped(Kind::teaching(2));
    let unknown =
        cluster.operator(0, &["token", "list"]).env("CLOISTER_STAT", "x").output().unwrap();
    ended(&unknown, 2, &["CLOISTER_STAT", "did you mean `CLOISTER_STATE`"]);
    let state = cluster.folder().join("elsewhere");
    let made = cluster
        .operator(0, &["token", "new", "--name", "ada", "--role", "researcher"])
        .env("CLOISTER_STATE", &state)
        .output()
        .unwrap();
    ended(&made, 0, &[]);
    assert!(state.is_dir());
    let node = |set: &str| {
        let mut command = cloister();
        command.args(["node", "--exit-with-parent", "--set", set, "--config"]);
        command.arg(cluster.config(0)).stdin(std::process::Stdio::null()).output().unwrap()
    };
    ended(&node("access.mode=tokns"), 2, &["flag --set access.mode=tokns", "access.mode"]);
    assert!(ended(&node("limits.rows=1000"), 0, &[]).starts_with("ready clinic-0"));
}
