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
//!
//! **Leverage.** Beside the rows a bound on the leverage of each row in the span of X and the
//! constant is told (see [`crate::functions::common::leverage`]). It holds for what is opened: the
//! computed rows a_j, each rounded to 53 bits or more. A unit vector v of the span of Q is a
//! combination of a_j/‖a_j‖ with coefficients (v·x_j)‖a_j‖, which are ‖x_j‖‖a_j‖ at most. Let s be
//! the sum of these. So errors of N·2^-48 in each, relative to its norm, move v by N·2^-48·s at
//! most. Beside the constant, of whose unit vector the rest e is outside of the span, the
//! coefficients are up to 2/‖e‖ times as large. This is added to the root of each leverage. The
//! errors of the factorisation are below N·2^-48·p, but for a small factor in the worst case
//! (Higham, Accuracy and Stability of Numerical Algorithms, theorem 19.4), and p is s at most. So
//! the bound is good for any number of columns, and large if they are nearly dependent. If the
//! constant is a combination of the columns, exactly, it adds nothing.

use num_traits::float::FloatCore;
use rayon::prelude::*;
use zeroize::Zeroizing;

use crate::algebra::normalised::Normalised;

/// The most times that a column is longer than its rest without the others: 2^40.
const MOST_DEPENDENT: f64 = 1_099_511_627_776.0;

/// The elements of a matrix from which on its columns are shared out to threads.
const PARALLEL: usize = 1 << 16;

/// The bound on errors that are relative to the norm of a row of the pseudo-inverse, for each row of
/// X: 2^-48.
const ERROR: f64 = 1.0 / 281_474_976_710_656.0;

/// The rest of the constant from which on it is not asked whether columns combine to it exactly.
const NEAR: f64 = 1.0 / 1_024.0;

/// The least weight of a column, of elements below 1, in a combination that is the constant.
const LEAST_WEIGHT: f64 = 1.0 / 1_048_576.0;

/// The last bits of a double, but for twenty digits.
const BEYOND_TWENTY: u64 = (1 << 33) - 1;

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
    /// A bound on the leverage of each row in the span of X and the constant, from 0 to 1.
    pub leverage: f64,
}

/// Returns the rows of (XᵀX)⁻¹Xᵀ, for X of so many columns and at least as many rows, row by row.
///
/// # Errors
/// If the columns are linearly dependent.
pub fn pseudo_inverse(x: &[f64], columns: usize) -> Result<PseudoInverse, Dependent> {
    let all = normalised(x, columns);
    let exponents: Vec<i32> = all.iter().map(|column| column.exponent).collect();
    let all: Vec<Vector> = all.into_iter().map(|column| column.elements).collect();
    let lengths: Vec<f64> = all.iter().map(|column| norm(column)).collect();

    let (reflectors, r) = triangularise(all)?;
    let q = orthonormal(&reflectors);
    let (squares, rest) = (squares_of_rows(&q), rest_of_constant(&q));
    let rows = substitute(q, &r);
    let dependence = check_rank(&rows, &lengths)?;
    let spans_constant = norm(&rest) < NEAR && {
        let weights = rows.iter().map(|row| weight(row.iter().sum())).collect();
        is_constant(&normalised(x, columns), &Zeroizing::new(weights))
    };
    let leverage = highest(&squares, (!spans_constant).then_some(&rest), dependence);
    let scaled = rows.into_iter().map(Normalised::new).zip(exponents);
    let scaled = scaled.map(|(row, of_x)| Normalised { exponent: row.exponent - of_x, ..row });
    Ok(PseudoInverse { rows: scaled.collect(), leverage })
}

/// Returns a bound on the leverage of each row in the span of one column and the constant. A column
/// of zeros tells nothing.
#[must_use]
pub fn leverage_of_column(x: &[f64]) -> f64 {
    pseudo_inverse(x, 1).map_or(0.0, |inverse| inverse.leverage)
}

/// Returns the columns of a matrix, each normalised.
fn normalised(x: &[f64], columns: usize) -> Vec<Normalised> {
    let column = |j: usize| x.iter().skip(j).step_by(columns).copied().collect();
    (0..columns).map(|j| Normalised::new(Zeroizing::new(column(j)))).collect()
}

/// Returns the sum of squares of each row, from orthonormal columns.
fn squares_of_rows(q: &[Vector]) -> Vector {
    let mut of_rows = Zeroizing::new(vec![0.0; q.first().map_or(0, |column| column.len())]);
    for column in q {
        of_rows.iter_mut().zip(column.iter()).for_each(|(sum, x)| *sum += x * x);
    }
    of_rows
}

/// Returns the rest of the constant's unit vector, when orthonormal columns are projected out:
/// twice, because the first rest has the errors of the constant's size.
fn rest_of_constant(q: &[Vector]) -> Vector {
    let rows = q.first().map_or(0, |column| column.len());
    let mut rest = Zeroizing::new(vec![1.0 / count(rows).sqrt(); rows]);
    for column in q.iter().chain(q) {
        let along = inner_product(column, &rest);
        rest.iter_mut().zip(column.iter()).for_each(|(x, q)| *x -= along * q);
    }
    rest
}

/// Returns a bound on the leverages, from the squares of the rows without the constant, its rest
/// if that is in the span, and the sum of the columns' dependences.
fn highest(squares: &[f64], rest: Option<&Vector>, dependence: f64) -> f64 {
    let error = ERROR * count(squares.len()) * dependence;
    let (highest, error) = match rest.map(|rest| (rest, norm(rest))) {
        None => (squares.iter().copied().fold(0.0, f64::max), error),
        Some((rest, length)) if length > 0.0 => {
            let of_rows = squares.iter().zip(rest.iter());
            let of_rows = of_rows.map(|(square, e)| square + (e / length) * (e / length));
            (of_rows.fold(0.0, f64::max), 2.0 * error / length)
        }
        // The constant is so near to a combination that its rest is not known.
        Some(_) => return 1.0,
    };
    let root = highest.sqrt() + error;
    (root * root).min(1.0)
}

/// Rounds a weight to twenty digits, and a tiny one to 0.
fn weight(x: f64) -> f64 {
    if x.abs() < LEAST_WEIGHT {
        return 0.0;
    }
    f64::from_bits((x.to_bits() + BEYOND_TWENTY.div_ceil(2)) & !BEYOND_TWENTY)
}

/// Reports whether the columns with these weights add up to the same number in all rows, exactly.
/// If digits are beyond those that are looked at, they count as different.
fn is_constant(columns: &[Normalised], weights: &Vector) -> bool {
    let rows = columns.first().map_or(0, |column| column.elements.len());
    let mut sums = Zeroizing::new(vec![0_i128; rows]);
    for (column, weight) in columns.iter().zip(weights.iter()).filter(|(_, weight)| **weight != 0.0)
    {
        let Some(weight) = whole(*weight, 40) else { return false };
        for (sum, x) in sums.iter_mut().zip(column.elements.iter()) {
            let term = whole(*x, 60).and_then(|x| x.checked_mul(weight));
            let Some(with) = term.and_then(|term| sum.checked_add(term)) else { return false };
            *sum = with;
        }
    }
    sums.windows(2).all(|two| matches!(two, [one, next] if one == next))
        && sums.first().is_some_and(|sum| *sum != 0)
}

/// Returns x·2^bits, if that is a whole number that fits.
fn whole(x: f64, bits: i16) -> Option<i128> {
    let (significand, exponent, sign) = FloatCore::integer_decode(x);
    let power = i32::from(exponent) + i32::from(bits);
    let magnitude = match u32::try_from(power) {
        _ if significand == 0 => 0,
        Ok(power) if power <= 64 => i128::from(significand) << power,
        Ok(_) => return None,
        Err(_) if significand.trailing_zeros() < power.unsigned_abs() => return None,
        Err(_) => i128::from(significand) >> power.unsigned_abs(),
    };
    Some(i128::from(sign) * magnitude)
}

fn count(rows: usize) -> f64 {
    u32::try_from(rows).map_or(f64::INFINITY, f64::from)
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

/// Returns the sum over all columns of how many times each is longer than its rest without the
/// others.
fn check_rank(rows: &[Vector], lengths: &[f64]) -> Result<f64, Dependent> {
    let times: Vec<f64> = rows
        .iter()
        .zip(lengths)
        .map(|(row, length)| {
            let times = norm(row) * length;
            if times.is_finite() { times } else { f64::INFINITY }
        })
        .collect();
    let most = times.iter().enumerate().max_by(|(_, one), (_, other)| one.total_cmp(other));
    match most {
        Some((column, times)) if *times > MOST_DEPENDENT => Err(Dependent { column }),
        _ => Ok(times.iter().sum()),
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
    fn the_leverage_is_that_beside_the_constant() {
        let mut rng = rng(seed());
        let leverage = |x: &[f64], columns| pseudo_inverse(x, columns).ok().unwrap().leverage;
        let is_near = |leverage: f64, due: f64| (leverage - due).abs() < 1e-9;
        let x = numbers(&mut rng, 50);
        let mean = x.iter().sum::<f64>() / 50.0;
        let all: f64 = x.iter().map(|x| (x - mean) * (x - mean)).sum();
        let due = x.iter().map(|x| 1.0 / 50.0 + (x - mean) * (x - mean) / all).fold(0.0, f64::max);
        assert!(is_near(leverage_of_column(&x), due));
        // All ones but one, however near that is, and whatever the ones are.
        for (all, other) in [(1.0, 0.0), (1.0, 1.0 + f64::EPSILON), (0.1, 0.3), (1e300, 0.0)] {
            let mut x = vec![all; 50];
            x[7] = other;
            assert!(leverage_of_column(&x) >= 0.5, "{all} {other}");
        }
        // Two of half a unit each, of which one row is off by less than a double of the sum.
        let halves = |row: usize| {
            let x = 0.25 + f64::from(u32::try_from(row).unwrap()) / 256.0;
            [x, 1.0 - x + if row == 7 { f64::EPSILON / 2.0 } else { 0.0 }]
        };
        assert!(leverage(&(0..50).flat_map(halves).collect::<Vec<_>>(), 2) >= 0.5);
        // A constant column, and all dummies of a variable beside a column, span the constant.
        assert!(is_near(leverage_of_column(&[0.1; 50]), 1.0 / 50.0));
        let dummies = |row: usize| [0, 1, 2].map(|of| f64::from(u8::from(row % 3 == of)));
        let dummies: Vec<f64> = (0..48).flat_map(dummies).collect();
        assert!(is_near(leverage(&dummies, 3), 1.0 / 16.0));
        let with: Vec<f64> = dummies
            .chunks(3)
            .zip(&x)
            .flat_map(|(d, x)| [10.0 * d[0], 10.0 * d[1], *x, 10.0 * d[2]])
            .collect();
        assert!(leverage(&with, 4) < 0.4);
        assert!(is_near(leverage_of_column(&[0.0; 5]), 0.0));
    }

    #[test]
    fn many_columns_have_their_leverage_as_well() {
        let mut rng = rng(seed());
        let (rows, columns) = (450, 200);
        let x = numbers(&mut rng, rows * columns);
        // The mean is (p + 1)/N, and none is far from it.
        let leverage = pseudo_inverse(&x, columns).ok().unwrap().leverage;
        assert!((201.0 / 450.0..0.75).contains(&leverage), "{leverage}");
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
