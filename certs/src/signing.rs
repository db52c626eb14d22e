//! What a party signs with its identity, for people and not for TLS.
//!
//! ECDSA on P-256 with SHA-256, as the identity's key is. What is signed begins with the name of its
//! purpose, so that no signature serves for two; nor for a handshake, whose text TLS 1.3 begins with 64
//! spaces (RFC 8446, 4.4.3). A signature says who agreed, and no more: it neither has a date nor ends.
//! Whether its certificate is one to believe is for whoever has pinned it.

use std::fmt;
use std::time::SystemTime;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use rustls::SignatureScheme;
use rustls::pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use crate::pem_text;
use crate::{CertificateFacts, CertificateFault, Expiry, Fingerprint, Identity, PemFault};

/// What a signature is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// That what a member's card says is what the holder of the key says.
    Card,
    /// That a party agrees with a study.
    Study,
}

/// A signature, as DER has it.
#[derive(Clone, PartialEq, Eq)]
pub struct Signature(Vec<u8>);

/// A certificate without its key: what a party hands to others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    facts: CertificateFacts,
    der: CertificateDer<'static>,
}

/// Why there is no certificate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// What should be PEM is not.
    #[error("this is no certificate in PEM: {0}")]
    Pem(#[from] PemFault),
    /// It is none that a node can use.
    #[error("the certificate can't be used: {0}")]
    Certificate(#[from] CertificateFault),
}

/// Why there is no signature, or none to believe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// A key of another kind, made elsewhere.
    #[error("this identity's key is none of P-256: make an identity with `cloister identity new`")]
    Key,
    /// The library failed.
    #[error("the key did not sign; please report this")]
    Library,
    /// Another key made it, for another text or another purpose.
    #[error("the signature is not that of this key for this text")]
    Misfit,
}

impl Purpose {
    /// What stands before the text.
    fn context(self) -> &'static [u8] {
        match self {
            Self::Card => b"cloister 1 member card\0",
            Self::Study => b"cloister 1 study\0",
        }
    }

    fn signed(self, text: &[u8]) -> Vec<u8> {
        [self.context(), text].concat()
    }
}

impl Signature {
    /// The signature with these bytes, whatever they are.
    #[must_use]
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Its bytes.
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
    pub fn sign(&self, purpose: Purpose, text: &[u8]) -> Result<Signature, SignatureError> {
        let scheme = [SignatureScheme::ECDSA_NISTP256_SHA256];
        let signer = self.certified().key.choose_scheme(&scheme).ok_or(SignatureError::Key)?;
        let signed = signer.sign(&purpose.signed(text));
        signed.map(Signature).map_err(|_| SignatureError::Library)
    }

    /// The certificate, to hand to others.
    pub fn certificate(&self) -> Certificate {
        Certificate { facts: self.facts().clone(), der: self.certificate_der() }
    }
}

impl Certificate {
    /// Reads a certificate from its DER encoding.
    pub fn from_der(der: Vec<u8>) -> Result<Self, CertificateError> {
        let facts = CertificateFacts::read(&der)?;
        Ok(Self { facts, der: der.into() })
    }

    /// Reads the one certificate of a PEM text.
    pub fn from_pem(text: &str) -> Result<Self, CertificateError> {
        Self::from_der(pem_text::certificate(text.as_bytes())?.to_vec())
    }

    /// Its DER encoding.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// It as PEM.
    #[must_use]
    pub fn pem(&self) -> String {
        pem_text::of_certificate(&self.der)
    }

    /// What it says.
    #[must_use]
    pub fn facts(&self) -> &CertificateFacts {
        &self.facts
    }

    /// What members pin.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.facts.fingerprint()
    }

    /// Where `now` lies in its life.
    #[must_use]
    pub fn expiry(&self, now: SystemTime) -> Expiry {
        self.facts.expiry(now)
    }

    /// Checks that the holder of this certificate's key signed this text for this purpose.
    pub fn verify(
        &self,
        purpose: Purpose,
        text: &[u8],
        signature: &Signature,
    ) -> Result<(), SignatureError> {
        let (_, certificate) =
            X509Certificate::from_der(&self.der).map_err(|_| SignatureError::Misfit)?;
        let point = &certificate.public_key().subject_public_key.data;
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point)
            .verify(&purpose.signed(text), &signature.0)
            .map_err(|_| SignatureError::Misfit)
    }
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
        let misfit = Err(SignatureError::Misfit);
        assert_eq!(alices.verify(Purpose::Study, b"texts", &signature), misfit);
        assert_eq!(alices.verify(Purpose::Card, b"text", &signature), misfit);
        assert_eq!(bob.certificate().verify(Purpose::Study, b"text", &signature), misfit);
        let empty = Signature::from_bytes(Vec::new());
        assert_eq!(alices.verify(Purpose::Study, b"text", &empty), misfit);
    }

    #[test]
    fn any_bit_that_changes_spoils_a_signature() {
        let alice = identity("alice");
        let signature = alice.sign(Purpose::Card, b"text").unwrap();
        for bit in 0..signature.0.len() * 8 {
            let mut spoilt = signature.clone();
            spoilt.0[bit / 8] ^= 1 << (bit % 8);
            let verified = alice.certificate().verify(Purpose::Card, b"text", &spoilt);
            assert_eq!(verified, Err(SignatureError::Misfit), "bit {bit}");
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
