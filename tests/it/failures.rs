//! Parties that do not come, differ, or die: the others end by the deadline, and name the party and
//! the reason.

use std::net::TcpListener;

use cloister_testkit::http::{Answer, Api};
use cloister_testkit::{Cluster, Kind, fresh, wait_for, wait_until};
use serde_json::{Value, json};

/// The deadline, in seconds, of computations that wait for it.
const DEADLINE: u32 = 10;

/// Starts nodes whose computations end soon, and waits until they have met.
fn hasty() -> Cluster {
    let cluster = Cluster::start(Kind { deadline: DEADLINE, ..Kind::teaching(3) });
    wait_until_healthy(&cluster);
    cluster
}

/// Waits until the nodes compute: a loaded machine may need longer for it than the short deadline
/// allows.
fn wait_until_healthy(cluster: &Cluster) {
    wait_until("the nodes compute", || cluster.is_healthy());
}

fn request(cluster: &Cluster, uuid: &str, myself: usize) -> Value {
    json!({"microprotocol": "SecureSum", "data": [1], "network": cluster.network(uuid, myself)})
}

#[test]
fn a_party_that_never_comes_is_named_at_the_deadline() {
    let cluster = hasty();
    let uuid = fresh();
    let requests = [request(&cluster, &uuid, 0), request(&cluster, &uuid, 1), Value::Null];
    for answer in cluster.compute_with(&requests) {
        answer.refused(504, "deadline");
        assert_eq!(answer.body["party"], "clinic-2");
        assert!(answer.message().contains("clinic-2"), "{}", answer.message());
        assert!(answer.message().contains("agreeing"), "{}", answer.message());
    }
    wait_until_healthy(&cluster);
}

/// Has all parties ask at once, the last one for another computation. All of them are told the
/// field that differs.
fn differ(cluster: &Cluster, field: &str, change: impl Fn(&mut Value)) {
    let uuid = fresh();
    let mut requests: Vec<Value> = (0..3).map(|index| request(cluster, &uuid, index)).collect();
    change(&mut requests[2]);
    for answer in cluster.compute_with(&requests) {
        answer.refused(409, "disagreement");
        assert!(answer.message().contains(field), "{field}: {}", answer.message());
    }
    cluster.check_health();
}

#[test]
fn parties_that_want_different_things_hear_which_field_differs() {
    let cluster = Cluster::teaching(3);
    differ(&cluster, "function", |request| {
        request["microprotocol"] = json!("SecureVectorSum");
    });
    differ(&cluster, "parameters.digits_", |request| {
        request["parameters"] = json!({"digits_before": 6, "digits_after": 12});
    });
    differ(&cluster, "members", |request| {
        let nodes = request["network"]["nodes"].as_array_mut().unwrap();
        nodes.swap(0, 1);
    });
}

#[test]
fn vectors_of_different_lengths_are_a_disagreement() {
    let cluster = Cluster::teaching(3);
    let data = [json!([[1, 2]]), json!([[1, 2]]), json!([[1, 2, 3]])];
    for answer in cluster.compute("SecureVectorSum", &data, &fresh()) {
        answer.refused(409, "disagreement");
        assert!(answer.message().contains("length"), "{}", answer.message());
    }
    cluster.check_health();
}

#[test]
fn parties_with_different_members_hear_of_it() {
    let cluster = Cluster::teaching(3);
    let uuid = fresh();
    let mut requests: Vec<Value> = (0..3).map(|index| request(&cluster, &uuid, index)).collect();
    requests[0]["network"]["nodes"] = json!(["clinic-0", "clinic-1"]);
    for answer in cluster.compute_with(&requests) {
        answer.refused(409, "disagreement");
        assert!(answer.message().contains("members"), "{}", answer.message());
    }
    cluster.check_health();
}

/// A task of one party; those of the same name belong together.
struct Task {
    api: Api,
    handle: String,
}

impl Task {
    fn start(cluster: &Cluster, index: usize, name: &str, function: &str, data: &Value) -> Self {
        let api = cluster.api(index);
        let network = json!({"nodes": cluster.urls(), "myself": index});
        let create = json!({"microprotocol": function, "network": network, "task_id": name});
        let handle = api.method(&api.service("Simon"), "create_task", &create).uuid();
        assert_eq!(api.method(&handle, "input", &json!({"data": data})).status, 200);
        assert_eq!(api.method(&handle, "start", &json!({})).status, 200);
        Self { api, handle }
    }

    /// Waits until the task is in this state. Returns false if it has ended before that was seen.
    fn reaches(&self, state: &str) -> bool {
        loop {
            let progress = self.api.progress(&self.handle);
            if progress == state {
                return true;
            }
            if progress == "done" || progress == "failed" {
                return false;
            }
        }
    }

    /// Waits until the task is in this round. Returns false if it has ended before that was seen.
    fn gets_to_round(&self, round: u64) -> bool {
        loop {
            let progress = self.api.progress_in_full(&self.handle);
            if progress["round"].as_u64().is_some_and(|reached| reached >= round) {
                return true;
            }
            if progress["state"] == "done" || progress["state"] == "failed" {
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

/// Kills the last node while the other two wait for its client.
fn kill_while_agreeing(cluster: &mut Cluster, name: &str) -> Vec<Answer> {
    let tasks = [0, 1].map(|index| Task::start(cluster, index, name, "SecureSum", &json!(1)));
    assert!(tasks.iter().all(|task| task.reaches("agreeing")));
    cluster.kill(2);
    tasks.iter().map(Task::ended).collect()
}

#[test]
fn a_node_that_dies_is_named_and_comes_back_without_restarting_the_others() {
    let mut cluster = Cluster::teaching(3);
    cluster.check_health();
    for _ in 0..2 {
        let uuid = fresh();
        let answers = kill_while_agreeing(&mut cluster, &uuid);
        assert_eq!(answers.len(), 2);
        for answer in answers {
            assert!([502, 504].contains(&answer.status), "{}", answer.body);
            answer.refused(answer.status, answer.code());
            assert_eq!(answer.body["party"], "clinic-2", "{}", answer.body);
        }
        cluster.restart(2);
        cluster.check_health();
    }
}

#[test]
fn a_node_that_is_down_is_named() {
    let mut cluster = hasty();
    cluster.kill(2);
    let uuid = fresh();
    let requests = [request(&cluster, &uuid, 0), request(&cluster, &uuid, 1), Value::Null];
    for answer in cluster.compute_with(&requests) {
        assert!([502, 504].contains(&answer.status), "{}", answer.body);
        assert!(answer.message().contains("clinic-2"), "{}", answer.message());
    }
    cluster.restart(2);
    wait_until_healthy(&cluster);
}

#[test]
fn a_node_that_stalls_is_named() {
    let cluster = hasty();
    cluster.signal(2, "STOP");
    let uuid = fresh();
    let requests = [request(&cluster, &uuid, 0), request(&cluster, &uuid, 1), Value::Null];
    for answer in cluster.compute_with(&requests) {
        answer.refused(504, "deadline");
        assert!(answer.message().contains("clinic-2"), "{}", answer.message());
    }
    cluster.signal(2, "CONT");
    wait_until_healthy(&cluster);
}

#[test]
fn a_node_with_another_consortium_file_is_named() {
    let mut cluster = hasty();
    cluster.kill(2);
    let file = cluster.folder().join("consortium.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let moved = cluster.url(1).replace("127.0.0.1", "localhost");
    std::fs::write(&file, text.replace(&cluster.url(1), &moved)).unwrap();
    cluster.restart(2);
    let data = [json!(1), json!(2), json!(3)];
    for answer in cluster.compute("SecureSum", &data, &fresh()).iter().take(2) {
        assert!([502, 504].contains(&answer.status), "{}", answer.body);
        let message = answer.message();
        assert!(message.contains("clinic-2") && message.contains("consortium file"), "{message}");
    }
    std::fs::write(&file, text).unwrap();
    cluster.kill(2);
    cluster.restart(2);
    wait_until_healthy(&cluster);
}

#[test]
fn one_name_serves_before_and_after_a_crash() {
    let mut cluster = Cluster::teaching(3);
    let uuid = fresh();
    let data = [json!(1), json!(2), json!(3)];
    let sum = |cluster: &Cluster| {
        let answers = cluster.compute("SecureSum", &data, &uuid);
        answers
            .iter()
            .map(|answer| answer.body["object"]["result"]["sum"].as_f64())
            .collect::<Vec<_>>()
    };
    assert_eq!(sum(&cluster), [Some(6.0); 3]);
    assert_eq!(sum(&cluster), [Some(6.0); 3]);
    cluster.kill(1);
    cluster.restart(1);
    assert_eq!(sum(&cluster), [Some(6.0); 3]);
    let answers = kill_while_agreeing(&mut cluster, &uuid);
    assert!(answers.iter().all(|answer| answer.status >= 500), "{answers:?}");
    cluster.restart(2);
    assert_eq!(sum(&cluster), [Some(6.0); 3]);
}

/// Kills the last node in a round of a big computation. Returns none if it was over too soon.
fn kill_in_a_round(cluster: &mut Cluster) -> Option<[Answer; 2]> {
    // Some fifty megabytes to each peer: there is time to die in a round.
    let vector: Vec<f64> = (0..200_000).map(f64::from).collect();
    kill_while(cluster, "SecureVectorSum", &json!([vector]), |dying| dying.reaches("running"))
}

/// Kills the last node once its task has got so far. Returns none if all was over too soon.
fn kill_while(
    cluster: &mut Cluster,
    function: &str,
    data: &Value,
    has_got_so_far: impl Fn(&Task) -> bool,
) -> Option<[Answer; 2]> {
    let name = fresh();
    let [one, other, dying] =
        [0, 1, 2].map(|index| Task::start(cluster, index, &name, function, data));
    if !has_got_so_far(&dying) {
        return None;
    }
    cluster.kill(2);
    let answers = [one.ended(), other.ended()];
    cluster.restart(2);
    // The others may have had all that they needed.
    answers.iter().all(|answer| answer.status != 200).then_some(answers)
}

#[test]
fn a_node_that_dies_in_a_round_is_named() {
    let mut cluster = Cluster::teaching(3);
    for answer in wait_for("a death in a round", || kill_in_a_round(&mut cluster)) {
        assert!([502, 504].contains(&answer.status), "{}", answer.body);
        assert!(answer.message().contains("clinic-2"), "{}", answer.body);
    }
    cluster.check_health();
}

#[test]
fn an_api_port_in_use_is_said() {
    let cluster = Cluster::teaching(3);
    let (taken, folder) = (cluster.url(0), cluster.folder());
    let config = folder.join("clinic-0/node.toml");
    let node =
        cloister_testkit::cloister().args(["node", "--config"]).arg(config).output().unwrap();
    let error = String::from_utf8(node.stderr).unwrap();
    assert_eq!(node.status.code(), Some(2), "{error}");
    assert!(error.contains("cannot listen") && node.stdout.is_empty(), "{error}");
    assert!(TcpListener::bind(taken.trim_start_matches("http://")).is_err());
    cluster.check_health();
}

/// Kills the last node, which is in the committee, once a sort has got so many rounds far. Returns
/// none if it was over too soon.
fn kill_while_sorting(cluster: &mut Cluster, rounds: u64) -> Option<[Answer; 2]> {
    let numbers: Vec<u32> = (0..3_000).collect();
    kill_while(cluster, "TopK", &json!(numbers), |dying| dying.gets_to_round(rounds))
}

#[test]
fn a_node_that_dies_at_any_step_of_a_sort_is_named() {
    let mut cluster = Cluster::teaching(3);
    // Counting rows, telling sizes, sharing; and in the middle of the sort.
    for rounds in [1, 3, 6, 20, 100] {
        let death = format!("a death after {rounds} rounds");
        for answer in wait_for(&death, || kill_while_sorting(&mut cluster, rounds)) {
            assert!([502, 504].contains(&answer.status), "{rounds}: {}", answer.body);
            assert!(answer.message().contains("clinic-2"), "{rounds}: {}", answer.body);
        }
        cluster.check_health();
    }
}
