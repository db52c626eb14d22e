//! Tables with small cells that are not opened: `StatisticsFrequency` and `StatisticsContingency`
//! where the rules ask for a smallest count.
//!
//! 1. *sizes*: all members announce the number of cells of the table, which helpers do not know.
//! 2. *share*: each party shares its counts of all cells; they are added.
//! 3. *same rows*: the sum of all cells, less the number of rows in the release check, is opened to
//!    all members. It is 0, unless a party has counted other rows than it has used. Then it is that
//!    party's difference, and the computation ends.
//! 4. *compare*: cell·[cell ≥ minimum] of each cell is opened to the parties.
//!
//! So a cell below the minimum is opened to no member, if no party lies about its counts. (One that
//! adds to them lifts a cell, and only the sum of all cells is checked.) The 0 of an empty cell is
//! opened in its place, and the answer has null for both. That holds for declared categories too.
//! With categories from the data, the parties' nodes know which party has which (see
//! [`crate::functions::common::categories`]). Then null tells them of a few. The answer leaves out
//! names of which no cell is shown.
//!
//! **Rounds:** 2, 1, 1, 12, and 1 if there are more than 16,384 cells. **Bytes sent by a seat:** 67
//! a cell at the one that sends most, 51 at the others. The suite's table gives their parts. **Most
//! cells:** 2^20.

use crate::algebra::layout::MAX_WORDS;
use crate::engine::Engine;
use crate::engine::shared::Shared;
use crate::functions::common::categories::Axes;
use crate::functions::common::tables::{self, CountedRows};
use crate::functions::{Computed, FunctionContext};
use crate::kernel::fault::Fault;
use crate::kernel::sizes;
use crate::release::open_counts;

/// The leakage to helpers.
pub(crate) const CELLS: &str = "the number of cells of the table, to every helper";

/// The most cells that are compared.
const MOST_CELLS: usize = 1 << 20;

/// Computes the table, in which every cell below the minimum is like an empty one; none at a
/// helper. `rows` is the number of all parties' rows.
pub(crate) async fn table<E: Engine>(
    cx: &mut FunctionContext<'_, E>,
    counted: Option<CountedRows>,
    rows: Option<&E::Shared<u64>>,
) -> Computed {
    let declared = counted.as_ref().is_some_and(CountedRows::is_declared);
    let (axes, counts) = joint_counts(cx, counted).await?;
    if let Some(rows) = rows {
        check_rows(&mut cx.engine, &counts, rows).await?;
    }
    let opened = open_counts(&mut cx.engine, &counts, cx.permit.least_shown()).await?;
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
    let (axes, counts) = match (counted, cx.parties) {
        (Some(counted), Some(channel)) => counted.count(channel).await?,
        _ => Default::default(),
    };
    let cells = number(cx, counts.len()).await?;
    let counts = cx.sum(&counts, cells).await?;
    Ok((axes, counts))
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
