//! Rows on their way from a source into a computation, and the hashes that tell them apart.

use cloister_protocols::catalogue::{Descriptor, InputKind};
use cloister_sources::{Batch, Values};
use zeroize::Zeroizing;

use super::obtained::{Contents, Obtained, footprint};
use crate::vocabulary::code::Code;
use crate::vocabulary::error::ApiError;
use crate::vocabulary::label::Private;

/// Selected rows: some columns to compute with, and the identity of each row.
pub(super) struct Rows {
    wanted: usize,
    columns: Vec<Values>,
    len: usize,
    identities: Option<Identities>,
}

/// Keyed hashes of rows. Rows that agree in all identifying columns are counted: the first, the
/// second and so on are different rows.
pub(super) struct Identities {
    key: Zeroizing<[u8; 32]>,
    context: Zeroizing<[u8; 32]>,
    hashes: Zeroizing<Vec<u64>>,
}

/// The fate of rows in which a value is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Incomplete {
    /// They are left out, as the client allows.
    LeftOut,
    /// They are refused. The client can have them left out.
    Refused,
    /// They are refused, because each row has its place among others'.
    Placed,
}

impl Rows {
    /// Creates an empty collection whose first `wanted` columns are computed with.
    pub(super) fn new(wanted: usize, identities: Identities) -> Self {
        Self { wanted, columns: Vec::new(), len: 0, identities: Some(identities) }
    }

    /// Takes all columns and rows of a batch, to compute with.
    pub(super) fn all(batch: Batch) -> Self {
        let wanted = batch.columns.len();
        Self { wanted, columns: batch.columns, len: batch.rows, identities: None }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Returns about how many bytes a batch takes here: the values to compute with, and the hashes.
    pub(super) fn bytes(&self, batch: &Batch) -> usize {
        let texts = |column: &Values| match column {
            Values::Texts(texts) => texts.iter().flatten().map(String::len).sum(),
            _ => 0,
        };
        let columns = batch.columns.iter().take(self.wanted);
        let values: usize = columns.map(|column| footprint(column) + texts(column)).sum();
        values + batch.rows * size_of::<u64>()
    }

    /// Returns one hash for each row, incomplete ones included, each different.
    pub(super) fn identities(&self) -> Zeroizing<Vec<u64>> {
        let all: Vec<usize> = (0..self.len).collect();
        self.identities.as_ref().map(|identities| identities.of(&all)).unwrap_or_default()
    }

    /// Adds all rows to a hash: their identities and their values, in their order.
    pub(super) fn hash(&self, hasher: &mut blake3::Hasher) {
        hasher.update(&(self.len as u64).to_le_bytes());
        hasher.update(&(self.columns.len() as u64).to_le_bytes());
        for identity in self.identities().iter() {
            hasher.update(&identity.to_le_bytes());
        }
        for column in &self.columns {
            hasher.update(&[kind_of(column)]);
            (0..self.len).for_each(|row| hash_value(column, row, hasher));
        }
    }

    pub(super) fn add(&mut self, batch: Batch) {
        let Batch { rows, mut columns } = batch;
        let identifying = columns.split_off(self.wanted.min(columns.len()));
        if let Some(identities) = &mut self.identities {
            identities.add(&identifying, rows);
        }
        self.len += rows;
        if self.columns.is_empty() {
            self.columns = columns;
            return;
        }
        for (column, more) in self.columns.iter_mut().zip(columns) {
            append(column, more);
        }
    }

    /// Takes blank ids for missing ones, in the first column of a function that joins or matches by
    /// ids: people without an id would be taken for one.
    pub(super) fn of(mut self, function: &Descriptor) -> Self {
        if !matches!(function.input, InputKind::Set | InputKind::Keyed(_)) {
            return self;
        }
        if let Some(Values::Texts(ids)) = self.columns.first_mut() {
            let is_blank = |id: &Option<String>| id.as_ref().is_some_and(|id| id.trim().is_empty());
            ids.iter_mut().filter(|id| is_blank(id)).for_each(|id| *id = None);
        }
        self
    }

    /// Returns the complete rows, and their hashes in the same order. There are no hashes where the
    /// rows were all taken from a batch.
    pub(super) fn finish(
        self,
        incomplete: Incomplete,
    ) -> Result<(Obtained, Zeroizing<Vec<u64>>), ApiError> {
        let kept: Vec<usize> = (0..self.len)
            .filter(|row| !self.columns.iter().any(|column| is_missing(column, *row)))
            .collect();
        let dropped = self.len - kept.len();
        if dropped > 0 && incomplete != Incomplete::LeftOut {
            return Err(missing(incomplete));
        }
        let columns = match dropped {
            0 => self.columns,
            _ => self.columns.iter().map(|column| pick(column, &kept)).collect(),
        };
        // Also texts of which all are missing: they have no kind that could be refused.
        let no_texts = kept.is_empty() && columns.iter().any(|it| matches!(it, Values::Texts(_)));
        let content = if columns.is_empty() || no_texts {
            Contents::nothing()
        } else {
            Contents::Columns(Private::new(columns))
        };
        let identities = self.identities.map(|identities| identities.of(&kept));
        let dropped = dropped as u64;
        let obtained = Obtained { dropped, ..Obtained::of(content) };
        Ok((obtained, identities.unwrap_or_default()))
    }
}

impl Incomplete {
    /// Returns the advice to a client whose rows are refused.
    pub(super) fn remedy(self) -> &'static str {
        match self {
            Self::LeftOut | Self::Refused => {
                "with the parameter `missing` set to `drop` such rows are left out, at all parties"
            }
            Self::Placed => {
                "each row has its place among others' here, so that none can be left out: choose \
                 columns and rows that are complete"
            }
        }
    }
}

impl Identities {
    /// Creates the hashes for rows of one source, under a key of the node.
    pub(super) fn new(key: Zeroizing<[u8; 32]>, source: &str) -> Self {
        let context = Zeroizing::new(*blake3::keyed_hash(&key, source.as_bytes()).as_bytes());
        Self { key, context, hashes: Zeroizing::default() }
    }

    /// Takes rows, by the values of the columns that tell them apart.
    pub(super) fn add(&mut self, columns: &[Values], rows: usize) {
        for row in 0..rows {
            let mut hasher = blake3::Hasher::new_keyed(&self.context);
            columns.iter().for_each(|column| hash_value(column, row, &mut hasher));
            self.hashes.push(first_word(&hasher));
        }
    }

    /// Returns one hash for each of these rows, each different, in their order.
    pub(super) fn of(&self, kept: &[usize]) -> Zeroizing<Vec<u64>> {
        let hashes = kept.iter().filter_map(|row| self.hashes.get(*row).copied());
        let mut hashes: Zeroizing<Vec<u64>> = Zeroizing::new(hashes.collect());
        let mut places: Vec<usize> = (0..hashes.len()).collect();
        places.sort_by_key(|place| hashes.get(*place).copied());
        let mut before = None;
        for place in places {
            let Some(hash) = hashes.get_mut(place) else { continue };
            let (value, occurrence) = match before {
                Some((value, occurrence)) if value == *hash => (value, occurrence + 1),
                _ => (*hash, 0_u64),
            };
            before = Some((value, occurrence));
            if occurrence > 0 {
                let mut hasher = blake3::Hasher::new_keyed(&self.key);
                hasher.update(&value.to_le_bytes());
                hasher.update(&occurrence.to_le_bytes());
                *hash = first_word(&hasher);
            }
        }
        hashes
    }
}

fn first_word(hasher: &blake3::Hasher) -> u64 {
    let mut word = [0; 8];
    hasher.finalize_xof().fill(&mut word);
    u64::from_le_bytes(word)
}

/// Returns a number for the kind of values. Two kinds can write different values alike.
fn kind_of(column: &Values) -> u8 {
    match column {
        Values::Integers(_) => 0,
        Values::Numbers(_) => 1,
        Values::Truths(_) => 2,
        Values::Texts(_) => 3,
    }
}

/// Adds a value to a hash, so that no two rows of the same columns are written alike.
fn hash_value(column: &Values, row: usize, hasher: &mut blake3::Hasher) {
    fn fixed(bytes: Option<[u8; 8]>, hasher: &mut blake3::Hasher) {
        hasher.update(&[u8::from(bytes.is_some())]);
        hasher.update(&bytes.unwrap_or_default());
    }
    match column {
        Values::Integers(values) => {
            fixed(values.get(row).copied().flatten().map(i64::to_le_bytes), hasher);
        }
        Values::Numbers(values) => {
            fixed(values.get(row).copied().flatten().map(f64::to_le_bytes), hasher);
        }
        Values::Truths(values) => {
            let value = values.get(row).copied().flatten();
            fixed(value.map(|truth| u64::from(truth).to_le_bytes()), hasher);
        }
        Values::Texts(values) => {
            let value = values.get(row).and_then(Option::as_deref);
            fixed(value.map(|text| (text.len() as u64).to_le_bytes()), hasher);
            hasher.update(value.unwrap_or_default().as_bytes());
        }
    }
}

/// Appends a batch to a column. All batches of a dataset have the same types.
fn append(column: &mut Values, mut more: Values) {
    match (column, &mut more) {
        (Values::Integers(values), Values::Integers(more)) => values.append(more),
        (Values::Numbers(values), Values::Numbers(more)) => values.append(more),
        (Values::Texts(values), Values::Texts(more)) => values.append(more),
        (Values::Truths(values), Values::Truths(more)) => values.append(more),
        _ => debug_assert!(false, "a column changed its type between batches"),
    }
}

fn is_missing(column: &Values, row: usize) -> bool {
    match column {
        Values::Integers(values) => values.get(row).is_none_or(Option::is_none),
        Values::Numbers(values) => values.get(row).is_none_or(Option::is_none),
        Values::Texts(values) => values.get(row).is_none_or(Option::is_none),
        Values::Truths(values) => values.get(row).is_none_or(Option::is_none),
    }
}

/// Returns these rows of a column.
pub(super) fn pick(column: &Values, rows: &[usize]) -> Values {
    fn some<T: Clone>(values: &[Option<T>], rows: &[usize]) -> Vec<Option<T>> {
        rows.iter().filter_map(|row| values.get(*row).cloned()).collect()
    }
    match column {
        Values::Integers(values) => Values::Integers(some(values, rows)),
        Values::Numbers(values) => Values::Numbers(some(values, rows)),
        Values::Texts(values) => Values::Texts(some(values, rows)),
        Values::Truths(values) => Values::Truths(some(values, rows)),
    }
}

/// Returns these columns of a batch, and the chosen rows.
pub(super) fn selected(batch: Batch, columns: &[usize], chosen: &[bool]) -> Batch {
    let rows = chosen.iter().enumerate().filter_map(|(row, chosen)| chosen.then_some(row));
    let rows: Vec<usize> = rows.collect();
    let columns = columns.iter().filter_map(|column| batch.columns.get(*column));
    Batch { columns: columns.map(|column| pick(column, &rows)).collect(), rows: rows.len() }
}

fn missing(incomplete: Incomplete) -> ApiError {
    ApiError::new(Code::MissingValues, "values are missing in the selected rows and columns")
        .hint(incomplete.remedy())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocabulary::data::Data;

    fn identities(columns: &[Values], rows: usize) -> Vec<u64> {
        let mut identities = Identities::new(Zeroizing::new([7; 32]), "trial");
        identities.add(columns, rows);
        identities.of(&(0..rows).collect::<Vec<_>>()).to_vec()
    }

    #[test]
    fn rows_that_are_alike_are_still_several() {
        let twice = identities(&[Values::Integers(vec![Some(1), Some(1), Some(2)])], 3);
        let mut distinct = twice.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), 3);
        let once = identities(&[Values::Integers(vec![Some(2), Some(1)])], 2);
        assert!(once.iter().all(|hash| twice.contains(hash)));
    }

    #[test]
    fn values_of_neighbouring_columns_do_not_run_together() {
        let texts = |one: &str, other: &str| {
            let column = |text: &str| Values::Texts(vec![Some(text.to_owned())]);
            identities(&[column(one), column(other)], 1)
        };
        assert_ne!(texts("ab", "c"), texts("a", "bc"));
        assert_ne!(
            identities(&[Values::Numbers(vec![Some(0.0)])], 1),
            identities(&[Values::Numbers(vec![None])], 1)
        );
    }

    #[test]
    fn no_rows_are_an_empty_list_for_every_function() {
        let rows = Rows::new(2, Identities::new(Zeroizing::new([7; 32]), "trial"));
        let (obtained, identities) = rows.finish(Incomplete::Refused).unwrap();
        let Contents::Json(data) = obtained.content else { panic!("a list is expected") };
        assert!(matches!(data.for_computing(), Data::List(items) if items.is_empty()));
        assert!(identities.is_empty());
    }

    #[test]
    fn rows_without_any_value_are_none_of_any_kind() {
        let batch = Batch { rows: 2, columns: vec![Values::Texts(vec![None, None])] };
        let (obtained, _) = Rows::all(batch).finish(Incomplete::LeftOut).unwrap();
        assert_eq!(obtained.dropped, 2);
        let Contents::Json(data) = obtained.content else { panic!("a list is expected") };
        assert!(matches!(data.for_computing(), Data::List(items) if items.is_empty()));
    }

    #[test]
    fn blank_ids_are_missing_and_blank_categories_are_not() {
        let batch = || {
            let text = |text: &str| Some(text.to_owned());
            Batch { rows: 3, columns: vec![Values::Texts(vec![text("a"), text(" "), text("")])] }
        };
        let rows = |function: &str| {
            Rows::all(batch()).of(cloister_protocols::catalogue::find(function).unwrap())
        };
        let (joined, _) = rows("SetIntersectionSize").finish(Incomplete::LeftOut).unwrap();
        assert_eq!(joined.dropped, 2);
        assert!(rows("SetIntersectionSum").finish(Incomplete::Refused).is_err());
        let (counted, _) = rows("StatisticsFrequency").finish(Incomplete::Refused).unwrap();
        assert_eq!(counted.dropped, 0);
    }

    #[test]
    fn hashes_stand_in_the_order_of_their_rows() {
        let mut identities = Identities::new(Zeroizing::new([7; 32]), "trial");
        identities.add(&[Values::Integers(vec![Some(3), Some(1), Some(3), Some(2)])], 4);
        let all = identities.of(&[0, 1, 2, 3]);
        let some = identities.of(&[3, 1]);
        assert_eq!((some[0], some[1]), (all[3], all[1]));
        assert_ne!(all[0], all[2], "rows that are alike are several");
    }

    #[test]
    fn rows_in_which_a_value_is_missing_are_dropped_or_refused() {
        let batch = || Batch {
            rows: 3,
            columns: vec![
                Values::Integers(vec![Some(1), None, Some(3)]),
                Values::Texts(vec![Some("a".into()), Some("b".into()), None]),
            ],
        };
        let refused = Rows::all(batch()).finish(Incomplete::Refused).err().unwrap();
        assert_eq!(refused.code(), Code::MissingValues);
        let (obtained, _) = Rows::all(batch()).finish(Incomplete::LeftOut).unwrap();
        assert_eq!(obtained.dropped, 2);
        let Contents::Columns(columns) = obtained.content else { panic!("columns are expected") };
        assert!(matches!(
            columns.for_computing().as_slice(),
            [Values::Integers(one), Values::Texts(_)] if *one == [Some(1)]
        ));
    }
}
