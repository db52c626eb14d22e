//! Functions of rows that are matched by an id, of which several parties have columns.
//!
//! 1. *sizes*: all members announce the numbers of their rows and columns.
//! 2. *join*: the rows of the ids that all parties have come into the same order at all parties,
//!    which no party knows. Their columns are in shared form ([`Matching::join`]; of sizes alone,
//!    [`Matching::count_common`]).
//! 3. If the rules ask for a number of rows, it is decided on shares, and opened, whether there are
//!    so many. If not, nothing else is opened, and the computation ends. Else the number of rows is
//!    opened to all members.
//! 4. The function computes on these columns: [`categories`], [`moments`].
//!
//! The join itself tells no party which of its rows are in it. The sums that are opened may: they
//! are exact, and a party chooses its own numbers. If these are 2^i in row i, their sum tells which
//! rows were added, and the sum of each group tells which rows are in it. No rule prevents this
//! yet. Nothing is learnt of rows that are not in the join (but by the units, below). The number of rows in the join is opened, and so is the number of
//! rows left to withheld groups or cells.
//!
//! Ids are compared as items of sets are ([`crate::suites::intersection::items`]). An id that comes
//! twice in a table is refused, in a set it counts once.
//!
//! Each column of numbers is one of whole multiples of a unit, a power of two of its own
//! ([`columns`]). Sums are exact. For a sum a party announces with its sizes whether its column takes
//! one word or two: one bit, which says whether its numbers need more than 53 bits, those
//! of rows included that are not in the join. For products a column may have to be rounded. Whether
//! it was is opened with the answer, and never announced; the answer has a bound on its error
//! ([`precision`]). If an answer depends on the units, they are opened with it.

pub(crate) mod categories;
pub(crate) mod columns;
#[cfg(test)]
mod columns_tests;
pub(crate) mod function;
mod least_squares;
pub(crate) mod moments;
mod precision;
#[cfg(test)]
mod precision_tests;
pub(crate) mod terms;
#[cfg(test)]
mod tests;

use zeroize::Zeroizing;

use self::columns::{Cells, Encoded};
use self::terms::{MOST_COLUMNS, MOST_ROWS, Terms, Told, Work};
use crate::algebra::packed_bits::PackedBits;
use crate::circuits::selection::{is_below, suppress_below};
use crate::engine::matching::{Count, Matching};
use crate::engine::reveals::PADDED_ROWS;
use crate::engine::tables::{Joined, Shape, Table};
use crate::engine::{Engine, Reconstructed};
use crate::functions::FunctionContext;
use crate::functions::common::sets::Ids;
use crate::functions::input::Input;
use crate::functions::parameters::AgreedParameters;
use crate::kernel::equations::{Equations, Scope};
use crate::kernel::fault::{Fault, InputError};
use crate::kernel::party::Party;
use crate::kernel::reveal::Reveal;
use crate::kernel::sizes;
use crate::kernel::text::Case;
use crate::suites::intersection::ItemHash;
use crate::suites::intersection::items::item_hash;

/// One party's rows by their ids; at a helper, none.
pub(crate) struct KeyedRows {
    terms: &'static Terms,
    ids: Ids,
    /// The item of each row's id, which is compared.
    items: Zeroizing<Vec<String>>,
    pub(crate) columns: Vec<Cells>,
}

/// This party's item hashes, and the announcements of all parties' rows.
pub(crate) struct Announced {
    terms: &'static Terms,
    rows: usize,
    item_hashes: Zeroizing<Vec<ItemHash>>,
    told: Vec<Told>,
    category_case: Case,
}

impl KeyedRows {
    /// Reads ids, and the columns behind them.
    pub(crate) fn new(
        terms: &'static Terms,
        ids: Ids,
        input: Option<&Input>,
    ) -> Result<Self, InputError> {
        let (texts, columns) = match input {
            Some(Input::Texts(texts)) => (texts.as_slice(), &[][..]),
            Some(Input::Keyed { ids, columns }) => (ids.as_slice(), columns.as_slice()),
            Some(other) if !other.is_empty() => {
                return Err(InputError::Shape { expected: "rows that begin with an id" });
            }
            _ => Default::default(),
        };
        let items = match terms.work {
            Work::Counts => ids.distinct_items(texts)?,
            Work::Cells | Work::Numbers => ids.items(texts)?,
        };
        check_distinct(&items)?;
        ids.check_size(items.len())?;
        if columns.len() > MOST_COLUMNS {
            return Err(InputError::TooMuch {
                what: "columns of a party",
                actual: columns.len(),
                limit: MOST_COLUMNS,
            });
        }
        let columns = columns.iter().map(|column| terms.cells(column)).collect::<Result<_, _>>()?;
        Ok(Self { terms, ids, items, columns })
    }

    pub(crate) fn agreed(&self) -> AgreedParameters {
        self.ids.agreed()
    }

    /// Returns the size to which each party's set is padded.
    pub(crate) fn padded_to(&self) -> Option<u64> {
        self.ids.pad_to
    }

    /// Makes categories of this party's column, if parties at its place bring some, and encodes
    /// columns of numbers.
    pub(crate) fn take_place(&mut self, me: Party) -> Result<(), InputError> {
        let has_categories = self.columns.iter().any(|column| matches!(column, Cells::Texts(_)));
        let takes_categories = me.index() < self.terms.categories;
        if has_categories && !takes_categories {
            let expected = "numbers behind the id: this party's column is not one of categories";
            return Err(InputError::Shape { expected });
        }
        let (of, rows) = (self.terms.of, self.announced_rows());
        let case = self.ids.category_case;
        let prepared = |(place, column): (usize, Cells)| {
            if takes_categories {
                column.into_categories(case)
            } else {
                column.encoded(place, of, rows)
            }
        };
        let columns = std::mem::take(&mut self.columns).into_iter().enumerate();
        self.columns = columns.map(prepared).collect::<Result<_, _>>()?;
        Ok(())
    }

    /// Returns the number of rows that a party with these announces.
    fn announced_rows(&self) -> u64 {
        self.ids.pad_to.unwrap_or(self.items.len() as u64)
    }

    /// Announces the numbers of rows and columns to all members, and receives those of all parties.
    /// Applies the rule on rows to sets.
    pub(crate) async fn announce<E: Engine>(
        &self,
        cx: &mut FunctionContext<'_, E>,
    ) -> Result<Announced, Fault> {
        let told = self.exchange(cx).await?;
        self.terms.check(&told, cx.permit)?;
        if self.terms.work == Work::Counts {
            self.check_rows(cx, &told).await?;
        }
        let (terms, rows, category_case) = (self.terms, self.items.len(), self.ids.category_case);
        if !cx.engine.brings_data() {
            let item_hashes = Zeroizing::default();
            return Ok(Announced { terms, rows, item_hashes, told, category_case });
        }
        let item_hashes = self.items.iter().map(|id| item_hash(&cx.session, id)).collect();
        let item_hashes = self.ids.padded(Zeroizing::new(item_hashes), &mut cx.rng);
        Ok(Announced { terms, rows, item_hashes, told, category_case })
    }

    /// Returns the number of items with which this party's set was padded. No other party has them.
    pub(crate) fn filling(&self, announced: &Announced) -> usize {
        announced.item_hashes.len().saturating_sub(self.items.len())
    }

    /// Applies the rule on rows to all parties' items together; on shares if their sets are padded.
    async fn check_rows<E: Engine>(
        &self,
        cx: &mut FunctionContext<'_, E>,
        told: &[Told],
    ) -> Result<(), Fault> {
        let permit = cx.permit;
        let Some(least) = permit.least_rows() else { return Ok(()) };
        if self.ids.pad_to.is_some() {
            let rows = cx.sum(&[self.items.len() as u64], 1).await?;
            let is_small = is_below(&mut cx.engine, &rows, least).await?;
            let is_small = cx.engine.lanes(&is_small, 0..1);
            return match cx.engine.open_to_all(&is_small, PADDED_ROWS).await?.as_slice() {
                [PackedBits(0)] => Ok(()),
                [PackedBits(1)] => Err(permit.too_few_rows(Equations::NONE).into()),
                _ => Err(Fault::InvalidOpening),
            };
        }
        permit.check_rows(told.iter().map(|told| told.rows as u64).sum(), Equations::NONE)?;
        Ok(())
    }

    /// Exchanges the announcements of all parties' rows.
    async fn exchange<E: Engine>(&self, cx: &FunctionContext<'_, E>) -> Result<Vec<Told>, Fault> {
        let rows = if cx.engine.brings_data() { self.announced_rows() } else { 0 };
        let me = cx.channel.parties().me().index();
        let categories = match self.columns.as_slice() {
            [Cells::Categories { names, .. }] if self.terms.tells_categories(me, cx.permit) => {
                categories::told(names.len())
            }
            _ => 0,
        };
        let is_wide = matches!(self.columns.as_slice(), [column] if column.is_wide());
        let mine = [rows, Told::columns_told(self.columns.len(), is_wide), categories as u64];
        let shows = self.terms.announced(cx.permit);
        let all = sizes::exchange(cx.channel, cx.inputs, mine, &shows).await?;
        let told: Result<Vec<Told>, Fault> =
            all.iter().enumerate().map(|(index, told)| Told::of(index, *told)).collect();
        let told = told?;
        if told.iter().map(|told| told.rows).sum::<usize>() > MOST_ROWS {
            let why = "all parties together have more than 2^20 rows, which is the most that are \
                       compared on shares";
            return Err(Fault::Undefined { why });
        }
        Ok(told)
    }
}

impl Announced {
    /// Joins all parties' rows.
    pub(crate) fn join(&self) -> Join<'_> {
        let Self { terms, rows, item_hashes, told, category_case } = self;
        Join { terms, rows: *rows, item_hashes, told, category_case: *category_case }
    }
}

/// The inputs of a join beside its columns.
#[derive(Clone, Copy)]
pub(crate) struct Join<'a> {
    terms: &'static Terms,
    /// The number of this party's rows, without those that its set was padded with.
    rows: usize,
    /// This party's item hashes.
    pub(crate) item_hashes: &'a [ItemHash],
    pub(crate) told: &'a [Told],
    /// The comparison of categories.
    pub(crate) category_case: Case,
}

impl Join<'_> {
    /// Returns this party's table, of so many columns of words. A padded set has rows of zeros behind
    /// its own.
    fn table(self, words: Vec<Vec<PackedBits>>, columns: usize) -> Result<Table, Fault> {
        let Self { rows, item_hashes, .. } = self;
        // Of a party that is asked for no columns none is taken.
        let words = if columns == 0 { Vec::new() } else { words };
        // A column that was not encoded would be one of zeros, and no error.
        if words.len() != columns || words.iter().any(|column| column.len() != rows) {
            return Err(Fault::Internal("each column of a join was encoded, row by row"));
        }
        // Made with its final length: growing would leave a copy behind.
        let filled = |column: Vec<PackedBits>| {
            let column = Zeroizing::new(column);
            let mut filled = vec![PackedBits(0); item_hashes.len()];
            let own = filled.get_mut(..rows).expect("a set is padded behind its own items");
            own.copy_from_slice(&column);
            filled
        };
        let words = words.into_iter().map(filled).collect();
        Ok(Table { item_hashes: item_hashes.to_vec(), words })
    }

    /// Joins all parties' rows with columns of words: of each party as many as `columns` says.
    /// `words` are those of this party. Applies the rule on rows to the join.
    async fn run<E: Matching>(
        self,
        cx: &mut FunctionContext<'_, E>,
        words: Vec<Vec<PackedBits>>,
        columns: impl Fn(usize, &Told) -> usize,
    ) -> Result<Joined<E>, Fault> {
        let Self { terms, told, .. } = self;
        let shape = |(index, told): (usize, &Told)| Shape {
            rows: told.rows,
            columns: columns(index, told),
        };
        let shapes: Vec<Shape> = told.iter().enumerate().map(shape).collect();
        let own = shapes.get(cx.channel.parties().me().index());
        let own = own.map_or(0, |shape| shape.columns);
        let table = self.table(words, own)?;
        let permit = cx.permit;
        let columns = told.iter().map(|told| told.columns as u64).sum();
        let scope = Scope { columns, withholds: permit.withholds() };
        let equations = (terms.opens)(scope);
        let least = permit.least_joined(equations);
        let Some(joined) = cx.engine.join(&table, &shapes, least).await? else {
            return Err(permit.too_few_joined(equations).into());
        };
        permit.check_rows(joined.rows as u64, equations)?;
        match joined.rows {
            0 => Err(Fault::Undefined { why: "the parties have no id in common" }),
            _ => Ok(joined),
        }
    }
}

pub(crate) fn rows_of(told: &[Told]) -> Vec<usize> {
    told.iter().map(|told| told.rows).collect()
}

/// Opens a count to the parties, unless it is too small or they know it. None stands for a small
/// count, and for 0 where small counts are withheld.
pub(crate) async fn open_count<E: Engine>(
    cx: &mut FunctionContext<'_, E>,
    count: &Count<E>,
) -> Result<Reconstructed<Option<u64>>, Fault> {
    let permit = cx.permit;
    let count = match count {
        Count::Known(_) if permit.withholds() => {
            return Err(Fault::Internal("a number that may be withheld is counted on shares"));
        }
        Count::Known(count) => return Ok(Reconstructed::Value(Some(*count))),
        Count::Shared(count) => count,
    };
    let shown = if permit.withholds() {
        suppress_below(&mut cx.engine, count, permit.least_shown()).await?
    } else {
        count.clone()
    };
    let opened = cx.engine.open(&shown, Reveal::ANSWER).await?;
    let is_withheld = |count: u64| permit.withholds() && count == 0;
    opened.try_map(|opened| match opened.as_slice() {
        [count] if *count <= MOST_ROWS as u64 => Ok((!is_withheld(*count)).then_some(*count)),
        _ => Err(Fault::InvalidOpening),
    })
}

fn check_distinct(ids: &[String]) -> Result<(), InputError> {
    let mut places: Vec<usize> = (0..ids.len()).collect();
    places.sort_by_key(|place| ids.get(*place));
    let twice = places.windows(2).find(|two| match two {
        [one, next] => ids.get(*one) == ids.get(*next),
        _ => false,
    });
    match twice.and_then(|two| two.get(1)) {
        Some(index) => Err(InputError::RepeatedId { index: *index }),
        None => Ok(()),
    }
}

pub(crate) fn encoded(columns: Vec<Cells>) -> Vec<Encoded> {
    columns.into_iter().filter_map(Cells::into_encoded).collect()
}
