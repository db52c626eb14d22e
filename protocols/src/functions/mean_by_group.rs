//! `MeanByGroupVertical`: the means of the second party's numbers in each of the first party's
//! groups, over the ids that all parties have.

use rand_core::CryptoRng;

use crate::engine::matching::Matching;
use crate::functions::FunctionContext;
use crate::functions::answer::Answer;
use crate::functions::common::joins::function::{JOINED_ROWS, Joining, OfRows};
use crate::functions::common::joins::terms::{Terms, Work};
use crate::functions::common::joins::{
    COLUMNS, GROUPS, JOINED, KeyedRows, SCALES, SIZES, categories,
};
use crate::functions::descriptor::{Behind, Descriptor, InputKind};
use crate::kernel::disclosure::Permit;
use crate::kernel::fault::Fault;

const TERMS: Terms = Terms { categories: 1, always_tells: true, work: Work::Cells, misfit };

/// The function without its rows.
pub(crate) struct JoinedMeans;

pub(crate) type MeanByGroup = OfRows<JoinedMeans>;

impl Joining for JoinedMeans {
    const DESCRIPTOR: Descriptor = Descriptor {
        name: "MeanByGroupVertical",
        summary: "the means of the second party's numbers in each of the first party's groups, over the ids \
                  that all parties have",
        input: InputKind::Keyed([Behind::Category, Behind::Number]),
        reveals: &[SIZES, COLUMNS, JOINED, GROUPS, SCALES],
        result_keys: &["groups", "samples"],
        ..JOINED_ROWS
    };

    const TERMS: &'static Terms = &TERMS;

    async fn answer<E: Matching>(
        rows: KeyedRows,
        cx: &mut FunctionContext<'_, E>,
        permit: &Permit,
        rng: &mut impl CryptoRng,
    ) -> Result<Option<Answer>, Fault> {
        let announced = rows.announce(cx, permit, rng).await?;
        categories::mean_by_group(cx, announced.join(permit), rows.columns, rng).await
    }
}

/// Names the misfit, unless the first two parties have one column each and the others have none.
fn misfit(columns: &[usize]) -> Option<&'static str> {
    let fits = columns.iter().enumerate().all(|(index, count)| *count == usize::from(index < 2));
    (!fits).then_some(
        "the first party has a group beside each id, the second a number, and all others have ids only",
    )
}
