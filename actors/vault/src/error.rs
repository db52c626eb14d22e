//! The errors of the vault, told apart by their cause. No message holds a secret or a value.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Reasons why the vault refused or failed. Cheap to clone: one failed commit answers many callers.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// Another process (the running node) has the state open.
    #[error("the state folder is in use by another process; talk to the running node, or stop it")]
    Locked,
    /// The state was written by a later version of cloister.
    #[error(
        "the state folder has format {found} and this version reads up to {known}; run the version \
         that wrote it, or a later one"
    )]
    Newer {
        /// The format version found.
        found: u32,
        /// The newest format version that this code knows.
        known: u32,
    },
    /// There is a state, but no key.
    #[error("the file `key` is missing beside `state.redb`; put it back from the backup")]
    KeyMissing,
    /// The key is not the one that the state was written with.
    #[error("the file `key` is not the one this state was written with; put the right one back")]
    KeyWrong,
    /// The folder or the key file cannot be used.
    #[error("{}: {error}", path.display())]
    Folder {
        /// The path that was tried.
        path: PathBuf,
        /// The error of the system.
        error: Arc<io::Error>,
    },
    /// The database could not be read or written; nothing of the operation counts as done.
    #[error("the state could not be read or written: {0}")]
    Disk(Arc<redb::Error>),
    /// The caller's output failed during an export.
    #[error("the export could not be written: {0}")]
    Output(Arc<io::Error>),
    /// The writer's thread could not be started.
    #[error("the vault's thread could not be started: {0}")]
    Thread(Arc<io::Error>),
    /// A record does not open: it was altered or moved outside of the node.
    #[error("a record of the table `{table}` was altered outside of the node; restore the backup")]
    Altered {
        /// The table of the record.
        table: &'static str,
    },
    /// The system gave no random bytes.
    #[error("the system's random source failed")]
    Random,
    /// Too many writes are waiting for this one to be queued.
    #[error("too many writes are waiting; try again in a moment")]
    Busy,
    /// The writer has ended: the vault is being closed, or failed.
    #[error("the vault is closed")]
    Closed,
    /// An older state took the place of the one that this process had open.
    #[error(
        "the state folder was replaced by an older one while it was in use; put the newest one back"
    )]
    Older,
    /// An argument breaks a rule.
    #[error("{what} must be {rule}")]
    Invalid {
        /// The argument.
        what: &'static str,
        /// The rule.
        rule: &'static str,
    },
    /// An argument exceeds a bound.
    #[error("{what} may be at most {limit}")]
    TooBig {
        /// The argument and its unit.
        what: &'static str,
        /// The bound.
        limit: u64,
    },
    /// The name or id is taken.
    #[error("there is already {what} of this name; remove it first, or choose another name")]
    Taken {
        /// The kind of record.
        what: &'static str,
    },
    /// An upload would exceed a quota.
    #[error("the quota of {what} would be exceeded; remove uploads, or ask the operator for more")]
    Quota {
        /// The quota.
        what: &'static str,
    },
    /// The vault is full of this kind of record. It never forgets one to make room.
    #[error("there are already {limit} {what}, which is the most; {hint}")]
    Limit {
        /// The kind of record.
        what: &'static str,
        /// The bound.
        limit: u64,
        /// A remedy for the reader.
        hint: &'static str,
    },
}

impl VaultError {
    /// Returns `true` if the environment failed. Then nothing of the transaction may be committed.
    pub(crate) fn is_fault(&self) -> bool {
        matches!(self, Self::Disk(_) | Self::Random | Self::Closed)
    }

    pub(crate) fn folder(path: &Path, error: io::Error) -> Self {
        Self::Folder { path: path.to_path_buf(), error: Arc::new(error) }
    }
}

impl From<redb::Error> for VaultError {
    fn from(error: redb::Error) -> Self {
        Self::Disk(Arc::new(error))
    }
}

impl From<redb::StorageError> for VaultError {
    fn from(error: redb::StorageError) -> Self {
        redb::Error::from(error).into()
    }
}

impl From<redb::TableError> for VaultError {
    fn from(error: redb::TableError) -> Self {
        redb::Error::from(error).into()
    }
}

impl From<redb::TransactionError> for VaultError {
    fn from(error: redb::TransactionError) -> Self {
        redb::Error::from(error).into()
    }
}

impl From<redb::CommitError> for VaultError {
    fn from(error: redb::CommitError) -> Self {
        redb::Error::from(error).into()
    }
}

impl From<redb::DatabaseError> for VaultError {
    fn from(error: redb::DatabaseError) -> Self {
        match error {
            redb::DatabaseError::DatabaseAlreadyOpen => Self::Locked,
            other => redb::Error::from(other).into(),
        }
    }
}
