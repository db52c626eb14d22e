//! The vault itself: opening, format version, keys, reads, and the commit of a group of writes.

use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread::{self, JoinHandle};

use redb::{
    Builder, Database, Durability, ReadTransaction, ReadableDatabase, TableDefinition,
    WriteTransaction,
};
use zeroize::Zeroizing;

use crate::audit::{self, Head};
use crate::folder::Folder;
use crate::seal::Sealer;
use crate::writer::{Group, Queue};
use crate::{VaultError, Written, approvals, datasets, memory, tokens, uploads};

/// The version of the folder's layout that this code writes.
const FORMAT: u32 = 1;
/// What redb may keep of the file in memory; its own default is 1 GiB.
const CACHE_BYTES: usize = 64 << 20;

/// `format`: the version, little-endian. `key`: what tells the right key. `head`: see `audit`.
/// `approvals`: the number of the last one.
pub(crate) const META: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("meta");

const FORMAT_ENTRY: &str = "format";
const KEY_ENTRY: &str = "key";

/// A node's state. Clones share one state, which is closed with the last of them.
#[derive(Clone)]
pub struct Vault(Arc<Open>);

struct Open {
    node_key: Zeroizing<[u8; 32]>,
    store: Arc<Store>,
    // Empty only while this is dropped.
    queue: Option<Queue>,
    writer: Option<JoinHandle<()>>,
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
        // From here on the file is locked: two processes cannot both make a key.
        let database = Builder::new().set_cache_size(CACHE_BYTES).create(path)?;
        let node_key = match (recorded_check(&database)?, folder.key()?) {
            (Some(check), Some(key)) if check == key_check(&key) => key,
            (Some(_), Some(_)) => return Err(VaultError::KeyWrong),
            (Some(_), None) => return Err(VaultError::KeyMissing),
            // A crash may have left a key and no state: nothing is sealed with it yet.
            (None, Some(key)) => begin(&database, key)?,
            (None, None) => begin(&database, folder.make_key()?)?,
        };
        Self::start(database, node_key).map_err(|error| match error {
            Startup::Vault(error) => error,
            Startup::Thread(error) => VaultError::Output(Arc::new(error)),
        })
    }

    fn start(database: Database, node_key: Zeroizing<[u8; 32]>) -> Result<Self, Startup> {
        let head = audit::stored_head(&database.begin_read().map_err(VaultError::from)?)?;
        let store = Arc::new(Store {
            database,
            sealer: Sealer::new(&node_key, "cloister 1 sealed state"),
            head: RwLock::new(head),
            tokens_version: AtomicU64::new(0),
        });
        let (queue, writer) = Queue::start(Arc::clone(&store)).map_err(Startup::Thread)?;
        Ok(Self(Arc::new(Open { node_key, store, queue: Some(queue), writer: Some(writer) })))
    }

    /// A key of 32 bytes for `purpose`, the same at every opening. Different purposes have
    /// independent keys, and none is one that the vault itself seals with.
    pub fn key(&self, purpose: &'static str) -> Zeroizing<[u8; 32]> {
        let mut hasher = blake3::Hasher::new_derive_key("cloister 1 key for a purpose");
        hasher.update(self.0.node_key.as_slice()).update(purpose.as_bytes());
        Zeroizing::new(*hasher.finalize().as_bytes())
    }

    /// A snapshot of what is committed.
    pub(crate) fn read(&self) -> Result<ReadTransaction, VaultError> {
        Ok(self.0.store.database.begin_read()?)
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
        match &self.0.queue {
            Some(queue) => queue.submit(bytes, work),
            None => Written::refused(VaultError::Closed),
        }
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Vault")
    }
}

impl Drop for Open {
    /// What is queued is written before the file is closed.
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(writer) = self.writer.take()
            && writer.thread().id() != thread::current().id()
            && writer.join().is_err()
        {
            tracing::error!("the vault's writer had panicked");
        }
    }
}

enum Startup {
    Vault(VaultError),
    Thread(std::io::Error),
}

impl From<VaultError> for Startup {
    fn from(error: VaultError) -> Self {
        Self::Vault(error)
    }
}

/// What readers and the writer share.
pub(crate) struct Store {
    database: Database,
    /// Seals and opens everything that is sealed; places tell tables apart.
    pub(crate) sealer: Sealer,
    head: RwLock<Head>,
    tokens_version: AtomicU64,
}

impl Store {
    /// The head of the audit chain as last committed.
    pub(crate) fn head(&self) -> Head {
        *self.head.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn tokens_version(&self) -> u64 {
        self.tokens_version.load(Ordering::Acquire)
    }

    /// Runs `work` in one transaction and commits it if `work` succeeds; then, and only then,
    /// changes what is kept in memory.
    pub(crate) fn commit(
        &self,
        work: impl FnOnce(&mut Group<'_>) -> Result<(), VaultError>,
    ) -> Result<(), VaultError> {
        let transaction = durable(&self.database)?;
        let mut group = Group {
            transaction: &transaction,
            sealer: &self.sealer,
            head: self.head(),
            tokens_changed: false,
        };
        work(&mut group)?;
        let Group { head, tokens_changed, .. } = group;
        transaction.commit()?;
        *self.head.write().unwrap_or_else(PoisonError::into_inner) = head;
        if tokens_changed {
            self.tokens_version.fetch_add(1, Ordering::AcqRel);
        }
        Ok(())
    }
}

/// A transaction whose commit returns when it is on the disk. In two phases, because names and
/// documents come from others, and a commit in one phase rests on a checksum that can be forged.
fn durable(database: &Database) -> Result<WriteTransaction, VaultError> {
    let mut transaction = database.begin_write()?;
    transaction
        .set_durability(Durability::Immediate)
        .map_err(|error| VaultError::from(redb::Error::from(error)))?;
    transaction.set_two_phase_commit(true);
    Ok(transaction)
}

/// What tells whether a key is the right one.
fn key_check(key: &[u8; 32]) -> [u8; 32] {
    blake3::derive_key("cloister 1 check of the node key", key)
}

/// The check of the key that a state was begun with; nothing if there is no state yet.
fn recorded_check(database: &Database) -> Result<Option<[u8; 32]>, VaultError> {
    let transaction = database.begin_read()?;
    let meta = match transaction.open_table(META) {
        Err(redb::TableError::TableDoesNotExist(_)) => return Ok(None),
        meta => meta?,
    };
    let altered = VaultError::Altered { table: "meta" };
    let format = meta.get(FORMAT_ENTRY)?.ok_or_else(|| altered.clone())?;
    let found = format.value().try_into().map(u32::from_le_bytes).map_err(|_| altered.clone())?;
    if found > FORMAT {
        return Err(VaultError::Newer { found, known: FORMAT });
    }
    let check = meta.get(KEY_ENTRY)?.ok_or_else(|| altered.clone())?;
    check.value().try_into().map(Some).map_err(|_| altered)
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
