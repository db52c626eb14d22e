//! Dispatch to the kinds of sources: listing their columns, streaming some of them, aggregating.
//!
//! A reader of a foreign format may panic on a damaged source. Here that becomes the error of this
//! dataset, whatever the reader.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use crate::access::Access;
use crate::aggregate::{Aggregate, Aggregated};
use crate::batch::BatchBuilder;
use crate::column::{Column, Kind};
use crate::csv::{self, Form};
use crate::declaration::Wanted;
use crate::error::{DataError, DeclarationError, SourceError, Unavailable};
use crate::filter::Filter;
use crate::format::{Encoding, Formats};
use crate::head::Head;
use crate::parquet;
use crate::source::Source;
use crate::sql;
use crate::values::BatchSink;

/// Lists the columns of a source. Kinds are inferred where they are wanted.
pub(crate) fn discover(
    source: &Source,
    wanted: &Wanted<'_>,
    access: &Access,
) -> Result<Head, SourceError> {
    guarded(source, || match source {
        Source::Csv { path, delimiter } => csv::discover(path, *delimiter, wanted, access),
        Source::Parquet { path } => parquet::discover(path, wanted, access),
        Source::Sqlite { .. } | Source::Postgres { .. } | Source::Mysql { .. } => {
            sql::discover(source, wanted, access)
        }
    })
}

/// Returns advice on a source that can be read: what more than reading the user of a database may
/// do. Empty where the database does not say.
pub(crate) fn advice(source: &Source, access: &Access) -> Vec<String> {
    guarded(source, || sql::advice(source, access)).unwrap_or_default()
}

/// Asks a database what more than reading its user may do. None for files.
///
/// # Errors
/// If the database cannot be asked.
pub fn rights_beyond_reading(
    source: &Source,
    access: &Access,
) -> Option<Result<Vec<String>, SourceError>> {
    match source {
        Source::Postgres { .. } | Source::Mysql { .. } => {
            Some(guarded(source, || sql::advice(source, access)))
        }
        Source::Csv { .. } | Source::Parquet { .. } | Source::Sqlite { .. } => None,
    }
}

/// Streams columns of the given kinds. Rows that `filter` does not select may or may not be left
/// out; the caller evaluates the filter.
pub(crate) fn scan(
    source: &Source,
    formats: &Formats,
    columns: &[Column],
    filter: Option<&Filter>,
    access: &Access,
    sink: BatchSink<'_>,
) -> Result<(), SourceError> {
    let builder = BatchBuilder::new(columns, formats, access.batch_rows);
    // A database does not know that a code is missing, or how a text is to be read.
    let known =
        filter.filter(|filter| !filter.columns().iter().any(|name| formats.has_declared(name)));
    stream(source, formats.encoding, builder, known, access, sink)
}

/// Streams columns like [`scan`], and tells the defects of all columns at the end. Until then the
/// cells concerned are missing.
pub(crate) fn check(
    source: &Source,
    formats: &Formats,
    columns: &[Column],
    access: &Access,
    sink: BatchSink<'_>,
) -> Result<(), SourceError> {
    let builder = BatchBuilder::collecting(columns, formats, access.batch_rows);
    stream(source, formats.encoding, builder, None, access, sink)
}

fn stream(
    source: &Source,
    encoding: Encoding,
    mut builder: BatchBuilder,
    filter: Option<&Filter>,
    access: &Access,
    sink: BatchSink<'_>,
) -> Result<(), SourceError> {
    if access.batch_rows == 0 {
        return Err(DeclarationError::BatchRows.into());
    }
    // A panic of the receiver is its own fault, and goes on.
    let mut of_receiver = None;
    let mut sink = |batch| {
        if access.is_stopped() {
            return Err(SourceError::Ended);
        }
        catch_unwind(AssertUnwindSafe(|| sink(batch))).unwrap_or_else(|panic| {
            of_receiver = Some(panic);
            Err(SourceError::Stopped)
        })
    };
    let scanned = guarded(source, || {
        match source {
            Source::Csv { path, delimiter } => {
                let form = Form { delimiter: *delimiter, encoding };
                csv::scan(path, form, &mut builder, access, &mut sink)?;
            }
            Source::Parquet { path } => parquet::scan(path, &mut builder, access, &mut sink)?,
            Source::Sqlite { .. } | Source::Postgres { .. } | Source::Mysql { .. } => {
                sql::scan(source, &mut builder, filter, access, &mut sink)?;
            }
        }
        builder.finish(&mut sink)
    });
    match of_receiver {
        Some(panic) => resume_unwind(panic),
        None => scanned,
    }
}

/// Lets the database aggregate, if its answer is exactly that of the rows.
pub(crate) fn aggregate(
    source: &Source,
    formats: &Formats,
    columns: &[Column],
    what: &Aggregate,
    filter: Option<&Filter>,
    access: &Access,
) -> Result<Option<Aggregated>, SourceError> {
    // A database does not know how a text is to be read.
    if columns.iter().any(|column| column.kind == Kind::Date || formats.has_declared(&column.name))
    {
        return Ok(None);
    }
    guarded(source, || sql::aggregate(source, columns, what, filter, access))
}

/// Runs a reader, and turns its panic into an error of the source. The reader's state is dropped
/// with it, so nothing broken is used again.
fn guarded<T>(
    source: &Source,
    reader: impl FnOnce() -> Result<T, SourceError>,
) -> Result<T, SourceError> {
    catch_unwind(AssertUnwindSafe(reader)).unwrap_or_else(|_| match source {
        // The driver takes answers for granted that a server does not give.
        Source::Postgres { .. } | Source::Mysql { .. } => Err(Unavailable::Protocol.into()),
        Source::Csv { .. } | Source::Parquet { .. } | Source::Sqlite { .. } => {
            Err(DataError::Unreadable(source.short_name()).into())
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source() -> Source {
        Source::Parquet { path: "folder/broken.parquet".into() }
    }

    #[test]
    fn a_readers_panic_is_an_error_of_the_source() {
        let error = guarded(&source(), || -> Result<(), SourceError> { panic!("hidden") });
        let error = error.unwrap_err().to_string();
        assert!(error.contains("\"broken.parquet\"") && !error.contains("hidden"), "{error}");
        assert!(guarded(&source(), || Ok(())).is_ok());
    }

    #[test]
    #[should_panic(expected = "of the receiver")]
    fn a_receivers_panic_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        std::fs::write(&path, "a\n1\n").unwrap();
        let folders = vec![folder.path().canonicalize().unwrap()];
        let access = Access {
            folders,
            timeout: std::time::Duration::from_secs(1),
            batch_rows: 1,
            ..Access::default()
        };
        let source = Source::Csv { path, delimiter: None };
        let _ = scan(&source, &Formats::default(), &[], None, &access, &mut |_| {
            panic!("of the receiver")
        });
    }
}
