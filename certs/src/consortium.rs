//! The consortium file: the members that agreed to compute together, the same at every node.
//!
//! A member is known by the fingerprint of its certificate. Clients may call it by its name or by
//! the URL of its API. A node that is not in the file does not exist.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::fingerprint::Fingerprint;
use crate::thresholds::{self, MAX_PROFILES, Profiles, Thresholds};

/// The most members that a consortium may have.
pub const MAX_MEMBERS: usize = 256;

/// The most characters of another file's entry that are shown.
const LONGEST_SHOWN: usize = 300;

/// A number that no minimum of a profile exceeds.
const MOST_ROWS: u64 = 1 << 48;

/// The members, in the order of the file, and the profiles of thresholds that they agreed on.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "File", into = "File")]
pub struct Consortium {
    members: Vec<Member>,
    profiles: Profiles,
}

/// One member.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// Its name: lower-case letters, digits and hyphens.
    pub name: String,
    /// The URL of its HTTP API as clients write it.
    pub api: String,
    /// The address at which its node listens for other nodes: `host:port`.
    pub peer: String,
    /// The SHA-256 fingerprint of its certificate; two while it is being renewed.
    pub fingerprints: Vec<Fingerprint>,
}

/// An error in a consortium file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConsortiumError {
    /// The number of members.
    #[error("a consortium has 2 to {MAX_MEMBERS} members, this one has {0}")]
    Size(usize),
    /// A name that is no name.
    #[error("`{0}` is no member name: use 1 to 63 lower-case letters, digits and hyphens")]
    Name(String),
    /// An entry that two members share.
    #[error("two members have the same {what}: {value}")]
    Shared {
        /// The entry.
        what: &'static str,
        /// Its value.
        value: String,
    },
    /// The number of fingerprints.
    #[error("member {0} has {1} fingerprints: list one, or two while its certificate is renewed")]
    Fingerprints(String, usize),
    /// An API URL that is none.
    #[error("`{0}` is no API URL: write it as http://host:port or https://host:port")]
    Url(String),
    /// A peer address that is none.
    #[error("`{0}` is no peer address: write it as host:port")]
    Peer(String),
    /// The number of profiles.
    #[error("a consortium has at most {MAX_PROFILES} profiles of thresholds, this one has {0}")]
    Profiles(usize),
    /// A name that is no name.
    #[error("`{0}` is no name of a profile: use 1 to 63 lower-case letters, digits and hyphens")]
    ProfileName(String),
    /// A minimum that no number of rows reaches.
    #[error("profile {0}: a minimum is at most 2^48")]
    Minimum(String),
    /// A percentage out of its range.
    #[error("profile {0}: `max_share` is a percentage from 1 to 100")]
    Share(String),
}

/// A difference between the consortium files of two nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The member; empty where it is the order of all, or the profiles of thresholds.
    pub member: String,
    /// The entry; empty where one of the files does not have the member.
    pub field: &'static str,
    /// The entry in our file, if it has one.
    pub ours: Option<String>,
    /// The entry in theirs, if it has one.
    pub theirs: Option<String>,
}

#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct File {
    member: Vec<Member>,
    #[serde(default, skip_serializing_if = "Profiles::is_empty")]
    profile: Profiles,
}

impl Consortium {
    /// Makes a consortium of these members.
    ///
    /// # Errors
    /// If there are too few or too many, or they cannot be told apart.
    pub fn new(members: Vec<Member>) -> Result<Self, ConsortiumError> {
        if !(2..=MAX_MEMBERS).contains(&members.len()) {
            return Err(ConsortiumError::Size(members.len()));
        }
        members.iter().try_for_each(Member::check)?;
        distinct("name", members.iter().map(|m| m.name.clone()))?;
        distinct("API URL", members.iter().map(|m| normal_url(&m.api)))?;
        distinct("peer address", members.iter().map(|m| m.peer.clone()))?;
        let prints = members.iter().flat_map(|m| m.fingerprints.iter().map(ToString::to_string));
        distinct("fingerprint", prints)?;
        Ok(Self { members, profiles: Profiles::new() })
    }

    /// Returns the consortium with these profiles of thresholds in place of its own.
    ///
    /// # Errors
    /// If there are too many, or one has no name or a number out of its range.
    pub fn with_profiles(self, profiles: Profiles) -> Result<Self, ConsortiumError> {
        check_profiles(&profiles)?;
        Ok(Self { profiles, ..self })
    }

    /// Returns the profiles of thresholds, one of which each member's are of; none for a free choice.
    #[must_use]
    pub fn profiles(&self) -> &Profiles {
        &self.profiles
    }

    /// Returns the members in the order of the file.
    #[must_use]
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// Finds the position of the member of this name.
    #[must_use]
    pub fn position(&self, name: &str) -> Option<usize> {
        self.members.iter().position(|member| member.name == name)
    }

    /// Finds the position of the member that a client calls by name or by API URL.
    #[must_use]
    pub fn look_up(&self, node: &str) -> Option<usize> {
        let url = normal_url(node);
        self.members.iter().position(|m| m.name == node || normal_url(&m.api) == url)
    }

    /// Returns the hash by which nodes compare their files. A second fingerprint does not count:
    /// see [`Difference::between`].
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_derive_key("cloister 2 consortium");
        let mut add = |text: &str| {
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        };
        for member in &self.members {
            let print = member.first_fingerprint();
            for text in [&member.name, &normal_url(&member.api), &member.peer, &print] {
                add(text);
            }
        }
        // A file without profiles has the hash that it had before there were any. A member's second
        // text is a URL, so no member passes for a profile.
        for (name, thresholds) in &self.profiles {
            add(name);
            add("profile");
            for number in thresholds.numbers() {
                add(&number.to_string());
            }
        }
        *hasher.finalize().as_bytes()
    }
}

impl Difference {
    /// Compares the members in two files, in the order of ours.
    ///
    /// A second fingerprint is no difference: it is there while a certificate is renewed, and
    /// members add it one after the other.
    #[must_use]
    pub fn between(ours: &[Member], theirs: &[Member]) -> Vec<Self> {
        let mut differences = Vec::new();
        for member in ours {
            let Some(other) = find(theirs, &member.name) else {
                differences.push(Self::of(member, "", Some("a member"), None));
                continue;
            };
            for (field, here, there) in member.compared_with(other) {
                if here != there {
                    differences.push(Self::of(member, field, Some(&here), Some(&there)));
                }
            }
        }
        for member in theirs.iter().filter(|member| find(ours, &member.name).is_none()) {
            differences.push(Self::of(member, "", None, Some("a member")));
        }
        let (ours, theirs) = (names(ours), names(theirs));
        if differences.is_empty() && ours != theirs {
            differences.push(Self {
                member: String::new(),
                field: "order",
                ours: Some(ours.join(", ")),
                theirs: Some(theirs.join(", ")),
            });
        }
        differences
    }

    /// Compares the profiles of thresholds in two files.
    #[must_use]
    pub fn between_profiles(ours: &Profiles, theirs: &Profiles) -> Option<Self> {
        let (member, field) = (String::new(), "profiles");
        let (here, there) = (Some(thresholds::told(ours)), Some(thresholds::told(theirs)));
        (ours != theirs).then_some(Self { member, field, ours: here, theirs: there })
    }

    fn of(member: &Member, field: &'static str, ours: Option<&str>, theirs: Option<&str>) -> Self {
        let member = member.name.clone();
        Self { member, field, ours: ours.map(str::to_owned), theirs: theirs.map(str::to_owned) }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let member = plain(&self.member);
        match (&self.ours, &self.theirs) {
            (Some(_), None) => write!(f, "{member} is a member here and not there"),
            (None, _) => write!(f, "{member} is a member there and not here"),
            (Some(ours), Some(theirs)) if self.member.is_empty() => {
                let (ours, theirs) = (plain(ours), plain(theirs));
                let what = if self.field == "order" {
                    "the order of the members is"
                } else {
                    "the profiles of thresholds are"
                };
                write!(f, "{what} {ours} here and {theirs} there")
            }
            (Some(ours), Some(theirs)) => {
                let (field, ours, theirs) = (self.field, plain(ours), plain(theirs));
                write!(f, "the {field} of {member} is `{ours}` here and `{theirs}` there")
            }
        }
    }
}

/// Removes control characters and cuts a text: another node's file may hold anything.
fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(LONGEST_SHOWN).collect()
}

fn find<'a>(members: &'a [Member], name: &str) -> Option<&'a Member> {
    members.iter().find(|member| member.name == name)
}

fn names(members: &[Member]) -> Vec<&str> {
    members.iter().map(|member| member.name.as_str()).collect()
}

impl Member {
    /// Pairs the entries of this member that must be alike in two files, each with its name.
    fn compared_with(&self, other: &Self) -> [(&'static str, String, String); 3] {
        [
            ("API URL", normal_url(&self.api), normal_url(&other.api)),
            ("peer address", self.peer.clone(), other.peer.clone()),
            ("fingerprint", self.first_fingerprint(), other.first_fingerprint()),
        ]
    }

    /// Returns the host in its API URL.
    #[must_use]
    pub fn api_host(&self) -> String {
        let (_, rest) = self.api.split_once("://").unwrap_or(("", &self.api));
        let host = rest.split('/').next().unwrap_or_default();
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        name.trim_start_matches('[').trim_end_matches(']').to_owned()
    }

    /// Returns the certificate in use, as text.
    fn first_fingerprint(&self) -> String {
        self.fingerprints.first().map(ToString::to_string).unwrap_or_default()
    }

    fn check(&self) -> Result<(), ConsortiumError> {
        if !is_name(&self.name) {
            return Err(ConsortiumError::Name(self.name.clone()));
        }
        if !(1..=2).contains(&self.fingerprints.len()) {
            return Err(ConsortiumError::Fingerprints(self.name.clone(), self.fingerprints.len()));
        }
        if !self.api.starts_with("http://") && !self.api.starts_with("https://") {
            return Err(ConsortiumError::Url(self.api.clone()));
        }
        match self.peer.rsplit_once(':') {
            Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => Ok(()),
            _ => Err(ConsortiumError::Peer(self.peer.clone())),
        }
    }
}

impl TryFrom<File> for Consortium {
    type Error = ConsortiumError;

    fn try_from(file: File) -> Result<Self, ConsortiumError> {
        Self::new(file.member)?.with_profiles(file.profile)
    }
}

impl From<Consortium> for File {
    fn from(consortium: Consortium) -> Self {
        Self { member: consortium.members, profile: consortium.profiles }
    }
}

/// Returns `true` if `name` can name a member.
#[must_use]
pub fn is_name(name: &str) -> bool {
    (1..=63).contains(&name.len())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

/// Checks the names and the numbers of profiles.
fn check_profiles(profiles: &Profiles) -> Result<(), ConsortiumError> {
    if profiles.len() > MAX_PROFILES {
        return Err(ConsortiumError::Profiles(profiles.len()));
    }
    for (name, thresholds) in profiles {
        if !is_name(name) {
            return Err(ConsortiumError::ProfileName(name.clone()));
        }
        let Thresholds { min_rows, min_cell, min_own_rows, max_share, .. } = thresholds;
        if [min_rows, min_cell, min_own_rows].into_iter().any(|minimum| *minimum > MOST_ROWS) {
            return Err(ConsortiumError::Minimum(name.clone()));
        }
        if !(1..=100).contains(max_share) {
            return Err(ConsortiumError::Share(name.clone()));
        }
    }
    Ok(())
}

/// Normalises a URL: a final slash, and the case of scheme and host, do not count.
fn normal_url(url: &str) -> String {
    let url = url.trim_end_matches('/');
    let host = url.find("://").map_or(0, |scheme| scheme + "://".len());
    let path = url.get(host..).and_then(|rest| rest.find('/')).map_or(url.len(), |at| host + at);
    let (host, path) = url.split_at_checked(path).unwrap_or((url, ""));
    format!("{}{path}", host.to_ascii_lowercase())
}

fn distinct(
    what: &'static str,
    values: impl Iterator<Item = String>,
) -> Result<(), ConsortiumError> {
    let mut seen = BTreeSet::new();
    for value in values {
        if !seen.insert(value.clone()) {
            return Err(ConsortiumError::Shared { what, value });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str, port: u16, print: u8) -> Member {
        Member {
            name: name.into(),
            api: format!("http://localhost:{port}"),
            peer: format!("localhost:{}", port + 100),
            fingerprints: vec![Fingerprint::from_bytes([print; 32])],
        }
    }

    #[test]
    fn members_are_found_by_name_and_by_url_and_strangers_are_not() {
        let both = Consortium::new(vec![member("a", 1000, 1), member("b", 2000, 2)]).unwrap();
        assert_eq!(both.look_up("b"), Some(1));
        assert_eq!(both.look_up("HTTP://LocalHost:1000/"), Some(0));
        assert_eq!(both.look_up("http://localhost:3000"), None);
    }

    #[test]
    fn members_that_cannot_be_told_apart_are_refused() {
        let twice = |b: Member| Consortium::new(vec![member("a", 1000, 1), b]);
        assert!(twice(member("b", 2000, 2)).is_ok());
        assert!(matches!(twice(member("a", 2000, 2)), Err(ConsortiumError::Shared { .. })));
        assert!(matches!(twice(member("b", 1000, 2)), Err(ConsortiumError::Shared { .. })));
        assert!(matches!(twice(member("b", 2000, 1)), Err(ConsortiumError::Shared { .. })));
        assert!(matches!(twice(member("B", 2000, 2)), Err(ConsortiumError::Name(_))));
    }

    #[test]
    fn the_hash_tells_files_apart() {
        let ab = Consortium::new(vec![member("a", 1000, 1), member("b", 2000, 2)]).unwrap();
        let ac = Consortium::new(vec![member("a", 1000, 1), member("b", 2000, 3)]).unwrap();
        assert_ne!(ab.hash(), ac.hash());
        assert_eq!(ab.hash(), ab.clone().hash());
    }

    fn profiles(min_rows: u64) -> Profiles {
        let thresholds =
            Thresholds { min_parties: 3, min_rows, min_cell: 5, max_share: 90, min_own_rows: 3 };
        [("clinical".to_owned(), thresholds)].into()
    }

    #[test]
    fn profiles_are_part_of_the_file_and_of_its_hash() {
        let plain = Consortium::new(vec![member("a", 1000, 1), member("b", 2000, 2)]).unwrap();
        let with = |min_rows| plain.clone().with_profiles(profiles(min_rows));
        let (ten, twenty) = (with(10).unwrap(), with(20).unwrap());
        assert!(plain.hash() != ten.hash() && ten.hash() != twenty.hash());
        let text = toml::to_string(&ten).unwrap();
        assert!(text.contains("[profile.clinical]"), "{text}");
        assert_eq!(toml::from_str::<Consortium>(&text).unwrap(), ten);
        let told = Difference::between_profiles(ten.profiles(), plain.profiles()).unwrap();
        let due = "the profiles of thresholds are clinical (min_parties 3, min_rows 10, min_cell 5, \
                   max_share 90, min_own_rows 3) here and none there";
        assert_eq!(told.to_string(), due);
        assert_eq!(Difference::between_profiles(ten.profiles(), ten.profiles()), None);
        assert!(matches!(with(1 << 49), Err(ConsortiumError::Minimum(_))));
        let named = profiles(10).into_values().map(|it| ("A b".to_owned(), it)).collect();
        let named = plain.clone().with_profiles(named);
        assert!(matches!(named, Err(ConsortiumError::ProfileName(_))));
        // A file of before has no profiles, and the hash that it had.
        let old = toml::to_string(&plain).unwrap();
        assert!(!old.contains("profile"), "{old}");
        assert_eq!(toml::from_str::<Consortium>(&old).unwrap().hash(), plain.hash());
        let unknown = format!("{old}\n[profile.x]\nmin_rows = 3\n");
        assert!(toml::from_str::<Consortium>(&unknown).is_err(), "all thresholds are named");
    }

    #[test]
    fn a_second_fingerprint_is_no_difference_and_all_else_is_named() {
        let (a, b) = (member("a", 1000, 1), member("b", 2000, 2));
        let file = |members: &[Member]| Consortium::new(members.to_vec()).unwrap();
        let mut renewed = b.clone();
        renewed.fingerprints.push(Fingerprint::from_bytes([9; 32]));
        assert_eq!(
            file(&[a.clone(), b.clone()]).hash(),
            file(&[a.clone(), renewed.clone()]).hash()
        );
        assert_eq!(Difference::between(std::slice::from_ref(&b), &[renewed]), []);
        let told = |ours: &[Member], theirs: &[Member]| {
            let differences = Difference::between(ours, theirs);
            // They differ if and only if the hashes do.
            assert_eq!(differences.is_empty(), file(ours).hash() == file(theirs).hash());
            differences.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
        };
        let both = [a.clone(), b.clone()];
        let moved = Member { peer: "elsewhere:1".into(), ..b.clone() };
        let other = told(&both, &[a.clone(), moved]);
        assert_eq!(other, "the peer address of b is `localhost:2100` here and `elsewhere:1` there");
        let with_c = [a.clone(), b.clone(), member("c", 3000, 3)];
        assert_eq!(told(&both, &with_c), "c is a member there and not here");
        assert_eq!(told(&with_c, &both), "c is a member here and not there");
        let turned = told(&both, &[b, a]);
        assert_eq!(turned, "the order of the members is a, b here and b, a there");
    }
}
