//! The functions: encode one party's data, sum over the parties, finish.
//!
//! Encoding and local adding happen when a request is made, before any message; finishing happens
//! on opened sums, the same at every party. Nothing here sends private values: everything goes
//! through a masked sum, or in shared form (see [`on_shares`], which tables take too where small cells
//! may not be opened), except names of categories that were not declared (see [`tables`]). What the
//! rules ask of all parties' data together was asked before (see [`crate::release`]).

pub(crate) mod answer;
pub(crate) mod bivariate;
#[cfg(test)]
mod bivariate_tests;
pub mod catalogue;
pub(crate) mod categories;
pub(crate) mod empty;
pub(crate) mod input;
mod means;
mod moments;
pub(crate) mod on_shares;
pub mod parameters;
pub(crate) mod set_intersection;
pub(crate) mod sets;
pub(crate) mod sum;
#[cfg(test)]
mod sum_tests;
pub(crate) mod tables;
#[cfg(test)]
mod tables_tests;
pub(crate) mod univariate;
#[cfg(test)]
mod univariate_adversary_tests;
#[cfg(test)]
mod univariate_tests;
pub(crate) mod vector;
#[cfg(test)]
mod vector_tests;

use std::collections::BTreeMap;

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::algebra::rounding::nearest_double;
use crate::functions::answer::Answer;
use crate::functions::catalogue::{EMPTY, Entry, SUM, VECTOR_SUM};
use crate::functions::input::Input;
use crate::functions::parameters::Parameters;
use crate::kernel::channel::Channel;
use crate::kernel::disclosure::{Permit, Rules};
use crate::kernel::fault::{Fault, InputError};
use crate::release::terms::Magnitude;
use crate::suites::masked::MaskedSums;

/// A function with one party's data in it, added up.
pub(crate) enum Prepared {
    Empty(empty::Prepared),
    Sum(sum::Prepared),
    Vector(vector::Prepared),
    Frequency(tables::Prepared),
    Contingency(tables::Prepared),
    Bivariate(bivariate::Prepared),
}

impl Prepared {
    pub(crate) fn new(
        function: &Entry,
        parameters: &Parameters,
        input: &Input,
        parties: usize,
    ) -> Result<Self, InputError> {
        match function.name {
            EMPTY => empty::Prepared::new(parameters).map(Self::Empty),
            SUM => sum::Prepared::new(parameters, input).map(Self::Sum),
            VECTOR_SUM => vector::Prepared::new(parameters, input, parties).map(Self::Vector),
            "StatisticsFrequency" => {
                tables::Prepared::frequency(parameters, input).map(Self::Frequency)
            }
            "StatisticsContingency" => {
                tables::Prepared::contingency(parameters, input).map(Self::Contingency)
            }
            "StatisticsBivariate" => {
                bivariate::Prepared::new(parameters, input).map(Self::Bivariate)
            }
            _ => Err(InputError::Shape { expected: "a function that this version has" }),
        }
    }

    /// What the party has of a sum of numbers, which the release check takes.
    pub(crate) fn take_magnitude(&mut self) -> Option<Magnitude> {
        match self {
            Self::Sum(prepared) => prepared.take_magnitude(),
            _ => None,
        }
    }

    /// The table, if it is one.
    pub(crate) fn into_table(self) -> Option<tables::Prepared> {
        match self {
            Self::Frequency(prepared) | Self::Contingency(prepared) => Some(prepared),
            _ => None,
        }
    }

    pub(crate) fn parameters(&self) -> BTreeMap<String, String> {
        match self {
            Self::Empty(prepared) => prepared.parameters(),
            Self::Sum(prepared) => prepared.parameters(),
            Self::Vector(prepared) => prepared.parameters(),
            Self::Frequency(prepared) => prepared.parameters(),
            Self::Contingency(prepared) => prepared.parameters(),
            Self::Bivariate(prepared) => prepared.parameters(),
        }
    }

    pub(crate) fn shape(&self) -> BTreeMap<String, u64> {
        match self {
            Self::Vector(prepared) => prepared.shape(),
            _ => BTreeMap::new(),
        }
    }

    pub(crate) fn words(&self) -> usize {
        match self {
            Self::Empty(_) => 0,
            Self::Sum(prepared) => prepared.words(),
            Self::Vector(prepared) => prepared.words(),
            Self::Frequency(prepared) => prepared.words(),
            Self::Contingency(prepared) => prepared.words(),
            Self::Bivariate(prepared) => prepared.words(),
        }
    }

    /// What is revealed beside the answer.
    pub(crate) fn reveals(&self, rules: &Rules) -> Vec<String> {
        match self {
            Self::Empty(_) => Vec::new(),
            Self::Sum(_) => vec![sum::REVEALS.to_owned()],
            Self::Vector(prepared) => prepared.reveals(rules),
            Self::Frequency(prepared) => prepared.reveals(rules),
            Self::Contingency(prepared) => prepared.reveals(rules),
            Self::Bivariate(_) => vec![bivariate::REVEALS.to_owned()],
        }
    }

    pub(crate) async fn run(
        self,
        channel: &Channel,
        sums: &mut MaskedSums<'_>,
        permit: &Permit,
        rng: &mut impl CryptoRng,
    ) -> Result<Answer, Fault> {
        match self {
            Self::Empty(prepared) => prepared.run(channel).await,
            Self::Sum(prepared) => prepared.run(sums, rng).await,
            Self::Vector(prepared) => prepared.run(sums, rng).await,
            Self::Frequency(prepared) => prepared.run(channel, sums, permit, rng).await,
            Self::Contingency(prepared) => prepared.run(channel, sums, permit, rng).await,
            Self::Bivariate(prepared) => prepared.run(sums, permit, rng).await,
        }
    }
}

/// Whether a function answers with a table of counts.
pub(crate) fn is_table(function: &Entry) -> bool {
    matches!(function.name, "StatisticsFrequency" | "StatisticsContingency")
}

/// One party's numbers as doubles.
///
/// # Errors
/// If they are none, or whole numbers that no double equals.
pub(crate) fn doubles(input: &Input) -> Result<Zeroizing<Vec<f64>>, InputError> {
    match input {
        Input::Numbers(items) => Ok(Zeroizing::new(items.clone())),
        Input::Integers(items) => {
            let mut doubles = Zeroizing::new(Vec::with_capacity(items.len()));
            for (index, item) in items.iter().enumerate() {
                doubles.push(equal_double(*item).ok_or(InputError::NotADouble { index })?);
            }
            Ok(doubles)
        }
        other if other.is_empty() => Ok(Zeroizing::default()),
        _ => Err(InputError::Shape { expected: "numbers" }),
    }
}

/// The double that equals `value`, if there is one.
fn equal_double(value: i64) -> Option<f64> {
    let magnitude = value.unsigned_abs();
    let significant = u64::BITS - magnitude.leading_zeros() - magnitude.trailing_zeros() % 64;
    if significant > f64::MANTISSA_DIGITS {
        return None;
    }
    nearest_double(value < 0, &[magnitude], false, 0)
}
