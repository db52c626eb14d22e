//! A node that never computes: it takes every request and waits, until a client ends the
//! computation.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use serde_json::{Value, json};

/// The `/v1` requests that a stub answers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// All of them.
    New,
    /// None of them.
    Old,
    /// All of them, but it never answers when it is told to end a computation.
    Deaf,
}

/// The API of a node, as a thread of the test.
pub struct Stub {
    pub url: String,
    state: Arc<State>,
}

struct State {
    name: String,
    kind: Kind,
    ended: Mutex<bool>,
    changed: Condvar,
    networks: Mutex<BTreeSet<String>>,
}

impl Stub {
    pub fn start(name: &str, kind: Kind) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", socket.local_addr().unwrap());
        let state = State {
            name: name.to_owned(),
            kind,
            ended: Mutex::default(),
            changed: Condvar::default(),
            networks: Mutex::default(),
        };
        let state = Arc::new(state);
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in socket.incoming().flatten() {
                let state = Arc::clone(&shared);
                thread::spawn(move || state.serve(stream));
            }
        });
        Self { url, state }
    }

    /// Returns whether its computation was ended.
    pub fn was_ended(&self) -> bool {
        *self.state.ended.lock().unwrap()
    }
}

impl State {
    /// Answers one request. A client that goes away meanwhile is not missed.
    fn serve(&self, stream: TcpStream) -> Option<()> {
        let mut reader = BufReader::new(stream.try_clone().ok()?);
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let (mut head, mut length) = (String::new(), 0);
        while reader.read_line(&mut head).ok()? > 2 {
            let lower = head.to_ascii_lowercase();
            if let Some(value) = lower.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            head.clear();
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let mut words = line.split(' ');
        let (method, path) = (words.next()?, words.next()?);
        let (status, answer) = self.answer(method, path, &body);
        let text = answer.to_string();
        let head = format!(
            "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nConnection: close\r\n\
             Content-Length: {}\r\n\r\n",
            text.len()
        );
        let mut stream = stream;
        stream.write_all(format!("{head}{text}").as_bytes()).ok()
    }

    fn answer(&self, method: &str, path: &str, body: &[u8]) -> (u16, Value) {
        if path.starts_with("/v1/") && self.kind == Kind::Old {
            return refusal(404, "no_such_path");
        }
        match (method, path) {
            ("PATCH", _) => self.compute(body),
            ("GET", path) if path.starts_with("/v1/computations") => (200, self.computations()),
            ("GET", "/v1/node") => (200, json!({"party": self.name, "profile": "teaching"})),
            ("DELETE", path) if path.starts_with("/v1/") => self.end(),
            ("DELETE", _) => (200, json!({"type": "none"})),
            _ => (200, json!({"type": "uuid", "uuid": "x"})),
        }
    }

    fn compute(&self, body: &[u8]) -> (u16, Value) {
        let request: Value = serde_json::from_slice(body).unwrap();
        let Some(network) = request["kwargs"]["network"]["uuid"].as_str() else {
            return refusal(404, "no_such_dataset");
        };
        self.networks.lock().unwrap().insert(network.to_owned());
        let mut ended = self.ended.lock().unwrap();
        while !*ended {
            ended = self.changed.wait(ended).unwrap();
        }
        refusal(409, "cancelled")
    }

    fn computations(&self) -> Value {
        let networks = self.networks.lock().unwrap();
        let computations: Vec<Value> = networks
            .iter()
            .map(|network| {
                let since = "2026-01-01T00:00:00.000Z";
                json!({
                    "id": format!("{}-1", self.name), "network": network, "state": "agreeing",
                    "round": 0, "step": "agreeing",
                    "waiting": {"parties": ["clinic-9"], "for": "agreeing", "since": since},
                })
            })
            .collect();
        json!({"computations": computations})
    }

    fn end(&self) -> (u16, Value) {
        if self.kind == Kind::Deaf {
            loop {
                thread::park();
            }
        }
        *self.ended.lock().unwrap() = true;
        self.changed.notify_all();
        (200, json!({"cancelled": true}))
    }
}

fn refusal(status: u16, code: &str) -> (u16, Value) {
    (status, json!({"code": code, "message": "m", "hint": "h", "party": null, "trace": "t"}))
}
