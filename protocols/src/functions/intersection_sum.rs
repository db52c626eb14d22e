//! `SetIntersectionSum`: the sum of one party's numbers over the ids that all parties have.

use rand_core::CryptoRng;

use crate::engine::matching::Matching;
use crate::functions::answer::Answer;
use crate::functions::common::joins::terms::{Terms, Work};
use crate::functions::common::joins::{COLUMNS, JOINED, KeyedRows, SCALES, SIZES, moments, scaled};
use crate::functions::common::sets::Ids;
use crate::functions::descriptor::{Behind, Descriptor, InputKind, Kind, Needs};
use crate::functions::input::Input;
use crate::functions::parameters::Agreed;
use crate::functions::{Function, FunctionContext, OnShares};
use crate::kernel::disclosure::Permit;
use crate::kernel::fault::{Fault, InputError};
use crate::kernel::party::Party;

const TERMS: Terms = Terms {
    categories: 0,
    always_tells: false,
    work: Work::Numbers,
    misfit: |columns| {
        (columns.iter().sum::<usize>() != 1).then_some(
            "one party has one column of numbers beside its ids, all others have ids only",
        )
    },
};

pub(crate) struct IntersectionSum(KeyedRows);

impl Function for IntersectionSum {
    const DESCRIPTOR: Descriptor = Descriptor {
        name: "SetIntersectionSum",
        summary: "the sum of one party's numbers over the ids that all parties have",
        asked_by: None,
        input: InputKind::Keyed([Behind::Number, Behind::Nothing]),
        parameters: &[Ids::CASE, Ids::PAD_TO],
        kind: Kind::Joined,
        needs: Needs::SharesWithJoin,
        pushdown: None,
        reveals: &[SIZES, COLUMNS, JOINED, SCALES],
        result_keys: &["sum", "size_intersection"],
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

impl OnShares for IntersectionSum {
    async fn run<E: Matching>(
        self,
        cx: &mut FunctionContext<'_, E>,
        permit: &Permit,
        _: u64,
        rng: &mut impl CryptoRng,
    ) -> Result<Option<Answer>, Fault> {
        let announced = self.0.announce(cx, permit, rng).await?;
        moments::sum(cx, announced.join(permit), &scaled(self.0.columns)).await
    }
}
