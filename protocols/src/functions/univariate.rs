//! `StatisticsUnivariate`: sum, means, variances and standardized moments of one variable.
//!
//! No more is opened than the statistics need that were asked for (see
//! [`crate::functions::common::wanted`]). If extremes or the other means are among them, a search by
//! rank finds the least and the largest number of all parties before; here they are public.
//!
//! 1. *sums*: a masked sum of n, Σx and Σx², exact, as integers on the grid that the parameters
//!    declare. If the minimum is known and above zero, logarithms and reciprocals are added too (see
//!    [`crate::functions::common::means`]). Sum, mean, variances, their roots and ratios are
//!    fractions of the integers, or roots of such, and are rounded once.
//! 2. *moments*: if the numbers differ, a masked sum of the third to sixth powers of their
//!    distances from the opened mean. The unit is near the opened standard deviation (see
//!    [`crate::functions::common::moments`]).
//!
//! **Rounds:** 4; 2 if all numbers are the same, or no moments are asked for. **Bytes sent per party:** as two masked sums of
//! 127 words together at most; of 36 for 12 digits before and after the point.
//!
//! **Nothing cancels or overflows.** The first sums are exact and fit their cells whatever the data
//! are. A = nΣx² − (Σx)² is an exact integer, so that an offset, however large, takes nothing from
//! the variance. The error of the second sum, and the reason why it fits, stand where it is made. A
//! result beyond the largest double is a fault, not an infinity; one below the least is 0. The
//! numbers vary if A says so, so that roots and ratios of underflown variances are right.
//!
//! **Single rows.** An extreme is the number of a single row. If small counts are withheld, no
//! extreme is opened, nor are the means that need them.
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
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use zeroize::Zeroizing;

use crate::algebra::exact::{Accumulator, Grid, signed_integer};
use crate::algebra::layout::{Layout, Segment};
use crate::algebra::order::{double, key};
use crate::algebra::rounding::fraction_to_double;
use crate::engine::Engine;
use crate::engine::aggregate::{Aggregate, Rounds};
use crate::engine::reveals::{RELEASE, ROWS, UNIVARIATE_SUMS};
use crate::functions::answer::Answer;
use crate::functions::common::means::{Means, NOT_OF_LAYOUT};
use crate::functions::common::moments::{self, Centred, Moments, root};
use crate::functions::common::numbers::{ORDERED_NUMBERS, check_rows, doubles};
use crate::functions::common::search::{Query, find};
use crate::functions::common::wanted::{RESULT_KEYS, SAMPLES, STATISTICS, Statistics};
use crate::functions::descriptor::{Descriptor, ParameterEntry};
use crate::functions::input::Input;
use crate::functions::parameters::{AgreedParameters, Digits, grid_text};
use crate::functions::{Computed, Function, FunctionContext, OnShares, Rounds as Rounded};
use crate::kernel::disclosure::{Permit, Rounding, Rules};
use crate::kernel::equations::{Equations, Scope};
use crate::kernel::fault::{Fault, InputError};
use crate::kernel::reveal::Reveal;

/// Statistics of one variable. A value that the data do not define, or that was not opened, is null.
/// If statistics were named, only these are serialized.
#[derive(Clone, Debug, PartialEq)]
pub struct Univariate {
    /// The statistics that were asked for.
    asked: Statistics,
    /// The count of the numbers, n.
    pub samples: u64,
    /// The least number; null unless extremes are opened.
    pub minimum: Option<f64>,
    /// The largest number; null unless extremes are opened.
    pub maximum: Option<f64>,
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
    pub variance_mle: Option<f64>,
    /// The variance over n; null for one number.
    pub variance_of_sample_mean: Option<f64>,
    /// The root of the variance; null for one number.
    pub standard_deviation: Option<f64>,
    /// The standard deviation with n as the divisor.
    pub standard_deviation_mle: Option<f64>,
    /// The root of the variance of the sample mean; null for one number.
    pub standard_error_of_sample_mean: Option<f64>,
    /// The standard deviation over the mean; null for one number or a mean of 0.
    pub coefficient_of_variation: Option<f64>,
    /// The coefficient of variation with n as the divisor; null for a mean of 0.
    pub coefficient_of_variation_mle: Option<f64>,
    /// √(Σx²/n).
    pub root_mean_square: Option<f64>,
    /// √(Σ(x − mean)²/n): the same as `standard_deviation_mle`.
    pub root_mean_square_deviation: Option<f64>,
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
    statistics: Statistics,
    grid: Grid,
    pub(super) numbers: Zeroizing<Vec<f64>>,
    words: Zeroizing<Vec<u64>>,
    /// The same numbers as keys, in ascending order.
    keys: Zeroizing<Vec<u64>>,
}

/// The parameters of the function.
#[derive(Deserialize)]
pub(crate) struct Parameters {
    #[serde(flatten)]
    digits: Digits,
    statistics: Option<Vec<String>>,
}

/// The opened sums as integers: Σx on the grid, Σx² on its square.
struct Sums {
    n: u64,
    x: BigInt,
    /// None unless a statistic needs it.
    xx: Option<BigInt>,
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
        parameters: &[
            ParameterEntry::list(
                STATISTICS,
                "the statistics to compute, by their names in the result; each opens no more than it \
                 needs; where it is left out all of them, or, where small counts are withheld, those that \
                 follow from number, mean and standard deviation",
            ),
            Digits::BEFORE,
            Digits::AFTER,
        ],
        reveals: &[RELEASE, ROWS, UNIVARIATE_SUMS],
        result_keys: &RESULT_KEYS,
        ..ORDERED_NUMBERS
    };

    type Parameters = Parameters;

    fn opens(parameters: &Parameters, scope: Scope) -> Equations {
        // Names that there are not are refused before anything is computed.
        let statistics = Statistics::new(parameters.statistics.as_deref()).unwrap_or_default();
        statistics.wanted(scope.withholds).equations()
    }

    fn new(
        Parameters { digits, statistics }: Parameters,
        input: Option<&Input>,
        _: usize,
    ) -> Result<Self, InputError> {
        let statistics = Statistics::new(statistics.as_deref())?;
        let grid = digits.grid()?;
        let numbers = doubles(input)?;
        let words = add_up(&grid, &numbers)?;
        // Reserved as a whole: growing would leave copies behind.
        let mut keys = Zeroizing::new(Vec::with_capacity(numbers.len()));
        keys.extend(numbers.iter().map(|x| key(*x)));
        keys.sort_unstable();
        Ok(Self { statistics, grid, numbers, words, keys })
    }

    fn agreed(&self) -> AgreedParameters {
        let mut agreed: AgreedParameters = grid_text(&self.grid).into();
        agreed.extend(self.statistics.text().map(|text| (STATISTICS.to_owned(), text)));
        agreed
    }

    /// Rounds where the variance is opened, and nothing that has no standard error.
    fn rounds(&self, rules: &Rules) -> Option<Rounded> {
        let wanted = self.statistics.wanted(rules.ask_for_cells());
        (wanted.squares && !wanted.needs_extremes()).then_some(rounded as Rounded)
    }

    /// Counts the most words that there can be. No means are summed if a number is not above zero,
    /// and no moments if the numbers do not vary. The moments take a second pass over the numbers.
    fn words(&self) -> usize {
        self.words.len() + Means::WORDS + moments::WORDS + self.numbers.len()
    }
}

/// Rounds the statistics.
fn rounded(answer: Answer, rounding: Rounding) -> Result<Answer, Fault> {
    match answer {
        Answer::Univariate(mut statistics) => {
            statistics.round(rounding)?;
            Ok(Answer::Univariate(statistics))
        }
        _ => Err(Fault::Internal("statistics of one variable round their own answer")),
    }
}

impl OnShares for UnivariateStatistics {
    async fn run<E: Engine>(self, cx: &mut FunctionContext<'_, E>) -> Computed {
        check_rows(cx.rows)?;
        let wanted = self.statistics.wanted(cx.permit.withholds());
        if cx.permit.withholds() && wanted.needs_extremes() {
            return Err(cx.permit.shows_ranks().into());
        }
        let extremes = if wanted.needs_extremes() { self.find_extremes(cx).await? } else { None };
        let Some(sums) = &mut cx.sums else { return Ok(None) };
        let answer = self.sum(sums, cx.permit, extremes, &mut cx.rng).await?;
        Ok(Some(Answer::Univariate(Box::new(answer))))
    }
}

impl UnivariateStatistics {
    /// Finds the least and the largest number of all parties; none at a helper.
    async fn find_extremes<E: Engine>(
        &self,
        cx: &mut FunctionContext<'_, E>,
    ) -> Result<Option<Extremes>, Fault> {
        let queries = [1, cx.rows].map(|rank| Query { keys: &self.keys, rank });
        let Some(found) = find(cx, &queries, Reveal::ANSWER).await? else { return Ok(None) };
        match found.as_slice() {
            [minimum, maximum] => {
                let number = |key: u64| double(key).ok_or(Fault::InvalidOpening);
                Ok(Some(Extremes { minimum: number(*minimum)?, maximum: number(*maximum)? }))
            }
            _ => Err(Fault::Internal("a search finds as many ranks as it was asked for")),
        }
    }

    /// Computes the answer. The `extremes` are those of all parties' numbers, the same at all
    /// parties; none if no statistic needs them.
    pub(crate) async fn sum(
        self,
        sums: &mut impl Aggregate,
        permit: &Permit,
        extremes: Option<Extremes>,
        rng: &mut impl CryptoRng,
    ) -> Result<Univariate, Fault> {
        let Self { statistics, grid, numbers, mut words, .. } = self;
        let wanted = statistics.wanted(permit.withholds());
        if let Some(extremes) = extremes {
            extremes.hold(&numbers)?;
        }
        let means = extremes.filter(|_| wanted.means).and_then(Extremes::means);
        if !wanted.squares {
            words.truncate(1 + grid.limbs(1));
        }
        if let Some(means) = means {
            words.extend_from_slice(means.add_up(&numbers).as_slice());
        }
        let rounds = Rounds { commit: "commit sums", open: "open sums", shows: UNIVARIATE_SUMS };
        let words = sums.sum(rounds, &layout(&grid, wanted.squares, means)?, words, rng).await?;

        let (opened, of_means) = Sums::decode(&grid, wanted.squares, &words)?;
        if !permit.agrees_with(opened.n) {
            return Err(Fault::InvalidOpening);
        }
        opened.check(&grid, extremes)?;
        let means = means.map(|means| means.finish(opened.n, of_means)).transpose()?;
        let mut answer = opened.finish(&grid)?;
        answer.asked = statistics;
        if let Some(extremes) = extremes.filter(|_| wanted.extremes) {
            answer.minimum = Some(without_sign_of_zero(extremes.minimum));
            answer.maximum = Some(without_sign_of_zero(extremes.maximum));
        }
        answer.harmonic_mean = means.map(|means| means.harmonic);
        answer.geometric_mean = means.map(|means| means.geometric);
        if wanted.moments
            && let Some(centred) = opened.centred(&grid)?
        {
            answer.take(centred.run(&numbers, sums, rng).await?);
        }
        Ok(answer)
    }
}

fn layout(grid: &Grid, squares: bool, means: Option<Means>) -> Result<Layout, InputError> {
    let mut segments =
        vec![Segment { limbs: 1, cells: 1 }, Segment { limbs: grid.limbs(1), cells: 1 }];
    segments.extend(squares.then_some(Segment { limbs: grid.limbs(2), cells: 1 }));
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
    let words = layout(grid, true, None)?.words() + Means::WORDS;
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
    fn decode<'a>(
        grid: &Grid,
        squares: bool,
        words: &'a [u64],
    ) -> Result<(Self, &'a [u64]), Fault> {
        let (n, rest) = words.split_first().ok_or(NOT_OF_LAYOUT)?;
        let (x, rest) = rest.split_at_checked(grid.limbs(1)).ok_or(NOT_OF_LAYOUT)?;
        let limbs = if squares { grid.limbs(2) } else { 0 };
        let (xx, rest) = rest.split_at_checked(limbs).ok_or(NOT_OF_LAYOUT)?;
        if *n >= 1 << 63 {
            return Err(Fault::InvalidOpening);
        }
        let xx = squares.then(|| signed_integer(xx));
        Ok((Self { n: *n, x: signed_integer(x), xx }, rest))
    }

    /// Checks the sums. Numbers have a variance of 0 or more. If they lie between extremes, Σ(x −
    /// min)(max − x) is not negative either, and both together put the mean between the extremes.
    fn check(&self, grid: &Grid, extremes: Option<Extremes>) -> Result<(), Fault> {
        if self.n == 0 {
            return Err(Fault::Undefined { why: "the parties have no numbers" });
        }
        let mut sums = Vec::new();
        if let Some(xx) = &self.xx {
            sums.extend([xx.clone(), self.spread(xx)]);
        }
        if let Some(Extremes { minimum, maximum }) = extremes {
            let (minimum, maximum) = (place(grid, minimum)?, place(grid, maximum)?);
            sums.extend([
                &maximum - &minimum,
                &self.x - &minimum * self.n,
                &maximum * self.n - &self.x,
            ]);
            if let Some(xx) = &self.xx {
                sums.push((&minimum + &maximum) * &self.x - &minimum * &maximum * self.n - xx);
            }
        }
        if sums.iter().any(|sum| sum.sign() == Sign::Minus) {
            Err(Fault::InvalidOpening)
        } else {
            Ok(())
        }
    }

    /// Returns A = nΣx² − (Σx)² = n²·variance.
    fn spread(&self, xx: &BigInt) -> BigInt {
        xx * self.n - &self.x * &self.x
    }

    /// Computes the statistics of the sums; all others are null.
    fn finish(&self, grid: &Grid) -> Result<Univariate, Fault> {
        let once = grid.exponent(1);
        let sum = fraction(&self.x, &BigInt::from(1), once)?;
        let mut answer = Univariate::of_sum(self.n, sum, fraction(&self.x, &self.n.into(), once)?);
        if let Some(xx) = &self.xx {
            self.finish_squares(grid, xx, &mut answer)?;
        }
        Ok(answer)
    }

    /// Computes the statistics of the second order.
    fn finish_squares(
        &self,
        grid: &Grid,
        xx: &BigInt,
        answer: &mut Univariate,
    ) -> Result<(), Fault> {
        let (n, spread) = (BigUint::from(self.n), self.spread(xx));
        let less = self.n.checked_sub(1).filter(|less| *less > 0);
        let of_all = variation(grid, &spread, &(&n * &n))?;
        let sample = less.map(|less| variation(grid, &spread, &(&n * less))).transpose()?;
        let of_mean = less.map(|less| variation(grid, &spread, &(&n * &n * less))).transpose()?;
        let coefficient = |p: u64, q: u64| self.coefficient(&spread, p, q);
        answer.variance = sample.as_ref().map(|sample| sample.variance);
        answer.variance_mle = Some(of_all.variance);
        answer.variance_of_sample_mean = of_mean.as_ref().map(|of_mean| of_mean.variance);
        answer.standard_deviation = sample.as_ref().map(|sample| sample.deviation);
        answer.standard_deviation_mle = Some(of_all.deviation);
        answer.standard_error_of_sample_mean = of_mean.as_ref().map(|of_mean| of_mean.deviation);
        answer.coefficient_of_variation =
            less.map(|less| coefficient(self.n, less)).transpose()?.flatten();
        answer.coefficient_of_variation_mle = coefficient(1, 1)?;
        answer.root_mean_square = Some(root(false, xx.magnitude(), &n, 2 * grid.exponent(1))?);
        answer.root_mean_square_deviation = Some(of_all.deviation);
        Ok(())
    }

    /// Returns √(A/n² · p/q) / (Σx/n) = √(A·p / (q(Σx)²)), with the sign of Σx; null if Σx is 0.
    fn coefficient(&self, spread: &BigInt, p: u64, q: u64) -> Result<Option<f64>, Fault> {
        if self.x.is_zero() {
            return Ok(None);
        }
        let numerator = spread.magnitude() * p;
        let denominator = self.x.magnitude().pow(2) * q;
        root(self.x.sign() == Sign::Minus, &numerator, &denominator, 0).map(Some)
    }

    /// Returns the basis of the moments; none if the numbers do not vary.
    fn centred(&self, grid: &Grid) -> Result<Option<Centred>, Fault> {
        let Some(spread) = self.xx.as_ref().map(|xx| self.spread(xx)) else { return Ok(None) };
        if spread.is_zero() {
            return Ok(None);
        }
        Centred::new(self.n, &self.x, spread.magnitude(), grid.fraction_bits()).map(Some)
    }
}

/// Returns A over `divisor`, and its root.
fn variation(grid: &Grid, spread: &BigInt, divisor: &BigUint) -> Result<Variation, Fault> {
    Ok(Variation {
        variance: fraction(spread, &divisor.clone().into(), grid.exponent(2))?,
        deviation: root(false, spread.magnitude(), divisor, grid.exponent(2))?,
    })
}

impl Univariate {
    /// Returns the statistics of so many numbers with this sum and mean; all others are null.
    fn of_sum(samples: u64, sum: f64, mean: f64) -> Self {
        Self {
            asked: Statistics::default(),
            samples,
            minimum: None,
            maximum: None,
            sum,
            mean,
            harmonic_mean: None,
            geometric_mean: None,
            variance: None,
            variance_mle: None,
            variance_of_sample_mean: None,
            standard_deviation: None,
            standard_deviation_mle: None,
            standard_error_of_sample_mean: None,
            coefficient_of_variation: None,
            coefficient_of_variation_mle: None,
            root_mean_square: None,
            root_mean_square_deviation: None,
            skewness: None,
            kurtosis: None,
            kurtosis_excess: None,
            hyper_skewness: None,
            hyper_flatness: None,
        }
    }

    /// Lists all statistics but the number of the numbers, by their names in the result.
    fn entries(&self) -> [(&'static str, Option<f64>); 21] {
        [
            ("minimum", self.minimum),
            ("maximum", self.maximum),
            ("sum", Some(self.sum)),
            ("mean", Some(self.mean)),
            ("harmonic_mean", self.harmonic_mean),
            ("geometric_mean", self.geometric_mean),
            ("variance", self.variance),
            ("variance_mle", self.variance_mle),
            ("variance_of_sample_mean", self.variance_of_sample_mean),
            ("standard_deviation", self.standard_deviation),
            ("standard_deviation_mle", self.standard_deviation_mle),
            ("standard_error_of_sample_mean", self.standard_error_of_sample_mean),
            ("coefficient_of_variation", self.coefficient_of_variation),
            ("coefficient_of_variation_mle", self.coefficient_of_variation_mle),
            ("root_mean_square", self.root_mean_square),
            ("root_mean_square_deviation", self.root_mean_square_deviation),
            ("skewness", self.skewness),
            ("kurtosis", self.kurtosis),
            ("kurtosis_excess", self.kurtosis_excess),
            ("hyper_skewness", self.hyper_skewness),
            ("hyper_flatness", self.hyper_flatness),
        ]
    }

    /// Rounds variance, mean and standardised moments, each to its own step, and computes all others
    /// from these and the count. With s² the variance and n the count, the standard errors are
    /// s²·√(2/(n − 1)) and s/√n, with s² rounded already. Those of the moments are of normal numbers,
    /// √(6/n), √(24/n), √(720/n) and √(6120/n): they tell nothing of the data.
    ///
    /// Numbers that do not vary have a standard error of 0, and stay as they are.
    fn round(&mut self, rounding: Rounding) -> Result<(), Fault> {
        let Some(variance) = self.variance else {
            return Err(Fault::Undefined {
                why: "one number alone has no standard error that it could be rounded to",
            });
        };
        let n = count(self.samples);
        let variance = if variance > 0.0 {
            let due = nearest(variance, variance * (2.0 / (n - 1.0)).sqrt(), rounding)?;
            self.mean = nearest(self.mean, (due / n).sqrt(), rounding)?;
            due
        } else {
            variance
        };
        let (mean, of_all) = (self.mean, variance * ((n - 1.0) / n));
        let over_mean = |deviation: f64| Some(deviation / mean).filter(|it| it.is_finite());
        self.sum = n * mean;
        self.variance = Some(variance);
        self.variance_mle = Some(of_all);
        self.variance_of_sample_mean = Some(variance / n);
        self.standard_deviation = Some(variance.sqrt());
        self.standard_deviation_mle = Some(of_all.sqrt());
        self.standard_error_of_sample_mean = Some((variance / n).sqrt());
        self.coefficient_of_variation = over_mean(variance.sqrt());
        self.coefficient_of_variation_mle = over_mean(of_all.sqrt());
        self.root_mean_square = Some(mean.hypot(of_all.sqrt()));
        self.root_mean_square_deviation = Some(of_all.sqrt());
        let moment = |moment: Option<f64>, of_one: f64| {
            moment.map(|moment| nearest(moment, (of_one / n).sqrt(), rounding)).transpose()
        };
        self.skewness = moment(self.skewness, 6.0)?;
        self.kurtosis = moment(self.kurtosis, 24.0)?;
        self.kurtosis_excess = self.kurtosis.map(|kurtosis| kurtosis - 3.0);
        self.hyper_skewness = moment(self.hyper_skewness, 720.0)?;
        self.hyper_flatness = moment(self.hyper_flatness, 6_120.0)?;
        if self.sum.is_finite() { Ok(()) } else { Err(Fault::ResultOutOfRange) }
    }

    fn take(&mut self, moments: Moments) {
        self.skewness = Some(moments.skewness);
        self.kurtosis = Some(moments.kurtosis);
        self.kurtosis_excess = Some(moments.kurtosis_excess);
        self.hyper_skewness = Some(moments.hyper_skewness);
        self.hyper_flatness = Some(moments.hyper_flatness);
    }
}

impl Serialize for Univariate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry(SAMPLES, &self.samples)?;
        for (name, value) in self.entries() {
            if self.asked.shows(name) {
                map.serialize_entry(name, &value)?;
            }
        }
        map.end()
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

/// Rounds a number to its step.
fn nearest(x: f64, standard_error: f64, rounding: Rounding) -> Result<f64, Fault> {
    let step = rounding.step(standard_error).ok_or(Fault::Undefined {
        why: "a standard error is too small or too large to be rounded to",
    })?;
    Ok(step.round(x))
}

/// Returns a count as the nearest double.
#[expect(clippy::cast_precision_loss, reason = "an error of 2^-53 beside a standard error")]
fn count(samples: u64) -> f64 {
    samples as f64
}

/// Removes the sign of a zero. The sign that the search found says nothing of the numbers.
fn without_sign_of_zero(x: f64) -> f64 {
    x + 0.0
}
