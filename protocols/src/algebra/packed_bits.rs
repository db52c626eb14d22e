//! Bits, 64 in a word: sixty-four copies of the ring of two elements, side by side.
//!
//! Vectors of numbers become vectors of bits *by planes*: plane j holds digit j of every number, 64
//! numbers a word. Both ways are linear over exclusive or, so they work on shares as they do on
//! values. What stands in the lanes behind the last number of a plane means nothing.

use std::ops::Range;

use bytemuck::{Pod, Zeroable};

use crate::algebra::ring::Ring;

/// Sixty-four bits. The sum of two is their exclusive or, the product their conjunction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(transparent)]
pub struct Lanes(pub u64);

impl zeroize::DefaultIsZeroes for Lanes {}

/// The lanes of a word.
pub const LANES: usize = 64;

impl Ring for Lanes {
    const BITS: usize = LANES;
    const ZERO: Self = Self(0);
    const ONE: Self = Self(u64::MAX);

    #[inline]
    fn plus(self, other: Self) -> Self {
        Self(self.0 ^ other.0)
    }

    #[inline]
    fn minus(self, other: Self) -> Self {
        Self(self.0 ^ other.0)
    }

    #[inline]
    fn times(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    #[inline]
    fn from_word(word: u64) -> Self {
        Self(word)
    }

    #[inline]
    fn word(self, index: usize) -> u64 {
        if index == 0 { self.0 } else { 0 }
    }

    #[inline]
    fn little_endian(self) -> Self {
        Self(self.0.to_le())
    }
}

/// Words that a plane of so many lanes takes.
#[must_use]
pub fn plane_words(lanes: usize) -> usize {
    lanes.div_ceil(LANES)
}

/// The planes of these binary digits of all numbers, one after the other.
#[must_use]
pub fn planes_of<R: Ring>(numbers: &[R], digits: Range<usize>) -> Vec<Lanes> {
    let words = plane_words(numbers.len());
    let mut planes = vec![Lanes::ZERO; words * digits.len()];
    for index in digits.start / LANES..digits.end.div_ceil(LANES) {
        for (block, numbers) in numbers.chunks(LANES).enumerate() {
            let rows = transposed(numbers.iter().map(|number| number.word(index)));
            for (digit, row) in (LANES * index..).zip(rows) {
                let plane = digit.checked_sub(digits.start).filter(|_| digits.contains(&digit));
                let place = plane.and_then(|plane| planes.get_mut(plane * words + block));
                place.into_iter().for_each(|place| *place = Lanes(row));
            }
        }
    }
    planes
}

/// The first `lanes` bits of a plane as numbers 0 and 1.
#[cfg(test)]
pub(crate) fn numbers_of<R: Ring>(plane: &[Lanes], lanes: usize) -> Vec<R> {
    let mut numbers = Vec::with_capacity(lanes);
    extend_by_bits(&mut numbers, plane, lanes);
    numbers
}

/// Puts the first `lanes` bits of a plane, as numbers 0 and 1, behind `numbers`.
pub fn extend_by_bits<R: Ring>(numbers: &mut Vec<R>, plane: &[Lanes], lanes: usize) {
    let mut left = lanes;
    for word in plane {
        let kept = left.min(LANES);
        left -= kept;
        numbers.extend((0..kept).map(|lane| R::from_word((word.0 >> lane) & 1)));
    }
}

/// These lanes of a plane, moved to the front; zeros behind them, and where the plane has none.
#[must_use]
pub fn lanes_of(plane: &[Lanes], lanes: Range<usize>) -> Vec<Lanes> {
    let word = |index: usize| plane.get(index).map_or(0, |word| word.0);
    let (first, shift) = (lanes.start / LANES, lanes.start % LANES);
    let moved = |index: usize| match shift {
        0 => word(first + index),
        _ => (word(first + index) >> shift) | (word(first + index + 1) << (LANES - shift)),
    };
    let mut left = lanes.len();
    let front = (0..plane_words(lanes.len())).map(|index| {
        let kept = left.min(LANES);
        left -= kept;
        Lanes(moved(index) & first_lanes(kept))
    });
    front.collect()
}

/// The first `half` lanes of two planes in turn: the first of `low`, the first of `high`, the second of
/// `low`, and so on.
#[must_use]
pub fn interleaved(low: &[Lanes], high: &[Lanes], half: usize) -> Vec<Lanes> {
    let quarter = |plane: &[Lanes], index: usize| {
        let word = plane.get(index / 2).map_or(0, |word| word.0);
        spread(if index.is_multiple_of(2) { word } else { word >> (LANES / 2) })
    };
    let mut left = 2 * half;
    let words = (0..plane_words(2 * half)).map(|index| {
        let kept = left.min(LANES);
        left -= kept;
        Lanes((quarter(low, index) | quarter(high, index) << 1) & first_lanes(kept))
    });
    words.collect()
}

/// The lowest 32 bits of a word in its even places.
fn spread(word: u64) -> u64 {
    let mut bits = word & 0xffff_ffff;
    for (shift, mask) in [
        (16, 0x0000_ffff_0000_ffff),
        (8, 0x00ff_00ff_00ff_00ff),
        (4, 0x0f0f_0f0f_0f0f_0f0f),
        (2, 0x3333_3333_3333_3333),
        (1, 0x5555_5555_5555_5555),
    ] {
        bits = (bits | bits << shift) & mask;
    }
    bits
}

/// The first `lanes` lanes of a plane, the last one first; zeros behind them.
#[must_use]
pub fn reversed(plane: &[Lanes], lanes: usize) -> Vec<Lanes> {
    let words = plane_words(lanes);
    let turned: Vec<Lanes> = (0..words)
        .rev()
        .map(|index| Lanes(plane.get(index).map_or(0, |word| word.0.reverse_bits())))
        .collect();
    let unused = words * LANES - lanes;
    lanes_of(&turned, unused..unused + lanes)
}

/// Of up to 64 planes, of `words` words each, the word of each of the first `rows` lanes: the other way round
/// than [`planes_of`].
#[must_use]
pub fn words_of(planes: &[Lanes], rows: usize) -> Vec<Lanes> {
    let words = plane_words(rows);
    let block = |block: usize| {
        let digits = planes.iter().skip(block).step_by(words.max(1)).map(|word| word.0);
        transposed(digits).map(Lanes)
    };
    let mut all: Vec<Lanes> = (0..words).flat_map(block).collect();
    all.truncate(rows);
    all
}

/// A word with 1 in its first so many lanes, of 64.
#[must_use]
pub fn first_lanes(count: usize) -> u64 {
    let behind = u32::try_from(LANES.saturating_sub(count)).unwrap_or(0);
    u64::MAX.unbounded_shr(behind)
}

/// Of up to 64 words, the word of their digits 0, that of their digits 1, and so on.
fn transposed(words: impl Iterator<Item = u64>) -> [u64; LANES] {
    let mut matrix = [0; LANES];
    matrix.iter_mut().zip(words).for_each(|(row, word)| *row = word);
    // Quarters of ever smaller squares change places: first the upper right 32 x 32 with the lower
    // left one, in the end single bits.
    let mut side = LANES / 2;
    let mut low_halves = u64::MAX >> side;
    while side > 0 {
        for square in matrix.chunks_exact_mut(2 * side) {
            let (upper, lower) = square.split_at_mut(side);
            for (a, b) in upper.iter_mut().zip(lower) {
                let differing = ((*a >> side) ^ *b) & low_halves;
                *a ^= differing << side;
                *b ^= differing;
            }
        }
        side /= 2;
        low_halves ^= low_halves << side;
    }
    matrix
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn lanes_change_places(
            bits in prop::collection::vec(any::<(bool, bool)>(), 0..300),
            words in prop::collection::vec(any::<u64>(), 0..200),
            digits in 0_usize..=64,
        ) {
            let plane = |bits: &mut dyn Iterator<Item = bool>| {
                let numbers: Vec<u64> = bits.map(u64::from).collect();
                planes_of(&numbers, 0..1)
            };
            let low = plane(&mut bits.iter().map(|(low, _)| *low));
            let high = plane(&mut bits.iter().map(|(_, high)| *high));
            let due = plane(&mut bits.iter().flat_map(|(low, high)| [*low, *high]));
            prop_assert_eq!(interleaved(&low, &high, bits.len()), due);
            let due = plane(&mut bits.iter().rev().map(|(low, _)| *low));
            prop_assert_eq!(reversed(&low, bits.len()), due);
            let planes = planes_of(&words, 0..digits);
            let mask = u64::MAX.unbounded_shr(64 - u32::try_from(digits).unwrap());
            let due: Vec<Lanes> = words.iter().map(|word| Lanes(word & mask)).collect();
            prop_assert_eq!(words_of(&planes, words.len()), due);
        }
    }

    proptest! {
        #[test]
        fn planes_hold_the_digits(
            numbers in prop::collection::vec(any::<u128>(), 0..200),
            first in 0_usize..128,
            count in 0_usize..128,
        ) {
            let digits = first..(first + count).min(128);
            let planes = planes_of(&numbers, digits.clone());
            let words = plane_words(numbers.len());
            prop_assert_eq!(planes.len(), words * digits.len());
            for (index, digit) in digits.enumerate() {
                let plane = &planes[index * words..][..words];
                let bits: Vec<u64> = numbers_of(plane, numbers.len());
                let due: Vec<u64> = numbers.iter().map(|n| ((n >> digit) & 1) as u64).collect();
                prop_assert_eq!(bits, due);
            }
        }
    }

    proptest! {
        #[test]
        fn lanes_move_to_the_front(
            words in prop::collection::vec(any::<u64>(), 0..5),
            first in 0_usize..300,
            count in 0_usize..300,
        ) {
            let plane: Vec<Lanes> = words.into_iter().map(Lanes).collect();
            let mut bits: Vec<u64> = numbers_of(&plane, 64 * plane.len());
            bits.resize(700, 0);
            let moved = lanes_of(&plane, first..first + count);
            prop_assert_eq!(moved.len(), plane_words(count));
            let mut due = bits[first..first + count].to_vec();
            due.resize(64 * moved.len(), 0);
            prop_assert_eq!(numbers_of::<u64>(&moved, 64 * moved.len()), due);
        }
    }

    #[test]
    fn lanes_are_bits_side_by_side() {
        let (a, b) = (Lanes(0b0011), Lanes(0b0101));
        assert_eq!((a.plus(b), a.minus(b), a.times(b)), (Lanes(6), Lanes(6), Lanes(1)));
        assert_eq!((a.times(Lanes::ONE), a.plus(a)), (a, Lanes::ZERO));
        assert_eq!((a.word(0), a.word(1)), (3, 0));
    }
}
