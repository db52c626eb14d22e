//! The selections of rows that earlier versions remembered, for the memory that follows them.
//!
//! A selection is a sorted list of 64-bit keyed hashes, one for each row. Nothing writes them any
//! more.

use serde::{Deserialize, Serialize};

use crate::error::VaultError;
use crate::records;
use crate::schema::{SELECTION_ROWS, SELECTIONS};
use crate::seal::{ChunkSealer, Salt, Sealer, length_prefixed};
use crate::state::State;

const TABLE: &str = "selections";

#[derive(Serialize, Deserialize)]
struct Record {
    /// The columns of all queries about this selection, sorted and each once.
    columns: Vec<String>,
    rows: u64,
    digest: [u8; 32],
    salt: Salt,
    chunks: u64,
}

/// The earlier selections of a state.
pub(crate) struct Selections<'a>(pub(crate) &'a State);

impl Selections<'_> {
    /// Reads the rows of all selections of a dataset.
    pub(crate) fn all(&self, dataset: &str) -> Result<Vec<Vec<u64>>, VaultError> {
        let (transaction, sealer) = (self.0.read()?, self.0.sealer());
        let selections = transaction.open_table(SELECTIONS)?;
        let chunks = transaction.open_table(SELECTION_ROWS)?;
        let mut all = Vec::new();
        for entry in selections.range((dataset, 0)..=(dataset, u64::MAX))? {
            let (key, sealed) = entry?;
            let (_, number) = key.value();
            let record: Record =
                records::open(sealer, TABLE, &record_key(dataset, number), sealed.value())?;
            let chunk_sealer = chunk_sealer(sealer, dataset, number, &record);
            let mut rows = Vec::new();
            for chunk in 0..record.chunks {
                let sealed = chunks.get((dataset, number, chunk))?.ok_or_else(altered_rows)?;
                let words = chunk_sealer.open(chunk, sealed.value()).ok_or_else(altered_rows)?;
                let (words, []) = words.as_chunks::<8>() else { return Err(altered_rows()) };
                rows.extend(words.iter().map(|word| u64::from_le_bytes(*word)));
            }
            if rows.len() as u64 != record.rows {
                return Err(altered_rows());
            }
            all.push(rows);
        }
        Ok(all)
    }
}

fn chunk_sealer(sealer: &Sealer, dataset: &str, number: u64, record: &Record) -> ChunkSealer {
    let number = number.to_le_bytes();
    let context = length_prefixed(&[b"rows", dataset.as_bytes(), &number, &record.digest]);
    sealer.chunks(&record.salt, &context, record.chunks)
}

fn record_key(dataset: &str, number: u64) -> Vec<u8> {
    length_prefixed(&[dataset.as_bytes(), &number.to_le_bytes()])
}

fn altered_rows() -> VaultError {
    VaultError::Altered { table: "rows" }
}
