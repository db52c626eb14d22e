//! PRSS streams: pseudo-random elements, read front to back, each word once.

use std::ops::Range;

use rand_core::CryptoRng;
use rayon::prelude::*;
use zeroize::Zeroizing;

use crate::algebra::ring::Ring;
use crate::kernel::random::{Prg, Stream};
use crate::kernel::session::PairKey;

/// The number of elements that are made at a time. It is small enough for the nearest cache, and
/// makes a whole number of words whatever the ring.
pub(crate) const CHUNK: usize = 2048;

/// The number of elements from which on threads divide the chunks among them.
const PARALLEL: usize = 1 << 17;

/// A PRSS stream: pseudo-random elements that two parties read front to back, each word once.
pub(crate) struct Prss {
    prg: Prg,
    used: usize,
}

/// A range of a PRSS stream.
pub(crate) struct PrssRange {
    prg: Prg,
    start: usize,
}

impl Prss {
    pub(crate) fn new(key: &PairKey, purpose: &'static str) -> Self {
        Self { prg: Prg::new(&key.for_use(purpose, 0)), used: 0 }
    }

    pub(crate) fn of(prg: Prg) -> Self {
        Self { prg, used: 0 }
    }

    /// Takes the range of the next `count` elements. No other use gets it.
    pub(crate) fn next<R: Ring>(&mut self, count: usize) -> PrssRange {
        let start = self.used;
        self.used += words::<R>(count);
        self.prg.note_use(start..self.used);
        PrssRange { prg: self.prg.clone(), start }
    }

    /// Reads the next `count` elements.
    pub(crate) fn read<R: Ring>(&mut self, count: usize) -> Vec<R> {
        let taken = self.next::<R>(count);
        let mut elements = vec![R::ZERO; count];
        for_chunks(&mut elements, |range, chunk| taken.stream::<R>(range.start).fill(chunk));
        elements
    }

    /// Draws a permutation of so many rows, as the place that each row comes from (Fisher and
    /// Yates). The number of the 2^64 words that give a row differs from the others' by at most 1.
    /// So no two permutations of n rows differ in probability by more than a factor of 1 + n / 2^63
    /// a row.
    pub(crate) fn permutation(&mut self, rows: usize) -> Vec<usize> {
        let mut places: Vec<usize> = (0..rows).collect();
        for (row, random) in self.read::<u64>(rows).into_iter().enumerate().rev() {
            let scaled = (u128::from(random) * (row as u128 + 1)) >> 64;
            places.swap(row, usize::try_from(scaled).unwrap_or(row));
        }
        places
    }
}

/// Draws a random permutation of so many rows, as the place that each row comes from.
pub(crate) fn order_of(rows: usize, rng: &mut impl CryptoRng) -> Vec<usize> {
    let mut key = Zeroizing::new([0; 32]);
    rng.fill_bytes(key.as_mut());
    Prss::of(Prg::new(&key)).permutation(rows)
}

impl PrssRange {
    /// Returns the stream of the elements from number `first` on, which is a multiple of [`CHUNK`].
    pub(crate) fn stream<R: Ring>(&self, first: usize) -> Stream {
        self.prg.stream_from(self.start + words::<R>(first))
    }
}

/// Fills `elements` chunk by chunk. `fill` gets the range of each chunk.
pub(crate) fn for_chunks<R: Ring>(
    elements: &mut [R],
    fill: impl Fn(Range<usize>, &mut [R]) + Sync,
) {
    let one = |(index, chunk): (usize, &mut [R])| {
        let start = index * CHUNK;
        fill(start..start + chunk.len(), chunk);
    };
    if elements.len() < PARALLEL {
        elements.chunks_mut(CHUNK).enumerate().for_each(one);
    } else {
        elements.par_chunks_mut(CHUNK).enumerate().for_each(one);
    }
}

fn words<R: Ring>(elements: usize) -> usize {
    (elements * R::BYTES).div_ceil(8)
}
