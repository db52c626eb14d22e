//! `Quantiles`: the numbers below which given parts of all parties' numbers lie.
//!
//! A quantile may lie between two numbers. Then the search opens both neighbours to the parties'
//! nodes, and their result says so.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::engine::Engine;
use crate::engine::reveals::{NEIGHBOURS, RELEASE, ROWS};
use crate::functions::answer::Answer;
use crate::functions::common::numbers::{ORDERED_NUMBERS, check_rows, doubles};
use crate::functions::common::ranks::{Found, Ranked};
use crate::functions::descriptor::{Descriptor, ParameterEntry};
use crate::functions::input::Input;
use crate::functions::parameters::{AgreedParameters, Digits, refuse};
use crate::functions::{Computed, Function, FunctionContext, OnShares};
use crate::kernel::equations::{Equations, Scope};
use crate::kernel::fault::{Fault, InputError};

/// The parameter's name.
const PROBABILITIES: &str = "probabilities";

/// The most probabilities that one computation takes.
const MOST_PROBABILITIES: usize = 1_000;

pub(crate) struct Quantiles {
    numbers: Ranked,
    probabilities: Vec<f64>,
}

#[derive(Deserialize)]
pub(crate) struct Parameters {
    #[serde(flatten)]
    digits: Digits,
    #[serde(default)]
    probabilities: Vec<f64>,
}

impl Function for Quantiles {
    const DESCRIPTOR: Descriptor = Descriptor {
        name: "Quantiles",
        summary: "the numbers that given fractions of all numbers are below",
        parameters: &[
            ParameterEntry::list(
                PROBABILITIES,
                "the fractions of all numbers that are below, each from 0 to 1",
            )
            .required("[0.25, 0.5, 0.75]"),
            Digits::BEFORE,
            Digits::AFTER,
        ],
        reveals: &[RELEASE, ROWS, NEIGHBOURS],
        result_keys: &["quantiles", "samples"],
        ..ORDERED_NUMBERS
    };

    type Parameters = Parameters;

    fn opens(parameters: &Parameters, _: Scope) -> Equations {
        // A quantile may lie between two numbers, which are both told.
        Equations::ranks(2 * parameters.probabilities.len() as u64)
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a probability is from 0 to 1, and others are refused"
    )]
    fn permille(parameters: &Parameters) -> Vec<u16> {
        parameters.probabilities.iter().map(|p| (p * 1000.0).round() as u16).collect()
    }

    fn new(
        Parameters { digits, probabilities }: Parameters,
        input: Option<&Input>,
        _: usize,
    ) -> Result<Self, InputError> {
        if probabilities.is_empty() || !probabilities.iter().all(|p| (0.0..=1.0).contains(p)) {
            return Err(refuse(PROBABILITIES, "a list of numbers from 0 to 1 is needed".into()));
        }
        let actual = probabilities.len();
        if actual > MOST_PROBABILITIES {
            let limit = MOST_PROBABILITIES;
            return Err(InputError::TooMuch { what: PROBABILITIES, actual, limit });
        }
        let numbers = Ranked::new(digits.grid()?, doubles(input)?.iter().copied())?;
        // −0 becomes 0, so that one probability has one text.
        let probabilities = probabilities.into_iter().map(|p| p + 0.0).collect();
        Ok(Self { numbers, probabilities })
    }

    fn agreed(&self) -> AgreedParameters {
        let mut agreed = self.numbers.agreed();
        let list: Vec<String> = self.probabilities.iter().map(f64::to_string).collect();
        agreed.insert(PROBABILITIES.to_owned(), list.join(", "));
        agreed
    }

    fn words(&self) -> usize {
        Ranked::words(2 * self.probabilities.len())
    }
}

impl OnShares for Quantiles {
    async fn run<E: Engine>(self, cx: &mut FunctionContext<'_, E>) -> Computed {
        let rows = cx.rows;
        check_rows(rows)?;
        cx.permit.check_probabilities(&self.probabilities)?;
        let places: Vec<Quantile> =
            self.probabilities.iter().map(|p| Quantile::new(*p, rows)).collect();
        let ranks: BTreeSet<u64> = places.iter().flat_map(|place| place.ranks()).collect();
        let ranks: Vec<u64> = ranks.into_iter().collect();
        cx.permit.check_ranks(&ranks, rows)?;
        let Some(found) = self.numbers.find(cx, &ranks, NEIGHBOURS).await? else { return Ok(None) };
        let quantiles = places.iter().map(|place| place.of(&found)).collect::<Result<_, _>>()?;
        Ok(Some(Answer::Quantiles { quantiles, samples: rows }))
    }
}

/// The place of a quantile: from the number of a rank on, this part of the way to the next. It is
/// type 7 of Hyndman and Fan, *Sample quantiles in statistical packages* (1996), the default of R
/// and NumPy: h = (n − 1)p. The order of operations is NumPy's, so that equal data give equal bits.
#[derive(Clone, Copy)]
struct Quantile {
    rank: u64,
    part: f64,
}

impl Quantile {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "h is from 0 to n - 1, and its floor is meant; beyond 2^53 rows it is rounded"
    )]
    fn new(probability: f64, rows: u64) -> Self {
        let h = (rows - 1) as f64 * probability;
        let below = (h.floor() as u64).min(rows - 1);
        let part = if below + 1 == rows { 0.0 } else { h - h.floor() };
        Self { rank: below + 1, part }
    }

    fn ranks(self) -> impl Iterator<Item = u64> {
        [self.rank].into_iter().chain((self.part > 0.0).then_some(self.rank + 1))
    }

    fn of(self, found: &Found) -> Result<f64, Fault> {
        let lower = found.at(self.rank)?;
        if self.part > 0.0 {
            return Ok(between(lower, found.at(self.rank + 1)?, self.part));
        }
        Ok(lower)
    }
}

/// Returns the number this part of the way from `lower` to `upper`; never beyond either.
fn between(lower: f64, upper: f64, part: f64) -> f64 {
    let difference = upper - lower;
    let number = if difference.is_infinite() {
        // The difference is beyond the range of doubles; the numbers are not.
        lower * (1.0 - part) + upper * part
    } else if part >= 0.5 {
        upper - difference * (1.0 - part)
    } else {
        lower + difference * part
    };
    // Not `clamp`, which panics for bounds that cross: both are opened values.
    number.max(lower).min(upper)
}
