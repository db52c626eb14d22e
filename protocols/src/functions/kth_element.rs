//! `KthElement`: the number of a given rank in the order of all parties' numbers.

use serde::Deserialize;

use crate::engine::Engine;
use crate::functions::answer::Answer;
use crate::functions::common::numbers::{ORDERED_NUMBERS, check_rows};
use crate::functions::common::ranks::Ranked;
use crate::functions::descriptor::{Descriptor, InputKind};
use crate::functions::input::Input;
use crate::functions::parameters::{AgreedParameters, Digits, refuse};
use crate::functions::{Computed, Function, FunctionContext, OnShares};
use crate::kernel::equations::{Equations, Scope};
use crate::kernel::fault::{Fault, InputError};
use crate::kernel::reveal::Reveal;

/// The name of the rank in the spec.
const RANK: &str = "rank";

const NO_SUCH_RANK: Fault =
    Fault::Undefined { why: "the rank is beyond the number of all parties' numbers" };

pub(crate) struct KthElement {
    numbers: Ranked,
    rank: u64,
}

#[derive(Deserialize)]
pub(crate) struct Parameters {
    #[serde(flatten)]
    digits: Digits,
    /// The rank as agreed on. A client gives it with its data.
    rank: Option<u64>,
}

impl Function for KthElement {
    const DESCRIPTOR: Descriptor = Descriptor {
        name: "KthElement",
        summary: "the number of a given rank",
        input: InputKind::Ranked,
        result_keys: &["item", "samples"],
        ..ORDERED_NUMBERS
    };

    type Parameters = Parameters;

    fn opens(_: &Parameters, _: Scope) -> Equations {
        Equations::ranks(1)
    }

    fn new(
        Parameters { digits, rank: agreed }: Parameters,
        input: Option<&Input>,
        _: usize,
    ) -> Result<Self, InputError> {
        let grid = digits.grid()?;
        let (rank, numbers) = match input {
            None => {
                let rank = agreed
                    .ok_or_else(|| refuse(RANK, "the parties' proposal does not have it".into()))?;
                (rank, Ranked::new(grid, [].into_iter())?)
            }
            Some(Input::Ranked { array, rank, bounds }) => {
                check_bounds(array, *bounds)?;
                (*rank, Ranked::new(grid, array.iter().copied())?)
            }
            Some(_) => {
                let expected = "an `array` of numbers and the `rank` asked for";
                return Err(InputError::Shape { expected });
            }
        };
        if rank == 0 {
            return Err(refuse(RANK, "ranks are counted from 1, the smallest number's".into()));
        }
        Ok(Self { numbers, rank })
    }

    fn agreed(&self) -> AgreedParameters {
        let mut agreed = self.numbers.agreed();
        agreed.insert(RANK.to_owned(), self.rank.to_string());
        agreed
    }

    fn words(&self) -> usize {
        Ranked::words(1)
    }
}

impl OnShares for KthElement {
    async fn run<E: Engine>(self, cx: &mut FunctionContext<'_, E>) -> Computed {
        check_rows(cx.rows)?;
        if self.rank > cx.rows {
            return Err(NO_SUCH_RANK);
        }
        if cx.permit.withholds() {
            return Err(cx.permit.shows_ranks().into());
        }
        let found = self.numbers.find(cx, &[self.rank], Reveal::ANSWER).await?;
        let item = found.map(|found| found.at(self.rank)).transpose()?;
        Ok(item.map(|item| Answer::Kth { item, samples: cx.rows }))
    }
}

fn check_bounds(array: &[f64], bounds: Option<(f64, f64)>) -> Result<(), InputError> {
    let Some((lower, upper)) = bounds else { return Ok(()) };
    match array.iter().position(|x| *x < lower || *x > upper) {
        None => Ok(()),
        Some(index) => Err(InputError::OutOfRange {
            index,
            range: "from `lower_bound` to `upper_bound`".to_owned(),
        }),
    }
}
