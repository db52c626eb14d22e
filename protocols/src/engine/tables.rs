//! Tables of several parties, and the rows that they have in common.

use zeroize::ZeroizeOnDrop;

use crate::algebra::packed_bits::PackedBits;
use crate::engine::Engine;

/// One party's rows.
#[derive(ZeroizeOnDrop)]
pub(crate) struct Table {
    /// What each is known by: uniform numbers, none twice.
    pub(crate) item_hashes: Vec<u128>,
    /// Columns of words, each as long.
    pub(crate) words: Vec<Vec<PackedBits>>,
}

/// How many rows and columns a party's table has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    /// How many item hashes.
    pub(crate) rows: usize,
    /// How many columns of words.
    pub(crate) columns: usize,
}

/// The rows of the item hashes that all parties have.
pub(crate) struct Joined<E: Engine> {
    /// How many.
    pub(crate) rows: usize,
    /// Of each party its columns, in the same order of rows.
    pub(crate) tables: Vec<Vec<E::Shared<PackedBits>>>,
}
