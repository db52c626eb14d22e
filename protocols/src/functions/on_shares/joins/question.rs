//! What is asked of a join, and what has to be there for it.

use zeroize::Zeroizing;

use super::categories;
use super::columns::Cells;
use crate::algebra::packed_bits::LANES;
use crate::functions::catalogue::{
    CONTINGENCY_VERTICAL, CORRELATION, Entry, INTERSECTION_SIZE, INTERSECTION_SUM, MEAN_BY_GROUP,
    REGRESSION, UNION_SIZE,
};
use crate::functions::input::Column;
use crate::functions::parameters::Parameters;
use crate::functions::sets::MOST_ITEMS;
use crate::kernel::disclosure::Permit;
use crate::kernel::fault::{Fault, InputError, Misbehaviour};
use crate::kernel::party::Party;

/// The most columns of a party.
pub(super) const MOST_COLUMNS: usize = 64;

/// The most rows of all parties together.
pub(super) const MOST_ROWS: usize = 1 << 20;

/// The most words that all parties' rows have together.
const MOST_WORDS: usize = 1 << 22;

/// The most bits of which cells and groups are counted.
const MOST_CELLS: usize = 1 << 24;

/// The most numbers of a joined column.
const MOST_NUMBERS: usize = 1 << 18;

/// What is asked of the join.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Question {
    /// How many ids all parties have.
    Common,
    /// How many ids there are at all parties together.
    Distinct,
    /// The sum of one party's column.
    Sum,
    /// The table of the first party's categories and the second's.
    Contingency,
    /// The means of the second party's column in each of the first party's categories.
    MeanByGroup,
    /// The correlations of all columns.
    Correlation,
    /// The second party's first column on all others.
    Regression { intercept: bool },
}

/// What a party has told of its rows.
#[derive(Clone, Copy)]
pub(super) struct Told {
    /// Filled up to what was declared.
    pub(super) rows: usize,
    pub(super) columns: usize,
    /// How many categories its one column may have, if small counts are withheld; 0 else.
    pub(super) categories: usize,
}

impl Question {
    pub(super) fn of(function: &Entry, parameters: &Parameters) -> Option<Self> {
        Some(match function.name {
            INTERSECTION_SIZE => Self::Common,
            UNION_SIZE => Self::Distinct,
            INTERSECTION_SUM => Self::Sum,
            CONTINGENCY_VERTICAL => Self::Contingency,
            MEAN_BY_GROUP => Self::MeanByGroup,
            CORRELATION => Self::Correlation,
            REGRESSION if parameters.by_id == Some(true) => {
                Self::Regression { intercept: parameters.intercept == Some(true) }
            }
            _ => return None,
        })
    }

    pub(super) fn is_of_sets(self) -> bool {
        matches!(self, Self::Common | Self::Distinct)
    }

    pub(super) fn cells(self, column: &Column) -> Result<Cells, InputError> {
        match (self, column) {
            (Self::Common | Self::Distinct, _) => {
                Err(InputError::Shape { expected: "ids, and nothing behind them" })
            }
            (Self::Contingency | Self::MeanByGroup, Column::Texts(texts)) => {
                Ok(Cells::Texts(Zeroizing::new(texts.clone())))
            }
            (_, Column::Numbers(numbers)) => Cells::numbers(numbers),
            (_, Column::Texts(_)) => Err(InputError::Shape { expected: "numbers behind each id" }),
        }
    }

    /// Whether the parties have the columns that are asked for.
    pub(super) fn check(self, told: &[Told], permit: &Permit) -> Result<(), Fault> {
        self.check_categories(told, permit)?;
        self.check_work(told)?;
        if !self.is_of_sets() && told.iter().any(|told| told.rows == 0) {
            return Err(Fault::Undefined { why: "a party has no rows" });
        }
        let columns: Vec<usize> = told.iter().map(|told| told.columns).collect();
        let (fits, why) = match self {
            Self::Common | Self::Distinct => {
                (columns.iter().all(|count| *count == 0), "parties have columns beside ids")
            }
            Self::Sum => (
                columns.iter().sum::<usize>() == 1,
                "one party has one column of numbers beside its ids, all others have ids only",
            ),
            Self::Contingency => (
                columns.iter().enumerate().all(|(i, count)| *count == usize::from(i < 2)),
                "the first two parties have a category beside each id, all others have ids only",
            ),
            Self::MeanByGroup => (
                columns.iter().enumerate().all(|(i, count)| *count == usize::from(i < 2)),
                "the first party has a group beside each id, the second a number, and all others have \
                 ids only",
            ),
            Self::Correlation => {
                (columns.iter().sum::<usize>() > 0, "no party has a column of numbers")
            }
            Self::Regression { .. } => (
                columns.get(1).is_some_and(|count| *count > 0) && columns.iter().sum::<usize>() > 1,
                "the second party's first column behind the id is what is explained, and there must be \
                 others to explain it",
            ),
        };
        match fits {
            true => Ok(()),
            false => Err(Fault::Undefined { why }),
        }
    }

    /// Whether the parties tell numbers of categories that the function asks them for.
    fn check_categories(self, told: &[Told], permit: &Permit) -> Result<(), Fault> {
        let asked = |index: usize| match self {
            Self::MeanByGroup => index == 0,
            Self::Contingency => permit.withholds() && index < 2,
            _ => false,
        };
        for (index, told) in told.iter().enumerate() {
            let fits = match asked(index) && told.columns > 0 {
                true => told.categories.is_power_of_two(),
                false => told.categories == 0,
            };
            if let Some(party) = Party::new(index).filter(|_| !fits) {
                return Err(Fault::blame(party, Misbehaviour::OutOfRange));
            }
        }
        Ok(())
    }

    /// Whether what is told asks for no more than a node can do.
    fn check_work(self, told: &[Told]) -> Result<(), Fault> {
        let width = |told: &Told| 1 + told.columns.max(told.categories.div_ceil(LANES));
        let words = told.iter().map(|told| told.rows * width(told)).sum();
        // The join is no larger than the smallest table.
        let rows = told.iter().map(|told| told.rows).min().unwrap_or(0);
        let kinds = told.iter().map(|told| told.categories.max(1));
        let (cells, limit) = match self {
            Self::Common | Self::Distinct => (0, 1),
            Self::Contingency | Self::MeanByGroup => (rows * kinds.product::<usize>(), MOST_CELLS),
            Self::Sum | Self::Correlation | Self::Regression { .. } => (rows, MOST_NUMBERS),
        };
        let bounds = [
            ("words in all parties' rows", words, MOST_WORDS),
            ("rows of the smallest table, times what is computed of each", cells, limit),
        ];
        match bounds.into_iter().find(|(_, actual, limit)| actual > limit) {
            Some((what, actual, limit)) => Err(Fault::TableTooLarge { what, actual, limit }),
            None => Ok(()),
        }
    }
}

impl Told {
    pub(super) fn of(index: usize, [rows, columns, categories]: [u64; 3]) -> Result<Self, Fault> {
        let within = |value: u64, most: usize| usize::try_from(value).ok().filter(|v| *v <= most);
        let told = within(rows, MOST_ITEMS)
            .zip(within(columns, MOST_COLUMNS))
            .zip(within(categories, categories::MOST));
        let party = Party::new(index).ok_or(Fault::Implausible)?;
        let ((rows, columns), categories) =
            told.ok_or(Fault::blame(party, Misbehaviour::OutOfRange))?;
        Ok(Self { rows, columns, categories })
    }
}
