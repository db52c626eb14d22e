//! `StatisticsUnivariate`: the extremes by comparisons under sharing, everything else by masked sums
//! among the parties (see [`crate::functions::univariate`]).

use std::collections::BTreeMap;

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::search::{Query, find};
use super::{Desk, NO_NUMBERS};
use crate::algebra::order::{double, key};
use crate::engine::Engine;
use crate::functions::answer::Answer;
use crate::functions::input::Input;
use crate::functions::parameters::Parameters;
use crate::functions::univariate::{Extremes, Prepared as Numbers};
use crate::kernel::disclosure::Permit;
use crate::kernel::fault::{Fault, InputError};

/// One party's numbers; at a helper, none.
pub(crate) struct Prepared {
    numbers: Option<Numbers>,
    /// In ascending order.
    keys: Zeroizing<Vec<u64>>,
}

impl Prepared {
    pub(super) fn new(parameters: &Parameters, input: &Input) -> Result<Self, InputError> {
        let numbers = Numbers::new(parameters, input)?;
        // Reserved as a whole: growing would leave copies behind.
        let mut keys = Zeroizing::new(Vec::with_capacity(numbers.numbers().len()));
        keys.extend(numbers.numbers().iter().map(|x| key(*x)));
        keys.sort_unstable();
        Ok(Self { numbers: Some(numbers), keys })
    }

    pub(super) fn to_help() -> Self {
        Self { numbers: None, keys: Zeroizing::default() }
    }

    pub(super) fn parameters(&self) -> BTreeMap<String, String> {
        self.numbers.as_ref().map(Numbers::parameters).unwrap_or_default()
    }

    /// What is summed, and the numbers that the moments take a second pass over.
    pub(super) fn words(&self) -> usize {
        self.numbers.as_ref().map_or(0, |numbers| numbers.words() + numbers.numbers().len())
    }

    pub(super) async fn run<E: Engine>(
        self,
        desk: &mut Desk<'_, E>,
        permit: &Permit,
        rows: u64,
        rng: &mut impl CryptoRng,
    ) -> Result<Option<Answer>, Fault> {
        if rows == 0 {
            return Err(NO_NUMBERS);
        }
        let query = |rank| Query { keys: &self.keys, rank };
        let found = find(desk, &[query(1), query(rows)], rows).await?;
        let (Some(found), Some(sums), Some(numbers)) = (found, &mut desk.sums, self.numbers) else {
            return Ok(None);
        };
        let mut found = found.into_iter().map(|key| double(key).ok_or(Fault::Implausible));
        let mut next = || found.next().ok_or(Fault::Implausible)?;
        let extremes = Extremes { minimum: next()?, maximum: next()? };
        let answer = numbers.run(sums, permit, extremes, rng).await?;
        Ok(Some(Answer::Univariate(Box::new(answer))))
    }
}
