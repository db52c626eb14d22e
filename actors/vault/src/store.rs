//! The database with what is kept of it in memory: reads, the commit of a group, and the way back
//! after a fault of the disk.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock, RwLockWriteGuard};

use redb::{Database, Durability, ReadTransaction, ReadableDatabase, WriteTransaction};

use crate::VaultError;
use crate::audit::{self, Head};
use crate::seal::Sealer;
use crate::vault::META;
use crate::writer::Group;

/// The version of the folder's layout that this code writes.
pub(crate) const FORMAT: u32 = 1;
pub(crate) const FORMAT_ENTRY: &str = "format";
pub(crate) const KEY_ENTRY: &str = "key";

/// Opens the database anew.
pub(crate) type Opener = Box<dyn Fn() -> Result<Database, VaultError> + Send + Sync>;

/// What readers and the writer share.
pub(crate) struct Store {
    /// The database, or why it could not be opened again after a fault.
    database: RwLock<Result<Database, VaultError>>,
    opener: Opener,
    key_check: [u8; 32],
    /// Seals and opens everything that is sealed; places tell tables apart.
    pub(crate) sealer: Sealer,
    head: RwLock<Head>,
    tokens_version: AtomicU64,
}

impl Store {
    pub(crate) fn new(
        database: Database,
        opener: Opener,
        node_key: &[u8; 32],
    ) -> Result<Self, VaultError> {
        let head = audit::stored_head(&database.begin_read()?)?;
        Ok(Self {
            database: RwLock::new(Ok(database)),
            opener,
            key_check: key_check(node_key),
            sealer: Sealer::new(node_key, "cloister 1 sealed state"),
            head: RwLock::new(head),
            tokens_version: AtomicU64::new(0),
        })
    }

    /// Lets go of the database. Snapshots that are being read end by themselves.
    pub(crate) fn close(&self) {
        let mut database = self.database.write().unwrap_or_else(PoisonError::into_inner);
        *database = Err(VaultError::Closed);
    }

    /// The head of the audit chain as last committed.
    pub(crate) fn head(&self) -> Head {
        *self.head.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn tokens_version(&self) -> u64 {
        self.tokens_version.load(Ordering::Acquire)
    }

    /// A snapshot of what is committed.
    pub(crate) fn read(&self) -> Result<ReadTransaction, VaultError> {
        self.with_database(|database| Ok(database.begin_read()?))
    }

    /// Runs `work` in one transaction and commits it if `work` succeeds; then, and only then,
    /// changes what is kept in memory. After a fault the database is opened anew: redb refuses
    /// everything from then on, and a disk that was full for a moment must not end the node.
    pub(crate) fn commit(
        &self,
        work: impl FnOnce(&mut Group<'_>) -> Result<(), VaultError>,
    ) -> Result<(), VaultError> {
        let committed = self.try_commit(work);
        if committed.is_err()
            && let Err(error) = self.reopen(self.lock())
        {
            tracing::error!(%error, "the state could not be opened again");
        }
        committed
    }

    fn try_commit(
        &self,
        work: impl FnOnce(&mut Group<'_>) -> Result<(), VaultError>,
    ) -> Result<(), VaultError> {
        let transaction = self.with_database(durable)?;
        let mut group = Group {
            transaction: &transaction,
            sealer: &self.sealer,
            head: self.head(),
            tokens_changed: false,
        };
        work(&mut group)?;
        let Group { head, tokens_changed, .. } = group;
        transaction.commit()?;
        self.publish(head, tokens_changed);
        Ok(())
    }

    fn publish(&self, head: Head, tokens_changed: bool) {
        *self.head.write().unwrap_or_else(PoisonError::into_inner) = head;
        if tokens_changed {
            self.tokens_version.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// Uses the database, which is opened first if that failed the last time.
    fn with_database<T>(
        &self,
        work: impl FnOnce(&Database) -> Result<T, VaultError>,
    ) -> Result<T, VaultError> {
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        match &*database {
            Ok(database) => return work(database),
            // On purpose, and for good.
            Err(VaultError::Closed) => return Err(VaultError::Closed),
            Err(_) => drop(database),
        }
        let database = self.lock();
        if database.is_err() {
            self.reopen(database)?;
        }
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        database.as_ref().map_err(VaultError::clone).and_then(work)
    }

    fn lock(&self) -> RwLockWriteGuard<'_, Result<Database, VaultError>> {
        self.database.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes the database and opens it again. What a failed commit had written may be there or not,
    /// and another process may have had its turn, so everything in memory is read anew.
    fn reopen(
        &self,
        mut database: RwLockWriteGuard<'_, Result<Database, VaultError>>,
    ) -> Result<(), VaultError> {
        // Closed before it is opened: it is locked as long as it is open.
        *database = Err(VaultError::Closed);
        *database = (self.opener)().and_then(|opened| {
            if recorded_check(&opened)? != Some(self.key_check) {
                return Err(VaultError::KeyWrong);
            }
            self.publish(audit::stored_head(&opened.begin_read()?)?, true);
            Ok(opened)
        });
        database.as_ref().map(|_| ()).map_err(VaultError::clone)
    }
}

/// A transaction whose commit returns when it is on the disk. In two phases, because names and
/// documents come from others, and a commit in one phase rests on a checksum that can be forged.
pub(crate) fn durable(database: &Database) -> Result<WriteTransaction, VaultError> {
    let mut transaction = database.begin_write()?;
    transaction
        .set_durability(Durability::Immediate)
        .map_err(|error| VaultError::from(redb::Error::from(error)))?;
    transaction.set_two_phase_commit(true);
    Ok(transaction)
}

/// What tells whether a key is the right one.
pub(crate) fn key_check(key: &[u8; 32]) -> [u8; 32] {
    blake3::derive_key("cloister 1 check of the node key", key)
}

/// The check of the key that a state was begun with; nothing if there is no state yet.
pub(crate) fn recorded_check(database: &Database) -> Result<Option<[u8; 32]>, VaultError> {
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

#[cfg(test)]
mod tests;
