//! The verifiers of TLS connections: a peer's certificate is judged by its pin.
//!
//! Both verifiers decide by the same four conditions. The peer shows exactly one certificate, its
//! fingerprint is pinned, it is valid now, and the peer signs the handshake with its key. No
//! authority, name or address counts, and no condition can be turned off. A certificate that is not
//! pinned is hashed and never parsed, so a stranger reaches no parser of ours.
//!
//! A refusal travels inside the TLS library's error as a [`Refusal`], for `diagnose` to find. The
//! library sends the peer the alert `certificate_unknown` for all reasons.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, PeerIncompatible, SignatureScheme};

use crate::certificate::{CertificateFacts, Expiry};
use crate::fingerprint::Fingerprint;
use crate::refusal::Refusal;
use crate::roster::{Member, Roster};

/// The server's verifier, which accepts any member.
#[derive(Debug)]
pub(crate) struct PinnedMembers {
    roster: Arc<Roster>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl PinnedMembers {
    pub(crate) fn new(roster: Arc<Roster>, algorithms: WebPkiSupportedAlgorithms) -> Self {
        Self { roster, algorithms }
    }

    fn pinned_to(&self, shown: Fingerprint) -> Result<&str, Refusal> {
        self.roster.name_of(&shown).ok_or(Refusal::Unpinned { shown })
    }
}

impl ClientCertVerifier for PinnedMembers {
    fn offer_client_auth(&self) -> bool {
        true
    }

    fn client_auth_mandatory(&self) -> bool {
        true
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let shown = only_certificate(end_entity, intermediates)?;
        let member = self.pinned_to(shown)?;
        check_validity(end_entity, member, now)?;
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(never_tls12())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_handshake(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// The client's verifier, which accepts one member.
#[derive(Debug)]
pub(crate) struct PinnedMember {
    member: Member,
    algorithms: WebPkiSupportedAlgorithms,
}

impl PinnedMember {
    pub(crate) fn new(member: Member, algorithms: WebPkiSupportedAlgorithms) -> Self {
        Self { member, algorithms }
    }

    fn pinned_to(&self, shown: Fingerprint) -> Result<&str, Refusal> {
        if self.member.is_pinned(&shown) {
            return Ok(&self.member.name);
        }
        Err(Refusal::WrongMember { expected: self.member.clone(), shown, belongs_to: None })
    }
}

impl ServerCertVerifier for PinnedMember {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let shown = only_certificate(end_entity, intermediates)?;
        let member = self.pinned_to(shown)?;
        check_validity(end_entity, member, now)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(never_tls12())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_handshake(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// Returns the fingerprint of a certificate that came without others.
fn only_certificate(
    end_entity: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
) -> Result<Fingerprint, Refusal> {
    let shown = Fingerprint::of_certificate(end_entity);
    match intermediates.len() {
        0 => Ok(shown),
        others => Err(Refusal::Chain { shown, others }),
    }
}

fn check_validity(
    certificate: &CertificateDer<'_>,
    member: &str,
    now: UnixTime,
) -> Result<(), Refusal> {
    let member = member.to_owned();
    let facts = match CertificateFacts::read(certificate) {
        Ok(facts) => Box::new(facts),
        Err(fault) => {
            let shown = Fingerprint::of_certificate(certificate);
            return Err(Refusal::Unusable { shown, member, fault });
        }
    };
    match facts.expiry(moment(now)) {
        Expiry::Fresh | Expiry::Near { .. } => Ok(()),
        Expiry::Expired { .. } => Err(Refusal::Expired { certificate: facts, member }),
        Expiry::NotYetValid { .. } => Err(Refusal::NotYetValid { certificate: facts, member }),
    }
}

fn moment(now: UnixTime) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(now.as_secs())
}

/// Verifies the handshake's signature with the certificate's key. Every failure means that the peer
/// did not prove to hold the key.
fn verify_handshake(
    message: &[u8],
    certificate: &CertificateDer<'_>,
    signature: &DigitallySignedStruct,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<HandshakeSignatureValid, Error> {
    verify_tls13_signature(message, certificate, signature, algorithms).map_err(|_| {
        let shown = Fingerprint::of_certificate(certificate);
        Refusal::KeyNotHeld { shown }.into()
    })
}

/// Returns the error for TLS 1.2, which the settings never offer.
fn never_tls12() -> Error {
    PeerIncompatible::SupportedVersionsExtensionRequired.into()
}
