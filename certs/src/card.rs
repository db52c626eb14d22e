//! A member's card: the document that an organisation hands to the others before they compute
//! together.
//!
//! It has name, API, peer address and certificate, and is signed with the certificate's key. All of
//! it is public. The signature shows that the maker of the card holds the key, and that no part was
//! exchanged on the way. It does not show *who* the maker is: members tell each other by the 24
//! words of the fingerprint.
//!
//! A card is a file (TOML, with the certificate as PEM) or one line to paste
//! (`cloister-card:v1:…`), and both say the same. While a certificate is renewed the card has the
//! next one too, and the key in use signs for both.

use std::fmt;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;

use crate::consortium::{Member, is_name};
use crate::identity::Identity;
use crate::signing::{Certificate, CertificateError, Purpose, Signature, SignatureError};

mod line;

/// The ending of a card's file, after the member's name.
const ENDING: &str = ".card.toml";

/// The most certificates of a card: the one in use, and the next.
const MOST: usize = 2;

/// A member's card. It is signed by the key of its first certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    statement: Statement,
    signature: Signature,
}

/// The signed part of a card.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Statement {
    name: String,
    api: String,
    peer: String,
    certificates: Vec<Certificate>,
}

/// The reason for which a text is no card.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CardError {
    /// It is not written like one.
    #[error("this is no member card ({0}): have its owner send the file or the line again")]
    Text(String),
    /// The line was cut or changed on its way.
    #[error("this line is not whole: copy it again from `cloister-card:` to its end")]
    Damaged,
    /// It is of a later version.
    #[error("this card is of version {0}, which this cloister does not know: use a newer one")]
    Version(String),
    /// Its name.
    #[error("`{0}` is no member name: use 1 to 63 lower-case letters, digits and hyphens")]
    Name(String),
    /// Its API's URL.
    #[error("`{0}` is no API URL: write it as http://host:port or https://host:port")]
    Api(String),
    /// Its peer address.
    #[error("`{0}` is no peer address: write it as host:port")]
    Peer(String),
    /// The number of its certificates.
    #[error("this card has {0} certificates: one belongs there, or two during a renewal")]
    Certificates(usize),
    /// A certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// A certificate names another member.
    #[error("this card is of `{name}`, but a certificate in it names `{certificate}`")]
    OtherName {
        /// The member that the card names.
        name: String,
        /// The name in the certificate.
        certificate: String,
    },
    /// The signature.
    #[error("this card was changed after its owner signed it: have its owner send it again")]
    Forged,
    /// It could not be signed.
    #[error(transparent)]
    Unsigned(SignatureError),
}

/// A card as its file holds it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    name: String,
    api: String,
    peer: String,
    certificates: Vec<String>,
    signature: String,
}

const VERSION: u32 = 1;

impl Card {
    /// Makes the card of this identity's party, with the certificate that is to follow, if there is
    /// one.
    ///
    /// # Errors
    /// If an address is malformed, or the key cannot sign.
    pub fn new(
        identity: &Identity,
        next: Option<Certificate>,
        api: &str,
        peer: &str,
    ) -> Result<Self, CardError> {
        let statement = Statement {
            name: identity.name().to_owned(),
            api: api.to_owned(),
            peer: peer.to_owned(),
            certificates: std::iter::once(identity.certificate()).chain(next).collect(),
        };
        statement.check()?;
        let signature = identity.sign(Purpose::Card, &statement.encoded());
        Ok(Self { signature: signature.map_err(CardError::Unsigned)?, statement })
    }

    /// Reads a card from the text of its file, or from its line.
    ///
    /// # Errors
    /// If it is none, or its signature is not that of its certificate.
    pub fn read(text: &str) -> Result<Self, CardError> {
        let card = if line::is_line(text) { line::read(text)? } else { read_file(text)? };
        card.statement.check()?;
        card.verified()
    }

    /// Returns the member's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.statement.name
    }

    /// Returns the URL of its API.
    #[must_use]
    pub fn api(&self) -> &str {
        &self.statement.api
    }

    /// Returns the address at which other nodes reach it.
    #[must_use]
    pub fn peer(&self) -> &str {
        &self.statement.peer
    }

    /// Returns the certificate in use, and the next one while it is renewed.
    #[must_use]
    pub fn certificates(&self) -> &[Certificate] {
        &self.statement.certificates
    }

    /// Returns the member as a consortium file lists it.
    #[must_use]
    pub fn member(&self) -> Member {
        let Statement { name, api, peer, certificates } = self.statement.clone();
        let fingerprints = certificates.iter().map(Certificate::fingerprint).collect();
        Member { name, api, peer, fingerprints }
    }

    /// Writes the card as one line.
    #[must_use]
    pub fn line(&self) -> String {
        line::write(&self.statement, &self.signature)
    }

    /// Returns the path of a member's card in this folder.
    #[must_use]
    pub fn place(folder: &Path, name: &str) -> PathBuf {
        folder.join(format!("{name}{ENDING}"))
    }

    fn verified(self) -> Result<Self, CardError> {
        let first = self.certificates().first().ok_or(CardError::Certificates(0))?;
        let verified = first.verify(Purpose::Card, &self.statement.encoded(), &self.signature);
        verified.map_err(|_| CardError::Forged)?;
        Ok(self)
    }
}

/// Writes the card as its file. The same card is the same text everywhere.
impl fmt::Display for Card {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Statement { name, api, peer, certificates } = &self.statement;
        writeln!(
            f,
            "# The member card of {name}. All of it is public; changed, it is worth nothing."
        )?;
        writeln!(f, "version = {VERSION}")?;
        writeln!(f, "name = {}", quoted(name))?;
        writeln!(f, "api = {}", quoted(api))?;
        writeln!(f, "peer = {}", quoted(peer))?;
        writeln!(f, "certificates = [")?;
        for certificate in certificates {
            writeln!(f, "\"\"\"\n{}\"\"\",", certificate.pem())?;
        }
        writeln!(f, "]")?;
        writeln!(f, "signature = \"{}\"", BASE64_STANDARD.encode(self.signature.as_bytes()))
    }
}

impl Statement {
    fn check(&self) -> Result<(), CardError> {
        if !is_name(&self.name) {
            return Err(CardError::Name(self.name.clone()));
        }
        if !is_url(&self.api) {
            return Err(CardError::Api(self.api.clone()));
        }
        if !is_address(&self.peer) {
            return Err(CardError::Peer(self.peer.clone()));
        }
        if !(1..=MOST).contains(&self.certificates.len()) {
            return Err(CardError::Certificates(self.certificates.len()));
        }
        for certificate in &self.certificates {
            let named = certificate.facts().name();
            if named != self.name {
                let certificate = named.to_owned();
                return Err(CardError::OtherName { name: self.name.clone(), certificate });
            }
        }
        Ok(())
    }

    /// Encodes the part that is signed: each text with its length before it, then the certificates.
    fn encoded(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for text in [&self.name, &self.api, &self.peer] {
            line::put(&mut bytes, text.as_bytes());
        }
        for certificate in &self.certificates {
            line::put(&mut bytes, certificate.der());
        }
        bytes
    }
}

/// Quotes a text as TOML does.
fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

fn read_file(text: &str) -> Result<Card, CardError> {
    let file: File = toml::from_str(text).map_err(|error| {
        let message = error.message().lines().next().unwrap_or_default().to_owned();
        CardError::Text(message)
    })?;
    if file.version != VERSION {
        return Err(CardError::Version(file.version.to_string()));
    }
    let mut certificates = Vec::new();
    for pem in &file.certificates {
        certificates.push(Certificate::from_pem(pem)?);
    }
    let signature = BASE64_STANDARD.decode(&file.signature).map_err(|_| CardError::Forged)?;
    let statement = Statement { name: file.name, api: file.api, peer: file.peer, certificates };
    Ok(Card { statement, signature: Signature::from_bytes(signature) })
}

/// Returns `true` if a text has nothing that could forge a line on a terminal, or hide in one.
fn is_plain(text: &str) -> bool {
    text.len() <= 512 && text.chars().all(|c| c.is_ascii_graphic())
}

fn is_url(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    is_plain(text) && rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
}

fn is_address(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else {
        return false;
    };
    is_plain(text) && !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0)
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::validity::Validity;

    fn identity(name: &str) -> Identity {
        Identity::create(name, Validity::days(90), SystemTime::now()).unwrap()
    }

    fn card(name: &str) -> Card {
        Card::new(&identity(name), None, "https://a.example:55500", "a.example:55600").unwrap()
    }

    #[test]
    fn file_and_line_say_the_same() {
        let (old, next) = (identity("clinic-a"), identity("clinic-a"));
        let two = Card::new(&old, Some(next.certificate()), "http://[::1]:1", "[::1]:2").unwrap();
        for card in [card("clinic-a"), two] {
            assert_eq!(Card::read(&card.to_string()).unwrap(), card);
            assert_eq!(Card::read(&card.line()).unwrap(), card);
            // As a mail breaks it.
            let broken: Vec<String> = card
                .line()
                .as_bytes()
                .chunks(76)
                .map(|c| String::from_utf8_lossy(c).into())
                .collect();
            assert_eq!(Card::read(&format!("  {}\r\n", broken.join("\r\n> "))).unwrap(), card);
        }
    }

    #[test]
    fn whatever_is_changed_in_a_card_spoils_it() {
        let card = card("clinic-a");
        let text = card.to_string();
        let other = self::card("clinic-a").to_string();
        let signature = |text: &str| text.lines().last().unwrap().to_owned();
        for (changed, expected) in [
            (text.replace("a.example:55600", "b.example:55600"), CardError::Forged),
            (text.replace("https", "http"), CardError::Forged),
            (text.replace(&signature(&text), &signature(&other)), CardError::Forged),
            (text.replace("version = 1", "version = 2"), CardError::Version("2".into())),
        ] {
            assert_eq!(Card::read(&changed).unwrap_err(), expected);
        }
        let renamed = Card::read(&text.replace("name = \"clinic-a\"", "name = \"clinic-b\""));
        assert!(matches!(renamed, Err(CardError::OtherName { .. })), "{renamed:?}");
        for text in
            ["", "x", "name = 1", "cloister-card", "cloister-card:v1:", "cloister-card:v2:AA"]
        {
            assert!(Card::read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_line_with_a_letter_wrong_is_not_whole() {
        let line = card("clinic-a").line();
        for at in (17..line.len()).step_by(7) {
            let mut letters: Vec<char> = line.chars().collect();
            letters[at] = if letters[at] == 'x' { 'y' } else { 'x' };
            let wrong: String = letters.into_iter().collect();
            assert_eq!(Card::read(&wrong).unwrap_err(), CardError::Damaged, "{at}");
            assert_eq!(Card::read(&line[..at]).unwrap_err(), CardError::Damaged, "{at}");
        }
    }

    #[test]
    fn no_card_that_was_changed_anywhere_is_believed() {
        let mut seed = [0; 8];
        aws_lc_rs::rand::fill(&mut seed).unwrap();
        let seed = std::env::var("CLOISTER_SEED")
            .map_or(u64::from_le_bytes(seed), |seed| seed.parse().unwrap());
        println!("CLOISTER_SEED={seed}");
        let mut random = seed;
        let mut draw = |below: usize| {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(random >> 33).unwrap() % below
        };
        let card = card("clinic-a");
        for text in [card.to_string(), card.line()] {
            for _ in 0..300 {
                let mut bytes = text.clone().into_bytes();
                match draw(3) {
                    0 => drop(bytes.remove(draw(bytes.len()))),
                    1 => bytes.insert(draw(bytes.len()), u8::try_from(draw(128)).unwrap()),
                    _ => bytes.truncate(draw(bytes.len())),
                }
                let changed = String::from_utf8_lossy(&bytes).into_owned();
                // White space and comments may change; the statements may not.
                if let Ok(read) = Card::read(&changed) {
                    assert_eq!(read.member(), card.member(), "{changed}");
                }
            }
        }
    }

    #[test]
    fn addresses_that_are_none_are_refused() {
        let identity = identity("clinic-a");
        let made = |api, peer| Card::new(&identity, None, api, peer);
        for api in
            ["", "a.example", "ftp://a", "https://", "https:///x", "http://a b", "http://a\n"]
        {
            assert!(matches!(made(api, "a:1"), Err(CardError::Api(_))), "{api}");
        }
        for peer in ["", "a", "a:", ":1", "a:0", "a:65536", "a :1", "a:x"] {
            assert!(matches!(made("http://a", peer), Err(CardError::Peer(_))), "{peer}");
        }
    }
}
