//! The functions: one file each, with its descriptor, its parameters, and its computation.
//!
//! A [`Function`] is made from parameters and one party's data, before any message. A helper makes
//! it without data. It runs on the form of computation that its descriptor names: [`OnSums`],
//! [`OnCounts`], [`OnShares`] or [`OnSets`]. No private value is sent from here in the clear:
//! everything goes through a sum, in shared form, or as blinded items. The exception is names of
//! categories that were not declared (see [`common::tables`]). The disclosure rules on all parties'
//! data together are checked before (see [`crate::release`]).
//!
//! The list of all is in [`catalogue`]. The parts that several have in common are in [`common`].

pub(crate) mod answer;
pub(crate) mod bivariate;
#[cfg(test)]
mod bivariate_tests;
pub mod catalogue;
pub(crate) mod common;
pub(crate) mod contingency;
mod contingency_vertical;
mod correlation;
pub(crate) mod descriptor;
mod empty;
pub(crate) mod frequency;
pub(crate) mod input;
mod intersection_size;
mod intersection_sum;
mod kth_element;
mod mean_by_group;
pub(crate) mod measure;
mod median;
mod minimum_maximum;
mod ols;
mod ols_by_id;
#[cfg(test)]
mod ols_tests;
pub mod parameters;
mod prepare;
pub(crate) mod product;
#[cfg(test)]
mod product_tests;
mod quantiles;
mod set_intersection;
mod sort;
mod sum;
#[cfg(test)]
mod sum_tests;
pub(crate) mod top_k;
mod union_size;
pub(crate) mod univariate;
#[cfg(test)]
mod univariate_adversary_tests;
#[cfg(test)]
mod univariate_tests;
pub(crate) mod vector_sum;
#[cfg(test)]
mod vector_sum_tests;

use rand_core::CryptoRng;
use serde::de::DeserializeOwned;

use crate::engine::Engine;
use crate::engine::aggregate::Aggregate;
use crate::engine::matching::Matching;
use crate::engine::shared::Shared;
use crate::functions::answer::Answer;
use crate::functions::descriptor::Descriptor;
use crate::functions::input::Input;
use crate::functions::parameters::AgreedParameters;
use crate::kernel::channel::Channel;
use crate::kernel::disclosure::{Permit, Rounding, Rules};
use crate::kernel::equations::{Equations, Scope};
use crate::kernel::fault::{Fault, InputError};
use crate::kernel::party::Party;
use crate::kernel::session::{Session, SessionHash};
use crate::release::terms::Magnitude;
use crate::suites::masked::MaskedSums;

/// Rounds the numbers of an answer. All that is not a count becomes a function of rounded numbers
/// and counts alone, so that no exact number can be computed back.
pub(crate) type Rounds = fn(Answer, Rounding) -> Result<Answer, Fault>;

/// Returns an answer of counts as it is: counts stay exact, and small ones are withheld by the rule on
/// them.
pub(crate) fn of_counts(answer: Answer, _: Rounding) -> Result<Answer, Fault> {
    Ok(answer)
}

/// The interface of all functions.
pub(crate) trait Function: Sized {
    /// The facts that are known before it runs.
    const DESCRIPTOR: Descriptor;

    /// The type of its own parameters, as a client gives them.
    type Parameters: DeserializeOwned;

    /// Checks parameters and data, and encodes the data of one of `parties` parties. A helper has
    /// no input.
    fn new(
        parameters: Self::Parameters,
        input: Option<&Input>,
        parties: usize,
    ) -> Result<Self, InputError>;

    /// Returns the equations about rows that the answer tells, and all that is revealed beside it.
    fn opens(parameters: &Self::Parameters, scope: Scope) -> Equations;

    /// Returns the places of the numbers by rank that the answer shows, in thousandths of the rows.
    fn permille(_parameters: &Self::Parameters) -> Vec<u16> {
        Vec::new()
    }

    /// Returns all parameters that change the result, in canonical text, defaults filled in. A
    /// helper reads its parameters from them.
    fn agreed(&self) -> AgreedParameters {
        AgreedParameters::new()
    }

    /// Returns the public length that must be equal at all parties, if there is one.
    fn length(&self) -> Option<u64> {
        None
    }

    /// Returns the most 64-bit words that are masked, shared or compared at a time. A function for
    /// which this depends on other parties' data returns the largest number.
    fn words(&self) -> usize {
        usize::MAX
    }

    /// Returns what these rules ask for and do not check in this function, beside what is revealed.
    fn caveats(&self, _rules: &Rules) -> Vec<String> {
        Vec::new()
    }

    /// Returns how the answer is rounded under these rules; none if it can have a number that is no
    /// count and has no standard error from what is opened. Then it is refused where a rule rounds.
    fn rounds(&self, _rules: &Rules) -> Option<Rounds> {
        None
    }

    /// Takes out this party's part of a sum of numbers, which the release check compares.
    fn take_magnitude(&mut self) -> Option<Magnitude> {
        None
    }

    /// Prepares the data that depend on the party's place. It costs no message.
    fn take_place(&mut self, _me: Party) -> Result<(), InputError> {
        Ok(())
    }
}

/// A function of sums over all parties. Only parties run it, no helper.
pub(crate) trait OnSums: Function {
    /// Computes the answer.
    async fn run<A: Aggregate>(self, cx: &mut SumsContext<'_, A>) -> Result<Answer, Fault>;
}

/// A function of counts: on sums where all counts may be opened, else on shares.
pub(crate) trait OnCounts: OnSums {
    /// Computes the answer where small counts are withheld. `rows` is the number of all parties'
    /// rows, in shared form, where a rule asks for it.
    async fn run_withholding<E: Engine>(
        self,
        cx: &mut FunctionContext<'_, E>,
        rows: Option<&E::Shared<u64>>,
    ) -> Computed;
}

/// A function of shared values. Helpers run the same code without data. They read its parameters
/// from the agreement, and learn sizes only.
pub(crate) trait OnShares: Function {
    /// Computes the answer. A function that joins no tables asks for an [`Engine`] alone.
    async fn run<E: Matching>(self, cx: &mut FunctionContext<'_, E>) -> Computed;
}

/// A function of blinded items of sets. Only parties run it, no helper.
pub(crate) trait OnSets: Function {
    /// Computes the answer.
    async fn run(self, cx: SetsContext<'_>) -> Result<Answer, Fault>;
}

/// The result of a computation on shares: the answer at a party, none at a helper.
pub(crate) type Computed = Result<Option<Answer>, Fault>;

/// The context of a function of sums.
pub(crate) struct SumsContext<'a, A> {
    /// The channel to all parties with data.
    pub(crate) channel: &'a Channel,
    /// The protocol of sums.
    pub(crate) sums: &'a mut A,
    /// The permit to open the answer.
    pub(crate) permit: &'a Permit,
    /// This party's randomness.
    pub(crate) rng: &'a mut dyn CryptoRng,
}

/// The context of a function of sets.
pub(crate) struct SetsContext<'a> {
    /// The channel to all parties.
    pub(crate) channel: &'a Channel,
    /// The agreement and its keys.
    pub(crate) session: &'a Session,
    /// The permit to open the answer.
    pub(crate) permit: &'a Permit,
    /// This party's randomness.
    pub(crate) rng: &'a mut dyn CryptoRng,
}

/// The function context of a function of shared values. It is made after the release check.
pub(crate) struct FunctionContext<'a, E> {
    /// The suite.
    pub(crate) engine: E,
    /// The channel to all members.
    pub(crate) channel: &'a Channel,
    /// The channel to the parties with data; none at a helper.
    pub(crate) parties: Option<&'a Channel>,
    /// The number of parties with data. They are the first members.
    pub(crate) inputs: usize,
    /// The hash of the agreement.
    pub(crate) session: SessionHash,
    /// The masked sums among the parties with data; none at a helper.
    pub(crate) sums: Option<MaskedSums<'a>>,
    /// The permit to open the answer.
    pub(crate) permit: &'a Permit,
    /// The number of all parties' rows, if the release check opened it; 0 else.
    pub(crate) rows: u64,
    /// This member's randomness.
    pub(crate) rng: &'a mut dyn CryptoRng,
}

impl<E: Engine> FunctionContext<'_, E> {
    /// Shares all parties' vectors of `len` numbers, and adds them. A helper has no vector.
    async fn sum(&mut self, mine: &[u64], len: usize) -> Result<E::Shared<u64>, Fault> {
        let mine = if self.engine.brings_data() { mine } else { &[] };
        let shares = self.engine.share(mine, &vec![len; self.inputs]).await?;
        let sum = shares.into_iter().reduce(|sum, next| sum.plus(&next));
        Ok(sum.unwrap_or_else(|| self.engine.public(vec![0; len])))
    }
}
