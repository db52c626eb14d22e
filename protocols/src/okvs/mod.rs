//! A map from keys to words, whose length tells how many keys there are and no more: an oblivious
//! key-value store.
//!
//! The random-band store (RB-OKVS) of Bienstock, Patel, Seo, Yeo, *Near-optimal oblivious key-value
//! stores for efficient PSI, PSU and volume-hiding multi-maps* (USENIX Security 2023, ePrint
//! 2023/903), with bits as coefficients. A key stands for a place where its band starts, and for a
//! band of [`W`] bits. Its value is the exclusive or of the words at the band's ones. To encode is
//! to solve these equations: in the order of their starts they are eliminated in one pass, from the
//! first word to the last.
//!
//! **What it hides.** Where the values are uniform, independent of each other and of the keys, the
//! words are uniform, whatever the keys are: places that the equations leave free are filled at
//! random. Nor does the order of the items show: the same map and randomness make the same words. A
//! key that was not encoded decodes to the exclusive or of the words that it picks: of uniform
//! words, something uniform.
//!
//! **Traps.**
//! - Values must be pseudo-random or masked. A party that can make the keys sees from the words
//!   alone which keys have a value that is neither.
//! - Items must be fixed before the seed is drawn that their keys are made of: who knows the seed
//!   can choose items whose keys are dependent.
//! - Who deviates can encode more items than it says, up to one for each word. Nothing here
//!   notices.
//!
//! **Size:** [`Store::slots`] words for n keys, 1.1·n + 40. **Cost:** [`W`] masked words a key, and
//! three blocks of AES, to decode; to encode the same, a sort, and a few operations on bands.
//! Encoding holds at most 93 bytes a key at a time.
//!
//! **Failure:** dependent equations are not solved, and the caller takes another seed. For ε = 1/10
//! and 2^20 keys the paper fits −log₂ of the probability as 0.2691·w − 15.21: 2^-53.7. It was
//! measured too. A row takes the first of the free words of its band with a probability of 1/2,
//! else the second with 1/2, and so on, and is dependent if it takes none. That process was
//! simulated with the rows more crowded than they are, and each failure weighted by how much less
//! likely it truly is (importance sampling; a relative error of 0.3 at w = 256, 0.04 at w = 128).
//! For 2^20 keys: 2^-19.0 at w = 128, 2^-36.1 at 192, 2^-53.4 at 256; for 10^5 keys 2^-56.8. With w
//! = 64, 58 of 2000 stores of 10^5 keys failed, and 60 were to be expected. Each doubling of n
//! costs one bit, so 2^-40 is passed behind 2^33 keys. Up to some hundred keys the words beyond n
//! decide: between 2^-41 and 2^-42 for 1 to 10 keys, less for more.
//!
//! Nothing here reads a clock or sends, and nothing knows what keys or values are made of.

use aes::cipher::{BlockCipherEncrypt, KeyInit};
use aes::{Aes128, Block};
use rand_core::CryptoRng;
use rayon::prelude::*;

/// Bits of a band, w in the paper; fewer only where the whole store is shorter.
const W: usize = 256;

/// Words for each ten keys beyond one a key: ε = 1/10.
const TENTH: usize = 10;

/// Words beyond (1 + ε)·n. In a store that is no longer than a band all bits of all equations are
/// random: with k words more than keys these are dependent with a probability below 2^-k.
const SLACK: usize = 40;

/// Bits of a limb of a band.
const LIMB: usize = 64;

/// Keys that one thread decodes at least.
const BATCH: usize = 512;

/// A key: a pseudo-random number, made of an item and a seed.
pub(crate) type Key = u128;

/// Words that hold a map.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Store {
    words: Vec<u64>,
}

/// The keys' equations are dependent, as those of a key that is there twice are even with equal
/// values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the keys of a map are dependent; another seed makes others")]
pub(crate) struct Unsolvable;

/// The set of words from a start on that are summed: the lowest bit of the first limb is the
/// start's own.
#[derive(Clone, Copy, Default)]
struct Band([u64; W / LIMB]);

/// The sum of the words of a band.
#[derive(Clone, Copy, Default)]
struct Equation {
    band: Band,
    sum: u64,
}

/// An equation, and where its band starts.
struct Row {
    start: usize,
    equation: Equation,
}

impl Store {
    /// Words of a store for `n` keys.
    pub(crate) fn slots(n: usize) -> usize {
        n.saturating_add(n.div_ceil(TENTH)).saturating_add(SLACK)
    }

    /// A store in which each of the keys, all different, has the value at the same place.
    pub(crate) fn encode(
        keys: &[Key],
        values: &[u64],
        rng: &mut impl CryptoRng,
    ) -> Result<Self, Unsolvable> {
        assert_eq!(keys.len(), values.len(), "each key has a value");
        let slots = Self::slots(keys.len());
        let mut rows: Vec<Row> = keys
            .par_iter()
            .zip_eq(values)
            .map(|(key, value)| {
                let (start, band) = place(*key, slots);
                Row { start, equation: Equation { band, sum: *value } }
            })
            .collect();
        rows.par_sort_unstable_by_key(|row| row.start);
        let equations = eliminate(rows, slots)?;
        Ok(Self { words: solve(&equations, rng) })
    }

    /// The store of these words, if they are as many as `n` keys take.
    pub(crate) fn from_words(words: Vec<u64>, n: usize) -> Option<Self> {
        (words.len() == Self::slots(n)).then_some(Self { words })
    }

    /// The words, which may be sent.
    pub(crate) fn words(&self) -> &[u64] {
        &self.words
    }

    /// Of each key its value, if it was encoded, or else something random.
    pub(crate) fn decode(&self, keys: &[Key]) -> Vec<u64> {
        keys.par_iter()
            .with_min_len(BATCH)
            .map(|key| {
                let (start, band) = place(*key, self.words.len());
                band.sum_of(self.words.get(start..).expect("a band starts within the store"))
            })
            .collect()
    }
}

impl Band {
    /// Bits in the places of the first `length` words, zeros behind.
    fn shortened(mut self, length: usize) -> Self {
        for (limb, first) in self.0.iter_mut().zip((0..).step_by(LIMB)) {
            let beyond = LIMB.saturating_sub(length.saturating_sub(first));
            let mask = u32::try_from(beyond).ok().and_then(|beyond| u64::MAX.checked_shr(beyond));
            *limb &= mask.unwrap_or(0);
        }
        self
    }

    fn is_empty(&self) -> bool {
        self.0 == [0; W / LIMB]
    }

    /// Drops the zeros in front of the first one, if there is one: how many these were.
    fn advance(&mut self) -> Option<usize> {
        let limbs = self.0.iter().position(|limb| *limb != 0)?;
        self.0.rotate_left(limbs);
        let [first, ..] = self.0;
        let zeros = first.trailing_zeros();
        let mut above = 0;
        for limb in self.0.iter_mut().rev() {
            let low = *limb;
            // In two steps, as a shift by all 64 bits is none.
            *limb = (low >> zeros) | ((above << 1) << (63 - zeros));
            above = low;
        }
        Some(limbs * LIMB + usize::try_from(zeros).ok()?)
    }

    /// The exclusive or of the words at the ones. It reads them all, whatever the band is.
    fn sum_of(&self, words: &[u64]) -> u64 {
        let mut sum = 0;
        for (mut limb, words) in self.0.into_iter().zip(words.chunks(LIMB)) {
            for word in words {
                sum ^= word & (limb & 1).wrapping_neg();
                limb >>= 1;
            }
        }
        sum
    }
}

impl Equation {
    fn add(&mut self, other: &Self) {
        self.band.0.iter_mut().zip(other.band.0).for_each(|(limb, other)| *limb ^= other);
        self.sum ^= other.sum;
    }
}

/// The start of a key's band in a store of so many words, and the band: three blocks of AES-128
/// under the key.
fn place(key: Key, slots: usize) -> (usize, Band) {
    let mut blocks = [0, 1, 2].map(|number: u128| Block::from(number.to_le_bytes()));
    Aes128::new(&key.to_le_bytes().into()).encrypt_blocks(&mut blocks);
    let words: [u64; 6] = bytemuck::cast(blocks.map(<[u8; 16]>::from));
    let [a, b, c, d, start, _] = words.map(u64::from_le);
    let width = W.min(slots);
    let starts = slots - width + 1;
    // Of the random fraction start / 2^64; each start's share of 2^64 differs by at most 1.
    let start = (u128::from(start) * starts as u128) >> 64;
    (
        usize::try_from(start).expect("a start is below the number of slots"),
        Band([a, b, c, d]).shortened(width),
    )
}

/// Adds settled equations to each row until it starts at a word of its own: at each word the
/// equation that starts there, or an empty one. `rows` are in the order of their starts, so a row's
/// band never grows beyond its end. Which words have equations does not depend on the order of the
/// rows: they are the first words of all sums of rows.
fn eliminate(rows: Vec<Row>, slots: usize) -> Result<Vec<Equation>, Unsolvable> {
    let mut equations = vec![Equation::default(); slots];
    for Row { mut start, mut equation } in rows {
        loop {
            start += equation.band.advance().ok_or(Unsolvable)?;
            let settled = equations.get_mut(start).ok_or(Unsolvable)?;
            if settled.band.is_empty() {
                *settled = equation;
                break;
            }
            equation.add(settled);
        }
    }
    Ok(equations)
}

/// The words, from the last to the first: random where no equation starts.
fn solve(equations: &[Equation], rng: &mut impl CryptoRng) -> Vec<u64> {
    let mut words = vec![0; equations.len()];
    for (start, equation) in equations.iter().enumerate().rev() {
        // The word itself is still zero, and adds nothing.
        let others =
            equation.band.sum_of(words.get(start..).expect("a band starts within the store"));
        let word = if equation.band.is_empty() { rng.next_u64() } else { equation.sum ^ others };
        words.get_mut(start).into_iter().for_each(|place| *place = word);
    }
    words
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
