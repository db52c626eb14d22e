//! The committee: the three members that compute, in three seats.

use std::collections::BTreeSet;

use crate::kernel::fault::{Fault, InputError};
use crate::kernel::party::Party;
use crate::kernel::session::{Session, Spec};

/// The number of seats of a committee.
pub(super) const SEATS: usize = 3;

/// The name in the spec of the committee that was asked for.
pub(crate) const PARAMETER: &str = "committee";

/// The value in the spec if none was asked for.
pub(crate) const ANY: &str = "any";

/// The three members that compute on shares, by seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Committee([Party; SEATS]);

impl Committee {
    /// Returns the committee that the parties agreed on: the members that the parameter names.
    /// Without names it has the first three parties in the agreed order whose policies allow it.
    pub(crate) fn of(spec: &Spec, session: &Session) -> Result<Self, Fault> {
        let serving = session.serving();
        let seats: Vec<Party> = match spec.parameters.get(PARAMETER).map(String::as_str) {
            None | Some(ANY) => serving.iter().take(SEATS).copied().collect(),
            Some(names) => named(spec, names)?,
        };
        let willing: BTreeSet<Party> =
            seats.iter().filter(|seat| serving.contains(seat)).copied().collect();
        let helpers = (spec.inputs()..spec.members.len()).filter_map(Party::new);
        if helpers.into_iter().any(|helper| !seats.contains(&helper)) {
            let reason = "every member that brings no data must be one of the three";
            return Err(refuse(reason).into());
        }
        match <[Party; SEATS]>::try_from(seats) {
            Ok(seats) if willing.len() == SEATS => Ok(Self(seats)),
            _ => Err(Fault::NoCommittee { serving: willing.len() }),
        }
    }

    #[cfg(test)]
    pub(crate) fn fixed(seats: [usize; SEATS]) -> Self {
        Self(seats.map(|seat| Party::new(seat).unwrap()))
    }

    /// Returns the members' names.
    pub(crate) fn names(&self, spec: &Spec) -> String {
        let name = |seat: &Party| spec.members.get(seat.index()).map(|member| member.name.clone());
        let names: Vec<String> = self.0.iter().filter_map(name).collect();
        names.join(", ")
    }

    /// Returns the members, by seat.
    pub(super) fn seats(&self) -> &[Party; SEATS] {
        &self.0
    }

    /// Returns the seat of a member, if it has one.
    pub(super) fn seat(&self, party: Party) -> Option<usize> {
        self.0.iter().position(|seat| *seat == party)
    }
}

/// Makes the text of three names for the spec.
pub(crate) fn canonical(names: &[String]) -> Result<String, InputError> {
    let [a, b, c] = names else {
        return Err(refuse("three different members are needed"));
    };
    if a == b || b == c || a == c {
        return Err(refuse("three different members are needed"));
    }
    Ok(names.join(", "))
}

fn named(spec: &Spec, names: &str) -> Result<Vec<Party>, Fault> {
    let party = |name: &str| {
        let index = spec.members.iter().position(|member| member.name == name)?;
        Party::new(index)
    };
    let seats: Option<Vec<Party>> = names.split(", ").map(party).collect();
    seats.ok_or_else(|| {
        let reason = "it names somebody who takes no part in this computation";
        refuse(reason).into()
    })
}

fn refuse(reason: &str) -> InputError {
    InputError::Parameter { name: PARAMETER, reason: reason.to_owned() }
}
