//! The open state: the store, the thread that writes to it, and the node's key.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use redb::{Builder, Database, ReadTransaction};
use zeroize::Zeroizing;

use crate::chain::Head;
use crate::error::VaultError;
use crate::folder::Folder;
use crate::schema;
use crate::seal::Sealer;
use crate::store::{Compacted, Group, Store, compact, durable, forget_freed, much_is_free};
use crate::writer::{Queue, Written};

/// The cache of redb; its own default is 1 GiB.
const CACHE_BYTES: usize = 64 << 20;

/// An open state, closed when it is dropped. Tables read and write through it.
pub(crate) struct State {
    node_key: Zeroizing<[u8; 32]>,
    store: Arc<Store>,
    /// `None` once the state is closed.
    running: Mutex<Option<Running>>,
}

/// The thread that writes, and its queue.
struct Running {
    queue: Queue,
    writer: JoinHandle<()>,
}

impl State {
    /// Opens the state in a folder, or begins one.
    pub(crate) fn open(folder: &Path) -> Result<Self, VaultError> {
        let folder = Folder::prepare(folder)?;
        let path = folder.database()?;
        Self::open_with(folder, move || {
            Ok(Builder::new().set_cache_size(CACHE_BYTES).create(&path)?)
        })
    }

    /// Opens the state of `folder` in the database that `opener` opens, now and after every fault.
    pub(crate) fn open_with(
        folder: Folder,
        opener: impl Fn() -> Result<Database, VaultError> + Send + Sync + 'static,
    ) -> Result<Self, VaultError> {
        // From here on the file is locked: two processes cannot both make a key.
        let database = opener()?;
        let node_key = match (schema::recorded_check(&database)?, folder.key()?) {
            (Some(check), Some(key)) if check == schema::key_check(&key) => key,
            (Some(_), Some(_)) => return Err(VaultError::KeyWrong),
            (Some(_), None) => return Err(VaultError::KeyMissing),
            // A crash may have left a key and no state: nothing is sealed with it yet.
            (None, Some(key)) => begin(&database, key)?,
            (None, None) => begin(&database, folder.make_key()?)?,
        };
        let database = shortened(database, &folder, &opener)?;
        let store = Arc::new(Store::new(database, Box::new(opener), folder, &node_key)?);
        let (queue, writer) = Queue::start(Arc::clone(&store))
            .map_err(|error| VaultError::Thread(Arc::new(error)))?;
        let running = Mutex::new(Some(Running { queue, writer }));
        Ok(Self { node_key, store, running })
    }

    /// Derives a key for a purpose.
    pub(crate) fn key(&self, purpose: &'static str) -> Zeroizing<[u8; 32]> {
        let mut hasher = blake3::Hasher::new_derive_key("cloister 1 key for a purpose");
        hasher.update(self.node_key.as_slice()).update(purpose.as_bytes());
        Zeroizing::new(*hasher.finalize().as_bytes())
    }

    /// Returns the node's key, for a copy of the state.
    pub(crate) fn node_key(&self) -> &Zeroizing<[u8; 32]> {
        &self.node_key
    }

    /// Takes a snapshot of committed data.
    pub(crate) fn read(&self) -> Result<ReadTransaction, VaultError> {
        self.store.read()
    }

    /// Returns the sealer of records.
    pub(crate) fn sealer(&self) -> &Sealer {
        self.store.sealer()
    }

    /// Returns the head of the audit chain as last committed.
    pub(crate) fn head(&self) -> Head {
        self.store.head()
    }

    /// Queues a write; see [`Queue::submit`].
    pub(crate) fn submit<T: Send + 'static>(
        &self,
        bytes: usize,
        work: impl FnOnce(&mut Group<'_>) -> Result<T, VaultError> + Send + 'static,
    ) -> Written<T> {
        match &*self.running() {
            Some(running) => running.queue.submit(bytes, work),
            None => Written::refused(VaultError::Closed),
        }
    }

    /// Queues a write that no caller waits for; see [`Queue::defer`].
    pub(crate) fn defer<T: Send + 'static>(
        &self,
        bytes: usize,
        work: impl FnOnce(&mut Group<'_>) -> Result<T, VaultError> + Send + 'static,
    ) -> Written<T> {
        match &*self.running() {
            Some(running) => running.queue.defer(bytes, work),
            None => Written::refused(VaultError::Closed),
        }
    }

    /// Writes all queued jobs, then closes the database. Blocks.
    pub(crate) fn close(&self) {
        let Some(Running { queue, writer }) = self.running().take() else { return };
        drop(queue);
        if writer.thread().id() != thread::current().id() && writer.join().is_err() {
            tracing::error!("the vault's writer had panicked");
        }
        self.store.close();
    }

    fn running(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for State {
    fn drop(&mut self) {
        self.close();
    }
}

/// Makes all tables, and records format and key with them.
fn begin(database: &Database, key: Zeroizing<[u8; 32]>) -> Result<Zeroizing<[u8; 32]>, VaultError> {
    let transaction = durable(database)?;
    schema::create(&transaction, &key)?;
    transaction.commit()?;
    Ok(key)
}

/// Gives the disk back the space that removed uploads left free in the file. A state that cannot be made
/// shorter now, for whatever reason, is used as it is. Nothing is read of it otherwise: a start takes no
/// longer with many uploads.
fn shortened(
    mut database: Database,
    folder: &Folder,
    opener: &impl Fn() -> Result<Database, VaultError>,
) -> Result<Database, VaultError> {
    let before = folder.database_bytes();
    if !much_is_free(&database, before) {
        return Ok(database);
    }
    let database = match compact(&mut database, folder) {
        Compacted::Yes | Compacted::InUse => database,
        Compacted::Failed => {
            // Closed before it is opened: after a fault of the disk redb refuses all work.
            let _ = catch_unwind(AssertUnwindSafe(|| drop(database)));
            opener()?
        }
    };
    // It is not tried again at each start.
    if let Err(error) = forget_freed(&database) {
        tracing::warn!(%error, "the state's file is tried to be made shorter again at the next start");
    }
    Ok(database)
}
