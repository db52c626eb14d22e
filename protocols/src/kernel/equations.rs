//! The equations about rows that an answer tells.
//!
//! Every number that is opened is an equation whose unknowns are values of rows. As many equations
//! as unknowns are solved for the rows. So the number of equations that an answer tells is known
//! before it is computed, and the rules weigh the rows against it: for every party, the rows of all
//! others are at least [`Equations::weight`] more than the fewest that the rules ask.

use serde::Serialize;

use crate::kernel::rules::Rules;

/// The independent equations that an answer tells about the rows of one selection, by kind. What is
/// revealed beside the answer counts too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Equations {
    /// Sums over the rows: of values, of powers, or of products.
    pub linear: u64,
    /// Numbers by their rank. Each is the value of a single row.
    pub ranks: u64,
    /// Counts of rows in categories.
    pub counts: u64,
}

/// The facts about a computation, beside its parameters, that decide the equations which it tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// The columns of all parties together.
    pub columns: u64,
    /// True if the rules withhold small counts.
    pub withholds: bool,
}

/// The equations that a computation tells, with and without a rule on small counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Opens {
    pub(crate) withholding: Equations,
    pub(crate) everything: Equations,
}

impl Equations {
    /// No equation about rows.
    pub const NONE: Self = Self { linear: 0, ranks: 0, counts: 0 };

    /// So many sums.
    #[must_use]
    pub const fn linear(linear: u64) -> Self {
        Self { linear, ..Self::NONE }
    }

    /// So many numbers by rank.
    #[must_use]
    pub const fn ranks(ranks: u64) -> Self {
        Self { ranks, ..Self::NONE }
    }

    /// So many counts.
    #[must_use]
    pub const fn counts(counts: u64) -> Self {
        Self { counts, ..Self::NONE }
    }

    /// The sums of so many columns and of the products of each two, squares included: p(p + 3)/2.
    #[must_use]
    pub const fn products(columns: u64) -> Self {
        Self::linear(columns.saturating_mul(columns.saturating_add(3)) / 2)
    }

    /// Returns the unknowns that these equations may solve for. All counts of a table weigh as one:
    /// they do not say which row has which category, and the rule on small cells guards each.
    #[must_use]
    pub const fn weight(self) -> u64 {
        let table = if self.counts > 0 { 1 } else { 0 };
        self.linear.saturating_add(self.ranks).saturating_add(table)
    }
}

impl Opens {
    /// Returns the equations that are told under these rules. Without a rule on small counts single
    /// rows may be shown, so numbers by rank do not count.
    pub(crate) fn under(&self, rules: &Rules) -> Equations {
        if rules.ask_for_cells() {
            self.withholding
        } else {
            Equations { ranks: 0, ..self.everything }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_of_columns_are_sums_and_pairs() {
        // x, y, x², y², xy.
        assert_eq!(Equations::products(2).weight(), 5);
        assert_eq!(Equations::products(1).weight(), 2);
        assert_eq!(Equations::products(0), Equations::NONE);
        assert_eq!(Equations::products(u64::MAX).linear, u64::MAX / 2);
    }

    #[test]
    fn a_table_weighs_as_one_number() {
        assert_eq!(Equations::counts(40).weight(), 1);
        assert_eq!(Equations { linear: 2, ranks: 3, counts: 4 }.weight(), 6);
        assert_eq!(Equations { linear: u64::MAX, ranks: u64::MAX, counts: 1 }.weight(), u64::MAX);
    }
}
