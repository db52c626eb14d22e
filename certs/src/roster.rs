//! The roster: the fingerprints that are pinned to each member.
//!
//! A roster is made once from a consortium file and never changes; a changed file makes a new
//! roster. It holds names and fingerprints only, no addresses and no certificates. A member is
//! recognised by the hash of the certificate that it shows.

use std::collections::BTreeMap;

use crate::certificate::is_party_name;
use crate::fingerprint::Fingerprint;

/// A member has one certificate, and a second one while it renews.
const MAX_FINGERPRINTS: usize = 2;

/// A party of the consortium and the certificates that it may show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its name in the consortium file.
    pub name: String,
    /// One fingerprint, or two during a renewal.
    pub fingerprints: Vec<Fingerprint>,
}

/// The pinned members of a consortium: no name twice, no fingerprint twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roster {
    members: BTreeMap<String, Member>,
    names: BTreeMap<Fingerprint, String>,
}

/// Reasons why members make no roster. The fault is always in the consortium file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RosterError {
    /// There is no member.
    #[error("the consortium has no members; list at least one")]
    Empty,
    /// A certificate could not carry this name.
    #[error(
        "{name:?} can't name a member: use 1 to 64 characters, without control characters or \
         outer spaces"
    )]
    Name {
        /// The name as written.
        name: String,
    },
    /// Two members have the same name.
    #[error("member '{name}' is listed twice; give each member a name of its own")]
    DuplicateName {
        /// The name.
        name: String,
    },
    /// A member has no fingerprint, so it could never be recognised.
    #[error(
        "no fingerprint is pinned to member '{name}'; ask its operator to read aloud what \
         `cloister identity new` printed"
    )]
    NoFingerprint {
        /// The member.
        name: String,
    },
    /// A member has more fingerprints than a renewal needs.
    #[error(
        "{count} fingerprints are pinned to member '{name}'; keep the current one and, during a \
         renewal, the next one"
    )]
    TooManyFingerprints {
        /// The member.
        name: String,
        /// The number of fingerprints.
        count: usize,
    },
    /// A fingerprint is pinned twice, so it would not identify one member.
    #[error(
        "fingerprint {fingerprint} is pinned to '{first}' and to '{second}'; each member has a \
         certificate of its own"
    )]
    SharedFingerprint {
        /// The fingerprint.
        fingerprint: Fingerprint,
        /// The member listed first.
        first: String,
        /// The member listed later, or the same one again.
        second: String,
    },
}

impl Member {
    /// Returns `true` if this fingerprint is pinned to this member.
    pub fn is_pinned(&self, fingerprint: &Fingerprint) -> bool {
        self.fingerprints.contains(fingerprint)
    }

    fn check(&self) -> Result<(), RosterError> {
        let name = self.name.clone();
        if !is_party_name(&name) {
            return Err(RosterError::Name { name });
        }
        match self.fingerprints.len() {
            0 => Err(RosterError::NoFingerprint { name }),
            1..=MAX_FINGERPRINTS => Ok(()),
            count => Err(RosterError::TooManyFingerprints { name, count }),
        }
    }
}

impl Roster {
    /// Makes a roster of these members.
    pub fn new(members: impl IntoIterator<Item = Member>) -> Result<Self, RosterError> {
        let mut roster = Self { members: BTreeMap::new(), names: BTreeMap::new() };
        for member in members {
            roster.add(member)?;
        }
        if roster.members.is_empty() {
            return Err(RosterError::Empty);
        }
        Ok(roster)
    }

    /// Returns the name of the member to which this fingerprint is pinned.
    pub fn name_of(&self, fingerprint: &Fingerprint) -> Option<&str> {
        self.names.get(fingerprint).map(String::as_str)
    }

    /// Returns the member of this name.
    pub fn member(&self, name: &str) -> Option<&Member> {
        self.members.get(name)
    }

    /// Iterates over all members, in the order of their names.
    pub fn members(&self) -> impl Iterator<Item = &Member> {
        self.members.values()
    }

    fn add(&mut self, member: Member) -> Result<(), RosterError> {
        member.check()?;
        if self.members.contains_key(&member.name) {
            return Err(RosterError::DuplicateName { name: member.name });
        }
        for fingerprint in &member.fingerprints {
            self.pin(*fingerprint, &member.name)?;
        }
        self.members.insert(member.name.clone(), member);
        Ok(())
    }

    fn pin(&mut self, fingerprint: Fingerprint, name: &str) -> Result<(), RosterError> {
        let second = name.to_owned();
        match self.names.insert(fingerprint, second.clone()) {
            None => Ok(()),
            Some(first) => Err(RosterError::SharedFingerprint { fingerprint, first, second }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn print(of: &str) -> Fingerprint {
        Fingerprint::of_certificate(of.as_bytes())
    }

    fn member(name: &str, certificates: &[&str]) -> Member {
        let fingerprints = certificates.iter().map(|of| print(of)).collect();
        Member { name: name.to_owned(), fingerprints }
    }

    #[test]
    fn recognises_members_by_each_of_their_fingerprints() {
        let bob = member("bob", &["old", "new"]);
        let roster = Roster::new([member("alice", &["a"]), bob.clone()]).unwrap();
        assert_eq!(roster.name_of(&print("a")), Some("alice"));
        assert_eq!(roster.name_of(&print("old")), Some("bob"));
        assert_eq!(roster.name_of(&print("new")), Some("bob"));
        assert_eq!(roster.name_of(&print("stranger")), None);
        assert_eq!(roster.member("bob"), Some(&bob));
        assert_eq!(roster.member("mallory"), None);
        assert_eq!(roster.members().count(), 2);
    }

    #[test]
    fn refuses_a_consortium_without_members() {
        assert_eq!(Roster::new([]), Err(RosterError::Empty));
    }

    #[test]
    fn refuses_a_name_twice() {
        let members = [member("alice", &["a"]), member("alice", &["b"])];
        let name = "alice".to_owned();
        assert_eq!(Roster::new(members), Err(RosterError::DuplicateName { name }));
    }

    #[test]
    fn refuses_a_name_that_no_certificate_could_carry() {
        for name in ["", " alice", "al\nice"] {
            let error = Roster::new([member(name, &["a"])]).unwrap_err();
            assert_eq!(error, RosterError::Name { name: name.to_owned() });
        }
    }

    #[test]
    fn refuses_no_fingerprint_and_more_than_two() {
        let name = "alice".to_owned();
        assert_eq!(
            Roster::new([member("alice", &[])]),
            Err(RosterError::NoFingerprint { name: name.clone() })
        );
        assert_eq!(
            Roster::new([member("alice", &["a", "b", "c"])]),
            Err(RosterError::TooManyFingerprints { name, count: 3 })
        );
    }

    fn shared(first: &str, second: &str) -> Result<Roster, RosterError> {
        let (first, second) = (first.to_owned(), second.to_owned());
        Err(RosterError::SharedFingerprint { fingerprint: print("a"), first, second })
    }

    #[test]
    fn refuses_a_fingerprint_twice() {
        let two = [member("alice", &["a"]), member("bob", &["b", "a"])];
        assert_eq!(Roster::new(two), shared("alice", "bob"));
        assert_eq!(Roster::new([member("alice", &["a", "a"])]), shared("alice", "alice"));
    }
}
