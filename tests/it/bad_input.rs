//! Bad requests: each is refused with a reason, and the node goes on.
//!
//! Every row of the list of deliberate differences from the reference server that concerns a client
//! has a test here.

use std::sync::LazyLock;

use cloister_testkit::http::{Answer, Api};
use cloister_testkit::{Cluster, fresh};
use serde_json::{Value, json};

/// A consortium for one test, and its first node.
struct Node {
    cluster: Cluster,
    api: Api,
}

impl Node {
    fn start() -> Self {
        let cluster = Cluster::teaching(2);
        let api = cluster.api(0);
        Self { cluster, api }
    }

    /// Calls `compute` with these arguments beside sensible ones; null takes one away.
    fn compute(&self, changes: &Value) -> Answer {
        let mut arguments = json!({
            "microprotocol": "SecureSum",
            "data": [1],
            "network": self.cluster.network(&fresh(), 0),
        });
        for (name, value) in changes.as_object().unwrap() {
            arguments[name] = value.clone();
        }
        let arguments = arguments.as_object_mut().unwrap();
        arguments.retain(|_, value| !value.is_null());
        self.api.compute(&json!(arguments))
    }

    fn network(&self, changes: &Value) -> Answer {
        let mut network = self.cluster.network(&fresh(), 0);
        for (name, value) in changes.as_object().unwrap() {
            network[name] = value.clone();
        }
        self.compute(&json!({"network": network}))
    }

    fn alive(&self) {
        self.cluster.check_health();
    }
}

static DEEP: LazyLock<String> = LazyLock::new(|| "[".repeat(100_000));

#[test]
fn what_is_no_json_is_refused() {
    let node = Node::start();
    let simon = node.api.service("Simon");
    let compute = node.api.attribute(&simon, "compute").uuid();
    let deep_object = r#"{"args":"#.repeat(100_000);
    let bodies = [
        "{",
        "[1,",
        "nonsense",
        "{\"args\":[NaN]}",
        "{\"args\":[1e400]}",
        "{\"args\":[-1e999]}",
        "{\"args\":[1],}",
        "{\"args\":[\"\u{1}\"]}",
        "{\"args\":[Infinity]}",
        "\"\\ud800\"",
        "{\"args\":[1]} trailing",
        "{\"args\":[1],\"args\":[2]}",
        &DEEP,
        &deep_object,
    ];
    let wrong = ["[]", "1", "null", "\"text\"", "{\"args\":{\"a\":1}}", "{\"kwargs\":[1]}"];
    let path = format!("/representation/{compute}");
    for body in bodies.into_iter().chain(wrong) {
        for (method, path) in
            [("POST", "/representations"), ("PUT", "/representations"), ("PATCH", path.as_str())]
        {
            let answer = node.api.send(method, path, body);
            answer.refused(400, "malformed_request");
            assert!(answer.message().len() < 300, "{}", answer.message());
        }
    }
    let nested = format!("{{\"args\":[{}1{}]}}", *DEEP, "]".repeat(100_000));
    node.api.send("PUT", "/representations", &nested).refused(400, "malformed_request");
    node.api.send("PUT", "/representations", "{}").refused(400, "malformed_request");
    node.api
        .raw(
            b"PUT /representations HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
        Content-Length: 11\r\n\r\n{\"args\":\"\xff\xfe",
        )
        .refused(400, "malformed_request");
    node.alive();
}

/// The limit of a node without a setting.
const LIMIT: usize = 64 << 20;

#[test]
fn a_body_that_is_announced_as_too_long_is_refused_at_once() {
    let node = Node::start();
    let declared = format!(
        "PUT /representations HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{{",
        LIMIT + 1
    );
    let answer = node.api.raw(declared.as_bytes());
    answer.refused(413, "body_too_large");
    node.alive();
}

#[test]
fn a_body_that_turns_out_too_long_is_refused() {
    let node = Node::start();
    let chunk = vec![b' '; 1 << 20];
    let mut chunked = b"PUT /representations HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
        Transfer-Encoding: chunked\r\n\r\n"
        .to_vec();
    for _ in 0..=LIMIT / chunk.len() {
        chunked.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        chunked.extend_from_slice(&chunk);
        chunked.extend_from_slice(b"\r\n");
    }
    chunked.extend_from_slice(b"0\r\n\r\n");
    node.api.raw(&chunked).refused(413, "body_too_large");
    node.alive();
}

#[test]
fn a_web_page_cannot_reach_the_node_by_a_name_of_its_own() {
    let node = Node::start();
    for forwarded in ["", "X-Forwarded-Host: localhost\r\n", "Forwarded: host=localhost\r\n"] {
        let request = format!(
            "GET /representations HTTP/1.1\r\nHost: evil.example\r\n{forwarded}Connection: close\r\n\r\n"
        );
        node.api.raw(request.as_bytes()).refused(403, "foreign_host");
    }
    node.alive();
}

#[test]
fn a_web_page_of_another_origin_cannot_use_the_node_and_its_own_pages_can() {
    let node = Node::start();
    let host = node.cluster.url(0).trim_start_matches("http://").to_owned();
    let ask = |origin: &str| {
        let request = format!(
            "POST /v1/probes HTTP/1.1\r\nHost: {host}\r\nOrigin: {origin}\r\nConnection: close\r\n\
             Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{{}}"
        );
        node.api.raw(request.as_bytes())
    };
    for origin in ["https://evil.example", "null", "http://localhost:1"] {
        ask(origin).refused(403, "foreign_origin");
    }
    ask(&node.cluster.url(0)).refused(400, "bad_argument");
    node.alive();
}

#[test]
fn handles_that_are_not_there_are_refused() {
    let node = Node::start();
    let foreign = node.cluster.api(1).upload(&json!([1])).uuid();
    let strange =
        ["0", "..", "%2e%2e", "' OR 1=1", &foreign, &fresh()].map(|s| s.replace(' ', "%20"));
    for handle in strange {
        for answer in [
            node.api.download(&handle),
            node.api.call(&handle, &json!({})),
            node.api.attribute(&handle, "compute"),
            node.api.send("DELETE", &format!("/representation/{handle}"), "{}"),
        ] {
            assert_eq!(answer.status, 404, "{handle}: {}", answer.body);
            answer.refused(404, answer.code());
        }
    }
    let nothing = json!({"representation_uuid": fresh()});
    node.compute(&json!({"data": nothing})).refused(404, "no_such_representation");
    let simon = json!({"representation_uuid": node.api.service("Simon")});
    node.compute(&json!({"data": simon})).refused(400, "bad_argument");
    node.compute(&json!({"data": {"representation_uuid": 7}})).refused(400, "bad_argument");
    let own = json!({"representation_uuid": node.api.upload(&json!([1, 2, 3])).uuid()});
    node.compute(&json!({"data": [own, own]})).refused(400, "bad_argument");
    node.alive();
}

#[test]
fn paths_and_methods_that_are_not_there_are_refused() {
    let node = Node::start();
    for path in ["/", "/representation", "/representations/x", "/representation/a/b/c", "/%00"] {
        let answer = node.api.send("GET", path, "");
        if path != "/" {
            assert_eq!(answer.status, 404, "{path}");
            answer.refused(404, "no_such_path");
        }
    }
    node.api.send("DELETE", "/representations", "{}").refused(405, "method_not_allowed");
    let path = format!("/representation/{}", fresh());
    node.api.send("POST", &path, "{}").refused(405, "method_not_allowed");
    let missing = json!({"protocol": "Garfunkel"});
    node.api.create(&missing).refused(404, "no_such_service");
    node.api.create(&json!({"protocol": 7})).refused(400, "bad_argument");
    node.alive();
}

#[test]
fn nodes_that_are_no_members_are_refused() {
    let node = Node::start();
    let [own, other] = [node.cluster.url(0), node.cluster.url(1)];
    let strangers =
        ["http://evil.example", "http://127.0.0.1:1", "file:///etc/passwd", "", "CLINIC-1"];
    for stranger in strangers {
        node.network(&json!({"nodes": [own, stranger]})).refused(403, "stranger");
    }
    for nodes in [
        json!([own]),
        json!([other]),
        json!([own, own]),
        json!([own, "clinic-0"]),
        json!([]),
        json!(own),
        json!({}),
        json!([own, 1]),
        json!([own, null]),
        json!(null),
    ] {
        node.network(&json!({"nodes": nodes})).refused(400, "bad_network");
    }
    node.network(&json!({"nodes": [other, other, own]})).refused(400, "bad_network");
    for myself in [json!(1), json!(-1), json!(7), json!("0"), json!(0.5), json!(null), json!(1e300)]
    {
        node.network(&json!({"myself": myself})).refused(400, "bad_network");
    }
    for uuid in [json!([]), json!({}), json!(1.5), json!("x".repeat(100_000))] {
        node.network(&json!({"uuid": uuid})).refused(400, "bad_network");
    }
    node.network(&json!({"uuid": null})).refused(400, "bad_argument");
    node.network(&json!({"token": "x"})).refused(400, "bad_network");
    node.compute(&json!({"network": []})).refused(400, "bad_network");
    node.alive();
}

#[test]
fn functions_that_there_are_not_are_refused() {
    let node = Node::start();
    for name in ["Nonsense", "securesum", "", "__class__", "SecureSum "] {
        node.compute(&json!({"microprotocol": name})).refused(404, "no_such_function");
    }
    node.compute(&json!({"microprotocol": [7]})).refused(400, "bad_argument");
    node.compute(&json!({"microprotocol": null})).refused(400, "bad_argument");
    node.alive();
}

#[test]
fn what_functions_on_shares_cannot_use_is_refused_with_what_would_be_right() {
    let node = Node::start();
    let ask = |function: &str, data: Value, parameters: Value| {
        node.compute(&json!({"microprotocol": function, "data": data, "parameters": parameters}))
    };
    for (function, data, parameters, about) in [
        ("Quantiles", json!([1]), json!({}), "probabilities"),
        ("Quantiles", json!([1]), json!({"probabilities": [1.5]}), "probabilities"),
        ("TopK", json!([1]), json!({"k": 0}), "k"),
        ("SecureMedian", json!([1]), json!({"suite": "masked"}), "suite"),
        ("SecureSum", json!([1]), json!({"suite": "replicated"}), "suite"),
        ("SecureMedian", json!([9_007_199_254_740_993_u64]), json!({}), "item 0"),
        ("Measure", json!([]), json!({"operation": "sort", "size": 99_999_999}), "size"),
        ("StatisticsRegressionOLSVertical", json!([[1, 2], [3, 4]]), json!({}), "more rows"),
        ("StatisticsRegressionOLSVertical", json!([[1, 2], [2, 4], [3, 6]]), json!({}), "column 1"),
    ] {
        let answer = ask(function, data, parameters);
        answer.refused(422, "bad_input");
        assert!(answer.message().contains(about), "{function}: {}", answer.message());
    }
    let zero = ask("KthElement", json!([{"array": [1], "rank": 0}]), json!({}));
    zero.refused(400, "bad_argument");
    assert!(zero.message().contains("rank"), "{}", zero.message());
    for parameters in [json!({"k": -1}), json!({"operation": "divide"}), json!({"committee": 3})] {
        ask("TopK", json!([1]), parameters).refused(400, "bad_argument");
    }
    // A parameter of another function is refused by name, with those that there are.
    for (name, parameters) in [("categories", json!({"categories": ["a"]})), ("k", json!({"k": 2}))]
    {
        let unknown = ask("SecureMedian", json!([1]), parameters);
        unknown.refused(400, "bad_argument");
        assert!(unknown.message().contains(&format!("no parameter `{name}`")));
        assert!(unknown.message().contains("digits_before"), "{}", unknown.message());
        // Those of other functions are not among them.
        let others = ["probabilities", "operation", "pad_to", "only_mode"];
        assert!(!others.iter().any(|it| unknown.message().contains(it)), "{}", unknown.message());
    }
    node.alive();
}

#[test]
fn data_of_the_wrong_kind_are_refused_without_being_shown() {
    let node = Node::start();
    for (function, data) in [
        ("SecureSum", json!("31337")),
        ("SecureSum", json!([1, "31337"])),
        ("SecureSum", json!([null])),
        ("SecureSum", json!({"x": 31337})),
        ("SecureSum", json!([[[31337]]])),
        ("SecureVectorSum", json!([[1], [31337]])),
        ("SecureVectorSum", json!([["31337"]])),
        ("StatisticsFrequency", json!([{"31337": 1}])),
        ("StatisticsFrequency", json!([null])),
        ("StatisticsContingency", json!([["31337"]])),
        ("StatisticsContingency", json!([["a", "b", "31337"]])),
        ("StatisticsContingency", json!(["31337"])),
        ("StatisticsBivariate", json!([[1, "31337"]])),
        ("StatisticsBivariate", json!([31337])),
        ("StatisticsBivariate", json!(31337)),
    ] {
        let answer = node.compute(&json!({"microprotocol": function, "data": data}));
        assert!((400..500).contains(&answer.status), "{function} {data}: {}", answer.body);
        answer.refused(answer.status, answer.code());
        assert!(!answer.body.to_string().contains("31337"), "{}", answer.body);
    }
    node.compute(&json!({"data": null})).refused(400, "bad_argument");
    let spurious = json!({"surplus": 1});
    node.compute(&spurious).refused(400, "bad_argument");
    node.alive();
}

#[test]
fn parameters_that_cannot_be_meant_are_refused() {
    let node = Node::start();
    for parameters in [
        json!({"digits_before": -1}),
        json!({"digits_before": "six"}),
        json!({"digits_before": 1e300}),
        json!({"digits_before": 4_000_000_000_u32}),
        json!({"nonsense": 1}),
        json!("text"),
        json!([1]),
        json!({"suite": "nonsense"}),
        json!({"encoding": "integer"}),
        json!({"categories": ["a"]}),
        json!({"fraction_bits": 63}),
    ] {
        let answer = node.compute(&json!({"parameters": parameters}));
        assert!((400..500).contains(&answer.status), "{parameters}: {}", answer.body);
        answer.refused(answer.status, answer.code());
    }
    let declared = json!({"digits_before": 2, "digits_after": 2});
    for too_much in [json!([1234.5]), json!([1e-9])] {
        node.compute(&json!({"data": too_much, "parameters": declared})).refused(422, "bad_input");
    }
    node.alive();
}

#[test]
fn tasks_are_used_in_order() {
    let node = Node::start();
    let network = json!({"nodes": node.cluster.urls(), "myself": 0});
    let simon = node.api.service("Simon");
    let create = json!({"microprotocol": "SecureSum", "network": network, "task_id": "t"});
    let task = node.api.method(&simon, "create_task", &create).uuid();
    assert_eq!(node.api.method(&task, "start", &json!({})).status, 200);
    node.api.method(&task, "input", &json!({"data": 1})).refused(409, "task_started");
    node.api.method(&task, "start", &json!({})).refused(409, "task_started");
    node.api.method(&simon, "create_task", &create).refused(409, "task_started");
    node.api.method(&simon, "get_task", &json!({"task_id": "u"})).refused(404, "no_such_task");
    for invitation in [json!({}), json!("t"), json!({"task_id": "t"}), json!(null)] {
        let join = json!({"invitation": invitation, "network": network});
        node.api.method(&simon, "join_task", &join).refused(400, "bad_argument");
    }
    node.alive();
}

#[test]
fn the_r_client_is_understood() {
    let node = Node::start();
    let api = &node.api;
    let ignored = json!({"ignore": []}).to_string();
    assert_eq!(api.send("GET", "/representations", &ignored).status, 200);
    let created =
        api.send("POST", "/representations", r#"{"args":{},"kwargs":{"protocol":"Simon"}}"#);
    let simon = created.uuid();
    assert_eq!(api.send("POST", "/representations", r#"{"args":{},"kwargs":[]}"#).uuid(), simon);
    let handle = api.send("PUT", "/representations", r#"{"args":7,"kwargs":[]}"#).uuid();
    let network = |myself| node.cluster.network("r", myself);
    let ours = json!({
        "microprotocol": "SecureSum", "data": {"representation_uuid": handle},
        "network": network(0), "parameters": [],
    });
    // A list of one that became a scalar, and an index that became a double.
    let mut theirs = json!({
        "microprotocol": "SecureSum", "data": 5, "network": network(1), "parameters": {},
    });
    theirs["network"]["myself"] = json!(1.0);
    for answer in node.cluster.compute_with(&[ours, theirs]) {
        assert_eq!(answer.body["object"]["result"], json!({"sum": 12.0}), "{}", answer.body);
    }
    let path = format!("/representation/{handle}");
    api.send("GET", &path, &ignored).refused(403, "no_download");
    assert_eq!(api.send("DELETE", &path, &ignored).body, json!({"type": "none"}));
    api.send("DELETE", &path, &ignored).refused(404, "no_such_representation");
}

#[test]
fn sums_are_right_where_the_reference_is_not() {
    let node = Node::start();
    let halves = [json!([1e300, 1, -1e300]), json!([1e-300, 2])];
    for answer in node.cluster.compute("SecureSum", &halves, &fresh()) {
        assert_eq!(answer.body["object"]["result"], json!({"sum": 3.0}), "{}", answer.body);
    }
    let huge = [json!([f64::MAX]), json!([f64::MAX])];
    for answer in node.cluster.compute("SecureSum", &huge, &fresh()) {
        answer.refused(422, "result_out_of_range");
    }
    node.alive();
}
