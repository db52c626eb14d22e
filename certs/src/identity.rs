//! A party's own identity: a certificate and the private key that it stands for.
//!
//! The key is made here, on the party's own machine, and leaves it in no form: no method gives it
//! out, `Debug` does not show it, and only [`Identity::save`] writes it. There is no certificate
//! authority: other members pin the certificate's fingerprint, so it signs itself.
//!
//! The key is ECDSA on P-256: every TLS stack, hardware module and security policy of a hospital
//! or a bank knows it, and aws-lc-rs does it in constant-time assembly, some 20 microseconds to
//! sign and 70 to verify. Ed25519 takes two thirds of that, which nobody would notice: a node signs
//! once for each connection, not for each message.
//!
//! Nothing here reads a clock: whoever makes or judges an identity brings the time.

use std::fmt;
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

use crate::certificate::is_party_name;
use crate::identity_error::Misfit;
use crate::pem_text;
use crate::settings::provider;
use crate::{CertificateFacts, CertificateFault, Expiry, Fingerprint, IdentityError};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A certificate begins this long before it was made, because the clocks of two parties differ.
const CLOCK_SKEW: Duration = Duration::from_secs(60 * 60);

/// Random bytes in a serial number: collisions are out of the question, and RFC 5280 allows 20.
const SERIAL_LENGTH: usize = 16;

/// For how long a new identity is valid.
///
/// The end of a certificate is not how a member is removed (that is done by taking its pin out of
/// the consortium file); it bounds for how long a forgotten copy of the key is worth anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    days: u16,
}

/// A party's own certificate and private key.
pub struct Identity {
    facts: CertificateFacts,
    certificate: CertificateDer<'static>,
    key: Zeroizing<PrivatePkcs8KeyDer<'static>>,
    certified: Arc<CertifiedKey>,
}

impl Validity {
    /// The longest: ten years and the leap days in them.
    pub const MAX_DAYS: u16 = 3653;

    /// What `cloister identity new` uses: two years, for a renewal costs every member a telephone
    /// call.
    pub const DEFAULT: Self = Self::days(730);

    /// So many days from now. [`Identity::create`] refuses 0 and more than [`Self::MAX_DAYS`].
    pub const fn days(days: u16) -> Self {
        Self { days }
    }

    fn duration(self) -> Result<Duration, IdentityError> {
        match self.days {
            1..=Self::MAX_DAYS => Ok(DAY * u32::from(self.days)),
            days => Err(IdentityError::Validity { days }),
        }
    }
}

impl Default for Validity {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl Identity {
    /// Makes a key and a certificate for the party of this name. Nothing is written yet.
    pub fn create(name: &str, validity: Validity, now: SystemTime) -> Result<Self, IdentityError> {
        let parameters = parameters(name, validity, now)?;
        let pair = Zeroizing::new(KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?);
        let certificate = parameters.self_signed(&*pair)?.der().clone();
        let key = PrivatePkcs8KeyDer::from(pair.serialized_der().to_vec());
        Ok(Self::assemble(certificate, Zeroizing::new(key))?)
    }

    /// Puts a certificate and its key together, if they belong together.
    pub(crate) fn assemble(
        certificate: CertificateDer<'static>,
        key: Zeroizing<PrivatePkcs8KeyDer<'static>>,
    ) -> Result<Self, Misfit> {
        let facts = CertificateFacts::read(&certificate)?;
        let certified = Arc::new(certify(&certificate, &key)?);
        Ok(Self { facts, certificate, key, certified })
    }

    /// The party's name: the common name of the certificate.
    pub fn name(&self) -> &str {
        self.facts.name()
    }

    /// What other members pin.
    pub fn fingerprint(&self) -> Fingerprint {
        self.facts.fingerprint()
    }

    /// What the certificate says: the public half of this identity.
    pub fn facts(&self) -> &CertificateFacts {
        &self.facts
    }

    /// The certificate, to hand to others.
    pub fn certificate_pem(&self) -> String {
        pem_text::of_certificate(&self.certificate)
    }

    /// The last moment at which peers accept this identity.
    pub fn not_after(&self) -> SystemTime {
        self.facts.not_after()
    }

    /// Where `now` lies in the life of this identity. A node warns when the end is near and does
    /// not start after it.
    pub fn expiry(&self, now: SystemTime) -> Expiry {
        self.facts.expiry(now)
    }

    pub(crate) fn certificate_der(&self) -> CertificateDer<'static> {
        self.certificate.clone()
    }

    /// What TLS signs with.
    pub(crate) fn certified(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.certified)
    }

    /// The private key as a PEM file holds it.
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
    let mut parameters = CertificateParams::default();
    parameters.not_before = calendar(now.checked_sub(CLOCK_SKEW))?;
    parameters.not_after = calendar(now.checked_add(validity.duration()?))?;
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

/// The name once more, where it can be a DNS name: the only kind of plain name that this
/// extension has. Other names are in the subject alone. Peers look at neither, they pin.
fn alternative_names(name: &str) -> Result<Vec<SanType>, IdentityError> {
    if DnsName::try_from(name).is_err() {
        return Ok(Vec::new());
    }
    Ok(vec![SanType::DnsName(Ia5String::try_from(name)?)])
}

fn random_serial() -> Result<SerialNumber, IdentityError> {
    let mut serial = [0; SERIAL_LENGTH];
    rand::fill(&mut serial).map_err(|_| IdentityError::Library {
        reason: "the system gave no random bytes".to_owned(),
    })?;
    Ok(SerialNumber::from_slice(&serial))
}

fn calendar(moment: Option<SystemTime>) -> Result<OffsetDateTime, IdentityError> {
    let since = moment.and_then(|moment| moment.duration_since(SystemTime::UNIX_EPOCH).ok());
    since
        .and_then(|since| i64::try_from(since.as_secs()).ok())
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
        .ok_or(IdentityError::Clock)
}

fn certify(
    certificate: &CertificateDer<'static>,
    key: &PrivatePkcs8KeyDer<'static>,
) -> Result<CertifiedKey, Misfit> {
    let chain = vec![certificate.clone()];
    let key = PrivateKeyDer::Pkcs8(key.clone_key());
    CertifiedKey::from_der(chain, key, &provider()).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => Misfit::Mismatch,
        rustls::Error::InvalidCertificate(_) => CertificateFault::Encoding.into(),
        _ => Misfit::Key,
    })
}

#[cfg(test)]
mod tests {
    use x509_parser::certificate::X509Certificate;
    use x509_parser::extensions::GeneralName;
    use x509_parser::prelude::FromDer;

    use super::*;

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
        assert_eq!(names.general_names, [GeneralName::DNSName("alice")]);
    }

    #[test]
    fn two_of_one_name_share_neither_serial_number_nor_fingerprint() {
        let (one, other) = (alice(), alice());
        let serial = |identity: &Identity| {
            let (_, parsed) = X509Certificate::from_der(&identity.certificate).unwrap();
            parsed.raw_serial().to_vec()
        };
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
        assert!(parsed.subject_alternative_name().unwrap().is_none());
    }

    #[test]
    fn refuses_names_periods_and_clocks_that_no_certificate_can_have() {
        let create = |name, days, now| Identity::create(name, Validity::days(days), now);
        for name in ["", " a", "a\nb"] {
            let error = create(name, 1, now()).unwrap_err();
            assert!(matches!(error, IdentityError::Name { .. }), "{error}");
        }
        for days in [0, Validity::MAX_DAYS + 1, u16::MAX] {
            let error = create("alice", days, now()).unwrap_err();
            assert!(matches!(error, IdentityError::Validity { .. }), "{error}");
        }
        let far = Duration::from_secs(1 << 40);
        for wrong in [SystemTime::UNIX_EPOCH, now() + far] {
            let error = create("alice", 1, wrong).unwrap_err();
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
