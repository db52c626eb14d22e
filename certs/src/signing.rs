//! Signatures of a party's identity, on documents for people and not for TLS.
//!
//! ECDSA on P-256 with SHA-256, the algorithm of the identity's key. The signed text begins with a
//! context of its purpose, so no signature serves two purposes. Nor does one serve a handshake: TLS
//! 1.3 begins those texts with 64 spaces (RFC 8446, 4.4.3), and 1.2 is never negotiated
//! (`settings.rs`). Nor does one serve a certificate, whose text is DER and begins with 0x30.
//!
//! A signature proves consent of the key's holder and no more: it has neither a date nor an end.
//! Trust in the certificate comes from its pin, which nothing here knows.

use std::fmt;
use std::time::SystemTime;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use rustls::SignatureScheme;
use rustls::pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::oid_registry::{OID_EC_P256, OID_KEY_TYPE_EC_PUBLIC_KEY};
use x509_parser::prelude::FromDer;
use x509_parser::x509::SubjectPublicKeyInfo;

use crate::certificate::{CertificateFacts, CertificateFault, Expiry};
use crate::fingerprint::Fingerprint;
use crate::identity::Identity;
use crate::pem_text::{self, PemFault};

/// The purpose of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The holder of the key confirms a member's card.
    Card,
    /// The party agrees with a study.
    Study,
}

/// A signature in DER. It identifies nothing: from a valid one, others can be made that are valid,
/// too.
#[derive(Clone, PartialEq, Eq)]
pub struct Signature(Vec<u8>);

/// A certificate without its key, as a party hands it to others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    facts: CertificateFacts,
    der: CertificateDer<'static>,
}

/// Reasons why a text is no certificate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// The text is not PEM.
    #[error("this is no certificate in PEM: {0}")]
    Pem(#[from] PemFault),
    /// A node cannot use the certificate.
    #[error("the certificate cannot be used: {0}")]
    Certificate(#[from] CertificateFault),
}

/// Reasons why a signature could not be made or is invalid.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SignatureError {
    /// The key of the identity or the certificate is of another kind, and was made elsewhere.
    #[error("the key is not a P-256 key: make an identity with `cloister identity new`")]
    Key,
    /// The library failed to sign.
    #[error("the key did not sign; please report this")]
    Library(#[source] rustls::Error),
    /// The signature is invalid for this key, text and purpose.
    #[error("the signature is not that of this key for this text")]
    Invalid,
}

impl Purpose {
    /// Returns the context string that is signed before the text.
    fn context(self) -> &'static [u8] {
        match self {
            Self::Card => b"cloister 1 member card\0",
            Self::Study => b"cloister 1 study\0",
        }
    }

    fn signed_text(self, text: &[u8]) -> Vec<u8> {
        [self.context(), text].concat()
    }
}

impl Signature {
    /// Wraps bytes without a check. [`Certificate::verify`] checks them.
    #[must_use]
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Returns the bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({} bytes)", self.0.len())
    }
}

impl Identity {
    /// Signs a text for one purpose.
    ///
    /// # Errors
    /// If the key is not a P-256 key, or does not sign.
    pub fn sign(&self, purpose: Purpose, text: &[u8]) -> Result<Signature, SignatureError> {
        let scheme = [SignatureScheme::ECDSA_NISTP256_SHA256];
        let signer = self.certified_key().key.choose_scheme(&scheme).ok_or(SignatureError::Key)?;
        let bytes = signer.sign(&purpose.signed_text(text)).map_err(SignatureError::Library)?;
        Ok(Signature(bytes))
    }

    /// Returns the certificate, to hand to others.
    pub fn certificate(&self) -> Certificate {
        Certificate { facts: self.facts().clone(), der: self.certificate_der() }
    }
}

impl Certificate {
    /// Reads a certificate from its DER encoding.
    ///
    /// # Errors
    /// If it is none, or none that a node can use.
    pub fn from_der(der: Vec<u8>) -> Result<Self, CertificateError> {
        let facts = CertificateFacts::read(&der)?;
        Ok(Self { facts, der: der.into() })
    }

    /// Reads the one certificate of a PEM text.
    ///
    /// # Errors
    /// If the text is not PEM of one certificate, or a node cannot use it.
    pub fn from_pem(text: &str) -> Result<Self, CertificateError> {
        Self::from_der(pem_text::certificate(text.as_bytes())?.to_vec())
    }

    /// Returns the DER encoding.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Encodes the certificate as PEM.
    #[must_use]
    pub fn pem(&self) -> String {
        pem_text::of_certificate(&self.der)
    }

    /// Returns its contents.
    #[must_use]
    pub fn facts(&self) -> &CertificateFacts {
        &self.facts
    }

    /// Returns the fingerprint, which members pin.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.facts.fingerprint()
    }

    /// Compares `now` with the period of validity.
    #[must_use]
    pub fn expiry(&self, now: SystemTime) -> Expiry {
        self.facts.expiry(now)
    }

    /// Checks that the holder of this certificate's key signed this text for this purpose.
    ///
    /// # Errors
    /// If the key is not a P-256 key, or the signature is not its own.
    pub fn verify(
        &self,
        purpose: Purpose,
        text: &[u8],
        signature: &Signature,
    ) -> Result<(), SignatureError> {
        let (_, certificate) =
            X509Certificate::from_der(&self.der).expect("it was parsed when it was read");
        let key = certificate.public_key();
        if !is_p256(key) {
            return Err(SignatureError::Key);
        }
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &key.subject_public_key.data)
            .verify(&purpose.signed_text(text), &signature.0)
            .map_err(|_| SignatureError::Invalid)
    }
}

/// Returns whether a key is a point on P-256.
fn is_p256(key: &SubjectPublicKeyInfo<'_>) -> bool {
    let curve = key.algorithm.parameters.as_ref().and_then(|curve| curve.as_oid().ok());
    key.algorithm.algorithm == OID_KEY_TYPE_EC_PUBLIC_KEY && curve == Some(OID_EC_P256)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Validity;

    fn identity(name: &str) -> Identity {
        Identity::create(name, Validity::days(90), SystemTime::now()).unwrap()
    }

    #[test]
    fn a_signature_is_of_one_key_one_text_and_one_purpose() {
        let (alice, bob) = (identity("alice"), identity("bob"));
        let signature = alice.sign(Purpose::Study, b"text").unwrap();
        let alices = alice.certificate();
        assert_eq!(alices.verify(Purpose::Study, b"text", &signature), Ok(()));
        let empty = Signature::from_bytes(Vec::new());
        for invalid in [
            alices.verify(Purpose::Study, b"texts", &signature),
            alices.verify(Purpose::Card, b"text", &signature),
            bob.certificate().verify(Purpose::Study, b"text", &signature),
            alices.verify(Purpose::Study, b"text", &empty),
        ] {
            assert_eq!(invalid, Err(SignatureError::Invalid));
        }
    }

    #[test]
    fn a_key_of_another_kind_is_told_apart_from_a_forgery() {
        let signature = identity("alice").sign(Purpose::Card, b"text").unwrap();
        for algorithm in [&rcgen::PKCS_ECDSA_P384_SHA384, &rcgen::PKCS_ED25519] {
            let pair = rcgen::KeyPair::generate_for(algorithm).unwrap();
            let mut parameters = rcgen::CertificateParams::default();
            parameters.distinguished_name = rcgen::DistinguishedName::new();
            parameters.distinguished_name.push(rcgen::DnType::CommonName, "alice");
            let certificate = parameters.self_signed(&pair).unwrap();
            let foreign = Certificate::from_der(certificate.der().to_vec()).unwrap();
            let verified = foreign.verify(Purpose::Card, b"text", &signature);
            assert_eq!(verified, Err(SignatureError::Key), "{algorithm:?}");
        }
    }

    #[test]
    fn every_flipped_bit_makes_a_signature_invalid() {
        let alice = identity("alice");
        let signature = alice.sign(Purpose::Card, b"text").unwrap();
        for bit in 0..signature.0.len() * 8 {
            let mut changed = signature.clone();
            changed.0[bit / 8] ^= 1 << (bit % 8);
            let verified = alice.certificate().verify(Purpose::Card, b"text", &changed);
            assert_eq!(verified, Err(SignatureError::Invalid), "bit {bit}");
        }
    }

    #[test]
    fn a_certificate_is_handed_on_as_pem_and_as_der() {
        let certificate = identity("alice").certificate();
        assert_eq!(Certificate::from_pem(&certificate.pem()).unwrap(), certificate);
        assert_eq!(Certificate::from_der(certificate.der().to_vec()).unwrap(), certificate);
        assert!(Certificate::from_pem("").is_err());
        assert!(Certificate::from_der(vec![0x30]).is_err());
    }
}
