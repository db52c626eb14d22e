//! The committee: the three members that compute, in three seats.

use crate::kernel::fault::Fault;
use crate::kernel::party::Party;
use crate::kernel::session::{Roles, Session, Spec};

/// The number of seats of a committee.
pub(crate) const SEATS: usize = 3;

/// The three members that compute on shares, by seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Committee([Party; SEATS]);

impl Committee {
    /// Returns the committee: the first three members, in the agreed order, whose role is to compute
    /// and whose policies allow it.
    pub(crate) fn of(roles: &Roles, session: &Session) -> Result<Self, Fault> {
        let serving = session.serving();
        let willing = roles.computing().filter(|party| serving.contains(party));
        let seats: Vec<Party> = willing.take(SEATS).collect();
        let serving = seats.len();
        seats.try_into().map(Self).map_err(|_| Fault::NoCommittee { serving })
    }

    #[cfg(test)]
    pub(crate) fn fixed(seats: [usize; SEATS]) -> Self {
        Self(seats.map(|seat| Party::new(seat).unwrap()))
    }

    /// Returns the members' names.
    pub(crate) fn names(&self, spec: &Spec) -> String {
        let member = |seat: &Party| spec.members.get(seat.index()).expect("a seat is a member's");
        let names = self.0.iter().map(|seat| member(seat).id.name.as_str());
        names.collect::<Vec<_>>().join(", ")
    }

    /// Returns the members, by seat.
    pub(super) fn seats(&self) -> &[Party; SEATS] {
        &self.0
    }

    /// Returns the member so many seats behind this one.
    pub(super) fn neighbour(&self, seat: usize, steps: usize) -> Party {
        let Self(seats) = self;
        *seats.get((seat + steps) % SEATS).expect("there are three seats")
    }

    /// Returns the seat of a member, if it has one.
    pub(super) fn seat(&self, party: Party) -> Option<usize> {
        self.0.iter().position(|seat| *seat == party)
    }
}
