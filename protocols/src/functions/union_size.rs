//! `SetUnionSize`: the number of items that all parties together have, each counted once.

use crate::circuits::comparison::or_each;
use crate::circuits::joining;
use crate::circuits::selection::is_below;
use crate::engine::matching::{Count, Matching};
use crate::engine::reveals::{ASCENDING, PADDED_ROWS, SIZES};
use crate::engine::shared::Shared;
use crate::functions::answer::Answer;
use crate::functions::common::joins::function::{JOINED_ROWS, Joining, OfRows};
use crate::functions::common::joins::terms::{IDS_ALONE, Terms};
use crate::functions::common::joins::{KeyedRows, open_count, rows_of};
use crate::functions::descriptor::Descriptor;
use crate::functions::{Computed, FunctionContext, Rounds, of_counts};
use crate::kernel::fault::Fault;

/// The function without its rows.
pub(crate) struct DistinctItems;

pub(crate) type UnionSize = OfRows<DistinctItems>;

impl Joining for DistinctItems {
    const DESCRIPTOR: Descriptor = Descriptor {
        name: "SetUnionSize",
        summary: "how many items there are at all parties together, each counted once",
        reveals: &[SIZES, PADDED_ROWS, ASCENDING],
        result_keys: &["size_union"],
        ..JOINED_ROWS
    };

    const TERMS: &'static Terms = &IDS_ALONE;

    const ROUNDS: Option<Rounds> = Some(of_counts);

    async fn answer<E: Matching>(rows: KeyedRows, cx: &mut FunctionContext<'_, E>) -> Computed {
        let announced = rows.announce(cx).await?;
        let filling = rows.filling(&announced) as u64;
        let padded_to = rows.padded_to();
        let join = announced.join();
        let sizes = rows_of(join.told);
        let withholds = cx.permit.withholds();
        // The suite's own count opens intermediate numbers to two parties. With them the answer
        // would tell the true sizes.
        let all = if withholds || padded_to.is_some() {
            let all = joining::count_distinct(&mut cx.engine, join.item_hashes, &sizes).await?;
            Count::Shared(all)
        } else {
            cx.engine.count_distinct(join.item_hashes, &sizes).await?
        };
        let count = match all {
            Count::Known(count) => Count::Known(count),
            Count::Shared(all) => Count::Shared(shown(all, filling, &sizes, cx).await?),
        };
        let count = open_count(cx, &count).await?;
        Ok(count.answer(|size_union| Answer::UnionSize { size_union, padded_to }))
    }
}

/// Takes the filling of padded sets off, and withholds the number where a rule asks for that.
async fn shown<E: Matching>(
    all: E::Shared<u64>,
    filling: u64,
    sizes: &[usize],
    cx: &mut FunctionContext<'_, E>,
) -> Result<E::Shared<u64>, Fault> {
    let count = all.minus(&cx.sum(&[filling], 1).await?);
    if !cx.permit.withholds() {
        return Ok(count);
    }
    // The union tells how many items several sets have, and how many one set lacks. The rules may
    // withhold either.
    let of = |size: usize| cx.engine.public(vec![size as u64]);
    let overlap = of(sizes.iter().sum()).minus(&all);
    let mut parts = vec![overlap];
    parts.extend(sizes.iter().map(|size| all.minus(&of(*size))));
    let parts = E::Shared::<u64>::concat(&parts.iter().collect::<Vec<_>>());
    let least = cx.permit.least_shown();
    let are_small = is_below(&mut cx.engine, &parts, least).await?;
    let is_small = or_each(&mut cx.engine, vec![are_small], parts.len()).await?;
    let is_small: Vec<_> = is_small.iter().collect();
    let is_small: E::Shared<u64> = cx.engine.bit_to_arithmetic(&is_small, 1).await?;
    let is_shown = cx.engine.public(vec![1]).minus(&is_small);
    cx.engine.multiply(&count, &is_shown).await
}
