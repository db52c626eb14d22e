//! `SecureSum`: the sum of all numbers of all parties, exact, rounded once at the end.
//!
//! One masked sum, of one cell. The dominance rule applies to the sum of the numbers' magnitudes,
//! Σ|x|, and is checked before (see [`crate::release`]). Numbers of either sign could cancel, and a
//! sum near zero says nothing of the parties' contributions.

use zeroize::Zeroizing;

use crate::algebra::exact::{Accumulator, Grid};
use crate::algebra::layout::Layout;
use crate::engine::aggregate::{Aggregate, Rounds};
use crate::engine::reveals::{EXACT_SUM, RELEASE};
use crate::functions::answer::Answer;
use crate::functions::descriptor::{Descriptor, InputKind, Kind, Needs, Pushdown};
use crate::functions::input::Input;
use crate::functions::parameters::{AgreedParameters, Digits, grid_text};
use crate::functions::{Function, OnSums, SumsContext};
use crate::kernel::equations::{Equations, Scope};
use crate::kernel::fault::{Fault, InputError};
use crate::release::terms::Magnitude;

pub(crate) struct Sum {
    grid: Grid,
    layout: Layout,
    cell: Zeroizing<Vec<u64>>,
    /// Σ|x|, for the dominance rule, until the release check has taken it.
    magnitude: Option<Magnitude>,
}

impl Function for Sum {
    const DESCRIPTOR: Descriptor = Descriptor {
        name: "SecureSum",
        summary: "the sum of all numbers",
        asked_by: None,
        input: InputKind::Numbers,
        parameters: &[Digits::BEFORE, Digits::AFTER],
        kind: Kind::Rows,
        needs: Needs::LinearSums,
        pushdown: Some(Pushdown::Sum),
        reveals: &[RELEASE, EXACT_SUM],
        result_keys: &["sum"],
    };

    type Parameters = Digits;

    fn opens(_: &Digits, _: Scope) -> Equations {
        Equations::linear(1)
    }

    fn new(digits: Digits, input: Option<&Input>, _: usize) -> Result<Self, InputError> {
        let grid = digits.grid()?;
        let layout = Layout::uniform(grid.limbs(1), 1)?;
        let Some(input) = input else {
            let magnitude = Some(Magnitude::absent(&grid));
            return Ok(Self { grid, layout, cell: Zeroizing::default(), magnitude });
        };
        let sum = add_up(&grid, input)?;
        let magnitude = Some(Magnitude::of(&grid, &sum));
        Ok(Self { grid, layout, cell: sum.into_cell(), magnitude })
    }

    fn agreed(&self) -> AgreedParameters {
        grid_text(&self.grid).into()
    }

    fn words(&self) -> usize {
        self.layout.words()
    }

    fn take_magnitude(&mut self) -> Option<Magnitude> {
        self.magnitude.take()
    }
}

impl OnSums for Sum {
    async fn run<A: Aggregate>(self, cx: &mut SumsContext<'_, A>) -> Result<Answer, Fault> {
        let mut cell =
            cx.sums.sum(Rounds::showing(EXACT_SUM), &self.layout, self.cell, &mut cx.rng).await?;
        let sum = self.grid.decode(1, &mut cell).ok_or(Fault::ResultOutOfRange)?;
        Ok(Answer::Sum { sum })
    }
}

fn add_up(grid: &Grid, input: &Input) -> Result<Accumulator, InputError> {
    let mut sum = Accumulator::new(grid, 1);
    match input {
        Input::Numbers(items) => {
            for (index, x) in items.iter().enumerate() {
                sum.add(grid.admit(index, *x)?);
            }
        }
        Input::Integers(items) => {
            for (index, x) in items.iter().enumerate() {
                sum.add(grid.admit_whole(index, *x)?);
            }
        }
        Input::Added { rows, sum: added, magnitude } => {
            grid.admit_added(*rows, *added, *magnitude)?.into_iter().for_each(|term| sum.add(term));
        }
        other if other.is_empty() => {}
        _ => {
            return Err(InputError::Shape { expected: "numbers" });
        }
    }
    Ok(sum)
}
