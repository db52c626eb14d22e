//! `Sort`: all parties' numbers in order.
//!
//! **Opened beside the answer:** the number of rows of each party.

use crate::algebra::order::double;
use crate::algebra::packed_bits::PackedBits;
use crate::engine::Engine;
use crate::engine::reveals::{RELEASE, ROWS, ROWS_OF_EACH};
use crate::functions::answer::Answer;
use crate::functions::common::numbers::{ORDERED_NUMBERS, check_rows};
use crate::functions::common::rows::Unsorted;
use crate::functions::descriptor::Descriptor;
use crate::functions::input::Input;
use crate::functions::parameters::{AgreedParameters, Digits};
use crate::functions::{Computed, Function, FunctionContext, OnShares};
use crate::kernel::equations::{Equations, Scope};
use crate::kernel::fault::{Fault, InputError};
use crate::kernel::reveal::Reveal;

pub(crate) struct Sort(Unsorted);

impl Function for Sort {
    const DESCRIPTOR: Descriptor = Descriptor {
        name: "Sort",
        summary: "all numbers in order",
        reveals: &[RELEASE, ROWS, ROWS_OF_EACH],
        result_keys: &["sorted", "samples"],
        ..ORDERED_NUMBERS
    };

    type Parameters = Digits;

    fn opens(_: &Digits, _: Scope) -> Equations {
        Equations::ranks(u64::MAX)
    }

    fn new(digits: Digits, input: Option<&Input>, _: usize) -> Result<Self, InputError> {
        Unsorted::new(digits, input).map(Self)
    }

    fn agreed(&self) -> AgreedParameters {
        self.0.agreed()
    }
}

impl OnShares for Sort {
    async fn run<E: Engine>(self, cx: &mut FunctionContext<'_, E>) -> Computed {
        check_rows(cx.rows)?;
        if cx.permit.withholds() {
            return Err(cx.permit.shows_single_rows().into());
        }
        let sorted = self.0.sorted(cx).await?;
        let opened = cx.engine.open(&sorted, Reveal::ANSWER).await?;
        opened.answer(|words| all_in_order(&words)).transpose()
    }
}

/// Reads the opened numbers. Refuses numbers that are not in order.
fn all_in_order(words: &[PackedBits]) -> Result<Answer, Fault> {
    let numbers = words.iter().rev().map(|word| double(!word.0));
    let sorted: Option<Vec<f64>> = numbers.collect();
    let sorted = sorted.filter(|sorted| sorted.is_sorted()).ok_or(Fault::InvalidOpening)?;
    Ok(Answer::Sorted { sorted, samples: words.len() as u64 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algebra::order::key;

    #[test]
    fn opened_numbers_that_are_not_in_order_are_refused() {
        let words = |numbers: &[f64]| numbers.iter().map(|x| PackedBits(!key(*x))).collect();
        let opened = |numbers: &[f64]| -> Result<Answer, Fault> {
            let words: Vec<PackedBits> = words(numbers);
            all_in_order(&words)
        };
        let sorted = vec![-1.0, 2.0, 2.0];
        assert_eq!(opened(&[2.0, 2.0, -1.0]), Ok(Answer::Sorted { sorted, samples: 3 }));
        assert_eq!(opened(&[2.0, -1.0, 2.0]), Err(Fault::InvalidOpening));
    }
}
