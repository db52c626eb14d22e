//! Tables with small cells that are not opened: `StatisticsFrequency` and `StatisticsContingency`
//! where the rules ask for a smallest count.
//!
//! 1. *sizes*: all members announce the numbers of rows and columns of the table, which helpers do
//!    not know. Rows and columns are in the order of their names. A table that is too large ends the
//!    computation here, before anything of it is shared.
//! 2. *share*: each party shares its counts of all cells; they are added.
//! 3. *same rows*: the sum of all cells, less the number of rows in the release check, is opened to
//!    all members. It is 0, unless a party has counted other rows than it has used. Then it is that
//!    party's difference, and the computation ends.
//! 4. *compare*: each count is compared with the minimum, and so is what is left of it without each
//!    party's own part. The counts are the cells, and the sums of rows and columns where there are
//!    two of each and more than four cells.
//! 5. *classes*: the counts that are withheld by themselves are opened to all members, as bits: those
//!    below the minimum, and those of which all others together have 1 or more, but fewer than the
//!    minimum, for some party. If there are any, the counts that cover others are opened, too. Of up
//!    to two rows and columns, one bit is opened: whether any cell is withheld.
//! 6. *open*: every member decides by [`suppression`] which cells are withheld. The others are opened
//!    to the parties.
//!
//! A party that fills a cell up with rows of its own does not see a few of others: its own part does
//! not count. It has to declare such rows, and it may declare any. So it can choose which cells are
//! covers, and compare answers to several choices. A withheld cell is opened to no member, and the answer has null for it, as for an empty one. That holds for declared
//! categories too. Null tells a client of none, of few, or of a cell that protects another.
//! The members know which: they see the classes.
//! With categories from the data, the parties' nodes know which party has which (see
//! [`crate::functions::common::categories`]). Then a primary null tells them of a few. The answer
//! leaves out names of which no cell is shown.
//!
//! **Leakage** beside the answer: the size of the table, to helpers, and the classes of counts, to
//! every member. A count that covers none, and is not withheld by itself, is one party's alone.
//!
//! **Rounds:** 2, 1, 1, 8 + ⌈log₂(n + 1)⌉, 1 or 2, and 1, for n parties. **Comparisons:** 2n + 1 a
//! count. **Bytes sent by a seat**, for n = 3: 204 a cell of a frequency table at the one that sends
//! most, 148 at the others. The classes decide whether covers are looked for, and how many cells are
//! opened. So rounds and bytes depend on these, and on nothing else of the data. **Most cells:**
//! 2^20, and 2^22 comparisons.

use crate::algebra::elementwise::zip_exact;
use crate::algebra::layout::MAX_WORDS;
use crate::algebra::packed_bits::{PackedBits, WORD_BITS};
use crate::algebra::ring::Ring;
use crate::circuits::Bits;
use crate::circuits::comparison::{any, less_than_zero, or_each};
use crate::engine::Engine;
use crate::engine::reveals::{CELLS, CLASSES, SAME_ROWS};
use crate::engine::shared::{Shared, SharedBits};
use crate::functions::common::categories::Axes;
use crate::functions::common::suppression::{self, Class, Size};
use crate::functions::common::tables::{self, CountedRows};
use crate::functions::{Computed, FunctionContext};
use crate::kernel::fault::Fault;
use crate::kernel::reveal::Reveal;
use crate::kernel::sizes;

/// The most cells that are compared.
const MOST_CELLS: usize = 1 << 20;

/// The most comparisons of a table.
const MOST_COMPARISONS: usize = 1 << 22;

/// The counts of all parties' rows, in shared form.
pub(crate) struct SharedCounts<E: Engine> {
    /// The categories of all parties' data, at parties.
    pub(crate) axes: Axes,
    /// The counts of all parties together.
    pub(crate) total: E::Shared<u64>,
    /// The counts of each party.
    of_each: Vec<E::Shared<u64>>,
    size: Size,
}

/// Computes the table, in which every withheld cell is like an empty one; none at a helper. `rows`
/// is the number of all parties' rows.
pub(crate) async fn table<E: Engine>(
    cx: &mut FunctionContext<'_, E>,
    counted: Option<CountedRows>,
    rows: Option<&E::Shared<u64>>,
) -> Computed {
    let declared = counted.as_ref().is_some_and(CountedRows::is_declared);
    let counts = SharedCounts::share(cx, counted).await?;
    if let Some(rows) = rows {
        check_rows(&mut cx.engine, &counts.total, rows).await?;
    }
    let shown = counts.shown(cx).await?;
    let least = cx.permit.least_shown();
    let opened = cx.engine.open(&counts.total.gather(&shown), Reveal::ANSWER).await?;
    let opened = opened.try_map(|opened| {
        let are_counts = opened.iter().all(|count| (least..1 << 62).contains(count));
        if are_counts { Ok(opened) } else { Err(Fault::InvalidOpening) }
    })?;
    let SharedCounts { axes, size, .. } = counts;
    Ok(opened.answer(|opened| {
        let mut cells = vec![None; size.cells()];
        for (cell, count) in zip_exact(&shown, opened) {
            *cells.get_mut(*cell).expect("a shown cell is one of the table") = Some(count);
        }
        tables::answer(axes, cells, declared)
    }))
}

impl<E: Engine> SharedCounts<E> {
    /// Finds the categories of all parties, and shares each party's counts.
    pub(crate) async fn share(
        cx: &mut FunctionContext<'_, E>,
        counted: Option<CountedRows>,
    ) -> Result<Self, Fault> {
        let (axes, counts) = match (counted, cx.parties) {
            (Some(counted), Some(channel)) => counted.count(channel).await?,
            _ => Default::default(),
        };
        let size = exchange_size(cx, size_of(&axes)).await?;
        let mine = if cx.engine.brings_data() { counts.as_slice() } else { &[] };
        let of_each = cx.engine.share(mine, &vec![size.cells(); cx.inputs]).await?;
        let total = of_each.iter().cloned().reduce(|sum, next| sum.plus(&next));
        let total = total.unwrap_or_else(|| cx.engine.public(Vec::new()));
        Ok(Self { axes, total, of_each, size })
    }

    /// Decides which cells are shown, and returns their places. All members learn them.
    pub(crate) async fn shown(&self, cx: &mut FunctionContext<'_, E>) -> Result<Vec<usize>, Fault> {
        let withheld = self.withheld(&mut cx.engine, cx.permit.least_shown()).await?;
        let places = withheld.iter().enumerate();
        Ok(places.filter_map(|(cell, is_withheld)| (!is_withheld).then_some(cell)).collect())
    }

    async fn withheld(&self, engine: &mut E, least: u64) -> Result<Vec<bool>, Fault> {
        let Self { size, .. } = self;
        if size.cells() == 0 {
            return Ok(Vec::new());
        }
        let [primary, uncovered] = self.compare(engine, least).await?;
        if size.is_all_or_nothing() {
            let found = or_each(engine, vec![primary], size.cells()).await?;
            let found = found.first().ok_or(Fault::Internal("a slice has a disjunction"))?;
            let found = open_bits(engine, found, 1).await?;
            return Ok(vec![found.contains(&true); size.cells()]);
        }
        let primary = open_bits(engine, &primary, size.counts()).await?;
        if !primary.contains(&true) {
            return Ok(vec![false; size.cells()]);
        }
        let uncovered = open_bits(engine, &uncovered, size.counts()).await?;
        let class = |bits: (&bool, &bool)| match bits {
            (true, true) => Ok(Class::Primary),
            (false, false) => Ok(Class::Cover),
            (false, true) => Ok(Class::Plain),
            // What is withheld by itself is too small to cover another.
            (true, false) => Err(Fault::InvalidOpening),
        };
        let classes: Result<Vec<Class>, Fault> =
            zip_exact(&primary, &uncovered).map(class).collect();
        Ok(suppression::withheld(*size, &classes?))
    }

    /// Returns two bits of each count: whether it is withheld by itself, and whether it covers no
    /// other.
    async fn compare(&self, engine: &mut E, least: u64) -> Result<[Bits<E>; 2], Fault> {
        let (parties, counts) = (self.of_each.len(), self.size.counts());
        let compared = comparisons(parties) * counts;
        let with_sums =
            |cells: &E::Shared<u64>| cells.mapped(counts, |cells| self.size.with_sums(cells));
        let total = with_sums(&self.total);
        let rests: Vec<_> = self.of_each.iter().map(|own| total.minus(&with_sums(own))).collect();
        // Behind each other: the counts, all others' part of them, and these parts again.
        let rests: Vec<&E::Shared<u64>> = rests.iter().collect();
        let all = E::Shared::<u64>::concat(&[&[&total][..], &rests, &rests].concat());
        let bounded = (1 + parties) * counts;
        let bounds = (0..compared).map(|index| if index < bounded { least } else { 1 }).collect();
        let leads = all.minus(&engine.public(bounds));
        let are_below = less_than_zero(engine, &leads, <u64 as Ring>::BITS).await?;
        let below = |group: usize| are_below.lanes(group * counts..(group + 1) * counts);
        // For each party: a few of others are below the minimum, and not below 1.
        let few = |party: usize| below(1 + party).plus(&below(1 + parties + party));
        let both =
            |primary: Bits<E>, uncovered: Bits<E>| Bits::<E>::concat(&[&primary, &uncovered]);
        let of_parties = (0..parties).map(|party| both(few(party), below(1 + party)));
        let reasons = std::iter::once(both(below(0), below(0))).chain(of_parties).collect();
        let found = any(engine, reasons).await?;
        let words = found.len() / 2;
        Ok([found.slice(0..words), found.slice(words..2 * words)])
    }
}

/// Opens the first bits of a slice to all members.
async fn open_bits<E: Engine>(
    engine: &mut E,
    bits: &Bits<E>,
    lanes: usize,
) -> Result<Vec<bool>, Fault> {
    let words = engine.open_to_all(&bits.lanes(0..lanes), CLASSES).await?;
    let of_word =
        |PackedBits(word): PackedBits| (0..WORD_BITS).map(move |bit| word >> bit & 1 == 1);
    Ok(words.into_iter().flat_map(of_word).take(lanes).collect())
}

/// Returns the number of comparisons of each count.
fn comparisons(parties: usize) -> usize {
    2 * parties + 1
}

/// Returns the size of a table with these axes. One axis is that of the columns.
fn size_of(axes: &Axes) -> Size {
    match axes.as_slice() {
        [x, y] => Size { rows: x.len(), columns: y.len() },
        others => Size { rows: 1, columns: others.first().map_or(0, Vec::len) },
    }
}

/// Exchanges the size of the table, which all parties must give alike. Refuses one that is too large
/// before anything of it is shared.
async fn exchange_size<E: Engine>(cx: &FunctionContext<'_, E>, mine: Size) -> Result<Size, Fault> {
    let mine = [mine.rows as u64, mine.columns as u64];
    let sizes = sizes::exchange(cx.channel, cx.inputs, mine, &[CELLS]).await?;
    let told = sizes.first().copied().ok_or(Fault::Internal("each party has told its size"))?;
    if sizes.iter().any(|other| *other != told) {
        return Err(Fault::InvalidOpening);
    }
    let [rows, columns] = told.map(usize::try_from);
    let (rows, columns) = rows.ok().zip(columns.ok()).ok_or(Fault::InvalidOpening)?;
    // Of a table with no cells, both sizes are bounded, too.
    let cells = rows.max(1).saturating_mul(columns.max(1));
    refuse_beyond(MOST_CELLS.min(MAX_WORDS), cells)?;
    let size = Size { rows, columns };
    if cx.permit.withholds() {
        refuse_beyond(MOST_COMPARISONS / comparisons(cx.inputs), size.counts())?;
    }
    Ok(size)
}

fn refuse_beyond(limit: usize, actual: usize) -> Result<(), Fault> {
    if actual > limit {
        Err(Fault::TableTooLarge { what: "cells to compare", actual, limit })
    } else {
        Ok(())
    }
}

/// Checks that the cells have as many rows in all as the parties shared in the release check.
pub(crate) async fn check_rows<E: Engine>(
    engine: &mut E,
    counts: &E::Shared<u64>,
    rows: &E::Shared<u64>,
) -> Result<(), Fault> {
    let all = match counts.len() {
        0 => engine.public(vec![0]),
        cells => counts.prefix_sums(cells).slice(cells - 1..cells),
    };
    match engine.open_to_all(&all.minus(rows), SAME_ROWS).await?.as_slice() {
        [0] => Ok(()),
        _ => Err(Fault::InvalidOpening),
    }
}
