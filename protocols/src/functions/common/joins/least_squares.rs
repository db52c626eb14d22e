//! Least squares over joined rows, from their moments, in exact fractions.

use num_bigint::{BigInt, BigUint};
use num_traits::{One, Signed, Zero};

use super::columns::Unit;
use super::moments::{Moments, cell};
use crate::algebra::elementwise::zip_exact;
use crate::algebra::rounding::{fraction_to_double, root_of_fraction};
use crate::kernel::fault::Fault;

/// The result of a regression.
#[derive(Debug, Default)]
pub(super) struct Fit {
    /// The coefficients, as a column: the intercept if there is one, then those of the columns.
    pub(super) mle: Vec<Vec<f64>>,
    pub(super) standard_errors: Vec<f64>,
    pub(super) r_squared: f64,
    /// The bound on the error of each coefficient and of its standard error.
    pub(super) precision: Vec<f64>,
}

/// The normal equations of a regression, solved. Numbers are in the units of their columns.
pub(super) struct Solved {
    /// The moments; those of a column of ones come first if there is an intercept.
    pub(super) moments: Moments,
    pub(super) intercept: bool,
    /// The column that is explained.
    pub(super) explained: usize,
    /// The columns that explain it.
    pub(super) others: Vec<usize>,
    /// A row for each of these: the unit matrix times the determinant, the coefficient times the
    /// determinant, and the inverse times the determinant.
    rows: Vec<Vec<BigInt>>,
    pub(super) determinant: BigInt,
    /// The sum of squared residuals times the determinant.
    pub(super) residual: BigInt,
}

impl Moments {
    /// Computes least squares of the column `explained` on all others, and on a column of ones if
    /// there is to be an intercept.
    ///
    /// # Errors
    /// If it is not defined, or its error might be too large.
    pub(super) fn regression(self, explained: usize, intercept: bool) -> Result<Fit, Fault> {
        let explained = explained + usize::from(intercept);
        self.with_intercept(intercept).solved(explained, intercept)?.fit()
    }

    /// Adds a column of ones in front, if it is asked for.
    fn with_intercept(mut self, intercept: bool) -> Self {
        if intercept {
            zip_exact(&mut self.products, &self.sums)
                .for_each(|(row, sum)| row.insert(0, sum.clone()));
            let first = std::iter::once(&self.rows).chain(&self.sums).cloned().collect();
            self.products.insert(0, first);
            self.sums.insert(0, self.rows.clone());
            self.units.insert(0, Unit { exponent: 0, rounded: false });
        }
        self
    }

    /// Solves the normal equations. `explained` counts the column of ones if there is one.
    fn solved(self, explained: usize, intercept: bool) -> Result<Solved, Fault> {
        let y = explained;
        let others: Vec<usize> = (0..self.sums.len()).filter(|column| *column != y).collect();
        if self.rows <= others.len().into() {
            let why = "a regression needs more rows that all parties have than it has coefficients";
            return Err(Fault::Undefined { why });
        }
        let row = |(place, i): (usize, &usize)| -> Vec<BigInt> {
            let unit = (0..others.len()).map(|j| BigInt::from(u8::from(j == place)));
            let left = others.iter().map(|j| self.product(*i, *j));
            left.chain([self.product(*i, y)]).chain(unit).collect()
        };
        let system = others.iter().enumerate().map(row).collect();
        let Some((rows, determinant)) = eliminated(system, others.len()) else {
            // Columns that were rounded may be independent where their rounded values are not.
            return Err(match others.iter().find(|column| self.unit(**column).rounded) {
                Some(column) => Fault::Imprecise { column: column - usize::from(intercept) },
                None => Fault::Undefined {
                    why: "one of the columns that explain is a combination of the others in the \
                          joined rows",
                },
            });
        };
        let part =
            |(place, i): (usize, &usize)| cell(&rows, place, others.len()) * self.product(*i, y);
        let explained_part: BigInt = others.iter().enumerate().map(part).sum();
        let residual = self.product(y, y) * &determinant - explained_part;
        let residual = if residual.is_negative() { BigInt::zero() } else { residual };
        Ok(Solved { moments: self, intercept, explained, others, rows, determinant, residual })
    }
}

impl Solved {
    /// Returns the coefficient at this place, times the determinant.
    pub(super) fn coefficient(&self, place: usize) -> BigInt {
        cell(&self.rows, place, self.others.len())
    }

    /// Returns the diagonal element of the inverse at this place, times the determinant.
    pub(super) fn inverse(&self, place: usize) -> BigInt {
        cell(&self.rows, place, self.others.len() + 1 + place)
    }

    /// Returns the exponent of the unit of the coefficient at this place.
    pub(super) fn exponent(&self, place: usize) -> i64 {
        let column = *self.others.get(place).expect("a coefficient has a column");
        self.moments.unit(self.explained).exponent - self.moments.unit(column).exponent
    }

    /// Returns the degrees of freedom of the residuals.
    pub(super) fn freedom(&self) -> BigInt {
        &self.moments.rows - self.others.len()
    }

    /// Returns N times the sum of squares that is to be explained.
    pub(super) fn total(&self) -> BigInt {
        let y = self.explained;
        if self.intercept {
            self.moments.deviations(y, y)
        } else {
            self.moments.product(y, y) * &self.moments.rows
        }
    }

    fn fit(&self) -> Result<Fit, Fault> {
        let total = self.total();
        if !total.is_positive() {
            return Err(if self.moments.unit(self.explained).rounded {
                Fault::Imprecise { column: self.explained - usize::from(self.intercept) }
            } else {
                Fault::Undefined { why: "what is explained is the same in all joined rows" }
            });
        }
        let out = || Fault::ResultOutOfRange;
        let determinant = &self.determinant;
        let mut fit = Fit::default();
        for place in 0..self.others.len() {
            let power = self.exponent(place);
            let coefficient = self.coefficient(place);
            let b = fraction_to_double(&coefficient, determinant, power).ok_or_else(out)?;
            let variance = (&self.residual * self.inverse(place)).magnitude().clone();
            let parts = (determinant * determinant * self.freedom()).magnitude().clone();
            let (variance, parts) = shifted(variance, parts, 2 * power);
            fit.mle.push(vec![b]);
            fit.standard_errors.push(root_of_fraction(false, &variance, &parts).ok_or_else(out)?);
        }
        // R² = 1 − RSS / TSS. `total` is N·TSS.
        let denominator = total * determinant;
        let numerator = &denominator - &self.residual * &self.moments.rows;
        fit.r_squared = fraction_to_double(&numerator, &denominator, 0).ok_or_else(out)?;
        fit.precision = self.precision(&fit)?;
        Ok(fit)
    }
}

/// Returns the fraction times a power of two.
fn shifted(numerator: BigUint, denominator: BigUint, power: i64) -> (BigUint, BigUint) {
    if power < 0 {
        (numerator, denominator << power.unsigned_abs())
    } else {
        (numerator << power.unsigned_abs(), denominator)
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
