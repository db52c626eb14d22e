//! Exact orthonormalisation of columns of integers, from their Gram matrix alone.
//!
//! Gram–Schmidt in integers (Cohen, *A Course in Computational Algebraic Number Theory*, section
//! 2.6.3; the elimination is Bareiss's, as in least squares). Let d_j be the determinants of the
//! leading blocks of the Gram matrix, with d_0 = 1. The part of column j that is orthogonal to the
//! columns before it is Σ c_k·x_k / d_{j−1}, with integers c_k. The square of its norm is d_j /
//! d_{j−1}. So the unit vector is Σ c_k·x_k / √(d_{j−1}·d_j).
//!
//! A column that depends on those before it has d_j = 0 and adds no vector: the others have the
//! same span. This is exact for every condition of the columns. All members that know the Gram
//! matrix find the same integers, on every machine.

use num_bigint::{BigInt, Sign};
use num_traits::{One, Signed, Zero};

use crate::algebra::elementwise::zip_exact;

/// An orthonormal basis of the span of columns that are known by their Gram matrix.
#[derive(Debug)]
pub(crate) struct Basis {
    vectors: Vec<Vector>,
}

/// One unit vector: Σ c_k·x_k / √s.
#[derive(Debug)]
struct Vector {
    /// The integers c_k, one for each column.
    cofactors: Vec<BigInt>,
    /// The integer s, above 0.
    square: BigInt,
}

impl Basis {
    /// Returns the basis of the columns with this Gram matrix, given row by row. Returns none if no
    /// columns have it.
    pub(crate) fn of(gram: &[Vec<BigInt>]) -> Option<Self> {
        let columns = gram.len();
        // Each row with a row of the unit matrix behind it.
        let with_unit = |(place, row): (usize, &Vec<BigInt>)| {
            let unit = (0..columns).map(|j| BigInt::from(u8::from(j == place)));
            (row.len() == columns).then(|| row.iter().cloned().chain(unit).collect())
        };
        let mut rows: Vec<Vec<BigInt>> =
            gram.iter().enumerate().map(with_unit).collect::<Option<_>>()?;
        let (mut vectors, mut last) = (Vec::new(), BigInt::one());
        for k in 0..columns {
            let (pivot_row, below) = rows.get_mut(k..)?.split_first_mut()?;
            let (left, cofactors) = pivot_row.split_at_checked(columns)?;
            let (pivot, rest) = left.get(k..)?.split_first()?;
            if pivot.is_negative() || pivot.is_zero() && !rest.iter().all(Zero::is_zero) {
                return None;
            }
            if pivot.is_zero() {
                continue;
            }
            let square = &last * pivot;
            vectors.push(Vector { cofactors: cofactors.to_vec(), square });
            for row in below {
                eliminate(row, pivot_row, k, &last)?;
            }
            last = pivot_row.get(k)?.clone();
        }
        Some(Self { vectors })
    }

    /// Returns the number of vectors: the rank.
    pub(crate) fn rank(&self) -> usize {
        self.vectors.len()
    }

    /// Returns, for each vector, the coefficient of each column times 2^`power`, rounded towards
    /// zero, modulo 2^128.
    pub(crate) fn coefficients(&self, power: u32) -> Vec<Vec<u128>> {
        let vectors = self.vectors.iter();
        vectors
            .map(|vector| vector.cofactors.iter().map(|c| vector.scaled(c, power)).collect())
            .collect()
    }
}

impl Vector {
    /// Returns c·2^power / √s, rounded towards zero, modulo 2^128.
    fn scaled(&self, c: &BigInt, power: u32) -> u128 {
        // ⌊√⌊x⌋⌋ = ⌊√x⌋.
        let square = (c.magnitude() * c.magnitude()) << (2 * u64::from(power));
        let root = (square / self.square.magnitude()).sqrt();
        let mut words = root.iter_u64_digits().map(u128::from);
        let (low, high) = (words.next().unwrap_or(0), words.next().unwrap_or(0));
        let magnitude = low | high << 64;
        if c.sign() == Sign::Minus { magnitude.wrapping_neg() } else { magnitude }
    }
}

/// Eliminates the element at place `k` of a row, with the row whose pivot is there. `last` is the
/// pivot before, which divides all that results.
fn eliminate(row: &mut [BigInt], pivot_row: &[BigInt], k: usize, last: &BigInt) -> Option<()> {
    let (pivot, factor) = (pivot_row.get(k)?, row.get(k)?.clone());
    // Entries to the left of the next place are not read any more.
    for (element, above) in zip_exact(row, pivot_row).skip(k + 1) {
        if element.is_zero() && (above.is_zero() || factor.is_zero()) {
            continue;
        }
        *element = (&*element * pivot - &factor * above) / last;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use num_traits::ToPrimitive;
    use rand_core::Rng;

    use super::*;
    use crate::testing::{rng, seed};

    fn gram(columns: &[Vec<i64>]) -> Vec<Vec<BigInt>> {
        let product = |x: &[i64], y: &[i64]| -> BigInt {
            x.iter().zip(y).map(|(x, y)| BigInt::from(*x) * BigInt::from(*y)).sum()
        };
        columns.iter().map(|x| columns.iter().map(|y| product(x, y)).collect()).collect()
    }

    /// Returns the products of the basis's vectors with each other, computed in integers and rounded
    /// to doubles.
    fn products(basis: &Basis, gram: &[Vec<BigInt>]) -> Vec<Vec<f64>> {
        let power = 60_u32;
        let signed = |x: u128| BigInt::from(x.cast_signed());
        let t: Vec<Vec<BigInt>> = basis
            .coefficients(power)
            .into_iter()
            .map(|row| row.into_iter().map(signed).collect())
            .collect();
        let scale = 2_f64.powi(2 * power.cast_signed());
        let one = |a: &[BigInt], b: &[BigInt]| {
            let terms = a
                .iter()
                .zip(gram)
                .map(|(a, row)| a * row.iter().zip(b).map(|(g, b)| g * b).sum::<BigInt>());
            terms.sum::<BigInt>().to_f64().unwrap() / scale
        };
        t.iter().map(|a| t.iter().map(|b| one(a, b)).collect()).collect()
    }

    #[test]
    fn vectors_are_orthonormal_and_dependent_columns_add_none() {
        let mut rng = rng(seed());
        for (rows, columns) in [(1, 1), (5, 3), (40, 6), (9, 9)] {
            let mut all: Vec<Vec<i64>> = (0..columns)
                .map(|_| (0..rows).map(|_| i64::from(rng.next_u32() % 2_001) - 1_000).collect())
                .collect();
            // A dependent column in the middle, a column of zeros, and one that repeats.
            let sum = all[0].iter().zip(&all[columns - 1]).map(|(x, y)| 3 * x - 2 * y).collect();
            all.insert(columns, sum);
            all.insert(1, vec![0; rows]);
            all.push(all[0].clone());
            let gram = gram(&all);
            let basis = Basis::of(&gram).unwrap();
            assert_eq!(basis.rank(), columns, "{all:?}");
            for (i, row) in products(&basis, &gram).iter().enumerate() {
                for (j, product) in row.iter().enumerate() {
                    let due = if i == j { 1.0 } else { 0.0 };
                    assert!((product - due).abs() < 1e-12, "{i} {j} {product}");
                }
            }
        }
    }

    #[test]
    fn columns_that_differ_by_one_unit_in_one_row_give_that_row() {
        let mut rng = rng(seed());
        let a: Vec<i64> = (0..50).map(|_| (rng.next_u64() >> 11).cast_signed()).collect();
        let mut b = a.clone();
        b[17] += 1;
        let basis = Basis::of(&gram(&[a.clone(), b.clone()])).unwrap();
        assert_eq!(basis.rank(), 2);
        // The second vector is e_17 without its part along `a`, but for rounding modulo 2^128.
        let [_, second] = <[_; 2]>::try_from(basis.coefficients(100)).unwrap();
        let of_row = |row: usize| {
            let z = second[0]
                .wrapping_mul(i128::from(a[row]).cast_unsigned())
                .wrapping_add(second[1].wrapping_mul(i128::from(b[row]).cast_unsigned()));
            z.cast_signed().to_f64().unwrap() / 2_f64.powi(100)
        };
        assert!(
            of_row(17) > 0.9 && (0..50).filter(|row| *row != 17).all(|row| of_row(row).abs() < 0.3)
        );
    }

    #[test]
    fn no_columns_have_a_matrix_that_is_not_of_products() {
        let of = |rows: &[&[i64]]| -> Option<usize> {
            let rows: Vec<Vec<BigInt>> =
                rows.iter().map(|row| row.iter().map(|x| BigInt::from(*x)).collect()).collect();
            Basis::of(&rows).map(|basis| basis.rank())
        };
        assert_eq!(of(&[]), Some(0));
        assert_eq!(of(&[&[0]]), Some(0));
        assert_eq!(of(&[&[-1]]), None);
        assert_eq!(of(&[&[0, 1], &[1, 5]]), None);
        assert_eq!(of(&[&[1, 2], &[2, 3]]), None);
        assert_eq!(of(&[&[1, 2], &[2]]), None);
        assert_eq!(of(&[&[1, 2], &[2, 4]]), Some(1));
    }
}
