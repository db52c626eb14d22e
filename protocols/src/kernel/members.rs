//! The members of a computation, and their names in a proposal: by places in the consortium file.
//!
//! All members hold the same file, or their nodes do not link. So a proposal need not repeat names
//! and fingerprints: it tells ranges of places, and a check of what stands there. The length of a
//! proposal does not grow with the number of members then, where these follow each other.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::algebra::digest;
use crate::algebra::elementwise::zip_exact;
use crate::algebra::input_error::InputError;
use crate::kernel::roles::{Role, Roles};

/// A member of one computation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its name and certificate.
    pub id: MemberId,
    /// Its role.
    pub role: Role,
}

/// A member as every party knows it: by name and pinned certificate.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MemberId {
    /// Its name in the consortium file.
    pub name: String,
    /// The SHA-256 fingerprint of its first certificate in the consortium file.
    pub fingerprint: [u8; 32],
}

/// All members of a consortium, in the order of its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roster(Arc<[MemberId]>);

/// The members of one computation as they travel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct MemberList {
    ranges: Vec<PlaceRange>,
    /// The first bytes of a hash of the members' names and fingerprints.
    check: [u8; 8],
}

/// Members that follow each other in the file, and have the same role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct PlaceRange {
    /// The place of the first in the file, from 0.
    first: u32,
    count: u32,
    role: Role,
}

impl Member {
    /// Gives each of these members its role; none if there are not as many roles as members.
    #[must_use]
    pub fn with_roles(ids: Vec<MemberId>, roles: &Roles) -> Option<Vec<Self>> {
        if ids.len() != roles.count() {
            return None;
        }
        Some(zip_exact(ids, roles.iter()).map(|(id, role)| Self { id, role }).collect())
    }
}

impl Roster {
    fn at(&self, place: u32) -> Option<&MemberId> {
        self.0.get(usize::try_from(place).ok()?)
    }

    /// Returns the place of a member. In most lists it is the `expected` one.
    fn place(&self, id: &MemberId, expected: u32) -> Option<u32> {
        if self.at(expected) == Some(id) {
            return Some(expected);
        }
        self.0.iter().position(|other| other == id).and_then(|place| u32::try_from(place).ok())
    }
}

impl FromIterator<MemberId> for Roster {
    fn from_iter<T: IntoIterator<Item = MemberId>>(ids: T) -> Self {
        Self(ids.into_iter().collect())
    }
}

impl MemberList {
    /// Finds the members' places.
    ///
    /// # Errors
    /// If one is none of the consortium.
    pub(super) fn new(members: &[Member], roster: &Roster) -> Result<Self, InputError> {
        let mut ranges: Vec<PlaceRange> = Vec::new();
        for Member { id, role } in members {
            let next = ranges.last().map_or(0, |last| last.first.saturating_add(last.count));
            let Some(place) = roster.place(id, next) else {
                return Err(InputError::Roles { reason: "a member is not in the consortium file" });
            };
            match ranges.last_mut() {
                Some(last) if place == next && last.role == *role => last.count += 1,
                _ => ranges.push(PlaceRange { first: place, count: 1, role: *role }),
            }
        }
        Ok(Self { ranges, check: check(members.iter().map(|member| &member.id)) })
    }

    /// Returns the members at these places; none if there are no such places, or more members than
    /// the consortium has.
    pub(super) fn read(&self, roster: &Roster) -> Option<Vec<Member>> {
        let mut members = Vec::new();
        for PlaceRange { first, count, role } in &self.ranges {
            let end = first.checked_add(*count)?;
            let most = roster.0.len() - members.len();
            if *count == 0 || usize::try_from(*count).ok()? > most {
                return None;
            }
            for place in *first..end {
                members.push(Member { id: roster.at(place)?.clone(), role: *role });
            }
        }
        Some(members)
    }

    /// Returns whether the sender's file has the same members at these places.
    pub(super) fn is_of(&self, members: &[Member]) -> bool {
        self.check == check(members.iter().map(|member| &member.id))
    }
}

/// Hashes all of the members' ids.
pub(super) fn hash_ids<'a>(
    hasher: &mut blake3::Hasher,
    ids: impl ExactSizeIterator<Item = &'a MemberId>,
) {
    hasher.update(&(ids.len() as u64).to_le_bytes());
    for MemberId { name, fingerprint } in ids {
        hasher.update(&(name.len() as u64).to_le_bytes());
        hasher.update(name.as_bytes());
        hasher.update(fingerprint);
    }
}

fn check<'a>(ids: impl ExactSizeIterator<Item = &'a MemberId>) -> [u8; 8] {
    let mut hasher = blake3::Hasher::new_derive_key("cloister 1 members of a proposal");
    hash_ids(&mut hasher, ids);
    digest::first_word(hasher.finalize().as_bytes()).to_le_bytes()
}

impl fmt::Display for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, ..] = self.fingerprint;
        write!(f, "{} ({a:02x}{b:02x}{c:02x}{d:02x}…)", self.name)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::kernel::wire;

    fn id(index: usize) -> MemberId {
        let byte = u8::try_from(index).unwrap();
        MemberId { name: format!("member {index}"), fingerprint: [byte; 32] }
    }

    fn roster(members: usize) -> Roster {
        (0..members).map(id).collect()
    }

    fn range(first: u32, count: u32) -> PlaceRange {
        PlaceRange { first, count, role: Role::PARTY }
    }

    proptest! {
        #[test]
        fn members_in_any_order_and_role_come_back(
            order in Just((0..9).collect::<Vec<usize>>()).prop_shuffle(),
            taken in 0..10_usize,
            helps in prop::collection::vec(any::<bool>(), 9),
        ) {
            let role = |index: usize| if helps[index] { Role::HELPER } else { Role::PARTY };
            let member = |index: &usize| Member { id: id(*index), role: role(*index) };
            let members: Vec<Member> = order.iter().take(taken).map(member).collect();
            let list = MemberList::new(&members, &roster(9)).unwrap();
            let sent: MemberList = wire::decode(&wire::encode(&list).unwrap()).unwrap();
            prop_assert_eq!(sent.read(&roster(9)), Some(members.clone()));
            prop_assert!(sent.is_of(&members));
        }
    }

    #[test]
    fn two_hundred_in_order_are_one_range_of_a_few_bytes() {
        let all: Vec<Member> =
            (0..200).map(|index| Member { id: id(index), role: Role::PARTY }).collect();
        let list = MemberList::new(&all, &roster(200)).unwrap();
        assert_eq!(list.ranges, [range(0, 200)]);
        assert!(wire::encode(&list).unwrap().len() < 20);
    }

    #[test]
    fn a_member_of_no_consortium_has_no_place() {
        let other = Member { id: id(3), role: Role::PARTY };
        assert!(MemberList::new(&[other], &roster(3)).is_err());
    }

    #[test]
    fn places_that_are_not_there_name_no_member() {
        let read = |ranges: &[PlaceRange]| {
            MemberList { ranges: ranges.to_vec(), check: [0; 8] }.read(&roster(3))
        };
        assert_eq!(read(&[range(0, 3)]).unwrap().len(), 3);
        for wrong in [
            vec![range(0, 4)],
            vec![range(3, 1)],
            vec![range(1, 0)],
            vec![range(u32::MAX, 1)],
            vec![range(1, u32::MAX)],
            // More members than there are.
            vec![range(0, 3), range(0, 1)],
        ] {
            assert_eq!(read(&wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn another_name_or_fingerprint_at_a_place_is_noticed() {
        let members = [0, 1].map(|index| Member { id: id(index), role: Role::PARTY });
        let list = MemberList::new(&members, &roster(2)).unwrap();
        let changes: [fn(&mut Member); 2] =
            [|member| member.id.name.push('x'), |member| member.id.fingerprint[31] ^= 1];
        for change in changes {
            let mut others = members.clone();
            change(&mut others[1]);
            assert!(!list.is_of(&others));
        }
    }
}
