//! Heads that members have seen of each other's chains, and the loss of a state.

use std::fs;
use std::path::Path;

use cloister_vault::{
    BrokenReason, Decision, Head, Permission, Question, Sighting, Vault, VaultError,
};
use redb::{Database, TableDefinition};
use serde_json::json;
use tempfile::tempdir;

use crate::seeded::Seeded;

fn grow(vault: &Vault, entries: u64) -> Sighting {
    for at in 0..entries {
        vault.append("asked", at, json!({"at": at})).wait().unwrap();
    }
    Sighting { losses: vault.losses().unwrap(), head: vault.head() }
}

fn seen(losses: u64, number: u64) -> Sighting {
    Sighting { losses, head: Head { number, hash: [9; 32] } }
}

fn copy(from: &Path, to: &Path) {
    for name in ["state.redb", "key"] {
        fs::copy(from.join(name), to.join(name)).unwrap();
    }
}

/// Remembers sightings of one member in random order. The latest stays, after a restart, too.
#[test]
fn the_latest_head_of_a_member_is_remembered() {
    let mut random = Seeded::new();
    let folder = tempdir().unwrap();
    let vault = Vault::open(folder.path()).unwrap();
    let all: Vec<Sighting> =
        (0..40).map(|_| seen(random.word() % 3, 1 + random.word() % 50)).collect();
    for one in &all {
        vault.remember(vec![("north".into(), *one)]).wait().unwrap();
    }
    vault
        .remember(vec![("south".into(), seen(0, 7)), ("north".into(), seen(0, 1))])
        .wait()
        .unwrap();
    vault.close();
    let vault = Vault::open(folder.path()).unwrap();
    let latest = all.iter().max_by_key(|one| (one.losses, one.head.number)).unwrap();
    let due = [("north".to_owned(), *latest), ("south".to_owned(), seen(0, 7))];
    assert_eq!(vault.remembered().unwrap(), due.into());
    for name in ["", "a\nb", &"x".repeat(201)] {
        let kept = vault.remember(vec![(name.to_owned(), seen(0, 1))]).wait();
        assert!(matches!(kept, Err(VaultError::Invalid { .. })), "{name:?}");
    }
}

#[test]
fn members_beyond_the_bound_are_not_remembered_and_take_no_others_place() {
    let folder = tempdir().unwrap();
    let vault = Vault::open(folder.path()).unwrap();
    let all = (0..1_001).map(|index| (format!("member {index:04}"), seen(0, 1))).collect();
    vault.remember(all).wait().unwrap();
    vault.remember(vec![("member 0000".into(), seen(0, 2))]).wait().unwrap();
    let remembered = vault.remembered().unwrap();
    assert_eq!((remembered.len(), remembered["member 0000"]), (1_000, seen(0, 2)));
    assert!(!remembered.contains_key("member 1000"));
}

/// Returns whether a word of a member that has told nothing yet is a contradiction.
fn contradicts(vault: &Vault, told: Sighting) -> bool {
    let told = ("witness".to_owned(), told);
    let new = vault.hear(std::slice::from_ref(&told)).unwrap().new;
    assert!(new.is_empty() || new == [told]);
    !new.is_empty()
}

#[test]
fn a_copy_of_yesterday_is_contradicted_until_the_loss_is_acknowledged() {
    let (folder, yesterday) = (tempdir().unwrap(), tempdir().unwrap());
    let vault = Vault::open(folder.path()).unwrap();
    let old = grow(&vault, 5);
    vault.close();
    copy(folder.path(), yesterday.path());
    let vault = Vault::open(folder.path()).unwrap();
    let new = grow(&vault, 5);
    for told in [Sighting::default(), old, new] {
        assert!(!contradicts(&vault, told), "{told:?}");
    }
    vault.close();

    let vault = Vault::open(yesterday.path()).unwrap();
    assert!(!contradicts(&vault, old));
    assert!(contradicts(&vault, new), "a number that is not there");
    vault.append("refused", 0, json!({})).wait().unwrap();
    grow(&vault, 9);
    assert!(contradicts(&vault, new), "another entry of this number");
    assert!(contradicts(&vault, seen(1, 1)), "after a loss that is not known here");

    vault.contradict(vec![("north".into(), new)]).wait().unwrap();
    assert!(!vault.is_closed("trial").unwrap());
    vault.close();
    let vault = Vault::open(yesterday.path()).unwrap();
    assert_eq!(vault.contradictions().unwrap(), [("north".to_owned(), new)].into());
    assert_eq!(vault.acknowledge_loss(0).wait().unwrap(), 1);
    assert!(vault.contradictions().unwrap().is_empty());
    assert!(!contradicts(&vault, new));
    let now = grow(&vault, 1);
    assert_eq!((now.losses, contradicts(&vault, now)), (1, false));
}

#[test]
fn the_number_of_losses_rises_beyond_all_that_was_told() {
    let folder = tempdir().unwrap();
    let vault = Vault::open(folder.path()).unwrap();
    vault.contradict(vec![("a".into(), seen(4, 2)), ("b".into(), seen(6, 1))]).wait().unwrap();
    assert_eq!(vault.acknowledge_loss(3).wait().unwrap(), 7);
    assert_eq!(vault.acknowledge_loss(1_000).wait().unwrap(), 1_000);
    // No number wraps, whatever was told.
    vault.contradict(vec![("a".into(), seen(u64::MAX, 2))]).wait().unwrap();
    assert_eq!(vault.acknowledge_loss(1_001).wait().unwrap(), u64::MAX);
}

#[test]
fn one_copy_that_is_put_back_twice_has_two_numbers_of_losses() {
    let (folder, again) = (tempdir().unwrap(), tempdir().unwrap());
    let vault = Vault::open(folder.path()).unwrap();
    grow(&vault, 3);
    vault.close();
    copy(folder.path(), again.path());
    let first = Vault::open(folder.path()).unwrap();
    first.acknowledge_loss(1_000).wait().unwrap();
    let told = grow(&first, 4);
    let second = Vault::open(again.path()).unwrap();
    second.acknowledge_loss(2_000).wait().unwrap();
    second.append("refused", 0, json!({})).wait().unwrap();
    grow(&second, 9);
    // What was seen after the first loss is of before the second, and says nothing.
    assert!(!contradicts(&second, told));
    let now = Sighting { losses: 2_000, ..told };
    assert!(now.is_after(&told) && contradicts(&second, now));
}

#[test]
fn what_is_written_late_brings_back_no_alarm_of_before_the_acknowledgement() {
    let folder = tempdir().unwrap();
    let vault = Vault::open(folder.path()).unwrap();
    let written = vault.acknowledge_loss(5);
    let late = vault.contradict(vec![("a".into(), seen(0, 9)), ("b".into(), seen(5, 9))]);
    assert_eq!(written.wait().unwrap(), 5);
    late.wait().unwrap();
    assert_eq!(vault.contradictions().unwrap(), [("b".to_owned(), seen(5, 9))].into());
}

#[test]
fn an_unfounded_word_is_dropped_and_closes_nothing() {
    let folder = tempdir().unwrap();
    let vault = Vault::open(folder.path()).unwrap();
    let all = vec![("a".to_owned(), seen(0, 7)), ("b".to_owned(), seen(0, 8))];
    vault.contradict(all).wait().unwrap();
    assert!(!vault.find_unfounded("c", seen(0, 7)).wait().unwrap());
    // The operator has judged another word than the one that is there now.
    assert!(!vault.find_unfounded("a", seen(0, 6)).wait().unwrap());
    assert!(vault.find_unfounded("a", seen(0, 7)).wait().unwrap());
    assert!(!vault.find_unfounded("a", seen(0, 7)).wait().unwrap());
    assert_eq!(vault.contradictions().unwrap(), [("b".to_owned(), seen(0, 8))].into());
    assert_eq!(vault.unfounded().unwrap(), [("a".to_owned(), seen(0, 7))].into());
    assert_eq!((vault.losses().unwrap(), vault.is_closed("trial").unwrap()), (0, false));
    let told = ["a", "b", "c"].map(|member| (member.to_owned(), seen(0, 7)));
    let heard = vault.hear(&told).unwrap();
    assert_eq!(heard.new, [("c".to_owned(), seen(0, 7))]);
    assert_eq!((heard.losses, heard.known), (0, vault.contradictions().unwrap()));
}

/// Replaces the record of a member in a table of the closed state.
fn spoil(folder: &Path, table: &str, member: &str) {
    let database = Database::open(folder.join("state.redb")).unwrap();
    let transaction = database.begin_write().unwrap();
    let table: TableDefinition<'_, &str, &[u8]> = TableDefinition::new(table);
    transaction.open_table(table).unwrap().insert(member, [1_u8; 40].as_slice()).unwrap();
    transaction.commit().unwrap();
}

#[test]
fn an_unreadable_record_hides_no_other_and_no_contradiction() {
    let folder = tempdir().unwrap();
    let vault = Vault::open(folder.path()).unwrap();
    let all = || vec![("a".to_owned(), seen(0, 7)), ("b".to_owned(), seen(0, 8))];
    vault.remember(all()).wait().unwrap();
    vault.contradict(all()).wait().unwrap();
    vault.close();
    spoil(folder.path(), "heads", "a");
    spoil(folder.path(), "contradictions", "a");
    let vault = Vault::open(folder.path()).unwrap();
    assert_eq!(vault.remembered().unwrap(), [("b".to_owned(), seen(0, 8))].into());
    assert!(matches!(vault.contradictions(), Err(VaultError::Altered { .. })));
    vault.remember(all()).wait().unwrap();
    vault.contradict(all()).wait().unwrap();
    assert_eq!(vault.remembered().unwrap(), all().into_iter().collect());
    assert_eq!(vault.contradictions().unwrap(), all().into_iter().collect());
}

#[test]
fn heads_that_were_recorded_before_the_last_loss_are_skipped() {
    let (folder, other) = (tempdir().unwrap(), tempdir().unwrap());
    let vault = Vault::open(folder.path()).unwrap();
    let ours = grow(&vault, 5).head;
    let other = Vault::open(other.path()).unwrap();
    let record = |losses: Option<u64>, number: u64, hash: String| {
        let mut head = json!({"number": number, "hash": hash});
        if let Some(losses) = losses {
            head["losses"] = json!(losses);
        }
        other.append("ended", 0, json!({"heads": {"us": head}})).wait().unwrap();
    };
    let check = || {
        let mut lines = Vec::new();
        other.export_lines(&mut lines).unwrap();
        vault.verify_against("us", lines.as_slice())
    };
    // Logs of earlier versions have no losses.
    record(None, 5, ours.hex());
    record(None, 9, seen(0, 9).head.hex());
    assert!(matches!(check().unwrap_err().why, BrokenReason::Witness));
    vault.acknowledge_loss(1_000).wait().unwrap();
    record(Some(0), 8, seen(0, 9).head.hex());
    record(Some(1_000), 5, ours.hex());
    let found = check().unwrap();
    assert_eq!((found.heads, found.until, found.skipped), (2, 5, 2));
    record(Some(1_000), 9, seen(0, 9).head.hex());
    assert!(matches!(check().unwrap_err().why, BrokenReason::Witness));
}

#[test]
fn after_a_loss_owners_decide_anew() {
    let folder = tempdir().unwrap();
    let vault = Vault::open(folder.path()).unwrap();
    let question = Question {
        principal: "ada".into(),
        function: "SecureSum".into(),
        parameters: Some("{}".into()),
        dataset: "trial".into(),
        columns: vec!["age".into()],
        condition: None,
    };
    let ask = || vault.use_approval(question.clone(), 1).wait().unwrap();
    assert_eq!(ask(), Decision::Asked { id: 1 });
    let grant = || {
        let (by, classes) = ("grace".into(), vec![question.class()]);
        vault.grant(1, Permission { by, times: 9, expires: 100, classes }).wait().unwrap()
    };
    assert!(grant());
    assert_eq!(ask(), Decision::Granted { id: 1, left: 8 });
    vault.acknowledge_loss(0).wait().unwrap();
    assert_eq!(ask(), Decision::Expired { id: 1 });
    assert!(grant());
    assert_eq!(ask(), Decision::Granted { id: 1, left: 8 });
}

#[test]
fn after_a_loss_each_source_is_closed_until_it_is_opened() {
    let folder = tempdir().unwrap();
    let vault = Vault::open(folder.path()).unwrap();
    // Before any loss there is nothing to open, and nothing that a later loss would spare.
    vault.open_source("trial").wait().unwrap();
    vault.acknowledge_loss(0).wait().unwrap();
    assert!(vault.is_closed("trial").unwrap());
    vault.open_source("trial").wait().unwrap();
    vault.close();
    let vault = Vault::open(folder.path()).unwrap();
    assert!(!vault.is_closed("trial").unwrap());
    assert!(vault.is_closed("other").unwrap());
    vault.acknowledge_loss(0).wait().unwrap();
    assert!(vault.is_closed("trial").unwrap());
}
