//! `CorrelationVertical`: the correlations of all parties' columns, over the ids that all parties
//! have.

use crate::engine::matching::Matching;
use crate::engine::reveals::{
    ASCENDING, COLUMNS, ENOUGH_JOINED, JOINED, LEVERAGE, MOMENTS, OWN_MOMENTS, ROUNDED, SAME_ORDER,
    SIZES,
};
use crate::functions::common::joins::function::{JOINED_ROWS, Joining, OfRows};
use crate::functions::common::joins::terms::{PRODUCTS, Terms};
use crate::functions::common::joins::{KeyedRows, encoded, moments};
use crate::functions::descriptor::{Behind, Descriptor, InputKind};
use crate::functions::{Computed, FunctionContext};

const TERMS: Terms = Terms {
    misfit: |columns| {
        (columns.iter().sum::<usize>() == 0).then_some("no party has a column of numbers")
    },
    ..PRODUCTS
};

/// The function without its rows.
pub(crate) struct JoinedCorrelation;

pub(crate) type Correlation = OfRows<JoinedCorrelation>;

impl Joining for JoinedCorrelation {
    const DESCRIPTOR: Descriptor = Descriptor {
        name: "CorrelationVertical",
        summary: "the correlations of all parties' columns, over the ids that all parties have",
        input: InputKind::Keyed([Behind::Numbers, Behind::Numbers]),
        reveals: &[
            SIZES,
            COLUMNS,
            ASCENDING,
            SAME_ORDER,
            ENOUGH_JOINED,
            JOINED,
            OWN_MOMENTS,
            LEVERAGE,
            MOMENTS,
            ROUNDED,
        ],
        result_keys: &["correlation", "samples", "precision"],
        ..JOINED_ROWS
    };

    const TERMS: &'static Terms = &TERMS;

    async fn answer<E: Matching>(rows: KeyedRows, cx: &mut FunctionContext<'_, E>) -> Computed {
        let announced = rows.announce(cx).await?;
        moments::correlation(cx, announced.join(), &encoded(rows.columns)).await
    }
}
