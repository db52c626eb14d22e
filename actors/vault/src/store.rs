//! The database and its cached values: reads, the commit of a group of writes, and recovery after a
//! fault of the disk.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{PoisonError, RwLock, RwLockWriteGuard};

use redb::{
    CompactionError, Database, Durability, ReadTransaction, ReadableDatabase, WriteTransaction,
};

use crate::chain::Head;
use crate::error::VaultError;
use crate::folder::Folder;
use crate::schema::{META, change_freed, freed, key_check, losses_of, recorded_check, stored_head};
use crate::seal::Sealer;

/// The bytes that removed uploads have left free from which on the file is made shorter, if they are more
/// than a quarter of it: a file grows by more than it needs.
const MUCH_BYTES: u64 = 16 << 20;

/// The longest file that is made shorter while the state is open, in bytes: readers wait meanwhile. A
/// longer one is made shorter at the next start.
const SHORT_BYTES: u64 = 256 << 20;

/// Opens the database again.
pub(crate) type Opener = Box<dyn Fn() -> Result<Database, VaultError> + Send + Sync>;

/// The database, shared by readers and the writer.
pub(crate) struct Store {
    /// The database, or the error of its last opening.
    database: RwLock<Result<Database, VaultError>>,
    opener: Opener,
    folder: Folder,
    key_check: [u8; 32],
    sealer: Sealer,
    head: RwLock<Head>,
}

/// The context of the jobs of one transaction.
pub(crate) struct Group<'a> {
    /// The transaction that all jobs of the group share.
    pub(crate) transaction: &'a WriteTransaction,
    /// The sealer of records.
    pub(crate) sealer: &'a Sealer,
    /// The head of the audit chain, with the entries of this group.
    pub(crate) head: Head,
}

impl Group<'_> {
    /// Reads the number of losses of the state that were acknowledged.
    pub(crate) fn losses(&self) -> Result<u64, VaultError> {
        losses_of(&self.transaction.open_table(META)?)
    }
}

impl Store {
    pub(crate) fn new(
        database: Database,
        opener: Opener,
        folder: Folder,
        node_key: &[u8; 32],
    ) -> Result<Self, VaultError> {
        let head = stored_head(&database.begin_read()?)?;
        Ok(Self {
            database: RwLock::new(Ok(database)),
            opener,
            folder,
            key_check: key_check(node_key),
            sealer: Sealer::new(node_key, "cloister 1 sealed state"),
            head: RwLock::new(head),
        })
    }

    /// Closes the database, once the snapshots that are being read have ended.
    pub(crate) fn close(&self) {
        let mut database = self.database.write().unwrap_or_else(PoisonError::into_inner);
        *database = Err(VaultError::Closed);
    }

    /// Returns the sealer of all records, whose context names their table.
    pub(crate) fn sealer(&self) -> &Sealer {
        &self.sealer
    }

    /// Returns the head of the audit chain as last committed.
    pub(crate) fn head(&self) -> Head {
        *self.head.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the disk back the space that removed uploads left free, if much of the file is free, and it
    /// is short enough for that to take a moment. While a snapshot is read it is left for later.
    pub(crate) fn shorten(&self) {
        let bytes = self.folder.database_bytes();
        let is_free = |database: &Database| Ok(much_is_free(database, bytes));
        if bytes > SHORT_BYTES || !self.with_database(is_free).unwrap_or_default() {
            return;
        }
        let mut database = self.lock();
        let Ok(open) = &mut *database else { return };
        match compact(open, &self.folder) {
            Compacted::InUse => return,
            Compacted::Yes => {}
            Compacted::Failed => {
                let failed = std::mem::replace(&mut *database, Err(VaultError::Closed));
                // What is damaged may panic once more.
                let _ = catch_unwind(AssertUnwindSafe(|| drop(failed)));
                if let Err(error) = self.reopen(database) {
                    tracing::error!(%error, "the state could not be opened again");
                    return;
                }
                database = self.lock();
            }
        }
        // It is not tried again with each write.
        if let Ok(Err(error)) = database.as_ref().map(forget_freed) {
            tracing::warn!(%error, "the state's file is tried to be made shorter again");
        }
    }

    /// Takes a snapshot of committed data.
    pub(crate) fn read(&self) -> Result<ReadTransaction, VaultError> {
        self.with_database(|database| Ok(database.begin_read()?))
    }

    /// Runs `work` in one transaction and commits it if `work` succeeds. Only then are the values
    /// in memory changed. After a fault the database is opened again, because redb then refuses
    /// all work. A disk that was full for a moment must not end the node.
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
        let mut group =
            Group { transaction: &transaction, sealer: &self.sealer, head: self.head() };
        work(&mut group)?;
        let Group { head, .. } = group;
        transaction.commit()?;
        *self.head.write().unwrap_or_else(PoisonError::into_inner) = head;
        Ok(())
    }

    /// Runs `work` on the database, after opening it again if that failed the last time.
    fn with_database<T>(
        &self,
        work: impl FnOnce(&Database) -> Result<T, VaultError>,
    ) -> Result<T, VaultError> {
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        match &*database {
            Ok(database) => return work(database),
            // Closed on purpose, for good.
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

    /// Closes the database, opens it again, and reads all values in memory again. The writes of a
    /// failed commit may or may not be there, and another process may have written meanwhile.
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
            let (stored, known) = (stored_head(&opened.begin_read()?)?, self.head());
            // What was committed can only be missing if the file is another one.
            if stored.number < known.number
                || (stored.number == known.number && stored.hash != known.hash)
            {
                return Err(VaultError::Older);
            }
            *self.head.write().unwrap_or_else(PoisonError::into_inner) = stored;
            Ok(opened)
        });
        database.as_ref().map(|_| ()).map_err(VaultError::clone)
    }
}

/// The outcome of making a file shorter.
pub(crate) enum Compacted {
    /// It is as short as it can be.
    Yes,
    /// A snapshot is being read, or a transaction is under way.
    InUse,
    /// The database cannot be used before it is opened again.
    Failed,
}

/// Returns whether removed uploads left much of a file of so many bytes free.
pub(crate) fn much_is_free(database: &Database, bytes: u64) -> bool {
    freed_bytes(database).is_ok_and(|freed| freed >= MUCH_BYTES && freed > bytes / 4)
}

fn freed_bytes(database: &Database) -> Result<u64, VaultError> {
    freed(&database.begin_read()?)
}

/// Makes the file shorter.
pub(crate) fn compact(database: &mut Database, folder: &Folder) -> Compacted {
    let before = folder.database_bytes();
    // A damaged page makes the database's own code panic.
    let reason = match catch_unwind(AssertUnwindSafe(|| database.compact())) {
        Ok(Ok(_)) => {
            tracing::info!(before, after = folder.database_bytes(), "the state's file is shorter");
            return Compacted::Yes;
        }
        Ok(Err(CompactionError::TransactionInProgress)) => return Compacted::InUse,
        Ok(Err(error)) => error.to_string(),
        Err(_) => "it is damaged".to_owned(),
    };
    tracing::warn!(reason, "the state's file cannot be made shorter");
    Compacted::Failed
}

/// Notes that no upload left free space in the file.
pub(crate) fn forget_freed(database: &Database) -> Result<(), VaultError> {
    let transaction = durable(database)?;
    change_freed(&transaction, |_| 0)?;
    Ok(transaction.commit()?)
}

/// Begins a transaction whose commit returns when it is on the disk. It commits in two phases,
/// because one phase relies on a checksum, and clients could forge it by their names and documents.
pub(crate) fn durable(database: &Database) -> Result<WriteTransaction, VaultError> {
    let mut transaction = database.begin_write()?;
    transaction
        .set_durability(Durability::Immediate)
        .map_err(|error| VaultError::from(redb::Error::from(error)))?;
    transaction.set_two_phase_commit(true);
    Ok(transaction)
}
