//! Fingerprints: the one name of a certificate that two operators can compare aloud.
//!
//! A fingerprint is the SHA-256 of the certificate's DER encoding, as `openssl x509 -fingerprint
//! -sha256` prints it. It is public, so nothing here compares in constant time. The roster knows
//! the member to which a fingerprint belongs; nothing here does.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::{SHA256, SHA256_OUTPUT_LEN, digest};
use serde::{Deserialize, Serialize};

use crate::words::Words;

/// Hex digits in a written fingerprint: two for each byte.
const DIGITS: usize = 2 * SHA256_OUTPUT_LEN;

/// The SHA-256 of a certificate's DER encoding.
///
/// Written as 64 lower-case hex digits. Read in any case, with or without colons and spaces, so
/// that the output of other tools can be pasted. Its 24 words are read too.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Fingerprint([u8; SHA256_OUTPUT_LEN]);

/// Reasons why a text is no fingerprint. The fault is always the text's author's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FingerprintError {
    /// A character that is neither a hex digit nor a separator.
    #[error(
        "{character:?} is not part of a fingerprint: write {DIGITS} hex digits, with or without \
         colons or spaces"
    )]
    Character {
        /// The first such character.
        character: char,
    },
    /// Too few digits or too many.
    #[error("a fingerprint has {DIGITS} hex digits, this has {found}")]
    Length {
        /// The number of digits read.
        found: usize,
    },
}

impl Fingerprint {
    /// Hashes the DER encoding of a certificate.
    pub fn of_certificate(der: &[u8]) -> Self {
        let mut bytes = [0; SHA256_OUTPUT_LEN];
        bytes.copy_from_slice(digest(&SHA256, der).as_ref());
        Self(bytes)
    }

    /// Makes the fingerprint that has these bytes.
    pub const fn from_bytes(bytes: [u8; SHA256_OUTPUT_LEN]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes of the hash.
    pub const fn as_bytes(&self) -> &[u8; SHA256_OUTPUT_LEN] {
        &self.0
    }

    /// Encodes this fingerprint as words to read aloud.
    #[must_use]
    pub fn words(&self) -> Words {
        Words::encode(&self.0)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    fn from_str(text: &str) -> Result<Self, FingerprintError> {
        if let Some(words) = Words::read(text) {
            return Ok(Self(words.decode()));
        }
        let mut bytes = [0; SHA256_OUTPUT_LEN];
        let mut found = 0;
        for character in text.chars().filter(|c| !is_separator(*c)) {
            let digit = hex_digit(character)?;
            if let Some(byte) = bytes.get_mut(found / 2) {
                *byte = *byte << 4 | digit;
            }
            found += 1;
        }
        if found != DIGITS {
            return Err(FingerprintError::Length { found });
        }
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = FingerprintError;

    fn try_from(text: String) -> Result<Self, FingerprintError> {
        text.parse()
    }
}

impl From<Fingerprint> for String {
    fn from(fingerprint: Fingerprint) -> Self {
        fingerprint.to_string()
    }
}

fn is_separator(character: char) -> bool {
    character == ':' || character.is_whitespace()
}

fn hex_digit(character: char) -> Result<u8, FingerprintError> {
    character
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
        .ok_or(FingerprintError::Character { character })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SHA-256 of "abc", FIPS 180-2 appendix B.1.
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn is_the_sha_256() {
        assert_eq!(Fingerprint::of_certificate(b"abc").to_string(), ABC);
    }

    #[test]
    fn reads_what_it_writes_and_what_other_tools_write() {
        let expected = Fingerprint::of_certificate(b"abc");
        let pairs: Vec<&str> = (0..32).map(|i| &ABC[2 * i..2 * i + 2]).collect();
        let spellings = [
            ABC.to_owned(),
            ABC.to_uppercase(),
            pairs.join(":"),
            pairs.join(" ").to_uppercase(),
            format!("  {ABC}\n"),
        ];
        for spelling in spellings {
            assert_eq!(spelling.parse(), Ok(expected), "{spelling}");
        }
        assert_eq!(Fingerprint::from_bytes(*expected.as_bytes()), expected, "by its bytes");
    }

    #[test]
    fn refuses_the_wrong_number_of_digits() {
        for (text, found) in [
            (String::new(), 0),
            (ABC[1..].to_owned(), 63),
            (format!("{ABC}0"), 65),
            (ABC.repeat(2), 128),
            (":::".to_owned(), 0),
        ] {
            let error = text.parse::<Fingerprint>().unwrap_err();
            assert_eq!(error, FingerprintError::Length { found });
        }
    }

    #[test]
    fn refuses_what_is_not_hex() {
        for (text, character) in [("g", 'g'), ("ba-78", '-'), ("0x12", 'x'), ("\u{662}", '\u{662}')]
        {
            let error = text.parse::<Fingerprint>().unwrap_err();
            assert_eq!(error, FingerprintError::Character { character });
        }
    }

    #[test]
    fn reads_its_own_words() {
        let fingerprint = Fingerprint::of_certificate(b"abc");
        assert_eq!(fingerprint.words().to_string().parse(), Ok(fingerprint));
    }

    #[test]
    fn is_a_string_in_configuration_files() {
        let fingerprint = Fingerprint::of_certificate(b"abc");
        let json = serde_json::to_string(&fingerprint).unwrap();
        assert_eq!(json, format!("\"{ABC}\""));
        assert_eq!(serde_json::from_str::<Fingerprint>(&json).unwrap(), fingerprint);
        let error = serde_json::from_str::<Fingerprint>("\"ba78\"").unwrap_err();
        assert!(error.to_string().contains("64 hex digits"), "{error}");
    }
}
