//! Functions of joined rows' numbers: sums, correlations, least squares.
//!
//! Numbers of a column are whole multiples of a power of two, of 53 bits. Their sums, and the sums
//! of their products, are exact integers. These are opened, and everything else follows from them
//! in exact fractions, rounded once.
//!
//! A sum opens nothing else. Correlations do not depend on the columns' scales, which are not
//! opened for them. Sums of products tell the size of a column's numbers relative to that power of
//! two. For a regression the scales are opened. There have to be more rows than columns, before
//! anything is opened.

use num_bigint::{BigInt, BigUint};
use num_traits::{One, Signed, Zero};

use super::Join;
use super::categories::share_exponents;
use super::columns::{FRACTION, Scaled, exponent, numbers, value};
use super::terms::Told;
use crate::algebra::elementwise::zip_exact;
use crate::algebra::rounding::{fraction_to_double, root_of_fraction};
use crate::engine::matching::Matching;
use crate::engine::shared::Shared;
use crate::engine::{Dimensions, Recipients, Reconstructed};
use crate::functions::answer::Answer;
use crate::functions::{Computed, FunctionContext};
use crate::kernel::fault::Fault;

/// The most columns of all parties together.
const MOST_COLUMNS: usize = 64;

/// The sums over the joined rows: of each column, and of the products of each two.
struct Moments {
    rows: BigInt,
    sums: Vec<BigInt>,
    /// The sums of products, row by row.
    products: Vec<Vec<BigInt>>,
    /// The exponent of each column; none where they are not asked for.
    exponents: Vec<i64>,
}

pub(crate) async fn sum<E: Matching>(
    cx: &mut FunctionContext<'_, E>,
    join: Join<'_>,
    own: &[Scaled],
) -> Computed {
    let joined = join.run(cx, words(own), |_, told| told.columns).await?;
    let column = joined
        .tables
        .iter()
        .flatten()
        .next()
        .ok_or(Fault::Internal("a joined table has its columns"))?;
    let column = numbers(&mut cx.engine, column).await?;
    let sum = column.prefix_sums(joined.rows).gather(&[joined.rows - 1]);
    let exponents = share_exponents(cx, own, join.told).await?;
    let opened = E::Shared::<u128>::concat(&[&sum, &exponents]);
    let opened = cx.engine.open(&opened, Recipients::Parties).await?;
    let Reconstructed::Value(opened) = opened else { return Ok(None) };
    match opened.as_slice() {
        [sum, power] => {
            let sum = value(&sum.cast_signed().into(), &BigInt::one(), exponent(Some(power))?);
            let sum = sum.ok_or(Fault::ResultOutOfRange)?;
            Ok(Some(Answer::IntersectionSum { sum, size_intersection: joined.rows as u64 }))
        }
        _ => Err(Fault::InvalidOpening),
    }
}

pub(crate) async fn correlation<E: Matching>(
    cx: &mut FunctionContext<'_, E>,
    join: Join<'_>,
    own: &[Scaled],
) -> Computed {
    let (moments, samples) = moments(cx, join, own, false).await?;
    let Reconstructed::Value(moments) = moments else { return Ok(None) };
    let columns = 0..moments.sums.len();
    let row = |i: usize| columns.clone().map(|j| moments.correlation(i, j)).collect();
    let correlation = columns.clone().map(row).collect::<Result<_, Fault>>()?;
    Ok(Some(Answer::Correlation { correlation, samples }))
}

pub(crate) async fn regression<E: Matching>(
    cx: &mut FunctionContext<'_, E>,
    join: Join<'_>,
    own: &[Scaled],
    intercept: bool,
) -> Computed {
    // The second party's first column stands behind the first party's columns.
    let explained = join.told.first().map_or(0, |told| told.columns);
    let (moments, samples) = moments(cx, join, own, true).await?;
    let Reconstructed::Value(moments) = moments else { return Ok(None) };
    let fit = moments.with_intercept(intercept).fit(explained, intercept)?;
    let Fit { mle, standard_errors, r_squared } = fit;
    Ok(Some(Answer::Regression { mle, standard_errors, r_squared, samples }))
}

/// Returns the moments of all columns, at the parties, and the number of rows.
async fn moments<E: Matching>(
    cx: &mut FunctionContext<'_, E>,
    join: Join<'_>,
    own: &[Scaled],
    with_exponents: bool,
) -> Result<(Reconstructed<Moments>, u64), Fault> {
    let count: usize = join.told.iter().map(|told| told.columns).sum();
    if count > MOST_COLUMNS {
        let what = "columns of all parties";
        return Err(Fault::TableTooLarge { what, actual: count, limit: MOST_COLUMNS });
    }
    let joined = join.run(cx, words(own), |_, told: &Told| told.columns).await?;
    let rows = joined.rows;
    if rows <= count {
        // With no more rows than columns, the sums of products would tell the rows.
        let why = "more rows are needed that all parties have than there are columns";
        return Err(Fault::Undefined { why });
    }
    let mut columns = Vec::with_capacity(count);
    for column in joined.tables.iter().flatten() {
        columns.push(numbers(&mut cx.engine, column).await?);
    }
    let transposed = E::Shared::<u128>::concat(&columns.iter().collect::<Vec<_>>());
    let straight = transposed.transposed(rows);
    let dimensions = Dimensions { rows: count, inner: rows, columns: count };
    let products = cx.engine.matrix_product(&transposed, &straight, dimensions).await?;
    let last: Vec<usize> = (1..=count).map(|column| column * rows - 1).collect();
    let sums = transposed.prefix_sums(rows).gather(&last);
    let mut opened = vec![sums, products];
    if with_exponents {
        opened.push(share_exponents(cx, own, join.told).await?);
    }
    let opened = E::Shared::<u128>::concat(&opened.iter().collect::<Vec<_>>());
    let opened = cx.engine.open(&opened, Recipients::Parties).await?;
    let moments = opened.try_map(|opened| Moments::of(rows, count, &opened))?;
    Ok((moments, rows as u64))
}

fn words(own: &[Scaled]) -> Vec<Vec<crate::algebra::packed_bits::PackedBits>> {
    own.iter().map(|scaled| scaled.words.to_vec()).collect()
}

impl Moments {
    fn of(rows: usize, columns: usize, opened: &[u128]) -> Result<Self, Fault> {
        let (sums, rest) = opened
            .split_at_checked(columns)
            .ok_or(Fault::Internal("an opened sum has the words of its layout"))?;
        let (products, exponents) = rest
            .split_at_checked(columns * columns)
            .ok_or(Fault::Internal("an opened sum has the words of its layout"))?;
        let big = |elements: &[u128]| -> Vec<BigInt> {
            elements.iter().map(|element| element.cast_signed().into()).collect()
        };
        let exponents = exponents.iter().map(|power| exponent(Some(power)));
        Ok(Self {
            rows: rows.into(),
            sums: big(sums),
            products: products.chunks(columns.max(1)).map(big).collect(),
            exponents: exponents.collect::<Result<_, _>>()?,
        })
    }

    fn product(&self, i: usize, j: usize) -> BigInt {
        cell(&self.products, i, j)
    }

    fn sum(&self, i: usize) -> BigInt {
        self.sums.get(i).expect("each column has a sum").clone()
    }

    /// Returns N times the sum of products of deviations from the means.
    fn deviations(&self, i: usize, j: usize) -> BigInt {
        &self.rows * self.product(i, j) - self.sum(i) * self.sum(j)
    }

    fn correlation(&self, i: usize, j: usize) -> Result<f64, Fault> {
        let (both, x, y) = (self.deviations(i, j), self.deviations(i, i), self.deviations(j, j));
        if !x.is_positive() || !y.is_positive() {
            let why = "a column is the same in all joined rows, so that it has no correlation";
            return Err(Fault::Undefined { why });
        }
        let square = both.magnitude() * both.magnitude();
        let root = root_of_fraction(both.is_negative(), &square, (x * y).magnitude());
        root.ok_or(Fault::ResultOutOfRange)
    }

    /// Adds a column of ones in front, if it is asked for.
    fn with_intercept(mut self, intercept: bool) -> Self {
        if intercept {
            zip_exact(&mut self.products, &self.sums)
                .for_each(|(row, sum)| row.insert(0, sum.clone()));
            let first = std::iter::once(&self.rows).chain(&self.sums).cloned().collect();
            self.products.insert(0, first);
            self.sums.insert(0, self.rows.clone());
            // 1 as it is, not as a multiple of 2^-53.
            self.exponents.insert(0, FRACTION);
        }
        self
    }

    /// Computes least squares of the column `explained` (not counting the intercept) on all others.
    fn fit(&self, explained: usize, intercept: bool) -> Result<Fit, Fault> {
        let y = explained + usize::from(intercept);
        let others: Vec<usize> = (0..self.sums.len()).filter(|column| *column != y).collect();
        let p = BigInt::from(others.len());
        if self.rows <= p {
            let why = "a regression needs more rows that all parties have than it has coefficients";
            return Err(Fault::Undefined { why });
        }
        let system: Vec<Vec<BigInt>> = others
            .iter()
            .enumerate()
            .map(|(place, i)| {
                let unit = (0..others.len()).map(|j| BigInt::from(u8::from(j == place)));
                let left = others.iter().map(|j| self.product(*i, *j));
                left.chain([self.product(*i, y)]).chain(unit).collect()
            })
            .collect();
        let (solved, determinant) = eliminated(system, others.len()).ok_or(Fault::Undefined {
            why: "one of the columns that explain is a combination of the others in the joined rows",
        })?;
        // The coefficients are multiplied by the determinant, as all that is solved.
        let coefficient = |place: usize| cell(&solved, place, others.len());
        let explained_part: BigInt = others
            .iter()
            .enumerate()
            .map(|(place, i)| coefficient(place) * self.product(*i, y))
            .sum();
        let residual = self.product(y, y) * &determinant - explained_part;
        let residual = if residual.is_negative() { BigInt::zero() } else { residual };
        let exponent =
            |column: usize| *self.exponents.get(column).expect("each column has a scale");
        let out = || Fault::ResultOutOfRange;
        let mut fit = Fit::default();
        for (place, column) in others.iter().enumerate() {
            let power = exponent(y) - exponent(*column);
            let b = fraction_to_double(&coefficient(place), &determinant, power).ok_or_else(out)?;
            let inverse = cell(&solved, place, others.len() + 1 + place);
            let variance = (&residual * inverse).magnitude().clone();
            let parts = (&determinant * &determinant * (&self.rows - &p)).magnitude().clone();
            let (variance, parts) = shifted(variance, parts, 2 * power);
            fit.mle.push(vec![b]);
            fit.standard_errors.push(root_of_fraction(false, &variance, &parts).ok_or_else(out)?);
        }
        let total = match intercept {
            true => self.deviations(y, y),
            false => self.product(y, y) * &self.rows,
        };
        if !total.is_positive() {
            return Err(Fault::Undefined {
                why: "what is explained is the same in all joined rows",
            });
        }
        // R² = 1 − RSS / TSS. `total` is N·TSS.
        let denominator = total * &determinant;
        let numerator = &denominator - &residual * &self.rows;
        fit.r_squared = fraction_to_double(&numerator, &denominator, 0).ok_or_else(out)?;
        Ok(fit)
    }
}

/// The result of a regression.
#[derive(Default)]
struct Fit {
    mle: Vec<Vec<f64>>,
    standard_errors: Vec<f64>,
    r_squared: f64,
}

fn cell(rows: &[Vec<BigInt>], row: usize, column: usize) -> BigInt {
    rows.get(row).and_then(|row| row.get(column)).expect("a place in the matrix").clone()
}

/// Returns the fraction times a power of two.
fn shifted(numerator: BigUint, denominator: BigUint, power: i64) -> (BigUint, BigUint) {
    match power < 0 {
        true => (numerator, denominator << power.unsigned_abs()),
        false => (numerator << power.unsigned_abs(), denominator),
    }
}

/// Eliminates the first `columns` columns without fractions (Bareiss, *Sylvester's identity and
/// multistep integer-preserving Gaussian elimination*, Mathematics of Computation 1968). Returns
/// the rows and the determinant. The columns behind the eliminated ones are the solution times the
/// determinant. The matrix is of sums of products, so that a pivot is zero only if a column depends
/// on those before; then nothing is returned.
fn eliminated(mut rows: Vec<Vec<BigInt>>, columns: usize) -> Option<(Vec<Vec<BigInt>>, BigInt)> {
    let mut last = BigInt::one();
    for k in 0..columns {
        let pivot_row = rows.get(k)?.clone();
        let pivot = pivot_row.get(k).filter(|pivot| !pivot.is_zero())?;
        for (_, row) in rows.iter_mut().enumerate().filter(|(index, _)| *index != k) {
            let factor = row.get(k)?.clone();
            for (element, above) in zip_exact(row, &pivot_row) {
                *element = (&*element * pivot - &factor * above) / &last;
            }
        }
        last = pivot.clone();
    }
    Some((rows, last))
}
