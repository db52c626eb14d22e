//! One door to all kinds of sources: what columns there are, and a stream of some of them.

use std::collections::BTreeMap;

use crate::declaration::Found;
use crate::error::{DeclarationError, SourceError};
use crate::{Access, Batch, Column, Filter, Kind, Source, csv, parquet, sql};

/// Who receives batches.
pub(crate) type Each<'a> = &'a mut dyn FnMut(Batch) -> Result<(), SourceError>;

/// The columns of a source; kinds are inferred where `declared` does not tell them.
pub(crate) fn discover(
    source: &Source,
    declared: &BTreeMap<&str, Kind>,
    access: &Access,
) -> Result<Vec<Found>, SourceError> {
    match source {
        Source::Csv { path, delimiter } => csv::discover(path, *delimiter, declared, access),
        Source::Parquet { path } => parquet::discover(path, access),
        Source::Sqlite { .. } | Source::Postgres { .. } | Source::Mysql { .. } => {
            sql::discover(source, access)
        }
    }
}

/// Streams columns, typed as given. Rows that `filter` does not select may be left out, or not:
/// whoever needs exactly those asks the filter itself.
pub(crate) fn scan(
    source: &Source,
    columns: &[Column],
    filter: Option<&Filter>,
    access: &Access,
    each: Each<'_>,
) -> Result<(), SourceError> {
    if access.batch_rows == 0 {
        return Err(DeclarationError::BatchRows.into());
    }
    match source {
        Source::Csv { path, delimiter } => csv::scan(path, *delimiter, columns, access, each),
        Source::Parquet { path } => parquet::scan(path, columns, access, each),
        Source::Sqlite { .. } | Source::Postgres { .. } | Source::Mysql { .. } => {
            sql::scan(source, columns, filter, access, each)
        }
    }
}
