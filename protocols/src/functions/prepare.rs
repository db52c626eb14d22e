//! `Prepare`: the preprocessing of the suite `pairwise`. Later computations between the same nodes
//! use up its correlations. Uses no data and opens nothing.

use crate::functions::descriptor::{Descriptor, InputKind, Kind, Needs};
use crate::functions::input::Input;
use crate::functions::parameters::NoParameters;
use crate::functions::{Function, Rounds, of_counts};
use crate::kernel::disclosure::Rules;
use crate::kernel::equations::{Equations, Scope};
use crate::kernel::fault::InputError;

pub(crate) struct Prepare;

impl Function for Prepare {
    const DESCRIPTOR: Descriptor = Descriptor {
        name: "Prepare",
        summary: "nothing: makes ahead what later computations on shares between these nodes use up",
        asked_by: None,
        input: InputKind::Other,
        parameters: &[],
        kind: Kind::Elements,
        needs: Needs::Preparation,
        pushdown: None,
        reveals: &[],
        result_keys: &[],
    };

    type Parameters = NoParameters;

    fn opens(_: &NoParameters, _: Scope) -> Equations {
        Equations::NONE
    }

    fn new(_: NoParameters, input: Option<&Input>, _: usize) -> Result<Self, InputError> {
        if input.is_some_and(|input| !input.is_empty()) {
            return Err(InputError::Shape { expected: "no data" });
        }
        Ok(Self)
    }

    fn rounds(&self, _: &Rules) -> Option<Rounds> {
        Some(of_counts)
    }
}
