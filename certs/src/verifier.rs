//! Who may be at the other end: certificates judged by pin.
//!
//! Both verifiers decide alike. A peer shows one certificate; its fingerprint is pinned; it is
//! valid now; and the peer signs the handshake with its key. No authority, name or address has a
//! say, and there is no way to turn any of it off. A certificate that is not pinned is hashed and
//! never parsed, so a stranger reaches no parser of ours.
//!
//! A refusal travels inside the TLS library's error as a [`Refusal`], for `diagnose` to find. The
//! library tells the peer `certificate_unknown` whatever the reason: the peer's own clock and
//! certificate tell its operator the rest.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, PeerIncompatible, SignatureScheme};

use crate::refusal::Refusal;
use crate::{CertificateFacts, Expiry, Fingerprint, Member, Roster};

/// The server's verifier: any member may call.
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
        let shown = alone(end_entity, intermediates)?;
        let member = self.pinned_to(shown)?;
        valid_now(end_entity, member, now)?;
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
        key_held(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// The client's verifier: one member must answer.
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
        let shown = alone(end_entity, intermediates)?;
        let member = self.pinned_to(shown)?;
        valid_now(end_entity, member, now)?;
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
        key_held(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// The fingerprint of a certificate that came without others.
fn alone(
    end_entity: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
) -> Result<Fingerprint, Refusal> {
    let shown = Fingerprint::of_certificate(end_entity);
    match intermediates.len() {
        0 => Ok(shown),
        others => Err(Refusal::Chain { shown, others }),
    }
}

fn valid_now(certificate: &CertificateDer<'_>, member: &str, now: UnixTime) -> Result<(), Refusal> {
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

/// Accepts the handshake's signature if the certificate's key made it. Any failure counts the
/// same: the peer did not prove that it holds the key.
fn key_held(
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

/// The settings offer no TLS 1.2, so nobody asks; whoever does gets no other answer.
fn never_tls12() -> Error {
    PeerIncompatible::SupportedVersionsExtensionRequired.into()
}
