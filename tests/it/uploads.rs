//! Uploads: kept under encryption, with their handles, through restarts and crashes.

use std::fs;
use std::time::Duration;

use cloister_testkit::http::{Answer, Api};
use cloister_testkit::{Cluster, Kind, fresh, run_python};
use serde_json::{Value, json};

const CSV: &str = "age,sex\n41,f\n52,m\n,f\n";

fn push_csv(api: &Api, text: &str) -> Answer {
    api.send_as("text/csv", "PUT", "/representations", text.as_bytes())
}

/// Makes a handle an argument.
fn held(uuid: &str) -> Value {
    json!({"representation_uuid": uuid})
}

/// Selects columns of pushed data at one node.
fn select(api: &Api, uuid: &str, columns: &Value, filter: &Value) -> Answer {
    let arguments = json!({"dataset": held(uuid), "columns": columns, "where": filter});
    api.method(&api.service("Datasets"), "select", &arguments)
}

/// Has both parties compute the same function, and returns the answers.
fn both(cluster: &Cluster, function: &str, data: &[Value], parameters: &Value) -> Vec<Answer> {
    let name = fresh();
    let requests: Vec<Value> = data
        .iter()
        .enumerate()
        .map(|(index, data)| {
            let network = cluster.network(&name, index);
            json!({
                "microprotocol": function, "data": data, "parameters": parameters,
                "network": network,
            })
        })
        .collect();
    cluster.compute_with(&requests)
}

fn result(answers: &[Answer]) -> &Value {
    answers.iter().for_each(|answer| assert_eq!(answer.status, 200, "{}", answer.body));
    &answers[0].body["object"]["result"]
}

#[test]
fn columns_come_as_csv_and_as_arrow_and_are_selected() {
    let cluster = Cluster::teaching(2);
    let (one, two) = (cluster.api(0), cluster.api(1));
    let csv = push_csv(&one, CSV).uuid();
    one.download(&csv).refused(403, "no_download");
    let stream = tempfile::tempdir().unwrap();
    let path = stream.path().join("columns.arrow");
    run_python(
        "
import sys, pyarrow as pa
table = pa.table({'age': pa.array([60, 41], pa.int32()), 'sex': pa.array(['m', 'f'])})
with pa.OSFile(sys.argv[1], 'wb') as file, pa.ipc.new_stream(file, table.schema) as writer:
    writer.write_table(table)
",
        &[&path],
    );
    let media = "application/vnd.apache.arrow.stream";
    let arrow = two.send_as(media, "PUT", "/representations", &fs::read(&path).unwrap()).uuid();
    let women = json!({"column": "sex", "op": "=", "value": "f"});
    let data = [
        held(&select(&one, &csv, &json!("age"), &women).uuid()),
        held(&select(&two, &arrow, &json!("age"), &women).uuid()),
    ];
    // A value is missing, and no parameter says that it may be left out.
    let refused = both(&cluster, "SecureSum", &data, &json!({}));
    refused[0].refused(422, "missing_values");
    let answers = both(&cluster, "SecureSum", &data, &json!({"missing": "drop"}));
    assert_eq!(result(&answers), &json!({"sum": 82.0}));
    assert_eq!(answers[1].body["object"]["dropped"], json!(1));
    let table = [
        held(&select(&one, &csv, &json!(["sex", "age"]), &Value::Null).uuid()),
        held(&select(&two, &arrow, &json!(["sex", "age"]), &Value::Null).uuid()),
    ];
    let answers = both(&cluster, "StatisticsContingency", &table, &json!({"missing": "drop"}));
    assert_eq!(result(&answers)["table"]["f"], json!({"41": 2, "52": 0, "60": 0}));
}

#[test]
fn values_that_a_client_leaves_open_are_counted_jointly() {
    let cluster = Cluster::teaching(3);
    let data = [json!([1, null, 2.5]), json!([null, null]), json!([4])];
    let refused = both(&cluster, "SecureSum", &data, &json!({}));
    refused[0].refused(400, "bad_argument");
    for function in ["SecureSum", "SecureMedian"] {
        let answers = both(&cluster, function, &data, &json!({"missing": "drop"}));
        let expected =
            [("SecureSum", json!({"sum": 7.5})), ("SecureMedian", json!({"median": 2.5}))];
        let expected = expected.iter().find(|(name, _)| *name == function).unwrap();
        assert_eq!(result(&answers), &expected.1);
        for answer in &answers {
            assert_eq!(answer.body["object"]["dropped"], json!(3), "{function}");
        }
    }
    let one_only = [json!([1]), json!([2]), json!([4])];
    let answers = both(&cluster, "SecureSum", &one_only, &json!({}));
    assert!(answers[0].body["object"].get("dropped").is_none());
}

#[test]
fn a_handle_may_stand_inside_of_an_argument() {
    let cluster = Cluster::teaching(3);
    let data: Vec<Value> = [[3.0, 9.0], [1.0, 7.0], [5.0, 2.0]]
        .iter()
        .enumerate()
        .map(|(index, numbers)| {
            let array = held(&cluster.api(index).upload(&json!(numbers)).uuid());
            json!([{"array": array, "rank": 4}])
        })
        .collect();
    let answers = both(&cluster, "KthElement", &data, &json!({}));
    assert_eq!(result(&answers), &json!({"item": 5.0, "samples": 6}));
}

#[test]
fn malformed_columns_are_refused_with_their_place_and_nothing_is_kept() {
    let cluster = Cluster::teaching(2);
    let api = cluster.api(0);
    for (text, told) in [
        ("a,b\n1,2\n3\n", "line 3"),
        ("a,a\n1,2\n", "two columns are named"),
        ("", "line 1"),
        ("a;b\n1,5;x\n", "comma"),
    ] {
        let answer = push_csv(&api, text);
        answer.refused(400, "malformed_request");
        assert!(answer.message().contains(told), "{}", answer.body);
    }
    push_csv(&api, "a;b\n1.5;x\n").uuid();
    let media = "application/vnd.apache.arrow.stream";
    api.send_as(media, "PUT", "/representations", b"no arrow").refused(400, "malformed_request");
    let csv = push_csv(&api, CSV).uuid();
    for (columns, filter) in [
        (json!("height"), Value::Null),
        (json!([]), Value::Null),
        (json!("age"), json!({"column": "sex", "op": "<", "value": 5})),
        (json!("age"), json!({"column": "none", "op": "=", "value": 5})),
        (json!("age"), json!({"column": "age", "op": "~", "value": 5})),
        (json!("age"), json!("age > 5; DROP TABLE trial")),
    ] {
        select(&api, &csv, &columns, &filter).refused(400, "bad_argument");
    }
    cluster.check_health();
}

#[test]
fn what_is_pushed_is_not_in_the_clear_and_ends_with_its_handle() {
    let mut cluster =
        Cluster::start(Kind { settings: "[limits]\nupload_bytes = 3000", ..Kind::teaching(2) });
    let api = cluster.api(0);
    let secret = api.upload(&json!("diagnosis-of-a-patient")).uuid();
    api.upload(&json!("x".repeat(4_000))).refused(429, "over_quota");
    let gone = api.upload(&json!("y".repeat(2_000))).uuid();
    assert_eq!(api.release(&gone).status, 200);
    // Its room is free again.
    let again = api.upload(&json!("z".repeat(2_000))).uuid();
    cluster.kill(0);
    let state = cluster.folder().join("clinic-0/state/state.redb");
    let bytes = fs::read(state).unwrap();
    let needle = b"diagnosis-of-a-patient";
    assert!(!bytes.windows(needle.len()).any(|window| window == needle));
    cluster.restart(0);
    let api = cluster.api(0);
    api.download(&secret).refused(403, "no_download");
    api.download(&again).refused(403, "no_download");
    api.download(&gone).refused(404, "no_such_representation");
}

#[test]
fn what_was_acknowledged_survives_kills_at_random_moments() {
    let mut cluster = Cluster::teaching(2);
    let mut seed = [0; 8];
    getrandom::fill(&mut seed).unwrap();
    let seed =
        std::env::var("CLOISTER_SEED").map_or(u64::from_le_bytes(seed), |s| s.parse().unwrap());
    println!("CLOISTER_SEED={seed}");
    let times = if std::env::var_os("CLOISTER_LONG_TESTS").is_some() { 100 } else { 8 };
    let mut random = seed;
    let mut kept: Vec<(String, u32)> = Vec::new();
    for _ in 0..times {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let moment = Duration::from_micros(1_000 + (random >> 33) % 40_000);
        let (api, numbers) = (cluster.api(0), u32::try_from(kept.len()).unwrap());
        let (tell, first) = std::sync::mpsc::channel();
        let pushing = std::thread::spawn(move || {
            let mut acknowledged = Vec::new();
            for number in numbers..u32::MAX {
                match api.try_upload(&json!([number])) {
                    Some(uuid) => acknowledged.push((uuid, number)),
                    None => return acknowledged,
                }
                tell.send(()).unwrap();
            }
            acknowledged
        });
        first.recv().unwrap();
        // The moment of the kill is drawn at random; nothing more is awaited.
        std::thread::sleep(moment);
        cluster.kill(0);
        kept.extend(pushing.join().unwrap());
        cluster.restart(0);
    }
    assert!(kept.len() >= times);
    let api = cluster.api(0);
    for (uuid, _) in &kept {
        api.download(uuid).refused(403, "no_download");
    }
    let (uuid, number) = kept.last().unwrap();
    let answers = both(&cluster, "SecureSum", &[held(uuid), json!([0])], &json!({}));
    assert_eq!(result(&answers)["sum"].as_f64().unwrap(), f64::from(*number));
    cluster.operate(0, &["audit", "verify"]);
    let shown = cluster.operate(0, &["audit", "show", "--json"]);
    assert!(kept.iter().all(|(uuid, _)| shown.contains(uuid)), "an upload is not in the log");
}
