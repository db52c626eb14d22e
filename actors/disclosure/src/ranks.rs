//! The memory of ranks that were shown.
//!
//! A rank is about one row of its selection, and it is not known which. So each row of a selection
//! bears an equal part of each rank: one over the selection's rows. The parts of one row over all
//! selections stay within one rank in `min_rows` rows. That is conservative for selections that
//! overlap: the same row would have to be shown by each. It says nothing of what order statistics
//! of overlapping selections imply together beyond that.

use std::collections::{BTreeMap, BTreeSet};

use crate::classes::{Classes, Cut};
use crate::question::{Policy, Ranks};
use crate::real::real;

/// Parts are sums of fractions, so that 7 of 70 rows may come out above a tenth.
const TOLERANCE: f64 = 1e-9;

/// The ranks of one value that were shown, by selection.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct ShownRanks {
    by_selection: BTreeMap<usize, RanksOfSelection>,
}

#[derive(Debug, Clone, Default, PartialEq)]
struct RanksOfSelection {
    permille: BTreeSet<u16>,
    /// The part of its ranks that each row of the selection bears.
    part_of_each_row: f64,
}

impl ShownRanks {
    /// Counts the ranks that were not shown of this selection before.
    pub(crate) fn new_ranks(&self, selection: Option<usize>, ranks: &Ranks) -> usize {
        let shown = selection.and_then(|selection| self.by_selection.get(&selection));
        ranks
            .permille
            .iter()
            .filter(|rank| !shown.is_some_and(|shown| shown.permille.contains(rank)))
            .count()
    }

    pub(crate) fn record(&mut self, selection: usize, ranks: &Ranks, own_rows: u64) {
        let part = self.added_part(Some(selection), ranks, own_rows);
        let shown = self.by_selection.entry(selection).or_default();
        shown.permille.extend(&ranks.permille);
        shown.part_of_each_row += part;
    }

    /// Returns `true` if all ranks are on the policy's grid, and no row of the cut would bear more
    /// than the policy allows.
    pub(crate) fn allows(
        &self,
        classes: &Classes,
        cut: &Cut,
        selection: Option<usize>,
        ranks: &Ranks,
        policy: &Policy,
    ) -> bool {
        if !ranks.permille.is_subset(&policy.grid) {
            return false;
        }
        let borne = self.borne(classes);
        assert_eq!(borne.len(), cut.inside.len(), "each class has its part of the cut");
        let of_cut = borne.iter().zip(&cut.inside).filter(|(_, inside)| **inside > 0);
        let most = of_cut.map(|(part, _)| *part).fold(0.0, f64::max);
        let part = self.added_part(selection, ranks, cut.rows);
        (most + part) * real(policy.min_rows) <= 1.0 + TOLERANCE
    }

    /// Returns the most that a row bears, as ranks for each row.
    pub(crate) fn most_borne(&self, classes: &Classes) -> f64 {
        self.borne(classes).into_iter().fold(0.0, f64::max)
    }

    pub(crate) fn count(&self) -> u64 {
        self.by_selection.values().map(|shown| shown.permille.len() as u64).sum()
    }

    fn added_part(&self, selection: Option<usize>, ranks: &Ranks, own_rows: u64) -> f64 {
        let rows = ranks.of_rows.max(own_rows).max(1);
        real(self.new_ranks(selection, ranks) as u64) / real(rows)
    }

    /// Returns the part that each class's rows bear.
    fn borne(&self, classes: &Classes) -> Vec<f64> {
        let mut borne = vec![0.0; classes.len()];
        for (selection, shown) in &self.by_selection {
            let cut = classes.cut_of(*selection);
            assert_eq!(borne.len(), cut.inside.len(), "each class has its part of the cut");
            for (sum, inside) in borne.iter_mut().zip(&cut.inside) {
                if *inside > 0 {
                    *sum += shown.part_of_each_row;
                }
            }
        }
        borne
    }
}
