//! Bounds on the memory that a compressed or dictionary-encoded source may decode to.
//!
//! A dictionary says a long text once, and names it in a bit or less of each row. So the texts of a
//! record batch are counted as if written out, before any of them is converted.

use ::arrow_array::RecordBatch;

use crate::arrow::text_lengths;
use crate::error::DataError;

/// The most cells of one push; each takes up to 24 bytes in memory.
pub const MAX_PUSHED_CELLS: usize = 1 << 25;

/// The most bytes of one push, with dictionaries written out.
pub const MAX_PUSHED_TEXT: usize = 1 << 29;

/// The bytes of long texts that any file may decode to.
const MAX_FILE_TEXT: usize = 1 << 29;

/// The bytes of long texts for each byte of a large file.
const DECODED_PER_BYTE: u64 = 64;

/// The length up to which texts of a file cost nothing, because rows are bounded elsewhere. Names
/// of categories are shorter.
const SHORT: usize = 128;

/// The bytes and cells that may still be decoded to.
pub(crate) struct Budget {
    cells: usize,
    text: usize,
    /// The length up to which a text costs nothing.
    free: usize,
}

impl Budget {
    /// Returns the budget of a client's push, whose columns stay in memory.
    pub(crate) fn of_push() -> Self {
        Self { cells: MAX_PUSHED_CELLS, text: MAX_PUSHED_TEXT, free: 0 }
    }

    /// Returns the budget of a file of that many bytes, whose rows are passed on in batches.
    pub(crate) fn of_file(length: u64) -> Self {
        let decoded =
            usize::try_from(length.saturating_mul(DECODED_PER_BYTE)).unwrap_or(usize::MAX);
        Self { cells: usize::MAX, text: decoded.max(MAX_FILE_TEXT), free: SHORT }
    }

    /// Takes a record batch off the budget.
    ///
    /// # Errors
    ///
    /// [`DataError::TooLarge`] for one that exceeds it.
    pub(crate) fn spend(&mut self, batch: &RecordBatch) -> Result<(), DataError> {
        // Rows without columns count too: a batch can claim any number of them in a few bytes.
        self.cells = batch
            .num_rows()
            .checked_mul(batch.num_columns().max(1))
            .and_then(|cells| self.cells.checked_sub(cells))
            .ok_or(DataError::TooLarge)?;
        for array in batch.columns() {
            for length in text_lengths(array).unwrap_or_default() {
                let cost = if length > self.free { length } else { 0 };
                self.text = self.text.checked_sub(cost).ok_or(DataError::TooLarge)?;
            }
        }
        Ok(())
    }
}
