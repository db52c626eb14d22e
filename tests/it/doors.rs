//! Clients at a node's API that are slow, or come from elsewhere: they hold up no others.

use std::io::{ErrorKind, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use cloister_testkit::{Cluster, Kind};
use serde_json::json;

/// The bytes that slow clients announce.
const ANNOUNCED: usize = 60_000_000;

/// The bytes that a slow client sends at a time. With the pause this is more than a node wants.
static TRICKLE: [u8; 64 << 10] = [b' '; 64 << 10];
const PAUSE: Duration = Duration::from_millis(500);

/// Connects, and begins to send a body that is announced as long.
fn begin(address: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!(
        "PUT /representations HTTP/1.1\r\nHost: {address}\r\nContent-Length: {ANNOUNCED}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream
}

fn is_answered(stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    let seen = stream.peek(&mut [0]);
    stream.set_nonblocking(false).unwrap();
    !matches!(seen, Err(error) if error.kind() == ErrorKind::WouldBlock)
}

/// The quick one is answered first, though the others began before it.
#[test]
fn bodies_that_come_slowly_hold_up_no_quick_one() {
    let cluster = Cluster::teaching(2);
    let address = cluster.url(0).trim_start_matches("http://").to_owned();
    let slow: Vec<TcpStream> = (0..4).map(|_| begin(&address)).collect();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for mut stream in &slow {
            let done = &done;
            scope.spawn(move || {
                while !done.load(Ordering::Relaxed) && stream.write_all(&TRICKLE).is_ok() {
                    thread::sleep(PAUSE);
                }
            });
        }
        let numbers: Vec<u32> = (0..400_000).collect();
        let answer = cluster.api(0).upload(&json!(numbers));
        done.store(true, Ordering::Relaxed);
        assert_eq!(answer.status, 200, "{}", answer.body);
    });
    assert_eq!(slow.iter().filter(|stream| is_answered(stream)).count(), 0);
    drop(slow);
    cluster.check_health();
}

#[test]
fn an_origin_that_no_browser_sends_keeps_the_node_from_starting() {
    for (origin, right) in [
        ("https://lab.example/", "`https://lab.example`"),
        ("lab.example", "`https://lab.example`"),
        ("http://Lab.example:80", "`http://lab.example`"),
        ("*", "name each origin"),
        ("", "scheme, host"),
    ] {
        let mut cluster = Cluster::stopped(Kind::teaching(2));
        let entry = format!("allowed_origins=[\"{origin}\"]");
        let checked = cluster.operator(0, &["config", "check", "--set", &entry]).output().unwrap();
        let told = String::from_utf8(checked.stderr).unwrap();
        assert_eq!(checked.status.code(), Some(2), "{told}");
        assert!(told.contains(right) && told.contains("allowed_origins"), "{origin}: {told}");
        if origin == "*" {
            let settings = std::fs::read_to_string(cluster.config(0)).unwrap();
            let wrong = format!("allowed_origins = [\"{origin}\"]\n{settings}");
            std::fs::write(cluster.config(0), wrong).unwrap();
            assert!(!cluster.starts());
        }
    }
}

#[test]
fn a_page_that_is_refused_is_written_to_the_log_once() {
    let settings = "allowed_origins = [\"https://lab.example\"]";
    let cluster = Cluster::start(Kind { settings, ..Kind::teaching(2) });
    let get = |origin: &str| {
        let request = format!(
            "GET /representations HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             Origin: {origin}\r\n\r\n"
        );
        cluster.api(0).raw(request.as_bytes())
    };
    for _ in 0..5 {
        get("https://evil.example").refused(403, "foreign_origin");
    }
    assert_eq!(get("https://lab.example").status, 200);
    let log = cluster.log(0);
    let lines = log.lines().filter(|line| line.contains("a web page was refused"));
    let lines: Vec<&str> = lines.collect();
    assert!(lines.len() == 1 && lines[0].contains("https://evil.example"), "{lines:#?}");
}
