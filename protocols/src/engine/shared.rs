//! Secret-shared vectors: the operations on shares that take no message.

use std::ops::Range;
use std::sync::Arc;

use crate::algebra::elementwise::{difference, gather, sum, zip_exact};
use crate::algebra::packed_bits::{
    PackedBits, bit_slice_words, bit_slices_of, interleaved, lanes_of, reversed, words_of,
};
use crate::algebra::ring::Ring;
use crate::algebra::secret_elements::SecretElements;

/// A secret-shared vector, as one member holds it. Each member applies an operation to its own
/// share alone. A member that does not compute holds the length only.
///
/// Lengths that differ but must agree, and places beyond a vector, panic: they are broken
/// invariants of this program.
pub(crate) trait Shared<R: Ring>: Clone {
    /// Returns the number of elements.
    fn len(&self) -> usize;

    /// Adds element by element.
    fn plus(&self, other: &Self) -> Self;

    /// Subtracts element by element.
    fn minus(&self, other: &Self) -> Self;

    /// Applies a public map to vectors of shares. The map must be linear in all of them together,
    /// and makes `len` elements.
    fn linear_map(vectors: &[&Self], len: usize, map: impl Fn(&[&[R]]) -> Vec<R>) -> Self;

    /// Applies a public linear map to this vector alone.
    fn mapped(&self, len: usize, map: impl Fn(&[R]) -> Vec<R>) -> Self {
        Self::linear_map(&[self], len, |vectors| {
            vectors.iter().copied().map(&map).next().expect("a map of one vector is given one")
        })
    }

    /// Multiplies all elements by a public one. On bits: keeps those where it has a 1.
    fn scaled(&self, by: R) -> Self {
        self.mapped(self.len(), |x| x.iter().map(|x| x.times(by)).collect())
    }

    /// Multiplies by a public vector, element by element.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "regressions on shares will be the first caller")
    )]
    fn scaled_by(&self, by: &[R]) -> Self {
        self.mapped(self.len(), |x| zip_exact(x, by).map(|(x, by)| x.times(*by)).collect())
    }

    /// Returns the elements of a range.
    fn slice(&self, range: Range<usize>) -> Self {
        self.mapped(range.len(), |x| {
            x.get(range.clone()).expect("a slice lies within its vector").to_vec()
        })
    }

    /// Returns the elements of all `vectors`, one after the other.
    fn concat(vectors: &[&Self]) -> Self {
        let len = vectors.iter().map(|vector| vector.len()).sum();
        Self::linear_map(vectors, len, |vectors| vectors.concat())
    }

    /// Cuts the vector into `count` pieces of one length.
    fn split_into(&self, count: usize) -> Vec<Self> {
        let len = self.len().checked_div(count).unwrap_or(0);
        assert_eq!(count * len, self.len(), "a vector is cut into pieces of one length");
        (0..count).map(|piece| self.slice(piece * len..(piece + 1) * len)).collect()
    }

    /// Returns the elements at these places.
    fn gather(&self, places: &[usize]) -> Self {
        self.mapped(places.len(), |x| gather(x, places))
    }

    /// Returns the prefix sums of each block of so many elements.
    fn prefix_sums(&self, block: usize) -> Self {
        self.mapped(self.len(), |x| {
            let mut sums = x.to_vec();
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

    /// Transposes a matrix whose rows have `columns` elements; the last row may be shorter.
    fn transposed(&self, columns: usize) -> Self {
        self.mapped(self.len(), |x| {
            let mut all = Vec::with_capacity(x.len());
            for column in 0..columns {
                all.extend(x.iter().skip(column).step_by(columns).copied());
            }
            all
        })
    }
}

/// Rearranges shared bits, 64 in a word. A bit slice holds one bit of every number, as
/// [`crate::algebra::packed_bits`] says.
pub(crate) trait SharedBits: Shared<PackedBits> {
    /// Returns the slices of these bits of a vector with one word a row. Each slice is
    /// [`bit_slice_words`] long.
    fn bit_slices(&self, bits: Range<usize>) -> Vec<Self> {
        let words = bit_slice_words(self.len()) * bits.len();
        self.mapped(words, |rows| bit_slices_of(rows, bits.clone())).split_into(bits.len())
    }

    /// Returns, of up to 64 slices, the word of each of the first `rows` numbers. It is the inverse
    /// of [`Self::bit_slices`].
    fn words(bit_slices: &[Self], rows: usize) -> Self {
        let all: Vec<&Self> = bit_slices.iter().collect();
        Self::concat(&all).mapped(rows, |bit_slices| words_of(bit_slices, rows))
    }

    /// Moves these bits of a slice to the front, with zeros behind them.
    fn lanes(&self, lanes: Range<usize>) -> Self {
        self.mapped(bit_slice_words(lanes.len()), |bit_slice| lanes_of(bit_slice, lanes.clone()))
    }

    /// Interleaves the first `half` bits of two slices, beginning with this one.
    fn interleaved(&self, high: &Self, half: usize) -> Self {
        Self::linear_map(&[self, high], bit_slice_words(2 * half), |both| match both {
            [low, high] => interleaved(low, high, half),
            _ => unreachable!("a map of two vectors is given two"),
        })
    }

    /// Reverses the first `lanes` bits of a slice, with zeros behind them.
    fn reversed(&self, lanes: usize) -> Self {
        self.mapped(bit_slice_words(lanes), |bit_slice| reversed(bit_slice, lanes))
    }
}

impl<S: Shared<PackedBits>> SharedBits for S {}

/// A share vector: `C` components of one length, or none at a member that does not compute.
#[derive(Clone)]
pub(crate) struct ShareVector<R: Ring, const C: usize> {
    len: usize,
    /// The components, behind reference counts, so that messages carry them without a copy.
    parts: Option<[Arc<SecretElements<R>>; C]>,
}

impl<R: Ring, const C: usize> ShareVector<R, C> {
    /// Creates a vector of these components.
    ///
    /// # Panics
    /// If their lengths differ.
    pub(crate) fn new(parts: [Vec<R>; C]) -> Self {
        Self::of_shared(parts.map(|part| Arc::new(part.into())))
    }

    /// Creates a vector of these components, which messages may carry, too.
    ///
    /// # Panics
    /// If their lengths differ.
    pub(crate) fn of_shared(parts: [Arc<SecretElements<R>>; C]) -> Self {
        let len = parts.first().map_or(0, |part| part.len());
        assert!(parts.iter().all(|part| part.len() == len), "components have one length");
        Self { len, parts: Some(parts) }
    }

    /// Creates a vector of this length at a member that holds no share of it.
    pub(crate) fn absent(len: usize) -> Self {
        Self { len, parts: None }
    }

    /// Returns the components.
    ///
    /// # Panics
    /// At a member that does not compute.
    pub(crate) fn parts(&self) -> [&[R]; C] {
        self.shared_parts().each_ref().map(|part| &***part)
    }

    /// Returns the components, for messages.
    ///
    /// # Panics
    /// At a member that does not compute.
    pub(crate) fn shared_parts(&self) -> &[Arc<SecretElements<R>>; C] {
        self.parts.as_ref().expect("members that compute hold shares")
    }

    fn combine(&self, other: &Self, operation: impl Fn(&[R], &[R]) -> Vec<R>) -> Self {
        assert_eq!(self.len, other.len, "shared vectors that are combined have one length");
        match (&self.parts, &other.parts) {
            (Some(parts), Some(others)) => {
                let mut others = others.iter();
                let combined = parts.each_ref().map(|part| {
                    let other = others.next().expect("both have as many components");
                    Arc::new(operation(part, other).into())
                });
                Self::of_shared(combined)
            }
            _ => Self::absent(self.len),
        }
    }
}

impl<R: Ring, const C: usize> Shared<R> for ShareVector<R, C> {
    fn len(&self) -> usize {
        self.len
    }

    fn plus(&self, other: &Self) -> Self {
        self.combine(other, sum)
    }

    fn minus(&self, other: &Self) -> Self {
        self.combine(other, difference)
    }

    fn linear_map(vectors: &[&Self], len: usize, map: impl Fn(&[&[R]]) -> Vec<R>) -> Self {
        let mut present = Vec::with_capacity(vectors.len());
        for vector in vectors {
            let Some(parts) = &vector.parts else { return Self::absent(len) };
            present.push(parts);
        }
        let component = |index: usize| {
            let parts: Vec<&[R]> =
                present.iter().filter_map(|parts| parts.get(index)).map(|part| &***part).collect();
            let mapped = map(&parts);
            assert_eq!(mapped.len(), len, "a map makes as many elements as it says");
            Arc::new(mapped.into())
        };
        Self { len, parts: Some(std::array::from_fn(component)) }
    }
}
