//! Traces of the times of a computation at a node, as clients may ask for them: of data of their
//! own, not of datasets.

use std::fs;
use std::thread;

use cloister_testkit::http::Answer;
use cloister_testkit::{Cluster, fresh};
use serde_json::{Value, json};

/// Has all parties ask for a sum of these data at once.
fn sums(cluster: &Cluster, data: &[Value], trace: &Value) -> Vec<Answer> {
    let name = fresh();
    thread::scope(|scope| {
        let asked: Vec<_> = (0..data.len())
            .map(|myself| {
                let network = json!({"nodes": cluster.names, "uuid": name, "myself": myself});
                let arguments = json!({
                    "microprotocol": "SecureSum",
                    "data": data[myself],
                    "network": network,
                    "trace": trace,
                });
                scope.spawn(move || cluster.api(myself).compute(&arguments))
            })
            .collect();
        asked.into_iter().map(|answer| answer.join().unwrap()).collect()
    })
}

#[test]
fn rounds_are_told_where_a_client_asks() {
    let cluster = Cluster::teaching(2);
    let data = [json!([1, 2]), json!([3])];
    for answer in sums(&cluster, &data, &json!(true)) {
        let report = &answer.body["object"];
        let trace = &report["trace"];
        let rounds = trace["rounds"].as_array().unwrap();
        let names: Vec<&str> = rounds.iter().map(|round| round["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["agreeing", "commit", "open"], "{trace}");
        // A sum needs no preprocessing.
        assert!(rounds.iter().all(|round| round["stage"] == "online"), "{trace}");
        assert!(report["cost"].get("preparation").is_none(), "{report}");
        let sent: u64 = rounds.iter().map(|round| round["bytes_sent"].as_u64().unwrap()).sum();
        assert_eq!(report["cost"]["bytes_sent"], sent);
        let number = |value: &Value| value.as_f64().unwrap();
        for pair in rounds.windows(2) {
            assert_eq!(pair[0]["ends"], pair[1]["begins"], "{trace}");
        }
        for round in rounds {
            let length = number(&round["ends"]) - number(&round["begins"]);
            let waits = round["waits"].as_array().unwrap();
            let waiting: f64 = waits.iter().map(|w| number(&w[1]) - number(&w[0])).sum();
            assert!(waiting + number(&round["arithmetic"]) <= length + 1e-6, "{round}");
        }
        assert!(number(&trace["seconds"]) <= number(&report["cost"]["seconds"]), "{report}");
    }
    let untold = &sums(&cluster, &data, &json!(false))[0].body["object"];
    assert!(untold["result"] == json!({"sum": 6.0}) && untold.get("trace").is_none(), "{untold}");
    sums(&cluster, &data, &json!("yes"))[0].refused(400, "bad_argument");
}

#[test]
fn of_a_dataset_nothing_is_told_and_the_log_says_who_asked() {
    let cluster = Cluster::teaching(2);
    let folder = cluster.folder().join(&cluster.names[0]).join("data");
    fs::create_dir_all(&folder).unwrap();
    let csv = folder.join("trial.csv");
    fs::write(&csv, "id,age\n1,30\n2,40\n").unwrap();
    cluster.operate(0, &["data", "register", "trial", "--csv", csv.to_str().unwrap()]);
    let api = cluster.api(0);
    let arguments = json!({"dataset": "trial", "columns": ["age"]});
    let selection = api.method(&api.service("Datasets"), "select", &arguments).uuid();
    let data = [json!({"representation_uuid": selection}), json!([3])];
    let answers = sums(&cluster, &data, &json!(true));
    answers[0].refused(403, "no_trace");
    let log = cluster.operate(0, &["audit", "show"]);
    assert!(log.contains("no_trace"), "{log}");
    let plain = &sums(&cluster, &data, &json!(false))[0];
    assert_eq!(plain.body["object"]["result"], json!({"sum": 73.0}));
}
