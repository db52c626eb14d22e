//! The pseudo-inverse (XᵀX)⁻¹Xᵀ of a matrix X of full column rank, for least squares.
//!
//! Householder's orthogonal triangularisation of the columns (Golub and Van Loan, Matrix
//! Computations, section 5.2), each divided by a power of two so that they are of one size. It
//! gives X = QRD. Then (XᵀX)⁻¹Xᵀ = D⁻¹R⁻¹Qᵀ. XᵀX is not made: its condition is that of X squared.
//!
//! **Errors.** Let κ be the condition of X with its columns of one size, and ε = 2^-53. The product
//! with a column y is off by some ε·κ·‖y‖/‖Xb‖ of the coefficients b. It is also off by ε·κ² times
//! the size of the residuals beside ‖Xb‖: the problem's own condition causes this in any least
//! squares in doubles. If the residuals are small and the columns are as dependent as the powers of
//! one number, it is up to a hundred times more. The factorisation is applied to unit vectors, not
//! to y, and errors do not cancel as y's terms do.
//!
//! **Rank.** Row i of the pseudo-inverse has the norm 1/‖x‖, where x is the rest of column i when
//! the others are projected out. If less than 2^-40 of a column is left, it counts as dependent on
//! the others. The rest is then of the size of rounding errors, or the coefficients would have few
//! right digits.

use rayon::prelude::*;
use zeroize::Zeroizing;

use crate::algebra::normalised::Normalised;

/// The most times that a column is longer than its rest without the others: 2^40.
const MOST_DEPENDENT: f64 = 1_099_511_627_776.0;

/// The elements of a matrix from which on its columns are shared out to threads.
const PARALLEL: usize = 1 << 16;

/// The number of sums that run side by side in an inner product.
const SUMS: usize = 8;

type Vector = Zeroizing<Vec<f64>>;

/// A column that depends linearly on the others, as far as doubles tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dependent {
    /// The position, from 0.
    pub column: usize,
}

/// A pseudo-inverse.
pub struct PseudoInverse {
    /// The rows of (XᵀX)⁻¹Xᵀ.
    pub rows: Vec<Normalised>,
    /// The largest leverage of a row of X, from 0 to 1: the largest ‖q_i‖² of a row of Q.
    pub leverage: f64,
}

/// Returns the rows of (XᵀX)⁻¹Xᵀ, for X of so many columns and at least as many rows, row by row.
///
/// # Errors
/// If the columns are linearly dependent.
pub fn pseudo_inverse(x: &[f64], columns: usize) -> Result<PseudoInverse, Dependent> {
    let columns: Vec<_> = (0..columns)
        .map(|j| {
            let column = x.iter().skip(j).step_by(columns).copied().collect();
            Normalised::new(Zeroizing::new(column))
        })
        .collect();
    let exponents: Vec<i32> = columns.iter().map(|column| column.exponent).collect();
    let columns: Vec<Vector> = columns.into_iter().map(|column| column.elements).collect();
    let lengths: Vec<f64> = columns.iter().map(|column| norm(column)).collect();

    let (reflectors, r) = triangularise(columns)?;
    let q = orthonormal(&reflectors);
    let leverage = largest_leverage(&q);
    let rows = substitute(q, &r);
    check_rank(&rows, &lengths)?;
    let scaled = rows.into_iter().map(Normalised::new).zip(exponents);
    let scaled = scaled.map(|(row, of_x)| Normalised { exponent: row.exponent - of_x, ..row });
    Ok(PseudoInverse { rows: scaled.collect(), leverage })
}

/// Returns the largest leverage of a row in the span of one column.
#[must_use]
pub fn leverage_of_column(x: &[f64]) -> f64 {
    let Normalised { elements, .. } = Normalised::new(Zeroizing::new(x.to_vec()));
    let all = inner_product(&elements, &elements);
    let largest = elements.iter().map(|x| x * x).fold(0.0, f64::max);
    if all > 0.0 { largest / all } else { 0.0 }
}

/// Returns the largest sum of squares of a row, from orthonormal columns.
fn largest_leverage(q: &[Vector]) -> f64 {
    let mut of_rows = Zeroizing::new(vec![0.0; q.first().map_or(0, |column| column.len())]);
    for column in q {
        of_rows.iter_mut().zip(column.iter()).for_each(|(sum, x)| *sum += x * x);
    }
    of_rows.iter().copied().fold(0.0, f64::max)
}

/// I − vvᵀ with vᵀv = 2, on all elements of a vector but the first ones.
struct Reflector {
    skipped: usize,
    v: Vector,
}

impl Reflector {
    /// Makes the reflector that takes x, which follows the first `skipped` elements, to α times the
    /// first unit vector. Returns α too, and none for 0.
    fn new(skipped: usize, x: &[f64]) -> Option<(Self, f64)> {
        let first = *x.first()?;
        let length = norm(x);
        // ‖x − αe₁‖² = 2‖x‖(‖x‖ + |x₁|), without cancellation.
        let alpha = -length.copysign(first);
        let scale = (length * (length + first.abs())).sqrt();
        if scale <= 0.0 {
            return None;
        }
        let mut v = Zeroizing::new(x.to_vec());
        v.iter_mut().take(1).for_each(|x| *x -= alpha);
        v.iter_mut().for_each(|x| *x /= scale);
        Some((Self { skipped, v }, alpha))
    }

    fn apply(&self, vector: &mut [f64]) {
        let rest = vector.get_mut(self.skipped..).unwrap_or_default();
        let along = inner_product(&self.v, rest);
        rest.iter_mut().zip(self.v.iter()).for_each(|(x, v)| *x -= along * v);
    }
}

/// Returns the reflectors whose product is Q, and the columns of R, each down to its diagonal
/// element.
fn triangularise(mut columns: Vec<Vector>) -> Result<(Vec<Reflector>, Vec<Vector>), Dependent> {
    let mut reflectors = Vec::new();
    for k in 0..columns.len() {
        let (_, rest) = columns.split_at_mut(k);
        let Some((column, others)) = rest.split_first_mut() else { break };
        let reflector = Reflector::new(k, column.get(k..).unwrap_or_default());
        let (reflector, alpha) = reflector.ok_or(Dependent { column: k })?;
        for_each(others, |_, other| reflector.apply(other));
        column.truncate(k);
        column.push(alpha);
        reflectors.push(reflector);
    }
    Ok((reflectors, columns))
}

/// Returns the columns of Q that R has rows for.
fn orthonormal(reflectors: &[Reflector]) -> Vec<Vector> {
    let rows = reflectors.first().map_or(0, |first| first.v.len());
    let mut q: Vec<Vector> = reflectors.iter().map(|_| Zeroizing::new(vec![0.0; rows])).collect();
    for_each(&mut q, |j, column| {
        column.iter_mut().skip(j).take(1).for_each(|x| *x = 1.0);
        // Those after the j-th leave the j-th unit vector as it is.
        reflectors.iter().take(j + 1).rev().for_each(|reflector| reflector.apply(column));
    });
    q
}

/// Returns the rows of R⁻¹Qᵀ, from the columns of Q.
fn substitute(mut q: Vec<Vector>, r: &[Vector]) -> Vec<Vector> {
    for (k, column) in r.iter().enumerate().rev() {
        let (above, rest) = q.split_at_mut(k);
        let (Some(row), Some((diagonal, column))) = (rest.first_mut(), column.split_last()) else {
            break;
        };
        row.iter_mut().for_each(|x| *x /= diagonal);
        for_each(above, |i, other| {
            let factor = column.get(i).copied().unwrap_or_default();
            other.iter_mut().zip(row.iter()).for_each(|(x, y)| *x -= factor * y);
        });
    }
    q
}

fn check_rank(rows: &[Vector], lengths: &[f64]) -> Result<(), Dependent> {
    let most = rows
        .iter()
        .zip(lengths)
        .map(|(row, length)| {
            let times = norm(row) * length;
            if times.is_finite() { times } else { f64::INFINITY }
        })
        .enumerate();
    match most.max_by(|(_, one), (_, other)| one.total_cmp(other)) {
        Some((column, times)) if times > MOST_DEPENDENT => Err(Dependent { column }),
        _ => Ok(()),
    }
}

fn norm(x: &[f64]) -> f64 {
    inner_product(x, x).sqrt()
}

fn inner_product(x: &[f64], y: &[f64]) -> f64 {
    let ((x, x_rest), (y, y_rest)) = (x.as_chunks::<SUMS>(), y.as_chunks::<SUMS>());
    let mut sums = [0.0; SUMS];
    for (x, y) in x.iter().zip(y) {
        let terms = x.iter().zip(y);
        sums.iter_mut().zip(terms).for_each(|(sum, (x, y))| *sum += x * y);
    }
    let rest: f64 = x_rest.iter().zip(y_rest).map(|(x, y)| x * y).sum();
    sums.iter().sum::<f64>() + rest
}

/// Changes each column on its own; `change` gets its place.
fn for_each(columns: &mut [Vector], change: impl Fn(usize, &mut [f64]) + Send + Sync) {
    let rows = columns.first().map_or(0, |column| column.len());
    if rows * columns.len() < PARALLEL {
        return columns.iter_mut().enumerate().for_each(|(j, column)| change(j, column));
    }
    columns.par_iter_mut().enumerate().for_each(|(j, column)| change(j, column));
}

#[cfg(test)]
mod tests {
    use rand_core::Rng;

    use super::*;
    use crate::testing::{rng, seed};

    /// Draws random numbers from -1 to 1.
    fn numbers(rng: &mut impl Rng, count: usize) -> Vec<f64> {
        (0..count).map(|_| f64::from(rng.next_u32()) / f64::from(u32::MAX) * 2.0 - 1.0).collect()
    }

    /// Returns the rows with their powers of two multiplied in.
    fn plain(x: &[f64], columns: usize) -> Vec<Vec<f64>> {
        let rows = pseudo_inverse(x, columns).ok().unwrap().rows;
        rows.iter()
            .map(|row| row.elements.iter().map(|x| x * 2_f64.powi(row.exponent)).collect())
            .collect()
    }

    fn refused(x: &[f64], columns: usize) -> Option<usize> {
        pseudo_inverse(x, columns).err().map(|dependent| dependent.column)
    }

    #[test]
    fn it_is_a_left_inverse_whose_rows_are_combinations_of_the_columns() {
        let mut rng = rng(seed());
        for (rows, columns) in [(1, 1), (2, 1), (7, 3), (60, 40), (300, 12), (4_000, 20)] {
            let x = numbers(&mut rng, rows * columns);
            let a = plain(&x, columns);
            for (i, a) in a.iter().enumerate() {
                for j in 0..columns {
                    let terms = a.iter().zip(x.iter().skip(j).step_by(columns));
                    let product: f64 = terms.map(|(a, x)| a * x).sum();
                    assert!(
                        (product - f64::from(u8::from(i == j))).abs() < 1e-9,
                        "{rows} {columns}"
                    );
                }
            }
            // AAᵀXᵀ = A, where AAᵀ = (XᵀX)⁻¹.
            let row: Vec<f64> = (0..columns).map(|j| inner_product(&a[0], &a[j])).collect();
            for (x, a) in x.chunks(columns).zip(&a[0]) {
                assert!((inner_product(x, &row) - a).abs() < 1e-6 * norm(&row), "{rows} {columns}");
            }
        }
    }

    #[test]
    fn the_size_of_columns_is_of_no_consequence() {
        let mut rng = rng(seed());
        let x = numbers(&mut rng, 60);
        let rows = pseudo_inverse(&x, 3).ok().unwrap().rows;
        let powers = [-900, 0, 800];
        let scaled: Vec<f64> =
            x.iter().enumerate().map(|(at, x)| x * 2_f64.powi(powers[at % 3])).collect();
        for ((row, other), power) in
            rows.iter().zip(pseudo_inverse(&scaled, 3).ok().unwrap().rows).zip(powers)
        {
            assert_eq!(*row.elements, *other.elements);
            assert_eq!(other.exponent, row.exponent - power);
        }
    }

    #[test]
    fn a_column_that_depends_on_others_is_named() {
        assert_eq!(refused(&[0.0, 0.0], 1), Some(0));
        assert_eq!(refused(&[1.0, 0.0, 2.0, 0.0, 3.0, 0.0], 2), Some(1));
        let mut rng = rng(seed());
        for rows in [4, 5, 50, 5_000] {
            let x = numbers(&mut rng, 3 * rows);
            let with = |of: &dyn Fn(f64, f64, f64) -> f64| -> Vec<f64> {
                x.chunks(3).flat_map(|x| [x[0], x[1], x[2], of(x[0], x[1], x[2])]).collect()
            };
            assert_eq!(refused(&with(&|x, y, z| x * y * z), 4), None, "{rows}");
            assert!([0, 3].contains(&refused(&with(&|x, _, _| x / 3.0), 4).unwrap()), "{rows}");
            assert!(refused(&with(&|x, y, z| 3.0 * x - y / 7.0 + z), 4).is_some(), "{rows}");
            assert!([1, 3].contains(&refused(&with(&|_, y, _| y * 1e300), 4).unwrap()), "{rows}");
        }
    }
}
