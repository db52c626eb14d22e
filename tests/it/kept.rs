//! Answers that are kept: the same question about the same rows is given the same answer, and nothing
//! is computed, counted or used up. Anything else is computed anew.

use std::fs;
use std::path::PathBuf;

use cloister_testkit::http::Answer;
use cloister_testkit::{Cluster, Kind, fresh};
use serde_json::{Value, json};

const PARTIES: usize = 3;
const ROWS: u64 = 40;

/// Three nodes under `production`, with one file of numbers each. The owner of the first approves.
struct Trial {
    cluster: Cluster,
}

impl Trial {
    fn start() -> Self {
        let kind = Kind { profile: "production", ..Kind::teaching(PARTIES) };
        let mut cluster = Cluster::stopped(kind);
        for index in 0..PARTIES {
            let home = home(&cluster, index);
            fs::create_dir(home.join("data")).unwrap();
            fs::write(home.join("data/trial.csv"), table(index, 0)).unwrap();
            if index > 0 {
                fs::create_dir(home.join("policy.d")).unwrap();
                let policy = "[dataset.trial]\napproval = false\n";
                fs::write(home.join("policy.d/trial.toml"), policy).unwrap();
            }
        }
        cluster.start_all();
        for index in 0..PARTIES {
            let file = home(&cluster, index).join("data/trial.csv");
            let words = ["data", "register", "trial", "--key", "id", "--csv"];
            cluster.operate(index, &[&words[..], &[file.to_str().unwrap()]].concat());
        }
        Self { cluster }
    }

    /// Has all compute on these columns, each with its own condition.
    fn ask(
        &self,
        function: &str,
        columns: &[&str],
        parameters: &Value,
        at: [&Value; 3],
    ) -> Vec<Answer> {
        let name = fresh();
        let requests: Vec<Value> = (0..PARTIES)
            .map(|index| {
                let api = self.cluster.api(index);
                let arguments = json!({"dataset": "trial", "columns": columns, "where": at[index]});
                let selection = api.method(&api.service("Datasets"), "select", &arguments);
                json!({"microprotocol": function,
                    "data": {"representation_uuid": selection.uuid()},
                    "network": self.cluster.network(&name, index), "parameters": parameters})
            })
            .collect();
        self.cluster.compute_with(&requests)
    }

    fn sum(&self, at: [&Value; 3]) -> Vec<Answer> {
        self.ask("SecureSum", &["age"], &json!({}), at)
    }

    fn approve(&self) {
        for approval in self.approvals() {
            if approval["state"] == "asked" {
                let id = approval["id"].to_string();
                self.cluster.operate(0, &["approvals", "grant", &id, "--times", "7"]);
            }
        }
    }

    fn approvals(&self) -> Vec<Value> {
        let listed = self.cluster.operate(0, &["approvals", "list", "--json"]);
        serde_json::from_str::<Value>(&listed).unwrap().as_array().unwrap().clone()
    }

    /// Returns all that the nodes count: memories, meters, and uses of approvals.
    fn counted(&self) -> Vec<Value> {
        let memory = |index| {
            let shown = self.cluster.operate(index, &["memory", "show", "trial", "--json"]);
            serde_json::from_str(&shown).unwrap()
        };
        (0..PARTIES).map(memory).chain(self.approvals()).collect()
    }

    /// Changes the age of the first row of the last party.
    fn change(&self, more: u64) {
        let file = home(&self.cluster, PARTIES - 1).join("data/trial.csv");
        fs::write(file, table(PARTIES - 1, more)).unwrap();
    }
}

fn home(cluster: &Cluster, index: usize) -> PathBuf {
    cluster.config(index).parent().unwrap().to_owned()
}

fn age(party: usize, row: u64) -> u64 {
    20 + (row * 7 + party as u64 * 3) % 60
}

fn table(party: usize, more: u64) -> String {
    let row = |row: u64| {
        let more = if row == 0 { more } else { 0 };
        format!("{row},{},{}\n", age(party, row) + more, row % 2)
    };
    format!("id,age,arm\n{}", (0..ROWS).map(row).collect::<String>())
}

/// Adds the ages of rows by an own way, of parties each with a condition.
fn due(keeps: [fn(u64) -> bool; 3], more: u64) -> Value {
    let of = |party: usize| -> u64 {
        (0..ROWS).filter(|row| keeps[party](*row)).map(|row| age(party, row)).sum()
    };
    let sum = (0..PARTIES).map(of).sum::<u64>() + more;
    json!(f64::from(u32::try_from(sum).unwrap()))
}

fn all(_: u64) -> bool {
    true
}

/// Returns the documents of all parties, whose answers must be equal.
#[track_caller]
fn documents(answers: &[Answer]) -> Vec<Value> {
    let documents: Vec<Value> = answers
        .iter()
        .map(|answer| {
            assert_eq!(answer.status, 200, "{}", answer.body);
            answer.body["object"].clone()
        })
        .collect();
    assert!(documents.iter().all(|it| it["result"] == documents[0]["result"]), "{documents:?}");
    documents
}

fn is_kept(documents: &[Value]) -> bool {
    let kept: Vec<bool> = documents.iter().map(|it| it["kept"] == json!(true)).collect();
    assert!(kept.iter().all(|it| *it == kept[0]), "{documents:?}");
    kept[0]
}

#[test]
fn the_same_question_is_given_the_same_answer_and_nothing_is_counted() {
    let mut trial = Trial::start();
    let rows = Value::Null;
    let everyone = [&rows, &rows, &rows];
    trial.sum(everyone)[0].refused(403, "approval_needed");
    trial.approve();
    let first = documents(&trial.sum(everyone));
    assert!(!is_kept(&first));
    assert_eq!(first[0]["result"]["sum"], due([all; 3], 0));
    let counted = trial.counted();
    for _ in 0..2 {
        let again = documents(&trial.sum(everyone));
        assert!(is_kept(&again));
        for (again, first) in again.iter().zip(&first) {
            let mut due = first.clone();
            due["kept"] = json!(true);
            assert_eq!(*again, due);
        }
        assert_eq!(trial.counted(), counted);
        trial.cluster.kill(1);
        trial.cluster.restart(1);
    }
    let log = trial.cluster.operate(0, &["audit", "show", "--json"]);
    assert!(log.contains("\"kept\":true") && log.contains("\"use_given_back\":true"), "{log}");

    // A changed value is another question, although key and rows are the same.
    trial.change(5);
    let changed = documents(&trial.sum(everyone));
    assert!(!is_kept(&changed));
    assert_eq!(changed[0]["result"]["sum"], due([all; 3], 5));
    // The two others have kept the new answer in place of the first: what is back is computed.
    trial.change(0);
    let back = documents(&trial.sum(everyone));
    assert!(!is_kept(&back));
    assert_eq!(back[0]["result"], first[0]["result"]);
    assert!(is_kept(&documents(&trial.sum(everyone))));

    // The owner of one has its node forget, and all compute.
    trial.cluster.operate(1, &["memory", "reset", "trial"]);
    let computed = documents(&trial.sum(everyone));
    assert!(!is_kept(&computed));
    assert_eq!(computed[0]["result"], first[0]["result"]);
    assert!(is_kept(&documents(&trial.sum(everyone))));
}

#[test]
fn another_condition_or_parameter_is_another_question() {
    let trial = Trial::start();
    let rows = Value::Null;
    let everyone = [&rows, &rows, &rows];
    let arm = json!({"column": "arm", "op": "=", "value": 1});
    let other_arm = json!({"not": {"column": "arm", "op": "!=", "value": 1}});
    trial.sum(everyone);
    trial.approve();
    assert!(!is_kept(&documents(&trial.sum(everyone))));
    let odd = |row: u64| row % 2 == 1;
    let at_one = documents(&trial.sum([&rows, &rows, &arm]));
    assert!(!is_kept(&at_one));
    assert_eq!(at_one[0]["result"]["sum"], due([all, all, odd], 0));
    // The same condition in other words is the same question.
    assert!(is_kept(&documents(&trial.sum([&rows, &rows, &other_arm]))));
    // Two have kept an answer with these rows, but not the same one.
    let at_other = documents(&trial.sum([&rows, &arm, &arm]));
    assert!(!is_kept(&at_other));
    assert_eq!(at_other[0]["result"]["sum"], due([all, odd, odd], 0));
    for statistics in [["mean"], ["standard_deviation"]] {
        let parameters = json!({"statistics": statistics});
        let ask = || trial.ask("StatisticsUnivariate", &["age"], &parameters, everyone);
        ask();
        trial.approve();
        assert!(!is_kept(&documents(&ask())));
        assert!(is_kept(&documents(&ask())));
    }
}
