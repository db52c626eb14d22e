//! Datasets: kept, replaced, removed, sealed.

use cloister_vault::{Vault, VaultError};
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};
use serde_json::{Value, json};
use tempfile::tempdir;

const DATASETS: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("datasets");

#[test]
fn documents_are_kept_by_name() {
    let folder = tempdir().unwrap();
    let vault = Vault::open(folder.path()).unwrap();
    let document =
        json!({"source": {"url": "postgres://x"}, "unit": "µg/ml", "range": [0.1, 1e300]});
    vault.put_dataset("trial", &document).wait().unwrap();
    vault.put_dataset("alpha", &json!(1)).wait().unwrap();
    vault.put_dataset("alpha", &json!(2)).wait().unwrap();
    drop(vault);
    let vault = Vault::open(folder.path()).unwrap();
    assert_eq!(vault.dataset("trial").unwrap(), Some(document.clone()));
    assert_eq!(vault.dataset("beta").unwrap(), None);
    let all = vault.datasets().unwrap();
    assert_eq!(all, [("alpha".to_owned(), json!(2)), ("trial".to_owned(), document)]);
    assert!(vault.remove_dataset("alpha").wait().unwrap());
    assert!(!vault.remove_dataset("alpha").wait().unwrap());
    assert_eq!(vault.dataset("alpha").unwrap(), None);
}

#[test]
fn names_and_documents_are_bounded() {
    let folder = tempdir().unwrap();
    let vault = Vault::open(folder.path()).unwrap();
    let refused =
        |name: &str, document: &Value| vault.put_dataset(name, document).wait().unwrap_err();
    let long = "x".repeat(201);
    assert!(matches!(refused("", &json!(1)), VaultError::Invalid { .. }));
    assert!(matches!(refused(&long, &json!(1)), VaultError::Invalid { .. }));
    assert!(matches!(refused("a\nb", &json!(1)), VaultError::Invalid { .. }));
    let big = json!("x".repeat(1 << 20));
    assert!(matches!(refused("big", &big), VaultError::TooBig { .. }));
    let deep = (0..200).fold(json!(0), |inner, _| json!([inner]));
    assert!(matches!(refused("deep", &deep), VaultError::TooBig { .. }));
    vault.put_dataset(&long[..200], &json!("x".repeat((1 << 20) - 2))).wait().unwrap();
    let deep = (0..99).fold(json!(0), |inner, _| json!([inner]));
    vault.put_dataset("deep", &deep).wait().unwrap();
    assert_eq!(vault.dataset("deep").unwrap(), Some(deep));
}

#[test]
fn a_password_is_not_in_the_file() {
    let folder = tempdir().unwrap();
    let vault = Vault::open(folder.path()).unwrap();
    let secret = "correct horse battery staple";
    vault.put_dataset("trial", &json!({ "password": secret })).wait().unwrap();
    drop(vault);
    let file = std::fs::read(folder.path().join("state.redb")).unwrap();
    let has = |text: &[u8]| file.windows(text.len()).any(|window| window == text);
    assert!(has(b"trial"), "names are in the clear, so the search finds what is there");
    assert!(!has(secret.as_bytes()));
    assert!(!has(b"password"));
}

#[test]
fn a_document_opens_at_its_own_name_only_and_whole_only() {
    let folder = tempdir().unwrap();
    let vault = Vault::open(folder.path()).unwrap();
    vault.put_dataset("one", &json!({"host": "a"})).wait().unwrap();
    vault.put_dataset("two", &json!({"host": "b"})).wait().unwrap();
    drop(vault);
    let path = folder.path().join("state.redb");
    let sealed = |name: &str| {
        let database = Database::open(&path).unwrap();
        let table = database.begin_read().unwrap().open_table(DATASETS).unwrap();
        ReadableTable::get(&table, name).unwrap().unwrap().value().to_vec()
    };
    let (one, two) = (sealed("one"), sealed("two"));
    let refused = |bytes: &[u8]| {
        let database = Database::open(&path).unwrap();
        let transaction = database.begin_write().unwrap();
        transaction.open_table(DATASETS).unwrap().insert("one", bytes).unwrap();
        transaction.commit().unwrap();
        drop(database);
        let vault = Vault::open(folder.path()).unwrap();
        matches!(vault.dataset("one"), Err(VaultError::Altered { table: "datasets" }))
    };
    assert!(refused(&two), "swapped");
    for cut in [0, 1, 31, 32, 47, one.len() - 1] {
        assert!(refused(&one[..cut]), "cut to {cut}");
    }
    for byte in (0..one.len()).step_by(7) {
        let mut flipped = one.clone();
        flipped[byte] ^= 0x10;
        assert!(refused(&flipped), "flipped {byte}");
    }
    assert!(!refused(&one), "restored");
}
