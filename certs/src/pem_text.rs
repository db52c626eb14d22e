//! Certificates and keys as PEM text, read strictly: a file holds exactly one section, of the kind
//! that it is for. A second certificate, or a key pasted beside the certificate, is an accident
//! that its owner should hear about; a lenient reader would skip it.

use pem::{EncodeConfig, LineEnding, Pem};
use rustls::pki_types::pem::{PemObject, SectionKind};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use zeroize::{Zeroize, Zeroizing};

/// Defects of the text of a PEM file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PemFault {
    /// A marker, or the encoding between two markers, is broken.
    #[error("its text is damaged")]
    Damaged,
    /// The text has no section.
    #[error("it holds no certificate and no key")]
    Empty,
    /// The text has more than one section, for example a chain.
    #[error("it holds {found} certificates or keys where one belongs")]
    Several {
        /// The number of sections.
        found: usize,
    },
    /// The only section is of another kind.
    #[error("it should hold a {wanted}")]
    OtherKind {
        /// The kind that it should be of.
        wanted: &'static str,
    },
}

/// Reads the only certificate of a text.
pub(crate) fn certificate(text: &[u8]) -> Result<CertificateDer<'static>, PemFault> {
    let mut der = only_section(text, SectionKind::Certificate, "certificate")?;
    Ok(std::mem::take(&mut *der).into())
}

/// Reads the only private key of a text, in PKCS #8.
pub(crate) fn private_key(text: &[u8]) -> Result<Zeroizing<PrivatePkcs8KeyDer<'static>>, PemFault> {
    let mut der = only_section(text, SectionKind::PrivateKey, "private key in PKCS #8")?;
    Ok(Zeroizing::new(std::mem::take(&mut *der).into()))
}

/// Encodes a certificate as text.
pub(crate) fn of_certificate(certificate: &CertificateDer<'_>) -> String {
    encode(&Pem::new("CERTIFICATE", certificate.to_vec()))
}

/// Encodes a private key as text. The encoder keeps one inner copy that can't be erased.
pub(crate) fn of_private_key(key: &PrivatePkcs8KeyDer<'_>) -> Zeroizing<String> {
    let section = Pem::new("PRIVATE KEY", key.secret_pkcs8_der());
    let text = Zeroizing::new(encode(&section));
    section.into_contents().zeroize();
    text
}

/// The kind and the bytes of a section. The bytes are always erased when dropped, because they may
/// be a key even if a certificate was expected.
struct Section(SectionKind, Zeroizing<Vec<u8>>);

impl PemObject for Section {
    fn from_pem(kind: SectionKind, der: Vec<u8>) -> Option<Self> {
        Some(Self(kind, Zeroizing::new(der)))
    }
}

fn only_section(
    text: &[u8],
    kind: SectionKind,
    wanted: &'static str,
) -> Result<Zeroizing<Vec<u8>>, PemFault> {
    let mut sections = Vec::new();
    for section in Section::pem_slice_iter(text) {
        sections.push(section.map_err(|_| PemFault::Damaged)?);
    }
    let found = sections.len();
    let Some(Section(found_kind, der)) = sections.pop() else {
        return Err(PemFault::Empty);
    };
    if found > 1 {
        return Err(PemFault::Several { found });
    }
    if found_kind != kind {
        return Err(PemFault::OtherKind { wanted });
    }
    Ok(der)
}

fn encode(section: &Pem) -> String {
    pem::encode_config(section, EncodeConfig::new().set_line_ending(LineEnding::LF))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(tag: &str) -> String {
        encode(&Pem::new(tag, b"some bytes".to_vec()))
    }

    #[test]
    fn reads_what_it_writes() {
        let der = CertificateDer::from(b"some bytes".to_vec());
        assert_eq!(certificate(of_certificate(&der).as_bytes()), Ok(der));
        let key = PrivatePkcs8KeyDer::from(b"some bytes".to_vec());
        let read = private_key(of_private_key(&key).as_bytes()).unwrap();
        assert_eq!(read.secret_pkcs8_der(), key.secret_pkcs8_der());
    }

    #[test]
    fn refuses_all_but_one_section_of_the_right_kind() {
        let one = text("CERTIFICATE");
        let cut = &one[..one.len() - 10];
        for (text, fault) in [
            (String::new(), PemFault::Empty),
            ("hello\n".to_owned(), PemFault::Empty),
            (cut.to_owned(), PemFault::Damaged),
            (one.replacen("c29t", "c2!t", 1), PemFault::Damaged),
            (one.repeat(3), PemFault::Several { found: 3 }),
            (format!("{one}{}", text("PRIVATE KEY")), PemFault::Several { found: 2 }),
            (text("PRIVATE KEY"), PemFault::OtherKind { wanted: "certificate" }),
        ] {
            assert_eq!(certificate(text.as_bytes()), Err(fault), "{text}");
        }
    }

    #[test]
    fn refuses_a_certificate_for_a_key() {
        let fault = private_key(text("CERTIFICATE").as_bytes()).unwrap_err();
        assert_eq!(fault, PemFault::OtherKind { wanted: "private key in PKCS #8" });
    }
}
