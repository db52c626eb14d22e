//! Signatures of a document that all members agree with, such as a study.
//!
//! A member's signature lies beside the document: `study.toml.north.sig` has its certificate and
//! the signature over the bytes of `study.toml`. The certificate counts if the consortium file pins
//! it to that member.

use std::path::{Path, PathBuf};
use std::{fmt, fs};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};

use crate::consortium::{Consortium, Member};
use crate::files::{self, WriteError};
use crate::fingerprint::Fingerprint;
use crate::identity::Identity;
use crate::signing::{Certificate, Purpose, Signature, SignatureError};

/// A document, and the path beside which its signatures lie.
#[derive(Clone, Copy, Debug)]
pub struct Document<'a> {
    path: &'a Path,
    bytes: &'a [u8],
}

/// A signature as its file holds it.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct File {
    party: String,
    study: Fingerprint,
    certificate: String,
    signature: String,
}

/// The state of a member's signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signed {
    /// The member has signed, and the certificate is pinned to it.
    Yes(Fingerprint),
    /// The member has not signed.
    No,
    /// Its signature is invalid.
    Wrong(String),
}

/// The signatures of a document, in the order of the consortium file.
#[derive(Clone, Debug)]
pub struct Signatures(Vec<(String, Signed)>);

/// The reason for which a document cannot be signed.
#[derive(Debug, thiserror::Error)]
pub enum SignDocumentError {
    /// The key did not sign.
    #[error(transparent)]
    Key(#[from] SignatureError),
    /// The file with the signature cannot be written.
    #[error(transparent)]
    Unwritten(#[from] WriteError),
    /// The encoder failed, which is a fault of this crate.
    #[error(transparent)]
    Encoding(#[from] toml::ser::Error),
}

/// The members whose signatures are missing or invalid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the study is not signed as it must be:\n  {}", .0.join("\n  "))]
pub struct NotSigned(Vec<String>);

impl<'a> Document<'a> {
    /// Makes the document with these bytes.
    #[must_use]
    pub fn new(path: &'a Path, bytes: &'a [u8]) -> Self {
        Self { path, bytes }
    }

    /// Returns the hash of its bytes, which is written and read aloud like a fingerprint.
    #[must_use]
    pub fn hash(&self) -> Fingerprint {
        Fingerprint::from_bytes(*blake3::hash(self.bytes).as_bytes())
    }

    /// Signs it for the party of this identity. Returns the path of the signature.
    ///
    /// # Errors
    /// If it cannot be signed, or the signature cannot be written.
    pub fn sign(&self, identity: &Identity) -> Result<PathBuf, SignDocumentError> {
        let signature = identity.sign(Purpose::Study, self.bytes)?;
        let text = toml::to_string(&File {
            party: identity.name().to_owned(),
            study: self.hash(),
            certificate: identity.certificate_pem(),
            signature: BASE64_STANDARD.encode(signature.as_bytes()),
        })?;
        let path = self.place(identity.name());
        match files::replace(&path, &text) {
            Ok(()) => Ok(path),
            Err(error) => Err(WriteError { path, error }.into()),
        }
    }

    /// Reads the signatures of all members.
    #[must_use]
    pub fn signatures(&self, consortium: &Consortium) -> Signatures {
        let members = consortium.members().iter();
        Signatures(members.map(|member| (member.name.clone(), self.signed(member))).collect())
    }

    fn place(&self, party: &str) -> PathBuf {
        let mut place = self.path.as_os_str().to_owned();
        place.push(format!(".{party}.sig"));
        place.into()
    }

    fn signed(&self, member: &Member) -> Signed {
        let place = self.place(&member.name);
        if !place.exists() {
            return Signed::No;
        }
        match self.verify(member, &place) {
            Ok(print) => Signed::Yes(print),
            Err(reason) => Signed::Wrong(reason),
        }
    }

    fn verify(&self, member: &Member, place: &Path) -> Result<Fingerprint, String> {
        let text = fs::read_to_string(place).map_err(|error| error.to_string())?;
        let file: File = toml::from_str(&text).map_err(|error| error.message().to_owned())?;
        if file.party != member.name {
            return Err(format!("it is the signature of `{}`", file.party.escape_debug()));
        }
        if file.study != self.hash() {
            return Err("it is of another version of the study".to_owned());
        }
        let certificate =
            Certificate::from_pem(&file.certificate).map_err(|error| error.to_string())?;
        let print = certificate.fingerprint();
        if !member.fingerprints.contains(&print) {
            return Err(format!("the consortium file does not pin its certificate {print}"));
        }
        let signature =
            BASE64_STANDARD.decode(&file.signature).map_err(|error| error.to_string())?;
        certificate
            .verify(Purpose::Study, self.bytes, &Signature::from_bytes(signature))
            .map_err(|error| error.to_string())?;
        Ok(print)
    }
}

impl Signatures {
    /// Returns all members, each with the state of its signature.
    #[must_use]
    pub fn members(&self) -> &[(String, Signed)] {
        &self.0
    }

    /// Iterates over the names of the members that have signed.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let signed = self.0.iter().filter(|(_, signed)| matches!(signed, Signed::Yes(_)));
        signed.map(|(name, _)| name.as_str())
    }

    /// Returns `true` if all members have signed.
    #[must_use]
    pub fn are_complete(&self) -> bool {
        self.0.iter().all(|(_, signed)| matches!(signed, Signed::Yes(_)))
    }

    /// Checks that no signature is invalid, and, if `all` must have signed, that none is missing.
    /// An invalid signature is worse than none: the member has signed another text, or another
    /// party has signed.
    ///
    /// # Errors
    /// The members whose signatures are not as they must be.
    pub fn check(&self, all: bool) -> Result<(), NotSigned> {
        let mut refused = Vec::new();
        for (name, signed) in &self.0 {
            match signed {
                Signed::Yes(_) => {}
                Signed::No if !all => {}
                Signed::No | Signed::Wrong(_) => refused.push(format!("{name}: {signed}")),
            }
        }
        if refused.is_empty() { Ok(()) } else { Err(NotSigned(refused)) }
    }
}

impl fmt::Display for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Yes(print) => write!(f, "signed, with {print}"),
            Self::No => f.write_str("not signed"),
            Self::Wrong(reason) => write!(f, "its signature is worth nothing: {reason}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::validity::Validity;

    fn member(name: &str, identity: &Identity) -> Member {
        Member {
            name: name.to_owned(),
            api: format!("https://{name}"),
            peer: format!("{name}:1"),
            fingerprints: vec![identity.fingerprint()],
        }
    }

    #[test]
    fn a_signature_counts_for_its_member_and_its_text() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("study.toml");
        let [a, b] = ["a", "b"]
            .map(|name| Identity::create(name, Validity::days(9), SystemTime::now()).unwrap());
        let consortium = Consortium::new(vec![member("a", &a), member("b", &b)]).unwrap();
        let document = Document::new(&path, b"text");
        document.sign(&a).unwrap();
        let signatures = document.signatures(&consortium);
        assert_eq!(signatures.names().collect::<Vec<_>>(), ["a"]);
        assert_eq!(signatures.check(false), Ok(()));
        assert!(signatures.check(true).is_err() && !signatures.are_complete());
        document.sign(&b).unwrap();
        assert!(document.signatures(&consortium).are_complete());
        let changed = Document::new(&path, b"texts").signatures(&consortium);
        assert!(changed.check(false).unwrap_err().to_string().contains("another version"));
        // Another key of the same name.
        let other = Identity::create("b", Validity::days(9), SystemTime::now()).unwrap();
        document.sign(&other).unwrap();
        let unpinned = document.signatures(&consortium).check(false).unwrap_err().to_string();
        assert!(unpinned.contains("does not pin"), "{unpinned}");
    }
}
