//! Shares of a sum as sums of wide integers, for all parties side by side.
//!
//! Party i dominates if D_i = p·Σ_j s_j − 100·s_i is below zero, with p the largest share in percent and
//! s_j the magnitude of party j. D_i is the sum of one term of each party: p·s_j of the others and
//! −(100 − p)·s_i of its own. So each party knows its term of every D_i by itself, and shares it as
//! binary digits in two's complement, the D_i side by side in lanes: n words of digits, n lanes each. The
//! terms are added under sharing by circuits, and only the signs are used.
//!
//! **Nothing wraps:** magnitudes of all parties together have [`Grid::magnitude_digits`] binary digits at
//! most, a hundredfold takes 7 more, and the sign one.

use zeroize::Zeroizing;

use crate::algebra::exact::{Accumulator, Grid};
use crate::algebra::packed_bits::{LANES, Lanes, first_lanes, plane_words};
use crate::algebra::ring::subtract_from;

/// Binary digits for a factor of up to 100, and for the sign.
const HEAD_ROOM: usize = 7 + 1;

/// Σ|x| of one party's numbers, on a grid; at a helper nothing but how wide it is.
pub(crate) struct Magnitude {
    digits: usize,
    limbs: Zeroizing<Vec<u64>>,
}

/// How much a party shares.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    /// Binary digits of a term.
    digits: usize,
    /// Words of a plane.
    pub(super) plane: usize,
}

impl Magnitude {
    /// Of what `sum` has added.
    pub(crate) fn of(grid: &Grid, sum: &Accumulator) -> Self {
        Self { digits: grid.magnitude_digits() + HEAD_ROOM, limbs: sum.magnitude() }
    }

    /// Of nothing.
    pub(crate) fn absent(grid: &Grid) -> Self {
        Self { digits: grid.magnitude_digits() + HEAD_ROOM, limbs: Zeroizing::default() }
    }

    pub(super) fn shape(&self, inputs: usize) -> Shape {
        Shape { digits: self.digits, plane: plane_words(inputs) }
    }

    /// Our terms as planes, lowest digit first.
    pub(super) fn terms(&self, me: usize, inputs: usize, percent: u8) -> Zeroizing<Vec<Lanes>> {
        let of_others = self.times(u64::from(percent));
        let of_own = negated(&self.times(100_u64.saturating_sub(u64::from(percent))));
        let Shape { digits, plane } = self.shape(inputs);
        let mut terms = Zeroizing::new(Vec::with_capacity(digits * plane));
        for digit in 0..digits {
            let (others, own) = (spread(&of_others, digit), spread(&of_own, digit));
            for first in (0..inputs).step_by(LANES) {
                let all = first_lanes((inputs - first).min(LANES));
                let mine = own_lane(me, first);
                terms.push(Lanes((others & all & !mine) | (own & mine)));
            }
        }
        terms
    }

    /// The magnitude times a small factor, in as many limbs as the digits take.
    fn times(&self, factor: u64) -> Zeroizing<Vec<u64>> {
        let mut carry = 0_u128;
        let mut product = Zeroizing::new(Vec::with_capacity(self.digits.div_ceil(LANES)));
        for index in 0..self.digits.div_ceil(LANES) {
            let limb = self.limbs.get(index).copied().unwrap_or_default();
            let sum = u128::from(limb) * u128::from(factor) + carry;
            carry = sum >> 64;
            product.push(low_half(sum));
        }
        product
    }
}

impl Shape {
    /// Words that each party shares.
    pub(super) fn words(self) -> usize {
        self.digits * self.plane
    }

    /// Bytes of the longest message: of the terms of one party with the keys that they may come with,
    /// or of the products of a level of the adders.
    pub(super) fn largest_message(self, inputs: usize) -> usize {
        64 + 8 * self.words() * (inputs / 3).max(1)
    }
}

fn negated(limbs: &[u64]) -> Zeroizing<Vec<u64>> {
    let mut negated = Zeroizing::new(vec![0; limbs.len()]);
    subtract_from(&mut negated, limbs);
    negated
}

/// All lanes 1 if the digit is, else all 0.
fn spread(limbs: &[u64], digit: usize) -> u64 {
    let limb = limbs.get(digit / LANES).copied().unwrap_or_default();
    0_u64.wrapping_sub((limb >> (digit % LANES)) & 1)
}

/// 1 in the lane of party `me` if it is in the word of the lanes from `first` on.
fn own_lane(me: usize, first: usize) -> u64 {
    match me.checked_sub(first) {
        Some(lane) if lane < LANES => 1 << lane,
        _ => 0,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the lower half is what is wanted")]
fn low_half(value: u128) -> u64 {
    value as u64
}
