//! Studies over members whose data differ a little, and lines that cannot be.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use cloister_testkit::{Cluster, Kind, cloister};
use serde_json::{Value, json};

use super::{Study, failed, folder, succeeded};

/// Case 32.
#[test]
fn whole_numbers_at_one_member_are_the_numbers_that_a_study_expects() {
    let study = Study::start();
    let [number, whole] = ["05/hascrp.csv", "05/intcrp.csv"].map(|file| ["--csv", file]);
    study.register_all("k", [&number, &whole, &number]);
    let on = |words: &[&str]| {
        let mut command = cloister();
        command.args(words).arg("--consortium").arg(study.cluster.folder()).output().unwrap()
    };
    let printed = succeeded(&on(&["data", "check", "k"]));
    assert!(printed.contains("note") && printed.contains("clinic-1  integer"), "{printed}");
    let file = study.cluster.folder().join("st.toml");
    let text = fs::read_to_string(folder().join("32/st.toml")).unwrap();
    let names = [("north", "clinic-0"), ("south", "clinic-1"), ("west", "clinic-2")];
    let text = names.iter().fold(text, |text, (name, own)| text.replace(name, own));
    fs::write(&file, text).unwrap();
    let document = succeeded(&on(&["run", file.to_str().unwrap(), "--json"]));
    let document: Value = serde_json::from_str(&document).unwrap();
    assert_eq!(document["computations"][0]["result"], json!({"sum": 13.0 + 12.0 + 13.0}));
}

/// Case 28.
#[test]
fn a_name_that_does_not_resolve_is_told_at_once() {
    let mut cluster = Cluster::stopped(Kind::teaching(2));
    let file = cluster.folder().join("consortium.toml");
    let text = fs::read_to_string(&file).unwrap();
    let peer = format!("peer = \"{}\"", cluster.peer(1));
    assert!(text.contains(&peer), "{text}");
    let away = cluster.peer(1).replace("127.0.0.1", "clinic-1.invalid");
    fs::write(&file, text.replace(&peer, &format!("peer = \"{away}\""))).unwrap();
    cluster.start_all();
    let output = cloister().arg("doctor").arg("--consortium").arg(cluster.folder()).output();
    let output = output.unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    for line in [
        &format!("{away} does not resolve"),
        "trial computation: skipped",
        "correct `peer` of clinic-1 in the consortium file",
    ] {
        assert!(printed.contains(line), "{line}: {printed}");
    }
    failed(&output, 4, &[]);
    // `compute` tells it while it waits, and not only at its end.
    let computing = cloister()
        .args(["compute", "SecureSum", "--data", "[1]", "--data", "[2]", "--consortium"])
        .arg(cluster.folder())
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn();
    let mut computing = computing.unwrap();
    let lines = BufReader::new(computing.stderr.take().unwrap()).lines();
    let told = lines.map_while(Result::ok).find(|line| line.contains("waiting for clinic-1"));
    let was_running = computing.try_wait().unwrap().is_none();
    computing.kill().unwrap();
    computing.wait().unwrap();
    let told = told.unwrap();
    assert!(was_running && told.contains("a connection; clinic-1: "), "{told}");
    assert!(told.contains("clinic-1.invalid") && told.contains("cannot be reached"), "{told}");
}
