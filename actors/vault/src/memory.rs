//! Memory of what was asked: a selection that differs from an earlier one by a few rows would show
//! those rows' values in the difference of the answers, and is refused.
//!
//! A selection is a sorted list of 64-bit keyed hashes, one for each row; the caller makes them, and
//! tells equal rows apart. What is compared is the number of rows in one selection and not in the
//! other, between pairs of selections that have a column in common. Nothing is ever forgotten: a
//! dataset whose memory is full takes no new selections.
//!
//! It does not see differences that take more than two selections (A and B apart, then A with B), and
//! hashes of 64 bits collide: among 2^24 rows two have the same with a probability of 2^-17, which
//! makes a difference look smaller and so refuses too much rather than too little.

use redb::{ReadableTable, Table, TableDefinition, WriteTransaction};
use serde::{Deserialize, Serialize};

use crate::limits::{MAX_SELECTION_ROWS, MAX_SELECTIONS, check_name, checked_columns};
use crate::seal::{Chunks, Salt, Sealer, place, random};
use crate::writer::Group;
use crate::{Vault, VaultError, Written, records};

/// Dataset and number of the selection, from 0, to sealed [`Record`].
const SELECTIONS: TableDefinition<'static, (&str, u64), &[u8]> = TableDefinition::new("selections");
/// Dataset, number of the selection and number of the chunk to sealed words.
const ROWS: TableDefinition<'static, (&str, u64, u64), &[u8]> = TableDefinition::new("rows");
const TABLE: &str = "selections";

/// Two selections mostly differ early: a chunk is short, so that few bytes are read and opened.
const CHUNK_WORDS: usize = 2048;

pub(crate) fn make_tables(transaction: &WriteTransaction) -> Result<(), VaultError> {
    transaction.open_table(SELECTIONS)?;
    transaction.open_table(ROWS)?;
    Ok(())
}

/// What became of a question. By how much it was too close is not said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// It may be answered, and is remembered.
    Recorded,
    /// An earlier selection differs from it by too few rows. It is not remembered.
    TooClose,
}

#[derive(Serialize, Deserialize)]
struct Record {
    /// Sorted, each once.
    columns: Vec<String>,
    rows: u64,
    digest: [u8; 32],
    salt: Salt,
    chunks: u64,
}

/// A question, sorted and checked.
struct Question {
    dataset: String,
    columns: Vec<String>,
    rows: Vec<u64>,
    digest: [u8; 32],
    minimum: u64,
}

impl Vault {
    /// Asks whether `columns` of the selection `rows` of `dataset` may be opened, and remembers it if
    /// so. `rows` are keyed hashes in any order, as many as there are rows; the order is lost.
    ///
    /// It is [`Asked::TooClose`] if there is an earlier selection of the dataset, with a column in
    /// common, from which this one differs by at least one row and by fewer than `minimum`. The equal
    /// selection is not stored again; its columns are added. Sorts in the calling thread.
    ///
    /// # Errors
    ///
    /// No columns (what is counted is a column, too), more than 1,000 of them, more than 2^24 rows,
    /// or 10,000 different selections remembered already.
    pub fn ask(
        &self,
        dataset: &str,
        columns: &[String],
        rows: Vec<u64>,
        minimum: u64,
    ) -> Written<Asked> {
        match Question::new(dataset, columns, rows, minimum) {
            Ok(question) => {
                let bytes = question.rows.len().saturating_mul(size_of::<u64>());
                self.submit(bytes, move |group| answer(group, &question, MAX_SELECTIONS))
            }
            Err(error) => Written::refused(error),
        }
    }
}

impl Question {
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

type Selections<'a> = Table<'a, (&'static str, u64), &'static [u8]>;
type Rows<'a> = Table<'a, (&'static str, u64, u64), &'static [u8]>;

/// Answers a question, if the dataset has fewer than `most` selections or had this one before.
fn answer(group: &mut Group<'_>, question: &Question, most: u64) -> Result<Asked, VaultError> {
    let mut selections = group.transaction.open_table(SELECTIONS)?;
    let mut rows = group.transaction.open_table(ROWS)?;
    let mut count = 0_u64;
    let mut same = None;
    for entry in selections.range(all_of(&question.dataset))? {
        let (key, sealed) = entry?;
        let (_, number) = key.value();
        count = count.saturating_add(1);
        let record: Record = records::open(
            group.sealer,
            TABLE,
            &record_key(&question.dataset, number),
            sealed.value(),
        )?;
        if record.digest == question.digest {
            same = Some((number, record));
        } else if question.has_column_of(&record)
            && is_too_close(group.sealer, question, number, &record, &rows)?
        {
            return Ok(Asked::TooClose);
        }
    }
    match same {
        Some((number, record)) => add_columns(group, question, number, record, &mut selections)?,
        None if count >= most => return Err(memory_full()),
        None => remember(group.sealer, question, count, &mut selections, &mut rows)?,
    }
    Ok(Asked::Recorded)
}

/// Whether the question's rows differ from an earlier selection's by fewer than the minimum.
fn is_too_close(
    sealer: &Sealer,
    question: &Question,
    number: u64,
    record: &Record,
    rows: &Rows<'_>,
) -> Result<bool, VaultError> {
    // The difference is at least that of the counts.
    if question.row_count().abs_diff(record.rows) >= question.minimum {
        return Ok(false);
    }
    let mut difference = Difference::new(&question.rows, question.minimum);
    let mut read = 0_u64;
    let place = chunks_of(sealer, &question.dataset, number, record);
    for chunk in 0..record.chunks {
        let key = (question.dataset.as_str(), number, chunk);
        let sealed = rows.get(key)?.ok_or_else(altered_rows)?;
        let words = place.open(chunk, sealed.value()).ok_or_else(altered_rows)?;
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
    // Zero would be the equal selection, which its digest has told already.
    Ok(!difference.finish())
}

/// Counts, over two sorted lists, what is in one and not in the other, up to a bound. A value that a
/// list has several times counts as often.
struct Difference<'a> {
    left: &'a [u64],
    count: u64,
    enough: u64,
}

impl<'a> Difference<'a> {
    fn new(left: &'a [u64], enough: u64) -> Self {
        Self { left, count: 0, enough }
    }

    /// Takes the next value of the other list.
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

    /// Ends the other list; tells whether the difference reaches the bound.
    fn finish(self) -> bool {
        self.count.saturating_add(self.left.len() as u64) >= self.enough
    }
}

fn add_columns(
    group: &Group<'_>,
    question: &Question,
    number: u64,
    mut record: Record,
    selections: &mut Selections<'_>,
) -> Result<(), VaultError> {
    record.columns.extend_from_slice(&question.columns);
    record.columns = checked_columns_of_union(record.columns)?;
    let key = record_key(&question.dataset, number);
    let sealed = records::seal(group.sealer, TABLE, &key, &record)?;
    selections.insert((question.dataset.as_str(), number), sealed.as_slice())?;
    Ok(())
}

fn remember(
    sealer: &Sealer,
    question: &Question,
    number: u64,
    selections: &mut Selections<'_>,
    rows: &mut Rows<'_>,
) -> Result<(), VaultError> {
    let dataset = question.dataset.as_str();
    let record = Record {
        columns: question.columns.clone(),
        rows: question.row_count(),
        digest: question.digest,
        salt: random()?,
        chunks: question.rows.len().div_ceil(CHUNK_WORDS) as u64,
    };
    let place = chunks_of(sealer, dataset, number, &record);
    for (chunk, words) in (0..).zip(question.rows.chunks(CHUNK_WORDS)) {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        rows.insert((dataset, number, chunk), place.seal(chunk, &bytes)?.as_slice())?;
    }
    let sealed = records::seal(sealer, TABLE, &record_key(dataset, number), &record)?;
    selections.insert((dataset, number), sealed.as_slice())?;
    Ok(())
}

fn chunks_of(sealer: &Sealer, dataset: &str, number: u64, record: &Record) -> Chunks {
    let bound = place(&[b"rows", dataset.as_bytes(), &number.to_le_bytes(), &record.digest]);
    sealer.chunks(&record.salt, &bound, record.chunks)
}

fn record_key(dataset: &str, number: u64) -> Vec<u8> {
    place(&[dataset.as_bytes(), &number.to_le_bytes()])
}

fn all_of(dataset: &str) -> std::ops::RangeInclusive<(&str, u64)> {
    (dataset, 0)..=(dataset, u64::MAX)
}

/// The columns of one selection over all questions. They are columns of one dataset, so a caller
/// that keeps to its schema stays far below the bound.
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

const MAX_UNION_COLUMNS: usize = 10_000;

fn altered_rows() -> VaultError {
    VaultError::Altered { table: "rows" }
}

fn memory_full() -> VaultError {
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

    #[test]
    fn a_full_memory_forgets_nothing_and_takes_nothing_new() {
        let folder = tempdir().unwrap();
        let vault = Vault::open(folder.path()).unwrap();
        let ask = |rows: &[u64]| {
            let question = Question::new("trial", &["age".into()], rows.to_vec(), 2).unwrap();
            vault.submit(0, move |group| answer(group, &question, 3)).wait()
        };
        for rows in [[1, 2, 3], [4, 5, 6], [7, 8, 9]] {
            assert_eq!(ask(&rows).unwrap(), Asked::Recorded);
        }
        assert!(matches!(ask(&[10, 11, 12]), Err(VaultError::Limit { limit: 10_000, .. })));
        assert_eq!(ask(&[6, 5, 4]).unwrap(), Asked::Recorded, "the same again");
        assert_eq!(ask(&[1, 2]).unwrap(), Asked::TooClose, "still remembered");
    }

    #[test]
    fn differences_are_counted_up_to_the_bound() {
        let differs = |one: &[u64], other: &[u64], enough| {
            let mut difference = Difference::new(one, enough);
            other.iter().for_each(|&value| difference.pass(value));
            difference.finish()
        };
        assert!(differs(&[1, 2, 3], &[], 3) && !differs(&[1, 2, 3], &[], 4));
        assert!(differs(&[], &[1, 2, 3], 3) && !differs(&[], &[1, 2, 3], 4));
        assert!(differs(&[1, 3, 5], &[2, 3, 4], 4) && !differs(&[1, 3, 5], &[2, 3, 4], 5));
        assert!(differs(&[1, 1, 1], &[1], 2) && !differs(&[1, 1, 1], &[1], 3));
        assert!(!differs(&[0, u64::MAX], &[0, u64::MAX], 1));
    }
}
