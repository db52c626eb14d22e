//! `SetIntersectionSum`: the sum of one party's numbers over the ids that all parties have.

use crate::engine::matching::Matching;
use crate::engine::reveals::{
    ASCENDING, COLUMNS, ENOUGH_JOINED, JOINED, SAME_ORDER, SIZES, UNIT, WIDTH,
};
use crate::functions::common::joins::columns::Use;
use crate::functions::common::joins::function::{JOINED_ROWS, Joining, OfRows};
use crate::functions::common::joins::terms::{Terms, Work};
use crate::functions::common::joins::{KeyedRows, encoded, moments};
use crate::functions::descriptor::{Behind, Descriptor, InputKind};
use crate::functions::{Computed, FunctionContext};
use crate::kernel::equations::Equations;

const TERMS: Terms = Terms {
    categories: 0,
    always_tells: false,
    work: Work::Numbers,
    announces: &[SIZES, COLUMNS, WIDTH],
    of: Use::Sums,
    opens: |scope| Equations { counts: 1, ..Equations::linear(scope.columns) },
    misfit: |columns| {
        (columns.iter().sum::<usize>() != 1).then_some(
            "one party has one column of numbers beside its ids, all others have ids only",
        )
    },
};

/// The function without its rows.
pub(crate) struct JoinedSum;

pub(crate) type IntersectionSum = OfRows<JoinedSum>;

impl Joining for JoinedSum {
    const DESCRIPTOR: Descriptor = Descriptor {
        name: "SetIntersectionSum",
        summary: "the sum of one party's numbers over the ids that all parties have",
        input: InputKind::Keyed([Behind::Number, Behind::Nothing]),
        reveals: &[SIZES, COLUMNS, WIDTH, ASCENDING, SAME_ORDER, ENOUGH_JOINED, JOINED, UNIT],
        result_keys: &["sum", "size_intersection"],
        ..JOINED_ROWS
    };

    const TERMS: &'static Terms = &TERMS;

    async fn answer<E: Matching>(rows: KeyedRows, cx: &mut FunctionContext<'_, E>) -> Computed {
        let announced = rows.announce(cx).await?;
        moments::sum(cx, announced.join(), &encoded(rows.columns)).await
    }
}
