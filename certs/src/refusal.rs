//! Why a peer's certificate was refused, in words for whoever reads our log.
//!
//! Each reason names the certificate that was shown and what to do. It stays on our side: the
//! peer is told no more than that its certificate was refused.

use std::sync::Arc;

use rustls::{CertificateError, Error, OtherError};

use crate::certificate::readable;
use crate::{CertificateFacts, CertificateFault, Fingerprint, Member};

/// Why we did not accept the certificate that a peer showed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A caller that is no member.
    #[error(
        "the peer showed a certificate with fingerprint {shown} that no member is pinned to; if \
         it is a member's new one, add it to the consortium file"
    )]
    Unpinned {
        /// The certificate that was shown.
        shown: Fingerprint,
    },
    /// Somebody else answered than the member that we called.
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
        /// The member to which that one is pinned, once a roster was asked.
        belongs_to: Option<String>,
    },
    /// More than one certificate, where one is pinned and nothing else counts.
    #[error(
        "the peer showed certificate {shown} and {others} more; a node shows exactly its own, \
         without any authority's"
    )]
    Chain {
        /// The first certificate that was shown.
        shown: Fingerprint,
        /// How many followed.
        others: usize,
    },
    /// Pinned, but unreadable.
    #[error(
        "the certificate {shown} that is pinned to '{member}' can't be used: {fault}; its \
         operator makes a new one with `cloister identity new`"
    )]
    Unusable {
        /// The certificate that was shown.
        shown: Fingerprint,
        /// The member to which it is pinned.
        member: String,
        /// What is wrong with it.
        fault: CertificateFault,
    },
    /// Pinned, but its time is over.
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
    /// Pinned, but its time has not come.
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
    /// A certificate is public; only its key makes it an identity.
    #[error(
        "the peer showed certificate {shown} but did not prove that it holds its key; somebody \
         may pose as this member: tell its operator"
    )]
    KeyNotHeld {
        /// The certificate that was shown.
        shown: Fingerprint,
    },
}

impl Refusal {
    /// The certificate that was refused.
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
