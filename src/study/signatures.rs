//! Who agrees with a study: a file beside it for each member that has signed it with its identity's key.
//!
//! `study.toml.north.sig` has the certificate and the signature over the bytes of `study.toml`. Whether the
//! certificate is north's, the consortium file says, which pins it.

use std::fmt;
use std::fs;
use std::path::PathBuf;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use cloister_actors::consortium::{Consortium, Member};
use cloister_certs::{Certificate, Fingerprint, Identity, Purpose, Signature};
use serde::{Deserialize, Serialize};

use super::Study;
use crate::membership::write_at_once;
use crate::problem::{Fault, Outcome, Problem};

/// A signature as its file holds it.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct File {
    party: String,
    study: Fingerprint,
    certificate: String,
    signature: String,
}

/// Whether a member has signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signed {
    /// It has, and the certificate is pinned to it.
    Yes(Fingerprint),
    /// There is no signature of it.
    No,
    /// There is one that is worth nothing.
    Wrong(String),
}

/// What a study's signatures come to, in the order of the consortium file.
#[derive(Clone, Debug)]
pub struct Signatures(Vec<(String, Signed)>);

/// Signs a study for the party of this identity. Gives back where the signature lies.
///
/// # Errors
/// If it cannot be signed or written.
pub fn sign(study: &Study, identity: &Identity) -> Outcome<PathBuf> {
    let signature = identity.sign(Purpose::Study, study.bytes()).map_err(Problem::usage)?;
    let file = File {
        party: identity.name().to_owned(),
        study: study.hash(),
        certificate: identity.certificate_pem(),
        signature: BASE64_STANDARD.encode(signature.as_bytes()),
    };
    let place = place(study, identity.name());
    write_at_once(&place, &toml::to_string(&file).map_err(Problem::ours)?)?;
    Ok(place)
}

/// Who of these members has signed a study.
#[must_use]
pub fn of(study: &Study, consortium: &Consortium) -> Signatures {
    let signed = |member: &Member| (member.name.clone(), look(study, member));
    Signatures(consortium.members().iter().map(signed).collect())
}

impl Signatures {
    /// All members, and whether each has signed.
    #[must_use]
    pub fn members(&self) -> &[(String, Signed)] {
        &self.0
    }

    /// The names of those who have.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let signed = self.0.iter().filter(|(_, signed)| matches!(signed, Signed::Yes(_)));
        signed.map(|(name, _)| name.as_str())
    }

    /// Whether all have.
    #[must_use]
    pub fn are_complete(&self) -> bool {
        self.0.iter().all(|(_, signed)| matches!(signed, Signed::Yes(_)))
    }

    /// A signature that is worth nothing is worse than none: somebody has signed another study, or somebody
    /// else has signed.
    ///
    /// # Errors
    /// If there is one such; or if `all` must have signed, and one has not.
    pub fn check(&self, all: bool) -> Outcome {
        let refused = self.0.iter().filter(|(_, signed)| match signed {
            Signed::Yes(_) => false,
            Signed::No => all,
            Signed::Wrong(_) => true,
        });
        let lines: Vec<String> =
            refused.map(|(name, signed)| format!("{name}: {signed}")).collect();
        match lines.is_empty() {
            true => Ok(()),
            false => Err(Problem::new(
                Fault::Refused,
                format!("the study is not signed as it must be:\n  {}", lines.join("\n  ")),
            )),
        }
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

fn place(study: &Study, party: &str) -> PathBuf {
    let mut place = study.path().as_os_str().to_owned();
    place.push(format!(".{party}.sig"));
    place.into()
}

fn look(study: &Study, member: &Member) -> Signed {
    let place = place(study, &member.name);
    if !place.exists() {
        return Signed::No;
    }
    match verify(study, member, &place) {
        Ok(print) => Signed::Yes(print),
        Err(reason) => Signed::Wrong(reason),
    }
}

fn verify(study: &Study, member: &Member, place: &PathBuf) -> Result<Fingerprint, String> {
    let text = fs::read_to_string(place).map_err(|error| error.to_string())?;
    let file: File = toml::from_str(&text).map_err(|error| error.message().to_owned())?;
    if file.party != member.name {
        return Err(format!("it is the signature of `{}`", file.party.escape_debug()));
    }
    if file.study != study.hash() {
        return Err("it is of another version of the study".to_owned());
    }
    let certificate =
        Certificate::from_pem(&file.certificate).map_err(|error| error.to_string())?;
    let print = certificate.fingerprint();
    if !member.fingerprints.contains(&print) {
        return Err(format!("the consortium file does not pin its certificate {print}"));
    }
    let signature = BASE64_STANDARD.decode(&file.signature).map_err(|error| error.to_string())?;
    let signature = Signature::from_bytes(signature);
    certificate
        .verify(Purpose::Study, study.bytes(), &signature)
        .map_err(|error| error.to_string())?;
    Ok(print)
}
