//! Opening: permissions, lock, format version, key.

use std::fs;
use std::path::Path;

use cloister_vault::{Head, Vault, VaultError};
use redb::{Database, TableDefinition};
use serde_json::json;
use tempfile::tempdir;

const META: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("meta");

pub(crate) fn change_meta(folder: &Path, entry: &str, value: &[u8]) {
    let database = Database::open(folder.join("state.redb")).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction.open_table(META).unwrap().insert(entry, value).unwrap();
    transaction.commit().unwrap();
}

#[test]
fn a_vault_is_send_and_sync_and_tells_nothing_in_debug() {
    fn is_shared<T: Clone + Send + Sync + 'static>() {}
    is_shared::<Vault>();
    let folder = tempdir().unwrap();
    let vault = Vault::open(folder.path()).unwrap();
    assert_eq!(format!("{vault:?}"), "Vault");
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_read_folder_database_and_key() {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let parent = tempdir().unwrap();
    let folder = parent.path().join("deep/state");
    drop(Vault::open(&folder).unwrap());
    assert_eq!(mode(&folder), 0o700);
    assert_eq!(mode(&folder.join("key")), 0o600);
    assert_eq!(mode(&folder.join("state.redb")), 0o600);
    for name in ["key", "state.redb"] {
        fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o664)).unwrap();
    }
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    drop(Vault::open(&folder).unwrap());
    assert_eq!(mode(&folder), 0o700, "taken back");
    assert_eq!(mode(&folder.join("key")), 0o600, "taken back");
    assert_eq!(mode(&folder.join("state.redb")), 0o600, "taken back");
}

#[test]
fn an_open_vault_is_locked_and_a_closed_one_is_not() {
    let folder = tempdir().unwrap();
    let vault = Vault::open(folder.path()).unwrap();
    let clone = vault.clone();
    assert!(matches!(Vault::open(folder.path()), Err(VaultError::Locked)));
    drop(vault);
    assert!(matches!(Vault::open(folder.path()), Err(VaultError::Locked)), "a clone has it");
    drop(clone);
    Vault::open(folder.path()).unwrap();
}

#[test]
fn what_is_queued_is_written_before_the_vault_closes() {
    let folder = tempdir().unwrap();
    let vault = Vault::open(folder.path()).unwrap();
    for number in 0..100 {
        drop(vault.append("test", number, json!(null)));
    }
    drop(vault);
    assert_eq!(Vault::open(folder.path()).unwrap().head().number, 100);
}

#[test]
fn a_newer_format_is_refused_with_both_versions_named() {
    let folder = tempdir().unwrap();
    drop(Vault::open(folder.path()).unwrap());
    change_meta(folder.path(), "format", &2_u32.to_le_bytes());
    let error = Vault::open(folder.path()).unwrap_err();
    assert!(matches!(error, VaultError::Newer { found: 2, known: 1 }));
    assert!(error.to_string().contains("format 2"), "{error}");
    change_meta(folder.path(), "format", &1_u32.to_le_bytes());
    Vault::open(folder.path()).unwrap();
    change_meta(folder.path(), "format", b"one");
    assert!(matches!(Vault::open(folder.path()), Err(VaultError::Altered { table: "meta" })));
}

#[test]
fn a_state_needs_the_key_it_was_begun_with() {
    let folder = tempdir().unwrap();
    drop(Vault::open(folder.path()).unwrap());
    let key = folder.path().join("key");
    let right = fs::read(&key).unwrap();
    assert_eq!(right.len(), 32);
    fs::remove_file(&key).unwrap();
    assert!(matches!(Vault::open(folder.path()), Err(VaultError::KeyMissing)));
    assert!(!key.exists(), "no key is made over a state");
    let mut wrong = right.clone();
    wrong[7] ^= 1;
    fs::write(&key, wrong).unwrap();
    assert!(matches!(Vault::open(folder.path()), Err(VaultError::KeyWrong)));
    fs::write(&key, &right[..31]).unwrap();
    assert!(matches!(Vault::open(folder.path()), Err(VaultError::Folder { .. })));
    fs::write(&key, [right.as_slice(), b"\n"].concat()).unwrap();
    assert!(matches!(Vault::open(folder.path()), Err(VaultError::Folder { .. })));
    fs::write(&key, &right).unwrap();
    Vault::open(folder.path()).unwrap();
}

#[test]
fn a_crash_between_key_and_state_does_not_end_the_state() {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("key.new"), b"half a k").unwrap();
    fs::write(folder.path().join("state.redb"), b"").unwrap();
    drop(Vault::open(folder.path()).unwrap());
    let key = fs::read(folder.path().join("key")).unwrap();
    fs::remove_file(folder.path().join("state.redb")).unwrap();
    let vault = Vault::open(folder.path()).unwrap();
    assert_eq!(fs::read(folder.path().join("key")).unwrap(), key, "an existing key is kept");
    assert_eq!(vault.head(), Head::default());
}

#[test]
fn what_is_no_state_is_not_written_over() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("state.redb");
    fs::write(&file, [b'x'; 5000]).unwrap();
    assert!(matches!(Vault::open(folder.path()), Err(VaultError::Disk(_))));
    assert_eq!(fs::read(&file).unwrap(), [b'x'; 5000]);
    let blocked = tempdir().unwrap();
    fs::write(blocked.path().join("state"), b"a file").unwrap();
    let error = Vault::open(&blocked.path().join("state")).unwrap_err();
    assert!(matches!(error, VaultError::Folder { .. }), "{error}");
}

#[test]
fn keys_for_purposes_are_lasting_and_independent() {
    let folder = tempdir().unwrap();
    let vault = Vault::open(folder.path()).unwrap();
    let rows = vault.key("rows");
    assert_ne!(*rows, *vault.key("other"));
    drop(vault);
    assert_eq!(*rows, *Vault::open(folder.path()).unwrap().key("rows"));
    let other = tempdir().unwrap();
    assert_ne!(*rows, *Vault::open(other.path()).unwrap().key("rows"));
}
