//! `SecureMedian`: the median of all parties' numbers.
//!
//! The median of an even number of numbers is the mean of the two in the middle. Then the search
//! opens both to the parties' nodes, and their result says so.

use crate::engine::Engine;
use crate::engine::reveals::{NEIGHBOURS, RELEASE, ROWS};
use crate::functions::answer::Answer;
use crate::functions::common::numbers::{ORDERED_NUMBERS, check_rows, doubles};
use crate::functions::common::ranks::Ranked;
use crate::functions::descriptor::Descriptor;
use crate::functions::input::Input;
use crate::functions::parameters::{AgreedParameters, Digits};
use crate::functions::{Computed, Function, FunctionContext, OnShares};
use crate::kernel::equations::{Equations, Scope};
use crate::kernel::fault::InputError;

pub(crate) struct Median(Ranked);

impl Function for Median {
    const DESCRIPTOR: Descriptor = Descriptor {
        name: "SecureMedian",
        summary: "the median of all numbers",
        reveals: &[RELEASE, ROWS, NEIGHBOURS],
        result_keys: &["median"],
        ..ORDERED_NUMBERS
    };

    type Parameters = Digits;

    fn opens(_: &Digits, _: Scope) -> Equations {
        Equations::ranks(2)
    }

    fn permille(_: &Digits) -> Vec<u16> {
        vec![500]
    }

    fn new(digits: Digits, input: Option<&Input>, _: usize) -> Result<Self, InputError> {
        Ranked::new(digits.grid()?, doubles(input)?.iter().copied()).map(Self)
    }

    fn agreed(&self) -> AgreedParameters {
        self.0.agreed()
    }

    fn words(&self) -> usize {
        Ranked::words(2)
    }
}

impl OnShares for Median {
    async fn run<E: Engine>(self, cx: &mut FunctionContext<'_, E>) -> Computed {
        check_rows(cx.rows)?;
        let (lower, upper) = (cx.rows.div_ceil(2), cx.rows / 2 + 1);
        cx.permit.check_ranks(&[lower, upper], cx.rows)?;
        let Some(found) = self.0.find(cx, &[lower, upper], NEIGHBOURS).await? else {
            return Ok(None);
        };
        let median = found.at(lower)?.midpoint(found.at(upper)?);
        Ok(Some(Answer::Median { median }))
    }
}
