//! The errors of making, writing and loading an identity, as the operator reads them.
//!
//! Every message about a file names the file and a remedy. None shows a byte of it.

use std::io;
use std::path::PathBuf;

use crate::certificate::CertificateFault;
use crate::pem_text::PemFault;
use crate::validity::Validity;

/// Reasons why an identity could not be made, written or loaded. The operator can mend all of them
/// but [`IdentityError::Library`].
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// A name that a certificate can't carry.
    #[error(
        "{name:?} can't name a party: use 1 to 64 characters, without control characters or \
         outer spaces"
    )]
    Name {
        /// The name as given.
        name: String,
    },
    /// A period of no days, or a longer one than a key should be trusted for.
    #[error("an identity can't be valid for {days} days: choose 1 to {}", Validity::MAX_DAYS)]
    Validity {
        /// The number of days as given.
        days: u16,
    },
    /// The clock is so wrong that no certificate could be dated.
    #[error("this machine's clock is out of range; set it first")]
    Clock,
    /// There is an identity already.
    #[error(
        "{} exists already and is never overwritten: keep using it, or choose another folder; to \
         renew an identity, use `cloister identity renew`", path.display()
    )]
    Exists {
        /// The existing file.
        path: PathBuf,
    },
    /// A file or folder could not be written.
    #[error("can't write {}: {source}", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// A file could not be read.
    #[error(
        "can't read {}: {source}; if this party has no identity yet, make one with `cloister \
         identity new`", path.display()
    )]
    Read {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// Others on this machine can read the private key.
    #[error(
        "{} is a private key and others can read it (mode {mode:04o}): run `chmod 600 {}`; if \
         others had access to this machine, make a new identity instead",
        path.display(), path.display()
    )]
    Exposed {
        /// The key file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A folder, a device or a pipe stands in the place of a file.
    #[error("{} is not a file; put the identity's own file there", path.display())]
    NotAFile {
        /// Its path.
        path: PathBuf,
    },
    /// A file is bigger than any certificate or key.
    #[error("{} has more than {limit} bytes, so it is not part of an identity; restore the \
             original", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The bound, in bytes.
        limit: u64,
    },
    /// A file has the wrong number or kind of PEM sections, or damaged ones.
    #[error("{} can't be used: {fault}; restore the original", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// The defect found.
        fault: PemFault,
    },
    /// A certificate can't be used.
    #[error("{} can't be used: {fault}; restore the original", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// The defect found.
        fault: CertificateFault,
    },
    /// A private key is of no kind that TLS can use.
    #[error("{} can't be used: it holds no private key for TLS; restore the original", path.display())]
    Key {
        /// The file.
        path: PathBuf,
    },
    /// Certificate and key are of different identities.
    #[error(
        "{} is not the private key of {}: restore the two files of one identity",
        key.display(), certificate.display()
    )]
    Mismatch {
        /// The key file.
        key: PathBuf,
        /// The certificate file.
        certificate: PathBuf,
    },
    /// A renewal is prepared already. A second one would make the other members pin in vain.
    #[error(
        "a renewal is prepared already: finish it with `cloister identity renew --finish`, or give \
         it up with `--give-up`"
    )]
    AlreadyPrepared,
    /// The switch to a new identity was interrupted.
    #[error("a renewal was interrupted: end it with `cloister identity renew --finish`")]
    Interrupted,
    /// The previous identity is still kept.
    #[error(
        "the previous identity is still kept: remove it with `cloister identity renew --forget` \
         when no member pins it any more"
    )]
    NotForgotten,
    /// There is no identity to switch to.
    #[error("no renewal is prepared: begin with `cloister identity renew --prepare`")]
    NothingPrepared,
    /// There is no previous identity to remove.
    #[error("no previous identity is kept here: there is nothing to forget")]
    NothingToForget,
    /// A library failed unexpectedly, which is a bug of ours.
    #[error("an identity could not be made: {reason}; please report this")]
    Library {
        /// The error of the library.
        reason: String,
    },
}

/// Reasons why a certificate and a key make no identity. Names no files, as there may be none.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AssembleError {
    #[error("the certificate can't be used: {0}")]
    Certificate(#[from] CertificateFault),
    #[error("the key can't be used")]
    Key,
    #[error("the key is not the certificate's")]
    Mismatch,
}

impl From<rcgen::Error> for IdentityError {
    fn from(error: rcgen::Error) -> Self {
        Self::Library { reason: error.to_string() }
    }
}

/// Converts the error of an identity that was made here. Errors of files name their paths instead.
impl From<AssembleError> for IdentityError {
    fn from(error: AssembleError) -> Self {
        Self::Library { reason: error.to_string() }
    }
}
