//! `KthElement`, `SecureMedian`, `MinimumMaximum`, `Quantiles`: numbers by their place in the order
//! of all parties' numbers.
//!
//! All are searches by rank (see [`super::search`]), all ranks of one function at once. Doubles are
//! compared exactly; whole numbers that no double equals are refused; −0 counts as 0.
//!
//! The median of an even number of numbers is the mean of the two in the middle, and a quantile may
//! lie between two numbers: then the search opens both neighbours to the parties' nodes, and their
//! result says so.

use std::collections::{BTreeMap, BTreeSet};

use zeroize::Zeroizing;

use super::search::{Query, THRESHOLDS, find};
use super::{Desk, NO_NUMBERS, UNKNOWN};
use crate::algebra::exact::Grid;
use crate::algebra::order::{double, key};
use crate::engine::Engine;
use crate::functions::answer::Answer;
use crate::functions::catalogue::Entry;
use crate::functions::doubles;
use crate::functions::input::Input;
use crate::functions::parameters::{Parameters, grid_text, listed, parsed, refuse};
use crate::kernel::disclosure::Permit;
use crate::kernel::fault::{Fault, InputError};

/// The most probabilities that one computation takes.
const MOST_PROBABILITIES: usize = 1_000;

const NO_SUCH_RANK: Fault =
    Fault::Undefined { why: "the rank is beyond the number of all parties' numbers" };

/// One party's numbers and what is asked of all; at a helper only the latter.
pub(crate) struct Prepared {
    question: Question,
    grid: Option<Grid>,
    /// In ascending order; of extremes, the minima.
    keys: Zeroizing<Vec<u64>>,
    /// Of extremes, the maxima in ascending order.
    maxima: Option<Zeroizing<Vec<u64>>>,
}

/// What is asked.
enum Question {
    Kth { rank: u64 },
    Median,
    Extremes,
    Quantiles { probabilities: Vec<f64> },
}

impl Prepared {
    pub(super) fn new(
        function: &Entry,
        parameters: &Parameters,
        input: &Input,
    ) -> Result<Self, InputError> {
        let question = match function.name {
            "KthElement" => match input {
                Input::Ranked { rank, .. } => kth(*rank),
                _ => Err(InputError::Shape {
                    expected: "an `array` of numbers and the `rank` asked for",
                }),
            },
            "SecureMedian" => Ok(Question::Median),
            "MinimumMaximum" => Ok(Question::Extremes),
            "Quantiles" => quantiles(parameters.probabilities.clone().unwrap_or_default()),
            _ => Err(UNKNOWN),
        };
        Self::of(question?, parameters, input)
    }

    fn of(question: Question, parameters: &Parameters, input: &Input) -> Result<Self, InputError> {
        parameters.no_categories()?;
        parameters.no_encoding()?;
        let grid = parameters.grid()?;
        let (keys, maxima) = match (&question, input) {
            (Question::Extremes, Input::Points(items)) => {
                let side = |side: fn(&(f64, f64)) -> f64| items.iter().map(side);
                let minima = sorted_keys(&grid, side(|(minimum, _)| *minimum))?;
                (minima, Some(sorted_keys(&grid, side(|(_, maximum)| *maximum))?))
            }
            (Question::Extremes, other) if other.is_empty() => Default::default(),
            (_, Input::Ranked { array, bounds, .. }) => {
                check_bounds(array, *bounds)?;
                (sorted_keys(&grid, array.iter().copied())?, None)
            }
            (_, other) => (sorted_keys(&grid, doubles(other)?.iter().copied())?, None),
        };
        Ok(Self { question, grid: Some(grid), keys, maxima })
    }

    /// A helper's part.
    pub(super) fn to_help(
        function: &Entry,
        agreed: &BTreeMap<String, String>,
    ) -> Result<Self, InputError> {
        let question = match function.name {
            "KthElement" => parsed(agreed, "rank").and_then(kth),
            "SecureMedian" => Ok(Question::Median),
            "MinimumMaximum" => Ok(Question::Extremes),
            "Quantiles" => listed(agreed, "probabilities").and_then(quantiles),
            _ => Err(UNKNOWN),
        };
        let (keys, maxima) = Default::default();
        Ok(Self { question: question?, grid: None, keys, maxima })
    }

    pub(super) fn parameters(&self) -> BTreeMap<String, String> {
        let mut texts: BTreeMap<String, String> =
            self.grid.as_ref().map(|grid| grid_text(grid).into()).unwrap_or_default();
        match &self.question {
            Question::Kth { rank } => {
                texts.insert("rank".into(), rank.to_string());
            }
            Question::Quantiles { probabilities } => {
                let list: Vec<String> = probabilities.iter().map(f64::to_string).collect();
                texts.insert("probabilities".into(), list.join(", "));
            }
            Question::Median | Question::Extremes => {}
        }
        texts
    }

    /// Thresholds that are counted below and compared, in each step.
    pub(super) fn words(&self) -> usize {
        let ranks = match &self.question {
            Question::Kth { .. } => 1,
            Question::Median | Question::Extremes => 2,
            Question::Quantiles { probabilities } => 2 * probabilities.len(),
        };
        ranks * THRESHOLDS
    }

    pub(super) async fn run<E: Engine>(
        self,
        desk: &mut Desk<'_, E>,
        permit: &Permit,
        rows: u64,
    ) -> Result<Option<Answer>, Fault> {
        self.question.check(permit, rows)?;
        let found = self.find(desk, rows).await?;
        found.map(|found| self.question.answer(&found, rows)).transpose()
    }

    /// The numbers at the places that the question needs; none at a helper.
    async fn find<E: Engine>(
        &self,
        desk: &mut Desk<'_, E>,
        rows: u64,
    ) -> Result<Option<Found>, Fault> {
        let places = self.question.places(rows)?;
        let maxima = self.maxima.as_deref().unwrap_or(&self.keys);
        let query = |(side, rank): &(Side, u64)| match side {
            Side::Minima => Query { keys: &self.keys, rank: *rank },
            Side::Maxima => Query { keys: maxima, rank: *rank },
        };
        let queries: Vec<Query<'_>> = places.iter().map(query).collect();
        let Some(keys) = find(desk, &queries, rows).await? else {
            return Ok(None);
        };
        let numbers: Option<Vec<f64>> = keys.into_iter().map(double).collect();
        let numbers = numbers.ok_or(Fault::Implausible)?;
        Ok(Some(Found(places.into_iter().zip(numbers).collect())))
    }
}

/// Among which numbers a rank is: of everything but extremes both sides are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    Minima,
    Maxima,
}

/// What was found at each place.
struct Found(BTreeMap<(Side, u64), f64>);

impl Found {
    fn rank(&self, rank: u64) -> Result<f64, Fault> {
        self.at(Side::Minima, rank)
    }

    fn at(&self, side: Side, rank: u64) -> Result<f64, Fault> {
        self.0.get(&(side, rank)).copied().ok_or(Fault::Implausible)
    }
}

impl Question {
    /// Quantiles at many ranks would list the rows one by one: where small counts are withheld, there
    /// may be as many ranks as there are groups of rows that may be shown.
    fn check(&self, permit: &Permit, rows: u64) -> Result<(), Fault> {
        let of_quantiles = matches!(self, Self::Quantiles { .. });
        let ranks = self.places(rows)?.len() as u64;
        if of_quantiles && permit.withholds() && ranks.saturating_mul(permit.least_shown()) > rows {
            return Err(permit.shows_single_rows().into());
        }
        Ok(())
    }

    /// The places that must be found, in order, each once.
    fn places(&self, rows: u64) -> Result<Vec<(Side, u64)>, Fault> {
        let ranks = match self {
            _ if rows == 0 => return Err(NO_NUMBERS),
            Self::Kth { rank } if *rank > rows => return Err(NO_SUCH_RANK),
            Self::Kth { rank } => vec![*rank],
            Self::Median => vec![rows.div_ceil(2), rows / 2 + 1],
            Self::Extremes => return Ok(vec![(Side::Minima, 1), (Side::Maxima, rows)]),
            Self::Quantiles { probabilities } => {
                probabilities.iter().flat_map(|p| Quantile::new(*p, rows).ranks()).collect()
            }
        };
        let ranks: BTreeSet<u64> = ranks.into_iter().collect();
        Ok(ranks.into_iter().map(|rank| (Side::Minima, rank)).collect())
    }

    fn answer(&self, found: &Found, rows: u64) -> Result<Answer, Fault> {
        let samples = rows;
        Ok(match self {
            Self::Kth { rank } => Answer::Kth { item: found.rank(*rank)?, samples },
            Self::Median => {
                let (lower, upper) = (found.rank(rows.div_ceil(2))?, found.rank(rows / 2 + 1)?);
                Answer::Median { median: lower.midpoint(upper) }
            }
            Self::Extremes => Answer::Extremes {
                minimum: found.at(Side::Minima, 1)?,
                maximum: found.at(Side::Maxima, rows)?,
                samples,
            },
            Self::Quantiles { probabilities } => {
                let quantile = |p: &f64| Quantile::new(*p, rows).of(found);
                let quantiles = probabilities.iter().map(quantile).collect::<Result<_, _>>()?;
                Answer::Quantiles { quantiles, samples }
            }
        })
    }
}

/// Where a quantile lies: from the number of a rank on, this part of the way to the next. Type 7 of
/// Hyndman and Fan, *Sample quantiles in statistical packages* (1996), the default of R and NumPy:
/// h = (n − 1)p, and NumPy's order of operations, so that equal data give equal bits.
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
        let lower = found.rank(self.rank)?;
        if self.part > 0.0 {
            return Ok(between(lower, found.rank(self.rank + 1)?, self.part));
        }
        Ok(lower)
    }
}

/// The number this part of the way from `lower` to `upper`; never beyond either.
fn between(lower: f64, upper: f64, part: f64) -> f64 {
    let way = upper - lower;
    let number = match part {
        // Their difference is beyond the range of doubles, they are not.
        _ if way.is_infinite() => lower * (1.0 - part) + upper * part,
        _ if part >= 0.5 => upper - way * (1.0 - part),
        _ => lower + way * part,
    };
    number.clamp(lower, upper)
}

fn kth(rank: u64) -> Result<Question, InputError> {
    if rank == 0 {
        return Err(refuse("rank", "ranks are counted from 1, the smallest number's".into()));
    }
    Ok(Question::Kth { rank })
}

fn quantiles(probabilities: Vec<f64>) -> Result<Question, InputError> {
    if probabilities.is_empty() || !probabilities.iter().all(|p| (0.0..=1.0).contains(p)) {
        return Err(refuse("probabilities", "a list of numbers from 0 to 1 is needed".into()));
    }
    let (actual, limit) = (probabilities.len(), MOST_PROBABILITIES);
    if actual > limit {
        return Err(InputError::TooMuch { what: "probabilities", actual, limit });
    }
    Ok(Question::Quantiles { probabilities })
}

fn sorted_keys(
    grid: &Grid,
    numbers: impl ExactSizeIterator<Item = f64>,
) -> Result<Zeroizing<Vec<u64>>, InputError> {
    // Reserved as a whole: growing would leave copies behind.
    let mut keys = Zeroizing::new(Vec::with_capacity(numbers.len()));
    for (index, x) in numbers.enumerate() {
        grid.admit(index, x)?;
        keys.push(key(x));
    }
    keys.sort_unstable();
    Ok(keys)
}

fn check_bounds(array: &[f64], bounds: Option<(f64, f64)>) -> Result<(), InputError> {
    let Some((lower, upper)) = bounds else { return Ok(()) };
    match array.iter().position(|x| *x < lower || *x > upper) {
        None => Ok(()),
        Some(index) => Err(InputError::OutOfRange {
            index,
            range: "from `lower_bound` to `upper_bound`".to_owned(),
        }),
    }
}
