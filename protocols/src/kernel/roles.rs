//! Roles: the part of each member in a computation.
//!
//! A role is made of three: bringing data, computing on shares, getting the answer. A party has all
//! three. A helper only computes, a device only brings data, an auditor only gets the answer. The
//! members that compute are the committee. Nothing else that members agree on tells them apart.
//!
//! These types carry more than today's protocols serve: see [`Roles::check_served`].

use serde::{Deserialize, Serialize};

use crate::algebra::input_error::InputError;
use crate::kernel::party::{MAX_PARTIES, Party};

/// The part of a member in a computation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Role {
    /// It brings data in.
    pub input: bool,
    /// It may compute on shares.
    pub compute: bool,
    /// It gets the answer.
    pub output: bool,
}

/// The roles of all members, in the agreed order. Each member has some part, and each part is some
/// member's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roles(Vec<Role>);

impl Role {
    /// A member that brings data, may compute on shares, and gets the answer.
    pub const PARTY: Self = Self { input: true, compute: true, output: true };

    /// A party that leaves computing on shares to a committee.
    pub const OUTSIDE_COMMITTEE: Self = Self { compute: false, ..Self::PARTY };

    /// A member that computes for others.
    pub const HELPER: Self = Self { input: false, compute: true, output: false };

    fn is_empty(self) -> bool {
        !(self.input || self.compute || self.output)
    }
}

impl Roles {
    /// Checks the roles of members, which are in the agreed order.
    ///
    /// # Errors
    /// If there are fewer than two members or more than [`MAX_PARTIES`], if a member has no part, or
    /// if no member brings data, computes, or gets the answer.
    pub fn new(roles: Vec<Role>) -> Result<Self, InputError> {
        let some = |part: fn(&Role) -> bool| roles.iter().any(part);
        require(
            (2..=MAX_PARTIES).contains(&roles.len()),
            "there are too few members for a computation, or too many",
        )?;
        require(
            !some(|role| role.is_empty()),
            "a member neither brings data, nor computes, nor gets the answer",
        )?;
        require(some(|role| role.input), "no member brings data")?;
        require(some(|role| role.compute), "no member computes")?;
        require(some(|role| role.output), "no member gets the answer")?;
        Ok(Self(roles))
    }

    /// Returns the roles of members that all bring data, may compute, and get the answer.
    ///
    /// # Errors
    /// If there are fewer than two or more than [`MAX_PARTIES`].
    pub fn of_parties(count: usize) -> Result<Self, InputError> {
        Self::new(vec![Role::PARTY; count])
    }

    /// Returns the number of members.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Returns the roles in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Role> + '_ {
        self.0.iter().copied()
    }

    /// Returns the role of a member; none of a party that is no member.
    #[must_use]
    pub fn of(&self, party: Party) -> Option<Role> {
        self.0.get(party.index()).copied()
    }

    /// Returns the members that bring data, in order.
    pub fn inputs(&self) -> impl Iterator<Item = Party> + '_ {
        self.having(|role| role.input)
    }

    /// Returns the members that may compute on shares, in order.
    pub fn computing(&self) -> impl Iterator<Item = Party> + '_ {
        self.having(|role| role.compute)
    }

    /// Returns the members that get the answer, in order.
    pub fn outputs(&self) -> impl Iterator<Item = Party> + '_ {
        self.having(|role| role.output)
    }

    /// Reports whether a member brings data.
    #[must_use]
    pub fn brings_data(&self, party: Party) -> bool {
        self.of(party).is_some_and(|role| role.input)
    }

    /// Reports whether a member gets the answer.
    #[must_use]
    pub fn gets_answer(&self, party: Party) -> bool {
        self.of(party).is_some_and(|role| role.output)
    }

    /// Reports whether there are members that bring no data.
    #[must_use]
    pub fn have_helpers(&self) -> bool {
        self.0.iter().any(|role| !role.input)
    }

    /// Refuses roles that today's protocols do not serve: devices and auditors, fewer than two
    /// members with data, and members with data behind members without.
    ///
    /// # Errors
    /// If there are such roles.
    pub fn check_served(&self) -> Result<(), InputError> {
        let all = |served: fn(&Role) -> bool| self.0.iter().all(served);
        require(
            all(|role| role.output || !role.input),
            "a member that brings data gets the answer, too: no other is served yet",
        )?;
        require(
            all(|role| role.input || !role.output),
            "a member that gets the answer brings data, too: no other is served yet",
        )?;
        require(self.inputs().count() >= 2, "two members or more bring data")?;
        require(
            self.0.is_sorted_by_key(|role| !role.input),
            "the members that bring data stand before those that bring none",
        )
    }

    /// Refuses members that are no parties in full.
    ///
    /// # Errors
    /// If there is such a member.
    pub(crate) fn check_all_are_parties(&self) -> Result<(), InputError> {
        require(
            self.iter().all(|role| role == Role::PARTY),
            "with the suite `pairwise` all members bring data, and all compute",
        )
    }

    fn having(&self, part: fn(&Role) -> bool) -> impl Iterator<Item = Party> + '_ {
        self.0.iter().enumerate().filter(move |(_, role)| part(role)).map(|(index, _)| {
            Party::new(index).expect("there are no more members than a computation can have")
        })
    }
}

/// Refuses the members' roles, unless this holds of them.
pub(crate) fn require(holds: bool, reason: &'static str) -> Result<(), InputError> {
    if holds { Ok(()) } else { Err(InputError::Roles { reason }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEVICE: Role = Role { input: true, compute: false, output: false };
    const AUDITOR: Role = Role { input: false, compute: false, output: true };
    const NONE: Role = Role { input: false, compute: false, output: false };

    fn reason(roles: &[Role]) -> Option<&'static str> {
        match Roles::new(roles.to_vec()).and_then(|roles| roles.check_served()) {
            Ok(()) => None,
            Err(InputError::Roles { reason }) => Some(reason),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_part_is_some_members_and_every_member_has_one() {
        let (party, helper) = (Role::PARTY, Role::HELPER);
        for (roles, due) in [
            (&[][..], "too few members"),
            (&[party], "too few members"),
            (&[party; MAX_PARTIES + 1], "too many"),
            (&[party, party, NONE], "neither brings data"),
            (&[helper, AUDITOR], "no member brings data"),
            (&[DEVICE, AUDITOR], "no member computes"),
            (&[DEVICE, helper], "no member gets the answer"),
        ] {
            let refusal = Roles::new(roles.to_vec()).unwrap_err().to_string();
            assert!(refusal.contains(due) && refusal.contains("`roles`"), "{roles:?}: {refusal}");
        }
        assert!(Roles::new(vec![DEVICE, DEVICE, helper, AUDITOR]).is_ok());
        assert!(Roles::of_parties(MAX_PARTIES).is_ok() && Roles::of_parties(1).is_err());
    }

    #[test]
    fn devices_and_auditors_are_not_served_yet() {
        let (party, outside, helper) = (Role::PARTY, Role::OUTSIDE_COMMITTEE, Role::HELPER);
        for served in [
            &[party, party][..],
            &[party, party, helper],
            &[outside, party, outside, helper, helper],
            &[outside, outside, helper, helper, helper],
        ] {
            assert_eq!(reason(served), None, "{served:?}");
        }
        for (roles, due) in [
            (&[party, party, DEVICE][..], "gets the answer, too"),
            (&[party, party, AUDITOR], "brings data, too"),
            (&[party, party, Role { compute: true, ..AUDITOR }], "brings data, too"),
            (&[party, helper], "two members or more"),
            (&[party, helper, party], "stand before"),
        ] {
            assert!(reason(roles).is_some_and(|reason| reason.contains(due)), "{roles:?}");
        }
    }
}
