//! The functions that compute on shares, written once over [`Engine`].
//!
//! Their data stay at the parties, or go to the committee in shared form; what is opened is the
//! answer, what it implies, and sizes. How many rows all parties have together is opened after the release check
//! (see [`crate::release`]), and is what most functions begin with. A helper runs the same code without data: what it needs to
//! know it reads from what the parties agreed on, and it is shown sizes only, and of `TopK` how many
//! numbers there are to show.

pub(crate) mod cells;
#[cfg(test)]
mod cells_tests;
pub(crate) mod joins;
mod matrices;
pub(crate) mod matrix;
#[cfg(test)]
mod matrix_tests;
mod measure;
pub(crate) mod mode;
mod ols;
#[cfg(test)]
mod ols_tests;
mod product;
pub(crate) mod ranks;
#[cfg(test)]
mod ranks_tests;
pub(crate) mod rows;
#[cfg(test)]
mod rows_tests;
mod search;
mod univariate;

use std::collections::BTreeMap;

use rand_core::CryptoRng;

pub(crate) use self::mode::ONLY_MODE;
use crate::engine::Engine;
use crate::engine::shared::Shared;
use crate::functions::answer::Answer;
use crate::functions::catalogue::{Entry, MATRIX_PRODUCT, MEASURE, OF_ALIGNED, REGRESSION};
use crate::functions::input::Input;
use crate::functions::parameters::{Parameters, refuse};
use crate::kernel::channel::Channel;
use crate::kernel::disclosure::Permit;
use crate::kernel::fault::{Fault, InputError};
use crate::kernel::party::Party;
use crate::kernel::session::SessionHash;
use crate::suites::masked::MaskedSums;

/// What a function works with.
pub(crate) struct Desk<'a, E> {
    /// The suite.
    pub(crate) engine: E,
    /// To all members.
    pub(crate) channel: &'a Channel,
    /// To those that bring data; none at a helper.
    pub(crate) parties: Option<&'a Channel>,
    /// How many members, the first ones, bring data.
    pub(crate) inputs: usize,
    /// What was agreed on.
    pub(crate) session: SessionHash,
    /// Masked sums among those that bring data; none at a helper.
    pub(crate) sums: Option<MaskedSums<'a>>,
}

/// What is said of a function that a family does not have.
const UNKNOWN: InputError = InputError::Shape { expected: "a function that this version has" };

const NO_NUMBERS: Fault = Fault::Undefined { why: "the parties have no numbers" };

impl<E: Engine> Desk<'_, E> {
    /// The sum of all parties' vectors of `len` numbers, in shared form; a helper has none.
    async fn sum(&mut self, mine: &[u64], len: usize) -> Result<E::Shared<u64>, Fault> {
        let mine = if self.engine.brings_data() { mine } else { &[] };
        let shares = self.engine.share(mine, &vec![len; self.inputs]).await?;
        let sum = shares.into_iter().reduce(|sum, next| sum.plus(&next));
        Ok(sum.unwrap_or_else(|| self.engine.public(vec![0; len])))
    }
}

/// A function with one party's data in it; at a helper, without.
pub(crate) enum Prepared {
    Ranks(ranks::Prepared),
    Rows(rows::Prepared),
    Mode(mode::Prepared),
    Matrix(matrix::Prepared),
    Regression(ols::Prepared),
    Joins(joins::Prepared),
    Univariate(univariate::Prepared),
    Measure(measure::Prepared),
}

/// Which of them a function is.
#[derive(Clone, Copy)]
enum Family {
    Ranks,
    Rows,
    Tables,
    Matrix,
    Regression,
    Univariate,
    Measure,
}

impl Family {
    fn of(function: &Entry) -> Option<Self> {
        Some(match function.name {
            "KthElement" | "SecureMedian" | "MinimumMaximum" | "Quantiles" => Self::Ranks,
            "TopK" | "Sort" => Self::Rows,
            "StatisticsFrequency" | "StatisticsContingency" => Self::Tables,
            MATRIX_PRODUCT => Self::Matrix,
            REGRESSION => Self::Regression,
            "StatisticsUnivariate" => Self::Univariate,
            MEASURE => Self::Measure,
            _ => return None,
        })
    }
}

impl Prepared {
    /// None if the function does not compute on shares. Tables do if their mode alone is asked for.
    pub(crate) fn new(
        function: &Entry,
        parameters: &Parameters,
        input: &Input,
    ) -> Option<Result<Self, InputError>> {
        if let Some(prepared) = joins::Prepared::new(function, parameters, input) {
            return Some(prepared.map(Self::Joins));
        }
        Some(match Family::of(function)? {
            Family::Tables if parameters.only_mode != Some(true) => return None,
            Family::Tables => mode::Prepared::new(function, parameters, input).map(Self::Mode),
            Family::Ranks => ranks::Prepared::new(function, parameters, input).map(Self::Ranks),
            Family::Rows => rows::Prepared::new(function, parameters, input).map(Self::Rows),
            Family::Matrix => matrix::Prepared::new(parameters, input).map(Self::Matrix),
            Family::Regression => ols::Prepared::new(parameters, input).map(Self::Regression),
            Family::Univariate => {
                univariate::Prepared::new(parameters, input).map(Self::Univariate)
            }
            Family::Measure => measure::Prepared::new(parameters).map(Self::Measure),
        })
    }

    /// A helper's part in what the parties agreed on: no data, and only what is public.
    pub(crate) fn to_help(
        function: &Entry,
        agreed: &BTreeMap<String, String>,
    ) -> Result<Self, InputError> {
        if function.is_of_joins() || agreed.contains_key(joins::BY_ID) {
            return joins::Prepared::to_help(function, agreed).map(Self::Joins);
        }
        match Family::of(function) {
            Some(Family::Ranks) => ranks::Prepared::to_help(function, agreed).map(Self::Ranks),
            Some(Family::Rows) => rows::Prepared::to_help(function, agreed).map(Self::Rows),
            Some(Family::Tables) => mode::Prepared::to_help(agreed).map(Self::Mode),
            Some(Family::Matrix) => Ok(Self::Matrix(matrix::Prepared::to_help())),
            Some(Family::Regression) => Ok(Self::Regression(ols::Prepared::to_help())),
            Some(Family::Univariate) => Ok(Self::Univariate(univariate::Prepared::to_help())),
            // Measurements take as much of a node as is asked of it, and have no data that says how
            // much that is.
            Some(Family::Measure) | None => {
                Err(refuse("committee", "this function needs no helpers".into()))
            }
        }
    }

    /// What depends on which of the parties we are, and costs no message.
    pub(crate) fn take_place(&mut self, me: Party) -> Result<(), InputError> {
        match self {
            Self::Regression(prepared) => prepared.take_place(me),
            Self::Joins(prepared) => prepared.take_place(me),
            _ => Ok(()),
        }
    }

    pub(crate) fn parameters(&self) -> BTreeMap<String, String> {
        match self {
            Self::Ranks(prepared) => prepared.parameters(),
            Self::Rows(prepared) => prepared.parameters(),
            Self::Mode(prepared) => prepared.parameters(),
            Self::Matrix(prepared) => prepared.parameters(),
            Self::Regression(prepared) => prepared.parameters(),
            Self::Joins(prepared) => prepared.parameters(),
            Self::Univariate(prepared) => prepared.parameters(),
            Self::Measure(prepared) => prepared.parameters(),
        }
    }

    /// At most so many 64-bit words are shared or compared at a time; nobody knows beforehand where it
    /// depends on what others bring.
    pub(crate) fn words(&self) -> usize {
        match self {
            Self::Ranks(prepared) => prepared.words(),
            Self::Univariate(prepared) => prepared.words(),
            Self::Measure(prepared) => prepared.words(),
            Self::Rows(_)
            | Self::Mode(_)
            | Self::Matrix(_)
            | Self::Regression(_)
            | Self::Joins(_) => usize::MAX,
        }
    }

    /// Whether rows are matched by ids.
    pub(crate) fn matches_ids(&self) -> bool {
        matches!(self, Self::Joins(_))
    }

    /// What is revealed instead of what the catalogue says, where one function has two forms.
    pub(crate) fn replaces_reveals(&self) -> Option<&'static [&'static str]> {
        match self {
            Self::Regression(_) => Some(OF_ALIGNED),
            Self::Joins(prepared) => prepared.replaces_reveals(),
            _ => None,
        }
    }

    /// What is revealed beside the answer, and beside what the catalogue says.
    pub(crate) fn reveals(&self) -> Vec<String> {
        match self {
            Self::Mode(prepared) => prepared.reveals(),
            _ => Vec::new(),
        }
    }

    /// The answer; none at a helper.
    pub(crate) async fn run<E: Engine>(
        self,
        desk: &mut Desk<'_, E>,
        permit: &Permit,
        rows: u64,
        rng: &mut impl CryptoRng,
    ) -> Result<Option<Answer>, Fault> {
        match self {
            Self::Ranks(prepared) => prepared.run(desk, permit, rows).await,
            Self::Rows(prepared) => prepared.run(desk, permit, rows).await,
            Self::Mode(prepared) => prepared.run(desk, permit, rows).await,
            Self::Matrix(prepared) => prepared.run(desk).await,
            Self::Regression(prepared) => prepared.run(desk, permit).await,
            Self::Joins(prepared) => prepared.run(desk, permit, rng).await,
            Self::Univariate(prepared) => prepared.run(desk, permit, rows, rng).await,
            Self::Measure(prepared) => prepared.run(desk).await,
        }
    }
}
