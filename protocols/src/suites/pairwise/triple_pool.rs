//! Correlations that wait to be used up: in one computation, and in batches.

use super::peer::{Directions, ROWS, Size, WINDOW};
use crate::algebra::elementwise::zip_exact;
use crate::algebra::ring::Ring;
use crate::ot::batches::OtOutputs;

/// The kind of a correlation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Products of 64 bits.
    Bits,
    /// Products of numbers of so many words.
    Numbers(usize),
    /// Products of a bit, which the second of the two has, and a number of so many words.
    Scaled(usize),
}

/// Correlations of one kind, in words: a·b of the two ends' a and b, and shares of it.
#[derive(Default)]
pub(super) struct TriplePool {
    pub(super) a: Vec<u64>,
    pub(super) b: Vec<u64>,
    pub(super) c: Vec<u64>,
}

/// A batch: correlations that two ends have preprocessed.
pub(super) struct Batch(pub(super) Vec<(Kind, TriplePool)>);

impl Kind {
    /// Returns the kind of products of such elements.
    pub(super) fn products<R: Ring>() -> Self {
        if R::ONE.plus(R::ONE) == R::ZERO { Self::Bits } else { Self::Numbers(R::BYTES / 8) }
    }

    /// Returns the kind of products of bits with such numbers.
    pub(super) fn scaled<R: Ring>() -> Self {
        Self::Scaled(R::BYTES / 8)
    }

    /// Returns the words of one a.
    pub(super) fn words(self) -> usize {
        match self {
            Self::Bits => 1,
            Self::Numbers(words) | Self::Scaled(words) => words,
        }
    }

    /// Returns the transfers that one correlation takes in each direction.
    pub(super) fn transfers(self) -> usize {
        match self {
            Self::Bits => 64,
            Self::Numbers(words) => 64 * words,
            Self::Scaled(_) => 1,
        }
    }

    /// Returns the size of the chunks of transfers that it is made of.
    pub(super) fn size(self) -> Size {
        let directions = match self {
            Self::Bits | Self::Numbers(_) => Directions::Both,
            Self::Scaled(_) => Directions::OneWay,
        };
        Size { rows: ROWS, directions }
    }

    /// Returns the least chunks to make, because fewer cost no less time.
    pub(super) fn least_chunks(self) -> usize {
        match self {
            Self::Bits => WINDOW,
            Self::Numbers(_) | Self::Scaled(_) => 1,
        }
    }
}

impl TriplePool {
    /// Takes out the first `count` words.
    pub(super) fn take(&mut self, count: usize) -> Self {
        assert!(self.c.len() >= count, "correlations are provided before they are taken");
        Self {
            a: taken(&mut self.a, count),
            // Scaled bits have an a and a share alone.
            b: if self.b.is_empty() { Vec::new() } else { taken(&mut self.b, count) },
            c: taken(&mut self.c, count),
        }
    }

    pub(super) fn put(&mut self, more: Self) {
        let put = |of: &mut Vec<u64>, more: Vec<u64>| {
            if of.is_empty() { *of = more } else { of.extend(more) }
        };
        put(&mut self.a, more.a);
        put(&mut self.b, more.b);
        put(&mut self.c, more.c);
    }

    /// Makes products of bits from both directions.
    pub(super) fn of_bits(outputs: OtOutputs) -> Self {
        let OtOutputs { sent: [a, u], received: [b, v] } = outputs;
        Self { a, b, c: zip_exact(u.iter(), v).map(|(u, v)| u ^ v).collect() }
    }

    /// Returns a, b and c as elements.
    pub(super) fn into_elements<R: Ring>(self) -> [Vec<R>; 3] {
        [self.a, self.b, self.c].map(elements)
    }
}

impl Batch {
    /// The content of a batch: enough for the median of some hundreds of numbers.
    pub(super) const CONTENT: [(Kind, usize); 3] =
        [(Kind::Bits, 2 * WINDOW), (Kind::Numbers(1), WINDOW), (Kind::Scaled(1), 1)];

    /// The bytes of a batch.
    pub(super) const BYTES: usize = {
        let bits = 2 * WINDOW * ROWS / 64 * 24;
        let numbers = WINDOW * ROWS / 64 * 24;
        bits + numbers + ROWS * 16
    };
}

/// Takes out the first `count` words.
fn taken(words: &mut Vec<u64>, count: usize) -> Vec<u64> {
    let rest = words.split_off(count);
    std::mem::replace(words, rest)
}

fn elements<R: Ring>(words: Vec<u64>) -> Vec<R> {
    match bytemuck::allocation::try_cast_vec(words) {
        Ok(elements) => elements,
        Err((_, words)) => words
            .chunks(R::BYTES / 8)
            .map(|words| {
                let mut element = [R::ZERO];
                let places: &mut [u64] = bytemuck::cast_slice_mut(&mut element);
                places.copy_from_slice(words);
                if cfg!(target_endian = "big") {
                    places.reverse();
                }
                let [element] = element;
                element
            })
            .collect(),
    }
}
