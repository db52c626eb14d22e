//! `StatisticsContingencyVertical`: the table of the first party's categories and the second's,
//! over the ids that all parties have.

use crate::engine::matching::Matching;
use crate::engine::reveals::{
    ASCENDING, COLUMNS, ENOUGH_JOINED, JOINED, KINDS_OF_CATEGORIES, ONE_CATEGORY, SAME_ORDER, SIZES,
};
use crate::functions::common::joins::columns::Use;
use crate::functions::common::joins::function::{JOINED_ROWS, Joining, OfRows, WITH_CATEGORIES};
use crate::functions::common::joins::terms::{Terms, Work, have_one_each};
use crate::functions::common::joins::{KeyedRows, categories};
use crate::functions::descriptor::{Behind, Descriptor, InputKind};
use crate::functions::{Computed, FunctionContext, Rounds, of_counts};
use crate::kernel::equations::Equations;

const TERMS: Terms = Terms {
    categories: 2,
    always_tells: false,
    work: Work::Cells,
    announces: &[SIZES, COLUMNS, KINDS_OF_CATEGORIES],
    of: Use::Sums,
    opens: |_| Equations::counts(1),
    misfit: |columns| {
        (!have_one_each(columns)).then_some(
            "the first two parties have a category beside each id, all others have ids only",
        )
    },
};

/// The function without its rows.
pub(crate) struct JoinedTable;

pub(crate) type ContingencyVertical = OfRows<JoinedTable>;

impl Joining for JoinedTable {
    const DESCRIPTOR: Descriptor = Descriptor {
        name: "StatisticsContingencyVertical",
        summary: "how often pairs of categories occur, one of each pair at the first party, one at the second, \
                  over the ids that all parties have",
        input: InputKind::Keyed([Behind::Category, Behind::Category]),
        parameters: WITH_CATEGORIES,
        reveals: &[
            SIZES,
            COLUMNS,
            KINDS_OF_CATEGORIES,
            ASCENDING,
            SAME_ORDER,
            ENOUGH_JOINED,
            JOINED,
            ONE_CATEGORY,
        ],
        result_keys: &["table", "mode"],
        ..JOINED_ROWS
    };

    const TERMS: &'static Terms = &TERMS;

    const ROUNDS: Option<Rounds> = Some(of_counts);

    async fn answer<E: Matching>(rows: KeyedRows, cx: &mut FunctionContext<'_, E>) -> Computed {
        let announced = rows.announce(cx).await?;
        categories::contingency(cx, announced.join(), rows.columns).await
    }
}
