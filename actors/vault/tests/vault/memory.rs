//! Memories of sources: kept, read back, forgotten at a word, and sealed.

use cloister_vault::{Vault, VaultError};
use redb::{Database, ReadableTable, TableDefinition};
use tempfile::tempdir;
use zeroize::Zeroizing;

use crate::seeded::Seeded;

const MEMORIES: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("memories");

fn content(random: &mut Seeded, words: usize) -> Zeroizing<Vec<u8>> {
    Zeroizing::new((0..words).flat_map(|_| random.word().to_le_bytes()).collect())
}

#[test]
fn the_last_memory_of_each_source_survives_a_restart() {
    let mut random = Seeded::new();
    let folder = tempdir().unwrap();
    let vault = Vault::open(folder.path()).unwrap();
    assert!(vault.memory("trial").unwrap().is_none());
    let (old, new, other) =
        (content(&mut random, 10), content(&mut random, 200_000), content(&mut random, 0));
    vault.keep_memory("trial", old).wait().unwrap();
    vault.keep_memory("trial", new.clone()).wait().unwrap();
    vault.keep_memory("other", other.clone()).wait().unwrap();
    vault.close();
    let vault = Vault::open(folder.path()).unwrap();
    assert_eq!(vault.memory("trial").unwrap(), Some(new));
    assert_eq!(vault.memory("other").unwrap(), Some(other));
    assert!(vault.forget_memory("trial").wait().unwrap());
    assert!(!vault.forget_memory("trial").wait().unwrap());
    assert!(vault.memory("trial").unwrap().is_none());
}

#[test]
fn names_of_sources_are_checked() {
    let (folder, mut random) = (tempdir().unwrap(), Seeded::new());
    let vault = Vault::open(folder.path()).unwrap();
    for name in ["", "a\nb", &"x".repeat(201)] {
        let kept = vault.keep_memory(name, content(&mut random, 1)).wait();
        assert!(matches!(kept, Err(VaultError::Invalid { .. })), "{name:?}");
    }
}

#[test]
fn a_memory_that_was_altered_or_exchanged_is_an_error_and_none_is_read() {
    let mut random = Seeded::new();
    let folder = tempdir().unwrap();
    let vault = Vault::open(folder.path()).unwrap();
    for source in ["trial", "other"] {
        vault.keep_memory(source, content(&mut random, 20)).wait().unwrap();
    }
    vault.close();
    let database = Database::open(folder.path().join("state.redb")).unwrap();
    let transaction = database.begin_write().unwrap();
    {
        let mut memories = transaction.open_table(MEMORIES).unwrap();
        let exchanged = memories.get("other").unwrap().unwrap().value().to_vec();
        memories.insert("trial", exchanged.as_slice()).unwrap();
        let mut altered = exchanged;
        *altered.last_mut().unwrap() ^= 1;
        memories.insert("other", altered.as_slice()).unwrap();
    }
    transaction.commit().unwrap();
    drop(database);
    let vault = Vault::open(folder.path()).unwrap();
    for source in ["trial", "other"] {
        let read = vault.memory(source);
        assert!(matches!(read, Err(VaultError::Altered { table: "memories" })), "{source}");
    }
}
