//! Contributions to a sum as sums of wide integers, for all parties side by side.
//!
//! Party i dominates if D_i = p·Σ_j s_j − 100·s_i is below zero. Here p is the largest contribution
//! in percent and s_j the magnitude of party j. D_i is the sum of one term of each party: p·s_j of
//! the others and −(100 − p)·s_i of its own. So each party knows its term of every D_i by itself.
//! It shares the terms as bits in two's complement, the D_i side by side in lanes: n words of bits,
//! n lanes each. Circuits add the terms on shares, and only the signs are used.
//!
//! **Nothing wraps:** magnitudes of all parties together have [`Grid::magnitude_width`] bits at
//! most, a hundredfold takes 7 more, and the sign one.

use zeroize::Zeroizing;

use crate::algebra::exact::{Accumulator, Grid};
use crate::algebra::packed_bits::{PackedBits, WORD_BITS, bit_slice_words, first_lanes};
use crate::algebra::ring::subtract_from;

/// The bits for a factor of up to 100, and for the sign.
const HEAD_ROOM: usize = 7 + 1;

/// The sum Σ|x| of one party's numbers, on a grid; at a helper nothing but its width.
pub(crate) struct Magnitude {
    bits: usize,
    limbs: Zeroizing<Vec<u64>>,
}

/// The size of the terms that a party shares.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    /// The bits of a term.
    pub(super) bits: usize,
    /// The words of a bit slice.
    pub(super) bit_slice: usize,
}

impl Magnitude {
    /// Returns the magnitude of the numbers that `sum` has added.
    pub(crate) fn of(grid: &Grid, sum: &Accumulator) -> Self {
        Self { bits: grid.magnitude_width() + HEAD_ROOM, limbs: sum.magnitude() }
    }

    /// Returns the magnitude of no numbers, at a helper.
    pub(crate) fn absent(grid: &Grid) -> Self {
        Self { bits: grid.magnitude_width() + HEAD_ROOM, limbs: Zeroizing::default() }
    }

    pub(super) fn shape(&self, inputs: usize) -> Shape {
        Shape { bits: self.bits, bit_slice: bit_slice_words(inputs) }
    }

    /// Returns this party's terms as bit slices, lowest bit first.
    pub(super) fn terms(
        &self,
        me: usize,
        inputs: usize,
        percent: u8,
    ) -> Zeroizing<Vec<PackedBits>> {
        let of_others = self.times(u64::from(percent));
        let of_own = negated(&self.times(100_u64.saturating_sub(u64::from(percent))));
        let Shape { bits, bit_slice } = self.shape(inputs);
        let mut terms = Zeroizing::new(Vec::with_capacity(bits * bit_slice));
        for bit in 0..bits {
            let (others, own) = (spread(&of_others, bit), spread(&of_own, bit));
            for first in (0..inputs).step_by(WORD_BITS) {
                let all = first_lanes((inputs - first).min(WORD_BITS));
                let mine = own_lane(me, first);
                terms.push(PackedBits((others & all & !mine) | (own & mine)));
            }
        }
        terms
    }

    /// Returns the magnitude times a small factor, in as many limbs as the bits take.
    fn times(&self, factor: u64) -> Zeroizing<Vec<u64>> {
        let mut carry = 0_u128;
        let mut product = Zeroizing::new(Vec::with_capacity(self.bits.div_ceil(WORD_BITS)));
        for index in 0..self.bits.div_ceil(WORD_BITS) {
            let limb = self.limbs.get(index).copied().unwrap_or_default();
            let sum = u128::from(limb) * u128::from(factor) + carry;
            carry = sum >> 64;
            product.push(low_half(sum));
        }
        product
    }
}

impl Shape {
    /// Returns the number of words that each party shares.
    pub(super) fn words(self) -> usize {
        self.bits * self.bit_slice
    }
}

fn negated(limbs: &[u64]) -> Zeroizing<Vec<u64>> {
    let mut negated = Zeroizing::new(vec![0; limbs.len()]);
    subtract_from(&mut negated, limbs);
    negated
}

/// Returns all lanes 1 if the bit is, else all 0.
fn spread(limbs: &[u64], bit: usize) -> u64 {
    let limb = limbs.get(bit / WORD_BITS).copied().unwrap_or_default();
    0_u64.wrapping_sub((limb >> (bit % WORD_BITS)) & 1)
}

/// Returns 1 in the lane of party `me` if it is in the word of the lanes from `first` on.
fn own_lane(me: usize, first: usize) -> u64 {
    match me.checked_sub(first) {
        Some(lane) if lane < WORD_BITS => 1 << lane,
        _ => 0,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the lower half is what is wanted")]
fn low_half(value: u128) -> u64 {
    value as u64
}
