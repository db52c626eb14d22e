//! Vectors in shared form: what can be done with shares without a message.

use std::ops::Range;
use std::sync::Arc;

use crate::algebra::packed_bits::{
    Lanes, interleaved, lanes_of, plane_words, planes_of, reversed, words_of,
};
use crate::algebra::ring::Ring;

/// A vector that nobody sees, as one party holds it. Whatever is done here each party does to its
/// own shares alone.
pub(crate) trait Shared<R: Ring>: Clone {
    /// The number of elements.
    fn len(&self) -> usize;
    /// The sum, element by element.
    fn plus(&self, other: &Self) -> Self;
    /// The difference, element by element.
    fn minus(&self, other: &Self) -> Self;
    /// The products with a public element. On bits: those where it has a 1, and zeros.
    fn scaled(&self, by: R) -> Self;
    /// Some of the elements, one after the other.
    fn slice(&self, range: Range<usize>) -> Self;
    /// The elements of all `vectors`, one after the other.
    fn concat(vectors: &[&Self]) -> Self;
    /// The elements at these places.
    fn gather(&self, places: &[usize]) -> Self;
    /// Of each block of so many elements, the sums of its first one, two, three … elements.
    fn running_sums(&self, block: usize) -> Self;
    /// Of blocks of so many elements, the first elements of all blocks, then the second ones, and so on.
    fn side_by_side(&self, block: usize) -> Self;
}

/// A vector as `C` components, each of the same length; a party that has no part in computing holds
/// none of their elements and knows the length only.
#[derive(Clone)]
pub(crate) struct Components<R, const C: usize> {
    len: usize,
    /// Shared with messages that carry them, so that nothing is copied to be sent.
    parts: [Arc<Vec<R>>; C],
}

impl<R: Ring, const C: usize> Components<R, C> {
    /// These components, all of one length.
    pub(crate) fn new(parts: [Vec<R>; C]) -> Self {
        let len = parts.first().map_or(0, Vec::len);
        debug_assert!(parts.iter().all(|part| part.len() == len));
        Self { len, parts: parts.map(Arc::new) }
    }

    /// These components, which messages may carry too.
    pub(crate) fn of_shared(parts: [Arc<Vec<R>>; C]) -> Self {
        let len = parts.first().map_or(0, |part| part.len());
        Self { len, parts }
    }

    /// Of a vector of this length, nothing.
    pub(crate) fn absent(len: usize) -> Self {
        Self { len, parts: std::array::from_fn(|_| Arc::default()) }
    }

    /// The components.
    pub(crate) fn parts(&self) -> [&[R]; C] {
        self.parts.each_ref().map(|part| part.as_slice())
    }

    /// The components, for messages.
    pub(crate) fn shared_parts(&self) -> &[Arc<Vec<R>>; C] {
        &self.parts
    }

    fn map(&self, len: usize, change: impl Fn(&[R]) -> Vec<R>) -> Self {
        let present = |part: &Arc<Vec<R>>| match part.is_empty() {
            true => Arc::default(),
            false => Arc::new(change(part)),
        };
        Self { len, parts: self.parts.each_ref().map(present) }
    }

    fn combine(&self, other: &Self, change: impl Fn(R, R) -> R) -> Self {
        debug_assert_eq!(self.len, other.len);
        let mut others = other.parts.iter();
        let parts = self.parts.each_ref().map(|part| {
            let other = others.next().map_or(&[][..], |other| other.as_slice());
            Arc::new(part.iter().zip(other).map(|(a, b)| change(*a, *b)).collect())
        });
        Self { len: self.len, parts }
    }
}

impl<R: Ring, const C: usize> Shared<R> for Components<R, C> {
    fn len(&self) -> usize {
        self.len
    }

    fn plus(&self, other: &Self) -> Self {
        self.combine(other, R::plus)
    }

    fn minus(&self, other: &Self) -> Self {
        self.combine(other, R::minus)
    }

    fn scaled(&self, by: R) -> Self {
        self.map(self.len, |part| part.iter().map(|element| element.times(by)).collect())
    }

    fn slice(&self, range: Range<usize>) -> Self {
        self.map(range.len(), |part| part.get(range.clone()).unwrap_or_default().to_vec())
    }

    fn concat(vectors: &[&Self]) -> Self {
        let len = vectors.iter().map(|vector| vector.len).sum();
        let part = |index: usize| {
            let pieces = vectors.iter().filter_map(|vector| vector.parts.get(index));
            Arc::new(pieces.map(|piece| piece.as_slice()).collect::<Vec<_>>().concat())
        };
        Self { len, parts: std::array::from_fn(part) }
    }

    fn gather(&self, places: &[usize]) -> Self {
        self.map(places.len(), |part| {
            places.iter().filter_map(|place| part.get(*place).copied()).collect()
        })
    }

    fn running_sums(&self, block: usize) -> Self {
        self.map(self.len, |part| {
            let mut sums = part.to_vec();
            for block in sums.chunks_mut(block.max(1)) {
                let mut sum = R::ZERO;
                for element in block {
                    sum = sum.plus(*element);
                    *element = sum;
                }
            }
            sums
        })
    }

    fn side_by_side(&self, block: usize) -> Self {
        let places = |place| (place..self.len).step_by(block.max(1));
        self.map(self.len, |part| {
            let mut elements = Vec::with_capacity(part.len());
            for place in 0..block {
                elements.extend(places(place).filter_map(|place| part.get(place).copied()));
            }
            elements
        })
    }
}

impl<const C: usize> Components<Lanes, C> {
    /// Of words of bits, one a row, the planes of these digits: bits of shares are shares of bits.
    pub(crate) fn planes(&self, digits: Range<usize>) -> Vec<Self> {
        let words = plane_words(self.len);
        let all = self.map(words * digits.len(), |part| planes_of(part, digits.clone()));
        split(&all, words)
    }

    /// The first `half` lanes of two planes in turn.
    pub(crate) fn interleaved(&self, high: &Self, half: usize) -> Self {
        let mut others = high.parts.iter();
        let parts = self.parts.each_ref().map(|part| match (part.is_empty(), others.next()) {
            (false, Some(high)) => Arc::new(interleaved(part, high, half)),
            _ => Arc::default(),
        });
        Self { len: plane_words(2 * half), parts }
    }

    /// The first `lanes` lanes of a plane, the last one first.
    pub(crate) fn reversed(&self, lanes: usize) -> Self {
        self.map(plane_words(lanes), |part| reversed(part, lanes))
    }

    /// Of up to 64 planes the word of each lane.
    pub(crate) fn words(planes: &[Self], rows: usize) -> Self {
        let all = Self::concat(&planes.iter().collect::<Vec<_>>());
        all.map(rows, |part| words_of(part, rows))
    }

    /// These lanes of a plane, moved to the front, with zeros behind them.
    pub(crate) fn lanes(&self, lanes: Range<usize>) -> Self {
        self.map(plane_words(lanes.len()), |part| lanes_of(part, lanes.clone()))
    }
}

/// A vector cut into pieces of `len` elements.
pub(crate) fn split<R: Ring, S: Shared<R>>(vector: &S, len: usize) -> Vec<S> {
    let starts = (0..vector.len()).step_by(len.max(1));
    starts.map(|start| vector.slice(start..(start + len).min(vector.len()))).collect()
}
