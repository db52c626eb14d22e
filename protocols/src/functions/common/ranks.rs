//! Numbers by their place in the order of all parties' numbers.
//!
//! All are searches by rank (see [`super::search`]), all ranks of one function at once. Doubles are
//! compared exactly. Whole numbers that no double equals are refused. −0 counts as 0.

use std::collections::{BTreeMap, BTreeSet};

use zeroize::Zeroizing;

use crate::algebra::elementwise::zip_exact;
use crate::algebra::exact::Grid;
use crate::algebra::order::{double, key};
use crate::engine::Engine;
use crate::functions::FunctionContext;
use crate::functions::common::search::{Query, THRESHOLDS, find};
use crate::functions::parameters::{AgreedParameters, grid_text};
use crate::kernel::fault::{Fault, InputError};
use crate::kernel::reveal::Reveal;

/// One party's numbers in order; none at a helper.
pub(crate) struct Ranked {
    grid: Grid,
    keys: Zeroizing<Vec<u64>>,
}

/// The numbers that were found, by their ranks.
pub(crate) struct Found(BTreeMap<u64, f64>);

impl Ranked {
    /// Refuses numbers that are not on the grid, and sorts the others.
    pub(crate) fn new(
        grid: Grid,
        numbers: impl ExactSizeIterator<Item = f64>,
    ) -> Result<Self, InputError> {
        // Reserved as a whole: growing would leave copies behind.
        let mut keys = Zeroizing::new(Vec::with_capacity(numbers.len()));
        for (index, x) in numbers.enumerate() {
            grid.admit(index, x)?;
            keys.push(key(x));
        }
        keys.sort_unstable();
        Ok(Self { grid, keys })
    }

    pub(crate) fn agreed(&self) -> AgreedParameters {
        grid_text(&self.grid).into()
    }

    /// Returns the number of thresholds that are counted below and compared in each step, for so
    /// many ranks.
    pub(crate) const fn words(ranks: usize) -> usize {
        ranks * THRESHOLDS
    }

    /// Returns the query for the number of this rank.
    pub(crate) fn query(&self, rank: u64) -> Query<'_> {
        Query { keys: &self.keys, rank }
    }

    /// Finds the numbers of these ranks among all parties' numbers; none at a helper.
    /// Refuses numbers that descend where ranks ascend. The searches are independent, so a party
    /// that counts differently in two of them can make them cross.
    pub(crate) async fn find<E: Engine>(
        &self,
        cx: &mut FunctionContext<'_, E>,
        ranks: &[u64],
        shows: Reveal,
    ) -> Result<Option<Found>, Fault> {
        let ranks: BTreeSet<u64> = ranks.iter().copied().collect();
        let queries: Vec<Query<'_>> = ranks.iter().map(|rank| self.query(*rank)).collect();
        let Some(numbers) = find_numbers(cx, &queries, shows).await? else { return Ok(None) };
        if !numbers.is_sorted() {
            return Err(Fault::InvalidOpening);
        }
        Ok(Some(Found(zip_exact(ranks, numbers).collect())))
    }
}

impl Found {
    /// Returns the number of this rank.
    pub(crate) fn at(&self, rank: u64) -> Result<f64, Fault> {
        self.0.get(&rank).copied().ok_or(Fault::Internal("each rank that was asked for was found"))
    }
}

/// Finds the numbers that queries ask for, in their order; none at a helper.
pub(crate) async fn find_numbers<E: Engine>(
    cx: &mut FunctionContext<'_, E>,
    queries: &[Query<'_>],
    shows: Reveal,
) -> Result<Option<Vec<f64>>, Fault> {
    let Some(keys) = find(cx, queries, shows).await? else { return Ok(None) };
    let numbers: Option<Vec<f64>> = keys.into_iter().map(double).collect();
    numbers.map(Some).ok_or(Fault::InvalidOpening)
}

#[cfg(test)]
#[path = "ranks_tests.rs"]
mod tests;
