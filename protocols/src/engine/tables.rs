//! Tables of several parties, and the rows that they have in common.

use zeroize::ZeroizeOnDrop;

use crate::algebra::packed_bits::PackedBits;
use crate::engine::Engine;

/// The rows of one party.
#[derive(ZeroizeOnDrop)]
pub(crate) struct Table {
    /// The item hash of each row: uniform numbers, none twice.
    pub(crate) item_hashes: Vec<u128>,
    /// Columns of words, each as long.
    pub(crate) words: Vec<Vec<PackedBits>>,
}

/// The number of rows and columns of a party's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    /// The number of item hashes.
    pub(crate) rows: usize,
    /// The number of columns of words.
    pub(crate) columns: usize,
}

/// The rows of the item hashes that all parties have.
pub(crate) struct Joined<E: Engine> {
    /// The number of rows.
    pub(crate) rows: usize,
    /// The columns of each party, in the same order of rows.
    pub(crate) tables: Vec<Vec<E::Shared<PackedBits>>>,
}
