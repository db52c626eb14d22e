//! Values that never leave a node, whatever a client asks, and callers that are not let in.
//!
//! Data come in and only results go out; attributes exist if they are documented; handles are
//! counted; at the peer port there are members only.

use std::fs;
use std::io::Write;
use std::net::TcpStream;

use cloister_testkit::http::Api;
use cloister_testkit::{Cluster, Kind, fresh, wait_until};
use serde_json::{Value, json};

#[test]
fn data_are_never_downloaded() {
    let cluster = Cluster::teaching(2);
    let api = cluster.api(0);
    for data in [json!([1, 2, 3]), json!("text"), json!(null), json!({"a": 1})] {
        let handle = api.upload(&data).uuid();
        let answer = api.download(&handle);
        answer.refused(403, "no_download");
        assert!(answer.body["hint"].as_str().unwrap().contains("result"), "{}", answer.body);
    }
    let simon = api.service("Simon");
    api.download(&simon).refused(403, "no_download");
    let compute = api.attribute(&simon, "compute").uuid();
    api.download(&compute).refused(403, "no_download");
    cluster.check_health();
}

#[test]
fn private_values_stay_private_whichever_service_they_pass_through() {
    let cluster = Cluster::teaching(2);
    let api = cluster.api(0);
    let secret = json!({"representation_uuid": api.upload(&json!("secret")).uuid()});
    let broadcast = api.service("Broadcast");
    let send = json!({"uuid": "room", "message": secret});
    api.method(&broadcast, "send", &send).refused(403, "no_download");
    let received = api.method(&broadcast, "receive", &json!({"uuid": "room"}));
    assert_eq!(received.body, json!({"type": "none"}));

    let service = api.service("KeyValueStorage");
    let storage = api.method(&service, "create", &json!({"storage": "s"})).uuid();
    let stored = api.method(&storage, "store", &json!({"key": "k", "value": secret}));
    assert_eq!(stored.body, json!({"type": "none"}));
    let retrieved = api.method(&storage, "retrieve", &json!({"key": "k"})).uuid();
    api.download(&retrieved).refused(403, "no_download");
    let again = json!({"uuid": "room", "message": {"representation_uuid": retrieved}});
    api.method(&broadcast, "send", &again).refused(403, "no_download");
    cluster.check_health();
}

#[test]
fn values_written_into_a_storage_are_computed_with_and_never_downloaded() {
    let cluster = Cluster::teaching(2);
    let api = cluster.api(0);
    let storage = api.service("KeyValueStorage");
    let storage = api.method(&storage, "create", &json!({})).uuid();
    let stored = api.method(&storage, "store", &json!({"key": "k", "value": [3, 4]}));
    assert_eq!(stored.body, json!({"type": "none"}));
    let retrieved = api.method(&storage, "retrieve", &json!({"key": "k"})).uuid();
    api.download(&retrieved).refused(403, "no_download");
    let handle = json!({"representation_uuid": retrieved});
    let message = json!({"uuid": "room", "message": handle});
    api.method(&api.service("Broadcast"), "send", &message).refused(403, "no_download");
    let copy = api.method(&storage, "store", &json!({"key": "copy", "value": handle}));
    assert_eq!(copy.body, json!({"type": "none"}));
    let copy = api.method(&storage, "retrieve", &json!({"key": "copy"})).uuid();
    api.download(&copy).refused(403, "no_download");
    let as_network = json!({"microprotocol": "SecureSum", "data": [1], "network": handle});
    api.method(&api.service("Simon"), "compute", &as_network).refused(403, "no_download");
    for answer in cluster.compute("SecureSum", &[handle, json!([1, 2])], "stored") {
        assert_eq!(answer.body["object"]["result"], json!({"sum": 10.0}), "{}", answer.body);
    }
    cluster.check_health();
}

#[test]
fn only_documented_attributes_exist() {
    let cluster = Cluster::teaching(2);
    let api = cluster.api(0);
    let network = json!({"nodes": cluster.urls(), "myself": 0});
    let simon = api.service("Simon");
    let create = json!({"microprotocol": "SecureSum", "network": network});
    let task = api.method(&simon, "create_task", &create).uuid();
    let storage = api.service("KeyValueStorage");
    let names = [
        "tasks",
        "storage",
        "_x",
        "__class__",
        "__init__",
        "__dict__",
        "secret_key",
        "keys",
        "sessions",
        "recipient",
        "data",
        "Compute",
        "compute.x",
        "%00",
        "../compute",
    ];
    for object in [&simon, &task, &storage] {
        for name in names {
            let answer = api.attribute(object, name);
            assert_eq!(answer.status, 404, "{name}: {}", answer.body);
            answer.refused(404, answer.code());
        }
    }
    let value = api.upload(&json!({"tasks": 1})).uuid();
    api.attribute(&value, "tasks").refused(404, "no_such_attribute");
    let method = api.attribute(&simon, "compute").uuid();
    api.attribute(&method, "__self__").refused(404, "no_such_attribute");
    api.call(&value, &json!({})).refused(400, "not_callable");
    api.call(&simon, &json!({})).refused(400, "not_callable");
    cluster.check_health();
}

#[test]
fn who_holds_too_much_is_told_to_give_back() {
    let settings = "[limits]\nhandles = 40\nupload_bytes = 500000";
    let cluster = Cluster::start(Kind { settings, ..Kind::teaching(2) });
    let api = cluster.api(0);
    api.upload(&json!(vec![0.5; 200_000])).refused(429, "over_quota");
    let handles: Vec<String> = (0..40).map(|number| api.upload(&json!(number)).uuid()).collect();
    api.upload(&json!(40)).refused(429, "over_quota");
    for handle in handles {
        assert_eq!(api.release(&handle).status, 200);
    }
    cluster.check_health();
}

#[test]
fn bytes_in_flight_have_a_budget_that_computations_give_back_at_their_end() {
    let settings = "[limits]\nbody_bytes = 200000\nflight_bytes = 200000";
    let cluster = Cluster::start(Kind { settings, ..Kind::teaching(2) });
    let numbers = json!(vec![1; 60_000]);
    let tasks: Vec<String> = (0..2)
        .map(|index| {
            let api = cluster.api(index);
            let network = json!({"nodes": cluster.urls(), "myself": index});
            let create =
                json!({"microprotocol": "SecureSum", "network": network, "task_id": "budget"});
            let task = api.method(&api.service("Simon"), "create_task", &create).uuid();
            let input = api.method(&task, "input", &json!({"data": numbers}));
            assert_eq!(input.body, json!({"type": "none"}));
            task
        })
        .collect();
    let api = cluster.api(0);
    api.upload(&numbers).refused(503, "unavailable");
    assert_eq!(api.method(&tasks[0], "start", &json!({})).body, json!({"type": "none"}));
    // The computation waits for the other party.
    api.upload(&numbers).refused(503, "unavailable");
    api.upload(&json!([1, 2])).uuid();
    let other = cluster.api(1);
    assert_eq!(other.method(&tasks[1], "start", &json!({})).body, json!({"type": "none"}));
    wait_until("the result", || api.progress(&tasks[0]) == "done");
    api.upload(&numbers).uuid();
    cluster.check_health();
}

#[test]
fn data_behind_handles_are_in_flight_while_they_are_computed_with() {
    let settings = "[limits]\nbody_bytes = 200000\nflight_bytes = 200000";
    let cluster = Cluster::start(Kind { settings, ..Kind::teaching(2) });
    let api = cluster.api(0);
    let data = json!({"representation_uuid": api.upload(&json!(vec![1; 60_000])).uuid()});
    let simon = api.service("Simon");
    let start = |id: &str| {
        let create = json!({"microprotocol": "SecureSum", "task_id": id,
            "network": {"nodes": cluster.urls(), "myself": 0}});
        let task = api.method(&simon, "create_task", &create).uuid();
        let input = api.method(&task, "input", &json!({"data": data}));
        assert_eq!(input.body, json!({"type": "none"}));
        assert_eq!(api.method(&task, "start", &json!({})).body, json!({"type": "none"}));
        task
    };
    // The first one waits for the other party, with its data.
    let first = start("first");
    wait_until("its data are read", || api.progress(&first) == "agreeing");
    let second = start("second");
    wait_until("it is refused", || api.progress(&second) == "failed");
    api.method(&second, "result", &json!({})).refused(503, "unavailable");
    api.upload(&json!([1, 2])).uuid();
}

#[test]
fn rows_of_a_dataset_are_in_flight_while_they_are_computed_with() {
    let settings = "[limits]\nbody_bytes = 200000\nflight_bytes = 300000";
    let cluster = Cluster::start(Kind { settings, ..Kind::teaching(2) });
    let data = cluster.folder().join("clinic-0/data");
    fs::create_dir_all(&data).unwrap();
    // Of a row 24 bytes are held: its value and its hash.
    fs::write(data.join("t.csv"), format!("x\n{}", "1\n".repeat(10_000))).unwrap();
    cluster.operate(0, &["data", "register", "t", "--csv", data.join("t.csv").to_str().unwrap()]);
    let api = cluster.api(0);
    let select = json!({"dataset": "t", "columns": "x"});
    let selected = api.method(&api.service("Datasets"), "select", &select).uuid();
    let simon = api.service("Simon");
    let start = |id: &str| {
        let create = json!({"microprotocol": "SecureSum", "task_id": id,
            "network": {"nodes": cluster.urls(), "myself": 0}});
        let task = api.method(&simon, "create_task", &create).uuid();
        api.method(&task, "input", &json!({"data": {"representation_uuid": selected}}));
        api.method(&task, "start", &json!({}));
        task
    };
    let first = start("first");
    wait_until("its data are read", || api.progress(&first) == "agreeing");
    let second = start("second");
    wait_until("it is refused", || api.progress(&second) == "failed");
    api.method(&second, "result", &json!({})).refused(503, "unavailable");
    // What the first one holds is free again when it has ended.
    api.release(&first);
    let id = listed(&api)[0]["id"].as_str().unwrap().to_owned();
    api.send("DELETE", &format!("/v1/computations/{id}"), "");
    wait_until("its rows are forgotten", || {
        let again = start(&fresh());
        wait_until("it begins or is refused", || api.progress(&again) != "preparing");
        api.progress(&again) == "agreeing"
    });
}

/// Lists the computations that run.
fn listed(api: &Api) -> Vec<Value> {
    let body = api.send("GET", "/v1/computations?state=running", "").body;
    body["computations"].as_array().unwrap().clone()
}

#[test]
fn announced_bodies_that_do_not_come_leave_room_for_others() {
    let settings = "[limits]\nbody_bytes = 2000000\nflight_bytes = 12000000";
    let cluster = Cluster::start(Kind { settings, ..Kind::teaching(2) });
    let announced: Vec<TcpStream> = (0..16)
        .map(|_| {
            let host = cluster.url(0).replace("http://", "");
            let mut stream = TcpStream::connect(&host).unwrap();
            let head = format!(
                "PUT /representations HTTP/1.1\r\nHost: {host}\r\nContent-Length: 2000000\r\n\r\n"
            );
            stream.write_all(head.as_bytes()).unwrap();
            stream
        })
        .collect();
    for _ in 0..20 {
        cluster.api(0).upload(&json!(vec![0.5; 100_000])).uuid();
    }
    drop(announced);
    cluster.check_health();
}

#[test]
fn what_one_principal_has_in_flight_leaves_room_for_others() {
    let settings = "access.mode = \"tokens\"\n\
        [limits]\nbody_bytes = 200000\nflight_bytes = 800000";
    let cluster = Cluster::start(Kind { settings, ..Kind::teaching(2) });
    let of = |name: &str| {
        let token = cluster.token(0, name, &["researcher", "owner"]);
        cluster.api(0).with_token(&token)
    };
    let (ada, bob) = (of("ada"), of("bob"));
    let numbers = json!(vec![1; 60_000]);
    let create = json!({"microprotocol": "SecureSum", "network": {
        "nodes": cluster.urls(), "myself": 0}});
    let task = ada.method(&ada.service("Simon"), "create_task", &create).uuid();
    let input = json!({"data": numbers});
    assert_eq!(ada.method(&task, "input", &input).body, json!({"type": "none"}));
    ada.method(&task, "input", &input).refused(429, "over_quota");
    ada.upload(&numbers).refused(429, "over_quota");
    bob.upload(&numbers).uuid();
}

#[test]
fn an_opened_result_is_kept_though_its_owner_holds_much_already() {
    let cluster =
        Cluster::start(Kind { settings: "[limits]\nheld_bytes = 100000", ..Kind::teaching(2) });
    let data = [1, 2].map(|number| json!(vec![number; 20_000]));
    for answer in cluster.compute("SecureVectorSum", &data, "once") {
        assert_eq!(answer.body["object"]["result"]["sum"][0], json!(3.0), "{}", answer.status);
    }
    for answer in cluster.compute("SecureVectorSum", &data, "twice") {
        answer.refused(429, "over_quota");
    }
}

#[test]
fn strangers_at_the_peer_port_are_sent_away() {
    let cluster = Cluster::teaching(2);
    let greetings: [&[u8]; 3] = [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\xff\xff", &[0; 100_000]];
    for greeting in greetings {
        let mut stream = TcpStream::connect(cluster.peer(0)).unwrap();
        // It may hang up while the test still sends.
        let _ = stream.write_all(greeting);
    }
    cluster.check_health();
}
