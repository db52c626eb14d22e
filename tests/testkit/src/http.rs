//! HTTP as bytes: tests write exactly the bytes on the wire.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::PATIENCE;

/// The API of one node.
#[derive(Clone)]
pub struct Api {
    host: String,
    token: Option<String>,
}

/// The answer to a request.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Value,
}

impl Api {
    pub fn new(host: &str) -> Self {
        Self { host: host.to_owned(), token: None }
    }

    /// Returns the API with this token in each request.
    pub fn with_token(&self, token: &str) -> Self {
        Self { host: self.host.clone(), token: Some(token.to_owned()) }
    }

    /// Sends these bytes as they are, and reads to the end.
    pub fn raw(&self, request: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(&self.host).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // A node may answer and close before it has read a body that is too long.
        let _ = stream.write_all(request);
        let mut bytes = Vec::new();
        let mut buffer = [0; 65_536];
        loop {
            match stream.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => bytes.extend_from_slice(&buffer[..count]),
                Err(_) if !bytes.is_empty() => break,
                Err(error) => panic!("no answer from {}: {error}", self.host),
            }
        }
        Answer::parse(&bytes)
    }

    /// Sends a request with this text as its body.
    pub fn send(&self, method: &str, path: &str, body: &str) -> Answer {
        self.send_as("application/json", method, path, body.as_bytes())
    }

    /// Sends a request with these bytes of this content type as its body.
    pub fn send_as(&self, media: &str, method: &str, path: &str, body: &[u8]) -> Answer {
        let token = self.token.as_ref();
        let token = token.map_or(String::new(), |t| format!("Authorization: Bearer {t}\r\n"));
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{token}\
             Content-Type: {media}\r\nContent-Length: {}\r\n\r\n",
            self.host,
            body.len()
        );
        self.raw(&[head.as_bytes(), body].concat())
    }

    pub fn create(&self, requirements: &Value) -> Answer {
        self.send("POST", "/representations", &json!({"kwargs": requirements}).to_string())
    }

    pub fn upload(&self, data: &Value) -> Answer {
        self.send("PUT", "/representations", &json!({"args": [data]}).to_string())
    }

    /// Uploads data and returns the handle; none if the node is gone.
    pub fn try_upload(&self, data: &Value) -> Option<String> {
        let body = json!({"args": [data]}).to_string();
        let request = format!(
            "PUT /representations HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.host,
            body.len()
        );
        let mut stream = TcpStream::connect(&self.host).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (_, body) = answer.split_once("\r\n\r\n")?;
        let body: Value = serde_json::from_str(body).ok()?;
        body["uuid"].as_str().map(str::to_owned)
    }

    pub fn attribute(&self, of: &str, name: &str) -> Answer {
        self.send("GET", &format!("/representation/{of}/{name}"), "{}")
    }

    pub fn call(&self, handle: &str, named: &Value) -> Answer {
        let body = json!({"args": [], "kwargs": named}).to_string();
        self.send("PATCH", &format!("/representation/{handle}"), &body)
    }

    pub fn download(&self, handle: &str) -> Answer {
        self.send("GET", &format!("/representation/{handle}"), "{}")
    }

    /// Returns the handle of a service by its protocol or microservice name.
    pub fn service(&self, name: &str) -> String {
        let key = if name == "Simon" { "protocol" } else { "microservice" };
        self.create(&json!({key: name})).uuid()
    }

    /// Calls the method `name` of an object.
    pub fn method(&self, of: &str, name: &str, named: &Value) -> Answer {
        let method = self.attribute(of, name);
        if method.status != 200 {
            return method;
        }
        let answer = self.call(&method.uuid(), named);
        self.release(&method.uuid());
        answer
    }

    pub fn release(&self, handle: &str) -> Answer {
        self.send("DELETE", &format!("/representation/{handle}"), "{}")
    }

    /// Returns the state of a task.
    pub fn progress(&self, task: &str) -> Value {
        self.progress_in_full(task)["state"].clone()
    }

    /// Returns the state of a task, and its round.
    pub fn progress_in_full(&self, task: &str) -> Value {
        let progress = self.method(task, "progress", &json!({})).uuid();
        let state = self.download(&progress).body["object"].clone();
        self.release(&progress);
        state
    }

    /// Computes and downloads. Returns the first error, if there is one.
    pub fn compute(&self, arguments: &Value) -> Answer {
        let called = self.method(&self.service("Simon"), "compute", arguments);
        if called.status != 200 {
            return called;
        }
        self.download(&called.uuid())
    }
}

impl Answer {
    pub fn uuid(&self) -> String {
        let uuid = self.body["uuid"].as_str();
        uuid.unwrap_or_else(|| panic!("no handle: {} {}", self.status, self.body)).to_owned()
    }

    /// Checks that this is an error as the API promises, of this status and code.
    #[track_caller]
    pub fn refused(&self, status: u16, code: &str) {
        assert_eq!((self.status, self.code()), (status, code), "{}", self.body);
        for entry in ["code", "message", "hint", "trace"] {
            let text = self.body[entry].as_str().unwrap_or_default();
            assert!(!text.is_empty(), "no {entry}: {}", self.body);
        }
    }

    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    pub fn message(&self) -> &str {
        self.body["message"].as_str().unwrap_or_default()
    }

    fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        Self {
            status: status.unwrap_or_else(|| panic!("no HTTP answer: {head}")),
            head: head.to_ascii_lowercase(),
            body: serde_json::from_str(body).unwrap_or(Value::Null),
        }
    }
}
