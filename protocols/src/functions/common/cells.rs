//! Tables with small cells that are not opened: `StatisticsFrequency` and `StatisticsContingency`
//! where the rules ask for a smallest count.
//!
//! 1. *sizes*: all members announce the number of cells of the table, which helpers do not know.
//! 2. *share*: each party shares its counts of all cells; they are added.
//! 3. *same rows*: the sum of all cells, less the number of rows in the release check, is opened to
//!    all members. It is 0, unless a party has counted other rows than it has used. Then it is that
//!    party's difference, and the computation ends.
//! 4. *compare*: each cell is compared with the minimum, and so is what is left of it without each
//!    party's own count. A cell is opened to the parties if it is at least the minimum, and all
//!    others' count in it is 0 or at least the minimum, for every party. Else 0 is opened.
//!
//! So a party cannot fill a cell up with rows of its own to see a few of others. A small cell is
//! opened to no member. The 0 of an empty cell is opened in its place, and the answer has null for
//! both. That holds for declared categories too.
//! With categories from the data, the parties' nodes know which party has which (see
//! [`crate::functions::common::categories`]). Then null tells them of a few. The answer leaves out
//! names of which no cell is shown.
//!
//! **Rounds:** 2, 1, 1, 12 + ⌈log₂(n + 1)⌉ for n parties. **Comparisons:** 2n + 1 a cell. **Bytes sent
//! by a seat**, for n = 3: 228 a cell at the one that sends most, 164 at the others. **Most cells:**
//! 2^20, and 2^22 comparisons.

use crate::algebra::layout::MAX_WORDS;
use crate::algebra::ring::Ring;
use crate::circuits::comparison::{any, less_than_zero};
use crate::engine::shared::{Shared, SharedBits};
use crate::engine::{Engine, Recipients, Reconstructed};
use crate::functions::common::categories::Axes;
use crate::functions::common::tables::{self, CountedRows};
use crate::functions::{Computed, FunctionContext};
use crate::kernel::fault::Fault;
use crate::kernel::sizes;

/// The leakage to helpers.
pub(crate) const CELLS: &str = "the number of cells of the table, to every helper";

/// The most cells that are compared.
const MOST_CELLS: usize = 1 << 20;

/// The most comparisons of a table.
const MOST_COMPARISONS: usize = 1 << 22;

/// Computes the table, in which every cell below the minimum is like an empty one; none at a
/// helper. `rows` is the number of all parties' rows.
pub(crate) async fn table<E: Engine>(
    cx: &mut FunctionContext<'_, E>,
    counted: Option<CountedRows>,
    rows: Option<&E::Shared<u64>>,
) -> Computed {
    let declared = counted.as_ref().is_some_and(CountedRows::is_declared);
    let (axes, counts) = counts_of_each(cx, counted).await?;
    let total = added(&counts, &cx.engine);
    if let Some(rows) = rows {
        check_rows(&mut cx.engine, &total, rows).await?;
    }
    let opened = open_cells(cx, &total, &counts).await?;
    let shown = |count: u64| Some(count).filter(|count| *count > 0);
    let cells = |counts: Vec<u64>| counts.into_iter().map(shown).collect();
    Ok(opened.answer(|counts| tables::answer(axes, cells(counts), declared)))
}

/// Returns the categories of all parties' data, at parties, and the counts of all cells, in shared
/// form.
pub(crate) async fn joint_counts<E: Engine>(
    cx: &mut FunctionContext<'_, E>,
    counted: Option<CountedRows>,
) -> Result<(Axes, E::Shared<u64>), Fault> {
    let (axes, counts) = counts_of_each(cx, counted).await?;
    Ok((axes, added(&counts, &cx.engine)))
}

/// Returns the categories of all parties' data, at parties, and each party's counts of all cells, in
/// shared form.
async fn counts_of_each<E: Engine>(
    cx: &mut FunctionContext<'_, E>,
    counted: Option<CountedRows>,
) -> Result<(Axes, Vec<E::Shared<u64>>), Fault> {
    let (axes, counts) = match (counted, cx.parties) {
        (Some(counted), Some(channel)) => counted.count(channel).await?,
        _ => Default::default(),
    };
    let cells = number(cx, counts.len()).await?;
    let mine = if cx.engine.brings_data() { counts.as_slice() } else { &[] };
    let shares = cx.engine.share(mine, &vec![cells; cx.inputs]).await?;
    Ok((axes, shares))
}

/// Adds all parties' counts.
fn added<E: Engine>(counts: &[E::Shared<u64>], engine: &E) -> E::Shared<u64> {
    let sum = counts.iter().cloned().reduce(|sum, next| sum.plus(&next));
    sum.unwrap_or_else(|| engine.public(Vec::new()))
}

/// Opens to the parties the cells that may be shown, and 0 in the place of others.
async fn open_cells<E: Engine>(
    cx: &mut FunctionContext<'_, E>,
    total: &E::Shared<u64>,
    counts: &[E::Shared<u64>],
) -> Result<Reconstructed<Vec<u64>>, Fault> {
    let (least, cells) = (cx.permit.least_shown(), total.len());
    let compared = (2 * counts.len() + 1).saturating_mul(cells);
    if compared > MOST_COMPARISONS {
        let limit = MOST_COMPARISONS / (2 * counts.len() + 1);
        return Err(Fault::TableTooLarge { what: "cells to compare", actual: cells, limit });
    }
    // Behind each other: the cells, all others' counts in them, and these counts again.
    let rests: Vec<_> = counts.iter().map(|own| total.minus(own)).collect();
    let rests: Vec<&E::Shared<u64>> = rests.iter().collect();
    let all = E::Shared::<u64>::concat(&[&[total][..], &rests, &rests].concat());
    let bounded = (1 + counts.len()) * cells;
    let bounds = (0..compared).map(|index| if index < bounded { least } else { 1 }).collect();
    let leads = all.minus(&cx.engine.public(bounds));
    let are_below = less_than_zero(&mut cx.engine, &leads, <u64 as Ring>::BITS).await?;
    let below = |group: usize| are_below.lanes(group * cells..(group + 1) * cells);
    // A few of others: below the minimum, and not below 1.
    let few = |party: usize| below(1 + party).plus(&below(1 + counts.len() + party));
    let withheld = std::iter::once(below(0)).chain((0..counts.len()).map(few)).collect();
    let withheld = any(&mut cx.engine, withheld).await?;
    let withheld: E::Shared<u64> = cx.engine.bit_to_arithmetic(&[&withheld], cells).await?;
    let is_shown = cx.engine.public(vec![1; cells]).minus(&withheld);
    let shown = cx.engine.multiply(total, &is_shown).await?;
    let opened = cx.engine.open(&shown, Recipients::Parties).await?;
    let is_count = |count: &u64| *count == 0 || (least..1 << 62).contains(count);
    opened.try_map(|counts| match counts.iter().all(is_count) {
        true => Ok(counts),
        false => Err(Fault::InvalidOpening),
    })
}

/// Exchanges the number of cells of the table, which all parties must give alike.
async fn number<E: Engine>(cx: &FunctionContext<'_, E>, mine: usize) -> Result<usize, Fault> {
    let sizes = sizes::exchange(cx.channel, cx.inputs, [mine as u64]).await?;
    let [cells] = sizes.first().copied().ok_or(Fault::Internal("each party has told its size"))?;
    let most = MOST_CELLS.min(MAX_WORDS);
    match usize::try_from(cells) {
        _ if sizes.iter().any(|[other]| *other != cells) => Err(Fault::InvalidOpening),
        Ok(cells) if cells <= most => Ok(cells),
        Ok(actual) => Err(Fault::TableTooLarge { what: "cells to compare", actual, limit: most }),
        Err(_) => Err(Fault::InvalidOpening),
    }
}

/// Checks that the cells have as many rows in all as the parties shared in the release check.
async fn check_rows<E: Engine>(
    engine: &mut E,
    counts: &E::Shared<u64>,
    rows: &E::Shared<u64>,
) -> Result<(), Fault> {
    let all = match counts.len() {
        0 => engine.public(vec![0]),
        cells => counts.prefix_sums(cells).slice(cells - 1..cells),
    };
    match engine.open_to_all(&all.minus(rows)).await?.as_slice() {
        [0] => Ok(()),
        _ => Err(Fault::InvalidOpening),
    }
}
