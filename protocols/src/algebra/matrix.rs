//! Products of matrices over a ring.

use rayon::prelude::*;

use crate::algebra::ring::Ring;

/// Multiplications from which on the rows are shared out to threads.
const PARALLEL: usize = 1 << 18;

/// Rows of the right factor that stay in the nearest cache while a row of the product is made.
const STRIP: usize = 32;

/// Adds the product of `x` (as many rows as `z`, `inner` columns) and `y` (`inner` rows, `columns`
/// columns) to `z`. All are row by row.
pub fn add_product<R: Ring>(x: &[R], y: &[R], z: &mut [R], inner: usize, columns: usize) {
    if inner == 0 || columns == 0 {
        return;
    }
    let rows = |(x, z): (&[R], &mut [R])| add_row_product(x, y, z, inner, columns);
    if x.len() * columns < PARALLEL {
        return rows((x, z));
    }
    const ROWS: usize = 16;
    x.par_chunks(ROWS * inner).zip(z.par_chunks_mut(ROWS * columns)).for_each(rows);
}

fn add_row_product<R: Ring>(x: &[R], y: &[R], z: &mut [R], inner: usize, columns: usize) {
    for (strip, y) in y.chunks(STRIP * columns).enumerate() {
        for (x, z) in x.chunks_exact(inner).zip(z.chunks_exact_mut(columns)) {
            for (factor, y) in x.iter().skip(strip * STRIP).zip(y.chunks_exact(columns)) {
                for (z, y) in z.iter_mut().zip(y) {
                    *z = z.plus(factor.times(*y));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plain(x: &[u64], y: &[u64], inner: usize, columns: usize) -> Vec<u64> {
        let rows = x.len().checked_div(inner).unwrap_or(0);
        let element = |i: usize, j: usize| {
            (0..inner).fold(0_u64, |sum, k| {
                sum.wrapping_add(x[i * inner + k].wrapping_mul(y[k * columns + j]))
            })
        };
        (0..rows).flat_map(|i| (0..columns).map(move |j| element(i, j))).collect()
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
