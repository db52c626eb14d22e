//! The rows that a question is about.

use crate::limits::MAX_ROWS;

/// A set of rows of one source, each told apart by a keyed hash of 64 bits.
///
/// Rows with one hash count as one row. Among 2^24 rows two hashes collide with probability 2^-17.
#[derive(Clone, PartialEq, Eq)]
pub struct Selection(Vec<u64>);

/// The refusal of a selection with more than [`MAX_ROWS`] rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a selection may have at most {MAX_ROWS} rows")]
pub struct TooManyRows;

impl Selection {
    /// Creates a selection of the rows with these hashes, in any order.
    ///
    /// # Errors
    ///
    /// [`TooManyRows`] above [`MAX_ROWS`].
    pub fn new(mut hashes: Vec<u64>) -> Result<Self, TooManyRows> {
        if hashes.len() > MAX_ROWS {
            return Err(TooManyRows);
        }
        if !hashes.is_sorted_by(|one, next| one < next) {
            hashes.sort_unstable();
            hashes.dedup();
        }
        Ok(Self(hashes))
    }

    /// Returns the number of rows.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.0.len() as u64
    }

    /// Returns the hashes, ascending, each once.
    pub(crate) fn hashes(&self) -> &[u64] {
        &self.0
    }
}

impl std::fmt::Debug for Selection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Selection")
    }
}
