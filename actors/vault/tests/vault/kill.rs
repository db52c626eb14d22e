//! A vault that is killed at any moment: all acknowledged records are there.
//!
//! A child writes records of all kinds from several threads and prints each acknowledgement. It is
//! killed after a random time, the state is opened again, and all that was printed must be there.
//! `CLOISTER_LONG_TESTS=1` kills it 500 times instead of 40.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use cloister_vault::{Permission, Question, Quota, Role, State, Upload, Vault};
use serde_json::json;
use tempfile::tempdir;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::seeded::Seeded;

const FOLDER: &str = "CLOISTER_VAULT_KILLED";
const ROUND: &str = "CLOISTER_VAULT_ROUND";
/// The acknowledgements that a child that was not killed while it started has given at the least.
const LEAST: u64 = 5;
/// Rounds over one state, so that it does not grow with the number of rounds.
const ROUNDS_OF_A_STATE: u64 = 40;

#[test]
fn nothing_acknowledged_is_lost_when_the_process_is_killed() {
    let is_long = std::env::var("CLOISTER_LONG_TESTS").is_ok_and(|value| value == "1");
    let rounds = if is_long { 500 } else { 40 };
    let mut random = Seeded::new();
    let (mut acknowledged, mut slowest) = (0, Duration::ZERO);
    for first in (0..rounds).step_by(usize::try_from(ROUNDS_OF_A_STATE).unwrap()) {
        let folder = tempdir().unwrap();
        let mut expected = Expected::default();
        for round in first..rounds.min(first + ROUNDS_OF_A_STATE) {
            let lines = killed_child(folder.path(), round, &mut random);
            acknowledged += lines.len();
            lines.iter().for_each(|line| expected.note(line));
            let start = Instant::now();
            let vault = Vault::open(folder.path()).unwrap();
            slowest = slowest.max(start.elapsed());
            expected.check(&vault);
        }
    }
    println!("{rounds} kills, {acknowledged} acknowledgements, slowest opening {slowest:?}");
    assert!(acknowledged > 0);
}

/// Runs a child, kills it, and returns its acknowledgements.
fn killed_child(folder: &std::path::Path, round: u64, random: &mut Seeded) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["kill::child_that_writes_until_it_is_killed", "--exact", "--nocapture"])
        .env(FOLDER, folder)
        .env(ROUND, round.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    // One in eight is killed while it starts; the others after so many acknowledgements.
    let mut text = String::new();
    if random.below(8) != 0 {
        while !text.ends_with("ack begun\n") {
            assert_ne!(output.read_line(&mut text).unwrap(), 0, "the child ended: {text}");
        }
        for _ in 0..LEAST + random.below(40) {
            assert_ne!(output.read_line(&mut text).unwrap(), 0, "the child ended: {text}");
        }
    }
    let reader = thread::spawn(move || {
        let mut rest = Vec::new();
        output.read_to_end(&mut rest).unwrap();
        rest
    });
    // The random moment is the point of the test.
    thread::sleep(Duration::from_micros(random.below(50_000)));
    child.kill().unwrap();
    child.wait().unwrap();
    text += &String::from_utf8(reader.join().unwrap()).unwrap();
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole.lines().filter_map(|line| line.strip_prefix("ack ")).map(str::to_owned).collect()
}

/// The records that must be found after these acknowledgements.
#[derive(Default)]
struct Expected {
    entries: BTreeMap<u64, String>,
    head: u64,
    counter: u64,
    left: Option<u32>,
    tokens: BTreeMap<String, String>,
    revoking: BTreeSet<String>,
    uploads: BTreeMap<Uuid, u64>,
    removing: BTreeSet<Uuid>,
    removed: BTreeSet<Uuid>,
    remembered: Option<u64>,
}

impl Expected {
    fn note(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["begun"] => {}
            ["entry", number, hash] => {
                drop(self.entries.insert(number.parse().unwrap(), (*hash).to_owned()));
            }
            ["counter", value] => self.counter = value.parse().unwrap(),
            ["left", left] => self.left = Some(left.parse().unwrap()),
            ["token", name, text] => drop(self.tokens.insert((*name).into(), (*text).into())),
            ["revoking", name] => drop(self.revoking.insert((*name).into())),
            ["revoked", name] => drop(self.tokens.remove(*name)),
            ["upload", id, length] => {
                self.uploads.insert(id.parse().unwrap(), length.parse().unwrap());
            }
            ["removing", id] => drop(self.removing.insert(id.parse().unwrap())),
            ["removed", id] => {
                let id = id.parse().unwrap();
                self.uploads.remove(&id);
                self.removed.insert(id);
            }
            ["remembered", number] => self.remembered = Some(number.parse().unwrap()),
            _ => panic!("not understood: {line}"),
        }
    }

    fn check(&mut self, vault: &Vault) {
        self.check_chain(vault);
        self.check_counters(vault);
        self.check_tokens(vault);
        self.check_uploads(vault);
        if let Some(number) = self.remembered.take() {
            let memory = vault.memory("trial").unwrap().expect("a memory was kept");
            let kept = u64::from_le_bytes(memory.as_slice().try_into().unwrap());
            assert!(kept >= number, "memory {number} is forgotten, {kept} is there");
        }
    }

    fn check_chain(&mut self, vault: &Vault) {
        let verified = vault.verify().unwrap();
        assert_eq!(verified.head, vault.head());
        assert!(verified.entries >= self.head, "the chain has gone back");
        for (number, hash) in std::mem::take(&mut self.entries) {
            let entry = vault.entries(number, 1).unwrap().pop().unwrap();
            let found = cloister_vault::Head { number, hash: entry.hash };
            assert_eq!((entry.number, found.hex()), (number, hash));
        }
        self.head = verified.entries;
    }

    fn check_counters(&mut self, vault: &Vault) {
        let counter = counter(vault);
        // The write that was under way may be there.
        assert!(counter == self.counter || counter == self.counter + 1);
        self.counter = counter;
        let left = vault.approvals().unwrap().iter().find_map(|approval| match approval.state {
            State::Granted { times_left, .. } => Some(times_left),
            _ => None,
        });
        if let Some(expected) = self.left {
            let left = left.unwrap();
            assert!(left == expected || left + 1 == expected, "{left} uses left of {expected}");
        }
        self.left = left;
    }

    fn check_tokens(&mut self, vault: &Vault) {
        let found: BTreeSet<String> =
            vault.tokens().unwrap().into_iter().map(|token| token.name).collect();
        let mut kept = self.tokens.keys().filter(|&name| !self.revoking.contains(name));
        assert!(kept.clone().all(|name| found.contains(name)), "a token is lost");
        let revoked = self.revoking.iter().filter(|&name| !self.tokens.contains_key(name));
        assert!(revoked.clone().all(|name| !found.contains(name)), "a revoked token is back");
        // Hashing takes long: one of them stands for all.
        if let Some(name) = kept.next() {
            assert_eq!(&vault.check_token(&self.tokens[name], 0).unwrap().name, name);
        }
        self.tokens.retain(|name, _| found.contains(name));
    }

    fn check_uploads(&mut self, vault: &Vault) {
        for (id, length) in &self.uploads {
            let Some((upload, content)) = vault.upload(*id).unwrap() else {
                assert!(self.removing.contains(id), "an upload is lost");
                continue;
            };
            let kept = content_of(*id, usize::try_from(*length).unwrap());
            assert_eq!((upload.bytes, &*content), (*length, &kept));
        }
        assert!(self.removed.iter().all(|id| vault.upload(*id).unwrap().is_none()));
        self.uploads.retain(|id, _| vault.upload(*id).unwrap().is_some());
    }
}

fn counter(vault: &Vault) -> u64 {
    vault.dataset("counter").unwrap().map_or(0, |value| value.as_u64().unwrap())
}

fn content_of(id: Uuid, length: usize) -> Vec<u8> {
    id.as_bytes().iter().copied().cycle().take(length).collect()
}

/// Runs as the child; by itself it does nothing.
#[test]
fn child_that_writes_until_it_is_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let round: u64 = std::env::var(ROUND).unwrap().parse().unwrap();
    let vault = Vault::open(folder.as_ref()).unwrap();
    println!("\nack begun");
    let writers: [fn(&Vault, u64); 5] =
        [write_entries, write_counter, use_approvals, write_tokens, write_uploads];
    thread::scope(|scope| {
        for writer in writers {
            let vault = &vault;
            scope.spawn(move || writer(vault, round));
        }
        for number in 0.. {
            let number = round * 1_000_000 + number;
            let memory = Zeroizing::new(number.to_le_bytes().to_vec());
            vault.keep_memory("trial", memory).wait().unwrap();
            println!("ack remembered {number}");
        }
    });
}

fn write_entries(vault: &Vault, round: u64) {
    loop {
        let batch: Vec<_> =
            (0..3).map(|n| vault.append("round", round, json!({ "n": n }))).collect();
        for written in batch {
            let head = written.wait().unwrap();
            println!("ack entry {} {}", head.number, head.hex());
        }
    }
}

fn write_counter(vault: &Vault, _: u64) {
    for value in counter(vault) + 1.. {
        vault.put_dataset("counter", &json!(value)).wait().unwrap();
        println!("ack counter {value}");
    }
}

fn use_approvals(vault: &Vault, _: u64) {
    let question = Question {
        principal: "anna".into(),
        function: "mean".into(),
        parameters: Some("{}".into()),
        dataset: "trial".into(),
        columns: vec!["age".into()],
        condition: None,
    };
    let permission = Permission {
        by: "owner".into(),
        times: 1_000_000,
        expires: 100,
        classes: vec![question.class()],
    };
    loop {
        match vault.use_approval(question.clone(), 1).wait().unwrap() {
            cloister_vault::Decision::Granted { left, .. } => println!("ack left {left}"),
            cloister_vault::Decision::Asked { id } => {
                assert!(vault.grant(id, permission.clone()).wait().unwrap());
                println!("ack left 1000000");
            }
            other => panic!("{other:?}"),
        }
    }
}

fn write_tokens(vault: &Vault, round: u64) {
    for number in 0.. {
        let name = format!("token-{round}-{number}");
        let roles = BTreeSet::from([Role::Researcher]);
        let text = vault.make_token(&name, roles, None, 0).wait().unwrap();
        println!("ack token {name} {}", *text);
        if number % 2 == 1 {
            println!("ack revoking {name}");
            assert!(vault.revoke_token(&name).wait().unwrap());
            println!("ack revoked {name}");
        }
    }
}

fn write_uploads(vault: &Vault, round: u64) {
    let quota = Quota { per_owner_bytes: 1 << 40, all_bytes: 1 << 40, per_owner_count: 10_000 };
    for number in 0..100_u64 {
        let id = Uuid::new_v4();
        let length =
            if number % 5 == 2 { (1 << 20) + 5 } else { 1000 + usize::try_from(number).unwrap() };
        let content = Zeroizing::new(content_of(id, length));
        let (owner, media) = (format!("owner {round}"), "text/csv".to_owned());
        let upload = Upload { id, owner, media, bytes: 0, expires: 1 };
        vault.put_upload(upload, content, quota).wait().unwrap();
        println!("ack upload {id} {length}");
        if number % 3 != 0 {
            println!("ack removing {id}");
            assert!(vault.remove_upload(id).wait().unwrap());
            println!("ack removed {id}");
        }
    }
}
