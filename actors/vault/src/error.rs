//! What can go wrong with the vault, by whose fault it is. No message holds a secret or a value.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why the vault refused or failed. Cheap to clone: one failed commit answers many callers.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// Another process (the running node) has the state open.
    #[error("the state folder is in use by another process; talk to the running node, or stop it")]
    Locked,
    /// The state was written by a later version of cloister.
    #[error(
        "the state folder has format {found} and this version reads up to {known}; run the version that wrote it, or a later one"
    )]
    Newer {
        /// The format version found.
        found: u32,
        /// The newest format version that this code knows.
        known: u32,
    },
    /// There is a state, and no key to it.
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
        /// What the system said.
        error: Arc<io::Error>,
    },
    /// The database could not be read or written; nothing of the operation counts as done.
    #[error("the state could not be read or written: {0}")]
    Disk(Arc<redb::Error>),
    /// What the caller gave to write an export to failed.
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
    /// So many writes wait that this one is not taken.
    #[error("too many writes are waiting; try again in a moment")]
    Busy,
    /// The writer has ended: the vault is being closed, or failed.
    #[error("the vault is closed")]
    Closed,
    /// An argument is not as it must be.
    #[error("{what} must be {rule}")]
    Invalid {
        /// Which argument.
        what: &'static str,
        /// What is asked of it.
        rule: &'static str,
    },
    /// An argument is bigger than the vault takes.
    #[error("{what} may be at most {limit}")]
    TooBig {
        /// Which argument, and in which unit.
        what: &'static str,
        /// The greatest that is taken.
        limit: u64,
    },
    /// There is one of this name or id already.
    #[error("there is already {what} of this name; remove it first, or choose another name")]
    Taken {
        /// What there is already.
        what: &'static str,
    },
    /// An upload would exceed a quota.
    #[error("the quota of {what} would be exceeded; remove uploads, or ask the operator for more")]
    Quota {
        /// Which quota.
        what: &'static str,
    },
    /// The vault holds as many of these as it takes. Nothing is forgotten to make room.
    #[error("there are already {limit} {what}, which is the most; {hint}")]
    Limit {
        /// What there are so many of.
        what: &'static str,
        /// How many.
        limit: u64,
        /// What the reader can do.
        hint: &'static str,
    },
}

impl VaultError {
    /// Whether the environment failed, so that nothing of the same transaction may be committed.
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
