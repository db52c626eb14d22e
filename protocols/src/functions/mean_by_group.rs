//! `MeanByGroupVertical`: the means of the second party's numbers in each of the first party's
//! groups, over the ids that all parties have.

use rand_core::CryptoRng;

use crate::engine::matching::Matching;
use crate::functions::answer::Answer;
use crate::functions::common::joins::terms::{Terms, Work};
use crate::functions::common::joins::{
    COLUMNS, GROUPS, JOINED, KeyedRows, SCALES, SIZES, categories,
};
use crate::functions::common::sets::Ids;
use crate::functions::descriptor::{Behind, Descriptor, InputKind, Kind, Needs};
use crate::functions::input::Input;
use crate::functions::parameters::Agreed;
use crate::functions::{Function, FunctionContext, OnShares};
use crate::kernel::disclosure::Permit;
use crate::kernel::fault::{Fault, InputError};
use crate::kernel::party::Party;

const TERMS: Terms = Terms { categories: 1, always_tells: true, work: Work::Cells, misfit };

pub(crate) struct MeanByGroup(KeyedRows);

impl Function for MeanByGroup {
    const DESCRIPTOR: Descriptor = Descriptor {
        name: "MeanByGroupVertical",
        summary: "the means of the second party's numbers in each of the first party's groups, over the ids \
                  that all parties have",
        asked_by: None,
        input: InputKind::Keyed([Behind::Category, Behind::Number]),
        parameters: &[Ids::CASE, Ids::PAD_TO],
        kind: Kind::Joined,
        needs: Needs::SharesWithJoin,
        pushdown: None,
        reveals: &[SIZES, COLUMNS, JOINED, GROUPS, SCALES],
        result_keys: &["groups", "samples"],
    };

    type Parameters = Ids;

    fn new(ids: Ids, input: Option<&Input>, _: usize) -> Result<Self, InputError> {
        KeyedRows::new(&TERMS, ids, input).map(Self)
    }

    fn agreed(&self) -> Agreed {
        self.0.agreed()
    }

    fn take_place(&mut self, me: Party) -> Result<(), InputError> {
        self.0.take_place(me)
    }
}

impl OnShares for MeanByGroup {
    async fn run<E: Matching>(
        self,
        cx: &mut FunctionContext<'_, E>,
        permit: &Permit,
        _: u64,
        rng: &mut impl CryptoRng,
    ) -> Result<Option<Answer>, Fault> {
        let announced = self.0.announce(cx, permit, rng).await?;
        categories::mean_by_group(cx, announced.join(permit), self.0.columns, rng).await
    }
}

/// Names the misfit, unless the first two parties have one column each and the others have none.
fn misfit(columns: &[usize]) -> Option<&'static str> {
    let fits = columns.iter().enumerate().all(|(index, count)| *count == usize::from(index < 2));
    (!fits).then_some(
        "the first party has a group beside each id, the second a number, and all others have ids only",
    )
}
