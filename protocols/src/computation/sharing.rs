//! The nodes that compute on shares: three, or all parties among themselves.

pub(crate) use crate::functions::parameters::NO;
use crate::functions::parameters::{Parameters, refuse};
use crate::kernel::fault::InputError;
use crate::kernel::session::Spec;
use crate::suites::guarantee::Suite;
use crate::suites::replicated;

/// The name in the spec under which [`NO`] forbids the use of preprocessed correlations.
pub(crate) const AHEAD: &str = "ahead";

/// The nodes that compute on shares, for functions that need them and for rules on joint data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sharing {
    /// Three members.
    Committee,
    /// All parties, and no other member.
    Parties,
}

impl Sharing {
    /// Returns the choice of a client: by the suite's name, or by naming a committee. Without a
    /// choice, two parties compute by themselves, and more have a committee.
    pub(crate) fn asked(parameters: &Parameters, parties: usize) -> Result<Self, InputError> {
        let named = parameters.committee.is_some();
        match parameters.suite.as_deref().and_then(Suite::find) {
            Some(Suite::Pairwise) if named => Err(refuse(
                replicated::PARAMETER,
                "with the suite `pairwise` all parties compute, and nobody else: leave it out"
                    .into(),
            )),
            Some(Suite::Pairwise) => Ok(Self::Parties),
            Some(Suite::Replicated) => Ok(Self::Committee),
            _ if parties == 2 && !named => Ok(Self::Parties),
            _ => Ok(Self::Committee),
        }
    }

    /// Returns the choice that the members have agreed on.
    pub(crate) fn agreed(spec: &Spec) -> Self {
        let named = spec.parameters.contains_key(replicated::PARAMETER);
        match Suite::find(&spec.suite) {
            Some(Suite::Pairwise) => Self::Parties,
            Some(Suite::Replicated) => Self::Committee,
            _ if spec.inputs() == 2 && !named && spec.helpers == 0 => Self::Parties,
            _ => Self::Committee,
        }
    }

    /// Returns the suite that computes on shares.
    pub(crate) fn suite(self) -> Suite {
        match self {
            Self::Committee => Suite::Replicated,
            Self::Parties => Suite::Pairwise,
        }
    }
}
