//! `StatisticsUnivariate`: sum, means, variances and standardized moments of one variable.
//!
//! A search by rank finds the least and the largest number of all parties before; here they are
//! public.
//!
//! 1. *sums*: a masked sum of n, Σx and Σx², exact, as integers on the grid that the parameters
//!    declare. If the minimum is above zero, logarithms and reciprocals are added too (see
//!    [`crate::functions::common::means`]). Sum, mean, variances, their roots and ratios are
//!    fractions of the integers, or roots of such, and are rounded once.
//! 2. *moments*: if the numbers differ, a masked sum of the third to sixth powers of their
//!    distances from the opened mean. The unit is near the opened standard deviation (see
//!    [`crate::functions::common::moments`]).
//!
//! **Rounds:** 4; 2 if all numbers are the same. **Bytes sent per party:** as two masked sums of
//! 127 words together at most; of 36 for 12 digits before and after the point.
//!
//! **Nothing cancels or overflows.** The first sums are exact and fit their cells whatever the data
//! are. A = nΣx² − (Σx)² is an exact integer, so that an offset, however large, takes nothing from
//! the variance. The error of the second sum, and the reason why it fits, stand where it is made. A
//! result beyond the largest double is a fault, not an infinity; one below the least is 0. The
//! numbers vary if A says so, so that roots and ratios of underflown variances are right.
//!
//! **Leakage beyond the answer.** The answer gives n, Σx, and by the root mean square Σx².
//! Geometric and harmonic mean give the sums of logarithms and reciprocals. The standardized
//! moments and n give the sums of powers. All of these are rounded. The nodes see them with more
//! digits: Σx and Σx² with all. Of few numbers, more digits may tell more than the answer does. If
//! a result is beyond the range of doubles, they have seen the sums and there is no answer.
//!
//! **Adversary:** as in a masked sum, twice. A party that lies in the first sum can have the powers
//! taken about another centre and in another unit. These are sums of the same powers with more or
//! fewer digits. A party stops if its own numbers contradict opened or found values (they lie
//! beyond the extremes, or impossibly far from the mean). That tells a liar just this. Opened sums
//! that no numbers between the extremes have are refused. No party proves that its data are true.

use num_bigint::{BigInt, BigUint, Sign};
use num_traits::Zero;
use rand_core::CryptoRng;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::algebra::exact::{Accumulator, Grid, signed_integer};
use crate::algebra::layout::{Layout, Segment};
use crate::algebra::order::{double, key};
use crate::algebra::rounding::fraction_to_double;
use crate::engine::Engine;
use crate::engine::aggregate::{Aggregate, Rounds};
use crate::functions::answer::Answer;
use crate::functions::common::means::{Means, NOT_OF_LAYOUT};
use crate::functions::common::moments::{self, Centred, Moments, root};
use crate::functions::common::numbers::{ORDERED_NUMBERS, check_rows, doubles};
use crate::functions::common::search::{Query, find};
use crate::functions::descriptor::Descriptor;
use crate::functions::input::Input;
use crate::functions::parameters::{Agreed, Digits, grid_text};
use crate::functions::reveals::{RELEASE, ROWS};
use crate::functions::{Computed, Function, FunctionContext, OnShares};
use crate::kernel::disclosure::Permit;
use crate::kernel::fault::{Fault, InputError};

/// The leakage of the function beside the answer.
pub(super) const REVEALS: &str = "joint sums before they are rounded, to every party: n, Σx and Σx² \
     exactly; where all numbers are above 0, the sums of their logarithms and reciprocals, with 53 and \
     120 binary digits a term; where they differ, the sums of the third to sixth powers of their \
     distances from the mean, in standard deviations, with 64; the answer implies them up to \
     rounding";

/// Statistics of one variable. A value that the data do not define is null.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Univariate {
    /// The count of the numbers, n.
    pub samples: u64,
    /// The least number.
    pub minimum: f64,
    /// The largest number.
    pub maximum: f64,
    /// Σx.
    pub sum: f64,
    /// Σx/n.
    pub mean: f64,
    /// n/Σ(1/x); null unless all numbers are above 0.
    pub harmonic_mean: Option<f64>,
    /// exp(Σ ln x / n); null unless all numbers are above 0.
    pub geometric_mean: Option<f64>,
    /// Σ(x − mean)² with n − 1 as the divisor; null for one number.
    pub variance: Option<f64>,
    /// The variance with n as the divisor.
    pub variance_mle: f64,
    /// The variance over n; null for one number.
    pub variance_of_sample_mean: Option<f64>,
    /// The root of the variance; null for one number.
    pub standard_deviation: Option<f64>,
    /// The standard deviation with n as the divisor.
    pub standard_deviation_mle: f64,
    /// The root of the variance of the sample mean; null for one number.
    pub standard_error_of_sample_mean: Option<f64>,
    /// The standard deviation over the mean; null for one number or a mean of 0.
    pub coefficient_of_variation: Option<f64>,
    /// The coefficient of variation with n as the divisor; null for a mean of 0.
    pub coefficient_of_variation_mle: Option<f64>,
    /// √(Σx²/n).
    pub root_mean_square: f64,
    /// √(Σ(x − mean)²/n): the same as `standard_deviation_mle`.
    pub root_mean_square_deviation: f64,
    /// The mean of ((x − mean)/σ)³, with σ² = `variance_mle`; null, as all below, where the numbers
    /// do not vary.
    pub skewness: Option<f64>,
    /// The mean of the fourth powers.
    pub kurtosis: Option<f64>,
    /// The kurtosis less the 3 that a normal distribution has.
    pub kurtosis_excess: Option<f64>,
    /// The mean of the fifth powers.
    pub hyper_skewness: Option<f64>,
    /// The mean of the sixth powers.
    pub hyper_flatness: Option<f64>,
}

/// The least and the largest number of all parties.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Extremes {
    pub(crate) minimum: f64,
    pub(crate) maximum: f64,
}

/// One party's numbers, checked, and its part of the first sum but for the means. Both are empty at
/// a helper.
pub(crate) struct UnivariateStatistics {
    grid: Grid,
    pub(super) numbers: Zeroizing<Vec<f64>>,
    words: Zeroizing<Vec<u64>>,
    /// The same numbers as keys, in ascending order.
    keys: Zeroizing<Vec<u64>>,
}

/// The opened sums as integers: Σx on the grid, Σx² on its square.
struct Sums {
    n: u64,
    x: BigInt,
    xx: BigInt,
}

/// The variation of the numbers around their mean.
struct Variation {
    variance: f64,
    deviation: f64,
}

impl Function for UnivariateStatistics {
    const DESCRIPTOR: Descriptor = Descriptor {
        name: "StatisticsUnivariate",
        summary: "extremes, means, moments and their ratios of one variable",
        reveals: &[RELEASE, ROWS, REVEALS],
        result_keys: &[
            "samples",
            "minimum",
            "maximum",
            "sum",
            "mean",
            "harmonic_mean",
            "geometric_mean",
            "variance",
            "variance_mle",
            "variance_of_sample_mean",
            "standard_deviation",
            "standard_deviation_mle",
            "standard_error_of_sample_mean",
            "coefficient_of_variation",
            "coefficient_of_variation_mle",
            "root_mean_square",
            "root_mean_square_deviation",
            "skewness",
            "kurtosis",
            "kurtosis_excess",
            "hyper_skewness",
            "hyper_flatness",
        ],
        ..ORDERED_NUMBERS
    };

    type Parameters = Digits;

    fn new(digits: Digits, input: Option<&Input>, _: usize) -> Result<Self, InputError> {
        let grid = digits.grid()?;
        let numbers = doubles(input)?;
        let words = add_up(&grid, &numbers)?;
        // Reserved as a whole: growing would leave copies behind.
        let mut keys = Zeroizing::new(Vec::with_capacity(numbers.len()));
        keys.extend(numbers.iter().map(|x| key(*x)));
        keys.sort_unstable();
        Ok(Self { grid, numbers, words, keys })
    }

    fn agreed(&self) -> Agreed {
        grid_text(&self.grid).into()
    }

    /// Counts the most words that there can be. No means are summed if a number is not above zero,
    /// and no moments if the numbers do not vary. The moments take a second pass over the numbers.
    fn words(&self) -> usize {
        self.words.len() + Means::WORDS + moments::WORDS + self.numbers.len()
    }
}

impl OnShares for UnivariateStatistics {
    async fn run<E: Engine>(self, cx: &mut FunctionContext<'_, E>) -> Computed {
        check_rows(cx.rows)?;
        let queries = [1, cx.rows].map(|rank| Query { keys: &self.keys, rank });
        let found = find(cx, &queries).await?;
        let (Some(found), Some(sums)) = (found, &mut cx.sums) else { return Ok(None) };
        let mut found = found.into_iter().map(|key| double(key).ok_or(Fault::InvalidOpening));
        let mut next = || {
            found
                .next()
                .ok_or(Fault::Internal("a search finds as many ranks as it was asked for"))?
        };
        let extremes = Extremes { minimum: next()?, maximum: next()? };
        let answer = self.sum(sums, cx.permit, extremes, &mut cx.rng).await?;
        Ok(Some(Answer::Univariate(Box::new(answer))))
    }
}

impl UnivariateStatistics {
    /// Computes the answer. The `extremes` are those of all parties' numbers, the same at all
    /// parties.
    pub(crate) async fn sum(
        self,
        sums: &mut impl Aggregate,
        permit: &Permit,
        extremes: Extremes,
        rng: &mut impl CryptoRng,
    ) -> Result<Univariate, Fault> {
        let Self { grid, numbers, mut words, .. } = self;
        extremes.hold(&numbers)?;
        let means = extremes.means();
        if let Some(means) = means {
            words.extend_from_slice(means.add_up(&numbers).as_slice());
        }
        let rounds = Rounds { commit: "commit sums", open: "open sums" };
        let words = sums.sum(rounds, &layout(&grid, means)?, words, rng).await?;

        let (opened, of_means) = Sums::decode(&grid, &words)?;
        if !permit.agrees_with(opened.n) {
            return Err(Fault::InvalidOpening);
        }
        opened.check(&grid, extremes)?;
        let means = means.map(|means| means.finish(opened.n, of_means)).transpose()?;
        let mut answer = opened.finish(&grid, extremes)?;
        answer.harmonic_mean = means.map(|means| means.harmonic);
        answer.geometric_mean = means.map(|means| means.geometric);
        if let Some(centred) = opened.centred(&grid)? {
            answer.take(centred.run(&numbers, sums, rng).await?);
        }
        Ok(answer)
    }
}

fn layout(grid: &Grid, means: Option<Means>) -> Result<Layout, InputError> {
    let mut segments = vec![
        Segment { limbs: 1, cells: 1 },
        Segment { limbs: grid.limbs(1), cells: 1 },
        Segment { limbs: grid.limbs(2), cells: 1 },
    ];
    if means.is_some() {
        segments.extend(Means::SEGMENTS);
    }
    Layout::new(&segments)
}

fn add_up(grid: &Grid, numbers: &[f64]) -> Result<Zeroizing<Vec<u64>>, InputError> {
    let (mut x, mut xx) = (Accumulator::new(grid, 1), Accumulator::new(grid, 2));
    for (index, number) in numbers.iter().enumerate() {
        let term = grid.admit(index, *number)?;
        x.add(term);
        xx.add(term.times(term));
    }
    // Reserved with room for the means: growing would leave copies behind.
    let words = layout(grid, None)?.words() + Means::WORDS;
    let mut words = Zeroizing::new(Vec::with_capacity(words));
    words.push(numbers.len() as u64);
    words.extend_from_slice(&x.into_cell());
    words.extend_from_slice(&xx.into_cell());
    Ok(words)
}

impl Extremes {
    /// Checks that the extremes do not cross, and that the numbers are between them. If not, a party
    /// cheated in the search.
    fn hold(self, numbers: &[f64]) -> Result<(), Fault> {
        let range = self.minimum..=self.maximum;
        let held = !range.is_empty() && numbers.iter().all(|x| range.contains(x));
        if held { Ok(()) } else { Err(Fault::InvalidOpening) }
    }

    fn means(self) -> Option<Means> {
        Means::between(self.minimum, self.maximum)
    }
}

impl Sums {
    /// Decodes the sums, and returns the words of the means behind them.
    fn decode<'a>(grid: &Grid, words: &'a [u64]) -> Result<(Self, &'a [u64]), Fault> {
        let (n, rest) = words.split_first().ok_or(NOT_OF_LAYOUT)?;
        let (x, rest) = rest.split_at_checked(grid.limbs(1)).ok_or(NOT_OF_LAYOUT)?;
        let (xx, rest) = rest.split_at_checked(grid.limbs(2)).ok_or(NOT_OF_LAYOUT)?;
        if *n >= 1 << 63 {
            return Err(Fault::InvalidOpening);
        }
        Ok((Self { n: *n, x: signed_integer(x), xx: signed_integer(xx) }, rest))
    }

    /// Checks the sums. Numbers between the extremes have a variance of 0 or more, and Σ(x −
    /// min)(max − x) is not negative either. Both together put the mean between the extremes.
    fn check(&self, grid: &Grid, extremes: Extremes) -> Result<(), Fault> {
        if self.n == 0 {
            return Err(Fault::Undefined { why: "the parties have no numbers" });
        }
        let (minimum, maximum) = (place(grid, extremes.minimum)?, place(grid, extremes.maximum)?);
        let between = (&minimum + &maximum) * &self.x - &minimum * &maximum * self.n - &self.xx;
        let negative = [&self.xx, &self.spread(), &between].iter().any(|s| s.sign() == Sign::Minus);
        if negative || minimum > maximum {
            return Err(Fault::InvalidOpening);
        }
        Ok(())
    }

    /// Returns A = nΣx² − (Σx)² = n²·variance.
    fn spread(&self) -> BigInt {
        &self.xx * self.n - &self.x * &self.x
    }

    /// Computes the statistics, with null for the geometric and harmonic mean and for the moments.
    fn finish(&self, grid: &Grid, extremes: Extremes) -> Result<Univariate, Fault> {
        let n = BigUint::from(self.n);
        let less = self.n.checked_sub(1).filter(|less| *less > 0);
        let once = grid.exponent(1);
        let of_all = self.variation(grid, &(&n * &n))?;
        let sample = less.map(|less| self.variation(grid, &(&n * less))).transpose()?;
        let of_mean = less.map(|less| self.variation(grid, &(&n * &n * less))).transpose()?;
        let sample_coefficient = less.map(|less| self.coefficient(self.n, less)).transpose()?;
        Ok(Univariate {
            samples: self.n,
            minimum: without_sign_of_zero(extremes.minimum),
            maximum: without_sign_of_zero(extremes.maximum),
            sum: fraction(&self.x, &BigInt::from(1), once)?,
            mean: fraction(&self.x, &self.n.into(), once)?,
            harmonic_mean: None,
            geometric_mean: None,
            variance: sample.as_ref().map(|sample| sample.variance),
            variance_mle: of_all.variance,
            variance_of_sample_mean: of_mean.as_ref().map(|of_mean| of_mean.variance),
            standard_deviation: sample.as_ref().map(|sample| sample.deviation),
            standard_deviation_mle: of_all.deviation,
            standard_error_of_sample_mean: of_mean.as_ref().map(|of_mean| of_mean.deviation),
            coefficient_of_variation: sample_coefficient.flatten(),
            coefficient_of_variation_mle: self.coefficient(1, 1)?,
            root_mean_square: root(false, self.xx.magnitude(), &n, 2 * once)?,
            root_mean_square_deviation: of_all.deviation,
            skewness: None,
            kurtosis: None,
            kurtosis_excess: None,
            hyper_skewness: None,
            hyper_flatness: None,
        })
    }

    /// Returns A over `divisor`, and its root.
    fn variation(&self, grid: &Grid, divisor: &BigUint) -> Result<Variation, Fault> {
        let spread = self.spread();
        Ok(Variation {
            variance: fraction(&spread, &divisor.clone().into(), grid.exponent(2))?,
            deviation: root(false, spread.magnitude(), divisor, grid.exponent(2))?,
        })
    }

    /// Returns √(A/n² · p/q) / (Σx/n) = √(A·p / (q(Σx)²)), with the sign of Σx; null if Σx is 0.
    fn coefficient(&self, p: u64, q: u64) -> Result<Option<f64>, Fault> {
        if self.x.is_zero() {
            return Ok(None);
        }
        let numerator = self.spread().magnitude() * p;
        let denominator = self.x.magnitude().pow(2) * q;
        root(self.x.sign() == Sign::Minus, &numerator, &denominator, 0).map(Some)
    }

    /// Returns the basis of the moments; none if the numbers do not vary.
    fn centred(&self, grid: &Grid) -> Result<Option<Centred>, Fault> {
        let spread = self.spread();
        if spread.is_zero() {
            return Ok(None);
        }
        Centred::new(self.n, &self.x, spread.magnitude(), grid.fraction_bits()).map(Some)
    }
}

impl Univariate {
    fn take(&mut self, moments: Moments) {
        self.skewness = Some(moments.skewness);
        self.kurtosis = Some(moments.kurtosis);
        self.kurtosis_excess = Some(moments.kurtosis_excess);
        self.hyper_skewness = Some(moments.hyper_skewness);
        self.hyper_flatness = Some(moments.hyper_flatness);
    }
}

/// Returns `x` as an integer on the grid.
fn place(grid: &Grid, x: f64) -> Result<BigInt, Fault> {
    // A number that is not on the grid was no party's number.
    let term = grid.admit(0, x).map_err(|_| Fault::InvalidOpening)?;
    let mut cell = vec![0; grid.limbs(1)];
    grid.encode(term, &mut cell);
    Ok(signed_integer(&cell))
}

fn fraction(numerator: &BigInt, denominator: &BigInt, exponent: i64) -> Result<f64, Fault> {
    fraction_to_double(numerator, denominator, exponent).ok_or(Fault::ResultOutOfRange)
}

/// Removes the sign of a zero. The sign that the search found says nothing of the numbers.
fn without_sign_of_zero(x: f64) -> f64 {
    x + 0.0
}
