//! The regression of `ols` over rows that are matched by ids: least squares of the second party's
//! first column on all other columns.

use serde::Deserialize;

use crate::engine::matching::Matching;
use crate::engine::reveals::{
    ASCENDING, COLUMNS, ENOUGH_JOINED, JOINED, LEVERAGE, MOMENTS, OWN_MOMENTS, ROUNDED, SAME_ORDER,
    SIZES, UNITS,
};
use crate::functions::common::joins::function::JOINED_ROWS;
use crate::functions::common::joins::terms::{PRODUCTS, Terms};
use crate::functions::common::joins::{KeyedRows, encoded, moments};
use crate::functions::common::sets::Ids;
use crate::functions::descriptor::{Behind, Descriptor, InputKind, ParameterEntry};
use crate::functions::input::Input;
use crate::functions::ols::{BY_ID_ENTRY, NAME, Regression};
use crate::functions::parameters::{AgreedParameters, BY_ID, NO, YES};
use crate::functions::{Computed, Function, FunctionContext, OnShares};
use crate::kernel::equations::{Equations, Scope};
use crate::kernel::fault::InputError;
use crate::kernel::party::Party;

/// The parameter's name.
const INTERCEPT: &str = "intercept";

const TERMS: Terms = Terms {
    misfit: |columns| {
        let fits =
            columns.get(1).is_some_and(|count| *count > 0) && columns.iter().sum::<usize>() > 1;
        (!fits).then_some(
            "the second party's first column behind the id is what is explained, and there must be \
             others to explain it",
        )
    },
    ..PRODUCTS
};

pub(crate) struct RegressionById {
    rows: KeyedRows,
    intercept: bool,
}

#[derive(Deserialize)]
pub(crate) struct Parameters {
    #[serde(flatten)]
    ids: Ids,
    #[serde(default)]
    intercept: bool,
}

impl Function for RegressionById {
    const DESCRIPTOR: Descriptor = Descriptor {
        name: NAME,
        summary: Regression::DESCRIPTOR.summary,
        asked_by: Some(BY_ID),
        input: InputKind::Keyed([Behind::Numbers, Behind::Numbers]),
        parameters: &[
            BY_ID_ENTRY,
            ParameterEntry::boolean(
                INTERCEPT,
                "with `by_id`: whether there is an intercept; none where it is left out",
            ),
            Ids::CASE,
            Ids::PADDING,
        ],
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
            UNITS,
            ROUNDED,
        ],
        result_keys: &["mle", "standard_errors", "r_squared", "samples", "precision"],
        ..JOINED_ROWS
    };

    type Parameters = Parameters;

    fn opens(_: &Parameters, scope: Scope) -> Equations {
        (TERMS.opens)(scope)
    }

    fn new(
        Parameters { ids, intercept }: Parameters,
        input: Option<&Input>,
        _: usize,
    ) -> Result<Self, InputError> {
        Ok(Self { rows: KeyedRows::new(&TERMS, ids, input)?, intercept })
    }

    fn agreed(&self) -> AgreedParameters {
        let mut agreed = self.rows.agreed();
        agreed.insert(BY_ID.to_owned(), YES.to_owned());
        let intercept = if self.intercept { YES } else { NO };
        agreed.insert(INTERCEPT.to_owned(), intercept.to_owned());
        agreed
    }

    fn take_place(&mut self, me: Party) -> Result<(), InputError> {
        self.rows.take_place(me)
    }
}

impl OnShares for RegressionById {
    async fn run<E: Matching>(self, cx: &mut FunctionContext<'_, E>) -> Computed {
        let announced = self.rows.announce(cx).await?;
        let columns = encoded(self.rows.columns);
        moments::regression(cx, announced.join(), &columns, self.intercept).await
    }
}
