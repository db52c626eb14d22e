//! Products of matrices over a ring.

use rayon::prelude::*;

use crate::algebra::ring::Ring;

/// The multiplications from which on the rows are shared out to threads.
const PARALLEL: usize = 1 << 18;

/// The rows of the right factor that stay in the nearest cache while a row of the product is made.
/// A multiple of [`TERMS`].
const STRIP: usize = 32;

/// The terms that are added to an element of the product while it is in a register.
const TERMS: usize = 4;

/// The rows of the product that a thread makes at a time.
const ROWS: usize = 16;

/// Adds the product of `x` and `y` to `z`. `x` has as many rows as `z`, and `inner` columns. `y`
/// has `inner` rows, and `columns` columns. All are row by row.
pub fn add_product<R: Ring>(x: &[R], y: &[R], z: &mut [R], inner: usize, columns: usize) {
    if inner == 0 || columns == 0 {
        return;
    }
    if x.len() * columns < PARALLEL {
        return add_row_product(x, y, z, inner, columns);
    }
    x.par_chunks(ROWS * inner)
        .zip(z.par_chunks_mut(ROWS * columns))
        .for_each(|(x, z)| add_row_product(x, y, z, inner, columns));
}

fn add_row_product<R: Ring>(x: &[R], y: &[R], z: &mut [R], inner: usize, columns: usize) {
    for (strip, y) in y.chunks(STRIP * columns).enumerate() {
        let factors = strip * STRIP..(strip * STRIP + STRIP).min(inner);
        for (x, z) in x.chunks_exact(inner).zip(z.chunks_exact_mut(columns)) {
            add_terms(x.get(factors.clone()).unwrap_or_default(), y, z);
        }
    }
}

/// Adds the rows of `y`, each times its factor, to `z`.
fn add_terms<R: Ring>(factors: &[R], y: &[R], z: &mut [R]) {
    let columns = z.len();
    let (fours, rest) = factors.as_chunks::<TERMS>();
    let mut rows = y.chunks_exact(columns);
    for [a, b, c, d] in fours {
        let mut next = || rows.next().unwrap_or_default();
        let (y_a, y_b, y_c, y_d) = (next(), next(), next(), next());
        let terms = y_a.iter().zip(y_b).zip(y_c.iter().zip(y_d));
        for (z, ((y_a, y_b), (y_c, y_d))) in z.iter_mut().zip(terms) {
            let two = a.times(*y_a).plus(b.times(*y_b));
            *z = z.plus(two).plus(c.times(*y_c).plus(d.times(*y_d)));
        }
    }
    for (factor, y) in rest.iter().zip(rows) {
        z.iter_mut().zip(y).for_each(|(z, y)| *z = z.plus(factor.times(*y)));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plain(x: &[u64], y: &[u64], inner: usize, columns: usize) -> Vec<u64> {
        let rows = x.len().checked_div(inner).unwrap_or(0);
        let places = (0..rows).flat_map(|i| (0..columns).map(move |j| (i, j)));
        places
            .map(|(i, j)| {
                (0..inner).fold(0_u64, |sum, k| {
                    sum.wrapping_add(x[i * inner + k].wrapping_mul(y[k * columns + j]))
                })
            })
            .collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(30))]
        #[test]
        fn products_are_right(
            rows in 0_usize..20,
            inner in 1_usize..70,
            columns in 1_usize..20,
            seed in any::<u64>(),
        ) {
            let numbers = |count: usize, salt: u64| -> Vec<u64> {
                (0..count as u64).map(|i| (seed ^ salt).wrapping_add(i).wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect()
            };
            let (x, y) = (numbers(rows * inner, 1), numbers(inner * columns, 2));
            let mut z = vec![7; rows * columns];
            add_product(&x, &y, &mut z, inner, columns);
            let due: Vec<u64> = plain(&x, &y, inner, columns).iter().map(|z| z.wrapping_add(7)).collect();
            prop_assert_eq!(z, due);
        }
    }

    #[test]
    fn large_products_in_threads_are_the_same() {
        let numbers = |count: u64| {
            (0..count).map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect::<Vec<u64>>()
        };
        let (x, y) = (numbers(100 * 70), numbers(70 * 90));
        let mut z = vec![0; 100 * 90];
        add_product(&x, &y, &mut z, 70, 90);
        assert_eq!(z, plain(&x, &y, 70, 90));
    }
}
