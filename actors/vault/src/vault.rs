//! The vault itself: opening and beginning a state, and its keys.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use redb::{Builder, Database, ReadTransaction, TableDefinition};
use zeroize::Zeroizing;

use crate::folder::Folder;
use crate::store::{FORMAT, FORMAT_ENTRY, KEY_ENTRY, Store, durable, key_check, recorded_check};
use crate::writer::{Group, Queue};
use crate::{VaultError, Written, approvals, audit, datasets, memory, tokens, uploads};

/// What redb may keep of the file in memory; its own default is 1 GiB.
const CACHE_BYTES: usize = 64 << 20;

/// `format`: the version, little-endian. `key`: what tells the right key. `head`: see `audit`.
/// `approvals`: the number of the last one.
pub(crate) const META: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("meta");

/// A node's state. Clones share one state, which is closed with the last of them.
#[derive(Clone)]
pub struct Vault(Arc<Open>);

struct Open {
    node_key: Zeroizing<[u8; 32]>,
    store: Arc<Store>,
    // Empty once the vault is closed.
    running: Mutex<Option<Running>>,
}

/// The writer, and the way to it.
struct Running {
    queue: Queue,
    writer: JoinHandle<()>,
}

impl Vault {
    /// Opens the state in `folder`, or begins one: makes the folder (mode 0700), the database and the
    /// key (mode 0600).
    ///
    /// # Errors
    ///
    /// [`VaultError::Locked`] while another process has it, [`VaultError::Newer`] for a later
    /// format, [`VaultError::KeyMissing`], [`VaultError::KeyWrong`], or what the disk says.
    pub fn open(folder: &Path) -> Result<Self, VaultError> {
        let folder = Folder::prepare(folder)?;
        let path = folder.database()?;
        Self::open_with(&folder, move || {
            Ok(Builder::new().set_cache_size(CACHE_BYTES).create(&path)?)
        })
    }

    /// Opens the state of `folder` in the database that `opener` opens, now and after every fault.
    pub(crate) fn open_with(
        folder: &Folder,
        opener: impl Fn() -> Result<Database, VaultError> + Send + Sync + 'static,
    ) -> Result<Self, VaultError> {
        // From here on the file is locked: two processes cannot both make a key.
        let database = opener()?;
        let node_key = match (recorded_check(&database)?, folder.key()?) {
            (Some(check), Some(key)) if check == key_check(&key) => key,
            (Some(_), Some(_)) => return Err(VaultError::KeyWrong),
            (Some(_), None) => return Err(VaultError::KeyMissing),
            // A crash may have left a key and no state: nothing is sealed with it yet.
            (None, Some(key)) => begin(&database, key)?,
            (None, None) => begin(&database, folder.make_key()?)?,
        };
        let store = Arc::new(Store::new(database, Box::new(opener), &node_key)?);
        let (queue, writer) = Queue::start(Arc::clone(&store))
            .map_err(|error| VaultError::Thread(Arc::new(error)))?;
        let running = Mutex::new(Some(Running { queue, writer }));
        Ok(Self(Arc::new(Open { node_key, store, running })))
    }

    /// A key of 32 bytes for `purpose`, the same at every opening. Different purposes have
    /// independent keys, and none is one that the vault itself seals with.
    pub fn key(&self, purpose: &'static str) -> Zeroizing<[u8; 32]> {
        let mut hasher = blake3::Hasher::new_derive_key("cloister 1 key for a purpose");
        hasher.update(self.0.node_key.as_slice()).update(purpose.as_bytes());
        Zeroizing::new(*hasher.finalize().as_bytes())
    }

    /// Closes the state for all who hold it, so that it can be opened again: what is queued is written,
    /// then the file is let go. Reads and writes are refused from then on. Blocks. The last holder that
    /// goes does the same.
    pub fn close(&self) {
        self.0.close();
    }

    /// A snapshot of what is committed.
    pub(crate) fn read(&self) -> Result<ReadTransaction, VaultError> {
        self.0.store.read()
    }

    pub(crate) fn store(&self) -> &Store {
        &self.0.store
    }

    /// Queues a write; see [`Queue::submit`].
    pub(crate) fn submit<T: Send + 'static>(
        &self,
        bytes: usize,
        work: impl FnOnce(&mut Group<'_>) -> Result<T, VaultError> + Send + 'static,
    ) -> Written<T> {
        match &*self.0.running() {
            Some(running) => running.queue.submit(bytes, work),
            None => Written::refused(VaultError::Closed),
        }
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Vault")
    }
}

impl Open {
    fn running(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is queued is written before the file is closed.
    fn close(&self) {
        let Some(Running { queue, writer }) = self.running().take() else { return };
        drop(queue);
        if writer.thread().id() != thread::current().id() && writer.join().is_err() {
            tracing::error!("the vault's writer had panicked");
        }
        self.store.close();
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.close();
    }
}

/// Makes all tables, and records format and key with them.
fn begin(database: &Database, key: Zeroizing<[u8; 32]>) -> Result<Zeroizing<[u8; 32]>, VaultError> {
    let transaction = durable(database)?;
    {
        let mut meta = transaction.open_table(META)?;
        meta.insert(FORMAT_ENTRY, FORMAT.to_le_bytes().as_slice())?;
        meta.insert(KEY_ENTRY, key_check(&key).as_slice())?;
    }
    tokens::make_tables(&transaction)?;
    datasets::make_tables(&transaction)?;
    uploads::make_tables(&transaction)?;
    approvals::make_tables(&transaction)?;
    memory::make_tables(&transaction)?;
    audit::make_tables(&transaction)?;
    transaction.commit()?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_closed_vault_has_written_what_was_queued_and_takes_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault::open(folder.path()).unwrap();
        let other = vault.clone();
        let written = vault.append("started", 1, json!({}));
        vault.close();
        assert_eq!(written.wait().unwrap().number, 1);
        assert!(matches!(other.append("late", 2, json!({})).wait(), Err(VaultError::Closed)));
        assert!(matches!(other.entries(1, 10), Err(VaultError::Closed)));
        assert_eq!(Vault::open(folder.path()).unwrap().head().number, 1);
    }
}
