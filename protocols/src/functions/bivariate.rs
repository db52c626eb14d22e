//! `StatisticsBivariate`: covariance, correlation and the regression of y on x.
//!
//! One masked sum of six numbers: n, Σx, Σy, Σx², Σxy, Σy², all exact. Each statistic is a fraction
//! of integers made from them (a root of one, for the correlation) and is rounded once.
//!
//! Leakage beyond the answer. Write A = nΣxy − ΣxΣy, B = nΣx² − (Σx)². The answer gives n, A, B and
//! nΣy² − (Σy)² (from covariance, slope b = A/B and correlation). It also gives n·a = Σy − bΣx for
//! the intercept a, and s = Σxy/Σx². Eliminating leaves (s − b)((Σx)² + B) = n·a·Σx. This is a
//! quadratic equation for Σx whose two roots have the product B, and from Σx all others follow. So
//! the answer implies the six sums up to its rounding and a choice between two candidates. In four
//! cases the nodes see more than the answer says:
//!
//! - The intercept is 0. Then Σx is not determined by it.
//! - The covariance is 0. Then b and the correlation are 0 and say nothing of nΣy² − (Σy)² or B.
//! - A value is null.
//! - A result is beyond the range of doubles. Then the nodes have seen the sums and there is no
//!   answer.

use num_bigint::{BigInt, Sign};
use num_traits::Zero;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::algebra::exact::{Accumulator, Grid, signed_integer};
use crate::algebra::layout::{Layout, Segment};
use crate::algebra::rounding::{fraction_to_double, root_of_fraction};
use crate::engine::aggregate::{Aggregate, Rounds};
use crate::engine::reveals::{BIVARIATE_SUMS, RELEASE};
use crate::functions::answer::Answer;
use crate::functions::common::means::NOT_OF_LAYOUT;
use crate::functions::descriptor::{Descriptor, InputKind, Kind, Needs};
use crate::functions::input::Input;
use crate::functions::parameters::{AgreedParameters, Digits, grid_text};
use crate::functions::{Function, OnSums, SumsContext};
use crate::kernel::equations::{Equations, Scope};
use crate::kernel::fault::{Fault, InputError};

/// A number of points that no parties together have: each has at most 2^48.
const TOO_MANY: u64 = 1 << 63;

/// Statistics of two variables. A value that the data do not define is null.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Bivariate {
    /// The number of points, n.
    pub samples: u64,
    /// The covariance with the divisor n − 1; null for fewer than 2 points.
    pub covariance: Option<f64>,
    /// The covariance with the divisor n; null without points.
    pub covariance_mle: Option<f64>,
    /// The correlation; null where x or y does not vary.
    pub correlation_coefficient: Option<f64>,
    /// The slope b in y = a + bx; null where x does not vary.
    pub regression_slope: Option<f64>,
    /// The intercept a in y = a + bx. The name is misspelt for the sake of existing clients.
    pub regression_interceipt: Option<f64>,
    /// The slope b in y = bx; null where all x are 0.
    pub regression_slope_only: Option<f64>,
}

pub(crate) struct BivariateStatistics {
    grid: Grid,
    layout: Layout,
    words: Zeroizing<Vec<u64>>,
}

/// The opened sums as integers: x and y on the grid, products on its square.
struct Sums {
    n: u64,
    x: BigInt,
    y: BigInt,
    xx: BigInt,
    xy: BigInt,
    yy: BigInt,
}

impl Function for BivariateStatistics {
    const DESCRIPTOR: Descriptor = Descriptor {
        name: "StatisticsBivariate",
        summary: "covariance, correlation and regression of two variables",
        asked_by: None,
        input: InputKind::Points,
        parameters: &[Digits::BEFORE, Digits::AFTER],
        kind: Kind::Rows,
        needs: Needs::LinearSums,
        pushdown: None,
        reveals: &[RELEASE, BIVARIATE_SUMS],
        result_keys: &[
            "samples",
            "covariance",
            "covariance_mle",
            "correlation_coefficient",
            "regression_slope",
            "regression_interceipt",
            "regression_slope_only",
        ],
    };

    type Parameters = Digits;

    fn opens(_: &Digits, _: Scope) -> Equations {
        Equations::products(2)
    }

    fn new(digits: Digits, input: Option<&Input>, _: usize) -> Result<Self, InputError> {
        let grid = digits.grid()?;
        let layout = layout(&grid)?;
        let words = match input {
            None => Zeroizing::default(),
            Some(Input::Points(points)) => add_up(&grid, &layout, points)?,
            Some(other) if other.is_empty() => Zeroizing::new(vec![0; layout.words()]),
            Some(_) => return Err(InputError::Shape { expected: "pairs of numbers" }),
        };
        Ok(Self { grid, layout, words })
    }

    fn agreed(&self) -> AgreedParameters {
        grid_text(&self.grid).into()
    }

    fn words(&self) -> usize {
        self.layout.words()
    }
}

impl OnSums for BivariateStatistics {
    async fn run<A: Aggregate>(self, cx: &mut SumsContext<'_, A>) -> Result<Answer, Fault> {
        let words = cx
            .sums
            .sum(Rounds::showing(BIVARIATE_SUMS), &self.layout, self.words, &mut cx.rng)
            .await?;
        let sums = Sums::decode(&self.grid, &words)?;
        if !cx.permit.agrees_with(sums.n) {
            return Err(Fault::InvalidOpening);
        }
        sums.finish(&self.grid).map(Answer::Bivariate)
    }
}

fn layout(grid: &Grid) -> Result<Layout, InputError> {
    Layout::new(&[
        Segment { limbs: 1, cells: 1 },
        Segment { limbs: grid.limbs(1), cells: 2 },
        Segment { limbs: grid.limbs(2), cells: 3 },
    ])
}

fn add_up(
    grid: &Grid,
    layout: &Layout,
    points: &[(f64, f64)],
) -> Result<Zeroizing<Vec<u64>>, InputError> {
    let [mut sx, mut sy] = [1, 1].map(|degree| Accumulator::new(grid, degree));
    let [mut sxx, mut sxy, mut syy] = [2, 2, 2].map(|degree| Accumulator::new(grid, degree));
    for (index, (x, y)) in points.iter().enumerate() {
        let x = grid.admit(index, *x)?;
        let y = grid.admit(index, *y)?;
        sx.add(x);
        sy.add(y);
        sxx.add(x.times(x));
        sxy.add(x.times(y));
        syy.add(y.times(y));
    }
    // Reserved as a whole: growing would leave copies behind.
    let mut words = Zeroizing::new(Vec::with_capacity(layout.words()));
    words.push(points.len() as u64);
    for sum in [sx, sy, sxx, sxy, syy] {
        words.extend_from_slice(&sum.into_cell());
    }
    Ok(words)
}

impl Sums {
    fn decode(grid: &Grid, words: &[u64]) -> Result<Self, Fault> {
        let (n, rest) = words.split_first().ok_or(NOT_OF_LAYOUT)?;
        let (single, double) = rest.split_at_checked(2 * grid.limbs(1)).ok_or(NOT_OF_LAYOUT)?;
        if double.len() != 3 * grid.limbs(2) {
            return Err(NOT_OF_LAYOUT);
        }
        let mut cells = single.chunks(grid.limbs(1)).chain(double.chunks(grid.limbs(2)));
        let mut next = || cells.next().map(signed_integer).ok_or(NOT_OF_LAYOUT);
        let sums = Self { n: *n, x: next()?, y: next()?, xx: next()?, xy: next()?, yy: next()? };
        sums.check()
    }

    /// Refuses sums that no real points have: a negative count, sum of squares or variance, or a
    /// correlation above 1.
    fn check(self) -> Result<Self, Fault> {
        let [a, b, c] = self.centred();
        let negative = [&self.xx, &self.yy, &b, &c].iter().any(|sum| sum.sign() == Sign::Minus);
        if self.n >= TOO_MANY || negative || &a * &a > &b * &c {
            return Err(Fault::InvalidOpening);
        }
        Ok(self)
    }

    /// Returns n² times covariance and variances: A = nΣxy − ΣxΣy, B = nΣx² − (Σx)², C = nΣy² −
    /// (Σy)².
    fn centred(&self) -> [BigInt; 3] {
        let Self { n, x, y, xx, xy, yy } = self;
        [xy * *n - x * y, xx * *n - x * x, yy * *n - y * y]
    }

    fn finish(&self, grid: &Grid) -> Result<Bivariate, Fault> {
        let [a, b, c] = self.centred();
        let n = BigInt::from(self.n);
        let once = grid.exponent(1);
        let twice = grid.exponent(2);
        let intercept = &self.y * &self.xx - &self.x * &self.xy;
        let below_two = if self.n < 2 { BigInt::zero() } else { &n * (&n - 1) };
        Ok(Bivariate {
            samples: self.n,
            covariance: fraction(&a, &below_two, twice)?,
            covariance_mle: fraction(&a, &(&n * &n), twice)?,
            correlation_coefficient: correlation(&a, &(&b * &c)),
            regression_slope: fraction(&a, &b, 0)?,
            regression_interceipt: fraction(&intercept, &b, once)?,
            regression_slope_only: fraction(&self.xy, &self.xx, 0)?,
        })
    }
}

/// Rounds a fraction once. Returns null for a divisor of 0, and a fault beyond the range of
/// doubles.
fn fraction(numerator: &BigInt, denominator: &BigInt, exponent: i64) -> Result<Option<f64>, Fault> {
    if denominator.is_zero() {
        return Ok(None);
    }
    fraction_to_double(numerator, denominator, exponent).map(Some).ok_or(Fault::ResultOutOfRange)
}

/// Returns ±√(A² / BC), with the sign of A.
fn correlation(a: &BigInt, bc: &BigInt) -> Option<f64> {
    root_of_fraction(a.sign() == Sign::Minus, (a * a).magnitude(), bc.magnitude())
}
