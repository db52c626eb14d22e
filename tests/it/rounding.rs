//! Answers that are rounded by the policy of one owner, at all nodes.

use std::fs;
use std::path::PathBuf;

use cloister_testkit::http::Answer;
use cloister_testkit::{Cluster, Kind, fresh};
use serde_json::{Value, json};

const PARTIES: usize = 3;

/// Returns the numbers of one party.
fn numbers(party: usize) -> Vec<f64> {
    (0..20_u32).map(|row| f64::from((row * 37 + 11) % 61) + [0.25, 0.5, 0.875][party]).collect()
}

fn home(cluster: &Cluster, index: usize) -> PathBuf {
    cluster.config(index).parent().unwrap().to_owned()
}

fn start() -> Cluster {
    let mut cluster = Cluster::stopped(Kind::teaching(PARTIES));
    for (index, policy) in ["", "round = \"se/10\"", "round = \"se/50\""].into_iter().enumerate() {
        let home = home(&cluster, index);
        let rows = numbers(index).into_iter().map(|number| format!("{number}\n"));
        fs::create_dir(home.join("data")).unwrap();
        fs::write(home.join("data/trial.csv"), format!("age\n{}", rows.collect::<String>()))
            .unwrap();
        fs::create_dir(home.join("policy.d")).unwrap();
        fs::write(home.join("policy.d/trial.toml"), format!("[dataset.trial]\n{policy}\n"))
            .unwrap();
    }
    cluster.start_all();
    for index in 0..PARTIES {
        let file = home(&cluster, index).join("data/trial.csv");
        let file = file.to_str().unwrap();
        cluster.operate(index, &["data", "register", "trial", "--csv", file]);
    }
    cluster
}

fn ask(cluster: &Cluster, function: &str, parameters: &Value) -> Vec<Answer> {
    let name = fresh();
    let requests: Vec<Value> = (0..PARTIES)
        .map(|index| {
            let api = cluster.api(index);
            let arguments = json!({"dataset": "trial", "columns": ["age"]});
            let selection = api.method(&api.service("Datasets"), "select", &arguments);
            json!({"microprotocol": function,
                "data": {"representation_uuid": selection.uuid()},
                "network": cluster.network(&name, index), "parameters": parameters})
        })
        .collect();
    cluster.compute_with(&requests)
}

#[test]
fn one_owners_policy_rounds_the_answer_of_all_and_refuses_a_plain_sum() {
    let cluster = start();
    let parameters = json!({"statistics": ["sum", "mean", "variance"]});
    let all: Vec<f64> = (0..PARTIES).flat_map(numbers).collect();
    let mean = all.iter().sum::<f64>() / 60.0;
    let variance = all.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 59.0;
    // A tenth of the standard error of the variance is 5.67, of the mean 0.227.
    let (variance, mean) = ((variance / 5.0).round() * 5.0, (mean / 0.2).round() * 2.0 / 10.0);
    for answer in ask(&cluster, "StatisticsUnivariate", &parameters) {
        assert_eq!(answer.status, 200, "{}", answer.body);
        let report = &answer.body["object"];
        let result = &report["result"];
        assert_eq!(result["samples"], 60, "counts are exact");
        assert_eq!((&result["variance"], &result["mean"]), (&json!(variance), &json!(mean)));
        assert!((result["sum"].as_f64().unwrap() - 60.0 * mean).abs() < 1e-9, "{result}");
        let disclosure = &report["disclosure"];
        assert_eq!(disclosure["rounded"], "se/10");
        assert_eq!(disclosure["decided_by"]["round"], "clinic-1", "{disclosure}");
    }
    for answer in ask(&cluster, "SecureSum", &json!({})) {
        assert_eq!(answer.code(), "refused_by_disclosure_rules", "{}", answer.body);
        assert!(answer.body.to_string().contains("se/10"), "{}", answer.body);
    }
}
