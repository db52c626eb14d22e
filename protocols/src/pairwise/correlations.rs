//! From correlated transfers to what products are made of.
//!
//! **Bits.** From random transfers m_0, m_1 of one bit each, the sender has a = m_0 ⊕ m_1 and u = m_0, the
//! receiver b = c and v = m_c: u ⊕ v = a·b. No message.
//!
//! **Products** of numbers (Gilboa, *Two party RSA key generation*, CRYPTO 1999, section 4). The sender has
//! a, the receiver b, whose binary digits are its choices. For digit i the sender sends τ_i = m_0 − m_1 + a
//! modulo 2^(w−i), where w are the digits of the ring; the receiver takes v_i = m_c + c·τ_i. Then
//! Σ 2^i·v_i − Σ 2^i·m_0 = a·b, and only w − i digits of the i-th message matter. τ_i and τ_(w−i) have w
//! digits together, so all take w/2 + 1 words.
//!
//! **Rows.** The same with a row of numbers for a: one transfer for each digit of b, whose messages are as
//! long as the row.
//!
//! **Scaled bits.** From random transfers m_0, m_1 of one number each, the sender has a = m_1 − m_0 and u =
//! −m_0, the receiver b = c and v = m_c: u + v = a·b. No message.
//!
//! Random transfers come from correlated ones by hashing: m_0 = H(q), m_1 = H(q ⊕ Δ), m_c = H(t).

use std::ops::Range;

use super::transfer::hashing::Hash;
use crate::algebra::ring::Ring;

/// A number as transfers carry it.
pub(super) trait Number: Ring {
    /// The low digits of a block.
    fn of_block(block: u128) -> Self;
    /// Numbers in a block.
    const IN_BLOCK: usize = 16 / Self::BYTES;
    /// Times 2^places.
    fn shifted_up(self, places: usize) -> Self;
    /// Over 2^places, rounded down.
    fn shifted_down(self, places: usize) -> Self;
    /// The digits that both have.
    fn and(self, mask: Self) -> Self;
}

macro_rules! number {
    ($element:ty) => {
        impl Number for $element {
            #[inline]
            #[allow(
                clippy::cast_possible_truncation,
                clippy::unnecessary_cast,
                reason = "the low digits are meant"
            )]
            fn of_block(block: u128) -> Self {
                block as Self
            }

            #[inline]
            fn shifted_up(self, places: usize) -> Self {
                self.unbounded_shl(u32::try_from(places).unwrap_or(u32::MAX))
            }

            #[inline]
            fn shifted_down(self, places: usize) -> Self {
                self.unbounded_shr(u32::try_from(places).unwrap_or(u32::MAX))
            }

            #[inline]
            fn and(self, mask: Self) -> Self {
                self & mask
            }
        }
    };
}

number!(u64);
number!(u128);

/// The messages of the random transfers of some rows, `width` numbers each.
pub(super) struct Pads<'a> {
    pub(super) hash: &'a Hash,
    /// The number of the first row.
    pub(super) first: u128,
    pub(super) width: usize,
}

impl Pads<'_> {
    /// One message for each row.
    pub(super) fn of<N: Number>(&self, mut rows: Vec<u128>) -> Vec<N> {
        if self.width == 1 {
            self.hash.each(self.first, &mut rows);
            return rows.into_iter().map(N::of_block).collect();
        }
        let mut pads = Vec::with_capacity(rows.len() * self.width);
        let mut blocks = vec![0; self.width.div_ceil(N::IN_BLOCK)];
        let mut tweak = self.first;
        for row in rows {
            self.hash.long(tweak, row, &mut blocks);
            tweak += 1;
            let of_block = |block: &u128| {
                let block = *block;
                (0..N::IN_BLOCK).map(move |place| N::of_block(block >> (place * N::BITS)))
            };
            pads.extend(blocks.iter().flat_map(of_block).take(self.width));
        }
        pads
    }

    /// Both messages of each row, from q and Δ.
    pub(super) fn both<N: Number>(&self, rows: Vec<u128>, delta: u128) -> [Vec<N>; 2] {
        let others = rows.iter().map(|q| q ^ delta).collect();
        [self.of(rows), self.of(others)]
    }
}

/// Bits at the sender: a and u, 64 in a word.
pub(super) fn bits_sent(hash: &Hash, first: u128, rows: Vec<u128>, delta: u128) -> [Vec<u64>; 2] {
    let mut others: Vec<u128> = rows.iter().map(|q| q ^ delta).collect();
    let mut rows = rows;
    hash.each(first, &mut rows);
    hash.each(first, &mut others);
    rows.iter().zip(&mut others).for_each(|(m_0, m_1)| *m_1 ^= m_0);
    [lowest_digits(&others), lowest_digits(&rows)]
}

/// Bits at the receiver: v, 64 in a word.
pub(super) fn bits_received(hash: &Hash, first: u128, mut rows: Vec<u128>) -> Vec<u64> {
    hash.each(first, &mut rows);
    lowest_digits(&rows)
}

fn lowest_digits(blocks: &[u128]) -> Vec<u64> {
    let word = |blocks: &[u128]| {
        let digits = blocks.iter().rev();
        digits.fold(0, |word, block| (word << 1) | (u64::of_block(*block) & 1))
    };
    blocks.chunks(64).map(word).collect()
}

/// Words of corrections for each number that is multiplied with a row of `width` numbers.
pub(super) fn words(digits: usize, width: usize) -> usize {
    (digits / 2 + 1) * width
}

/// Gilboa's sender, for one digit-wise chosen factor: m_0 and m_1 for each digit of it, `factor` as wide as
/// they are. Adds its share of the product to `share`, and the corrections to `message`.
pub(super) fn send<N: Number>(
    [m_0, m_1]: [&[N]; 2],
    factor: &[N],
    share: &mut [N],
    message: &mut Vec<N>,
) {
    let width = factor.len();
    let correction = |digit: usize| {
        let range = digit * width..(digit + 1) * width;
        let pads = slice(m_0, range.clone()).iter().zip(slice(m_1, range));
        pads.zip(factor).map(|((m_0, m_1), a)| m_0.minus(*m_1).plus(*a))
    };
    message.extend(correction(0));
    for digit in 1..N::BITS / 2 {
        let digits = N::BITS - digit;
        let pairs = correction(digit).zip(correction(digits));
        message.extend(pairs.map(|(long, short)| {
            let long = long.shifted_up(digit).shifted_down(digit);
            long.plus(short.shifted_up(digits))
        }));
    }
    message.extend(correction(N::BITS / 2).map(|half| half.shifted_up(N::BITS / 2)));
    for (digit, m_0) in m_0.chunks_exact(width).enumerate() {
        let terms = share.iter_mut().zip(m_0);
        terms.for_each(|(share, m_0)| *share = share.minus(m_0.shifted_up(digit)));
    }
}

/// Gilboa's receiver, for one chosen factor: m_c for each digit of it, and the corrections. Adds its share
/// of the product to `share`.
pub(super) fn receive<N: Number>(chosen: N, m_c: &[N], message: &[N], share: &mut [N]) {
    let width = share.len();
    for (digit, m_c) in m_c.chunks_exact(width).enumerate() {
        let taken = N::ZERO.minus(chosen.shifted_down(digit).and(N::ONE));
        // Which row of words has the correction, and by how much it is to be moved so that it stands
        // `digit` places up.
        let half = N::BITS / 2;
        let row = if digit <= half { digit } else { N::BITS - digit };
        let words = slice(message, row * width..(row + 1) * width);
        let (down, up) = match digit {
            0 => (0, 0),
            _ if digit < half => (0, digit),
            _ if digit == half => (half, half),
            _ => (digit, digit),
        };
        for ((share, m_c), word) in share.iter_mut().zip(m_c).zip(words) {
            let correction = word.shifted_down(down).shifted_up(up);
            *share = share.plus(m_c.shifted_up(digit)).plus(correction.and(taken));
        }
    }
}

/// The numbers that words are, lowest word first.
pub(super) fn numbers<N: Number>(words: &[u64]) -> Vec<N> {
    let number = |words: &[u64]| {
        let places = (0..).step_by(64);
        let digits = words.iter().zip(places);
        digits.fold(N::ZERO, |sum, (word, place)| sum.plus(N::from_word(*word).shifted_up(place)))
    };
    words.chunks(N::BYTES / 8).map(number).collect()
}

/// The numbers as words, lowest word first.
pub(super) fn words_of<N: Number>(numbers: &[N]) -> Vec<u64> {
    let words = |number: &N| {
        let number = *number;
        (0..N::BYTES / 8).map(move |index| number.word(index))
    };
    numbers.iter().flat_map(words).collect()
}

fn slice<T>(of: &[T], range: Range<usize>) -> &[T] {
    of.get(range).unwrap_or_default()
}
