//! `StatisticsContingency`: the number of rows with each pair of categories, or the most frequent
//! pair.

use rand_core::CryptoRng;

use crate::engine::Engine;
use crate::engine::aggregate::Aggregate;
use crate::functions::answer::Answer;
use crate::functions::common::categories::Axes;
use crate::functions::common::tables::{
    Categories, CountedRows, ONLY_MODE_ENTRY, Rows, TableParameters, refuse_categories,
};
use crate::functions::common::{cells, mode};
use crate::functions::descriptor::{Descriptor, InputKind, Kind, Needs, ParameterEntry, Pushdown};
use crate::functions::input::Input;
use crate::functions::parameters::{Agreed, ONLY_MODE};
use crate::functions::reveals::{CATEGORIES, CELLS, RELEASE};
use crate::functions::{Function, FunctionContext, OnCounts, OnShares, OnSums, SumsContext};
use crate::kernel::disclosure::{Permit, Rules};
use crate::kernel::fault::{Fault, InputError};

/// The form that opens the whole table. Holds one party's rows; nothing at a helper.
pub(crate) struct Contingency(Option<CountedRows>);

/// The form that opens the mode alone. Holds the same rows.
pub(crate) struct ContingencyMode(Option<CountedRows>);

impl Function for Contingency {
    const DESCRIPTOR: Descriptor = Descriptor {
        name: "StatisticsContingency",
        summary: "how often each pair of categories occurs",
        asked_by: None,
        input: InputKind::TextPairs,
        parameters: &[
            ParameterEntry::list(
                "categories",
                "the categories that there may be, as two lists of texts, so that nobody learns who holds \
                 which; from all parties' data where it is left out",
            ),
            ONLY_MODE_ENTRY,
        ],
        kind: Kind::Rows,
        needs: Needs::Counts,
        pushdown: Some(Pushdown::Counts),
        reveals: &[RELEASE, CATEGORIES, CELLS],
        result_keys: &["table", "mode"],
    };

    type Parameters = TableParameters;

    fn new(
        parameters: TableParameters,
        input: Option<&Input>,
        _: usize,
    ) -> Result<Self, InputError> {
        counted(parameters, input).map(Self)
    }

    fn agreed(&self) -> Agreed {
        self.0.as_ref().map(CountedRows::agreed).unwrap_or_default()
    }

    fn words(&self) -> usize {
        self.0.as_ref().map_or(0, CountedRows::words)
    }

    fn reveals(&self, rules: &Rules) -> Vec<String> {
        self.0.as_ref().map(|rows| rows.reveals(rules)).unwrap_or_default()
    }
}

impl OnSums for Contingency {
    async fn run<A: Aggregate>(
        self,
        cx: &mut SumsContext<'_, A>,
        permit: &Permit,
        rng: &mut impl CryptoRng,
    ) -> Result<Answer, Fault> {
        self.0
            .ok_or(Fault::Internal("a party that adds up has a table"))?
            .sum(cx, permit, rng)
            .await
    }
}

impl OnCounts for Contingency {
    async fn run_withholding<E: Engine>(
        self,
        cx: &mut FunctionContext<'_, E>,
        permit: &Permit,
        rows: Option<&E::Shared<u64>>,
    ) -> Result<Option<Answer>, Fault> {
        cells::table(cx, self.0, permit, rows).await
    }
}

impl Function for ContingencyMode {
    const DESCRIPTOR: Descriptor =
        Descriptor { asked_by: Some(ONLY_MODE), needs: Needs::Shares, ..Contingency::DESCRIPTOR };

    type Parameters = TableParameters;

    fn new(
        parameters: TableParameters,
        input: Option<&Input>,
        _: usize,
    ) -> Result<Self, InputError> {
        counted(parameters, input).map(Self)
    }

    fn agreed(&self) -> Agreed {
        mode::agreed(self.0.as_ref())
    }

    fn reveals(&self, _: &Rules) -> Vec<String> {
        mode::reveals(self.0.as_ref())
    }
}

impl OnShares for ContingencyMode {
    async fn run<E: Engine>(
        self,
        cx: &mut FunctionContext<'_, E>,
        permit: &Permit,
        rows: u64,
        _: &mut impl CryptoRng,
    ) -> Result<Option<Answer>, Fault> {
        mode::find_mode(cx, self.0, permit, rows).await
    }
}

/// Counts one party's rows by their categories; none at a helper.
fn counted(
    parameters: TableParameters,
    input: Option<&Input>,
) -> Result<Option<CountedRows>, InputError> {
    let Some(input) = input else { return Ok(None) };
    let rows = match input {
        Input::TextPairs(items) => {
            Rows::single(items.iter().map(|(x, y)| [x.as_str(), y.as_str()]))
        }
        Input::CountedPairs(items) => {
            Rows::counted(items.iter().map(|((x, y), times)| ([x.as_str(), y.as_str()], *times)))
        }
        other if other.is_empty() => Rows::none(),
        _ => return Err(InputError::Shape { expected: "pairs of texts" }),
    };
    CountedRows::new(declared(parameters.categories)?, rows).map(Some)
}

fn declared(categories: Option<Categories>) -> Result<Option<Axes>, InputError> {
    match categories {
        None => Ok(None),
        Some(Categories::Two(axes)) => Ok(Some(axes.into())),
        Some(_) => Err(refuse_categories("two lists of texts")),
    }
}
