//! Principals beside each other at one node: what one makes counts for it, and is its own.

use cloister_testkit::http::Api;
use cloister_testkit::{Cluster, Kind};
use serde_json::{Value, json};

fn with_tokens(settings: &'static str) -> Cluster {
    Cluster::start(Kind { settings, ..Kind::teaching(2) })
}

fn with_roles(cluster: &Cluster, name: &str, roles: &[&str]) -> Api {
    cluster.api(0).with_token(&cluster.token(0, name, roles))
}

/// Returns two principals, of which the first may also bring data in.
fn two(cluster: &Cluster) -> [Api; 2] {
    let ada = with_roles(cluster, "ada", &["researcher", "owner"]);
    [ada, with_roles(cluster, "bob", &["researcher"])]
}

#[test]
fn what_one_principal_has_made_is_deleted_by_no_other() {
    let cluster = with_tokens("access.mode = \"tokens\"");
    let [ada, bob] = two(&cluster);
    for (service, made, deleted) in [
        ("Barrier", json!({"uuid": "b"}), json!({"uuid": "b"})),
        ("Broadcast", json!({"uuid": "r"}), json!({"uuid": "r"})),
        ("KeyValueStorage", json!({"storage": "s"}), json!({"storage": "s"})),
    ] {
        let create = ada.method(&ada.service(service), "create", &made);
        assert_eq!(create.status, 200, "{service}: {}", create.body);
        let others = bob.method(&bob.service(service), "delete", &deleted);
        others.refused(403, "not_yours");
        let own = ada.method(&ada.service(service), "delete", &deleted);
        assert_eq!(own.status, 200, "{service}: {}", own.body);
    }
    // A value in a storage is its maker's, too.
    let of = |api: &Api| {
        let storage =
            api.method(&api.service("KeyValueStorage"), "create", &json!({"storage": "t"}));
        storage.uuid()
    };
    let (adas, bobs) = (of(&ada), of(&bob));
    let store = |api: &Api, storage: &str, value: Value| {
        api.method(storage, "store", &json!({"key": "k", "value": value}))
    };
    assert_eq!(store(&ada, &adas, json!([31337])).status, 200);
    store(&bob, &bobs, json!([1])).refused(403, "not_yours");
    bob.method(&bobs, "delete", &json!({"key": "k"})).refused(403, "not_yours");
}

#[test]
fn a_key_that_came_inline_is_handed_out_to_no_principal() {
    let cluster = with_tokens("access.mode = \"tokens\"");
    let [ada, bob] = two(&cluster);
    let storage = |api: &Api| {
        api.method(&api.service("KeyValueStorage"), "create", &json!({"storage": "keys"})).uuid()
    };
    let key = json!({"key": "k", "value": "zwergspitzmaus"});
    assert_eq!(ada.method(&storage(&ada), "store", &key).status, 200);
    for api in [&ada, &bob] {
        let retrieved = api.method(&storage(api), "retrieve", &json!({"key": "k"})).uuid();
        let told = api.download(&retrieved);
        told.refused(403, "no_download");
        assert!(!told.body.to_string().contains("zwergspitzmaus"));
        let handle = json!({"representation_uuid": retrieved});
        let message = json!({"uuid": "room", "message": handle});
        api.method(&api.service("Broadcast"), "send", &message).refused(403, "no_download");
    }
}

#[test]
fn the_parent_of_a_task_counts_as_its_input_does() {
    let cluster = with_tokens("access.mode = \"tokens\"\n[limits]\nheld_bytes = 4000000");
    let [ada, bob] = two(&cluster);
    let network = json!({"nodes": cluster.urls(), "myself": 0});
    let create = |api: &Api, id: String| {
        let parent = "x".repeat(1 << 20);
        let task = json!({"microprotocol": "SecureSum", "network": network, "task_id": id,
            "parent": parent});
        api.method(&api.service("Simon"), "create_task", &task)
    };
    let taken = (0..28).take_while(|number| {
        let answer = create(&ada, format!("ada-{number}"));
        if answer.status != 200 {
            answer.refused(429, "over_quota");
        }
        answer.status == 200
    });
    // Four of a mebibyte are more than the bound.
    assert!((1..4).contains(&taken.count()));
    assert_eq!(create(&bob, "bob".into()).status, 200);
}
