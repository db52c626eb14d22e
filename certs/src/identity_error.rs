//! Why there is no identity: what the operator reads when one can't be made, written or loaded.
//!
//! Every message about a file names the file and what to do. None shows a byte of it.

use std::io;
use std::path::PathBuf;

use crate::{CertificateFault, PemFault, Validity};

/// Why there is no identity. All but [`IdentityError::Library`] are for the operator to mend.
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
    /// No time at all, or more than anybody should trust a key for.
    #[error("an identity can't be valid for {days} days: choose 1 to {}", Validity::MAX_DAYS)]
    Validity {
        /// As given.
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
        /// The file that is in the way.
        path: PathBuf,
    },
    /// A file or folder could not be written.
    #[error("can't write {}: {source}", path.display())]
    Write {
        /// What could not be written.
        path: PathBuf,
        /// What the system said.
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
        /// What the system said.
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
    /// A folder, a device, a pipe.
    #[error("{} is not a file; put the identity's own file there", path.display())]
    NotAFile {
        /// What was found.
        path: PathBuf,
    },
    /// Bigger than any certificate or key.
    #[error("{} has more than {limit} bytes, so it is not part of an identity; restore the \
             original", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The bound.
        limit: u64,
    },
    /// The wrong number or kind of PEM sections, or damaged ones.
    #[error("{} can't be used: {fault}; restore the original", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fault: PemFault,
    },
    /// A certificate that can't be used.
    #[error("{} can't be used: {fault}; restore the original", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fault: CertificateFault,
    },
    /// A private key of no kind that TLS can use.
    #[error("{} can't be used: it holds no private key for TLS; restore the original", path.display())]
    Key {
        /// The file.
        path: PathBuf,
    },
    /// Two halves of different identities.
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
    /// Preparing twice would make the other members pin in vain.
    #[error(
        "a renewal is prepared already: finish it with `cloister identity renew --finish`, or give \
         it up with `--give-up`"
    )]
    AlreadyPrepared,
    /// The switch to a new identity did not end.
    #[error("a renewal was interrupted: end it with `cloister identity renew --finish`")]
    Interrupted,
    /// The identity before this one still lies there.
    #[error(
        "the previous identity is still kept: remove it with `cloister identity renew --forget` \
         when no member pins it any more"
    )]
    NotForgotten,
    /// Nothing to switch to.
    #[error("no renewal is prepared: begin with `cloister identity renew --prepare`")]
    NothingPrepared,
    /// Nothing to remove.
    #[error("no previous identity is kept here: there is nothing to forget")]
    NothingToForget,
    /// A library failed where it should not: ours to mend.
    #[error("an identity could not be made: {reason}; please report this")]
    Library {
        /// What the library said.
        reason: String,
    },
}

/// Why a certificate and a key are no identity, before anybody knows which files they came from.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Misfit {
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

/// Only for identities made here: files have paths to name.
impl From<Misfit> for IdentityError {
    fn from(misfit: Misfit) -> Self {
        Self::Library { reason: misfit.to_string() }
    }
}
