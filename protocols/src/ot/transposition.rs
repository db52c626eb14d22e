//! From 128 columns of bits to rows of 128 bits.

use crate::algebra::elementwise::zip_exact;

/// The bits of a block.
const SIDE: usize = 128;

/// Transposes the `block`-th blocks of 128 columns to rows. Bit r of column c becomes bit c of row
/// r.
pub(crate) fn rows(square: &mut [u128; SIDE]) {
    let mut halves: [[u64; 2]; SIDE] = std::array::from_fn(|_| [0; 2]);
    for (halves, row) in zip_exact(halves.iter_mut(), &*square) {
        *halves = split(*row);
    }
    // Quarters of ever smaller squares change places: first whole words, then bits within words.
    let (upper, lower) = halves.split_at_mut(SIDE / 2);
    for ([_, high], [low, _]) in zip_exact(upper.iter_mut(), lower) {
        std::mem::swap(high, low);
    }
    let mut side = SIDE / 4;
    let mut low_halves = u64::MAX >> side;
    while side > 0 {
        for square in halves.chunks_exact_mut(2 * side) {
            let (upper, lower) = square.split_at_mut(side);
            for ([a, c], [b, d]) in zip_exact(upper.iter_mut(), lower) {
                exchange(a, b, side, low_halves);
                exchange(c, d, side, low_halves);
            }
        }
        side /= 2;
        low_halves ^= low_halves << side;
    }
    for (row, [low, high]) in zip_exact(square.iter_mut(), halves) {
        *row = u128::from(low) | (u128::from(high) << 64);
    }
}

#[inline]
fn exchange(a: &mut u64, b: &mut u64, side: usize, low_halves: u64) {
    let differing = ((*a >> side) ^ *b) & low_halves;
    *a ^= differing << side;
    *b ^= differing;
}

#[inline]
#[expect(clippy::cast_possible_truncation, reason = "both halves are taken")]
fn split(row: u128) -> [u64; 2] {
    [row as u64, (row >> 64) as u64]
}

#[cfg(test)]
mod tests {
    use rand_core::Rng;

    use super::*;
    use crate::testing::{rng, seed};

    #[test]
    fn bits_change_row_and_column() {
        let mut rng = rng(seed());
        let mut word = || u128::from(rng.next_u64());
        let columns: [u128; SIDE] = std::array::from_fn(|_| word() | (word() << 64));
        let mut square = columns;
        rows(&mut square);
        for (c, column) in columns.iter().enumerate() {
            for (r, row) in square.iter().enumerate() {
                assert_eq!((column >> r) & 1, (row >> c) & 1, "{r}, {c}");
            }
        }
    }
}
