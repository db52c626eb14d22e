//! The consortium file as its members keep it: made from cards, and the same text at all members.
//!
//! Members stand in the order of their names, so that the same cards, added in any order, make the
//! same file to the byte. The cards lie beside it in the folder `cards`. They have facts that are
//! not in the file, such as the end of a certificate.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use std::{fs, io};

use crate::card::Card;
use crate::certificate::{CertificateFacts, Expiry};
use crate::consortium::{Consortium, ConsortiumError, Member};
use crate::files::{self, WriteError};
use crate::fingerprint::Fingerprint;
use crate::thresholds::{Profiles, told};

const CARDS: &str = "cards";

const HEAD: &str = "# The members of a consortium. Every member's node and every client has this file, to the byte.\n\
     # Change it with `cloister consortium`, and compare what `cloister consortium show` says of it.\n\n";

/// A consortium file, and the cards beside it.
#[derive(Clone, Debug)]
pub struct Membership {
    path: PathBuf,
    members: Vec<Member>,
    profiles: Profiles,
    cards: Vec<Card>,
}

/// The change that a card would make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The member is new.
    Joins,
    /// The file says the same already.
    Nothing,
    /// A member that is there has other addresses or certificates.
    Updates {
        /// The fingerprints that were not pinned to it before.
        new: Vec<Fingerprint>,
        /// True if a key that is pinned to it already has signed the card.
        vouched: bool,
    },
}

/// A difference between two consortium files on one machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileDifference {
    /// The member; none where it is the order of all, or the profiles of thresholds.
    pub member: Option<String>,
    /// The entry.
    pub field: &'static str,
    /// The entry in the first file.
    pub first: String,
    /// The entry in the other.
    pub second: String,
}

/// The reason for which a consortium file cannot be read, changed or written.
#[derive(Debug, thiserror::Error)]
pub enum MembershipError {
    /// A new file would replace another.
    #[error(
        "{} exists already: add to it with `cloister consortium add`, or choose another name",
        .0.display()
    )]
    Exists(PathBuf),
    /// The file cannot be read.
    #[error("cannot read {}: {error}; make one with `cloister consortium new`", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's error.
        error: io::Error,
    },
    /// The file holds no consortium.
    #[error("{}: {error}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The error in it.
        error: toml::de::Error,
    },
    /// The file lists no such member.
    #[error("there is no member `{name}` in {}: there are {}", path.display(), members.join(", "))]
    NoSuchMember {
        /// The file.
        path: PathBuf,
        /// The name.
        name: String,
        /// The names of all members.
        members: Vec<String>,
    },
    /// The members make no consortium.
    #[error(transparent)]
    Consortium(#[from] ConsortiumError),
    /// A card's certificate has expired, or is not yet valid.
    #[error(
        "the certificate {certificate} has expired or is not yet valid: check this machine's clock, or \
         have {member} make a new identity and send its card"
    )]
    OutOfDate {
        /// The member of the card.
        member: String,
        /// The certificate.
        certificate: Box<CertificateFacts>,
    },
    /// A file cannot be written.
    #[error(transparent)]
    Unwritten(#[from] WriteError),
    /// The encoder failed, which is a fault of this crate.
    #[error(transparent)]
    Encoding(#[from] toml::ser::Error),
}

impl Membership {
    /// Begins a file, without members yet.
    ///
    /// # Errors
    /// If there is such a file already.
    pub fn new(path: &Path) -> Result<Self, MembershipError> {
        if path.symlink_metadata().is_ok() {
            return Err(MembershipError::Exists(path.to_owned()));
        }
        let (members, profiles, cards) = (Vec::new(), Profiles::new(), Vec::new());
        Ok(Self { path: path.to_owned(), members, profiles, cards })
    }

    /// Reads a file.
    ///
    /// # Errors
    /// If it cannot be read, or is no consortium.
    pub fn read(path: &Path) -> Result<Self, MembershipError> {
        let text = fs::read_to_string(path)
            .map_err(|error| MembershipError::Unreadable { path: path.to_owned(), error })?;
        let consortium: Consortium = toml::from_str(&text)
            .map_err(|error| MembershipError::Malformed { path: path.to_owned(), error })?;
        Ok(Self {
            path: path.to_owned(),
            members: consortium.members().to_vec(),
            profiles: consortium.profiles().clone(),
            cards: Vec::new(),
        })
    }

    /// Returns the change that this card would make.
    #[must_use]
    pub fn change(&self, card: &Card) -> Change {
        let member = card.member();
        let Some(known) = self.members.iter().find(|known| known.name == member.name) else {
            return Change::Joins;
        };
        if *known == member {
            return Change::Nothing;
        }
        let first = member.fingerprints.first();
        let vouched = first.is_some_and(|print| known.fingerprints.contains(print));
        let mut new = member.fingerprints;
        new.retain(|print| !known.fingerprints.contains(print));
        Change::Updates { new, vouched }
    }

    /// Takes a card in, in the place of an earlier one of the same member.
    ///
    /// # Errors
    /// If a certificate of it is out of date.
    pub fn add(&mut self, card: Card, now: SystemTime) -> Result<(), MembershipError> {
        check_dates(&card, now)?;
        self.members.retain(|member| member.name != card.name());
        self.cards.retain(|other| other.name() != card.name());
        self.members.push(card.member());
        self.cards.push(card);
        Ok(())
    }

    /// Puts profiles of thresholds in the place of those that there are.
    pub fn set_profiles(&mut self, profiles: Profiles) {
        self.profiles = profiles;
    }

    /// Takes a member out.
    ///
    /// # Errors
    /// If there is none of this name.
    pub fn remove(&mut self, name: &str) -> Result<(), MembershipError> {
        let before = self.members.len();
        self.members.retain(|member| member.name != name);
        if self.members.len() == before {
            return Err(MembershipError::NoSuchMember {
                path: self.path.clone(),
                name: name.to_owned(),
                members: self.members.iter().map(|member| member.name.clone()).collect(),
            });
        }
        Ok(())
    }

    /// Returns the consortium of these members, in the order of their names.
    ///
    /// # Errors
    /// If they are too few, or two of them cannot be told apart.
    pub fn consortium(&self) -> Result<Consortium, MembershipError> {
        let mut members = self.members.clone();
        members.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(Consortium::new(members)?.with_profiles(self.profiles.clone())?)
    }

    /// Writes the file and the new cards, each at once or not at all. Returns the consortium in it.
    ///
    /// # Errors
    /// If the members are no consortium, or a file cannot be written; then the file is as it was.
    pub fn write(&self) -> Result<Consortium, MembershipError> {
        let consortium = self.consortium()?;
        if !self.cards.is_empty() {
            let folder = self.cards_folder();
            fs::create_dir_all(&folder).map_err(|error| WriteError { path: folder, error })?;
        }
        for card in &self.cards {
            replace(&Card::place(&self.cards_folder(), card.name()), &card.to_string())?;
        }
        replace(&self.path, &text(&consortium)?)?;
        Ok(consortium)
    }

    /// Reads the card of a member that lies beside the file. Returns `None` if it has none, or
    /// another's.
    #[must_use]
    pub fn card_of(&self, member: &Member) -> Option<Card> {
        let text = fs::read_to_string(Card::place(&self.cards_folder(), &member.name)).ok()?;
        let card = Card::read(&text).ok()?;
        (card.member().fingerprints == member.fingerprints).then_some(card)
    }

    fn cards_folder(&self) -> PathBuf {
        self.path.parent().unwrap_or(Path::new("")).join(CARDS)
    }
}

/// Writes the text of a consortium's file: the same for the same members.
///
/// # Errors
/// If the encoder fails, which is a fault of this crate.
pub fn text(consortium: &Consortium) -> Result<String, MembershipError> {
    let body = toml::to_string(consortium)?;
    Ok(format!("{HEAD}{body}"))
}

/// Compares two consortium files, in the order of the names of members.
#[must_use]
pub fn differences(first: &Consortium, second: &Consortium) -> Vec<FileDifference> {
    let (firsts, seconds) = (names(first), names(second));
    let all: BTreeSet<&str> = firsts.iter().chain(&seconds).copied().collect();
    let mut differences = Vec::new();
    for name in all {
        of_member(name, find(first, name), find(second, name), &mut differences);
    }
    if differences.is_empty() && firsts != seconds {
        let (first, second) = (firsts.join(", "), seconds.join(", "));
        differences.push(FileDifference { member: None, field: "order", first, second });
    }
    let (ours, theirs) = (told(first.profiles()), told(second.profiles()));
    if ours != theirs {
        let (member, field) = (None, "profiles");
        differences.push(FileDifference { member, field, first: ours, second: theirs });
    }
    differences
}

fn names(consortium: &Consortium) -> Vec<&str> {
    consortium.members().iter().map(|member| member.name.as_str()).collect()
}

fn find<'a>(consortium: &'a Consortium, name: &str) -> Option<&'a Member> {
    consortium.members().iter().find(|member| member.name == name)
}

/// Compares a member's entries in both files.
fn of_member(
    name: &str,
    first: Option<&Member>,
    second: Option<&Member>,
    differences: &mut Vec<FileDifference>,
) {
    for (field, first, second) in [
        ("member", Some(presence(first)), Some(presence(second))),
        ("api", first.map(|member| member.api.clone()), second.map(|member| member.api.clone())),
        ("peer", first.map(|member| member.peer.clone()), second.map(|member| member.peer.clone())),
        ("fingerprints", first.map(fingerprints), second.map(fingerprints)),
    ] {
        // Where only one file has the member, its absence says all.
        if let (Some(first), Some(second)) = (first, second)
            && first != second
        {
            differences.push(FileDifference {
                member: Some(name.to_owned()),
                field,
                first,
                second,
            });
        }
    }
}

fn presence(member: Option<&Member>) -> String {
    if member.is_some() { "a member".to_owned() } else { "no member".to_owned() }
}

fn fingerprints(member: &Member) -> String {
    let prints: Vec<String> = member.fingerprints.iter().map(ToString::to_string).collect();
    prints.join(" ")
}

fn check_dates(card: &Card, now: SystemTime) -> Result<(), MembershipError> {
    for certificate in card.certificates() {
        if let Expiry::Expired { .. } | Expiry::NotYetValid { .. } = certificate.expiry(now) {
            return Err(MembershipError::OutOfDate {
                member: card.name().to_owned(),
                certificate: Box::new(certificate.facts().clone()),
            });
        }
    }
    Ok(())
}

fn replace(path: &Path, text: &str) -> Result<(), MembershipError> {
    files::replace(path, text).map_err(|error| WriteError { path: path.to_owned(), error }.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Identity;
    use crate::validity::Validity;

    fn identity(name: &str) -> Identity {
        Identity::create(name, Validity::days(90), SystemTime::now()).unwrap()
    }

    fn card(name: &str, identity: &Identity, next: Option<&Identity>) -> Card {
        let next = next.map(Identity::certificate);
        let (api, peer) = (format!("https://{name}:1"), format!("{name}:2"));
        Card::new(identity, next, &api, &peer).unwrap()
    }

    fn made(path: &Path, cards: &[&Card]) -> Membership {
        let mut membership = Membership::new(path).unwrap();
        for card in cards {
            membership.add((*card).clone(), SystemTime::now()).unwrap();
        }
        membership
    }

    #[test]
    fn the_same_cards_in_any_order_are_the_same_file_to_the_byte() {
        let folder = tempfile::tempdir().unwrap();
        let cards: Vec<Card> = ["c", "a", "b"].map(|name| card(name, &identity(name), None)).into();
        let [c, a, b] = &cards[..] else { panic!() };
        let orders = [[a, b, c], [c, b, a], [b, c, a]];
        let texts: Vec<Vec<u8>> = orders
            .iter()
            .enumerate()
            .map(|(index, order)| {
                let path = folder.path().join(format!("{index}.toml"));
                made(&path, order).write().unwrap();
                fs::read(path).unwrap()
            })
            .collect();
        assert!(texts.iter().all(|text| *text == texts[0]));
        let read = Membership::read(&folder.path().join("0.toml")).unwrap();
        let names: Vec<&str> = read.members.iter().map(|member| member.name.as_str()).collect();
        assert_eq!(names, ["a", "b", "c"]);
        assert!(read.card_of(&read.members[0]).is_some());
    }

    #[test]
    fn what_a_card_changes_is_known_before() {
        let folder = tempfile::tempdir().unwrap();
        let (a, old, next, stranger) = (identity("a"), identity("b"), identity("b"), identity("b"));
        let before = card("b", &old, None);
        let membership = made(&folder.path().join("c.toml"), &[&card("a", &a, None), &before]);
        assert_eq!(membership.change(&before), Change::Nothing);
        assert_eq!(membership.change(&card("c", &identity("c"), None)), Change::Joins);
        let update = |vouched, new: &[&Identity]| {
            let new = new.iter().map(|identity| identity.fingerprint()).collect();
            Change::Updates { new, vouched }
        };
        let both = card("b", &old, Some(&next));
        assert_eq!(membership.change(&both), update(true, &[&next]));
        assert_eq!(membership.change(&card("b", &stranger, None)), update(false, &[&stranger]));
        let moved = Card::new(&old, None, "https://elsewhere", "elsewhere:2").unwrap();
        assert_eq!(membership.change(&moved), update(true, &[]));
    }

    #[test]
    fn a_file_that_cannot_be_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.toml");
        let (a, b) = (identity("a"), identity("b"));
        assert!(made(&path, &[&card("a", &a, None)]).write().is_err());
        let same = Card::new(&b, None, "https://a:1", "b:2").unwrap();
        let refusal = made(&path, &[&card("a", &a, None), &same]).write().unwrap_err();
        assert!(refusal.to_string().contains("API URL"), "{refusal}");
        assert!(!path.exists());
        let late = SystemTime::now() + std::time::Duration::from_secs(91 * 24 * 60 * 60);
        let mut membership = Membership::new(&path).unwrap();
        assert!(membership.add(card("a", &a, None), late).is_err());
        assert!(membership.remove("x").is_err());
    }

    #[test]
    fn differences_name_member_and_field() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.toml");
        let (a, b, next) = (identity("a"), identity("b"), identity("b"));
        let first =
            made(&path, &[&card("a", &a, None), &card("b", &b, None)]).consortium().unwrap();
        let moved = Card::new(&b, Some(next.certificate()), "https://b:1", "b:3").unwrap();
        let more = card("d", &identity("d"), None);
        let second = made(&path, &[&card("a", &a, None), &moved, &more]).consortium().unwrap();
        let differences = differences(&first, &second);
        let told: Vec<(Option<&str>, &str)> =
            differences.iter().map(|d| (d.member.as_deref(), d.field)).collect();
        assert_eq!(told, [(Some("b"), "peer"), (Some("b"), "fingerprints"), (Some("d"), "member")]);
        assert!(super::differences(&first, &first).is_empty());
        let mut turned = first.members().to_vec();
        turned.reverse();
        let turned = Consortium::new(turned).unwrap();
        assert_eq!(super::differences(&first, &turned)[0].field, "order");
    }
}
