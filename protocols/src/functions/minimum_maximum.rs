//! `MinimumMaximum`: the smallest and the largest of all parties' numbers.
//!
//! Both are numbers of single rows. They are shown also where small counts are withheld, because
//! that is the purpose of the function (see *Ranks* in [`crate::kernel::disclosure`]).
//!
//! **Adversary and leakage:** those of the search by rank ([`crate::functions::common::search`]),
//! with two ranks. A minimum above the maximum is refused.

use crate::engine::Engine;
use crate::functions::answer::Answer;
use crate::functions::common::numbers::{ORDERED_NUMBERS, check_rows};
use crate::functions::common::ranks::{Ranked, find_numbers};
use crate::functions::descriptor::{Descriptor, InputKind};
use crate::functions::input::Input;
use crate::functions::parameters::{AgreedParameters, Digits};
use crate::functions::{Computed, Function, FunctionContext, OnShares};
use crate::kernel::equations::{Equations, Scope};
use crate::kernel::fault::{Fault, InputError};
use crate::kernel::reveal::Reveal;

pub(crate) struct MinimumMaximum {
    minima: Ranked,
    maxima: Ranked,
}

impl Function for MinimumMaximum {
    const DESCRIPTOR: Descriptor = Descriptor {
        name: "MinimumMaximum",
        summary: "the smallest and the largest number",
        input: InputKind::Extremes,
        result_keys: &["minimum", "maximum", "samples"],
        ..ORDERED_NUMBERS
    };

    type Parameters = Digits;

    fn opens(_: &Digits, _: Scope) -> Equations {
        Equations::ranks(2)
    }

    fn new(digits: Digits, input: Option<&Input>, _: usize) -> Result<Self, InputError> {
        let grid = digits.grid()?;
        let pairs = match input {
            Some(Input::Points(pairs)) => pairs.as_slice(),
            Some(other) if !other.is_empty() => {
                return Err(InputError::Shape { expected: "pairs of numbers" });
            }
            _ => &[],
        };
        Ok(Self {
            minima: Ranked::new(grid, pairs.iter().map(|(minimum, _)| *minimum))?,
            maxima: Ranked::new(grid, pairs.iter().map(|(_, maximum)| *maximum))?,
        })
    }

    fn agreed(&self) -> AgreedParameters {
        self.minima.agreed()
    }

    fn words(&self) -> usize {
        Ranked::words(2)
    }
}

impl OnShares for MinimumMaximum {
    async fn run<E: Engine>(self, cx: &mut FunctionContext<'_, E>) -> Computed {
        let rows = cx.rows;
        check_rows(rows)?;
        if cx.permit.withholds() {
            return Err(cx.permit.shows_ranks().into());
        }
        let queries = [self.minima.query(1), self.maxima.query(rows)];
        match find_numbers(cx, &queries, Reveal::ANSWER).await?.as_deref() {
            None => Ok(None),
            // In each pair the minimum is not above the maximum, so all pairs' are not either.
            Some(&[minimum, maximum]) if minimum > maximum => Err(Fault::InvalidOpening),
            Some(&[minimum, maximum]) => {
                Ok(Some(Answer::Extremes { minimum, maximum, samples: rows }))
            }
            Some(_) => Err(Fault::Internal("two ranks were asked for")),
        }
    }
}
