//! What may be opened: the rules of all parties, and the value that proves they were met.
//!
//! A value that may leave a node is an [`Opened`]. Only the opening step of a computation makes
//! one, and only with a [`Permit`], which only `Rules::permit` gives. Nothing here decides which
//! client may run what on which data: that is the node's policy.
//!
//! What the rules assume. Rows and cells are what the parties say they are: each counts its own
//! rows, and one that adds rows which nobody has lifts a total or a cell over a minimum. Vectors are
//! not rows, and neither the rule on rows nor the one on small cells applies to them. Withholding a
//! small count keeps it out of the answer, not from the nodes, nor from whoever can work it out.
//!
//! A number by its rank (an extreme, a median, a quantile) is the number of a single row, and is
//! shown: that is what these functions are for. How many of them one computation may show is bounded
//! where small counts are withheld (see the statistics on shares).
//!
//! What is planned for the production profile and not enforced yet, because this suite can compare
//! nothing that it has not opened: that no single party makes up most of a sum or of a cell
//! (dominance); that two computations which differ in their members, their rows or their run are
//! not subtracted from each other (differencing); that the columns which clients hand in were not
//! made to single somebody out.

use serde::{Deserialize, Serialize};

/// Rules for what a joint computation may open. Each party has its own; the strictest hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// The fewest parties that may compute together.
    pub min_parties: u16,
    /// The fewest rows in all parties' data together, each party counting its own. Says nothing of
    /// vectors.
    pub min_rows: u64,
    /// The smallest count above zero that a table may show; smaller ones are withheld from the
    /// answer. Says nothing of vectors.
    pub min_cell: u64,
}

/// The name under which a node's operator chooses rules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// For real data: at least 3 parties, at least 10 rows, no table cell from 1 to 4. See the top
    /// of this module for what it does not protect from.
    #[default]
    Production,
    /// For trying out: 2 parties, 1 row. Protects nobody.
    Teaching,
}

/// Why the rules forbid a result. Says what the rule is, not what the data was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Too few parties.
    #[error("{parties} parties are fewer than the {minimum} that a party's disclosure rules ask")]
    TooFewParties {
        /// How many there are.
        parties: usize,
        /// How many there must be.
        minimum: u16,
    },
    /// The answer would show single rows.
    #[error("the answer would show single rows, which the rules on small counts forbid")]
    SingleRows,
    /// Too few rows in all parties' data together. To know it, every party's node has seen how many
    /// there are, and nothing else.
    #[error(
        "all parties together have fewer than the {minimum} rows that the rules ask; how many they \
         have was opened to the nodes that take part, nothing else was"
    )]
    TooFewRows {
        /// How many there must be.
        minimum: u64,
    },
}

/// Proof that the agreed rules allow to open what is about to be opened.
#[derive(Debug)]
pub struct Permit {
    rules: Rules,
    /// The number of rows that was opened, if the rules asked for it.
    rows: Option<u64>,
}

/// A result that all parties agreed to open. The only kind of computed value that may leave a node.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Opened<T>(T);

impl Profile {
    /// The rules behind the name.
    #[must_use]
    pub fn rules(self) -> Rules {
        match self {
            Self::Production => Rules { min_parties: 3, min_rows: 10, min_cell: 5 },
            Self::Teaching => Rules { min_parties: 2, min_rows: 1, min_cell: 1 },
        }
    }

    /// The name as it stands in settings and results.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Teaching => "teaching",
        }
    }
}

impl Rules {
    /// The rules that satisfy both.
    #[must_use]
    pub fn strictest(self, other: Self) -> Self {
        Self {
            min_parties: self.min_parties.max(other.min_parties),
            min_rows: self.min_rows.max(other.min_rows),
            min_cell: self.min_cell.max(other.min_cell),
        }
    }

    /// Whether the minima are numbers that counts of rows can reach: then nothing that is compared
    /// with them can overflow.
    pub(crate) fn are_sensible(&self) -> bool {
        const BEYOND: u64 = 1 << 62;
        self.min_rows < BEYOND && self.min_cell < BEYOND
    }

    /// Whether so many parties may compute together at all.
    ///
    /// # Errors
    /// If they may not.
    pub fn check_parties(&self, parties: usize) -> Result<(), Refusal> {
        if parties < usize::from(self.min_parties) {
            return Err(Refusal::TooFewParties { parties, minimum: self.min_parties });
        }
        Ok(())
    }

    /// Whether the number of rows has to be known before anything else is opened.
    #[must_use]
    pub fn ask_for_rows(&self) -> bool {
        self.min_rows > 1
    }

    /// Leave to open a result that so many parties computed from so many rows.
    ///
    /// # Errors
    /// If the rules forbid it.
    pub(crate) fn permit(&self, parties: usize, rows: u64) -> Result<Permit, Refusal> {
        if rows < self.min_rows {
            return Err(Refusal::TooFewRows { minimum: self.min_rows });
        }
        self.check_parties(parties)?;
        Ok(Permit { rules: *self, rows: Some(rows) })
    }

    /// Leave to open a result that so many parties computed, where the rule on rows says nothing:
    /// it is not asked for, or what is added up are not rows but tables or models.
    ///
    /// # Errors
    /// If the rules forbid it.
    pub(crate) fn permit_whatever_the_rows(&self, parties: usize) -> Result<Permit, Refusal> {
        self.check_parties(parties)?;
        Ok(Permit { rules: *self, rows: None })
    }
}

impl Permit {
    /// Whether an opened number of rows is the one that the permit was given for, if it was for one.
    #[must_use]
    pub fn agrees_with(&self, rows: u64) -> bool {
        self.rows.is_none_or(|counted| counted == rows)
    }

    /// Whether there are counts that a table may not show.
    #[must_use]
    pub fn withholds(&self) -> bool {
        self.rules.min_cell > 1
    }

    /// The smallest count above zero that may be shown; 1 at least.
    #[must_use]
    pub fn least_shown(&self) -> u64 {
        self.rules.min_cell.max(1)
    }

    /// What a table may show of a count: nothing, if it is above zero and below the minimum.
    #[must_use]
    pub fn cell(&self, count: u64) -> Option<u64> {
        (count == 0 || count >= self.rules.min_cell).then_some(count)
    }
}

impl<T> Opened<T> {
    /// Marks `value` as opened. `_permit` proves that it may be.
    pub(crate) fn by(_permit: &Permit, value: T) -> Self {
        Self(value)
    }

    /// The opened value.
    #[must_use]
    pub fn get(&self) -> &T {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strictest_of_each_rule_holds() {
        let odd = Rules { min_parties: 2, min_rows: 50, min_cell: 1 };
        let both = Profile::Production.rules().strictest(odd);
        assert_eq!(both, Rules { min_parties: 3, min_rows: 50, min_cell: 5 });
    }

    #[test]
    fn too_few_parties_or_rows_are_refused() {
        let rules = Profile::Production.rules();
        assert!(rules.permit(3, 10).is_ok());
        assert!(matches!(rules.permit(2, 10), Err(Refusal::TooFewParties { .. })));
        assert!(matches!(rules.permit(3, 9), Err(Refusal::TooFewRows { minimum: 10 })));
        assert!(rules.permit_whatever_the_rows(3).is_ok());
        assert!(rules.permit_whatever_the_rows(2).is_err());
    }

    #[test]
    fn a_permit_is_for_the_rows_that_were_counted() {
        let rules = Profile::Production.rules();
        let counted = rules.permit(3, 10).unwrap();
        assert!(counted.agrees_with(10) && !counted.agrees_with(9) && !counted.agrees_with(11));
        let uncounted = rules.permit_whatever_the_rows(3).unwrap();
        assert!(uncounted.agrees_with(0) && uncounted.withholds());
        let all_shown = Profile::Teaching.rules().permit(2, 1).unwrap();
        assert!(!all_shown.withholds());
    }

    #[test]
    fn small_cells_are_withheld_and_empty_ones_are_not() {
        let permit = Profile::Production.rules().permit(3, 10).unwrap();
        assert_eq!([0, 1, 4, 5].map(|count| permit.cell(count)), [Some(0), None, None, Some(5)]);
    }
}
