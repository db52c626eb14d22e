//! Bounds on the errors of correlations and regressions of columns that were rounded.
//!
//! A rounded column is off by half a unit at most in each value ([`super::columns`]). So with N rows
//! the norm of its error is at most √N / 2. Everything here is in units of the columns, and follows
//! from the moments of the rounded columns, which are exact.
//!
//! Let t be the norm of a column's error, by the bound, over that of the column itself; of its
//! deviations from the mean where there is one. It is 0 for a column that was not rounded.
//!
//! **Correlations.** A correlation is the cosine of the angle between two columns of deviations. The
//! error turns a column by an angle of arcsin t at most, which is at most t·π/2. A cosine changes by
//! no more than the angle. So a correlation is off by π/2·(t + t′) at most.
//!
//! **Least squares.** Let X̂ be the rounded regressors and X = X̂ + F the true ones, and likewise ŷ
//! and y = ŷ + f; b̂ is the computed solution, r̂ its residual. Then b − b̂ = X⁺(r̂ + f − F·b̂). With
//! X̂ᵀr̂ = 0 its first part is (XᵀX)⁻¹Fᵀr̂. Regressors are divided by their norms, which makes η =
//! √Σt² a bound on the norm of F. Let κ² be the trace of the inverse of X̂ᵀX̂, so scaled. The least
//! singular value of X̂ is at least 1/κ, and that of X at least σ = 1/κ − η (Weyl). So the scaled
//! solution is off by at most δ = η‖r̂‖/σ² + (‖f‖ + η‖b̂‖)/σ. For more of such bounds see Stewart,
//! *Perturbation theory and least squares with errors in the variables* (1990).
//!
//! - The norm of the residual is off by at most ρ = ‖f‖ + η(‖b̂‖ + δ). It is the least over all
//!   solutions, so that either solution bounds it for the other's data.
//! - A diagonal element of (XᵀX)⁻¹ is one over the square of a distance, that of a column from the
//!   span of the others. By the same argument its root is off by a factor between 1 / (1 + κη) and 1
//!   + η/σ.
//! - 1 − R² is the square of q = ‖r‖ / ‖y‖, which is off by (ρ + q‖f‖) / (‖y‖ − ‖f‖).
//!
//! With an intercept, X and y are taken as deviations from their means: the errors' norms do not
//! grow by that. The intercept follows from the coefficients and the means.
//!
//! All bounds are computed in doubles, from positive terms, and then enlarged by [`MARGIN`].

use num_bigint::BigInt;
use num_traits::Signed;

use super::least_squares::{Fit, Solved};
use super::moments::Moments;
use crate::algebra::elementwise::zip_exact;
use crate::algebra::rounding::{fraction_to_double, root_of_fraction};
use crate::kernel::fault::Fault;

/// The largest error of an answer: of correlations and R² absolutely, of coefficients and standard
/// errors relative to themselves, or to those of standardised columns if these are larger.
const LIMIT: f64 = 1e-9;

/// A factor that is far more than the rounding of all the operations on doubles here.
const MARGIN: f64 = 1.001;

/// Half the distance of doubles next to each other below 1.
const ROUNDING: f64 = f64::EPSILON / 2.0;

/// Regressors that are divided by their norms.
struct Frame {
    /// The bound κ of one over the least singular value.
    kappa: f64,
    /// The bound η on the norm of the errors.
    eta: f64,
    /// The least singular value σ of the true regressors, by the bound.
    sigma: f64,
}

/// The bounds on the errors of a regression's parts.
struct Bounds {
    /// ‖r̂‖ and the bound ρ on its error.
    residual: f64,
    of_residual: f64,
    /// The bound δ on the norm of the scaled solution's error.
    of_solution: f64,
}

impl Moments {
    /// Returns a bound on the error of every correlation. Each column has deviations.
    ///
    /// # Errors
    /// If it is above the limit.
    pub(super) fn precision_of_correlations(&self) -> Result<f64, Fault> {
        let errors: Vec<f64> =
            (0..self.sums.len()).map(|column| self.relative_error(column, true)).collect();
        let (mut largest, mut second, mut place) = (0.0, 0.0, 0);
        for (column, error) in errors.into_iter().enumerate() {
            if error > largest {
                (second, largest, place) = (largest, error, column);
            } else if error > second {
                second = error;
            }
        }
        let is_alone = self.sums.len() < 2;
        if largest == 0.0 || is_alone && largest <= 0.5 {
            return Ok(0.0);
        }
        let bound = MARGIN * std::f64::consts::FRAC_PI_2 * (largest + second) + ROUNDING;
        if bound <= LIMIT { Ok(bound) } else { Err(Fault::Imprecise { column: place }) }
    }

    /// Returns t: the norm of a column's error over that of the column, or of its deviations from
    /// the mean. It is infinite for a rounded column without them.
    fn relative_error(&self, column: usize, centred: bool) -> f64 {
        if !self.unit(column).rounded {
            return 0.0;
        }
        // t² = (N / 4) / (S / N), where S is N times the sum of squares.
        let squares = self.squares(column, centred);
        let (norm, parts): (BigInt, BigInt) = (&self.rows * &self.rows, 4 * squares);
        if parts.is_positive() {
            root_of_fraction(false, norm.magnitude(), parts.magnitude()).unwrap_or(f64::INFINITY)
        } else {
            f64::INFINITY
        }
    }

    /// Returns N times the sum of squares of a column, or of its deviations from the mean.
    fn squares(&self, column: usize, centred: bool) -> BigInt {
        if centred {
            self.deviations(column, column)
        } else {
            self.product(column, column) * &self.rows
        }
    }

    /// Returns the bound on the norm of a column's error.
    fn error_norm(&self, column: usize) -> f64 {
        let root = root_of_fraction(false, self.rows.magnitude(), &4_u8.into());
        if self.unit(column).rounded { root.unwrap_or(f64::INFINITY) } else { 0.0 }
    }
}

impl Solved {
    /// Returns a bound on the error of each coefficient and its standard error.
    ///
    /// # Errors
    /// If one of them, or that of R², is above the limit.
    pub(super) fn precision(&self, fit: &Fit) -> Result<Vec<f64>, Fault> {
        let count = self.others.len();
        if !self.moments.units.iter().any(|unit| unit.rounded) {
            return Ok(vec![0.0; count]);
        }
        let first = usize::from(self.intercept);
        let frame = self.frame(first, self.intercept)?;
        let bounds = self.bounds(&frame, first);
        let y = self.root(&self.total(), &self.moments.rows);
        self.check_explained(&bounds, y)?;
        let mut precision = Vec::with_capacity(count);
        if self.intercept {
            precision.push(self.of_intercept(&bounds, first, fit)?);
        }
        for place in first..count {
            let norm = self.norm(place, self.intercept);
            let of_coefficient = bounds.of_solution / norm;
            let of_error = self.of_error(&bounds, place, frame.eta / frame.sigma);
            let errors = [of_coefficient, of_error];
            precision.push(self.checked(errors, place, y / norm, fit)?);
        }
        Ok(precision)
    }

    /// Returns the regressors from place `first` on, divided by their norms.
    ///
    /// # Errors
    /// If they may be dependent before they were rounded.
    fn frame(&self, first: usize, centred: bool) -> Result<Frame, Fault> {
        let (mut trace, mut errors) = (0.0, 0.0);
        for (place, column) in self.others.iter().enumerate().skip(first) {
            let inflation = self.inverse(place) * self.moments.squares(*column, centred);
            let parts = &self.determinant * &self.moments.rows;
            trace += fraction_to_double(&inflation, &parts, 0).unwrap_or(f64::INFINITY);
            errors += self.moments.relative_error(*column, centred).powi(2);
        }
        let (kappa, eta) = (MARGIN * trace.sqrt(), MARGIN * errors.sqrt());
        let frame = Frame { kappa, eta, sigma: 1.0 / kappa - eta };
        // Without regressors there is nothing to bound.
        if first == self.others.len() || frame.kappa * frame.eta <= 0.5 {
            Ok(frame)
        } else {
            Err(self.imprecise())
        }
    }

    fn bounds(&self, frame: &Frame, first: usize) -> Bounds {
        let residual = self.root(&self.residual, &self.determinant);
        let of_y = self.moments.error_norm(self.explained);
        if first == self.others.len() {
            return Bounds { residual, of_residual: of_y, of_solution: 0.0 };
        }
        let parts = (first..self.others.len()).map(|place| {
            (self.coefficient_in_units(place) * self.norm(place, self.intercept)).powi(2)
        });
        let solution = MARGIN * parts.sum::<f64>().sqrt();
        let Frame { eta, sigma, .. } = *frame;
        let of_solution =
            MARGIN * (eta * residual / (sigma * sigma) + (of_y + eta * solution) / sigma);
        let of_residual = MARGIN * (of_y + eta * (solution + of_solution));
        Bounds { residual, of_residual, of_solution }
    }

    /// Checks the bound on the error of R². `y` is the norm of what is explained.
    fn check_explained(&self, bounds: &Bounds, y: f64) -> Result<(), Fault> {
        let of_y = self.moments.error_norm(self.explained);
        let q = bounds.residual / y;
        let of_q = (bounds.of_residual + q * of_y) / (y - of_y);
        let error = MARGIN * of_q * (2.0 * q + of_q) + ROUNDING;
        if of_y <= y / 2.0 && error <= LIMIT { Ok(()) } else { Err(self.imprecise()) }
    }

    fn of_intercept(&self, bounds: &Bounds, first: usize, fit: &Fit) -> Result<f64, Fault> {
        let half = |column: usize| if self.moments.unit(column).rounded { 0.5 } else { 0.0 };
        let mut of_coefficient = half(self.explained);
        for (place, column) in self.others.iter().enumerate().skip(first) {
            let of_this = bounds.of_solution / self.norm(place, true);
            let coefficient = self.coefficient_in_units(place).abs() + of_this;
            let mean = self.moments.sum(*column).abs();
            let mean = fraction_to_double(&mean, &self.moments.rows, 0).unwrap_or(f64::INFINITY);
            of_coefficient += of_this * mean + coefficient * half(*column);
        }
        // The standard error depends on all of the inverse, with the column of ones.
        let frame = self.frame(0, false)?;
        let of_error = self.of_error(bounds, 0, frame.eta / frame.sigma);
        let y =
            self.root(&self.moments.product(self.explained, self.explained), &self.moments.rows);
        self.checked([MARGIN * of_coefficient, of_error], 0, y, fit)
    }

    /// Returns the bound on a standard error's error, where the root of the inverse's element is off
    /// by at most so much, relative to itself.
    fn of_error(&self, bounds: &Bounds, place: usize, of_root: f64) -> f64 {
        let root = self.root(&self.inverse(place), &(&self.determinant * self.freedom()));
        let Bounds { residual, of_residual, .. } = *bounds;
        MARGIN * root * (of_residual + (residual + of_residual) * of_root)
    }

    /// Returns a bound on both errors in the units of the answer. They are given in units of the
    /// columns, as is the size of a coefficient of standardised columns.
    fn checked(&self, errors: [f64; 2], place: usize, usual: f64, fit: &Fit) -> Result<f64, Fault> {
        let values = [fit.mle.get(place).and_then(|b| b.first()), fit.standard_errors.get(place)];
        let power = self.exponent(place);
        let mut precision: f64 = 0.0;
        for (error, value) in zip_exact(errors, values) {
            let value = value.copied().unwrap_or_default().abs();
            let error = times_power(MARGIN * error, power) + value * ROUNDING;
            // Next to 0 doubles are as far apart as the least of them.
            let error = error + f64::from_bits(1);
            let usual = times_power(usual, power);
            if !error.is_finite() || !usual.is_finite() {
                return Err(Fault::ResultOutOfRange);
            }
            if error > LIMIT * value.max(usual) + f64::from_bits(2) {
                return Err(self.imprecise());
            }
            precision = precision.max(error);
        }
        Ok(precision)
    }

    /// Returns the refusal, of the rounded column whose error is the largest beside itself.
    fn imprecise(&self) -> Fault {
        let error = |column: &usize| self.moments.relative_error(*column, self.intercept);
        let columns = usize::from(self.intercept)..self.moments.sums.len();
        let worst = columns.max_by(|one, other| error(one).total_cmp(&error(other)));
        let column = worst.unwrap_or_default() - usize::from(self.intercept);
        Fault::Imprecise { column }
    }

    /// Returns the norm of the column at this place among those that explain.
    fn norm(&self, place: usize, centred: bool) -> f64 {
        let column = *self.others.get(place).expect("a coefficient has a column");
        self.root(&self.moments.squares(column, centred), &self.moments.rows)
    }

    fn coefficient_in_units(&self, place: usize) -> f64 {
        let coefficient = self.coefficient(place);
        fraction_to_double(&coefficient, &self.determinant, 0).unwrap_or(f64::INFINITY)
    }

    /// Returns the root of a fraction that is 0 or more.
    fn root(&self, numerator: &BigInt, denominator: &BigInt) -> f64 {
        root_of_fraction(false, numerator.magnitude(), denominator.magnitude())
            .unwrap_or(f64::INFINITY)
    }
}

/// Returns a number above 0 times a power of two.
fn times_power(mut number: f64, mut power: i64) -> f64 {
    while power != 0 && number != 0.0 && number.is_finite() {
        let step = power.clamp(-1_000, 1_000);
        number *= 2_f64.powi(i32::try_from(step).unwrap_or_default());
        power -= step;
    }
    number
}
