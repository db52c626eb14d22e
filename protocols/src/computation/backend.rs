//! Back ends of computations on shares: a committee of three members, or all parties.

use crate::kernel::fault::InputError;
use crate::kernel::roles::{Roles, require};
use crate::suites::guarantee::Suite;
use crate::suites::replicated::SEATS;

/// The back end of functions on shares, and of rules on joint data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Backend {
    /// Replicated shares at three members.
    Committee,
    /// Additive shares at all parties.
    Parties,
}

impl Backend {
    /// Chooses by the suite that a client asks for, and by the members' roles. Where the suite leaves
    /// it open, fewer computing members than a committee has are all parties.
    pub(crate) fn of(suite: Option<Suite>, roles: &Roles) -> Self {
        match suite {
            Some(Suite::Pairwise(_)) => Self::Parties,
            Some(Suite::Replicated(_)) => Self::Committee,
            _ if roles.computing().count() < SEATS => Self::Parties,
            _ => Self::Committee,
        }
    }

    /// Returns the suite that computes on shares.
    pub(crate) fn suite(self) -> Suite {
        match self {
            Self::Committee => Suite::REPLICATED,
            Self::Parties => Suite::PAIRWISE,
        }
    }

    /// Refuses roles with which this back end cannot compute.
    pub(crate) fn check(self, roles: &Roles) -> Result<(), InputError> {
        let computing = roles.computing().count();
        match self {
            Self::Parties => roles.check_all_are_parties(),
            Self::Committee if roles.have_helpers() => require(
                computing == SEATS,
                "where members compute without data, three compute, and no more",
            ),
            Self::Committee => {
                require(computing >= SEATS, "with the suite `replicated` three members compute")
            }
        }
    }
}
