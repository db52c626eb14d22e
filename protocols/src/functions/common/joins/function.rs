//! The form that all functions of joined rows have.

use std::marker::PhantomData;

use super::KeyedRows;
use super::terms::Terms;
use crate::engine::matching::Matching;
use crate::functions::common::sets::Ids;
use crate::functions::descriptor::{Descriptor, InputKind, Kind, Needs, ParameterEntry};
use crate::functions::input::Input;
use crate::functions::parameters::AgreedParameters;
use crate::functions::{Computed, Function, FunctionContext, OnShares, Rounds};
use crate::kernel::disclosure::Rules;
use crate::kernel::equations::{Equations, Scope};
use crate::kernel::fault::InputError;
use crate::kernel::party::Party;

/// The part of the descriptor that functions of joined rows have in common. Each sets its own name,
/// summary, reveals and result keys, and its input unless this is a set.
pub(crate) const JOINED_ROWS: Descriptor = Descriptor {
    name: "",
    summary: "",
    asked_by: None,
    input: InputKind::Set,
    parameters: &[Ids::CASE, Ids::PADDING],
    kind: Kind::Joined,
    needs: Needs::SharesWithJoin,
    pushdown: None,
    reveals: &[],
    result_keys: &[],
};

/// The parameters of functions that take categories beside ids.
pub(crate) const WITH_CATEGORIES: &[ParameterEntry] =
    &[Ids::CASE, Ids::PADDING, Ids::CATEGORY_CASE];

/// A function of rows that several parties have columns of, with no parameters but those of ids.
pub(crate) trait Joining {
    /// All that is known of it before it runs.
    const DESCRIPTOR: Descriptor;

    /// The terms that it sets for the rows.
    const TERMS: &'static Terms;

    /// The rounding of its answer; none if a number has no standard error from what is opened.
    const ROUNDS: Option<Rounds> = None;

    /// Computes the answer.
    async fn answer<E: Matching>(rows: KeyedRows, cx: &mut FunctionContext<'_, E>) -> Computed;
}

/// Such a function with one party's rows.
pub(crate) struct OfRows<J>(KeyedRows, PhantomData<J>);

impl<J: Joining> Function for OfRows<J> {
    const DESCRIPTOR: Descriptor = J::DESCRIPTOR;

    type Parameters = Ids;

    fn opens(_: &Ids, scope: Scope) -> Equations {
        (J::TERMS.opens)(scope)
    }

    fn new(ids: Ids, input: Option<&Input>, _: usize) -> Result<Self, InputError> {
        Ok(Self(KeyedRows::new(J::TERMS, ids, input)?, PhantomData))
    }

    fn agreed(&self) -> AgreedParameters {
        self.0.agreed()
    }

    fn rounds(&self, _: &Rules) -> Option<Rounds> {
        J::ROUNDS
    }

    fn take_place(&mut self, me: Party) -> Result<(), InputError> {
        self.0.take_place(me)
    }
}

impl<J: Joining> OnShares for OfRows<J> {
    async fn run<E: Matching>(self, cx: &mut FunctionContext<'_, E>) -> Computed {
        J::answer(self.0, cx).await
    }
}
