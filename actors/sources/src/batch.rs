//! Batches as they are built from cells, and the defects of cells on the way.

use std::mem;

use crate::column::{Column, Kind};
use crate::error::{CellProblem, DataError, Errors, Place, SourceError};
use crate::field::FieldReader;
use crate::format::Formats;
use crate::values::{Batch, BatchSink, Cell, Values};

/// The size from which on a batch is passed on, even with few rows.
pub(crate) const BATCH_BYTES: usize = 16 << 20;

/// Builds batches of at most so many rows, and of not many more bytes than [`BATCH_BYTES`].
pub(crate) struct BatchBuilder {
    columns: Vec<Column>,
    /// The readers of the columns' cells.
    readers: Vec<FieldReader>,
    values: Vec<Values>,
    rows: usize,
    bytes: usize,
    limit: usize,
    /// The defects of each column, or `None` if the first defect ends the reading.
    faults: Option<Vec<Option<Fault>>>,
}

/// The first defect of a column's cells, and the number of others.
struct Fault {
    first: DataError,
    more: u64,
}

impl BatchBuilder {
    /// Returns a builder of batches of these columns. The first defect of a cell is an error.
    pub(crate) fn new(columns: &[Column], formats: &Formats, limit: usize) -> Self {
        let formats = columns.iter().map(|column| formats.of(&column.name));
        Self {
            columns: columns.to_vec(),
            readers: formats.map(FieldReader::new).collect(),
            values: columns.iter().map(|column| Values::new(column.kind)).collect(),
            rows: 0,
            bytes: 0,
            limit,
            faults: None,
        }
    }

    /// Returns a builder that reads on after the defect of a cell, which is told at the end.
    pub(crate) fn collecting(columns: &[Column], formats: &Formats, limit: usize) -> Self {
        let faults = Some(columns.iter().map(|_| None).collect());
        Self { faults, ..Self::new(columns, formats, limit) }
    }

    /// Returns the columns, in their order.
    pub(crate) fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Returns the most rows of a batch.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// Adds a field of a text to the column of that index. `place` tells where it was.
    pub(crate) fn put_field(
        &mut self,
        column: usize,
        text: &str,
        quoted: bool,
        place: impl FnOnce() -> Place,
    ) -> Result<(), DataError> {
        let (reader, kind) = self.reader(column);
        let cell = reader.field(text, quoted, kind);
        self.add(column, cell, place)
    }

    /// Adds a cell of a source with types to the column of that index.
    pub(crate) fn put(
        &mut self,
        column: usize,
        cell: Result<Cell, CellProblem>,
        place: impl FnOnce() -> Place,
    ) -> Result<(), DataError> {
        let (reader, kind) = self.reader(column);
        let cell = cell.and_then(|cell| reader.cell(cell, kind));
        self.add(column, cell, place)
    }

    fn reader(&self, column: usize) -> (&FieldReader, Kind) {
        let described = self.columns.get(column).map(|column| column.kind);
        self.readers.get(column).zip(described).expect("a batch has the columns that are read")
    }

    fn add(
        &mut self,
        column: usize,
        cell: Result<Cell, CellProblem>,
        place: impl FnOnce() -> Place,
    ) -> Result<(), DataError> {
        let values = self.values.get_mut(column).expect("a batch has the columns that are read");
        let size = cell.as_ref().map_or(0, Cell::size);
        self.bytes = self.bytes.saturating_add(size);
        let Err(problem) = cell.and_then(|cell| values.push(cell)) else { return Ok(()) };
        let fault = self.faults.as_mut().and_then(|faults| faults.get_mut(column));
        if let Some(Some(known)) = fault {
            known.more = known.more.saturating_add(1);
            return values.push(Cell::Missing).map_err(|_| DataError::TooManyRows);
        }
        let name = self.columns.get(column).map(|column| column.name.clone());
        let first = DataError::Cell { place: place(), column: name.unwrap_or_default(), problem };
        match fault {
            None => Err(first),
            Some(fault) => {
                *fault = Some(Fault { first, more: 0 });
                values.push(Cell::Missing).map_err(|_| DataError::TooManyRows)
            }
        }
    }

    /// Ends a row. Returns `true` if the batch is full.
    pub(crate) fn end_row(&mut self) -> bool {
        self.rows = self.rows.saturating_add(1);
        self.rows >= self.limit || self.bytes >= BATCH_BYTES
    }

    /// Ends rows whose cells were added column by column.
    pub(crate) fn end_rows(&mut self, count: usize) {
        self.rows = self.rows.saturating_add(count);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Returns the batch, and begins an empty one.
    pub(crate) fn take(&mut self) -> Batch {
        let kinds = self.values.iter().map(Values::kind);
        let empty: Vec<_> = kinds.map(Values::new).collect();
        self.bytes = 0;
        Batch { rows: mem::take(&mut self.rows), columns: mem::replace(&mut self.values, empty) }
    }

    /// Passes the present batch on, unless it is empty.
    pub(crate) fn flush(&mut self, sink: BatchSink<'_>) -> Result<(), SourceError> {
        if self.is_empty() { Ok(()) } else { sink(self.take()) }
    }

    /// Passes the last batch on, and tells the defects that were collected.
    pub(crate) fn finish(mut self, sink: BatchSink<'_>) -> Result<(), SourceError> {
        let mut errors = Errors::default();
        for Fault { first, more } in self.faults.take().into_iter().flatten().flatten() {
            errors.push(match more {
                0 => first,
                more => DataError::Cells { first: Box::new(first), more },
            });
        }
        errors.finish()?;
        self.flush(sink)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, kind: Kind) -> Column {
        Column { name: name.to_owned(), kind, unit: None, range: None, levels: None }
    }

    fn nowhere() -> Place {
        Place::Database
    }

    #[test]
    fn batches_end_by_rows_or_by_bytes() {
        let mut builder = BatchBuilder::new(&[column("a", Kind::Text)], &Formats::default(), 3);
        let long = Cell::Text("x".repeat(BATCH_BYTES));
        assert!(builder.put(0, Ok(long), nowhere).is_ok());
        assert!(builder.end_row());
        assert_eq!(builder.take().rows, 1);
        assert!(builder.is_empty());
        assert_eq!([builder.end_row(), builder.end_row(), builder.end_row()], [false, false, true]);
    }

    #[test]
    fn defects_are_told_at_once_or_together() {
        let columns = [column("a", Kind::Integer), column("b", Kind::Truth)];
        let cell = || Ok(Cell::Number(0.5));
        assert!(
            BatchBuilder::new(&columns, &Formats::default(), 3).put(0, cell(), nowhere).is_err()
        );
        let mut builder = BatchBuilder::collecting(&columns, &Formats::default(), 3);
        for index in [0, 0, 1, 0] {
            assert!(builder.put(index, cell(), nowhere).is_ok());
        }
        let error = builder.finish(&mut |_| Ok(())).unwrap_err().to_string();
        assert!(error.contains("\"a\"") && error.contains("2 more cells"), "{error}");
        assert!(error.contains("\"b\"") && error.starts_with("2 things"), "{error}");
    }
}
