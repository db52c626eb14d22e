//! The operations of a suite that can multiply: sharing, opening, products, bits, and the
//! conversions between.
//!
//! Functions are written once over [`Engine`]; the parties agree on the suite that runs below. All
//! members of a computation run the same code. Members that compute hold shares. Members that only
//! bring data or wait for the answer hold vectors of the right length without shares. Nothing here,
//! and nothing above it, may branch on anything but public values: sizes, parameters, and opened
//! values.
//!
//! Numbers are elements of [`Ring`]: integers modulo 2^64 or 2^128. Bits are [`PackedBits`], 64 in
//! a word; a vector of numbers has its bits in bit slices, as [`crate::algebra::packed_bits`] says.

pub(crate) mod aggregate;
pub(crate) mod matching;
#[cfg(test)]
pub(crate) mod openings;
pub(crate) mod reveals;
pub(crate) mod shared;
pub(crate) mod tables;

use std::ops::Range;

use crate::algebra::packed_bits::PackedBits;
use crate::algebra::ring::Ring;
use crate::engine::shared::{Shared, SharedBits};
use crate::kernel::fault::Fault;
use crate::kernel::reveal::{Recipients, Reveal};

/// The result of an opening at one member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reconstructed<T> {
    /// The value, at a recipient.
    Value(T),
    /// Nothing: this member is no recipient.
    NotARecipient,
}

impl<T> Reconstructed<T> {
    /// Maps the value at a recipient.
    pub(crate) fn try_map<U>(
        self,
        map: impl FnOnce(T) -> Result<U, Fault>,
    ) -> Result<Reconstructed<U>, Fault> {
        match self {
            Self::Value(value) => map(value).map(Reconstructed::Value),
            Self::NotARecipient => Ok(Reconstructed::NotARecipient),
        }
    }

    /// Makes an answer of the value at a recipient. Returns none at other members.
    pub(crate) fn answer<U>(self, answer: impl FnOnce(T) -> U) -> Option<U> {
        match self {
            Self::Value(value) => Some(answer(value)),
            Self::NotARecipient => None,
        }
    }

    /// Returns the value at a recipient.
    #[cfg(test)]
    pub(crate) fn value(self) -> Option<T> {
        match self {
            Self::Value(value) => Some(value),
            Self::NotARecipient => None,
        }
    }
}

/// Columns of one table that are shuffled together: row i of each goes to the same place.
#[derive(Clone)]
pub(crate) struct Columns<E: Engine> {
    /// Numbers, one a row.
    pub(crate) numbers: Vec<E::Shared<u64>>,
    /// Words of 64 bits, one a row.
    pub(crate) words: Vec<E::Shared<PackedBits>>,
}

/// The factors of a matrix product: rows x inner and inner x columns, row by row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dimensions {
    /// Rows of the left factor and of the product.
    pub(crate) rows: usize,
    /// Columns of the left factor, rows of the right one.
    pub(crate) inner: usize,
    /// Columns of the right factor and of the product.
    pub(crate) columns: usize,
}

/// A suite at work: one session's shares, keys and counters at one member.
///
/// Operations that take messages are `async`, and take one round unless they say otherwise. All
/// members call the same operations in the same order with vectors of the same lengths.
pub(crate) trait Engine: Sized {
    /// A vector in shared form.
    type Shared<R: Ring>: Shared<R>;

    /// The most comparisons of 64-bit numbers that are made beside a function, to compare its question
    /// with earlier ones.
    const DIFFERENCES: usize;

    /// Returns whether this member is a party that brings data, not a helper.
    fn brings_data(&self) -> bool;

    /// Makes a sharing of a public vector. Local.
    fn public<R: Ring>(&self, values: Vec<R>) -> Self::Shared<R>;

    /// Makes a fresh sharing of uniformly random elements, which no party knows.
    fn random<R: Ring>(&mut self, len: usize) -> Self::Shared<R>;

    /// Calls [`SharedBits::bit_slices`].
    fn bit_slices(
        &self,
        words: &Self::Shared<PackedBits>,
        bits: Range<usize>,
    ) -> Vec<Self::Shared<PackedBits>> {
        words.bit_slices(bits)
    }

    /// Calls [`SharedBits::lanes`].
    fn lanes(
        &self,
        bit_slice: &Self::Shared<PackedBits>,
        lanes: Range<usize>,
    ) -> Self::Shared<PackedBits> {
        bit_slice.lanes(lanes)
    }

    /// Shares each party's own vector. `lengths` has the length of each, for all parties that bring
    /// data, in order. `mine` is empty at a helper.
    async fn share<R: Ring>(
        &mut self,
        mine: &[R],
        lengths: &[usize],
    ) -> Result<Vec<Self::Shared<R>>, Fault>;

    /// Opens a vector to the recipients of this entry of the list. Verifies first everything that
    /// the value can depend on, as far as the suite's guarantee promises a verification.
    async fn open<R: Ring>(
        &mut self,
        x: &Self::Shared<R>,
        shows: Reveal,
    ) -> Result<Reconstructed<Vec<R>>, Fault>;

    /// Opens a vector to all members: to those that compute and to those that do not. The entry has
    /// to be one of all.
    async fn open_to_all<R: Ring>(
        &mut self,
        x: &Self::Shared<R>,
        shows: Reveal,
    ) -> Result<Vec<R>, Fault> {
        if shows.to != Recipients::All {
            return Err(Fault::Internal("what is opened to all has an entry for all"));
        }
        match self.open(x, shows).await? {
            Reconstructed::Value(opened) => Ok(opened),
            Reconstructed::NotARecipient => unreachable!("all members are recipients"),
        }
    }

    /// Multiplies element by element. On bits: conjunctions.
    async fn multiply<R: Ring>(
        &mut self,
        x: &Self::Shared<R>,
        y: &Self::Shared<R>,
    ) -> Result<Self::Shared<R>, Fault>;

    /// Returns the inner products of consecutive blocks of `block` elements.
    async fn dot<R: Ring>(
        &mut self,
        x: &Self::Shared<R>,
        y: &Self::Shared<R>,
        block: usize,
    ) -> Result<Self::Shared<R>, Fault>;

    /// Returns the product of two matrices.
    async fn matrix_product<R: Ring>(
        &mut self,
        x: &Self::Shared<R>,
        y: &Self::Shared<R>,
        dimensions: Dimensions,
    ) -> Result<Self::Shared<R>, Fault>;

    /// Returns bit `width` − 1 of each number: its sign, read in two's complement of so many bits.
    /// `width` is from 1 to [`Ring::BITS`].
    async fn msb<R: Ring>(
        &mut self,
        x: &Self::Shared<R>,
        width: usize,
    ) -> Result<Self::Shared<PackedBits>, Fault>;

    /// Decomposes each number: returns the bit slices of a range of its bits, the lowest first.
    async fn bits<R: Ring>(
        &mut self,
        x: &Self::Shared<R>,
        bits: Range<usize>,
    ) -> Result<Vec<Self::Shared<PackedBits>>, Fault>;

    /// Divides each number, read in two's complement of [`Ring::BITS`] bits, by 2^`bits`, and
    /// rounds down. The result is exact. Truncation of shares by themselves is off by one at
    /// random, and wrong with a probability that grows with the number.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "regressions on shares will be the first caller")
    )]
    async fn truncate<R: Ring>(
        &mut self,
        x: &Self::Shared<R>,
        bits: usize,
    ) -> Result<Self::Shared<R>, Fault>;

    /// Converts the first `lanes` bits of each bit slice to numbers 0 and 1, bit slice after bit
    /// slice. Two rounds. *Verified by the suite*: the step sends messages beside those of products
    /// and openings. A suite that promises verification checks it separately.
    async fn bit_to_arithmetic<R: Ring>(
        &mut self,
        bit_slices: &[&Self::Shared<PackedBits>],
        lanes: usize,
    ) -> Result<Self::Shared<R>, Fault>;

    /// Shuffles the rows of a table by a permutation that is close to uniform and that no party
    /// knows. Two rounds. *Verified by the suite*, as [`Self::bit_to_arithmetic`] is.
    async fn shuffle(&mut self, columns: Columns<Self>) -> Result<Columns<Self>, Fault>;
}
