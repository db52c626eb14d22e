//! `SetIntersectionSize`: the number of items that all parties have. No party learns the items.

use crate::circuits::joining;
use crate::engine::matching::{Count, Matching};
use crate::engine::reveals::{ASCENDING, PADDED_ROWS, SIZES};
use crate::functions::answer::Answer;
use crate::functions::common::joins::function::{JOINED_ROWS, Joining, OfRows};
use crate::functions::common::joins::terms::{IDS_ALONE, Terms};
use crate::functions::common::joins::{KeyedRows, open_count, rows_of};
use crate::functions::descriptor::Descriptor;
use crate::functions::{Computed, FunctionContext, Rounds, of_counts};

/// The function without its rows.
pub(crate) struct CommonItems;

pub(crate) type IntersectionSize = OfRows<CommonItems>;

impl Joining for CommonItems {
    const DESCRIPTOR: Descriptor = Descriptor {
        name: "SetIntersectionSize",
        summary: "how many items all parties have",
        reveals: &[SIZES, PADDED_ROWS, ASCENDING],
        result_keys: &["size_intersection"],
        ..JOINED_ROWS
    };

    const TERMS: &'static Terms = &IDS_ALONE;

    const ROUNDS: Option<Rounds> = Some(of_counts);

    async fn answer<E: Matching>(rows: KeyedRows, cx: &mut FunctionContext<'_, E>) -> Computed {
        let announced = rows.announce(cx).await?;
        let join = announced.join();
        let sizes = rows_of(join.told);
        // The suite's own count between two parties shows them the number before a rule can
        // withhold it.
        let count = if cx.permit.withholds() {
            Count::Shared(joining::count_common(&mut cx.engine, join.item_hashes, &sizes).await?)
        } else {
            cx.engine.count_common(join.item_hashes, &sizes).await?
        };
        let count = open_count(cx, &count).await?;
        let padded_to = rows.padded_to();
        Ok(count
            .answer(|size_intersection| Answer::IntersectionSize { size_intersection, padded_to }))
    }
}
