//! From correlated transfers to the shares of products.
//!
//! **Bits.** Random transfers have messages m_0, m_1 of one bit each. The sender has a = m_0 ⊕ m_1
//! and u = m_0, the receiver b = c and v = m_c: u ⊕ v = a·b. No message.
//!
//! **Products** of numbers (Gilboa, *Two party RSA key generation*, CRYPTO 1999, section 4). The
//! sender has a, the receiver b, whose bits are its choices. Let w be the bits of the ring. For bit
//! i the sender sends τ_i = m_0 − m_1 + a modulo 2^(w−i), and the receiver takes v_i = m_c + c·τ_i.
//! Then Σ 2^i·v_i − Σ 2^i·m_0 = a·b, and only w − i bits of the i-th message matter. τ_i and
//! τ_(w−i) have w bits together, so all take w/2 + 1 words.
//!
//! **Rows.** The same with a row of numbers for a: one transfer for each bit of b, whose messages
//! are as long as the row.
//!
//! **Scaled bits.** Random transfers have messages m_0, m_1 of one number each. The sender has a =
//! m_1 − m_0 and u = −m_0, the receiver b = c and v = m_c: u + v = a·b. No message.
//!
//! Random transfers come from correlated ones by hashing: m_0 = H(q), m_1 = H(q ⊕ Δ), m_c = H(t).

use std::ops::Range;

use zeroize::Zeroizing;

use crate::algebra::elementwise::zip_exact;
use crate::algebra::ring::Ring;
use crate::ot::ccr_hash::Hash;
use crate::ot::extension::Delta;

/// A number as transfers carry it.
pub(crate) trait Number: Ring {
    /// Takes the low bits of a block.
    fn of_block(block: u128) -> Self;
    /// The numbers in a block.
    const IN_BLOCK: usize = 16 / Self::BYTES;
    /// Multiplies by 2^places; `places` is below the bits of the number.
    fn shifted_up(self, places: usize) -> Self;
    /// Divides by 2^places, and rounds down; `places` is below the bits of the number.
    fn shifted_down(self, places: usize) -> Self;
    /// Returns the conjunction of the bits of both.
    fn and(self, mask: Self) -> Self;
}

macro_rules! number {
    ($element:ty) => {
        impl Number for $element {
            #[inline]
            #[allow(
                clippy::cast_possible_truncation,
                clippy::unnecessary_cast,
                reason = "the low bits are meant"
            )]
            fn of_block(block: u128) -> Self {
                block as Self
            }

            #[inline]
            #[allow(clippy::cast_possible_truncation, reason = "at most 128")]
            fn shifted_up(self, places: usize) -> Self {
                debug_assert!(places < Self::BITS as usize);
                self.wrapping_shl(places as u32)
            }

            #[inline]
            #[allow(clippy::cast_possible_truncation, reason = "at most 128")]
            fn shifted_down(self, places: usize) -> Self {
                debug_assert!(places < Self::BITS as usize);
                self.wrapping_shr(places as u32)
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
pub(crate) struct Pads<'a> {
    pub(crate) hash: &'a Hash,
    pub(crate) width: usize,
}

impl Pads<'_> {
    /// Returns one message for each row.
    pub(crate) fn of<N: Number>(&self, mut rows: Zeroizing<Vec<u128>>) -> Vec<N> {
        if self.width == 1 {
            self.hash.each(&mut rows);
            return rows.iter().copied().map(N::of_block).collect();
        }
        let mut pads = Vec::with_capacity(rows.len() * self.width);
        let mut blocks = vec![0; self.width.div_ceil(N::IN_BLOCK)];
        for (number, row) in (0..).zip(rows.iter()) {
            self.hash.long(number, *row, &mut blocks);
            let numbers = blocks.iter().flat_map(|block| {
                let block = *block;
                (0..N::IN_BLOCK).map(move |place| N::of_block(block >> (place * N::BITS)))
            });
            pads.extend(numbers.take(self.width));
        }
        pads
    }

    /// Returns both messages of each row, from q and Δ.
    pub(crate) fn both<N: Number>(&self, rows: Zeroizing<Vec<u128>>, delta: &Delta) -> [Vec<N>; 2] {
        let others = Zeroizing::new(rows.iter().map(|q| q ^ delta.bits()).collect());
        [self.of(rows), self.of(others)]
    }
}

/// Returns the sender's bits a and u, 64 in a word.
pub(crate) fn bits_sent(
    hash: &Hash,
    mut rows: Zeroizing<Vec<u128>>,
    delta: &Delta,
) -> [Vec<u64>; 2] {
    let others = rows.iter().map(|q| q ^ delta.bits()).collect();
    let mut others: Zeroizing<Vec<u128>> = Zeroizing::new(others);
    hash.each(&mut rows);
    hash.each(&mut others);
    zip_exact(rows.iter(), others.iter_mut()).for_each(|(m_0, m_1)| *m_1 ^= m_0);
    [lowest_bits(&others), lowest_bits(&rows)]
}

/// Returns the receiver's bits v, 64 in a word.
pub(crate) fn bits_received(hash: &Hash, mut rows: Zeroizing<Vec<u128>>) -> Vec<u64> {
    hash.each(&mut rows);
    lowest_bits(&rows)
}

fn lowest_bits(blocks: &[u128]) -> Vec<u64> {
    blocks
        .chunks(64)
        .map(|blocks| {
            let bits = blocks.iter().rev();
            bits.fold(0, |word, block| (word << 1) | (u64::of_block(*block) & 1))
        })
        .collect()
}

/// Returns the words of corrections for each number that is multiplied with a row of `width`
/// numbers.
pub(crate) fn words(bits: usize, width: usize) -> usize {
    (bits / 2 + 1) * width
}

/// Runs Gilboa's sender, for one factor that the receiver chooses bit by bit. It takes m_0 and m_1
/// for each bit of that factor, as wide as `factor`. Adds its share of the product to `share`, and
/// the corrections to `message`.
pub(crate) fn send<N: Number>(
    [m_0, m_1]: [&[N]; 2],
    factor: &[N],
    share: &mut [N],
    message: &mut Vec<N>,
) {
    let (width, half) = (factor.len(), N::BITS / 2);
    let corrections = |bits: Range<usize>| {
        let range = bits.start * width..bits.end * width;
        let factor = factor.iter().cycle();
        let pads = zip_exact(slice(m_0, range.clone()), slice(m_1, range));
        pads.zip(factor).map(|((m_0, m_1), a)| m_0.minus(*m_1).plus(*a))
    };
    if let ([share], [a]) = (&mut *share, factor) {
        return send_one([m_0, m_1], *a, share, message);
    }
    message.extend(corrections(0..1));
    for bit in 1..half {
        let bits = N::BITS - bit;
        let pairs = corrections(bit..bit + 1).zip(corrections(bits..bits + 1));
        message.extend(pairs.map(|(long, short)| joined(long, short, bit)));
    }
    message.extend(corrections(half..half + 1).map(|tau| tau.shifted_up(half)));
    for (bit, m_0) in m_0.chunks_exact(width).enumerate() {
        let terms = zip_exact(share.iter_mut(), m_0);
        terms.for_each(|(share, m_0)| *share = share.minus(m_0.shifted_up(bit)));
    }
}

/// Runs the sender for one number.
fn send_one<N: Number>([m_0, m_1]: [&[N]; 2], a: N, share: &mut N, message: &mut Vec<N>) {
    let half = N::BITS / 2;
    let correction = |(m_0, m_1): (&N, &N)| m_0.minus(*m_1).plus(a);
    let mut up = m_0.iter().zip(m_1).take(half + 1).map(correction);
    let down = m_0.iter().rev().zip(m_1.iter().rev()).take(half - 1).map(correction);
    message.extend(up.next());
    let middle = m_0.get(half).zip(m_1.get(half)).map(correction);
    let pairs = (1..).zip(up.zip(down));
    message.extend(pairs.map(|(bit, (long, short))| joined(long, short, bit)));
    message.extend(middle.map(|tau| tau.shifted_up(half)));
    let sum = m_0.iter().rev().fold(N::ZERO, |sum, m_0| sum.plus(sum).plus(*m_0));
    *share = share.minus(sum);
}

/// Joins the correction of a bit, and that of the bit that is as far from the other end.
#[inline]
fn joined<N: Number>(long: N, short: N, bit: usize) -> N {
    let long = long.shifted_up(bit).shifted_down(bit);
    long.plus(short.shifted_up(N::BITS - bit))
}

/// Runs Gilboa's receiver, for one chosen factor. It takes m_c for each bit of that factor, and the
/// corrections. Adds its share of the product to `share`.
pub(crate) fn receive<N: Number>(chosen: N, m_c: &[N], message: &[N], share: &mut [N]) {
    let (width, half) = (share.len(), N::BITS / 2);
    if let [share] = share {
        return receive_one(chosen, m_c, message, share);
    }
    for (bit, m_c) in m_c.chunks_exact(width).enumerate() {
        let taken = N::ZERO.minus(chosen.shifted_down(bit).and(N::ONE));
        let row = if bit <= half { bit } else { N::BITS - bit };
        let words = slice(message, row * width..(row + 1) * width);
        for ((share, m_c), word) in zip_exact(zip_exact(share.iter_mut(), m_c), words) {
            let correction = in_place(*word, bit).and(taken);
            *share = share.plus(m_c.shifted_up(bit)).plus(correction);
        }
    }
}

/// Runs the receiver for one number.
fn receive_one<N: Number>(chosen: N, m_c: &[N], message: &[N], share: &mut N) {
    let half = N::BITS / 2;
    let term = |(bit, word): (usize, &N)| {
        let taken = N::ZERO.minus(chosen.shifted_down(bit).and(N::ONE));
        in_place(*word, bit).and(taken)
    };
    let up = message.iter().take(half + 1).enumerate().map(term);
    let down = (half + 1..).zip(message.iter().take(half).rev()).take(half - 1).map(term);
    let corrections = up.chain(down).fold(N::ZERO, N::plus);
    let sum = m_c.iter().rev().fold(N::ZERO, |sum, m_c| sum.plus(sum).plus(*m_c));
    *share = share.plus(sum).plus(corrections);
}

/// Returns the correction of a bit, from the word that has it, times 2^bit.
#[inline]
fn in_place<N: Number>(word: N, bit: usize) -> N {
    match bit {
        _ if bit < N::BITS / 2 => word.shifted_up(bit),
        _ if bit == N::BITS / 2 => word,
        _ => word.shifted_down(bit).shifted_up(bit),
    }
}

/// Converts words to numbers, lowest word first.
pub(crate) fn numbers<N: Number>(words: &[u64]) -> Vec<N> {
    if N::BITS == 64 {
        return bytemuck::cast_slice(words).to_vec();
    }
    words
        .chunks(N::BYTES / 8)
        .map(|words| {
            let places = (0..).step_by(64);
            let bits = words.iter().zip(places);
            bits.fold(N::ZERO, |sum, (word, place)| sum.plus(N::from_word(*word).shifted_up(place)))
        })
        .collect()
}

/// Converts numbers to words, lowest word first.
pub(crate) fn words_of<N: Number>(numbers: Vec<N>) -> Vec<u64> {
    match bytemuck::allocation::try_cast_vec(numbers) {
        Ok(words) => words,
        Err((_, numbers)) => numbers
            .into_iter()
            .flat_map(|number| (0..N::BYTES / 8).map(move |index| number.word(index)))
            .collect(),
    }
}

fn slice<T>(of: &[T], range: Range<usize>) -> &[T] {
    of.get(range).expect("a chunk has the rows that it was made with")
}
