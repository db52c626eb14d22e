//! Explanations of failed handshakes between two nodes, for the operators on both sides.
//!
//! TLS says little: one side sees an I/O error, the other an alert number. In TLS 1.3 a client
//! often learns only on its first read that the server refused it. [`diagnose`] names the cause,
//! the certificate concerned, and a remedy. It decides nothing, as the connection has failed
//! already.

use std::io::{self, ErrorKind};
use std::time::SystemTime;

use rustls::{AlertDescription, CertificateError, OtherError, PeerIncompatible};

use crate::certificate::{CertificateFacts, Expiry, readable};
use crate::fingerprint::Fingerprint;
use crate::refusal::Refusal;
use crate::roster::Roster;

/// Our part in a connection: server or client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// We accepted the connection.
    Server,
    /// We opened the connection.
    Client,
}

/// Reasons why there is no connection to a peer, each with a remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HandshakeProblem {
    /// We refused the certificate that the peer showed.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The peer showed no certificate.
    #[error(
        "the peer showed no certificate; only members whose certificate is pinned in the \
         consortium file can connect, and clients use the API port"
    )]
    NoCertificate,
    /// The peer refused the certificate that we showed, for a reason that this side cannot see.
    #[error(
        "the peer refused our certificate {ours}; its operator must pin this fingerprint in the \
         consortium file there and check that machine's clock, and finds the reason in its log"
    )]
    OursRefused {
        /// Our certificate.
        ours: Fingerprint,
    },
    /// The peer refused the certificate that we showed, which has expired.
    #[error(
        "the peer refused our certificate {certificate}: it expired on {}; make a new one with \
         `cloister identity new` and have every member pin the new fingerprint",
        readable(certificate.not_after())
    )]
    OursExpired {
        /// Our certificate.
        certificate: Box<CertificateFacts>,
    },
    /// The peer refused the certificate that we showed, which is not valid yet.
    #[error(
        "the peer refused our certificate {certificate}: it is not valid before {}; set this \
         machine's clock, or wait",
        readable(certificate.not_before())
    )]
    OursNotYetValid {
        /// Our certificate.
        certificate: Box<CertificateFacts>,
    },
    /// We showed no certificate, and the peer requires one.
    #[error(
        "the peer requires a certificate and we showed none; connect with this node's identity"
    )]
    OursMissing,
    /// The two ends have no version of TLS in common.
    #[error(
        "one of the two ends does not speak TLS 1.3, and nodes speak nothing older; update the \
         older software, or whatever stands between the two and ends TLS"
    )]
    TlsVersion,
    /// The peer speaks TLS, but not our protocol inside it.
    #[error(
        "the peer does not speak this version of cloister's protocol; compare the versions of \
         both nodes"
    )]
    Protocol,
    /// The two ends have no cipher suite, key exchange or signature in common.
    #[error(
        "the two ends have no cipher suite, key exchange or signature in common; the peer is no \
         cloister node, or one of another age"
    )]
    NothingInCommon,
    /// The peer sent something other than TLS.
    #[error("{}", match side {
        Side::Server => "the caller sent something other than TLS; only nodes use this port, \
                         clients use the API port",
        Side::Client => "what answered does not speak TLS; check the peer's address in the \
                         consortium file (the API has another port)",
    })]
    NotTls {
        /// Our part in the connection.
        side: Side,
    },
    /// The peer closed the connection in the middle of the handshake.
    #[error("{}", match side {
        Side::Server => "the caller hung up before the handshake was complete: a port scan, a \
                         health check, or a node that was stopped; if it is a node, see its log",
        Side::Client => "the peer hung up before the handshake was complete; see whether it is \
                         starting, stopping or full, and check its address in the consortium file",
    })]
    Closed {
        /// Our part in the connection.
        side: Side,
    },
    /// The connection was cut without an alert.
    #[error(
        "the connection was cut; if it happens again, the peer may be refusing our certificate \
         {ours}: see the peer's log, and what stands between the two"
    )]
    Cut {
        /// Our certificate.
        ours: Fingerprint,
    },
    /// The time for the handshake elapsed.
    #[error("{}", match side {
        Side::Server => "the caller did not complete the handshake in time; if it is a node, see \
                         its log and the network between the two",
        Side::Client => "the peer did not complete the handshake in time; see whether it runs, \
                         and check its address and the network between the two",
    })]
    Stalled {
        /// Our part in the connection.
        side: Side,
    },
    /// The peer ended the handshake for a reason of its own.
    #[error("the peer ended the handshake ({alert}); see its log")]
    Alert {
        /// The alert's name in TLS.
        alert: String,
    },
    /// The peer violates the TLS protocol.
    #[error("the peer broke the TLS protocol ({detail}); see which software it runs")]
    Misbehaved {
        /// The TLS library's description.
        detail: String,
    },
    /// Our own TLS failed.
    #[error("our own TLS failed ({detail}); please report this")]
    Internal {
        /// The TLS library's description.
        detail: String,
    },
    /// The network failed below TLS.
    #[error("the connection failed ({detail}); check the peer's address and the network")]
    Network {
        /// The system's description.
        detail: String,
    },
}

/// Explains the error of a handshake, or of the first read or write after it. In TLS 1.3 a client's
/// handshake completes before the server judges its certificate, so the refusal comes later.
///
/// `ours` is the certificate that we showed ([`Identity::facts`](crate::Identity::facts)) and `now`
/// is the time by our clock. Together they tell the refusal of an expired certificate from other
/// refusals. An elapsed timeout is an error of kind [`ErrorKind::TimedOut`].
///
/// A server should finish writing and read to the end, within a bound, before it drops a refused
/// connection. If bytes of the client are unread, the system cuts the connection, and the refusal
/// may not arrive ([`HandshakeProblem::Cut`]).
pub fn diagnose(
    error: &io::Error,
    side: Side,
    ours: &CertificateFacts,
    now: SystemTime,
) -> HandshakeProblem {
    match tls_error(error) {
        Some(tls) => of_tls(tls, side, ours, now),
        None => of_transport(error, side, ours),
    }
}

impl HandshakeProblem {
    /// Adds the name of the member whose certificate answered in another's place, if the roster
    /// knows it.
    #[must_use]
    pub fn recognise(mut self, roster: &Roster) -> Self {
        if let Self::Refused(Refusal::WrongMember { shown, belongs_to, .. }) = &mut self {
            *belongs_to = roster.name_of(shown).map(str::to_owned);
        }
        self
    }

    /// Returns the certificate concerned, theirs or ours, if there is one.
    pub fn certificate(&self) -> Option<Fingerprint> {
        match self {
            Self::Refused(refusal) => Some(refusal.shown()),
            Self::OursRefused { ours } => Some(*ours),
            Self::OursExpired { certificate } | Self::OursNotYetValid { certificate } => {
                Some(certificate.fingerprint())
            }
            _ => None,
        }
    }
}

/// Finds the TLS library's error inside an I/O error, at any depth of wrapping.
fn tls_error(error: &io::Error) -> Option<&rustls::Error> {
    let inner = error.get_ref()?;
    match inner.downcast_ref::<io::Error>() {
        Some(wrapped) => tls_error(wrapped),
        None => inner.downcast_ref(),
    }
}

fn of_tls(
    error: &rustls::Error,
    side: Side,
    ours: &CertificateFacts,
    now: SystemTime,
) -> HandshakeProblem {
    use rustls::Error as Tls;
    match error {
        Tls::InvalidCertificate(error) => of_certificate(error),
        Tls::NoCertificatesPresented => HandshakeProblem::NoCertificate,
        Tls::AlertReceived(alert) => of_alert(*alert, ours, now),
        Tls::PeerIncompatible(reason) => of_incompatibility(reason),
        Tls::NoApplicationProtocol => HandshakeProblem::Protocol,
        Tls::InvalidMessage(_) => HandshakeProblem::NotTls { side },
        Tls::PeerMisbehaved(_)
        | Tls::InappropriateMessage { .. }
        | Tls::InappropriateHandshakeMessage { .. }
        | Tls::PeerSentOversizedRecord
        | Tls::DecryptError => HandshakeProblem::Misbehaved { detail: error.to_string() },
        other => HandshakeProblem::Internal { detail: other.to_string() },
    }
}

fn of_certificate(error: &CertificateError) -> HandshakeProblem {
    if let CertificateError::Other(OtherError(reason)) = error
        && let Some(refusal) = reason.downcast_ref::<Refusal>()
    {
        return refusal.clone().into();
    }
    // Our verifiers return no other errors.
    HandshakeProblem::Internal { detail: error.to_string() }
}

fn of_alert(alert: AlertDescription, ours: &CertificateFacts, now: SystemTime) -> HandshakeProblem {
    use AlertDescription as Alert;
    match alert {
        Alert::CertificateUnknown
        | Alert::CertificateExpired
        | Alert::CertificateRevoked
        | Alert::BadCertificate
        | Alert::UnsupportedCertificate
        | Alert::UnknownCA
        | Alert::AccessDenied
        | Alert::DecryptError => refused_by_peer(ours, now),
        Alert::CertificateRequired => HandshakeProblem::OursMissing,
        Alert::ProtocolVersion => HandshakeProblem::TlsVersion,
        Alert::NoApplicationProtocol => HandshakeProblem::Protocol,
        Alert::HandshakeFailure | Alert::InsufficientSecurity => HandshakeProblem::NothingInCommon,
        other => HandshakeProblem::Alert { alert: format!("{other:?}") },
    }
}

/// Explains a refusal by the dates of our certificate. The alert is the same for all reasons.
fn refused_by_peer(ours: &CertificateFacts, now: SystemTime) -> HandshakeProblem {
    let certificate = Box::new(ours.clone());
    match ours.expiry(now) {
        Expiry::Expired { .. } => HandshakeProblem::OursExpired { certificate },
        Expiry::NotYetValid { .. } => HandshakeProblem::OursNotYetValid { certificate },
        Expiry::Fresh | Expiry::Near { .. } => {
            HandshakeProblem::OursRefused { ours: ours.fingerprint() }
        }
    }
}

fn of_incompatibility(reason: &PeerIncompatible) -> HandshakeProblem {
    match reason {
        PeerIncompatible::Tls12NotOffered
        | PeerIncompatible::Tls12NotOfferedOrEnabled
        | PeerIncompatible::SupportedVersionsExtensionRequired
        | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
        | PeerIncompatible::ServerDoesNotSupportTls12Or13 => HandshakeProblem::TlsVersion,
        _ => HandshakeProblem::NothingInCommon,
    }
}

fn of_transport(error: &io::Error, side: Side, ours: &CertificateFacts) -> HandshakeProblem {
    match error.kind() {
        ErrorKind::UnexpectedEof => HandshakeProblem::Closed { side },
        ErrorKind::TimedOut => HandshakeProblem::Stalled { side },
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe => {
            HandshakeProblem::Cut { ours: ours.fingerprint() }
        }
        _ => HandshakeProblem::Network { detail: error.to_string() },
    }
}
