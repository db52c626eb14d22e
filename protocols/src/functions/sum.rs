//! `SecureSum`: the sum of all numbers of all parties, exact, rounded once at the end.
//!
//! One masked sum, of one cell. What the rules ask of the largest party's share is asked of the sum of
//! the numbers' magnitudes, Σ|x|, before (see [`crate::release`]): numbers of either sign could cancel, and
//! a sum near zero says nothing of how much of it is whose.

use std::collections::BTreeMap;

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::algebra::exact::{Accumulator, Grid};
use crate::algebra::layout::Layout;
use crate::functions::answer::Answer;
use crate::functions::input::Input;
use crate::functions::parameters::{Parameters, grid_text};
use crate::kernel::fault::{Fault, InputError};
use crate::release::terms::Magnitude;
use crate::suites::masked::{MaskedSums, Rounds};

/// What is revealed beside the answer.
pub(crate) const REVEALS: &str = "the exact sum, before it is rounded to a double, to every party";

pub(crate) struct Prepared {
    grid: Grid,
    layout: Layout,
    cell: Zeroizing<Vec<u64>>,
    /// Σ|x|, which the rules may ask about; until the release check has taken it.
    magnitude: Option<Magnitude>,
}

impl Prepared {
    pub(super) fn new(parameters: &Parameters, input: &Input) -> Result<Self, InputError> {
        parameters.no_categories()?;
        parameters.no_encoding()?;
        let grid = parameters.grid()?;
        let layout = Layout::uniform(grid.limbs(1), 1)?;
        let sum = add_up(&grid, input)?;
        let magnitude = Some(Magnitude::of(&grid, &sum));
        Ok(Self { grid, layout, cell: sum.into_cell(), magnitude })
    }

    pub(super) fn take_magnitude(&mut self) -> Option<Magnitude> {
        self.magnitude.take()
    }

    pub(super) fn parameters(&self) -> BTreeMap<String, String> {
        grid_text(&self.grid).into()
    }

    pub(super) fn words(&self) -> usize {
        self.layout.words()
    }

    pub(super) async fn run(
        self,
        sums: &mut MaskedSums<'_>,
        rng: &mut impl CryptoRng,
    ) -> Result<Answer, Fault> {
        let mut cell = sums.sum(Rounds::default(), &self.layout, self.cell, rng).await?;
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
