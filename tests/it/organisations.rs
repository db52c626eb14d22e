//! The ways in which organisations find each other: identities, cards, the consortium file,
//! renewals.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use cloister_testkit::{Cluster, Kind, at_a_terminal, cloister, wait_until};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A folder of files of organisations.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs the command in this folder, without a terminal.
    fn cloister(&self, words: &[&str]) -> Output {
        let mut command = cloister();
        command.current_dir(self.0.path()).stdin(Stdio::null()).args(words).output().unwrap()
    }

    #[track_caller]
    fn done(&self, words: &[&str]) -> String {
        let output = self.cloister(words);
        ended(&output, 0, "");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Makes a new organisation, and returns the path of its card.
    fn organisation(&self, name: &str, number: u16) -> String {
        let (api, peer) = (format!("https://{name}.example:{number}"), format!("{name}.example:1"));
        let words =
            ["identity", "new", "--name", name, "--out", name, "--api", &api, "--peer", &peer];
        self.done(&words);
        format!("{name}/{name}.card.toml")
    }

    fn json(&self, words: &[&str]) -> Value {
        serde_json::from_str(&self.done(&[words, &["--json"]].concat())).unwrap()
    }
}

#[track_caller]
fn ended(output: &Output, code: i32, says: &str) {
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{error}");
    assert!(error.contains(says), "{error}");
}

#[test]
fn a_card_is_public_and_says_what_the_identity_is() {
    let folder = Folder::new();
    let card = folder.organisation("clinic-a", 1);
    let text = fs::read_to_string(folder.path(&card)).unwrap();
    assert!(text.contains("CERTIFICATE") && !text.contains("PRIVATE"), "{text}");
    let shown = folder.json(&["identity", "show", "clinic-a"]);
    assert_eq!(shown["name"], "clinic-a");
    assert_eq!(shown["words"].as_str().unwrap().split(' ').count(), 24);
    assert!(matches!(shown["days_left"].as_u64(), Some(729 | 730)), "{shown}");
    assert_eq!(shown["renewal"]["stage"], "settled");
    let line = shown["card"]["line"].as_str().unwrap();
    assert!(line.starts_with("cloister-card:v1:"), "{line}");
    let people = folder.done(&["identity", "show", "clinic-a"]);
    let word = shown["words"].as_str().unwrap().split(' ').next().unwrap();
    assert!(people.contains(word) && people.contains(line), "{people}");
    // Another address, and the other one as it was.
    let again = folder.done(&["identity", "card", "clinic-a", "--api", "https://new.example"]);
    assert!(again.starts_with("cloister-card:v1:"));
    assert_eq!(
        folder.json(&["identity", "show", "clinic-a"])["card"]["peer"],
        "clinic-a.example:1"
    );
}

#[test]
fn bad_addresses_leave_no_identity() {
    let folder = Folder::new();
    let new = ["identity", "new", "--name", "a", "--out", "a"];
    for (more, says) in [
        (&["--api", "a.example", "--peer", "a:1"][..], "no API URL"),
        (&["--api", "https://a", "--peer", "a"], "no peer address"),
        (&["--api", "https://a"], "--peer"),
    ] {
        ended(&folder.cloister(&[&new[..], more].concat()), 2, says);
        assert!(!folder.path("a").exists());
    }
    folder.done(&new);
    ended(&folder.cloister(&["identity", "card", "a"]), 2, "--api");
}

#[test]
fn everybody_makes_the_same_file_from_the_same_cards() {
    let folder = Folder::new();
    let [a, b, c] = ["clinic-a", "clinic-b", "clinic-c"].map(|name| folder.organisation(name, 1));
    folder.done(&["consortium", "new", "one.toml", &c, &a, "--yes"]);
    folder.done(&["consortium", "add", "one.toml", &b, "--yes"]);
    let line = folder.json(&["identity", "show", "clinic-b"])["card"]["line"].clone();
    folder.done(&["consortium", "new", "two.toml", line.as_str().unwrap(), &c, "--yes"]);
    let mut adding = cloister();
    adding.current_dir(folder.0.path()).args(["consortium", "add", "two.toml", "-", "--yes"]);
    piped(&mut adding, &fs::read_to_string(folder.path(&a)).unwrap());
    let text = |name: &str| fs::read_to_string(folder.path(name)).unwrap();
    assert_eq!(text("one.toml"), text("two.toml"));
    ended(&folder.cloister(&["consortium", "diff", "one.toml", "two.toml"]), 0, "the same");

    let shown = folder.json(&["consortium", "show", "one.toml"]);
    assert_eq!(shown["members"][1]["name"], "clinic-b");
    assert_eq!(shown["members"][1]["days_left"].as_array().unwrap().len(), 1);
    assert_eq!(shown["hash"]["words"].as_str().unwrap().split(' ').count(), 24);
    let people = folder.done(&["consortium", "show", "one.toml"]);
    assert!(people.contains("https://clinic-c.example:1"), "{people}");
}

/// Runs a command with this on its standard input.
fn piped(command: &mut Command, input: &str) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    ended(&output, 0, "");
    output
}

#[test]
fn nobody_is_taken_in_whose_words_nobody_compared() {
    let folder = Folder::new();
    let [a, b] = ["clinic-a", "clinic-b"].map(|name| folder.organisation(name, 1));
    ended(&folder.cloister(&["consortium", "new", "c.toml", &a, &b]), 2, "--yes");
    assert!(!folder.path("c.toml").exists());
    let forged =
        fs::read_to_string(folder.path(&b)).unwrap().replace("clinic-b.example:1", "evil:1");
    fs::write(folder.path("forged"), forged).unwrap();
    let taken = folder.cloister(&["consortium", "new", "c.toml", &a, "forged", "--yes"]);
    ended(&taken, 2, "changed after its owner signed it");
    ended(&folder.cloister(&["consortium", "new", "c.toml", &a, "--yes"]), 2, "2 to 256");
    ended(&folder.cloister(&["consortium", "new", "c.toml", &a, "nothing", "--yes"]), 2, "nothing");
    ended(&folder.cloister(&["consortium", "new", "c.toml", "-", "-", "--yes"]), 2, "once");
    ended(&folder.cloister(&["consortium", "add", "c.toml", &a, "--yes"]), 2, "consortium new");
    assert!(!folder.path("c.toml").exists());
}

#[test]
fn a_person_at_a_terminal_is_asked_and_may_refuse() {
    let folder = Folder::new();
    let [a, b] = ["clinic-a", "clinic-b"].map(|name| folder.organisation(name, 1));
    let words = [env!("CARGO_BIN_EXE_cloister"), "consortium", "new", "c.toml", &a, &b];
    let (code, seen) = at_a_terminal(folder.0.path(), &words, &[], "yes\nwhat\nno\n");
    assert_eq!(code, 3, "{seen}");
    assert!(seen.contains("call clinic-b") && seen.contains("please answer"), "{seen}");
    assert!(!folder.path("c.toml").exists());
    let (code, seen) = at_a_terminal(folder.0.path(), &words, &[], "yes\nyes\n");
    assert_eq!(code, 0, "{seen}");
    assert!(folder.path("c.toml").exists());
}

#[test]
fn differences_and_removals_name_whom_they_concern() {
    let folder = Folder::new();
    let [a, b, c] = ["clinic-a", "clinic-b", "clinic-c"].map(|name| folder.organisation(name, 1));
    folder.done(&["consortium", "new", "one.toml", &a, &b, &c, "--yes"]);
    fs::copy(folder.path("one.toml"), folder.path("two.toml")).unwrap();
    folder.done(&["consortium", "remove", "two.toml", "clinic-c"]);
    let other = folder.cloister(&["consortium", "diff", "one.toml", "two.toml"]);
    ended(&other, 4, "differ in 1");
    assert!(String::from_utf8_lossy(&other.stdout).contains("clinic-c"));
    ended(
        &folder.cloister(&["consortium", "remove", "two.toml", "clinic-x"]),
        2,
        "clinic-a, clinic-b",
    );
    ended(&folder.cloister(&["consortium", "remove", "two.toml", "clinic-b"]), 2, "2 to 256");
    // Its key vouches for its own new address: no one else needs to be asked.
    folder.done(&["identity", "card", "clinic-b", "--peer", "clinic-b.example:2"]);
    ended(&folder.cloister(&["consortium", "add", "one.toml", &b]), 0, "pinned to it");
    // A new identity under an old name is not.
    folder.done(&[
        "identity",
        "new",
        "--name",
        "clinic-b",
        "--out",
        "other",
        "--api",
        "https://b",
        "--peer",
        "b:1",
    ]);
    let stranger = folder.cloister(&["consortium", "add", "one.toml", "other/clinic-b.card.toml"]);
    ended(&stranger, 2, "ANOTHER KEY");
}

#[test]
fn an_identity_is_renewed_without_a_moment_in_which_it_is_not_known() {
    let mut cluster = Cluster::start(Kind::teaching(2));
    let folder = cluster.folder();
    let config = cluster.config(0);
    let identity = folder.join("clinic-0/identity");
    let card = identity.join("clinic-0.card.toml");
    let renew = |step: &str| {
        let mut command = cloister();
        command.args(["identity", "renew", step, "--config"]).arg(&config).output().unwrap()
    };
    let add = || {
        let mut command = cloister();
        command.args(["consortium", "add", "--yes", "--config"]).arg(&config);
        let added = command.arg(folder.join("consortium.toml")).arg(&card).output().unwrap();
        ended(&added, 0, "node");
    };
    ended(&renew("--finish"), 2, "--prepare");
    ended(&renew("--prepare"), 0, "consortium add");
    ended(&renew("--prepare"), 2, "prepared already");
    ended(&renew("--finish"), 2, "does not pin the certificate to come");
    ended(&renew("--forget"), 2, "nothing to forget");
    let own = |index: usize| cluster.api(index).send("GET", "/v1/node", "").body;
    let started: Vec<Value> = (0..2).map(|index| own(index)["started"].clone()).collect();
    let before = own(0)["certificate"]["fingerprint"].clone();
    // All nodes read their files again, and each tells its pins.
    let reload = |pinned: usize| {
        for index in 0..2 {
            cluster.signal(index, "HUP");
            wait_until(&format!("node {index} pins {pinned}"), || {
                let members = cluster.api(index).send("GET", "/v1/members", "").body;
                members["members"][0]["fingerprints"].as_array().unwrap().len() == pinned
            });
        }
    };
    add();
    reload(2);
    cluster.check_health();
    assert_eq!(own(0)["certificate"]["fingerprint"], before);

    ended(&renew("--finish"), 0, "the running node uses it from now on");
    ended(&renew("--forget"), 2, "still pins");
    assert_ne!(own(0)["certificate"]["fingerprint"], before);
    cluster.check_health();
    // A new connection is made with the new certificate.
    let probe = json!({"member": "clinic-0"}).to_string();
    let probed = cluster.api(1).send("POST", "/v1/probes", &probe).body;
    assert_eq!(probed["steps"][3]["step"], "identity", "{probed}");
    assert_eq!(probed["steps"][3]["verdict"], "ok", "{probed}");
    add();
    reload(1);
    ended(&renew("--forget"), 0, "is removed");
    cluster.check_health();
    // No node was started again in all this, and each that is now knows the new certificate alone.
    assert_eq!((0..2).map(|index| own(index)["started"].clone()).collect::<Vec<_>>(), started);
    (0..2).for_each(|index| cluster.kill(index));
    cluster.start_all();
    cluster.check_health();
    assert_eq!(fs::read_dir(&identity).unwrap().count(), 3, "key, certificate, card");
}

#[test]
fn a_renewed_identity_is_good_for_nodes_that_start_at_any_step() {
    let mut cluster = Cluster::start(Kind::teaching(2));
    let config = cluster.config(0);
    let folder = cluster.folder();
    let renew = |step: &str| {
        let mut command = cloister();
        let output = command.args(["identity", "renew", step, "--config"]).arg(&config).output();
        ended(&output.unwrap(), 0, "");
    };
    let mut restart = |step: &str| {
        renew(step);
        let card = folder.join("clinic-0/identity/clinic-0.card.toml");
        let mut command = cloister();
        command.args(["consortium", "add", "--yes"]).arg(folder.join("consortium.toml")).arg(card);
        ended(&command.output().unwrap(), 0, "next start");
        (0..2).for_each(|index| cluster.kill(index));
        cluster.start_all();
        cluster.check_health();
    };
    restart("--prepare");
    restart("--finish");
    renew("--forget");
}
