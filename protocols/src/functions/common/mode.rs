//! The mode of `StatisticsFrequency` and `StatisticsContingency` without the table.
//!
//! The counts of all cells are added on shares, and a tournament of comparisons finds the largest.
//! The place of that cell is opened, if its count is at least as large as the rules ask of a cell.
//! That is decided on shares too. Of cells with equal counts the first is the mode.
//!
//! If small cells are withheld, only those cells take part that the table would show (see
//! [`crate::functions::common::cells`]). A withheld cell that was the mode would be known to have
//! more rows than the shown ones. So this form tells no more than the table does. Before the classes
//! of counts are opened, the sum of all cells is compared with the number of all rows, as there.
//!
//! **Opened beside the answer:** the number of all rows, after the release check (see
//! [`crate::release`]); to helpers, the size of the table. If small cells are withheld, also what
//! opens there. If the client declares no categories, also which party's data have which, to every
//! party.

use serde::Serialize;

use crate::algebra::ring::Ring;
use crate::circuits::comparison::less_than_zero;
use crate::circuits::selection::argmax;
use crate::engine::Engine;
use crate::engine::shared::Shared;
use crate::functions::answer::Answer;
use crate::functions::common::cells::{SharedCounts, check_rows};
use crate::functions::common::tables::CountedRows;
use crate::functions::parameters::{AgreedParameters, ONLY_MODE};
use crate::functions::{Computed, FunctionContext};
use crate::kernel::fault::Fault;
use crate::kernel::reveal::Reveal;

/// The most frequent category, or pair of categories; null if none is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mode {
    /// One name, or one of each variable.
    pub mode: Option<Cell>,
}

/// A cell of a table by its categories.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Cell {
    /// A category of one variable.
    One(String),
    /// A pair of categories of two variables.
    Two(String, String),
}

/// Returns the agreed parameters of finding the mode alone.
pub(crate) fn agreed(rows: Option<&CountedRows>) -> AgreedParameters {
    let mut agreed = rows.map(CountedRows::agreed).unwrap_or_default();
    agreed.insert(ONLY_MODE.to_owned(), true.to_string());
    agreed
}

/// Finds the mode of all parties' rows, whose number is that of the context.
pub(crate) async fn find_mode<E: Engine>(
    cx: &mut FunctionContext<'_, E>,
    counted: Option<CountedRows>,
) -> Computed {
    let counts = SharedCounts::share(cx, counted).await?;
    let places = if cx.permit.withholds() {
        let rows = cx.engine.public(vec![cx.rows]);
        check_rows(&mut cx.engine, &counts.total, &rows).await?;
        counts.shown(cx).await?
    } else {
        (0..counts.total.len()).collect()
    };
    let candidates = counts.total.gather(&places);
    let least = cx.permit.least_shown();
    let largest = place_of_largest(&mut cx.engine, &candidates, cx.rows, least).await?;
    let opened = cx.engine.open(&largest, Reveal::ANSWER).await?;
    let mode = |place: Vec<u64>| cell(&counts.axes, &places, &place);
    opened.answer(|place| Ok(Answer::Mode(Mode { mode: mode(place)? }))).transpose()
}

/// Returns the place of the largest count, from 1; 0 if it is not to be shown.
async fn place_of_largest<E: Engine>(
    engine: &mut E,
    counts: &E::Shared<u64>,
    rows: u64,
    least: u64,
) -> Result<E::Shared<u64>, Fault> {
    // This is public, and all there is to know: no count can be so large.
    if least > rows {
        return Ok(engine.public(vec![0]));
    }
    // Counts and `least` are from 0 to `rows`. Their differences take one bit more, for the sign.
    let bits = <u64 as Ring>::BITS;
    let width = (bits - usize::try_from(rows.leading_zeros()).unwrap_or(0) + 1).min(bits);
    let Some([count, place]) = argmax(engine, counts, width).await? else {
        return Ok(engine.public(vec![0]));
    };
    let lead = count.minus(&engine.public(vec![least]));
    let is_small = less_than_zero(engine, &lead, width).await?;
    let is_small = engine.bit_to_arithmetic(&[&is_small], 1).await?;
    let one = engine.public(vec![1]);
    engine.multiply(&place.plus(&one), &one.minus(&is_small)).await
}

/// Returns the cell of an opened place among the candidates' places; none for 0. Refuses a place
/// that is beyond them.
fn cell(axes: &[Vec<String>], candidates: &[usize], place: &[u64]) -> Result<Option<Cell>, Fault> {
    let [place] = place else { return Err(Fault::Internal("one place was opened")) };
    let Some(index) = place.checked_sub(1) else { return Ok(None) };
    let cell = usize::try_from(index).ok().and_then(|index| candidates.get(index));
    let cell = cell.and_then(|cell| cell_at(axes, *cell));
    cell.map(Some).ok_or(Fault::InvalidOpening)
}

/// Returns the cell of this number, row by row; none beyond the table.
fn cell_at(axes: &[Vec<String>], index: usize) -> Option<Cell> {
    match axes {
        [x] => x.get(index).cloned().map(Cell::One),
        [x, y] => {
            let row = index.checked_div(y.len())?;
            let column = index.checked_rem(y.len())?;
            Some(Cell::Two(x.get(row)?.clone(), y.get(column)?.clone()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_opened_place_beyond_the_table_is_refused() {
        let axis = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let axes: [Vec<String>; 2] = [axis(&["a", "b"]), axis(&["x", "y", "z"])];
        let all = [0, 1, 2, 3, 4, 5];
        assert_eq!(cell(&axes, &all, &[0]), Ok(None));
        assert_eq!(cell(&axes, &all, &[6]), Ok(Some(Cell::Two("b".into(), "z".into()))));
        for beyond in [7, u64::MAX] {
            assert_eq!(cell(&axes, &all, &[beyond]), Err(Fault::InvalidOpening));
        }
        assert_eq!(cell(&axes[..1], &all, &[2]), Ok(Some(Cell::One("b".into()))));
        assert_eq!(cell(&axes[..1], &all, &[3]), Err(Fault::InvalidOpening));
        assert_eq!(cell(&axes, &[1, 3], &[2]), Ok(Some(Cell::Two("b".into(), "x".into()))));
        assert_eq!(cell(&axes, &[1, 3], &[3]), Err(Fault::InvalidOpening));
    }
}
