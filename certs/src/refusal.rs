//! Reasons to refuse a peer's certificate, worded for our own log.
//!
//! Each reason names the certificate that was shown and a remedy. It stays on our side: the peer
//! learns only that its certificate was refused.

use std::sync::Arc;

use rustls::{CertificateError, Error, OtherError};

use crate::certificate::{CertificateFacts, CertificateFault, readable};
use crate::fingerprint::Fingerprint;
use crate::roster::Member;

/// Reasons to refuse the certificate that a peer showed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The caller is no member.
    #[error(
        "the peer showed a certificate with fingerprint {shown} that no member is pinned to; if \
         it is a member's new one, add it to the consortium file"
    )]
    Unpinned {
        /// The certificate that was shown.
        shown: Fingerprint,
    },
    /// Another party answered than the member that we called.
    #[error(
        "expected member '{}' with fingerprint {}, but the peer showed {shown}{}; check this \
         member's address in the consortium file, or, if it renewed its identity, pin the new \
         fingerprint",
        expected.name, either(&expected.fingerprints), owner(belongs_to.as_deref())
    )]
    WrongMember {
        /// The member that we called.
        expected: Member,
        /// The certificate that was shown.
        shown: Fingerprint,
        /// The member to which the shown certificate is pinned, if a roster was asked and knows it.
        belongs_to: Option<String>,
    },
    /// The peer showed more than one certificate. Exactly one is pinned, and a chain adds nothing.
    #[error(
        "the peer showed certificate {shown} and {others} more; a node shows exactly its own, \
         without any authority's"
    )]
    Chain {
        /// The first certificate that was shown.
        shown: Fingerprint,
        /// The number of certificates after the first.
        others: usize,
    },
    /// The certificate is pinned, but cannot be read.
    #[error(
        "the certificate {shown} that is pinned to '{member}' can't be used: {fault}; its \
         operator makes a new one with `cloister identity new`"
    )]
    Unusable {
        /// The certificate that was shown.
        shown: Fingerprint,
        /// The member to which it is pinned.
        member: String,
        /// The defect found.
        fault: CertificateFault,
    },
    /// The certificate is pinned, but has expired.
    #[error(
        "the certificate {certificate}, pinned to member '{member}', expired on {}; its operator \
         makes a new one with `cloister identity new`, and every member pins the new fingerprint",
        readable(certificate.not_after())
    )]
    Expired {
        /// The certificate that was shown.
        certificate: Box<CertificateFacts>,
        /// The member to which it is pinned.
        member: String,
    },
    /// The certificate is pinned, but is not valid yet.
    #[error(
        "the certificate {certificate}, pinned to member '{member}', is not valid before {}; \
         compare the clocks of both machines",
        readable(certificate.not_before())
    )]
    NotYetValid {
        /// The certificate that was shown.
        certificate: Box<CertificateFacts>,
        /// The member to which it is pinned.
        member: String,
    },
    /// The peer did not prove that it holds the key of its certificate.
    #[error(
        "the peer showed certificate {shown} but did not prove that it holds its key; another \
         may pose as this member: tell its operator"
    )]
    KeyNotHeld {
        /// The certificate that was shown.
        shown: Fingerprint,
    },
}

impl Refusal {
    /// Returns the fingerprint of the refused certificate.
    pub fn shown(&self) -> Fingerprint {
        match self {
            Self::Unpinned { shown }
            | Self::WrongMember { shown, .. }
            | Self::Chain { shown, .. }
            | Self::Unusable { shown, .. }
            | Self::KeyNotHeld { shown } => *shown,
            Self::Expired { certificate, .. } | Self::NotYetValid { certificate, .. } => {
                certificate.fingerprint()
            }
        }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        CertificateError::Other(OtherError(Arc::new(refusal))).into()
    }
}

fn either(fingerprints: &[Fingerprint]) -> String {
    let written: Vec<String> = fingerprints.iter().map(Fingerprint::to_string).collect();
    written.join(" or ")
}

fn owner(member: Option<&str>) -> String {
    member.map(|name| format!(", which is pinned to '{name}'")).unwrap_or_default()
}
