//! A JavaScript client with Node's own `fetch`, and the preflight requests of a browser for one.
//!
//! The program sends the same requests as the JavaScript client for the reference server. It sends
//! GET and DELETE without a body, keeps connections open, ignores the status, and expects JSON in
//! every answer.

use std::process::Command;

use cloister_testkit::http::Answer;
use cloister_testkit::{Cluster, Kind, run};

use crate::clients;

const PAGE: &str = "https://lab.example";

#[test]
fn a_javascript_client_computes() {
    let version = Command::new("node").arg("--version").output();
    assert!(
        version.is_ok_and(|version| version.status.success()),
        "node is missing: install Node.js 18 or later (apt install nodejs)"
    );
    let cluster = Cluster::teaching(3);
    run(Command::new("node").arg(clients().join("client.mjs")).args(cluster.urls()));
}

fn preflight(cluster: &Cluster, origin: &str, method: &str) -> Answer {
    let request = format!(
        "OPTIONS /representations HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Origin: {origin}\r\nAccess-Control-Request-Method: {method}\r\n\
         Access-Control-Request-Headers: content-type\r\n\r\n"
    );
    cluster.api(0).raw(request.as_bytes())
}

fn allowed(answer: &Answer) -> bool {
    answer.head.contains(&format!("access-control-allow-origin: {PAGE}"))
}

#[test]
fn a_browser_may_use_the_api_from_allowed_origins_only() {
    let cluster = Cluster::start(Kind {
        settings: "allowed_origins = [\"https://lab.example\"]",
        ..Kind::teaching(2)
    });
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
        let answer = preflight(&cluster, PAGE, method);
        assert!(answer.status == 200 && allowed(&answer), "{method}: {}", answer.head);
        assert!(answer.head.contains("content-type"), "{}", answer.head);
    }
    let answer = preflight(&cluster, "https://evil.example", "PATCH");
    assert!((400..500).contains(&answer.status), "{}", answer.head);
    assert!(!answer.head.contains("access-control-allow-origin"), "{}", answer.head);
    let get = |origin: &str| {
        let request = format!(
            "GET /representations HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nOrigin: {origin}\r\n\r\n"
        );
        cluster.api(0).raw(request.as_bytes())
    };
    assert!(allowed(&get(PAGE)));
    assert!(!get("https://evil.example").head.contains("access-control-allow-origin"));
}
