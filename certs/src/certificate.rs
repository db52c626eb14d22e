//! The facts that a node reads from a certificate: name, fingerprint, and period of validity.
//!
//! Nothing here judges trust: the maker of a certificate chooses what it says. Nothing here reads a
//! clock either: the caller passes the time. The verifiers parse pinned certificates only; one that
//! is not pinned is hashed and never parsed.

use std::fmt;
use std::time::{Duration, SystemTime};

use time::OffsetDateTime;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::time::ASN1Time;

use crate::fingerprint::Fingerprint;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The remaining time below which a certificate is near its end. Thirty days, because a renewal
/// needs a person at every other member to pin the new fingerprint.
const NEAR: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The longest name that fits the common name of a certificate (X.520, `ub-common-name`).
const MAX_NAME_LENGTH: usize = 64;

/// The contents of a certificate, without its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFacts {
    name: String,
    fingerprint: Fingerprint,
    not_before: SystemTime,
    not_after: SystemTime,
}

/// The position of a moment in a certificate's period of validity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// Before its first moment: it was made for later, or a clock is wrong.
    NotYetValid {
        /// The first moment.
        not_before: SystemTime,
    },
    /// Valid, and not near its end.
    Fresh,
    /// Valid, but for less than 30 days: time to renew.
    Near {
        /// Whole days left.
        days_left: u64,
    },
    /// After its last moment: peers refuse it.
    Expired {
        /// The last moment.
        not_after: SystemTime,
    },
}

/// Reasons why bytes are no certificate that a node can use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CertificateFault {
    /// Not an X.509 certificate in DER, or something follows it.
    #[error("it is not an X.509 certificate")]
    Encoding,
    /// No common name, several, or one that can't name a party.
    #[error(
        "its subject needs one common name of 1 to {MAX_NAME_LENGTH} characters, without control \
         characters or outer spaces"
    )]
    Name,
    /// A date that this machine can't represent.
    #[error("its period of validity is out of range")]
    Dates,
}

impl CertificateFacts {
    /// Reads a certificate from its DER encoding.
    pub fn read(der: &[u8]) -> Result<Self, CertificateFault> {
        let certificate = parse(der)?;
        let validity = certificate.validity();
        Ok(Self {
            name: common_name(&certificate)?,
            fingerprint: Fingerprint::of_certificate(der),
            not_before: system_time(validity.not_before)?,
            not_after: system_time(validity.not_after)?,
        })
    }

    /// Returns the common name of the subject. Its maker wrote it, so it proves nothing.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the fingerprint.
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// Returns the first moment at which it is valid.
    pub fn not_before(&self) -> SystemTime {
        self.not_before
    }

    /// Returns the last moment at which it is valid.
    pub fn not_after(&self) -> SystemTime {
        self.not_after
    }

    /// Returns the whole days until its end, and 0 after it.
    pub fn days_left(&self, now: SystemTime) -> u64 {
        self.not_after.duration_since(now).map_or(0, |left| left.as_secs() / DAY.as_secs())
    }

    /// Compares `now` with the period of validity. Both ends count as valid (RFC 5280, 4.1.2.5).
    pub fn expiry(&self, now: SystemTime) -> Expiry {
        let Self { not_before, not_after, .. } = *self;
        if now < not_before {
            return Expiry::NotYetValid { not_before };
        }
        match not_after.duration_since(now) {
            Err(_) => Expiry::Expired { not_after },
            Ok(left) if left < NEAR => Expiry::Near { days_left: left.as_secs() / DAY.as_secs() },
            Ok(_) => Expiry::Fresh,
        }
    }
}

/// Writes fingerprint and name, as messages name a certificate.
impl fmt::Display for CertificateFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of '{}'", self.fingerprint, self.name)
    }
}

/// Returns `true` if a party can have this name. It must fit a certificate, and must not be able to
/// forge lines or columns in a log.
pub(crate) fn is_party_name(name: &str) -> bool {
    let length = name.chars().count();
    (1..=MAX_NAME_LENGTH).contains(&length)
        && name.trim() == name
        && !name.contains(char::is_control)
}

/// Formats a moment for messages, to the minute and in UTC.
pub(crate) fn readable(moment: SystemTime) -> String {
    let seconds = moment
        .duration_since(SystemTime::UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_secs()).ok());
    match seconds.map(OffsetDateTime::from_unix_timestamp) {
        Some(Ok(utc)) => format!("{} {:02}:{:02} UTC", utc.date(), utc.hour(), utc.minute()),
        _ => "a date out of range".to_owned(),
    }
}

fn parse(der: &[u8]) -> Result<X509Certificate<'_>, CertificateFault> {
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Ok(certificate),
        _ => Err(CertificateFault::Encoding),
    }
}

fn common_name(certificate: &X509Certificate<'_>) -> Result<String, CertificateFault> {
    let mut names = certificate.subject().iter_common_name();
    let (Some(only), None) = (names.next(), names.next()) else {
        return Err(CertificateFault::Name);
    };
    match only.as_str() {
        Ok(name) if is_party_name(name) => Ok(name.to_owned()),
        _ => Err(CertificateFault::Name),
    }
}

fn system_time(moment: ASN1Time) -> Result<SystemTime, CertificateFault> {
    u64::try_from(moment.timestamp())
        .ok()
        .and_then(|seconds| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)))
        .ok_or(CertificateFault::Dates)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: u64 = 1_800_000_000;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn valid_for(days: u64) -> CertificateFacts {
        CertificateFacts {
            name: "alice".to_owned(),
            fingerprint: Fingerprint::of_certificate(b""),
            not_before: at(START),
            not_after: at(START) + Duration::from_secs(days * DAY.as_secs()),
        }
    }

    #[test]
    fn a_life_has_four_parts_and_both_ends_are_valid() {
        let facts = valid_for(100);
        let second = Duration::from_secs(1);
        let near = facts.not_after - NEAR;
        let not_before = facts.not_before;
        let not_after = facts.not_after;
        for (now, expected) in [
            (not_before - second, Expiry::NotYetValid { not_before }),
            (not_before, Expiry::Fresh),
            (near, Expiry::Fresh),
            (near + second, Expiry::Near { days_left: 29 }),
            (not_after - DAY, Expiry::Near { days_left: 1 }),
            (not_after, Expiry::Near { days_left: 0 }),
            (not_after + second, Expiry::Expired { not_after }),
        ] {
            assert_eq!(facts.expiry(now), expected);
        }
        assert_eq!(facts.days_left(not_before), 100);
        assert_eq!(facts.days_left(near + second), 29);
        assert_eq!(facts.days_left(not_after + second), 0);
    }

    #[test]
    fn dates_are_readable() {
        assert_eq!(readable(at(START)), "2027-01-15 08:00 UTC");
        assert_eq!(readable(at(u64::MAX >> 2)), "a date out of range");
    }

    #[test]
    fn names_fit_a_certificate_and_forge_no_log_line() {
        let longest = "ä".repeat(MAX_NAME_LENGTH);
        for good in ["alice", "St. Mary's Hospital", "Universitätsklinikum", &longest] {
            assert!(is_party_name(good), "{good}");
        }
        let too_long = "a".repeat(MAX_NAME_LENGTH + 1);
        for bad in ["", " ", " alice", "alice\t", "a\nb", "a\u{1b}[2Jb", &too_long] {
            assert!(!is_party_name(bad), "{bad:?}");
        }
    }

    #[test]
    fn refuses_what_is_no_certificate() {
        for bytes in [&b""[..], b"garbage", &[0x30, 0x82, 0xff, 0xff], &[0x30; 4096]] {
            assert_eq!(CertificateFacts::read(bytes), Err(CertificateFault::Encoding));
        }
    }
}
