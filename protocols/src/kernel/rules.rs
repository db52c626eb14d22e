//! The disclosure rules: each party's conditions for an opening. They are plain data; their meaning
//! is told in [`crate::kernel::disclosure`].

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::kernel::rounding::Rounding;

/// The rules on the opening of a joint result. Each party has its own; the strictest hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// The fewest parties with data that may compute together.
    pub min_parties: u16,
    /// The fewest rows in all parties' data together, each party counting its own. If parties have
    /// columns of the same rows, these are counted once. The rule does not apply to vectors and
    /// matrices.
    pub min_rows: u64,
    /// The smallest count that a table may show; smaller ones are not opened. The rule does not
    /// apply to vectors and matrices.
    pub min_cell: u64,
    /// The dominance rule: the largest contribution of one party to a sum, or to the rows where
    /// there is no sum. It is given in percent, from 1 to 100; 100 is no rule. The rule does not
    /// apply to vectors and matrices.
    pub max_share: u8,
    /// The permission for a client's columns. Without it, a party that brings in a dataset takes no
    /// part if another brings in columns that a client has made.
    pub client_columns: bool,
    /// The rounding of all numbers that are no counts; none where it is absent.
    #[serde(default)]
    pub round: Option<Rounding>,
}

/// One of the [`Rules`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// The rule [`Rules::min_parties`].
    MinParties,
    /// The rule [`Rules::min_rows`].
    MinRows,
    /// The rule [`Rules::min_cell`].
    MinCell,
    /// The rule [`Rules::max_share`].
    MaxShare,
    /// The rule [`Rules::client_columns`].
    ClientColumns,
    /// The rule [`Rules::round`].
    Round,
}

/// A bound that no number of rows reaches, nor a minimum of the rules. The sum and the difference of
/// two numbers below it fit 64 bits in two's complement, so comparisons by the sign are right.
pub(crate) const BEYOND_ROWS: u64 = 1 << 62;

/// The name under which a node's operator chooses rules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// The rules for real data: at least 3 parties, at least 10 rows, no table cell below 5, no
    /// party with more than 90 percent, no columns of clients beside datasets. The limits of this
    /// protection stand in [`crate::kernel::disclosure`].
    #[default]
    Production,
    /// The rules for trying out: 2 parties, 1 row, and no other condition. They protect no data.
    Teaching,
}

impl Profile {
    /// Returns the rules behind the name.
    #[must_use]
    pub fn rules(self) -> Rules {
        match self {
            Self::Production => Rules {
                min_parties: 3,
                min_rows: 10,
                min_cell: 5,
                max_share: 90,
                client_columns: false,
                round: None,
            },
            Self::Teaching => Rules {
                min_parties: 2,
                min_rows: 1,
                min_cell: 1,
                max_share: 100,
                client_columns: true,
                round: None,
            },
        }
    }

    /// Returns the name as it stands in settings and results.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Teaching => "teaching",
        }
    }
}

impl Rules {
    /// Returns the rules that satisfy both.
    #[must_use]
    pub fn strictest(self, other: Self) -> Self {
        Self {
            min_parties: self.min_parties.max(other.min_parties),
            min_rows: self.min_rows.max(other.min_rows),
            min_cell: self.min_cell.max(other.min_cell),
            max_share: self.max_share.min(other.max_share),
            client_columns: self.client_columns && other.client_columns,
            round: Rounding::coarsest(self.round, other.round),
        }
    }

    /// Returns whether the thresholds are the same. The permission for columns of clients is none,
    /// nor is the rounding.
    #[must_use]
    pub fn has_thresholds_of(&self, other: &Self) -> bool {
        let Self { client_columns, round, .. } = *other;
        Self { client_columns, round, ..*self } == *other
    }

    /// Returns whether counts of rows can reach the minima, and `max_share` is a part of a whole.
    /// Then nothing that is compared with them can overflow.
    pub(crate) fn are_sensible(&self) -> bool {
        self.min_rows < BEYOND_ROWS
            && self.min_cell < BEYOND_ROWS
            && (1..=100).contains(&self.max_share)
    }

    /// Returns whether there is a rule on rows.
    pub(crate) fn ask_for_rows(&self) -> bool {
        self.min_rows > 1
    }

    /// Returns whether there is a dominance rule.
    pub(crate) fn ask_for_dominance(&self) -> bool {
        self.max_share < 100
    }

    /// Returns whether there are counts that may not be shown.
    pub(crate) fn ask_for_cells(&self) -> bool {
        self.min_cell > 1
    }

    pub(super) fn is_as_strict(&self, other: &Self, rule: Rule) -> bool {
        match rule {
            Rule::MinParties => self.min_parties == other.min_parties,
            Rule::MinRows => self.min_rows == other.min_rows,
            Rule::MinCell => self.min_cell == other.min_cell,
            Rule::MaxShare => self.max_share == other.max_share,
            Rule::ClientColumns => self.client_columns == other.client_columns,
            Rule::Round => self.round == other.round,
        }
    }
}

impl Rule {
    /// All rules.
    pub const ALL: [Self; 6] = [
        Self::MinParties,
        Self::MinRows,
        Self::MinCell,
        Self::MaxShare,
        Self::ClientColumns,
        Self::Round,
    ];

    /// Returns the name as it stands in settings and results.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::MinParties => "min_parties",
            Self::MinRows => "min_rows",
            Self::MinCell => "min_cell",
            Self::MaxShare => "max_share",
            Self::ClientColumns => "client_columns",
            Self::Round => "round",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
