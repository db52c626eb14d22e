//! A party's own identity: a self-signed certificate and its private key.
//!
//! The key is generated on the party's own machine and never leaves it. No method returns it,
//! `Debug` does not show it, and only [`Identity::save`] writes it. There is no certificate
//! authority, because the other members pin the certificate's fingerprint.
//!
//! The key is ECDSA on P-256, which every TLS stack, hardware module and security policy of a
//! hospital or a bank supports. aws-lc-rs implements it in constant-time assembly: some 20
//! microseconds to sign and 70 to verify. Ed25519 takes two thirds of that, without effect, as a
//! node signs once a connection and not once a message.
//!
//! Nothing here reads a clock: the caller passes the time.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_lc_rs::rand;
use rcgen::string::Ia5String;
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SanType, SerialNumber,
};
use rustls::pki_types::{CertificateDer, DnsName, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;
use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::certificate::{CertificateFacts, CertificateFault, Expiry, is_party_name};
use crate::fingerprint::Fingerprint;
use crate::identity_error::{AssembleError, IdentityError};
use crate::pem_text;
use crate::provider::provider;
use crate::validity::Validity;

/// A certificate begins this long before it is made, because the clocks of two parties differ.
const CLOCK_SKEW: Duration = Duration::from_secs(60 * 60);

/// Random bytes in a serial number: enough to exclude collisions, and at most the 20 of RFC 5280.
const SERIAL_LENGTH: usize = 16;

/// A party's own certificate and private key.
pub struct Identity {
    facts: CertificateFacts,
    certificate: CertificateDer<'static>,
    key: Zeroizing<PrivatePkcs8KeyDer<'static>>,
    certified: Arc<CertifiedKey>,
}

impl Identity {
    /// Generates a key and a certificate for the party of this name. Writes nothing.
    pub fn create(name: &str, validity: Validity, now: SystemTime) -> Result<Self, IdentityError> {
        let parameters = parameters(name, validity, now)?;
        let pair = Zeroizing::new(KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?);
        let certificate = parameters.self_signed(&*pair)?.der().clone();
        let key = PrivatePkcs8KeyDer::from(pair.serialized_der().to_vec());
        Ok(Self::assemble(certificate, Zeroizing::new(key))?)
    }

    /// Joins a certificate and a key, if the key is the certificate's.
    pub(crate) fn assemble(
        certificate: CertificateDer<'static>,
        key: Zeroizing<PrivatePkcs8KeyDer<'static>>,
    ) -> Result<Self, AssembleError> {
        let facts = CertificateFacts::read(&certificate)?;
        let certified = Arc::new(certify(&certificate, &key)?);
        Ok(Self { facts, certificate, key, certified })
    }

    /// Returns the party's name, which is the common name of the certificate.
    pub fn name(&self) -> &str {
        self.facts.name()
    }

    /// Returns the fingerprint, which other members pin.
    pub fn fingerprint(&self) -> Fingerprint {
        self.facts.fingerprint()
    }

    /// Returns the contents of the certificate, the public half of this identity.
    pub fn facts(&self) -> &CertificateFacts {
        &self.facts
    }

    /// Encodes the certificate as PEM, to hand to others.
    pub fn certificate_pem(&self) -> String {
        pem_text::of_certificate(&self.certificate)
    }

    /// Returns the last moment at which peers accept this identity.
    pub fn not_after(&self) -> SystemTime {
        self.facts.not_after()
    }

    /// Compares `now` with the period of validity. A node warns near its end and does not start
    /// after it.
    pub fn expiry(&self, now: SystemTime) -> Expiry {
        self.facts.expiry(now)
    }

    pub(crate) fn certificate_der(&self) -> CertificateDer<'static> {
        self.certificate.clone()
    }

    /// Returns certificate and key in the form that the TLS library signs with.
    pub(crate) fn certified_key(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.certified)
    }

    /// Encodes the private key as PEM.
    pub(crate) fn key_pem(&self) -> Zeroizing<String> {
        pem_text::of_private_key(&self.key)
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("name", &self.name())
            .field("fingerprint", &self.fingerprint())
            .finish_non_exhaustive()
    }
}

fn parameters(
    name: &str,
    validity: Validity,
    now: SystemTime,
) -> Result<CertificateParams, IdentityError> {
    if !is_party_name(name) {
        return Err(IdentityError::Name { name: name.to_owned() });
    }
    let length = validity.duration().ok_or(IdentityError::Validity { days: validity.in_days() })?;
    let mut parameters = CertificateParams::default();
    parameters.not_before = calendar(now.checked_sub(CLOCK_SKEW))?;
    parameters.not_after = calendar(now.checked_add(length))?;
    parameters.serial_number = Some(random_serial()?);
    parameters.distinguished_name = DistinguishedName::new();
    parameters.distinguished_name.push(DnType::CommonName, name);
    parameters.subject_alt_names = alternative_names(name)?;
    parameters.is_ca = IsCa::ExplicitNoCa;
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    // A node calls its peers and is called by them, with the same certificate.
    parameters.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    Ok(parameters)
}

/// Repeats the name as a subject alternative name, if it can be a DNS name. Other names are in the
/// subject alone. The names of the own machine follow, for clients there that verify the host and
/// know no pin. Peers read none of them: they compare the pin.
fn alternative_names(name: &str) -> Result<Vec<SanType>, IdentityError> {
    let mut names = Vec::new();
    if DnsName::try_from(name).is_ok() {
        names.push(SanType::DnsName(Ia5String::try_from(name)?));
    }
    names.push(SanType::DnsName(Ia5String::try_from("localhost")?));
    names.push(SanType::IpAddress(Ipv4Addr::LOCALHOST.into()));
    names.push(SanType::IpAddress(Ipv6Addr::LOCALHOST.into()));
    Ok(names)
}

fn random_serial() -> Result<SerialNumber, IdentityError> {
    let mut serial = [0; SERIAL_LENGTH];
    rand::fill(&mut serial).map_err(|_| IdentityError::Library {
        reason: "the system gave no random bytes".to_owned(),
    })?;
    Ok(SerialNumber::from_slice(&serial))
}

fn calendar(moment: Option<SystemTime>) -> Result<OffsetDateTime, IdentityError> {
    moment
        .and_then(|moment| moment.duration_since(SystemTime::UNIX_EPOCH).ok())
        .and_then(|since| i64::try_from(since.as_secs()).ok())
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
        .ok_or(IdentityError::Clock)
}

fn certify(
    certificate: &CertificateDer<'static>,
    key: &PrivatePkcs8KeyDer<'static>,
) -> Result<CertifiedKey, AssembleError> {
    let chain = vec![certificate.clone()];
    let key = PrivateKeyDer::Pkcs8(key.clone_key());
    CertifiedKey::from_der(chain, key, &provider()).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => AssembleError::Mismatch,
        rustls::Error::InvalidCertificate(_) => CertificateFault::Encoding.into(),
        _ => AssembleError::Key,
    })
}

#[cfg(test)]
mod tests {
    use x509_parser::certificate::X509Certificate;
    use x509_parser::extensions::GeneralName;
    use x509_parser::prelude::FromDer;

    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
    }

    fn alice() -> Identity {
        Identity::create("alice", Validity::days(90), now()).unwrap()
    }

    #[test]
    fn is_valid_from_a_little_earlier_to_the_day_asked_for() {
        let identity = alice();
        assert_eq!(identity.name(), "alice");
        assert_eq!(identity.not_after(), now() + 90 * DAY);
        assert_eq!(identity.facts().not_before(), now() - CLOCK_SKEW);
        assert_eq!(identity.expiry(now()), Expiry::Fresh);
        assert_eq!(identity.expiry(now() + 61 * DAY), Expiry::Near { days_left: 29 });
        assert!(matches!(identity.expiry(now() + 91 * DAY), Expiry::Expired { .. }));
        assert!(matches!(identity.expiry(now() - DAY), Expiry::NotYetValid { .. }));
    }

    #[test]
    fn the_certificate_is_for_both_ends_of_a_connection_and_no_authority() {
        let identity = alice();
        let (_, parsed) = X509Certificate::from_der(&identity.certificate).unwrap();
        let usage = parsed.extended_key_usage().unwrap().unwrap().value;
        assert!(usage.server_auth && usage.client_auth);
        assert!(!parsed.is_ca());
        assert_eq!(parsed.issuer(), parsed.subject());
        let names = parsed.subject_alternative_name().unwrap().unwrap().value;
        assert_eq!(names.general_names.first(), Some(&GeneralName::DNSName("alice")));
        assert_eq!(names.general_names.get(1..), Some(of_this_machine().as_slice()));
    }

    fn of_this_machine() -> [GeneralName<'static>; 3] {
        [
            GeneralName::DNSName("localhost"),
            GeneralName::IPAddress(&[127, 0, 0, 1]),
            GeneralName::IPAddress(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
        ]
    }

    fn serial(identity: &Identity) -> Vec<u8> {
        let (_, parsed) = X509Certificate::from_der(&identity.certificate).unwrap();
        parsed.raw_serial().to_vec()
    }

    #[test]
    fn two_of_one_name_have_different_serial_numbers_and_fingerprints() {
        let (one, other) = (alice(), alice());
        assert_ne!(serial(&one), serial(&other));
        assert!(serial(&one).len() <= SERIAL_LENGTH + 1, "one byte for the sign");
        assert_ne!(one.fingerprint(), other.fingerprint());
    }

    #[test]
    fn the_fingerprint_is_that_of_the_certificate_handed_out() {
        let identity = alice();
        let text = identity.certificate_pem();
        let der = pem_text::certificate(text.as_bytes()).unwrap();
        assert_eq!(Fingerprint::of_certificate(&der), identity.fingerprint());
        assert!(!text.contains("PRIVATE"));
    }

    #[test]
    fn a_name_that_is_no_dns_name_is_in_the_subject_alone() {
        let name = "St. Mary's, Universitätsklinikum";
        let identity = Identity::create(name, Validity::default(), now()).unwrap();
        assert_eq!(identity.name(), name);
        let (_, parsed) = X509Certificate::from_der(&identity.certificate).unwrap();
        let names = parsed.subject_alternative_name().unwrap().unwrap().value;
        assert_eq!(names.general_names, of_this_machine());
    }

    #[test]
    fn refuses_names_periods_and_clocks_that_no_certificate_can_have() {
        for name in ["", " a", "a\nb"] {
            let error = Identity::create(name, Validity::days(1), now()).unwrap_err();
            assert!(matches!(error, IdentityError::Name { .. }), "{error}");
        }
        for days in [0, Validity::MAX_DAYS + 1, u16::MAX] {
            let error = Identity::create("alice", Validity::days(days), now()).unwrap_err();
            assert!(matches!(error, IdentityError::Validity { .. }), "{error}");
        }
        let far = Duration::from_secs(1 << 40);
        for wrong in [SystemTime::UNIX_EPOCH, now() + far] {
            let error = Identity::create("alice", Validity::days(1), wrong).unwrap_err();
            assert!(matches!(error, IdentityError::Clock), "{error}");
        }
    }

    #[test]
    fn debug_shows_name_and_fingerprint_only() {
        let identity = alice();
        let shown = format!("{identity:?}");
        let expected = format!(
            "Identity {{ name: \"alice\", fingerprint: {:?}, .. }}",
            identity.fingerprint()
        );
        assert_eq!(shown, expected);
    }
}
