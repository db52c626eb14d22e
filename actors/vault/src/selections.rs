//! Control of differencing attacks: the selections of rows that earlier queries were about.
//!
//! The difference between the answers for two selections reveals the rows in which they differ. So
//! a selection that differs from an earlier one by a few rows is refused. The difference is the
//! number of rows in exactly one of the two. Only selections with a column in common are compared.
//! No selection is ever forgotten: a dataset with too many takes no new ones.
//!
//! A selection is a sorted list of 64-bit keyed hashes, one for each row. The caller computes them,
//! with different hashes for equal rows. Among 2^24 rows, two hashes collide with probability
//! 2^-17. A collision makes a difference look smaller, so it can only refuse more.
//!
//! Attacks by more than two selections (A and B apart, then A with B) are not detected.

use redb::{ReadableTable, Table};
use serde::{Deserialize, Serialize};

use crate::error::VaultError;
use crate::limits::{MAX_SELECTION_ROWS, MAX_SELECTIONS, check_name, checked_columns};
use crate::records;
use crate::schema::{SELECTION_ROWS, SELECTIONS};
use crate::seal::{ChunkSealer, Salt, Sealer, length_prefixed, random};
use crate::state::State;
use crate::store::Group;
use crate::writer::Written;

const TABLE: &str = "selections";

/// The rows of one chunk. Few, because most selections differ early, and then the rest is not read.
const CHUNK_ROWS: usize = 2048;

/// The most columns of one selection over all queries. A caller that keeps to the schema of its
/// dataset stays far below.
const MAX_UNION_COLUMNS: usize = 10_000;

/// The outcome of a query. It does not tell by how many rows a refused selection differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// The query may be answered, and its selection is stored.
    Recorded,
    /// An earlier selection differs by too few rows. The selection is not stored.
    TooClose,
}

#[derive(Serialize, Deserialize)]
struct Record {
    /// The columns of all queries about this selection, sorted and each once.
    columns: Vec<String>,
    rows: u64,
    digest: [u8; 32],
    salt: Salt,
    chunks: u64,
}

/// A checked query, with sorted rows.
struct Query {
    dataset: String,
    columns: Vec<String>,
    rows: Vec<u64>,
    digest: [u8; 32],
    minimum: u64,
}

/// The earlier selections of a state.
pub(crate) struct Selections<'a>(pub(crate) &'a State);

impl Selections<'_> {
    pub(crate) fn ask(
        &self,
        dataset: &str,
        columns: &[String],
        rows: Vec<u64>,
        minimum: u64,
    ) -> Written<Asked> {
        match Query::new(dataset, columns, rows, minimum) {
            Ok(query) => {
                let bytes = query.rows.len().saturating_mul(size_of::<u64>());
                self.0.submit(bytes, move |group| answer(group, &query, MAX_SELECTIONS))
            }
            Err(error) => Written::refused(error),
        }
    }
}

impl Query {
    fn new(
        dataset: &str,
        columns: &[String],
        mut rows: Vec<u64>,
        minimum: u64,
    ) -> Result<Self, VaultError> {
        check_name("a dataset's name", dataset)?;
        let columns = checked_columns(columns)?;
        if columns.is_empty() {
            return Err(VaultError::Invalid {
                what: "the columns asked about",
                rule: "at least one",
            });
        }
        if rows.len() > MAX_SELECTION_ROWS {
            return Err(VaultError::TooBig { what: "a selection's rows", limit: 1 << 24 });
        }
        rows.sort_unstable();
        let mut hasher = blake3::Hasher::new_derive_key("cloister 1 rows of a selection");
        rows.iter().for_each(|row| _ = hasher.update(&row.to_le_bytes()));
        let digest = *hasher.finalize().as_bytes();
        Ok(Self { dataset: dataset.to_owned(), columns, rows, digest, minimum })
    }

    fn row_count(&self) -> u64 {
        self.rows.len() as u64
    }

    fn has_column_of(&self, record: &Record) -> bool {
        self.columns.iter().any(|column| record.columns.binary_search(column).is_ok())
    }
}

type SelectionTable<'a> = Table<'a, (&'static str, u64), &'static [u8]>;
type RowTable<'a> = Table<'a, (&'static str, u64, u64), &'static [u8]>;

/// Answers a query. A new selection is refused if the dataset has `most` selections already.
fn answer(group: &mut Group<'_>, query: &Query, most: u64) -> Result<Asked, VaultError> {
    let mut selections = group.transaction.open_table(SELECTIONS)?;
    let mut rows = group.transaction.open_table(SELECTION_ROWS)?;
    let mut count = 0_u64;
    let mut same = None;
    for entry in selections.range(range_of(&query.dataset))? {
        let (key, sealed) = entry?;
        let (_, number) = key.value();
        count = count.saturating_add(1);
        let record: Record = records::open(
            group.sealer,
            TABLE,
            &record_key(&query.dataset, number),
            sealed.value(),
        )?;
        if record.digest == query.digest {
            same = Some((number, record));
        } else if query.has_column_of(&record)
            && is_too_close(group.sealer, query, number, &record, &rows)?
        {
            return Ok(Asked::TooClose);
        }
    }
    match same {
        Some((number, record)) => add_columns(group, query, number, record, &mut selections)?,
        None if count >= most => return Err(too_many_selections()),
        None => store(group.sealer, query, count, &mut selections, &mut rows)?,
    }
    Ok(Asked::Recorded)
}

/// Returns `true` if the query's rows differ from an earlier selection by fewer than the minimum.
fn is_too_close(
    sealer: &Sealer,
    query: &Query,
    number: u64,
    record: &Record,
    rows: &RowTable<'_>,
) -> Result<bool, VaultError> {
    // The difference is at least the difference of the counts.
    if query.row_count().abs_diff(record.rows) >= query.minimum {
        return Ok(false);
    }
    let mut difference = Difference::new(&query.rows, query.minimum);
    let mut read = 0_u64;
    let chunk_sealer = chunk_sealer(sealer, &query.dataset, number, record);
    for chunk in 0..record.chunks {
        let key = (query.dataset.as_str(), number, chunk);
        let sealed = rows.get(key)?.ok_or_else(altered_rows)?;
        let words = chunk_sealer.open(chunk, sealed.value()).ok_or_else(altered_rows)?;
        let (words, []) = words.as_chunks::<8>() else { return Err(altered_rows()) };
        read = read.saturating_add(words.len() as u64);
        words.iter().for_each(|word| difference.pass(u64::from_le_bytes(*word)));
        if difference.is_enough() {
            return Ok(false);
        }
    }
    if read != record.rows {
        return Err(altered_rows());
    }
    // The difference is not 0: equal selections were found by their digest.
    Ok(!difference.finish())
}

/// Counts the values in one of two sorted lists and not in the other, up to a bound. Repeated
/// values count as often as they occur.
struct Difference<'a> {
    left: &'a [u64],
    count: u64,
    enough: u64,
}

impl<'a> Difference<'a> {
    fn new(left: &'a [u64], enough: u64) -> Self {
        Self { left, count: 0, enough }
    }

    /// Compares the next value of the other list.
    fn pass(&mut self, value: u64) {
        while let Some((first, rest)) = self.left.split_first()
            && *first < value
            && !self.is_enough()
        {
            self.left = rest;
            self.count = self.count.saturating_add(1);
        }
        match self.left.split_first() {
            Some((first, rest)) if *first == value => self.left = rest,
            _ => self.count = self.count.saturating_add(1),
        }
    }

    fn is_enough(&self) -> bool {
        self.count >= self.enough
    }

    /// Ends the other list. Returns `true` if the difference reaches the bound.
    fn finish(self) -> bool {
        self.count.saturating_add(self.left.len() as u64) >= self.enough
    }
}

fn add_columns(
    group: &Group<'_>,
    query: &Query,
    number: u64,
    mut record: Record,
    selections: &mut SelectionTable<'_>,
) -> Result<(), VaultError> {
    record.columns.extend_from_slice(&query.columns);
    record.columns = checked_columns_of_union(record.columns)?;
    let key = record_key(&query.dataset, number);
    let sealed = records::seal(group.sealer, TABLE, &key, &record)?;
    selections.insert((query.dataset.as_str(), number), sealed.as_slice())?;
    Ok(())
}

fn store(
    sealer: &Sealer,
    query: &Query,
    number: u64,
    selections: &mut SelectionTable<'_>,
    rows: &mut RowTable<'_>,
) -> Result<(), VaultError> {
    let dataset = query.dataset.as_str();
    let record = Record {
        columns: query.columns.clone(),
        rows: query.row_count(),
        digest: query.digest,
        salt: random()?,
        chunks: query.rows.len().div_ceil(CHUNK_ROWS) as u64,
    };
    let chunk_sealer = chunk_sealer(sealer, dataset, number, &record);
    for (chunk, words) in (0..).zip(query.rows.chunks(CHUNK_ROWS)) {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        rows.insert((dataset, number, chunk), chunk_sealer.seal(chunk, &bytes)?.as_slice())?;
    }
    let sealed = records::seal(sealer, TABLE, &record_key(dataset, number), &record)?;
    selections.insert((dataset, number), sealed.as_slice())?;
    Ok(())
}

fn chunk_sealer(sealer: &Sealer, dataset: &str, number: u64, record: &Record) -> ChunkSealer {
    let number = number.to_le_bytes();
    let context = length_prefixed(&[b"rows", dataset.as_bytes(), &number, &record.digest]);
    sealer.chunks(&record.salt, &context, record.chunks)
}

fn record_key(dataset: &str, number: u64) -> Vec<u8> {
    length_prefixed(&[dataset.as_bytes(), &number.to_le_bytes()])
}

fn range_of(dataset: &str) -> std::ops::RangeInclusive<(&str, u64)> {
    (dataset, 0)..=(dataset, u64::MAX)
}

/// Makes the columns of all queries about one selection a set, within its bound.
fn checked_columns_of_union(mut columns: Vec<String>) -> Result<Vec<String>, VaultError> {
    columns.sort_unstable();
    columns.dedup();
    if columns.len() > MAX_UNION_COLUMNS {
        let what = "columns remembered of one selection";
        let hint = "ask about columns of the dataset only";
        return Err(VaultError::Limit { what, limit: MAX_UNION_COLUMNS as u64, hint });
    }
    Ok(columns)
}

fn altered_rows() -> VaultError {
    VaultError::Altered { table: "rows" }
}

fn too_many_selections() -> VaultError {
    VaultError::Limit {
        what: "selections remembered of the dataset",
        limit: MAX_SELECTIONS,
        hint: "repeat an earlier selection; nothing that was opened is forgotten",
    }
}

#[cfg(test)]
mod tests {
    use tempfile::tempdir;

    use super::*;

    fn ask(state: &State, rows: &[u64]) -> Result<Asked, VaultError> {
        let query = Query::new("trial", &["age".into()], rows.to_vec(), 2).unwrap();
        state.submit(0, move |group| answer(group, &query, 3)).wait()
    }

    #[test]
    fn a_full_memory_forgets_nothing_and_takes_nothing_new() {
        let folder = tempdir().unwrap();
        let state = State::open(folder.path()).unwrap();
        for rows in [[1, 2, 3], [4, 5, 6], [7, 8, 9]] {
            assert_eq!(ask(&state, &rows).unwrap(), Asked::Recorded);
        }
        let refused = ask(&state, &[10, 11, 12]);
        assert!(matches!(refused, Err(VaultError::Limit { limit: 10_000, .. })));
        assert_eq!(ask(&state, &[6, 5, 4]).unwrap(), Asked::Recorded, "the same again");
        assert_eq!(ask(&state, &[1, 2]).unwrap(), Asked::TooClose, "still stored");
    }

    fn differs(one: &[u64], other: &[u64], enough: u64) -> bool {
        let mut difference = Difference::new(one, enough);
        other.iter().for_each(|&value| difference.pass(value));
        difference.finish()
    }

    #[test]
    fn differences_are_counted_up_to_the_bound() {
        assert!(differs(&[1, 2, 3], &[], 3) && !differs(&[1, 2, 3], &[], 4));
        assert!(differs(&[], &[1, 2, 3], 3) && !differs(&[], &[1, 2, 3], 4));
        assert!(differs(&[1, 3, 5], &[2, 3, 4], 4) && !differs(&[1, 3, 5], &[2, 3, 4], 5));
        assert!(differs(&[1, 1, 1], &[1], 2) && !differs(&[1, 1, 1], &[1], 3));
        assert!(!differs(&[0, u64::MAX], &[0, u64::MAX], 1));
    }
}
