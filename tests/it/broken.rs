//! Faults at one place of a node, which leave the rest of it working and are told.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use cloister_testkit::{Cluster, Kind, cloister, fresh, run, wait_until};
use serde_json::{Value, json};

fn home(cluster: &Cluster) -> PathBuf {
    cluster.config(0).parent().unwrap().to_owned()
}

/// Serves connections as a database that answers the first message with one of length 0, which a
/// driver has panicked at. Returns the port.
fn rogue() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut first = [0; 512];
            // It may have hung up.
            let _ = stream.read(&mut first).and_then(|_| stream.write_all(b"N"));
            let _ = stream.read(&mut first).and_then(|_| stream.write_all(b"R\0\0\0\0"));
        }
    });
    port
}

/// Returns the catalogue's entry of a dataset, if clients see it.
fn listed(cluster: &Cluster, name: &str) -> Option<Value> {
    let api = cluster.api(0);
    let listed = api.method(&api.service("Datasets"), "list", &json!({})).uuid();
    let listed = api.download(&listed).body["object"].as_array().unwrap().clone();
    listed.into_iter().find(|dataset| dataset["name"] == name)
}

#[test]
fn datasets_of_the_settings_that_cannot_be_read_keep_no_node_from_starting() {
    let mut cluster = Cluster::stopped(Kind::teaching(2));
    let data = home(&cluster).join("data");
    fs::create_dir(&data).unwrap();
    fs::write(data.join("whole.csv"), "x\n1\n2\n3\n").unwrap();
    let case = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/cases/10/pq_v2.parquet");
    let mut bytes = fs::read(case).unwrap();
    let middle = bytes.len() / 2;
    bytes[4..middle].fill(0xff);
    fs::write(data.join("damaged.parquet"), &bytes).unwrap();
    let footer = bytes.len() - 60;
    bytes[footer..].fill(0xff);
    fs::write(data.join("footless.parquet"), &bytes).unwrap();
    let sources = [
        ("damaged", "{ kind = \"parquet\", path = \"data/damaged.parquet\" }".to_owned()),
        ("footless", "{ kind = \"parquet\", path = \"data/footless.parquet\" }".to_owned()),
        ("gone", "{ kind = \"csv\", path = \"data/gone.csv\" }".to_owned()),
        (
            "rogue",
            format!(
                "{{ kind = \"postgres\", url = \"postgres://a:b@127.0.0.1:{}/c\", from = {{ table = \"t\" }} }}",
                rogue()
            ),
        ),
        ("whole", "{ kind = \"csv\", path = \"data/whole.csv\" }".to_owned()),
    ];
    let mut settings = fs::read_to_string(cluster.config(0)).unwrap();
    for (name, source) in &sources {
        settings += &format!("[[dataset]]\nname = \"{name}\"\nsource = {source}\n");
    }
    fs::write(cluster.config(0), settings).unwrap();
    cluster.start_all();
    assert!(listed(&cluster, "whole").is_some());
    let log = cluster.log(0);
    for name in ["damaged", "footless", "gone", "rogue"] {
        assert!(listed(&cluster, name).is_none(), "{name}");
        let told = log.lines().any(|line| line.contains("WARN") && line.contains(name));
        assert!(told || log.contains(&format!("\"{name}\"")), "{name}: {log}");
    }
    let api = cluster.api(0);
    let whole = json!({"dataset": "whole", "columns": "x"});
    let selected = api.method(&api.service("Datasets"), "select", &whole).uuid();
    let network = fresh();
    let ask = |data: Value, index| json!({"microprotocol": "SecureSum", "data": data, "network": cluster.network(&network, index)});
    let both = [ask(json!({"representation_uuid": selected}), 0), ask(json!([4]), 1)];
    for answer in cluster.compute_with(&both) {
        assert_eq!(answer.body["object"]["result"], json!({"sum": 10.0}), "{}", answer.body);
    }
}

#[test]
fn a_node_whose_disk_takes_nothing_more_is_not_ready_until_it_does() {
    let mut cluster = Cluster::stopped(Kind::teaching(2));
    // Without the signal a write beyond the limit fails, as on a full disk.
    cluster.start_each(|_, _| {
        let mut command = Command::new("sh");
        command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]).arg(cloister().get_program());
        Some(command)
    });
    let limit = |bytes: &str| {
        let process = cluster.id(0).to_string();
        run(Command::new("prlimit").args([
            "--pid",
            &process,
            &format!("--fsize={bytes}:unlimited"),
        ]));
    };
    let ready = || cluster.api(0).send("GET", "/readyz", "").status;
    wait_until("it is ready", || ready() == 200);
    limit("0");
    wait_until("it is not ready", || match ready() {
        200 => false,
        status => {
            assert_eq!(status, 503);
            true
        }
    });
    assert_eq!(cluster.api(0).send("GET", "/healthz", "").status, 200);
    limit("unlimited");
    wait_until("it is ready again", || ready() == 200);
    cluster.check_health();
}

/// Has all parties add up their datasets, as a central client does.
fn sum(cluster: &Cluster) -> std::process::Output {
    let mut command = cloister();
    command.args(["compute", "SecureSum", "--data", "t.x", "--json", "--consortium"]);
    command.arg(cluster.folder()).output().unwrap()
}

/// A folder that is lost, or deleted so that a node forgets what it has told.
#[test]
fn a_node_that_begins_with_an_empty_state_hears_that_it_had_another() {
    let settings = "[policy.dataset.t]\napproval = false";
    let kind = Kind { profile: "production", settings, ..Kind::teaching(3) };
    let mut cluster = Cluster::stopped(kind);
    let file =
        |cluster: &Cluster, index| cluster.config(index).with_file_name("data").join("t.csv");
    for index in 0..3 {
        let file = file(&cluster, index);
        fs::create_dir(file.parent().unwrap()).unwrap();
        let rows: String = (1..=30).map(|row| format!("{row}\n")).collect();
        fs::write(file, format!("x\n{rows}")).unwrap();
    }
    cluster.start_all();
    let register = |cluster: &Cluster, index: usize| {
        let words = ["data", "register", "t", "--csv"];
        run(cluster.operator(index, &words).arg(file(cluster, index)));
    };
    (0..3).for_each(|index| register(&cluster, index));
    let told = sum(&cluster);
    let document: Value = serde_json::from_slice(&told.stdout).unwrap();
    assert_eq!(document["result"], json!({"sum": 3.0 * 465.0}), "{document}");
    cluster.kill(0);
    fs::remove_dir_all(home(&cluster).join("state")).unwrap();
    cluster.restart(0);
    register(&cluster, 0);
    let refused = sum(&cluster);
    let document: Value = serde_json::from_slice(&refused.stdout).unwrap();
    let errors = document["errors"].as_array().unwrap_or_else(|| panic!("{document}"));
    let own = errors.iter().find(|error| error["at"] == "clinic-0").unwrap();
    assert_eq!(own["error"]["code"], "state_older", "{document}");
    let message = own["error"]["message"].as_str().unwrap();
    assert!(message.contains("clinic-1 has seen entry"), "{message}");
}
