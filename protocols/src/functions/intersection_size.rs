//! `SetIntersectionSize`: the number of items that all parties have. No party learns the items.

use rand_core::CryptoRng;

use crate::circuits::joining;
use crate::engine::matching::Matching;
use crate::functions::answer::Answer;
use crate::functions::common::joins::terms::{Terms, Work};
use crate::functions::common::joins::{KeyedRows, SIZES, open_count, rows_of};
use crate::functions::common::sets::Ids;
use crate::functions::descriptor::{Descriptor, InputKind, Kind, Needs};
use crate::functions::input::Input;
use crate::functions::parameters::Agreed;
use crate::functions::{Function, FunctionContext, OnShares};
use crate::kernel::disclosure::Permit;
use crate::kernel::fault::{Fault, InputError};
use crate::kernel::party::Party;

const TERMS: Terms = Terms {
    categories: 0,
    always_tells: false,
    work: Work::Counts,
    misfit: |columns| {
        columns.iter().any(|count| *count > 0).then_some("parties have columns beside ids")
    },
};

pub(crate) struct IntersectionSize(KeyedRows);

impl Function for IntersectionSize {
    const DESCRIPTOR: Descriptor = Descriptor {
        name: "SetIntersectionSize",
        summary: "how many items all parties have",
        asked_by: None,
        input: InputKind::Set,
        parameters: &[Ids::CASE, Ids::PAD_TO],
        kind: Kind::Joined,
        needs: Needs::SharesWithJoin,
        pushdown: None,
        reveals: &[SIZES],
        result_keys: &["size_intersection"],
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

impl OnShares for IntersectionSize {
    async fn run<E: Matching>(
        self,
        cx: &mut FunctionContext<'_, E>,
        permit: &Permit,
        _: u64,
        rng: &mut impl CryptoRng,
    ) -> Result<Option<Answer>, Fault> {
        let announced = self.0.announce(cx, permit, rng).await?;
        let join = announced.join(permit);
        let sizes = rows_of(join.told);
        // The suite's own count between two parties shows them the number before a rule can
        // withhold it.
        let count = if permit.withholds() {
            joining::count_common(&mut cx.engine, join.item_hashes, &sizes).await?
        } else {
            cx.engine.count_common(join.item_hashes, &sizes).await?
        };
        let count = open_count(cx, permit, &count).await?;
        let padded_to = self.0.padded_to();
        Ok(count
            .answer(|size_intersection| Answer::IntersectionSize { size_intersection, padded_to }))
    }
}
