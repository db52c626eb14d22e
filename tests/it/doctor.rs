//! The findings of the doctor in a consortium in which one thing is wrong. Each has the fault, the
//! action to take, and the party that must take it. The tests run over real nodes, of which the
//! third needs mending.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, mpsc};
use std::time::{Duration, SystemTime};

use actix::{Actor, Context, Handler};
use cloister::files::read_toml;
use cloister_actors::links::{Events, Greeting, Inbound, LinkDown, LinkUp, Listener, Trust};
use cloister_certs::consortium::Consortium;
use cloister_certs::{Identity, Member, Roster, Validity};
use cloister_testkit::databases::mariadb::Mariadb;
use cloister_testkit::databases::postgres::Postgres;
use cloister_testkit::{Cluster, Kind, cloister, wait_until};
use serde_json::Value;

/// The member that needs mending.
const ILL: usize = 2;

/// The diagnosis of the doctor.
struct Diagnosis {
    report: Value,
    text: String,
    code: i32,
}

impl Diagnosis {
    fn of(cluster: &Cluster, more: &[&str]) -> Self {
        let examine = |json: bool| {
            let mut command = cloister();
            command.arg("doctor").arg("--consortium").arg(cluster.folder()).args(more);
            if json {
                command.arg("--json");
            }
            command.output().unwrap()
        };
        let json = examine(true);
        let text = examine(false);
        assert_eq!(json.status.code(), text.status.code());
        Self {
            report: serde_json::from_slice(&json.stdout).unwrap(),
            text: String::from_utf8(text.stdout).unwrap(),
            code: json.status.code().unwrap(),
        }
    }

    fn node<'a>(&'a self, member: &str, check: &str) -> &'a Value {
        let nodes = self.report["nodes"].as_array().unwrap();
        let node = nodes.iter().find(|node| node["member"] == member).unwrap();
        find(node, check, &self.text)
    }

    fn line<'a>(&'a self, from: &str, to: &str, check: &str) -> &'a Value {
        let lines = self.report["lines"].as_array().unwrap();
        let line = lines.iter().find(|line| line["from"] == from && line["to"] == to).unwrap();
        find(line, check, &self.text)
    }

    /// Checks that a step failed with this remedy and this party, and that the text for people has
    /// them too.
    #[track_caller]
    fn failed(&self, check: &Value, detail: &str, remedy: &str, who: &str) {
        assert_eq!(check["verdict"], "failed", "{check}\n{}", self.text);
        let says = |key: &str, what: &str| check[key].as_str().unwrap().contains(what);
        assert!(says("detail", detail), "{check}");
        assert!(says("remedy", remedy), "{check}");
        assert!(says("who", who), "{check}");
        assert!(self.text.contains(detail), "{}", self.text);
        assert!(self.text.contains(remedy), "{}", self.text);
        assert_eq!(self.code, 4, "{}", self.text);
    }

    #[track_caller]
    fn is_fine(&self, from: &str, to: &str) {
        let lines = self.report["lines"].as_array().unwrap();
        let line = lines.iter().find(|line| line["from"] == from && line["to"] == to).unwrap();
        assert_eq!(line["verdict"], "ok", "{line}");
    }
}

fn find<'a>(of: &'a Value, check: &str, text: &str) -> &'a Value {
    let found = of["checks"].as_array().unwrap().iter().find(|found| found["check"] == check);
    found.unwrap_or_else(|| panic!("no {check} in {of}\n{text}"))
}

fn stopped() -> Cluster {
    Cluster::stopped(Kind::teaching(3))
}

/// Changes the settings of the member that needs mending.
fn set(cluster: &Cluster, from: &str, to: &str) {
    let path = cluster.config(ILL);
    let settings = fs::read_to_string(&path).unwrap();
    assert!(settings.contains(from), "{settings}");
    fs::write(path, settings.replace(from, to)).unwrap();
}

/// Gives the member that needs mending a consortium file of its own, which differs from that of all
/// others.
fn own_file(cluster: &Cluster, from: &str, to: &str) {
    let folder = cluster.folder();
    let file = fs::read_to_string(folder.join("consortium.toml")).unwrap();
    assert!(file.contains(from), "{file}");
    fs::write(folder.join("own.toml"), file.replace(from, to)).unwrap();
    set(cluster, "../consortium.toml", "../own.toml");
}

fn identity(cluster: &Cluster, index: usize) -> std::path::PathBuf {
    cluster.folder().join(&cluster.names[index]).join("identity")
}

/// Returns a port that is not in use.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn where_nothing_is_wrong_nothing_needs_to_be_done() {
    let cluster = Cluster::teaching(3);
    let found = Diagnosis::of(&cluster, &["--idle", "1"]);
    assert_eq!(found.code, 0, "{}", found.text);
    assert_eq!(found.report["verdict"], "ok", "{}", found.report);
    assert!(found.text.contains("nothing needs to be done"), "{}", found.text);
    assert_eq!(found.report["lines"].as_array().unwrap().len(), 6);
    assert_eq!(found.report["trial"]["verdict"], "ok");
    for line in found.report["lines"].as_array().unwrap() {
        assert!(line["round_trip_seconds"].as_f64().unwrap() > 0.0, "{line}");
        assert!(line["bytes_per_second"].as_f64().unwrap() > 0.0, "{line}");
        for check in line["checks"].as_array().unwrap() {
            assert_eq!(check["verdict"], "ok", "{line}");
        }
    }
}

#[test]
fn a_wrong_port_is_named() {
    let mut cluster = stopped();
    let peer = cluster.peer(ILL);
    set(&cluster, &peer, &format!("127.0.0.1:{}", free_port()));
    cluster.start_all();
    let found = Diagnosis::of(&cluster, &["--no-trial"]);
    for from in ["clinic-0", "clinic-1"] {
        let line = found.line(from, "clinic-2", "tcp");
        found.failed(line, "refused", "`peer_listen` has the port", "clinic-2");
    }
    found.is_fine("clinic-0", "clinic-1");
    found.is_fine("clinic-2", "clinic-0");
}

#[test]
fn nothing_is_tried_over_a_line_that_fails() {
    let mut cluster = stopped();
    let peer = cluster.peer(ILL);
    set(&cluster, &peer, &format!("127.0.0.1:{}", free_port()));
    cluster.start_all();
    let found = Diagnosis::of(&cluster, &[]);
    assert_eq!(found.report["trial"]["verdict"], "skipped", "{}", found.report);
    assert!(found.text.contains("a node or a line needs mending first"), "{}", found.text);
}

#[test]
fn users_of_databases_that_may_do_more_than_read_are_warned_of() {
    let mut cluster = Cluster::stopped(Kind::teaching(2));
    cluster.start_all();
    let (postgres, mariadb) = (Postgres::start(), Mariadb::start());
    postgres.run(
        "CREATE TABLE visits (a int); INSERT INTO visits VALUES (1), (2);
         CREATE ROLE reader LOGIN PASSWORD 'words'; GRANT SELECT ON visits TO reader",
    );
    mariadb.run("CREATE TABLE visits (a int); INSERT INTO visits VALUES (1), (2)");
    let (_, place) =
        postgres.url().split_once('@').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let reader = format!("postgres://reader:words@{place}");
    let registered = [
        ("above", "--postgres", postgres.url()),
        ("reads", "--postgres", reader),
        ("writes", "--mysql", mariadb.url()),
    ];
    for (name, kind, url) in registered {
        cluster.operate(0, &["data", "register", name, kind, &url, "--table", "visits"]);
    }
    let found = Diagnosis::of(&cluster, &["--no-trial"]);
    let nodes = found.report["nodes"].as_array().unwrap();
    let node = nodes.iter().find(|node| node["member"] == "clinic-0").unwrap();
    let checks = node["checks"].as_array().unwrap().iter();
    let of_databases: Vec<(&str, &str)> = checks
        .filter(|check| check["check"] == "database")
        .map(|check| (check["verdict"].as_str().unwrap(), check["detail"].as_str().unwrap()))
        .collect();
    let due = [
        (
            "warning",
            "dataset above: the database's user is a superuser, which may do anything there",
        ),
        ("ok", "dataset reads: its user may only read"),
        ("warning", "dataset writes: the database's user may write there"),
    ];
    assert_eq!(of_databases, due, "{}", found.text);
    assert!(found.text.contains("a user of its own that may only select"), "{}", found.text);
    assert_eq!(found.code, 0, "a warning is no failure");
    // A server that is gone is named, and keeps nothing else from being examined.
    drop(mariadb);
    let gone = Diagnosis::of(&cluster, &["--no-trial"]);
    assert!(gone.text.contains("dataset writes: the database cannot be reached"), "{}", gone.text);
}

#[test]
fn a_strangers_certificate_is_named() {
    let mut cluster = stopped();
    let old = Identity::load(&identity(&cluster, ILL)).unwrap().fingerprint().to_string();
    fs::remove_dir_all(identity(&cluster, ILL)).unwrap();
    let other = Identity::create("clinic-2", Validity::DEFAULT, SystemTime::now()).unwrap();
    other.save(&identity(&cluster, ILL)).unwrap();
    own_file(&cluster, &old, &other.fingerprint().to_string());
    cluster.start_all();
    let found = Diagnosis::of(&cluster, &["--no-trial"]);
    let line = found.line("clinic-0", "clinic-2", "identity");
    let shown = format!("the peer showed {}", other.fingerprint());
    found.failed(line, &shown, "pin the new fingerprint", "clinic-2");
    let back = found.line("clinic-2", "clinic-0", "identity");
    found.failed(back, "refused our certificate", "pin this fingerprint", "clinic-0");
    let node = found.node("clinic-2", "consortium");
    found.failed(node, "not that of most others", "give clinic-2 the file", "clinic-2");
}

/// Gives the member that needs mending another identity, of a certificate that expires soon.
/// Returns the time of expiry.
fn expire_within(cluster: &Cluster, left: Duration) -> SystemTime {
    let folder = identity(cluster, ILL);
    let old = Identity::load(&folder).unwrap().fingerprint().to_string();
    fs::remove_dir_all(&folder).unwrap();
    let made = SystemTime::now() + left - Duration::from_secs(24 * 60 * 60);
    let short = Identity::create("clinic-2", Validity::days(1), made).unwrap();
    short.save(&folder).unwrap();
    let file = cluster.folder().join("consortium.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace(&old, &short.fingerprint().to_string())).unwrap();
    short.not_after()
}

#[test]
fn an_expired_certificate_is_named() {
    let mut cluster = stopped();
    // The certificate is still valid when the nodes start, however long that takes, and then no
    // longer.
    let mut left = Duration::from_secs(4);
    let mut not_after = expire_within(&cluster, left);
    while !cluster.starts() {
        left *= 2;
        not_after = expire_within(&cluster, left);
    }
    wait_until("the certificate has expired", || {
        SystemTime::now() > not_after + Duration::from_millis(1_100)
    });
    let found = Diagnosis::of(&cluster, &["--no-trial"]);
    let line = found.line("clinic-0", "clinic-2", "identity");
    found.failed(line, "expired on", "makes a new one", "clinic-2");
    let node = found.node("clinic-2", "certificate");
    found.failed(node, "it has expired", "cloister identity renew", "clinic-2");
}

#[test]
fn a_clock_that_is_two_hours_off_is_named() {
    let there = Command::new("faketime").arg("--version").output().is_ok();
    assert!(there, "faketime is missing: install it (apt install faketime)");
    let mut cluster = stopped();
    cluster.start_each(|_, index| {
        (index == ILL).then(|| {
            let mut command = Command::new("faketime");
            command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").args(["-f", "+2h"]);
            command.arg(env!("CARGO_BIN_EXE_cloister"));
            command
        })
    });
    let found = Diagnosis::of(&cluster, &["--no-trial"]);
    let node = found.node("clinic-2", "clock");
    found.failed(node, "2.0 h ahead of most others", "set the clock of clinic-2", "clinic-2");
    let line = found.line("clinic-0", "clinic-2", "clock");
    found.failed(line, "2.0 h ahead of", "set the clock of clinic-2", "clinic-2");
    let back = found.line("clinic-2", "clinic-1", "clock");
    assert!(back["detail"].as_str().unwrap().contains("2.0 h behind"), "{back}");
    found.is_fine("clinic-0", "clinic-1");
}

#[test]
fn a_different_consortium_file_is_named_with_the_difference() {
    let mut cluster = stopped();
    own_file(&cluster, "http://127.0.0.1", "http://localhost");
    cluster.start_all();
    let found = Diagnosis::of(&cluster, &["--no-trial"]);
    let line = found.line("clinic-0", "clinic-2", "consortium");
    let detail = format!("the API URL of clinic-0 is `{}` here and", cluster.url(0));
    found.failed(line, &detail, "the same consortium file", "clinic-2");
    let node = found.node("clinic-2", "consortium");
    found.failed(node, "not that of most others", "give clinic-2 the file", "clinic-2");
    found.is_fine("clinic-0", "clinic-1");
    // The nodes say so too, both the one that dials and the one that is called.
    for (index, other) in [(0, "clinic-2"), (ILL, "clinic-0")] {
        let members = cluster.api(index).send("GET", "/v1/members", "").body;
        let members = members["members"].as_array().unwrap().clone();
        let member = members.iter().find(|member| member["name"] == other).unwrap();
        let problem = member["link"]["problem"].as_str().unwrap();
        assert!(problem.contains("the API URL of clinic-0"), "{member}");
    }
}

#[test]
fn an_older_protocol_version_is_named() {
    let mut cluster = stopped();
    let old = Old::listen(&cluster);
    cluster.start_some(&[0, 1]);
    let found = Diagnosis::of(&cluster, &["--no-trial"]);
    for from in ["clinic-0", "clinic-1"] {
        let line = found.line(from, "clinic-2", "version");
        found.failed(line, "it speaks version 2", "update the node of clinic-2", "clinic-2");
    }
    let node = found.node("clinic-2", "api");
    found.failed(node, "no node answers", "see that the node of clinic-2 runs", "clinic-2");
    drop(old);
}

#[test]
fn a_blocked_direction_is_named() {
    let mut cluster = stopped();
    let peer: SocketAddr = cluster.peer(ILL).parse().unwrap();
    let blocked = Blocked::at(peer);
    set(&cluster, &cluster.peer(ILL), &format!("127.0.0.1:{}", free_port()));
    cluster.start_all();
    let found = Diagnosis::of(&cluster, &["--no-trial"]);
    for from in ["clinic-0", "clinic-1"] {
        let line = found.line(from, "clinic-2", "tcp");
        found.failed(line, "no answer within", "have the firewall of clinic-2 let in", "clinic-2");
    }
    found.is_fine("clinic-2", "clinic-0");
    found.is_fine("clinic-2", "clinic-1");
    drop(blocked);
}

/// An address at which no connection is refused and none is made, as behind a firewall that drops:
/// a listener whose queue is full.
struct Blocked {
    _listener: TcpListener,
    _queue: Vec<TcpStream>,
}

impl Blocked {
    fn at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let mut queue = Vec::new();
        // A queue takes some hundreds of connections at the most.
        while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_secs(2)) {
            queue.push(stream);
            assert!(queue.len() < 10_000, "the queue of a listener is never full");
        }
        Self { _listener: listener, _queue: queue }
    }
}

/// A node of an older release, as far as others see it: it ends the greeting with its version.
struct Old(#[allow(dead_code, reason = "its end is the message")] mpsc::Sender<()>);

impl Old {
    fn listen(cluster: &Cluster) -> Self {
        let folder = cluster.folder();
        let file = folder.join("consortium.toml");
        let consortium: Consortium = read_toml(&file, "").unwrap();
        let identity = Identity::load(&identity(cluster, ILL)).unwrap();
        let socket = TcpListener::bind(cluster.peer(ILL)).unwrap();
        socket.set_nonblocking(true).unwrap();
        let (end, ended) = mpsc::channel();
        std::thread::spawn(move || {
            actix_rt::System::new().block_on(async move {
                let members = consortium.members().iter().map(|member| Member {
                    name: member.name.clone(),
                    fingerprints: member.fingerprints.clone(),
                });
                let roster = Arc::new(Roster::new(members).unwrap());
                let greeting = Greeting { version: 2, ..Greeting::new(&consortium, [0; 16]) };
                let trust = Trust::new(Arc::new(identity), roster, greeting);
                let deaf = Deaf.start();
                let events = Events {
                    up: deaf.clone().recipient(),
                    down: deaf.clone().recipient(),
                    inbound: deaf.recipient(),
                };
                let _links = Listener::start_links(socket, &trust, Vec::new(), &events);
                while let Err(mpsc::TryRecvError::Empty) = ended.try_recv() {
                    actix_rt::time::sleep(Duration::from_millis(50)).await;
                }
            });
        });
        Self(end)
    }
}

/// A recipient of link events that does nothing.
struct Deaf;

impl Actor for Deaf {
    type Context = Context<Self>;
}

impl Handler<LinkUp> for Deaf {
    type Result = ();

    fn handle(&mut self, _: LinkUp, _: &mut Self::Context) {}
}

impl Handler<LinkDown> for Deaf {
    type Result = ();

    fn handle(&mut self, _: LinkDown, _: &mut Self::Context) {}
}

impl Handler<Inbound> for Deaf {
    type Result = ();

    fn handle(&mut self, _: Inbound, _: &mut Self::Context) {}
}
