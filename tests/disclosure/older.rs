//! A node whose state is older than other members have seen: what it refuses, until when, and what
//! raises no alarm.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::thread;

use cloister_actors::control::{self, Reply};
use cloister_actors::operations::Operation;
use cloister_protocols::disclosure::Profile;
use cloister_vault::{Head, Sighting, Vault};
use serde_json::{Value, json};

use super::attacks::states::copy_files;
use super::world::{PARTIES, Part, Question, Refusal, Setting, World};

fn all() -> [Part; PARTIES] {
    [0, 1, 2].map(|_| Part::of("trial", &["age"]))
}

/// Selects the rows up to an age, at each party.
fn up_to(age: u32) -> [Part; PARTIES] {
    let condition = json!({"column": "age", "op": "<=", "value": age});
    [0, 1, 2].map(|_| Part::chosen("trial", &["age"], &condition))
}

/// Makes a question about data that clients bring in, and about no dataset.
fn of_clients() -> Question {
    let numbers: Vec<u32> = (0..20).collect();
    Question::new("SecureSum", [0, 1, 2].map(|_| Part::nothing().within(json!(numbers))))
}

fn state_of(world: &World, party: usize) -> PathBuf {
    let mut found = PathBuf::new();
    world.with_state_of(party, |state| state.clone_into(&mut found));
    found
}

/// Has the operator's command ask the running node.
fn operate(state: &Path, operation: &Operation) -> Result<Value, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    match runtime.block_on(control::ask(state, operation)).unwrap() {
        Reply::Done(value) => Ok(value),
        Reply::Failed { code, .. } => Err(code),
    }
}

fn acknowledge() -> Operation {
    Operation::AcknowledgeLoss { restored: false }
}

#[track_caller]
fn refused(asked: Result<f64, Refusal>, code: &str) -> Refusal {
    let refusal = asked.unwrap_err();
    assert_eq!(refusal.code, code, "{refusal:?}");
    refusal
}

/// Returns the members that have told a node of a later state.
fn alarms(world: &World, party: usize) -> Vec<String> {
    let mut told = Vec::new();
    world.with_state_of(party, |state| {
        let vault = Vault::open(state).unwrap();
        told.extend(vault.contradictions().unwrap().into_keys());
        vault.close();
    });
    told
}

#[test]
fn an_older_state_is_refused_until_the_loss_is_acknowledged_and_the_dataset_opened() {
    let world = World::start(Profile::Production, Setting::of("rossi"));
    let state = state_of(&world, 0);
    assert_eq!(operate(&state, &acknowledge()), Err("nothing_lost".to_owned()));
    let yesterday = tempfile::tempdir().unwrap();
    world.sum(all()).unwrap();
    world.with_state_of(0, |state| copy_files(state, yesterday.path()));
    world.sum(up_to(30)).unwrap();
    world.with_state_of(0, |state| copy_files(yesterday.path(), state));

    // The other members tell it in the first agreement, and the state keeps it from then on.
    let refusal = refused(world.sum(all()), "state_older");
    assert!(refusal.message.contains("clinic-1 has seen entry"), "{refusal:?}");
    assert!(refusal.message.contains("clinic-2 has seen entry"), "{refusal:?}");
    assert_eq!(alarms(&world, 0), ["clinic-1", "clinic-2"]);
    refused(world.sum(all()), "state_older");
    world.ask(&of_clients()).unwrap();

    let told = operate(&state, &acknowledge()).unwrap();
    assert_eq!(told["told"].as_array().unwrap().len(), 2);
    // The number is the time, so that the same copy that is put back again has another.
    assert!(told["losses"].as_u64().unwrap() > 1_700_000_000_000, "{told}");
    refused(world.sum(all()), "answers_forgotten");
    world.ask(&of_clients()).unwrap();
    let dataset = || "trial".to_owned();
    let memory = operate(&state, &Operation::Memory { dataset: dataset() }).unwrap();
    assert_eq!(memory["closed"], json!(true));
    let open = Operation::OpenDataset { dataset: dataset() };
    assert_eq!(operate(&state, &open).unwrap(), json!({"was_closed": true}));
    assert_eq!(operate(&state, &open).unwrap(), json!({"was_closed": false}));
    // Nothing is forgotten.
    let opened = operate(&state, &Operation::Memory { dataset: dataset() }).unwrap();
    assert_eq!((&opened["closed"], &opened["values"]), (&json!(false), &memory["values"]));
    assert!(!memory["values"].as_array().unwrap().is_empty());
    world.sum(all()).unwrap();

    // The log begins anew from there, and is protected like the one before.
    world.with_state_of(0, |state| copy_files(state, yesterday.path()));
    world.sum(up_to(30)).unwrap();
    assert_eq!(alarms(&world, 0), [""; 0]);
    world.sum(up_to(30)).unwrap();
    world.with_state_of(0, |state| copy_files(yesterday.path(), state));
    refused(world.sum(all()), "state_older");
    operate(&state, &acknowledge()).unwrap();
    refused(world.sum(all()), "answers_forgotten");
    operate(&state, &Operation::ResetMemory { dataset: dataset() }).unwrap();
    world.sum(all()).unwrap();
}

#[test]
fn an_unfounded_word_is_dropped_and_nothing_is_closed_or_used_up() {
    let world = World::start(Profile::Production, Setting::of("rossi").with_approval());
    let state = state_of(&world, 0);
    refused(world.sum(all()), "approval_needed");
    world.approve(10);
    world.with_state_of(0, |state| {
        let vault = Vault::open(state).unwrap();
        let told = Sighting { losses: 0, head: Head { number: 900, hash: [1; 32] } };
        vault.contradict(vec![("clinic-1".to_owned(), told)]).wait().unwrap();
        vault.close();
    });
    refused(world.sum(all()), "state_older");
    let drop_word = |member: &str| {
        let dropped = operate(&state, &Operation::DropWord { member: member.to_owned() });
        dropped.map(|word| word["number"].clone())
    };
    assert_eq!(drop_word("clinic-2"), Err("nothing_lost".to_owned()));
    assert_eq!(drop_word("clinic-1"), Ok(json!(900)));
    assert_eq!(drop_word("clinic-1"), Err("nothing_lost".to_owned()));
    world.sum(all()).unwrap();
    let log = operate(&state, &Operation::Audit { first: 1 }).unwrap();
    let kinds = log.as_array().unwrap().iter().map(|entry| entry["kind"].as_str().unwrap());
    assert_eq!(kinds.filter(|kind| *kind == "word dropped").count(), 1);
}

#[test]
fn after_a_loss_owners_approve_questions_without_a_reset() {
    let world = World::start(Profile::Production, Setting::of("rossi").with_approval());
    let state = state_of(&world, 0);
    let yesterday = tempfile::tempdir().unwrap();
    world.with_state_of(0, |state| copy_files(state, yesterday.path()));
    refused(world.sum(all()), "approval_needed");
    world.approve(10);
    world.sum(all()).unwrap();
    world.with_state_of(0, |state| copy_files(yesterday.path(), state));
    refused(world.sum(all()), "approval_needed");
    world.approve(10);
    refused(world.sum(all()), "state_older");
    operate(&state, &acknowledge()).unwrap();
    // What was granted before may have been used up in the lost time.
    refused(world.sum(all()), "approval_needed");
    world.approve(10);
    world.sum(all()).unwrap();
}

#[test]
fn restarts_raise_no_alarm_also_during_traffic() {
    // A question that a restart breaks off at one node ends by its deadline at the others.
    let setting = Setting::of("rossi").with_deadline(10);
    let world = World::start(Profile::Production, setting);
    for party in 0..PARTIES {
        world.sum(all()).unwrap();
        let before = world.asked();
        thread::scope(|scope| {
            // Its client's connection breaks with the node.
            let asked = scope.spawn(|| catch_unwind(AssertUnwindSafe(|| world.sum(all()).is_ok())));
            while world.asked() == before {
                thread::yield_now();
            }
            world.with_state_of(party, |_| ());
            drop(asked.join());
        });
        world.sum(all()).unwrap();
    }
    for party in 0..PARTIES {
        assert_eq!(alarms(&world, party), [""; 0]);
    }
}
