//! Clients that ask for many things at once: over one connection of HTTP/2, without TLS, or over the few
//! that a browser has.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Mutex;
use std::thread;

use cloister_testkit::http::Api;
use cloister_testkit::{Cluster, PATIENCE, fresh};
use serde_json::{Value, json};

use crate::management::{in_state, long};

/// The connections that a browser has to one host.
const CONNECTIONS: usize = 6;

/// The sums of one page.
const SUMS: usize = 14;

/// The kinds of frames.
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;

/// The first byte of the headers of an answer whose status is 200, as servers write it.
const OK: u8 = 0x88;

/// A client of HTTP/2 without TLS, which knows beforehand that the node speaks it.
struct Client {
    stream: TcpStream,
    host: String,
}

impl Client {
    fn connect(url: &str) -> Self {
        let host = url.trim_start_matches("http://").to_owned();
        let mut stream = TcpStream::connect(&host).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // It comes in two parts: the first may be of either protocol.
        stream.write_all(b"PR").unwrap();
        stream.write_all(b"I * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
        let mut client = Self { stream, host };
        client.write(SETTINGS, 0, 0, &[]);
        client
    }

    fn write(&mut self, kind: u8, flags: u8, stream: u8, payload: &[u8]) {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let frame = [&length[1..], &[kind, flags, 0, 0, 0, stream], payload].concat();
        self.stream.write_all(&frame).unwrap();
    }

    /// Makes a request on a stream: all names and values as literals.
    fn ask(&mut self, stream: u8, method: &str, path: &str, body: &[u8]) {
        let literal = |text: &str| [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
        let field = |name: &str, value: &str| [vec![0], literal(name), literal(value)].concat();
        let fields = [
            field(":method", method),
            field(":scheme", "http"),
            field(":path", path),
            field(":authority", &self.host),
            field("content-type", "application/json"),
        ];
        self.write(HEADERS, 4, stream, &fields.concat());
        self.write(DATA, 1, stream, body);
    }

    /// Gives up what was asked on a stream.
    fn reset(&mut self, stream: u8) {
        const CANCEL: [u8; 4] = [0, 0, 0, 8];
        self.write(RESET, 0, stream, &CANCEL);
    }

    /// Returns whether the answer on a stream has the status 200.
    fn is_ok(&mut self, stream: u8) -> bool {
        loop {
            let mut head = [0; 9];
            self.stream.read_exact(&mut head).unwrap();
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let mut payload = vec![0; usize::try_from(length).unwrap()];
            self.stream.read_exact(&mut payload).unwrap();
            match (head[3], head[8]) {
                (HEADERS, of) if of == stream => return payload[0] == OK,
                (RESET, of) if of == stream => return false,
                _ => {}
            }
        }
    }
}

/// Returns the path of Simon's `compute`, and the body of a request of nothing in many rounds.
fn compute(cluster: &Cluster, network: &str) -> (String, String) {
    let api = cluster.api(0);
    let method = api.attribute(&api.service("Simon"), "compute").uuid();
    let arguments = json!({"kwargs": long(cluster, 0, network)}).to_string();
    (format!("/representation/{method}"), arguments)
}

#[test]
fn a_request_over_http_2_without_tls_is_answered() {
    let cluster = Cluster::teaching(2);
    let mut client = Client::connect(&cluster.url(0));
    client.ask(1, "GET", "/v1/functions", b"");
    client.ask(3, "GET", "/there/is/nothing", b"");
    client.ask(5, "GET", "/readyz", b"");
    assert!(client.is_ok(1));
    assert!(!client.is_ok(3));
    assert!(client.is_ok(5));
}

#[test]
fn a_client_of_http_2_that_goes_ends_what_runs_for_it() {
    let cluster = Cluster::teaching(2);
    let (path, body) = compute(&cluster, "over-2");
    let mut client = Client::connect(&cluster.url(0));
    client.ask(1, "PATCH", &path, body.as_bytes());
    let (api, other) = (cluster.api(0), cluster.api(1));
    thread::scope(|scope| {
        let asked = scope.spawn(|| other.compute(&long(&cluster, 1, "over-2")));
        in_state(&api, "over-2", "running");
        drop(client);
        in_state(&api, "over-2", "cancelled");
        asked.join().unwrap();
    });
}

/// The other requests of the connection go on.
#[test]
fn a_stream_that_is_reset_ends_what_runs_for_it_alone() {
    let cluster = Cluster::teaching(2);
    let (path, body) = compute(&cluster, "reset");
    let (_, stays) = compute(&cluster, "stays");
    let mut client = Client::connect(&cluster.url(0));
    client.ask(1, "PATCH", &path, body.as_bytes());
    client.ask(3, "PATCH", &path, stays.as_bytes());
    let (api, other) = (cluster.api(0), cluster.api(1));
    thread::scope(|scope| {
        let asked = ["reset", "stays"]
            .map(|name| (name, scope.spawn(|| other.compute(&long(&cluster, 1, name)))));
        for (name, _) in &asked {
            in_state(&api, name, "running");
        }
        client.reset(1);
        in_state(&api, "reset", "cancelled");
        in_state(&api, "stays", "running");
        client.ask(5, "GET", "/readyz", b"");
        assert!(client.is_ok(5));
        drop(client);
        for (_, asked) in asked {
            asked.join().unwrap().refused(409, "cancelled");
        }
    });
}

#[test]
fn streams_of_events_hold_up_no_request_of_their_connection() {
    let cluster = Cluster::teaching(2);
    let mut client = Client::connect(&cluster.url(0));
    let streams = (0..6).map(|number| 2 * number + 1);
    for stream in streams.clone() {
        client.ask(stream, "GET", "/events", b"");
    }
    for stream in streams {
        assert!(client.is_ok(stream));
    }
    client.ask(13, "GET", "/v1/functions", b"");
    assert!(client.is_ok(13));
}

/// A sum of the page: the request that comes next.
enum Sum {
    New(usize),
    Started(String),
}

/// Does the next request of a sum. Returns the sum if it has not ended.
fn step(cluster: &Cluster, index: usize, names: &[String], sum: Sum) -> Option<Sum> {
    let api = cluster.api(index);
    match sum {
        Sum::New(number) => {
            let made = json!({
                "microprotocol": "SecureSum", "task_id": names[number],
                "network": cluster.network(&names[number], index),
            });
            let task = api.method(&api.service("Simon"), "create_task", &made).uuid();
            api.method(&task, "input", &json!({"data": [number]}));
            api.method(&task, "start", &json!({}));
            Some(Sum::Started(task))
        }
        Sum::Started(task) => match api.progress(&task) {
            Value::String(state) if state == "done" => None,
            Value::String(state) if state == "failed" => panic!("{}", result(&api, &task)),
            _ => Some(Sum::Started(task)),
        },
    }
}

fn result(api: &Api, task: &str) -> Value {
    api.method(task, "result", &json!({})).body
}

/// By tasks no request waits for another node. So no order of sums has them wait for each other.
#[test]
fn a_page_has_many_sums_in_opposite_orders_over_the_connections_of_a_browser() {
    let cluster = Cluster::teaching(2);
    let names: Vec<String> = (0..SUMS).map(|_| fresh()).collect();
    let queues = [0, 1].map(|index| {
        let order: VecDeque<usize> =
            if index == 0 { (0..SUMS).collect() } else { (0..SUMS).rev().collect() };
        Mutex::new(order.into_iter().map(Sum::New).collect::<VecDeque<_>>())
    });
    thread::scope(|scope| {
        for (index, queue) in queues.iter().enumerate() {
            for _ in 0..CONNECTIONS {
                let (cluster, names) = (&cluster, &names);
                scope.spawn(move || {
                    loop {
                        let Some(sum) = queue.lock().unwrap().pop_front() else { break };
                        if let Some(sum) = step(cluster, index, names, sum) {
                            queue.lock().unwrap().push_back(sum);
                        }
                    }
                });
            }
        }
    });
}
