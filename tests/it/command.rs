//! The command line as scripts use it: flags, output, exit codes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Output, Stdio};
use std::time::{Duration, SystemTime};

use cloister::ports::Ports;
use cloister_certs::{Identity, Validity};
use cloister_testkit::{Cluster, Kind, Lines, cloister, run, send_signal, wait_for_exit};
use serde_json::{Value, json};
use tempfile::TempDir;

fn compute(cluster: &Cluster, arguments: &[&str]) -> Output {
    let mut command = cloister();
    command.args(["compute", "--consortium"]).arg(cluster.folder());
    command.args(arguments).output().unwrap()
}

#[track_caller]
fn ended(output: &Output, code: i32, says: &str) {
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{error}");
    assert!(error.contains(says), "{error}");
}

#[test]
fn compute_prints_a_result_that_all_parties_agree_on() {
    let cluster = Cluster::teaching(3);
    let given = ["SecureSum", "--data", "[1, 2]", "--data", "0.5", "--data", "[]", "--json"];
    let output = compute(&cluster, &given);
    ended(&output, 0, "clinic-2: done");
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["result"], json!({"sum": 3.5}));
    assert_eq!(document["inputs"], 3);
    assert_eq!(document["parties"].as_array().unwrap().len(), 3);

    let file = cluster.folder().join("part.json");
    fs::write(&file, "[[\"yes\", 1], [\"no\", 2]]").unwrap();
    let [a, b, c] = [2, 0, 1].map(|party| format!("clinic-{party}={}", file.display()));
    let given = ["StatisticsContingency", "--data-json", &a, "--data-json", &b, "--data-json", &c];
    let table = compute(&cluster, &given);
    ended(&table, 0, "clinic-0: asked");
    let table = String::from_utf8(table.stdout).unwrap();
    assert!(table.contains("table.no.2") && table.contains("masked"), "{table}");
}

#[test]
fn compute_says_whose_fault_it_is() {
    let mut cluster = Cluster::teaching(3);
    let three = ["--data", "1", "--data", "2", "--data", "3"];
    let with = |more: &[&'static str]| [&three[..], more].concat();
    ended(&compute(&cluster, &with(&["Nonsense"])), 2, "there is no function `Nonsense`");
    let misspelt = compute(&cluster, &with(&["securesum"]));
    ended(&misspelt, 2, "`securesum`; did you mean SecureSum?");
    assert!(!String::from_utf8_lossy(&misspelt.stderr).contains("asked"));
    ended(&compute(&cluster, &["SecureSum", "--data", "1"]), 2, "give one for each");
    ended(&compute(&cluster, &["SecureSum"]), 2, "--data");
    let no_json = ["SecureSum", "--data", "x", "--data", "1", "--data", "1"];
    ended(&compute(&cluster, &no_json), 2, "no JSON");
    ended(&compute(&cluster, &with(&["SecureSum", "--parameter", "digits_before"])), 2, "no `=`");
    let unknown = compute(&cluster, &with(&["SecureSum", "--parameter", "x=1"]));
    ended(&unknown, 2, "parameters");
    let wrong = ["SecureSum", "--data", "1", "--data", "2", "--data", "{\"a\": 1}"];
    ended(&compute(&cluster, &wrong), 2, "clinic-2 does not take part");
    cluster.kill(1);
    let output = compute(&cluster, &with(&["SecureSum", "--json"]));
    ended(&output, 4, "clinic-1");
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["exit_code"], 4, "{document}");
    assert_eq!(document["errors"].as_array().unwrap().len(), 3, "{document}");
}

#[test]
fn a_party_that_cannot_take_part_ends_the_computation_at_the_others() {
    let mut cluster = Cluster::teaching(3);
    cluster.kill(1);
    let output = compute(&cluster, &["SecureSum", "--data", "1", "--data", "2", "--data", "3"]);
    ended(&output, 4, "there is no joint result\n  clinic-1: no node answers");
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("clinic-0, clinic-2: ended, because another party"), "{error}");
    for index in [0, 2] {
        let told = cluster.api(index).send("GET", "/v1/computations", "").body;
        let [computation] = told["computations"].as_array().unwrap().as_slice() else {
            panic!("{told}")
        };
        assert_eq!(computation["state"], "cancelled", "{told}");
    }
}

#[test]
fn columns_have_the_names_that_people_gave_them() {
    let mut cluster = Cluster::stopped(Kind::teaching(2));
    let csv = "Patienten-Nr.,Körpergröße (cm),\"Blutdruck, syst.\",a:b\n1,170,120,1\n2,180,130,2\n";
    for index in 0..2 {
        let folder = cluster.folder().join(format!("clinic-{index}/data"));
        fs::create_dir(&folder).unwrap();
        let file = folder.join("k.csv");
        fs::write(&file, csv).unwrap();
        let file = file.to_str().unwrap();
        let columns = ["Körpergröße (cm)", "Blutdruck, syst.", "\"a:b\":integer:unit"];
        let columns = columns.map(|column| ["--column", column]).concat();
        cluster.operate(index, &[&["data", "register", "k", "--csv", file], &columns[..]].concat());
    }
    cluster.start_all();
    for (columns, sum) in
        [("k.Körpergröße (cm)", "700"), ("k.\"Blutdruck, syst.\"", "500"), ("k.a:b", "6")]
    {
        let output = compute(&cluster, &["SecureSum", "--data", columns, "--format", "csv"]);
        ended(&output, 0, "done");
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains(&format!("sum,,,{sum}")), "{text}");
    }
    ended(&compute(&cluster, &["SecureSum", "--data", "k.\"a"]), 2, "COLUMN, OTHER");
}

#[test]
fn compute_says_when_the_rules_refuse() {
    let cluster = Cluster::start(Kind { profile: "production", ..Kind::teaching(3) });
    let few = ["SecureSum", "--data", "1", "--data", "2", "--data", "3"];
    ended(&compute(&cluster, &few), 3, "ask for 10 rows");
    let pair = Cluster::start(Kind { profile: "production", ..Kind::teaching(2) });
    let list = "[1,2,3,4,5,6,7,8,9]";
    ended(&compute(&pair, &["SecureSum", "--data", list, "--data", list]), 3, "2 parties");
}

#[test]
fn identities_are_made_once_and_their_fingerprint_is_read_aloud() {
    let folder = tempfile::tempdir().unwrap();
    let new = |name: &str| {
        let mut command = cloister();
        command.args(["identity", "new", "--name", name, "--out"]).arg(folder.path().join("id"));
        command.output().unwrap()
    };
    ended(&new("No Name"), 2, "no party name");
    let made = new("clinic");
    ended(&made, 0, "read it aloud");
    let print = String::from_utf8(made.stdout).unwrap();
    assert_eq!(print.trim().len(), 64);
    let aloud = String::from_utf8(made.stderr).unwrap().replace([' ', '\n'], "");
    assert!(aloud.contains(print.trim()), "{aloud}");
    ended(&new("clinic"), 2, "never overwritten");
}

#[test]
fn usage_is_explained() {
    ended(&cloister().output().unwrap(), 2, "Usage");
    ended(&cloister().arg("nonsense").output().unwrap(), 2, "nonsense");
    let nowhere = cloister().args(["up", "/nonexistent"]).output().unwrap();
    ended(&nowhere, 2, "cloister init");
    let nowhere = cloister().args(["node", "--config", "/nonexistent"]).output().unwrap();
    ended(&nowhere, 2, "cannot read /nonexistent");
}

#[test]
fn a_node_that_cannot_be_trusted_does_not_start() {
    let (_ports, folder) = init(2);
    let node = || {
        let config = folder.path().join("c/party-0/node.toml");
        cloister().args(["node", "--config"]).arg(config).output().unwrap()
    };
    let identity = folder.path().join("c/party-0/identity");
    let other = folder.path().join("c/party-1/identity");
    fs::rename(&identity, folder.path().join("kept")).unwrap();
    ended(&node(), 2, "cloister identity");
    fs::rename(&other, &identity).unwrap();
    ended(&node(), 2, "does not pin");
    let config = folder.path().join("c/party-0/node.toml");
    let settings = fs::read_to_string(&config).unwrap();
    fs::write(&config, format!("surplus = 1\n{settings}")).unwrap();
    ended(&node(), 2, "surplus");
}

/// Gives the first party an identity that was made `age` days ago for `days` days, and pins it.
fn renew(folder: &Path, age: u64, days: u16) {
    let made = SystemTime::now() - Duration::from_secs(age * 24 * 60 * 60);
    let identity = Identity::create("party-0", Validity::days(days), made).unwrap();
    let place = folder.join("party-0/identity");
    let old = Identity::load(&place).unwrap().fingerprint().to_string();
    fs::remove_dir_all(&place).unwrap();
    identity.save(&place).unwrap();
    let file = folder.join("consortium.toml");
    let text = fs::read_to_string(&file).unwrap();
    let new = identity.fingerprint().to_string();
    fs::write(&file, text.replace(&old, &new)).unwrap();
}

#[test]
fn a_certificate_near_its_end_is_warned_of_and_an_expired_one_refused() {
    let (_ports, folder) = init(2);
    let folder = folder.path().join("c");
    let node = || {
        let mut command = cloister();
        command.args(["node", "--exit-with-parent", "--config"]);
        command.arg(folder.join("party-0/node.toml")).stdin(Stdio::null()).output().unwrap()
    };
    renew(&folder, 0, 400);
    ended(&node(), 0, "ready");
    assert!(!String::from_utf8_lossy(&node().stderr).contains("expires soon"));
    renew(&folder, 0, 10);
    ended(&node(), 0, "expires soon");
    renew(&folder, 20, 10);
    ended(&node(), 2, "has expired");
}

fn init(parties: usize) -> (Ports, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let ports = Ports::take().unwrap();
    let mut command = cloister();
    command.arg("init").arg(folder.path().join("c"));
    for index in 0..parties {
        command.args(["--party", &format!("party-{index}")]);
    }
    command.args(["--api-port", &ports.api().to_string()]);
    run(command.args(["--peer-port", &ports.peer().to_string()]));
    (ports, folder)
}

/// `cloister up`, which is killed on drop if the test has not ended it.
struct Up {
    process: Child,
    lines: Lines,
}

impl Up {
    fn start(folder: &Path) -> Self {
        let mut process = cloister()
            .arg("up")
            .arg(folder.join("c"))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = Lines::of(process.stdout.take().unwrap());
        Self { process, lines }
    }

    fn ready(&mut self, parties: usize) {
        for _ in 0..parties {
            let line = self.lines.next().unwrap();
            assert!(line.starts_with("ready party-"), "{line}");
        }
    }

    fn signal(&self, signal: &str) {
        send_signal(signal, self.process.id());
    }

    /// Waits until the process and all its nodes have ended: they share its standard error.
    fn ended(mut self) -> (Option<i32>, String) {
        let error = Lines::of(self.process.stderr.take().unwrap()).collect::<Vec<_>>().join("\n");
        (wait_for_exit(&mut self.process).code(), error)
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        // After a good end there is no process.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Lists the processes whose parent this is.
fn children(id: u32) -> Vec<u32> {
    let path = PathBuf::from(format!("/proc/{id}/task/{id}/children"));
    let text = fs::read_to_string(path).unwrap();
    text.split_whitespace().map(|id| id.parse().unwrap()).collect()
}

#[test]
fn up_runs_all_nodes_until_it_is_told_to_stop() {
    for signal in ["INT", "TERM"] {
        let (_ports, folder) = init(3);
        let mut up = Up::start(folder.path());
        up.ready(3);
        assert_eq!(children(up.process.id()).len(), 3);
        up.signal(signal);
        assert_eq!(up.ended().0, Some(0));
    }
}

#[test]
fn no_node_outlives_up() {
    let (_ports, folder) = init(3);
    let mut up = Up::start(folder.path());
    up.ready(3);
    up.signal("KILL");
    // Standard error ends when the last node has ended.
    let (code, log) = up.ended();
    assert_eq!(code, None);
    assert!(log.contains("standard input has ended"), "{log}");
}

#[test]
fn up_says_which_node_has_died_and_stops_the_others() {
    let (_ports, folder) = init(3);
    let mut up = Up::start(folder.path());
    up.ready(3);
    send_signal("KILL", children(up.process.id())[0]);
    let (code, log) = up.ended();
    assert_eq!(code, Some(4), "{log}");
    assert!(log.contains("the node of party-") && log.contains("signal: 9"), "{log}");
}

#[test]
fn a_node_stops_in_good_order_on_a_signal() {
    let (_ports, folder) = init(2);
    let mut node = cloister()
        .args(["node", "--config"])
        .arg(folder.path().join("c/party-0/node.toml"))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = Lines::of(node.stdout.take().unwrap());
    assert!(lines.next().unwrap().starts_with("ready party-0 http://127.0.0.1:"));
    send_signal("TERM", node.id());
    assert!(lines.next().is_none(), "standard output has the ready line only");
    assert_eq!(wait_for_exit(&mut node).code(), Some(0));
}

#[test]
fn a_node_that_cannot_say_that_it_is_ready_stops_in_good_order() {
    let (_ports, folder) = init(2);
    let mut node = cloister()
        .args(["node", "--config"])
        .arg(folder.path().join("c/party-0/node.toml"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(node.stdout.take());
    let log = Lines::of(node.stderr.take().unwrap()).collect::<Vec<_>>().join("\n");
    assert_eq!(wait_for_exit(&mut node).code(), Some(2), "{log}");
    assert!(log.contains("stopping") && log.contains("cannot be written"), "{log}");
}
