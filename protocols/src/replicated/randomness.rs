//! What two neighbours of a committee can make alike without a message.

use std::ops::Range;

use rayon::prelude::*;

use crate::algebra::ring::Ring;
use crate::random::{Expander, Stream};
use crate::session::PairKey;

/// Elements that are made at a time: small enough for the nearest cache, and a whole number of
/// words whatever the ring.
pub(super) const CHUNK: usize = 2048;

/// Elements from which on chunks are shared out to threads.
const PARALLEL: usize = 1 << 17;

/// A stream of pseudo-random elements that two parties read front to back, each word once.
pub(super) struct Tape {
    expander: Expander,
    used: usize,
}

/// A stretch of a tape.
pub(super) struct Stretch {
    expander: Expander,
    start: usize,
}

/// The tapes that two neighbours share, one for each purpose.
pub(super) struct Tapes {
    /// Masks of products.
    pub(super) zero: Tape,
    /// Shares of what the later of the two brings in.
    pub(super) input: Tape,
    /// Permutations and masks of shuffles.
    pub(super) shuffle: Tape,
}

impl Tapes {
    /// The tapes of the two that share `key`, in one session.
    pub(super) fn new(key: &PairKey) -> Self {
        Self {
            zero: Tape::new(key, "cloister 1 replicated: zero sharing"),
            input: Tape::new(key, "cloister 1 replicated: shares of inputs"),
            shuffle: Tape::new(key, "cloister 1 replicated: shuffles"),
        }
    }
}

impl Tape {
    pub(super) fn new(key: &PairKey, purpose: &'static str) -> Self {
        Self { expander: Expander::new(&key.for_use(purpose, 0)), used: 0 }
    }

    pub(super) fn of(expander: Expander) -> Self {
        Self { expander, used: 0 }
    }

    /// The stretch of the next `count` elements. It is nobody else's.
    pub(super) fn next<R: Ring>(&mut self, count: usize) -> Stretch {
        let start = self.used;
        self.used += words::<R>(count);
        self.expander.note_use(start..self.used);
        Stretch { expander: self.expander.clone(), start }
    }

    /// The next `count` elements.
    pub(super) fn read<R: Ring>(&mut self, count: usize) -> Vec<R> {
        let stretch = self.next::<R>(count);
        let mut elements = vec![R::ZERO; count];
        for_chunks(&mut elements, |range, chunk| stretch.stream::<R>(range.start).fill(chunk));
        elements
    }
}

impl Stretch {
    /// The stream of the elements from number `first` on, which is a multiple of [`CHUNK`].
    pub(super) fn stream<R: Ring>(&self, first: usize) -> Stream {
        self.expander.stream_from(self.start + words::<R>(first))
    }
}

/// Fills `elements` chunk by chunk, where `fill` is told which ones a chunk has.
pub(super) fn for_chunks<R: Ring>(
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
