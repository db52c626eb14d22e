//! Copies of a state that is open.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use cloister_vault::{Role, Vault, VaultError};
use redb::{Database, ReadableDatabase, ReadableTableMetadata, TableHandle};
use serde_json::json;
use tempfile::tempdir;

/// The number of records of each table, by its name.
fn tables(folder: &Path) -> Vec<(String, u64)> {
    let database = Database::open(folder.join("state.redb")).unwrap();
    let read = database.begin_read().unwrap();
    let mut tables: Vec<_> = read
        .list_tables()
        .unwrap()
        .map(|table| {
            let name = table.name().to_owned();
            (name, read.open_untyped_table(table).unwrap().len().unwrap())
        })
        .collect();
    tables.sort();
    tables
}

fn add_table(folder: &Path) {
    const LATER: redb::TableDefinition<'static, u64, u64> = redb::TableDefinition::new("later");
    let database = Database::open(folder.join("state.redb")).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction.open_table(LATER).unwrap().insert(1, 1).unwrap();
    transaction.commit().unwrap();
}

#[test]
fn a_copy_of_an_open_state_is_a_state_with_all_that_was_committed() {
    let (folder, other) = (tempdir().unwrap(), tempdir().unwrap());
    let copy = other.path().join("copy");
    let vault = Vault::open(folder.path()).unwrap();
    let roles = [Role::Researcher].into();
    let token = vault.make_token("ada", roles, None, 1).wait().unwrap();
    vault.put_dataset("trial", &json!({"path": "t.csv"})).wait().unwrap();
    vault.acknowledge_loss(7).wait().unwrap();
    vault.append("asked", 1, json!({})).wait().unwrap();
    let head = vault.back_up(&copy).unwrap();
    assert_eq!(head, vault.head());
    vault.append("asked", 2, json!({})).wait().unwrap();

    // Nothing is written over, and nothing is begun where there is something.
    assert!(matches!(vault.back_up(&copy), Err(VaultError::Folder { .. })));
    let copied = Vault::open(&copy).unwrap();
    assert_eq!((copied.head(), copied.verify().unwrap().entries), (head, head.number));
    assert_eq!(copied.check_token(&token, 2).unwrap().name, "ada");
    assert_eq!((copied.losses().unwrap(), copied.key("k")), (7, vault.key("k")));
    drop((copied, vault));
    let (mut original, copied) = (tables(folder.path()), tables(&copy));
    for (name, records) in &mut original {
        // The entry of after the copy.
        *records -= u64::from(name == "audit");
    }
    let copied: Vec<_> =
        copied.into_iter().filter(|it| original.iter().any(|o| o.0 == it.0)).collect();
    assert_eq!(copied, original);
}

#[test]
fn a_copy_is_of_one_moment_though_the_state_is_written_meanwhile() {
    let (folder, other) = (tempdir().unwrap(), tempdir().unwrap());
    let vault = Vault::open(folder.path()).unwrap();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                vault.append("asked", 1, json!({})).wait().unwrap();
            }
        });
        for number in 0..5 {
            let copy = other.path().join(number.to_string());
            let before = vault.head().number;
            let head = vault.back_up(&copy).unwrap();
            assert!(head.number >= before);
            assert_eq!(Vault::open(&copy).unwrap().verify().unwrap().entries, head.number);
        }
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn a_state_with_a_table_of_a_later_version_is_not_copied_in_part() {
    let (folder, other) = (tempdir().unwrap(), tempdir().unwrap());
    let copy = other.path().join("copy");
    drop(Vault::open(folder.path()).unwrap());
    add_table(folder.path());
    let vault = Vault::open(folder.path()).unwrap();
    assert!(matches!(vault.back_up(&copy), Err(VaultError::Altered { .. })));
    assert!(!copy.exists());
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_read_a_copy() {
    use std::os::unix::fs::PermissionsExt as _;
    let other = tempdir().unwrap();
    let copy = other.path().join("copy");
    Vault::open(&other.path().join("state")).unwrap().back_up(&copy).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&copy), 0o700);
    assert_eq!((mode(&copy.join("key")), mode(&copy.join("state.redb"))), (0o600, 0o600));
}
