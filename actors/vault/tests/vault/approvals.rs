//! Approvals: asked for, granted, counted down, refused.

use cloister_vault::{Class, Decision, MAX_OPEN_REQUESTS, State, Vault, VaultError};
use tempfile::{TempDir, tempdir};

fn class(principal: &str, columns: &[&str]) -> Class {
    Class {
        principal: principal.into(),
        function: "mean".into(),
        dataset: "trial".into(),
        columns: columns.iter().map(|&column| column.into()).collect(),
    }
}

fn opened() -> (TempDir, Vault) {
    let folder = tempdir().unwrap();
    let vault = Vault::open(folder.path()).unwrap();
    (folder, vault)
}

fn uses(vault: &Vault, class: &Class, now: u64) -> Decision {
    vault.use_approval(class.clone(), now).wait().unwrap()
}

#[test]
fn a_request_is_made_once_granted_and_used_up() {
    let (folder, vault) = opened();
    let anna = class("anna", &["age", "bmi"]);
    assert_eq!(uses(&vault, &anna, 1), Decision::Asked { id: 1 });
    assert_eq!(uses(&vault, &class("anna", &["bmi", "age", "age"]), 2), Decision::Asked { id: 1 });
    assert_eq!(uses(&vault, &class("anna", &["age"]), 2), Decision::Asked { id: 2 });
    assert_eq!(uses(&vault, &class("bob", &["age", "bmi"]), 2), Decision::Asked { id: 3 });
    assert!(vault.grant(1, "owner", 2, 100).wait().unwrap());
    assert!(!vault.grant(99, "owner", 2, 100).wait().unwrap());
    drop(vault);
    let vault = Vault::open(folder.path()).unwrap();
    assert_eq!(uses(&vault, &anna, 99), Decision::Granted { left: 1 });
    assert_eq!(uses(&vault, &anna, 99), Decision::Granted { left: 0 });
    assert_eq!(uses(&vault, &anna, 99), Decision::Expired { id: 1 });
    assert_eq!(uses(&vault, &anna, 99), Decision::Asked { id: 1 }, "open again");
    let approvals = vault.approvals().unwrap();
    assert_eq!(approvals.len(), 3);
    assert_eq!((approvals[0].asked, &approvals[0].state), (99, &State::Asked));
    assert_eq!(approvals[0].class, anna);
}

#[test]
fn a_grant_ends_at_its_time() {
    let (_folder, vault) = opened();
    let anna = class("anna", &["age"]);
    uses(&vault, &anna, 1);
    vault.grant(1, "owner", 5, 100).wait().unwrap();
    assert_eq!(uses(&vault, &anna, 99), Decision::Granted { left: 4 });
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
    let anna = class("anna", &["age"]);
    uses(&vault, &anna, 1);
    assert!(vault.refuse(1, "owner").wait().unwrap());
    assert!(!vault.refuse(2, "owner").wait().unwrap());
    assert_eq!(uses(&vault, &anna, 2), Decision::Refused);
    vault.grant(1, "owner", 1, 100).wait().unwrap();
    vault.refuse(1, "owner").wait().unwrap();
    assert_eq!(uses(&vault, &anna, 2), Decision::Refused, "a grant can be taken back");
    assert!(vault.forget_approval(1).wait().unwrap());
    assert!(!vault.forget_approval(1).wait().unwrap());
    assert_eq!(uses(&vault, &anna, 3), Decision::Asked { id: 2 }, "ids are not given twice");
    let none = vault.grant(2, "owner", 0, 100).wait();
    assert!(matches!(none, Err(VaultError::Invalid { .. })));
}

#[test]
fn of_racing_uses_exactly_as_many_succeed_as_were_granted() {
    const TIMES: u32 = 40;
    let (_folder, vault) = opened();
    let anna = class("anna", &["age"]);
    uses(&vault, &anna, 1);
    vault.grant(1, "owner", TIMES, 100).wait().unwrap();
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
            Decision::Granted { left } => Some(*left),
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
        .map(|column| vault.use_approval(class("anna", &[&format!("c{column}")]), 1))
        .collect();
    let mut answers: Vec<_> = many.into_iter().map(|written| written.wait()).collect();
    assert!(matches!(answers.pop(), Some(Err(VaultError::Limit { .. }))));
    assert!(answers.iter().all(Result::is_ok));
    assert!(matches!(uses(&vault, &class("bob", &["c0"]), 1), Decision::Asked { .. }));
    vault.refuse(1, "owner").wait().unwrap();
    assert!(vault.use_approval(class("anna", &["more"]), 1).wait().is_ok());
    let long = class("anna", &[&"x".repeat(201)]);
    assert!(matches!(vault.use_approval(long, 1).wait(), Err(VaultError::Invalid { .. })));
}
