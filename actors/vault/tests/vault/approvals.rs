//! Approvals: asked for, granted, counted down, refused.

use std::collections::BTreeSet;

use cloister_vault::{
    Class, Condition, Conditions, Decision, MAX_OPEN_REQUESTS, Permission, Question, State, Vault,
    VaultError, Written,
};
use tempfile::{TempDir, tempdir};

fn asked(principal: &str, columns: &[&str]) -> Question {
    Question {
        principal: principal.into(),
        function: "mean".into(),
        parameters: Some("{}".into()),
        dataset: "trial".into(),
        columns: columns.iter().map(|&column| column.into()).collect(),
        condition: None,
    }
}

fn with_condition(question: &Question, column: &str) -> Question {
    let condition =
        Condition { text: format!("{column} > 1"), columns: BTreeSet::from([column.to_owned()]) };
    Question { condition: Some(condition), ..question.clone() }
}

/// Grants a request for exactly its question.
fn grant(vault: &Vault, id: u64, times: u32, expires: u64) -> Written<bool> {
    let approvals = vault.approvals().unwrap();
    let found = approvals.into_iter().find(|approval| approval.id == id);
    let question = found.and_then(|approval| approval.question);
    let class = question.unwrap_or_else(|| asked("nobody", &["none"])).class();
    grant_class(vault, id, times, expires, class)
}

fn grant_class(vault: &Vault, id: u64, times: u32, expires: u64, class: Class) -> Written<bool> {
    vault.grant(id, Permission { by: "owner".into(), times, expires, classes: vec![class] })
}

fn opened() -> (TempDir, Vault) {
    let folder = tempdir().unwrap();
    let vault = Vault::open(folder.path()).unwrap();
    (folder, vault)
}

fn uses(vault: &Vault, question: &Question, now: u64) -> Decision {
    vault.use_approval(question.clone(), now).wait().unwrap()
}

#[test]
fn a_request_is_made_once_granted_and_used_up() {
    let (folder, vault) = opened();
    let anna = asked("anna", &["age", "bmi"]);
    assert_eq!(uses(&vault, &anna, 1), Decision::Asked { id: 1 });
    assert_eq!(uses(&vault, &asked("anna", &["bmi", "age", "age"]), 2), Decision::Asked { id: 1 });
    assert_eq!(uses(&vault, &asked("anna", &["age"]), 2), Decision::Asked { id: 2 });
    assert_eq!(uses(&vault, &asked("bob", &["age", "bmi"]), 2), Decision::Asked { id: 3 });
    assert!(grant(&vault, 1, 2, 100).wait().unwrap());
    assert!(!grant(&vault, 99, 2, 100).wait().unwrap());
    drop(vault);
    let vault = Vault::open(folder.path()).unwrap();
    assert_eq!(uses(&vault, &anna, 99), Decision::Granted { id: 1, left: 1 });
    assert_eq!(uses(&vault, &anna, 99), Decision::Granted { id: 1, left: 0 });
    assert_eq!(uses(&vault, &anna, 99), Decision::Expired { id: 1 });
    assert_eq!(uses(&vault, &anna, 99), Decision::Asked { id: 1 }, "open again");
    let approvals = vault.approvals().unwrap();
    assert_eq!(approvals.len(), 3);
    assert_eq!((approvals[0].asked, &approvals[0].state), (99, &State::Asked));
    assert_eq!(approvals[0].question.as_ref(), Some(&anna));
}

#[test]
fn a_grant_ends_at_its_time() {
    let (_folder, vault) = opened();
    let anna = asked("anna", &["age"]);
    uses(&vault, &anna, 1);
    grant(&vault, 1, 5, 100).wait().unwrap();
    assert_eq!(uses(&vault, &anna, 99), Decision::Granted { id: 1, left: 4 });
    assert_eq!(uses(&vault, &anna, 100), Decision::Expired { id: 1 });
    assert_eq!(
        uses(&vault, &anna, 99),
        Decision::Asked { id: 1 },
        "a clock set back grants nothing"
    );
}

#[test]
fn a_refusal_stands_until_it_is_granted_or_forgotten() {
    let (_folder, vault) = opened();
    let anna = asked("anna", &["age"]);
    uses(&vault, &anna, 1);
    assert!(vault.refuse(1, "owner").wait().unwrap());
    assert!(!vault.refuse(2, "owner").wait().unwrap());
    assert_eq!(uses(&vault, &anna, 2), Decision::Refused { id: 1 });
    grant(&vault, 1, 1, 100).wait().unwrap();
    vault.refuse(1, "owner").wait().unwrap();
    assert_eq!(uses(&vault, &anna, 2), Decision::Refused { id: 1 }, "a grant can be taken back");
    assert!(vault.forget_approval(1).wait().unwrap());
    assert!(!vault.forget_approval(1).wait().unwrap());
    assert_eq!(uses(&vault, &anna, 3), Decision::Asked { id: 2 }, "ids are not given twice");
    let none = grant(&vault, 2, 0, 100).wait();
    assert!(matches!(none, Err(VaultError::Invalid { .. })));
}

#[test]
fn of_racing_uses_exactly_as_many_succeed_as_were_granted() {
    const TIMES: u32 = 40;
    let (_folder, vault) = opened();
    let anna = asked("anna", &["age"]);
    uses(&vault, &anna, 1);
    grant(&vault, 1, TIMES, 100).wait().unwrap();
    let threads: Vec<_> = (0..=TIMES)
        .map(|_| {
            let (vault, anna) = (vault.clone(), anna.clone());
            std::thread::spawn(move || uses(&vault, &anna, 2))
        })
        .collect();
    let decisions: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    let mut left: Vec<u32> = decisions
        .iter()
        .filter_map(|decision| match decision {
            Decision::Granted { left, .. } => Some(*left),
            _ => None,
        })
        .collect();
    left.sort_unstable();
    assert_eq!(left, (0..TIMES).collect::<Vec<_>>(), "each use is counted once");
    assert_eq!(decisions.iter().filter(|&one| *one == Decision::Expired { id: 1 }).count(), 1);
}

#[test]
fn open_requests_of_one_principal_are_bounded() {
    let (_folder, vault) = opened();
    let many: Vec<_> = (0..=MAX_OPEN_REQUESTS)
        .map(|column| vault.use_approval(asked("anna", &[&format!("c{column}")]), 1))
        .collect();
    let mut answers: Vec<_> = many.into_iter().map(|written| written.wait()).collect();
    assert!(matches!(answers.pop(), Some(Err(VaultError::Limit { .. }))));
    assert!(answers.iter().all(Result::is_ok));
    assert!(matches!(uses(&vault, &asked("bob", &["c0"]), 1), Decision::Asked { .. }));
    vault.refuse(1, "owner").wait().unwrap();
    assert!(vault.use_approval(asked("anna", &["more"]), 1).wait().is_ok());
    let long = asked("anna", &[&"x".repeat(201)]);
    assert!(matches!(vault.use_approval(long, 1).wait(), Err(VaultError::Invalid { .. })));
}

#[test]
fn an_approval_of_one_question_serves_no_condition_that_it_does_not_have() {
    let (_folder, vault) = opened();
    let sum = asked("anna", &["time"]);
    let aged = with_condition(&sum, "age");
    uses(&vault, &sum, 1);
    grant(&vault, 1, 10, 100).wait().unwrap();
    assert_eq!(uses(&vault, &aged, 2), Decision::Asked { id: 2 });
    assert_eq!(uses(&vault, &sum, 2), Decision::Granted { id: 1, left: 9 });
    grant(&vault, 2, 1, 100).wait().unwrap();
    assert_eq!(uses(&vault, &aged, 2), Decision::Granted { id: 2, left: 0 });
    assert_eq!(uses(&vault, &aged, 2), Decision::Expired { id: 2 });
}

#[test]
fn a_class_serves_all_its_questions_until_its_uses_end() {
    let (_folder, vault) = opened();
    let sum = asked("anna", &["time"]);
    uses(&vault, &sum, 1);
    let on_age = Conditions::On(BTreeSet::from(["age".to_owned()]));
    let class = Class { conditions: on_age, ..sum.class() };
    let other = Class { functions: BTreeSet::from(["sum".to_owned()]), ..class.clone() };
    let misses = grant_class(&vault, 1, 3, 100, other).wait();
    assert!(matches!(misses, Err(VaultError::Invalid { .. })), "{misses:?}");
    grant_class(&vault, 1, 3, 100, class).wait().unwrap();
    assert_eq!(uses(&vault, &with_condition(&sum, "age"), 2), Decision::Granted { id: 1, left: 2 });
    assert_eq!(uses(&vault, &with_condition(&sum, "site"), 2), Decision::Asked { id: 2 });
    assert_eq!(uses(&vault, &sum, 2), Decision::Granted { id: 1, left: 1 });
    let other = Question { principal: "bob".into(), ..sum.clone() };
    assert_eq!(uses(&vault, &other, 2), Decision::Asked { id: 3 });
    // A refusal of one question holds though the class would serve it.
    vault.refuse(2, "owner").wait().unwrap();
    assert_eq!(uses(&vault, &with_condition(&sum, "site"), 2), Decision::Refused { id: 2 });
}

#[test]
fn a_study_is_granted_with_one_decision() {
    let (folder, vault) = opened();
    let questions = [asked("anna", &["age"]), with_condition(&asked("anna", &["bmi"]), "age")];
    let classes = questions.iter().map(Question::class).collect();
    let permission = Permission { by: "owner".into(), times: 2, expires: 100, classes };
    assert_eq!(vault.grant_study("Age and outcome", permission, 1).wait().unwrap(), 1);
    drop(vault);
    let vault = Vault::open(folder.path()).unwrap();
    assert_eq!(vault.approvals().unwrap()[0].study.as_deref(), Some("Age and outcome"));
    assert_eq!(uses(&vault, &questions[1], 2), Decision::Granted { id: 1, left: 1 });
    assert_eq!(uses(&vault, &asked("anna", &["bmi"]), 2), Decision::Asked { id: 2 });
    assert_eq!(uses(&vault, &questions[0], 2), Decision::Granted { id: 1, left: 0 });
    assert_eq!(uses(&vault, &questions[0], 2), Decision::Asked { id: 3 });
}

#[test]
fn refusals_are_counted_across_restarts() {
    let (folder, vault) = opened();
    assert_eq!(vault.refusals("anna", "trial").unwrap(), 0);
    vault.count_refusal("anna", "trial").wait().unwrap();
    assert_eq!(vault.count_refusal("anna", "trial").wait().unwrap(), 2);
    drop(vault);
    let vault = Vault::open(folder.path()).unwrap();
    assert_eq!(vault.refusals("anna", "trial").unwrap(), 2);
    assert_eq!(vault.refusals("anna", "other").unwrap(), 0);
    assert_eq!(vault.refusals("bob", "trial").unwrap(), 0);
    vault.forgive_refusals("anna", "trial").wait().unwrap();
    assert_eq!(vault.refusals("anna", "trial").unwrap(), 0);
}

#[test]
fn a_use_is_given_back_to_a_grant_that_stands_and_to_none_of_before_a_loss() {
    let (_folder, vault) = opened();
    let anna = asked("anna", &["age"]);
    let give_back = || vault.give_use_back(1, 0).wait().unwrap();
    assert!(!give_back());
    assert_eq!(uses(&vault, &anna, 1), Decision::Asked { id: 1 });
    assert!(!give_back(), "it is not granted");
    assert!(grant(&vault, 1, 2, 100).wait().unwrap());
    assert_eq!(uses(&vault, &anna, 2), Decision::Granted { id: 1, left: 1 });
    assert!(give_back());
    assert_eq!(uses(&vault, &anna, 2), Decision::Granted { id: 1, left: 1 });
    vault.acknowledge_loss(7).wait().unwrap();
    assert!(!give_back());
    assert!(vault.refuse(1, "owner").wait().unwrap());
    assert!(!vault.give_use_back(1, vault.losses().unwrap()).wait().unwrap());
}
