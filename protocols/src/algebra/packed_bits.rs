//! Packed bits, 64 in a word: sixty-four copies of the ring of two elements, side by side.
//!
//! Vectors of numbers become vectors of bits *in bit slices*: slice j holds bit j of every number,
//! 64 numbers a word. Both ways are linear over exclusive or, so they work on shares as they do on
//! values. The bits behind the last number of a bit slice mean nothing.

use std::ops::Range;

use bytemuck::{Pod, Zeroable};

use crate::algebra::ring::Ring;

/// Sixty-four bits. The sum of two is their exclusive or, the product their conjunction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(transparent)]
pub struct PackedBits(pub u64);

impl zeroize::DefaultIsZeroes for PackedBits {}

/// The bits of a word.
pub const WORD_BITS: usize = 64;

impl Ring for PackedBits {
    const BITS: usize = WORD_BITS;
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

/// Returns the words that a bit slice of so many numbers takes.
#[must_use]
pub fn bit_slice_words(lanes: usize) -> usize {
    lanes.div_ceil(WORD_BITS)
}

/// Returns the slices of these bits of all numbers, one after the other.
#[must_use]
pub fn bit_slices_of<R: Ring>(numbers: &[R], bits: Range<usize>) -> Vec<PackedBits> {
    let words = bit_slice_words(numbers.len());
    let mut bit_slices = vec![PackedBits::ZERO; words * bits.len()];
    for index in bits.start / WORD_BITS..bits.end.div_ceil(WORD_BITS) {
        for (block, numbers) in numbers.chunks(WORD_BITS).enumerate() {
            let rows = transposed(numbers.iter().map(|number| number.word(index)));
            for (bit, row) in (WORD_BITS * index..).zip(rows) {
                let bit_slice = bit.checked_sub(bits.start).filter(|_| bits.contains(&bit));
                let place =
                    bit_slice.and_then(|bit_slice| bit_slices.get_mut(bit_slice * words + block));
                place.into_iter().for_each(|place| *place = PackedBits(row));
            }
        }
    }
    bit_slices
}

/// Converts the first `lanes` bits of a bit slice to numbers 0 and 1.
#[cfg(test)]
pub(crate) fn numbers_of<R: Ring>(bit_slice: &[PackedBits], lanes: usize) -> Vec<R> {
    let mut numbers = Vec::with_capacity(lanes);
    extend_by_bits(&mut numbers, bit_slice, lanes);
    numbers
}

/// Appends the first `lanes` bits of a bit slice to `numbers`, as numbers 0 and 1.
pub fn extend_by_bits<R: Ring>(numbers: &mut Vec<R>, bit_slice: &[PackedBits], lanes: usize) {
    let mut left = lanes;
    for word in bit_slice {
        let kept = left.min(WORD_BITS);
        left -= kept;
        numbers.extend((0..kept).map(|lane| R::from_word((word.0 >> lane) & 1)));
    }
}

/// Moves these bits of a bit slice to the front. There are zeros behind them, and in the places of
/// bits beyond the slice.
#[must_use]
pub fn lanes_of(bit_slice: &[PackedBits], lanes: Range<usize>) -> Vec<PackedBits> {
    let word = |index: usize| bit_slice.get(index).map_or(0, |word| word.0);
    let (first, shift) = (lanes.start / WORD_BITS, lanes.start % WORD_BITS);
    let mut left = lanes.len();
    let front = (0..bit_slice_words(lanes.len())).map(|index| {
        let kept = left.min(WORD_BITS);
        left -= kept;
        let moved = match shift {
            0 => word(first + index),
            _ => (word(first + index) >> shift) | (word(first + index + 1) << (WORD_BITS - shift)),
        };
        PackedBits(moved & first_lanes(kept))
    });
    front.collect()
}

/// Interleaves the first `half` bits of two bit slices: the first of `low`, the first of `high`,
/// the second of `low`, and so on.
#[must_use]
pub fn interleaved(low: &[PackedBits], high: &[PackedBits], half: usize) -> Vec<PackedBits> {
    let quarter = |bit_slice: &[PackedBits], index: usize| {
        let word = bit_slice.get(index / 2).map_or(0, |word| word.0);
        spread(if index.is_multiple_of(2) { word } else { word >> (WORD_BITS / 2) })
    };
    let mut left = 2 * half;
    let words = (0..bit_slice_words(2 * half)).map(|index| {
        let kept = left.min(WORD_BITS);
        left -= kept;
        PackedBits((quarter(low, index) | quarter(high, index) << 1) & first_lanes(kept))
    });
    words.collect()
}

/// Spreads the lowest 32 bits of a word to its even places.
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

/// Reverses the first `lanes` bits of a bit slice, with zeros behind them.
#[must_use]
pub fn reversed(bit_slice: &[PackedBits], lanes: usize) -> Vec<PackedBits> {
    let words = bit_slice_words(lanes);
    let turned: Vec<PackedBits> = (0..words)
        .rev()
        .map(|index| PackedBits(bit_slice.get(index).map_or(0, |word| word.0.reverse_bits())))
        .collect();
    let unused = words * WORD_BITS - lanes;
    lanes_of(&turned, unused..unused + lanes)
}

/// Returns, of up to 64 bit slices of equal length, the word of each of the first `rows` numbers.
/// It is the inverse of [`bit_slices_of`].
#[must_use]
pub fn words_of(bit_slices: &[PackedBits], rows: usize) -> Vec<PackedBits> {
    let words = bit_slice_words(rows);
    let mut all: Vec<PackedBits> = (0..words)
        .flat_map(|block| {
            let bits = bit_slices.iter().skip(block).step_by(words.max(1)).map(|word| word.0);
            transposed(bits).map(PackedBits)
        })
        .collect();
    all.truncate(rows);
    all
}

/// Returns a word with 1 in so many of its 64 bits, the lowest ones.
#[must_use]
pub fn first_lanes(count: usize) -> u64 {
    let behind = u32::try_from(WORD_BITS.saturating_sub(count)).unwrap_or(0);
    u64::MAX.unbounded_shr(behind)
}

/// Transposes up to 64 words: returns the word of their bits 0, that of their bits 1, and so on.
fn transposed(words: impl Iterator<Item = u64>) -> [u64; WORD_BITS] {
    let mut matrix = [0; WORD_BITS];
    matrix.iter_mut().zip(words).for_each(|(row, word)| *row = word);
    // Quarters of ever smaller squares change places: first the upper right 32 x 32 with the lower
    // left one, in the end single bits.
    let mut side = WORD_BITS / 2;
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
            width in 0_usize..=64,
        ) {
            let bit_slice = |bits: &mut dyn Iterator<Item = bool>| {
                let numbers: Vec<u64> = bits.map(u64::from).collect();
                bit_slices_of(&numbers, 0..1)
            };
            let low = bit_slice(&mut bits.iter().map(|(low, _)| *low));
            let high = bit_slice(&mut bits.iter().map(|(_, high)| *high));
            let due = bit_slice(&mut bits.iter().flat_map(|(low, high)| [*low, *high]));
            prop_assert_eq!(interleaved(&low, &high, bits.len()), due);
            let due = bit_slice(&mut bits.iter().rev().map(|(low, _)| *low));
            prop_assert_eq!(reversed(&low, bits.len()), due);
            let bit_slices = bit_slices_of(&words, 0..width);
            let mask = u64::MAX.unbounded_shr(64 - u32::try_from(width).unwrap());
            let due: Vec<PackedBits> = words.iter().map(|word| PackedBits(word & mask)).collect();
            prop_assert_eq!(words_of(&bit_slices, words.len()), due);
        }
    }

    proptest! {
        #[test]
        fn bit_slices_hold_the_bits(
            numbers in prop::collection::vec(any::<u128>(), 0..200),
            first in 0_usize..128,
            count in 0_usize..128,
        ) {
            let bits = first..(first + count).min(128);
            let bit_slices = bit_slices_of(&numbers, bits.clone());
            let words = bit_slice_words(numbers.len());
            prop_assert_eq!(bit_slices.len(), words * bits.len());
            for (index, bit) in bits.enumerate() {
                let bit_slice = &bit_slices[index * words..][..words];
                let bits: Vec<u64> = numbers_of(bit_slice, numbers.len());
                let due: Vec<u64> = numbers.iter().map(|n| ((n >> bit) & 1) as u64).collect();
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
            let bit_slice: Vec<PackedBits> = words.into_iter().map(PackedBits).collect();
            let mut bits: Vec<u64> = numbers_of(&bit_slice, 64 * bit_slice.len());
            bits.resize(700, 0);
            let moved = lanes_of(&bit_slice, first..first + count);
            prop_assert_eq!(moved.len(), bit_slice_words(count));
            let mut due = bits[first..first + count].to_vec();
            due.resize(64 * moved.len(), 0);
            prop_assert_eq!(numbers_of::<u64>(&moved, 64 * moved.len()), due);
        }
    }

    #[test]
    fn lanes_are_bits_side_by_side() {
        let (a, b) = (PackedBits(0b0011), PackedBits(0b0101));
        assert_eq!(
            (a.plus(b), a.minus(b), a.times(b)),
            (PackedBits(6), PackedBits(6), PackedBits(1))
        );
        assert_eq!((a.times(PackedBits::ONE), a.plus(a)), (a, PackedBits::ZERO));
        assert_eq!((a.word(0), a.word(1)), (3, 0));
    }
}
