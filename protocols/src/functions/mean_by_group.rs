//! `MeanByGroupVertical`: the means of the second party's numbers in each of the first party's
//! groups, over the ids that all parties have.

use crate::engine::matching::Matching;
use crate::engine::reveals::{
    ASCENDING, COLUMNS, ENOUGH_JOINED, GROUPS, JOINED, ONE_CATEGORY, SAME_ORDER, SIZES, UNIT, WIDTH,
};
use crate::functions::common::joins::columns::Use;
use crate::functions::common::joins::function::{JOINED_ROWS, Joining, OfRows, WITH_CATEGORIES};
use crate::functions::common::joins::terms::{Terms, Work, have_one_each};
use crate::functions::common::joins::{KeyedRows, categories};
use crate::functions::descriptor::{Behind, Descriptor, InputKind};
use crate::functions::{Computed, FunctionContext};
use crate::kernel::equations::Equations;

const TERMS: Terms = Terms {
    categories: 1,
    always_tells: true,
    work: Work::Cells,
    announces: &[SIZES, COLUMNS, WIDTH, GROUPS],
    of: Use::Sums,
    // Each mean is of a group of its own, whose size is checked.
    opens: |_| Equations { counts: 1, ..Equations::linear(1) },
    misfit: |columns| {
        (!have_one_each(columns)).then_some(
            "the first party has a group beside each id, the second a number, and all others have ids only",
        )
    },
};

/// The function without its rows.
pub(crate) struct JoinedMeans;

pub(crate) type MeanByGroup = OfRows<JoinedMeans>;

impl Joining for JoinedMeans {
    const DESCRIPTOR: Descriptor = Descriptor {
        name: "MeanByGroupVertical",
        summary: "the means of the second party's numbers in each of the first party's groups, over the ids \
                  that all parties have",
        input: InputKind::Keyed([Behind::Category, Behind::Number]),
        parameters: WITH_CATEGORIES,
        reveals: &[
            SIZES,
            COLUMNS,
            WIDTH,
            GROUPS,
            ASCENDING,
            SAME_ORDER,
            ENOUGH_JOINED,
            JOINED,
            ONE_CATEGORY,
            UNIT,
        ],
        result_keys: &["groups", "samples"],
        ..JOINED_ROWS
    };

    const TERMS: &'static Terms = &TERMS;

    async fn answer<E: Matching>(rows: KeyedRows, cx: &mut FunctionContext<'_, E>) -> Computed {
        let announced = rows.announce(cx).await?;
        categories::mean_by_group(cx, announced.join(), rows.columns).await
    }
}
