//! Dispatch to the kinds of sources: listing their columns, and streaming some of them.

use std::collections::BTreeMap;

use crate::access::Access;
use crate::column::{Column, Kind};
use crate::csv;
use crate::error::{DeclarationError, SourceError};
use crate::filter::Filter;
use crate::found::FoundColumn;
use crate::parquet;
use crate::source::Source;
use crate::sql;
use crate::values::BatchSink;

/// Lists the columns of a source. Kinds that `declared` does not name are inferred.
pub(crate) fn discover(
    source: &Source,
    declared: &BTreeMap<&str, Kind>,
    access: &Access,
) -> Result<Vec<FoundColumn>, SourceError> {
    match source {
        Source::Csv { path, delimiter } => csv::discover(path, *delimiter, declared, access),
        Source::Parquet { path } => parquet::discover(path, access),
        Source::Sqlite { .. } | Source::Postgres { .. } | Source::Mysql { .. } => {
            sql::discover(source, access)
        }
    }
}

/// Streams columns of the given kinds. Rows that `filter` does not select may or may not be left
/// out; the caller evaluates the filter.
pub(crate) fn scan(
    source: &Source,
    columns: &[Column],
    filter: Option<&Filter>,
    access: &Access,
    sink: BatchSink<'_>,
) -> Result<(), SourceError> {
    if access.batch_rows == 0 {
        return Err(DeclarationError::BatchRows.into());
    }
    match source {
        Source::Csv { path, delimiter } => csv::scan(path, *delimiter, columns, access, sink),
        Source::Parquet { path } => parquet::scan(path, columns, access, sink),
        Source::Sqlite { .. } | Source::Postgres { .. } | Source::Mysql { .. } => {
            sql::scan(source, columns, filter, access, sink)
        }
    }
}
