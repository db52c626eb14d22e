//! Two nodes that compute on shares by themselves: the death of one, preprocessing, and many
//! computations at once.

use std::thread;

use cloister_testkit::http::{Answer, Api};
use cloister_testkit::{Cluster, fresh, wait_for, wait_until};
use serde_json::{Value, json};

fn cluster() -> Cluster {
    Cluster::teaching(2)
}

/// A task of one party that measures an operation.
struct Task {
    api: Api,
    handle: String,
}

impl Task {
    fn start(cluster: &Cluster, index: usize, name: &str, parameters: &Value) -> Self {
        let api = cluster.api(index);
        let create = json!({
            "microprotocol": "Measure",
            "network": {"nodes": cluster.urls(), "myself": index},
            "task_id": name,
            "parameters": parameters,
        });
        let handle = api.method(&api.service("Simon"), "create_task", &create).uuid();
        assert_eq!(api.method(&handle, "start", &json!({})).status, 200);
        Self { api, handle }
    }

    /// Waits until the task is in this round. Returns false if it has ended before that was seen.
    fn reaches(&self, round: u64) -> bool {
        loop {
            let progress = self.api.progress_in_full(&self.handle);
            let state = &progress["state"];
            assert!(state != "failed", "{}", self.ended().body);
            if progress["round"].as_u64().is_some_and(|reached| reached >= round) {
                return true;
            }
            if state == "done" {
                return false;
            }
        }
    }

    /// Waits for the result or the error.
    fn ended(&self) -> Answer {
        loop {
            let result = self.api.method(&self.handle, "result", &json!({}));
            if result.body["type"] != "none" {
                return result;
            }
        }
    }
}

/// Kills a node in a round. Returns the answer to the other one's client, or none if all was over
/// too soon.
fn kill_in_a_round(
    cluster: &mut Cluster,
    dying: usize,
    parameters: &Value,
    round: u64,
) -> Option<Answer> {
    let name = fresh();
    let tasks = [0, 1].map(|index| Task::start(cluster, index, &name, parameters));
    let other = &tasks[1 - dying];
    if !other.reaches(round) {
        return None;
    }
    cluster.kill(dying);
    let answer = other.ended();
    cluster.restart(dying);
    (answer.status != 200).then_some(answer)
}

/// Kills either node in turn, until it was in one of these steps.
fn named_when_killed(parameters: &Value, round: u64, steps: &[&str]) {
    let mut cluster = cluster();
    for dying in [0, 1] {
        wait_until(&format!("killed in {steps:?}"), || {
            let Some(answer) = kill_in_a_round(&mut cluster, dying, parameters, round) else {
                return false;
            };
            // Long before the deadline, which would be told as another error.
            answer.refused(502, "peer_lost");
            assert_eq!(answer.body["party"], cluster.names[dying], "{}", answer.body);
            median(&cluster);
            steps.iter().any(|step| answer.message().contains(step))
        });
    }
}

#[test]
fn a_node_that_dies_in_preparation_is_named() {
    let steps = ["base transfers", "trees", "extend transfers", "correct transfers"];
    named_when_killed(&json!({"operation": "multiply", "size": 300_000}), 5, &steps);
}

#[test]
fn a_node_that_dies_while_shares_are_multiplied_is_named() {
    let chain = json!({"operation": "multiply", "size": 1, "times": 100_000});
    named_when_killed(&chain, 20, &["multiply"]);
}

#[test]
fn a_node_that_dies_while_items_are_masked_is_named() {
    let join = json!({"operation": "join", "size": 30_000});
    named_when_killed(&join, 6, &["blinded items", "twice blinded", "commit"]);
}

/// Has both compute the median of numbers that depend on `run`, and checks it.
fn median_of(cluster: &Cluster, run: u32) -> Vec<Value> {
    let data = [json!([run, f64::from(run) + 0.5, -1e9]), json!([f64::from(run) - 0.25, 1e9])];
    let answers = cluster.compute("SecureMedian", &data, &fresh());
    assert_eq!(answers.len(), 2);
    let reports = answers.into_iter().map(|answer| {
        assert_eq!(answer.status, 200, "{}", answer.body);
        let report = answer.body["object"].clone();
        assert_eq!(report["result"], json!({"median": f64::from(run)}));
        assert_eq!(report["security"]["suite"], "pairwise");
        report
    });
    reports.collect()
}

/// Computes a median, and returns the preprocessing cost at either node.
fn median(cluster: &Cluster) -> Vec<Value> {
    let reports = median_of(cluster, 7);
    reports.iter().map(|report| report["cost"]["preparation"].clone()).collect()
}

/// Computes until all correlations were preprocessed: then the nodes only tell each other their
/// stores.
fn until_made_ahead(cluster: &Cluster) {
    wait_until("all is made ahead", || {
        median(cluster).iter().all(|preparation| preparation["rounds"] == 1)
    });
}

#[test]
fn what_a_median_takes_is_made_ahead_in_idle_moments() {
    let cluster = cluster();
    let cold = median(&cluster);
    for preparation in &cold {
        assert!(preparation["bytes_sent"].as_u64().unwrap() > 100_000, "{cold:?}");
    }
    until_made_ahead(&cluster);
}

#[test]
fn nothing_made_ahead_is_used_after_a_node_was_away() {
    let mut cluster = cluster();
    let cold = median(&cluster);
    for away in [0, 1] {
        until_made_ahead(&cluster);
        cluster.kill(away);
        cluster.restart(away);
        // All again, from the base transfers on.
        assert_eq!(median(&cluster), cold);
    }
}

/// Runs fifty computations at once. Returns the bytes that either node holds once it holds no more
/// than it may. Freed memory goes back to the system some time later.
fn many_at_once(cluster: &Cluster, most: [usize; 2]) -> [usize; 2] {
    thread::scope(|scope| {
        (0..50).for_each(|run| drop(scope.spawn(move || median_of(cluster, run))));
    });
    [0, 1].map(|index| {
        wait_for(&format!("node {index} holds {} bytes", most[index]), || {
            Some(cluster.resident(index)).filter(|resident| *resident < most[index])
        })
    })
}

#[test]
fn fifty_computations_at_once_are_right_and_leave_nothing_in_memory() {
    let cluster = cluster();
    median(&cluster);
    let first = many_at_once(&cluster, [160 << 20; 2]);
    for _ in 0..2 {
        many_at_once(&cluster, first.map(|first| first + (24 << 20)));
    }
    cluster.check_health();
}
