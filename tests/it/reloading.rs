//! Files that a running node reads again.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Stdio};

use cloister_testkit::{Cluster, Kind, Lines, cloister, send_signal, wait_for_exit, wait_until};
use serde_json::{Value, json};

const READ_AGAIN: &str = "were read again";

fn home(cluster: &Cluster, index: usize) -> PathBuf {
    cluster.config(index).parent().unwrap().to_owned()
}

/// Returns the names of the datasets that clients of the first node see.
fn datasets(cluster: &Cluster) -> Vec<Value> {
    let api = cluster.api(0);
    let listed = api.method(&api.service("Datasets"), "list", &json!({})).uuid();
    let listed = api.download(&listed).body["object"].as_array().unwrap().clone();
    listed.iter().map(|dataset| dataset["name"].clone()).collect()
}

#[test]
fn a_hangup_has_a_node_decide_by_the_policies_that_are_there() {
    let mut cluster = Cluster::stopped(Kind::teaching(2));
    fs::create_dir_all(home(&cluster, 0).join("data")).unwrap();
    let csv = home(&cluster, 0).join("data/trial.csv");
    fs::write(&csv, "age\n1\n2\n").unwrap();
    cluster.start_all();
    cluster.operate(0, &["data", "register", "trial", "--csv", csv.to_str().unwrap()]);
    assert_eq!(datasets(&cluster), ["trial"]);
    // R writes no condition as an empty object.
    let api = cluster.api(0);
    let select = json!({"dataset": "trial", "columns": ["age"], "where": {}});
    api.method(&api.service("Datasets"), "select", &select).uuid();
    let policies = home(&cluster, 0).join("policy.d");
    fs::create_dir(&policies).unwrap();
    let file = policies.join("trial.toml");
    fs::write(&file, "[dataset.trial]\nprincipals = [\"ada\"]\n").unwrap();
    cluster.signal(0, "HUP");
    wait_until("the policies are read", || datasets(&cluster).is_empty());
    // A policy that is wrong changes nothing.
    fs::write(&file, "[dataset.trial]\nfunctions = [\"Summ\"]\n").unwrap();
    cluster.signal(0, "HUP");
    wait_until("the policies are refused", || cluster.log(0).contains("`Summ`"));
    assert_eq!(datasets(&cluster), [] as [Value; 0]);
    // So does one that is gone: its dataset would be open to more.
    fs::remove_file(&file).unwrap();
    cluster.signal(0, "HUP");
    wait_until("the policies are refused", || cluster.log(0).contains("`trial` is gone"));
    assert_eq!(datasets(&cluster), [] as [Value; 0]);
    fs::write(&file, "[dataset.trial]\nmin_rows = 2\n").unwrap();
    cluster.signal(0, "HUP");
    wait_until("the policies are read", || datasets(&cluster) == ["trial"]);
    assert!(cluster.log(0).contains(READ_AGAIN));
    cluster.check_health();
}

#[test]
fn files_beside_the_policies_and_policies_without_a_dataset_are_named() {
    let cluster = Cluster::stopped(Kind::teaching(2));
    let policies = home(&cluster, 0).join("policy.d");
    fs::create_dir(&policies).unwrap();
    fs::write(policies.join("trial.toml"), "[dataset.trail]\nmin_rows = 50\n").unwrap();
    for ignored in ["x.yaml", ".x.toml", ".x.toml.swp"] {
        fs::write(policies.join(ignored), "no policy").unwrap();
    }
    let checked = cluster.operator(0, &["config", "check"]).output().unwrap();
    let told = String::from_utf8(checked.stderr).unwrap();
    assert!(checked.status.success(), "{told}");
    for named in ["/x.yaml is not read", "/.x.toml is not read", "dataset `trail` protects nothing"]
    {
        assert!(told.contains(named), "{named}: {told}");
    }
    assert!(!told.contains(".swp"), "{told}");
    assert!(!home(&cluster, 0).join("state").exists(), "a check changes nothing");
    let mut cluster = cluster;
    cluster.start_all();
    let data = home(&cluster, 0).join("data");
    fs::create_dir_all(&data).unwrap();
    fs::write(data.join("trial.csv"), "age\n1\n2\n").unwrap();
    let words = ["data", "register", "trial", "--csv"];
    let output = cluster.operator(0, &words).arg(data.join("trial.csv")).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("warning:") && told.contains("dataset `trail` protects"), "{told}");
    let log = cluster.log(0);
    for named in ["/x.yaml is not read", "dataset `trail` protects nothing"] {
        assert!(log.contains(named), "{named}: {log}");
    }
}

/// Starts the nodes of a folder by one command, and waits until they are ready.
fn up(cluster: &Cluster) -> (Child, Lines) {
    let mut up = cloister()
        .arg("up")
        .arg(cluster.folder())
        .env("CLOISTER_LOG", "info")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let ready = Lines::of(up.stdout.take().unwrap());
    assert_eq!(ready.take(2).count(), 2);
    let log = Lines::of(up.stderr.take().unwrap());
    (up, log)
}

#[test]
fn a_hangup_of_the_command_for_all_nodes_reaches_each_and_is_not_its_end() {
    let cluster = Cluster::stopped(Kind::teaching(2));
    let (mut up, log) = up(&cluster);
    for _ in 0..2 {
        send_signal("HUP", up.id());
    }
    let reloaded = log.filter(|line| line.contains("it has read its files again"));
    assert_eq!(reloaded.take(2).count(), 2);
    assert!(up.try_wait().unwrap().is_none());
    send_signal("TERM", up.id());
    assert!(wait_for_exit(&mut up).success());
}
