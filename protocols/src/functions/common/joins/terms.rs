//! The terms of a join: the work on the joined rows, and the columns that it requires.

use zeroize::Zeroizing;

use super::categories;
use super::columns::{Cells, Use, bits};
use crate::algebra::packed_bits::WORD_BITS;
use crate::engine::reveals::{COLUMNS, KINDS_OF_CATEGORIES, SIZES};
use crate::functions::common::leverage::BITS;
use crate::functions::common::sets::MOST_ITEMS;
use crate::functions::input::Column;
use crate::kernel::disclosure::Permit;
use crate::kernel::equations::{Equations, Scope};
use crate::kernel::fault::{Fault, InputError, Misbehaviour};
use crate::kernel::party::Party;
use crate::kernel::reveal::Reveal;

/// The most columns of a party.
pub(crate) const MOST_COLUMNS: usize = 64;

/// The most rows of all parties together.
pub(crate) const MOST_ROWS: usize = 1 << 20;

/// The most words that all parties' rows have together.
const MOST_WORDS: usize = 1 << 22;

/// The most words that the joined rows take while they are converted and multiplied: two for each bit
/// of a column of numbers, for each category or pair of categories, and for each element that is held
/// of columns to multiply. That is 256 MB a component of shares, of
/// which a node holds some at a time.
const MOST_CONVERTED: usize = 1 << 25;

/// The words of a converted bit.
const CONVERTED: usize = 2;

/// The elements that are held of each row of a column that is to be multiplied, while others are
/// converted: the number and both of its halves.
const HELD: usize = 3;

/// The elements of each row of a column while it is multiplied: the number, again in the order of
/// rows, both halves, and their combination with other columns, which is a factor twice.
const MULTIPLIED: usize = 6;

// The sums of products of two columns are below 2^127, whatever a party shares.
const _: () = {
    let rows = MOST_CONVERTED / (CONVERTED * (BITS as usize + 1));
    assert!((rows as u128) < 1 << (127 - 2 * BITS), "a moment fits the ring");
};

/// The bit of the announced number of columns that says that they are wide.
const WIDE: u64 = 1 << 32;

/// The work of a function on joined rows, and the columns that it requires.
pub(crate) struct Terms {
    /// The number of parties, the first ones, that bring one column of categories.
    pub(crate) categories: usize,
    /// True if these parties announce their number of categories also where all counts may be
    /// shown.
    pub(crate) always_tells: bool,
    /// The work on the joined rows.
    pub(crate) work: Work,
    /// The entries of what the parties announce. The number of categories is not announced where all
    /// counts may be shown.
    pub(crate) announces: &'static [Reveal],
    /// The use of columns of numbers, if there are any.
    pub(crate) of: Use,
    /// The equations about the joined rows that the answer tells.
    pub(crate) opens: fn(Scope) -> Equations,
    /// The check of the parties' columns: given the number of columns behind the ids of each, it
    /// names the misfit, if there is one.
    pub(crate) misfit: fn(&[usize]) -> Option<&'static str>,
}

/// The terms of functions that count ids, and take nothing behind them.
pub(crate) const IDS_ALONE: Terms = Terms {
    categories: 0,
    always_tells: false,
    work: Work::Counts,
    announces: &[SIZES],
    of: Use::Sums,
    opens: |_| Equations::counts(1),
    misfit: |columns| {
        columns.iter().any(|count| *count > 0).then_some("parties have columns beside ids")
    },
};

/// The terms of functions of the products of numbers, without the check of their columns.
pub(crate) const PRODUCTS: Terms = Terms {
    categories: 0,
    always_tells: false,
    work: Work::Numbers,
    announces: &[SIZES, COLUMNS],
    of: Use::Products,
    opens: |scope| Equations::products(scope.columns),
    misfit: |_| None,
};

/// Reports whether the first two parties have one column each, and the others none.
pub(crate) fn have_one_each(columns: &[usize]) -> bool {
    columns.iter().enumerate().all(|(index, count)| *count == usize::from(index < 2))
}

/// The work on joined rows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// Counting rows: parties bring sets of ids, and nothing behind these.
    Counts,
    /// Counting cells and groups.
    Cells,
    /// Adding and multiplying columns of numbers.
    Numbers,
}

/// The facts that a party has announced of its rows.
#[derive(Clone, Copy)]
pub(crate) struct Told {
    /// The number of rows; the declared size where sets are padded.
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    /// True if its one column is of numbers that take two words each.
    pub(crate) wide: bool,
    /// The number of categories that its one column may have, if small counts are withheld; 0 else.
    pub(crate) categories: usize,
}

impl Terms {
    /// Reads one of this party's columns.
    pub(crate) fn cells(&self, column: &Column) -> Result<Cells, InputError> {
        match column {
            _ if self.work == Work::Counts => {
                Err(InputError::Shape { expected: "ids, and nothing behind them" })
            }
            Column::Texts(texts) if self.categories > 0 => {
                Ok(Cells::Texts(Zeroizing::new(texts.clone())))
            }
            Column::Numbers(numbers) => Cells::numbers(numbers),
            Column::Texts(_) => Err(InputError::Shape { expected: "numbers behind each id" }),
        }
    }

    /// Returns the entries of what the parties announce under these rules.
    pub(crate) fn announced(&self, permit: &Permit) -> Vec<Reveal> {
        let is_told = |entry: &&Reveal| **entry != KINDS_OF_CATEGORIES || permit.withholds();
        self.announces.iter().filter(is_told).copied().collect()
    }

    /// Reports whether the party at this place announces its number of categories.
    pub(crate) fn tells_categories(&self, index: usize, permit: &Permit) -> bool {
        index < self.categories && (self.always_tells || permit.withholds())
    }

    /// Refuses announcements that the function has no use for.
    pub(crate) fn check(&self, told: &[Told], permit: &Permit) -> Result<(), Fault> {
        self.check_categories(told, permit)?;
        self.check_widths(told)?;
        self.check_work(told)?;
        if self.work != Work::Counts && told.iter().any(|told| told.rows == 0) {
            return Err(Fault::Undefined { why: "a party has no rows" });
        }
        let columns: Vec<usize> = told.iter().map(|told| told.columns).collect();
        match (self.misfit)(&columns) {
            None => Ok(()),
            Some(why) => Err(Fault::Undefined { why }),
        }
    }

    /// Blames a party that announces another number of categories than the function asks it for.
    fn check_categories(&self, told: &[Told], permit: &Permit) -> Result<(), Fault> {
        for (index, told) in told.iter().enumerate() {
            let fits = if self.tells_categories(index, permit) && told.columns > 0 {
                told.categories.is_power_of_two()
            } else {
                told.categories == 0
            };
            if let Some(party) = Party::new(index).filter(|_| !fits) {
                return Err(Fault::blame(party, Misbehaviour::OutOfRange));
            }
        }
        Ok(())
    }

    /// Blames a party that announces a wide column where there is none.
    fn check_widths(&self, told: &[Told]) -> Result<(), Fault> {
        for (index, told) in told.iter().enumerate() {
            let may_be_wide = self.of == Use::Sums
                && self.work != Work::Counts
                && index >= self.categories
                && told.columns == 1;
            if let Some(party) = Party::new(index).filter(|_| told.wide && !may_be_wide) {
                return Err(Fault::blame(party, Misbehaviour::OutOfRange));
            }
        }
        Ok(())
    }

    /// Returns the bits of each number in the columns of the party at this place. Categories are no
    /// numbers, also where it does not tell how many there are.
    fn bits_of(&self, index: usize, told: &Told) -> usize {
        if told.columns > 0 && index >= self.categories {
            bits(self.of, told.rows, told.wide)
        } else {
            0
        }
    }

    /// Refuses more work than a node can do.
    fn check_work(&self, told: &[Told]) -> Result<(), Fault> {
        let words = told.iter().map(|told| told.rows * told.row_words()).sum();
        // The join is no larger than the smallest table.
        let rows = told.iter().map(|told| told.rows).min().unwrap_or(0);
        let kinds: usize = told.iter().map(|told| told.categories.max(1)).product();
        // Columns are converted one after the other.
        let bits = told.iter().enumerate().map(|(index, told)| self.bits_of(index, told));
        let widest = bits.max().unwrap_or(0);
        let columns: usize = told.iter().map(|told| told.columns).sum();
        let elements = match self.of {
            Use::Sums => widest,
            Use::Products => (widest + HELD * columns).max(MULTIPLIED * columns),
        };
        let converted = match self.work {
            Work::Counts => 0,
            Work::Cells => CONVERTED * rows * kinds.max(widest),
            Work::Numbers => CONVERTED * rows * elements,
        };
        let bounds = [
            ("words in all parties' rows", words, MOST_WORDS),
            (
                "words of what is computed of the rows of the smallest table",
                converted,
                MOST_CONVERTED,
            ),
        ];
        match bounds.into_iter().find(|(_, actual, limit)| actual > limit) {
            Some((what, actual, limit)) => Err(Fault::TableTooLarge { what, actual, limit }),
            None => Ok(()),
        }
    }
}

impl Told {
    /// Returns the announced number of columns, and whether they are wide, as one number.
    pub(crate) fn columns_told(columns: usize, wide: bool) -> u64 {
        columns as u64 | if wide { WIDE } else { 0 }
    }

    pub(crate) fn of(index: usize, [rows, columns, categories]: [u64; 3]) -> Result<Self, Fault> {
        let (columns, wide) = (columns & !WIDE, columns & WIDE != 0);
        let told = within(rows, MOST_ITEMS)
            .zip(within(columns, MOST_COLUMNS))
            .zip(within(categories, categories::MOST));
        let party = Party::new(index).ok_or(Fault::Internal("each party has a place"))?;
        let ((rows, columns), categories) =
            told.ok_or(Fault::blame(party, Misbehaviour::OutOfRange))?;
        Ok(Self { rows, columns, wide, categories })
    }

    /// Returns the words that the numbers of each row take.
    pub(crate) fn number_words(&self) -> usize {
        self.columns + usize::from(self.wide)
    }

    /// Returns the words that each row has.
    fn row_words(&self) -> usize {
        1 + self.number_words().max(self.categories.div_ceil(WORD_BITS))
    }
}

fn within(value: u64, most: usize) -> Option<usize> {
    usize::try_from(value).ok().filter(|value| *value <= most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_work_on_a_column_grows_with_its_bits() {
        let terms = Terms { work: Work::Numbers, ..IDS_ALONE };
        let of = |rows: usize, wide: bool| {
            let told = Told { rows, columns: 1, wide, categories: 0 };
            terms.check_work(&[told, Told { columns: 0, wide: false, ..told }])
        };
        assert_eq!(of(1 << 18, false), Ok(()));
        assert_eq!(of(1 << 17, true), Ok(()));
        let refused = |result| matches!(result, Err(Fault::TableTooLarge { actual, limit, .. }) if actual > limit);
        assert!(refused(of(1 << 18, true)), "twice the bits take twice the memory");
        assert!(refused(of(1 << 19, false)));
    }

    #[test]
    fn the_work_on_products_grows_with_the_columns() {
        let terms = Terms { work: Work::Numbers, of: Use::Products, ..IDS_ALONE };
        let of = |rows: usize, columns: usize| {
            let told = Told { rows, columns, wide: false, categories: 0 };
            terms.check_work(&[told, told])
        };
        let refused = |result| matches!(result, Err(Fault::TableTooLarge { actual, limit, .. }) if actual > limit);
        assert_eq!(of(1 << 18, 1), Ok(()));
        assert!(refused(of(1 << 18, 2)));
        assert_eq!(of(40_000, 32), Ok(()));
        assert!(refused(of(50_000, 32)));
        assert_eq!(bits(Use::Products, 1 << 18, false), BITS as usize + 1);
    }
}
