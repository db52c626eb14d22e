//! The spans that nodes send to a collector of OpenTelemetry, and nodes without one.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use cloister_testkit::http::Answer;
use cloister_testkit::{Cluster, Kind, PATIENCE, cloister, fresh};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::{Span, status::StatusCode};
use prost::Message;
use serde_json::{Value, json};

/// The status of an answer that is never given.
const SILENCE: u16 = 0;

/// A collector, as threads of the test.
struct Collector {
    url: String,
    status: Arc<AtomicU16>,
    received: Receiver<Told>,
    seen: RefCell<BTreeSet<Vec<u8>>>,
}

/// One span, and the attributes of its sender.
struct Told {
    resource: BTreeMap<String, String>,
    span: Span,
}

impl Collector {
    /// Starts a collector that answers every request with this status.
    fn start(status: u16) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", socket.local_addr().unwrap());
        let status = Arc::new(AtomicU16::new(status));
        let (sender, received) = channel();
        let answered = Arc::clone(&status);
        thread::spawn(move || {
            for stream in socket.incoming().flatten() {
                let (sender, status) = (sender.clone(), Arc::clone(&answered));
                thread::spawn(move || serve(stream, &sender, &status));
            }
        });
        Self { url, status, received, seen: RefCell::default() }
    }

    fn answer(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    /// Returns the next spans, one of each of the three parties. A refused span comes again; that
    /// counts once.
    fn three(&self) -> [Told; 3] {
        let mut told = [(); 3].map(|()| self.next());
        told.sort_by_key(|told| told.resource["cloister.party"].clone());
        let parties = told.each_ref().map(|told| told.resource["cloister.party"].as_str());
        assert_eq!(parties, ["clinic-0", "clinic-1", "clinic-2"]);
        told
    }

    /// Returns the next span that was not there yet.
    fn next(&self) -> Told {
        loop {
            let told = self.received.recv_timeout(PATIENCE).expect("a span");
            if self.seen.borrow_mut().insert(told.span.span_id.clone()) {
                return told;
            }
        }
    }
}

fn serve(stream: TcpStream, sender: &Sender<Told>, status: &AtomicU16) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(reader.read_line(&mut head).unwrap(), 0, "{head}");
    }
    let head = head.to_ascii_lowercase();
    assert!(head.starts_with("post /v1/traces http/1.1\r\n"), "{head}");
    assert!(head.contains("content-type: application/x-protobuf\r\n"), "{head}");
    let (_, length) = head.split_once("content-length: ").unwrap();
    let mut body = vec![0; length.lines().next().unwrap().parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    let request = ExportTraceServiceRequest::decode(body.as_slice()).unwrap();
    // Before the test hears of it, and may change it.
    let status = status.load(Ordering::SeqCst);
    for told in told(request) {
        // A test that has ended does not listen.
        let _ = sender.send(told);
    }
    match status {
        SILENCE => loop {
            thread::park();
        },
        status => {
            let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n");
            let mut stream = stream;
            // The node may have stopped.
            let _ = stream.write_all(answer.as_bytes());
        }
    }
}

fn told(request: ExportTraceServiceRequest) -> impl Iterator<Item = Told> {
    request.resource_spans.into_iter().flat_map(|spans| {
        let resource = attributes(&spans.resource.unwrap().attributes);
        let spans = spans.scope_spans.into_iter().flat_map(|scope| scope.spans);
        spans.map(move |span| Told { resource: resource.clone(), span })
    })
}

fn attributes(all: &[KeyValue]) -> BTreeMap<String, String> {
    all.iter()
        .map(|one| {
            let value = one.value.as_ref().and_then(|value| value.value.as_ref()).unwrap();
            (one.key.clone(), text(value))
        })
        .collect()
}

fn text(value: &any_value::Value) -> String {
    match value {
        any_value::Value::StringValue(text) => text.clone(),
        any_value::Value::IntValue(number) => number.to_string(),
        any_value::Value::DoubleValue(number) => number.to_string(),
        other => panic!("{other:?}"),
    }
}

/// Starts three nodes that send their spans there. Little is in their logs: the spans do not depend
/// on it.
fn cluster(endpoint: &str, log: &'static str) -> Cluster {
    let settings = format!("[telemetry]\nendpoint = \"{endpoint}\"").leak();
    Cluster::start(Kind { settings, log, ..Kind::teaching(3) })
}

fn sum(cluster: &Cluster) -> Vec<Answer> {
    let answers = cluster.compute("SecureSum", &[json!([1]), json!([2]), json!([3])], &fresh());
    for answer in &answers {
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    answers
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn all_nodes_spans_of_a_computation_are_one_trace() {
    let collector = Collector::start(200);
    let mut cluster = cluster(&collector.url, "warn");
    let cost = sum(&cluster)[0].body["object"]["cost"].clone();
    let done = collector.three();
    done.iter().for_each(|told| check_done(told, &cost));
    assert_eq!(traces(&done).len(), 1, "they share a trace");
    disagree(&cluster);
    let failed = collector.three();
    failed.iter().for_each(check_failed);
    assert_eq!(traces(&failed).len(), 1, "they share a trace");
    assert!(traces(&done).is_disjoint(&traces(&failed)));
    // The remaining spans are sent at the end.
    sum(&cluster);
    (0..3).for_each(|index| cluster.stop(index));
    collector.three();
    assert!(collector.received.try_recv().is_err(), "nothing else is told");
}

fn traces(told: &[Told]) -> BTreeSet<String> {
    told.iter().map(|told| hex(&told.span.trace_id)).collect()
}

/// Has all parties ask at once, the last one for another computation.
fn disagree(cluster: &Cluster) {
    let uuid = fresh();
    let requests: Vec<Value> = [0, 1, 2]
        .iter()
        .map(|&index| {
            let digits = if index == 2 { 6 } else { 8 };
            json!({
                "microprotocol": "SecureSum", "data": [1], "network": cluster.network(&uuid, index),
                "parameters": {"digits_before": digits, "digits_after": 4},
            })
        })
        .collect();
    cluster.compute_with(&requests).iter().for_each(|answer| answer.refused(409, "disagreement"));
}

/// Checks the attributes that all spans have.
fn check_any(told: &Told) -> BTreeMap<String, String> {
    let Told { resource, span } = told;
    assert_eq!(resource["service.name"], "cloister");
    assert_eq!(resource["service.version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(resource["service.instance.id"], resource["cloister.party"]);
    assert_eq!(span.name, "computation");
    assert!(span.parent_span_id.is_empty());
    assert!(span.start_time_unix_nano < span.end_time_unix_nano);
    let attributes = attributes(&span.attributes);
    assert_eq!(attributes["function"], "SecureSum");
    assert_eq!(attributes["session"], hex(&span.trace_id));
    attributes
}

fn check_done(told: &Told, cost: &Value) {
    let attributes = check_any(told);
    let known = ["bytes", "function", "rounds", "session"];
    // The library tells the crate and level of a span; nothing else is there.
    let own = attributes.keys().filter(|key| !["level", "target"].contains(&key.as_str()));
    assert_eq!(own.collect::<Vec<_>>(), known);
    assert_eq!(attributes["rounds"], cost["rounds"].to_string());
    assert_eq!(status(&told.span), (StatusCode::Unset, String::new()));
    let events: Vec<_> = told.span.events.iter().map(|event| event.name.as_str()).collect();
    assert!(events.contains(&"lifecycle") && events.contains(&"done"), "{events:?}");
}

fn check_failed(told: &Told) {
    check_any(told);
    let (code, reason) = status(&told.span);
    assert_eq!(code, StatusCode::Error);
    // A party that is told by another first ends by that.
    assert!(["disagreement", "stopped_by_peer"].contains(&reason.as_str()), "{reason}");
}

fn status(span: &Span) -> (StatusCode, String) {
    let status = span.status.clone().unwrap_or_default();
    (status.code(), status.message)
}

#[test]
fn nodes_start_compute_and_stop_where_no_collector_is() {
    // A port that was free a moment ago.
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut cluster = cluster(&format!("http://{nobody}"), "info");
    sum(&cluster);
    for index in 0..3 {
        cluster.stop(index);
        assert_eq!(lines(&cluster, index, "does not take traces"), 1, "{}", cluster.log(index));
    }
}

#[test]
fn a_collector_that_refuses_is_told_of_once_and_when_it_takes_again() {
    let collector = Collector::start(503);
    let mut cluster = cluster(&collector.url, "info");
    for status in [503, 503, 200] {
        collector.answer(status);
        sum(&cluster);
        collector.three();
    }
    for index in 0..3 {
        cluster.stop(index);
        let log = cluster.log(index);
        assert_eq!(lines(&cluster, index, "it answered with status 503"), 1, "{log}");
        assert_eq!(lines(&cluster, index, "the collector takes traces"), 1, "{log}");
    }
}

#[test]
fn a_collector_that_never_answers_holds_up_no_computation_and_no_stop() {
    let collector = Collector::start(SILENCE);
    let mut cluster = cluster(&collector.url, "debug");
    sum(&cluster);
    // From now on each node waits for an answer.
    collector.three();
    sum(&cluster);
    cluster.stop(0);
    // It gave them their second, and went.
    let log = cluster.log(0);
    assert_eq!(lines(&cluster, 0, "the last traces were not sent"), 1, "{log}");
}

#[test]
fn an_endpoint_that_is_none_is_said_before_the_node_starts() {
    let cluster = Cluster::stopped(Kind::teaching(2));
    let started = cloister()
        .args(["node", "--config"])
        .arg(cluster.config(0))
        .env("CLOISTER_TELEMETRY__ENDPOINT", "127.0.0.1:4318")
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&started.stderr);
    assert_eq!(started.status.code(), Some(2), "{error}");
    for says in ["CLOISTER_TELEMETRY__ENDPOINT", "telemetry.endpoint", "http://host:4318"] {
        assert!(error.contains(says), "{says} in {error}");
    }
}

/// Counts the lines of a node's log with this text.
fn lines(cluster: &Cluster, index: usize, says: &str) -> usize {
    cluster.log(index).lines().filter(|line| line.contains(says)).count()
}
