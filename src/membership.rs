//! The consortium file as its members keep it: made from cards, and the same text at everybody.
//!
//! Members stand in the order of their names, so that whoever adds the same cards in whatever order has
//! the same file to the byte. Cards lie beside it in the folder `cards`: from them comes what the file does
//! not say, such as when a certificate ends.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use cloister_actors::consortium::{Consortium, Member};
use cloister_certs::{Expiry, Fingerprint};
use tempfile::NamedTempFile;

use crate::card::Card;
use crate::folder::read_toml;
use crate::problem::{Outcome, Problem};

const CARDS: &str = "cards";

const HEAD: &str = "# The members of a consortium. Every member's node and every client has this file, to the byte.\n\
     # Change it with `cloister consortium`, and compare what `cloister consortium show` says of it.\n\n";

/// A consortium file, and the cards beside it.
#[derive(Clone, Debug)]
pub struct Membership {
    path: PathBuf,
    members: Vec<Member>,
    cards: Vec<Card>,
}

/// What a card changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A member more.
    Joins,
    /// Nothing.
    Nothing,
    /// A member that is there has other addresses or certificates.
    Updates {
        /// The fingerprints that were not pinned to it before.
        new: Vec<Fingerprint>,
        /// Whether a key that is pinned to it already has signed the card.
        vouched: bool,
    },
}

/// Something that two files have differently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The member; nobody where it is the order of all.
    pub member: Option<String>,
    /// Which entry of it.
    pub field: &'static str,
    /// What the first file has.
    pub first: String,
    /// What the other has.
    pub second: String,
}

impl Membership {
    /// A file without members yet, which must not be there.
    ///
    /// # Errors
    /// If it is.
    pub fn new(path: &Path) -> Outcome<Self> {
        if path.symlink_metadata().is_ok() {
            return Err(Problem::usage(format!(
                "{} exists already: add to it with `cloister consortium add`, or choose another name",
                path.display()
            )));
        }
        Ok(Self { path: path.to_owned(), members: Vec::new(), cards: Vec::new() })
    }

    /// Reads a file.
    ///
    /// # Errors
    /// If it cannot be read, or is no consortium.
    pub fn read(path: &Path) -> Outcome<Self> {
        let hint = "make one with `cloister consortium new`";
        let consortium: Consortium = read_toml(path, hint)?;
        Ok(Self {
            path: path.to_owned(),
            members: consortium.members().to_vec(),
            cards: Vec::new(),
        })
    }

    /// What adding this card would change.
    #[must_use]
    pub fn change(&self, card: &Card) -> Change {
        let member = card.member();
        let Some(known) = self.members.iter().find(|known| known.name == member.name) else {
            return Change::Joins;
        };
        if *known == member {
            return Change::Nothing;
        }
        let pinned = |print: &Fingerprint| known.fingerprints.contains(print);
        let new = member.fingerprints.iter().filter(|print| !pinned(print)).copied().collect();
        Change::Updates { new, vouched: member.fingerprints.first().is_some_and(pinned) }
    }

    /// Takes a card in, in the place of an earlier one of the same member.
    ///
    /// # Errors
    /// If its certificates are over.
    pub fn add(&mut self, card: Card, now: SystemTime) -> Outcome {
        check_dates(&card, now)?;
        self.members.retain(|member| member.name != card.name());
        self.cards.retain(|other| other.name() != card.name());
        self.members.push(card.member());
        self.cards.push(card);
        Ok(())
    }

    /// Takes a member out.
    ///
    /// # Errors
    /// If there is none of this name.
    pub fn remove(&mut self, name: &str) -> Outcome {
        let before = self.members.len();
        self.members.retain(|member| member.name != name);
        if self.members.len() == before {
            let names: Vec<&str> = self.members.iter().map(|member| member.name.as_str()).collect();
            return Err(Problem::usage(format!(
                "there is no member `{name}` in {}: there are {}",
                self.path.display(),
                names.join(", ")
            )));
        }
        Ok(())
    }

    /// The consortium of these members, in the order of their names.
    ///
    /// # Errors
    /// If they are none: too few, or two that cannot be told apart.
    pub fn consortium(&self) -> Outcome<Consortium> {
        let mut members = self.members.clone();
        members.sort_by(|one, other| one.name.cmp(&other.name));
        Consortium::new(members).map_err(Problem::usage)
    }

    /// Writes the file and the new cards, each at once or not at all. Gives back what is in it now.
    ///
    /// # Errors
    /// If the members are no consortium, or a file cannot be written; then the file is as it was.
    pub fn write(&self) -> Outcome<Consortium> {
        let consortium = self.consortium()?;
        if !self.cards.is_empty() {
            let folder = self.cards_folder();
            fs::create_dir_all(&folder).map_err(|error| unwritten(&folder, &error))?;
        }
        for card in &self.cards {
            write_at_once(&Card::place(&self.cards_folder(), card.name()), &card.to_string())?;
        }
        write_at_once(&self.path, &text(&consortium)?)?;
        Ok(consortium)
    }

    /// The card of a member as it lies beside the file; nothing if there is none, or it is another's.
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

/// The text of a consortium's file: the same for the same members, wherever it is made.
///
/// # Errors
/// None but ours.
pub fn text(consortium: &Consortium) -> Outcome<String> {
    let body = toml::to_string(consortium).map_err(Problem::ours)?;
    Ok(format!("{HEAD}{body}"))
}

/// What two consortia have differently, in the order of the names of members.
#[must_use]
pub fn differences(first: &Consortium, second: &Consortium) -> Vec<Difference> {
    let mut names: Vec<&str> =
        first.members().iter().chain(second.members()).map(|member| member.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let found = |consortium: &Consortium, name: &str| {
        consortium.position(name).and_then(|at| consortium.members().get(at).cloned())
    };
    let of_members =
        names.iter().flat_map(|name| of_member(name, found(first, name), found(second, name)));
    let mut differences: Vec<Difference> = of_members.collect();
    let order = |consortium: &Consortium| -> Vec<String> {
        consortium.members().iter().map(|member| member.name.clone()).collect()
    };
    if differences.is_empty() && order(first) != order(second) {
        let (first, second) = (order(first).join(", "), order(second).join(", "));
        differences.push(Difference { member: None, field: "order", first, second });
    }
    differences
}

fn of_member(name: &str, first: Option<Member>, second: Option<Member>) -> Vec<Difference> {
    let difference = |field, first: &str, second: &str| Difference {
        member: Some(name.to_owned()),
        field,
        first: first.to_owned(),
        second: second.to_owned(),
    };
    let (first, second) = match (first, second) {
        (Some(first), Some(second)) => (first, second),
        (first, _) => {
            let is = |there: bool| if there { "a member" } else { "no member" };
            return vec![difference("member", is(first.is_some()), is(first.is_none()))];
        }
    };
    let prints = |member: &Member| {
        let prints: Vec<String> = member.fingerprints.iter().map(ToString::to_string).collect();
        prints.join(" ")
    };
    [
        ("api", first.api.clone(), second.api.clone()),
        ("peer", first.peer.clone(), second.peer.clone()),
        ("fingerprints", prints(&first), prints(&second)),
    ]
    .into_iter()
    .filter(|(_, first, second)| first != second)
    .map(|(field, first, second)| difference(field, &first, &second))
    .collect()
}

fn check_dates(card: &Card, now: SystemTime) -> Outcome {
    for certificate in card.certificates() {
        if let Expiry::Expired { .. } | Expiry::NotYetValid { .. } = certificate.expiry(now) {
            return Err(Problem::usage(format!(
                "the certificate {} has expired or is not yet valid: check this machine's clock, or \
                 have {} make a new identity and send its card",
                certificate.facts(),
                card.name()
            )));
        }
    }
    Ok(())
}

/// Writes beside the file and then gives it its name, so that a node which reads meanwhile finds the one
/// or the other.
pub(crate) fn write_at_once(path: &Path, text: &str) -> Outcome {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let written = NamedTempFile::new_in(folder).and_then(|mut file| {
        use std::os::unix::fs::PermissionsExt;
        file.write_all(text.as_bytes())?;
        file.as_file().set_permissions(fs::Permissions::from_mode(0o644))?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    });
    written.map_err(|error| unwritten(path, &error))
}

fn unwritten(path: &Path, error: &std::io::Error) -> Problem {
    Problem::usage(format!("cannot write {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use cloister_certs::{Identity, Validity};

    use super::*;

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
