//! The API for people: the computations that a principal sees and may end, at any moment, and the
//! listeners that are told.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::thread::{self, ScopedJoinHandle};

use cloister_testkit::http::{Answer, Api};
use cloister_testkit::{Cluster, Kind, PATIENCE, fresh, wait_for, wait_until};
use serde_json::{Value, json};

const ROUNDS: u32 = 100_000;

fn with_tokens() -> Cluster {
    Cluster::start(Kind { settings: "access.mode = \"tokens\"", ..Kind::teaching(3) })
}

fn researcher(cluster: &Cluster, index: usize, name: &str) -> Api {
    cluster.api(index).with_token(&cluster.token(index, name, &["researcher"]))
}

/// Has one party ask for a computation of nothing in many rounds.
pub(crate) fn long(cluster: &Cluster, index: usize, uuid: &str) -> Value {
    json!({
        "microprotocol": "Empty",
        "data": [],
        "parameters": {"times": ROUNDS},
        "network": cluster.network(uuid, index),
    })
}

fn listed(api: &Api, network: &str) -> Vec<Value> {
    let body = api.send("GET", &format!("/v1/computations?network={network}"), "").body;
    body["computations"].as_array().unwrap_or_else(|| panic!("{body}")).clone()
}

/// Waits until the only computation of this network is in this state.
#[track_caller]
pub(crate) fn in_state(api: &Api, network: &str, state: &str) -> Value {
    wait_for(&format!("{network} is {state}"), || {
        let found = listed(api, network);
        (found.len() == 1 && found[0]["state"] == state).then(|| found[0].clone())
    })
}

fn cancel(api: &Api, computation: &Value) -> Answer {
    let id = computation["id"].as_str().unwrap();
    api.send("DELETE", &format!("/v1/computations/{id}"), "")
}

fn each_is_cancelled<'a>(asked: impl IntoIterator<Item = ScopedJoinHandle<'a, Answer>>, by: &str) {
    for answer in asked {
        let answer = answer.join().unwrap();
        answer.refused(409, "cancelled");
        assert_eq!(answer.body["party"], by, "{}", answer.body);
    }
}

/// As a browser does whose page is left: it closes the connection.
#[test]
fn a_request_that_is_given_up_ends_its_computation_at_all_nodes() {
    let cluster = Cluster::teaching(3);
    let api = cluster.api(0);
    let method = api.attribute(&api.service("Simon"), "compute").uuid();
    let address = cluster.url(0).trim_start_matches("http://").to_owned();
    let body = json!({"args": [], "kwargs": long(&cluster, 0, "left")}).to_string();
    let request = format!(
        "PATCH /representation/{method} HTTP/1.1\r\nHost: {address}\r\nContent-Length: {}\r\n\r\n\
         {body}",
        body.len()
    );
    let mut stream = TcpStream::connect(&address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    thread::scope(|scope| {
        let asked = [1, 2].map(|index| {
            let (api, request) = (cluster.api(index), long(&cluster, index, "left"));
            scope.spawn(move || api.compute(&request))
        });
        in_state(&api, "left", "running");
        drop(stream);
        each_is_cancelled(asked, "clinic-0");
    });
    in_state(&api, "left", "cancelled");
}

#[test]
fn what_runs_is_ended_at_all_nodes_by_one_word_at_one() {
    let cluster = Cluster::teaching(3);
    let uuid = fresh();
    thread::scope(|scope| {
        let asked: Vec<_> = (0..3)
            .map(|index| {
                let (api, request) = (cluster.api(index), long(&cluster, index, &uuid));
                scope.spawn(move || api.compute(&request))
            })
            .collect();
        let there = in_state(&cluster.api(1), &uuid, "running");
        assert_eq!(there["members"], json!(cluster.names));
        assert_eq!(there["me"], "clinic-1");
        assert_eq!(cancel(&cluster.api(1), &there).body, json!({"cancelled": true}));
        each_is_cancelled(asked, "clinic-1");
        cancel(&cluster.api(1), &there).refused(409, "already_ended");
    });
    for index in 0..3 {
        let ended = in_state(&cluster.api(index), &uuid, "cancelled");
        assert_eq!(ended["error"]["code"], "cancelled");
        assert_eq!(ended["error"]["party"], "clinic-1");
        assert_eq!(ended["waiting"], Value::Null);
        // The rounds are there, the latest, with the number of those before them.
        let id = ended["id"].as_str().unwrap();
        let all = cluster.api(index).send("GET", &format!("/v1/computations/{id}"), "").body;
        let rounds = all["rounds"].as_array().unwrap();
        assert!(!rounds.is_empty() && rounds.len() <= 200, "{all}");
        let last = rounds.last().unwrap()["round"].as_u64().unwrap();
        let dropped = all["rounds_dropped"].as_u64().unwrap();
        assert_eq!(dropped > 0, last > 200, "{last} {dropped}");
        assert_eq!(all["result"], Value::Null);
    }
    // The name is free again, and the nodes are as before.
    let data = [json!([1]), json!([2]), json!([4])];
    for answer in cluster.compute("SecureSum", &data, &uuid) {
        assert_eq!(answer.body["object"]["result"]["sum"], 7.0, "{}", answer.body);
    }
}

#[test]
fn who_is_awaited_is_told_and_what_waits_is_ended_for_those_who_come_later() {
    let cluster = Cluster::teaching(3);
    let uuid = fresh();
    thread::scope(|scope| {
        let ask = |index| {
            let (api, request) = (cluster.api(index), long(&cluster, index, &uuid));
            scope.spawn(move || api.compute(&request))
        };
        let first = ask(0);
        // It may wait for a link before.
        let alone = wait_for("both others are awaited", || {
            let alone = in_state(&cluster.api(0), &uuid, "agreeing");
            (alone["waiting"]["for"] == "agreeing").then_some(alone)
        });
        assert_eq!(alone["waiting"]["parties"], json!(["clinic-1", "clinic-2"]), "{alone}");
        let second = ask(1);
        wait_until("clinic-1 has come", || {
            listed(&cluster.api(0), &uuid)[0]["waiting"]["parties"] == json!(["clinic-2"])
        });
        assert_eq!(cancel(&cluster.api(0), &alone).status, 200);
        each_is_cancelled([first, second], "clinic-0");
        // A party that comes now does not wait for a computation that is gone.
        ask(2).join().unwrap().refused(409, "cancelled");
    });
    cluster.check_health();
}

#[test]
fn what_waits_for_a_connection_says_so_and_is_ended() {
    let mut cluster = Cluster::stopped(Kind::teaching(3));
    cluster.start_some(&[0, 1]);
    let uuid = fresh();
    thread::scope(|scope| {
        let (api, request) = (cluster.api(0), long(&cluster, 0, &uuid));
        let asked = scope.spawn(move || api.compute(&request));
        // The link to the second node may come up a moment later.
        let waiting = wait_for("only the third is missing", || {
            let waiting = in_state(&cluster.api(0), &uuid, "connecting");
            (waiting["waiting"]["parties"] == json!(["clinic-2"])).then_some(waiting)
        });
        assert_eq!(waiting["waiting"]["for"], "a connection");
        assert_eq!(cancel(&cluster.api(0), &waiting).status, 200);
        each_is_cancelled([asked], "clinic-0");
        // The name is free at once, although the third has not been told yet.
        let (api, request) = (cluster.api(0), long(&cluster, 0, &uuid));
        let again = scope.spawn(move || api.compute(&request));
        let waiting = wait_for("it waits for a connection again", || {
            let latest = listed(&cluster.api(0), &uuid)[0].clone();
            (latest["state"] == "connecting").then_some(latest)
        });
        assert_eq!(cancel(&cluster.api(0), &waiting).status, 200);
        each_is_cancelled([again], "clinic-0");
    });
    // A party that comes when all are there is told of the cancellation, once, and then all
    // compute.
    cluster.start_some(&[2]);
    cluster.check_health();
}

#[test]
fn a_stream_of_events_ends_with_its_token() {
    let cluster = with_tokens();
    let token = cluster.token(0, "ada", &["researcher"]);
    let mut stream = TcpStream::connect(cluster.url(0).trim_start_matches("http://")).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let request =
        format!("GET /events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
    assert!(lines.any(|line| line == "event: computations"));
    cluster.operate(0, &["token", "revoke", "--name", "ada"]);
    // It ends; a read that waits in vain would panic.
    lines.for_each(drop);
}

#[test]
fn nobody_takes_all_places_or_has_what_others_did_forgotten() {
    let cluster = with_tokens();
    let (ada, eve) = (researcher(&cluster, 0, "ada"), researcher(&cluster, 0, "eve"));
    let (uuid, token) = (fresh(), cluster.token(0, "greedy", &["researcher"]));
    let network = cluster.network(&uuid, 0);
    let fails = json!({"microprotocol": "SecureSum", "data": ["no number"], "network": network});
    assert!(ada.compute(&fails).status >= 400);
    // The network name of preprocessing is refused at once.
    let own = cluster.network("cloister:ahead", 0);
    let refused = json!({"microprotocol": "SecureSum", "data": [1], "network": own});
    for _ in 0..520 {
        eve.compute(&refused).refused(400, "bad_network");
    }
    assert_eq!(listed(&ada, &uuid).len(), 1);
    // More than one principal may have; each is told at once whether it is served.
    let listen = |token: &str| {
        let host = cluster.url(0);
        let mut stream = TcpStream::connect(host.trim_start_matches("http://")).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let request = format!(
            "GET /events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut head = String::new();
        let mut reader = BufReader::new(stream);
        reader.read_line(&mut head).unwrap();
        (head.contains(" 200 "), reader)
    };
    let streams: Vec<_> = (0..20).map(|_| listen(&token)).collect();
    assert_eq!(streams.iter().filter(|(listens, _)| *listens).count(), 16);
    let (listens, _mine) = listen(&cluster.token(0, "grace", &["owner"]));
    assert!(listens, "whoever else comes has a place");
    drop(streams);
}

#[test]
fn a_task_tells_for_whom_it_waits() {
    let cluster = Cluster::teaching(3);
    let api = cluster.api(0);
    let simon = api.service("Simon");
    let made = json!({
        "microprotocol": "SecureSum", "network": cluster.network("none", 0), "task_id": fresh(),
    });
    let task = api.method(&simon, "create_task", &made).uuid();
    api.method(&task, "input", &json!({"data": [1, 2]}));
    api.method(&task, "start", &json!({}));
    wait_until("the task agrees", || api.progress(&task) == "agreeing");
    let progress = api.progress_in_full(&task);
    assert_eq!(progress["waiting_for"], json!(["clinic-1", "clinic-2"]), "{progress}");
    // It is a computation like others, under the name that the task tells.
    let id = progress["computation"].as_str().unwrap();
    let path = format!("/v1/computations/{id}");
    assert_eq!(api.send("GET", &path, "").body["state"], "agreeing");
    assert_eq!(api.send("DELETE", &path, "").status, 200);
    wait_until("the task has failed", || api.progress(&task) == "failed");
    api.method(&task, "result", &json!({})).refused(409, "cancelled");
}

#[test]
fn results_are_for_those_who_asked_and_others_see_what_their_roles_allow() {
    let cluster = with_tokens();
    let uuid = fresh();
    let ada: Vec<Api> = (0..3).map(|index| researcher(&cluster, index, "ada")).collect();
    let eve = researcher(&cluster, 0, "eve");
    let [auditor, owner, operator] = ["auditor", "owner", "operator"]
        .map(|role| cluster.api(0).with_token(&cluster.token(0, role, &[role])));
    let data = [json!([1, 2]), json!([3]), json!([4])];
    thread::scope(|scope| {
        for (index, api) in ada.iter().enumerate() {
            let network = cluster.network(&uuid, index);
            let request =
                json!({"microprotocol": "SecureSum", "data": data[index], "network": network});
            scope.spawn(move || assert_eq!(api.compute(&request).status, 200));
        }
    });
    let done = in_state(&ada[0], &uuid, "done");
    let path = format!("/v1/computations/{}", done["id"].as_str().unwrap());
    let own = ada[0].send("GET", &path, "").body;
    assert_eq!(own["result"]["sum"], 10.0, "{own}");
    assert!(own["security"].is_object() && own["disclosure"].is_object(), "{own}");
    for observer in [&auditor, &owner, &operator] {
        let seen = observer.send("GET", &path, "").body;
        assert_eq!(seen["state"], "done", "{seen}");
        for hidden in ["result", "security", "disclosure"] {
            assert_eq!(seen[hidden], Value::Null, "{seen}");
        }
    }
    // A principal that may not see it cannot tell that it is there.
    assert_eq!(listed(&eve, &uuid), Vec::<Value>::new());
    eve.send("GET", &path, "").refused(404, "no_such_computation");
    eve.send("DELETE", &path, "").refused(404, "no_such_computation");
    auditor.send("DELETE", &path, "").refused(403, "wrong_role");

    let uuid = fresh();
    thread::scope(|scope| {
        let request = long(&cluster, 0, &uuid);
        let api = &ada[0];
        let asked = scope.spawn(move || api.compute(&request));
        let running = in_state(&operator, &uuid, "agreeing");
        cancel(&auditor, &running).refused(403, "wrong_role");
        cancel(&eve, &running).refused(404, "no_such_computation");
        assert_eq!(cancel(&operator, &running).status, 200);
        each_is_cancelled([asked], "clinic-0");
    });
    let log = auditor.send("GET", "/v1/audit?limit=1", "").body;
    assert_eq!(log["entries"][0]["document"]["cancelled_by"], "operator", "{log}");
    for path in ["/v1/approvals", "/v1/audit"] {
        eve.send("GET", path, "").refused(403, "wrong_role");
    }
    let page = auditor.send("GET", "/v1/audit?limit=2", "").body;
    assert_eq!(page["entries"].as_array().unwrap().len(), 2, "{page}");
    let verified = auditor.send("POST", "/v1/audit/verification", "{}").body;
    assert_eq!(verified["verified"], true, "{verified}");
    assert_eq!(verified["entries"], page["head"]["number"], "{verified}");
    // A caller without a token learns nothing.
    for path in ["/v1/node", "/v1/members", "/v1/computations", "/v1/functions", "/events"] {
        cluster.api(0).send("GET", path, "").refused(401, "no_token");
    }
}

#[test]
fn events_tell_of_a_computation_from_its_beginning_to_its_end() {
    let cluster = Cluster::teaching(2);
    let mut stream = TcpStream::connect(cluster.url(0).trim_start_matches("http://")).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
    let mut next = |kind: &str| loop {
        if lines.next().unwrap() == format!("event: {kind}") {
            let data = lines.next().unwrap();
            return serde_json::from_str::<Value>(data.strip_prefix("data: ").unwrap()).unwrap();
        }
    };
    assert_eq!(next("node")["party"], "clinic-0");
    assert_eq!(next("members")["members"].as_array().unwrap().len(), 2);
    assert_eq!(next("computations"), json!({"computations": []}));
    let uuid = fresh();
    thread::scope(|scope| {
        let (api, request) = (cluster.api(0), long(&cluster, 0, &uuid));
        let asked = scope.spawn(move || api.compute(&request));
        let begun = next("computations")["computations"][0].clone();
        assert_eq!(begun["network"], uuid.as_str());
        assert_eq!(cancel(&cluster.api(0), &begun).status, 200);
        while next("computations")["computations"][0]["state"] != "cancelled" {}
        each_is_cancelled([asked], "clinic-0");
    });
}

#[test]
fn a_node_that_is_told_to_stop_lets_what_runs_end_and_takes_nothing_new() {
    let settings = "grace_seconds = 150";
    let mut cluster = Cluster::start(Kind { settings, deadline: 300, ..Kind::teaching(2) });
    let uuid = fresh();
    thread::scope(|scope| {
        let asked: Vec<_> = (0..2)
            .map(|index| {
                let mut request = long(&cluster, index, &uuid);
                request["parameters"]["times"] = json!(5_000);
                let api = cluster.api(index);
                // The call ends with its computation; another call would fetch the result.
                let compute = api.attribute(&api.service("Simon"), "compute").uuid();
                scope.spawn(move || api.call(&compute, &request))
            })
            .collect();
        in_state(&cluster.api(0), &uuid, "running");
        cluster.signal(0, "TERM");
        for answer in asked {
            let answer = answer.join().unwrap();
            assert_eq!(answer.status, 200, "{}", answer.body);
        }
    });
    assert!(cluster.ended_well(0), "{}", cluster.log(0));
}

/// The state is copied while the node runs, and has what was done until then when it is put back.
#[test]
fn a_backup_of_a_running_node_is_put_back() {
    let mut cluster = Cluster::teaching(2);
    cluster.token(0, "ada", &["researcher"]);
    let results = cluster.compute("SecureSum", &[json!([1]), json!([2])], &fresh());
    assert!(results.iter().all(|answer| answer.status == 200));
    let copy = cluster.folder().join("copy");
    let told = cluster.operate(0, &["state", "backup", copy.to_str().unwrap()]);
    let again = cluster.operator(0, &["state", "backup", copy.to_str().unwrap()]).output().unwrap();
    let problem = String::from_utf8(again.stderr).unwrap();
    assert!(!again.status.success() && problem.contains("there already"), "{problem}");
    // Of after the copy.
    cluster.token(0, "bob", &["researcher"]);
    cluster.stop(0);
    let state = cluster.folder().join("clinic-0/state");
    fs::rename(&state, cluster.folder().join("lost")).unwrap();
    fs::rename(&copy, &state).unwrap();
    let verified = cluster.operate(0, &["audit", "verify"]);
    assert_eq!(verified.replace(", unbroken; ", ", ").trim(), told.trim());
    cluster.restart(0);
    let tokens = cluster.operate(0, &["token", "list"]);
    assert!(tokens.contains("ada") && !tokens.contains("bob"), "{tokens}");
    let log = cluster.operate(0, &["audit", "show"]);
    assert!(log.contains("backed up"), "{log}");
}

#[test]
fn a_client_that_ends_its_own_direction_is_answered() {
    let cluster = Cluster::teaching(2);
    let host = cluster.url(0).trim_start_matches("http://").to_owned();
    for path in ["/readyz", "/v1/functions"] {
        let mut client = TcpStream::connect(&host).unwrap();
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        client.write_all(request.as_bytes()).unwrap();
        client.shutdown(std::net::Shutdown::Write).unwrap();
        let mut line = String::new();
        BufReader::new(client).read_line(&mut line).unwrap();
        assert_eq!(line, "HTTP/1.1 200 OK\r\n", "{path}");
    }
}
