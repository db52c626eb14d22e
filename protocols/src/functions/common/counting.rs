//! Functions of rows that are counted by their categories, in two forms: the whole table, or its
//! mode alone.

use std::marker::PhantomData;

use crate::engine::Engine;
use crate::engine::aggregate::Aggregate;
use crate::engine::reveals::{CATEGORIES, CELLS, CLASSES, DECLARED, RELEASE, ROWS, SAME_ROWS};
use crate::functions::answer::Answer;
use crate::functions::common::tables::{CountedRows, TableParameters};
use crate::functions::common::{cells, mode};
use crate::functions::descriptor::{Descriptor, InputKind, Kind, Needs, Pushdown};
use crate::functions::input::Input;
use crate::functions::parameters::{AgreedParameters, ONLY_MODE};
use crate::functions::{
    Computed, Function, FunctionContext, OnCounts, OnShares, OnSums, Rounds, SumsContext, of_counts,
};
use crate::kernel::disclosure::Rules;
use crate::kernel::equations::{Equations, Scope};
use crate::kernel::fault::{Fault, InputError};

/// The part of the descriptor that functions of counts have in common. Each sets its own name,
/// summary, input, parameters and result keys.
pub(crate) const COUNTED_ROWS: Descriptor = Descriptor {
    name: "",
    summary: "",
    asked_by: None,
    input: InputKind::Texts,
    parameters: &[],
    kind: Kind::Rows,
    needs: Needs::Counts,
    pushdown: Some(Pushdown::Counts),
    reveals: &[RELEASE, CATEGORIES, DECLARED, CELLS, SAME_ROWS, CLASSES],
    result_keys: &[],
};

/// A function that counts rows by the categories of its variables.
pub(crate) trait Counting {
    /// The descriptor of the form that opens the whole table.
    const DESCRIPTOR: Descriptor;

    /// Counts one party's rows.
    fn counted(parameters: TableParameters, input: &Input) -> Result<CountedRows, InputError>;
}

/// The form that opens the whole table. Holds one party's rows; nothing at a helper.
pub(crate) struct WholeTable<C>(Option<CountedRows>, PhantomData<C>);

/// The form that opens the mode alone. Holds the same rows.
pub(crate) struct ModeAlone<C>(Option<CountedRows>, PhantomData<C>);

impl<C: Counting> Function for WholeTable<C> {
    const DESCRIPTOR: Descriptor = C::DESCRIPTOR;

    type Parameters = TableParameters;

    fn opens(_: &TableParameters, _: Scope) -> Equations {
        Equations::counts(1)
    }

    fn new(
        parameters: TableParameters,
        input: Option<&Input>,
        _: usize,
    ) -> Result<Self, InputError> {
        let rows = input.map(|input| C::counted(parameters, input)).transpose()?;
        Ok(Self(rows, PhantomData))
    }

    fn agreed(&self) -> AgreedParameters {
        self.0.as_ref().map(CountedRows::agreed).unwrap_or_default()
    }

    fn words(&self) -> usize {
        self.0.as_ref().map_or(0, CountedRows::words)
    }

    fn rounds(&self, _: &Rules) -> Option<Rounds> {
        Some(of_counts)
    }
}

impl<C: Counting> OnSums for WholeTable<C> {
    async fn run<A: Aggregate>(self, cx: &mut SumsContext<'_, A>) -> Result<Answer, Fault> {
        self.0.ok_or(Fault::Internal("a party that adds up has a table"))?.sum(cx).await
    }
}

impl<C: Counting> OnCounts for WholeTable<C> {
    async fn run_withholding<E: Engine>(
        self,
        cx: &mut FunctionContext<'_, E>,
        rows: Option<&E::Shared<u64>>,
    ) -> Computed {
        cells::table(cx, self.0, rows).await
    }
}

impl<C: Counting> Function for ModeAlone<C> {
    const DESCRIPTOR: Descriptor = Descriptor {
        asked_by: Some(ONLY_MODE),
        needs: Needs::Shares,
        reveals: &[RELEASE, ROWS, CATEGORIES, DECLARED, CELLS, SAME_ROWS, CLASSES],
        ..C::DESCRIPTOR
    };

    type Parameters = TableParameters;

    fn opens(_: &TableParameters, _: Scope) -> Equations {
        Equations::counts(1)
    }

    fn new(
        parameters: TableParameters,
        input: Option<&Input>,
        parties: usize,
    ) -> Result<Self, InputError> {
        let WholeTable(rows, function) = WholeTable::new(parameters, input, parties)?;
        Ok(Self(rows, function))
    }

    fn agreed(&self) -> AgreedParameters {
        mode::agreed(self.0.as_ref())
    }

    fn rounds(&self, _: &Rules) -> Option<Rounds> {
        Some(of_counts)
    }
}

impl<C: Counting> OnShares for ModeAlone<C> {
    async fn run<E: Engine>(self, cx: &mut FunctionContext<'_, E>) -> Computed {
        mode::find_mode(cx, self.0).await
    }
}
