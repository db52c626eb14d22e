//! Reading a selection, or an aggregate of it.

use std::collections::BTreeSet;

use crate::access::Access;
use crate::aggregate::{Aggregate, Aggregated};
use crate::dataset::Dataset;
use crate::error::SourceError;
use crate::filter::Filter;
use crate::scan::{self, scan};
use crate::values::Batch;

/// Streams columns of the rows that `filter` selects, in batches of at most
/// [`Access::batch_rows`] rows, without empty batches. Rows of files come in their order; rows of
/// databases have none.
///
/// Cells of rows that are not selected may stay unread and unchecked.
///
/// # Errors
///
/// The caller's, for columns that the dataset does not have and filters that do not fit; errors of
/// `sink` and of the source. The caller must discard the batches that came before an error.
pub fn read(
    dataset: &Dataset,
    columns: &[String],
    filter: Option<&Filter>,
    access: &Access,
    sink: &mut dyn FnMut(Batch) -> Result<(), SourceError>,
) -> Result<(), SourceError> {
    let mut needed = Vec::new();
    for name in columns {
        needed.push(dataset.require_column(name)?);
    }
    let Some(filter) = filter else {
        return scan(&dataset.source, &dataset.formats, &needed, None, access, sink);
    };
    filter.check(&dataset.columns)?;
    for name in filter.columns() {
        if needed.iter().all(|column| column.name != name) {
            needed.push(dataset.require_column(name)?);
        }
    }
    scan(&dataset.source, &dataset.formats, &needed, Some(filter), access, &mut |mut batch| {
        let kept = filter.evaluate(&needed, &batch)?;
        batch.columns.truncate(columns.len());
        batch.columns.iter_mut().for_each(|values| values.retain(&kept));
        batch.rows = kept.iter().filter(|kept| **kept).count();
        if batch.rows == 0 { Ok(()) } else { sink(batch) }
    })
}

/// Lets the database aggregate the selected rows.
///
/// Returns `None` unless the answer is exactly that of the rows. So it is for files, for filters or
/// columns of doubles, and for values of other types than their columns. The caller then reads the
/// rows.
///
/// # Errors
///
/// The caller's, for columns that the dataset does not have or that cannot be aggregated so, and
/// for more groups than [`MAX_GROUPS`](crate::MAX_GROUPS). Errors of the source.
pub fn aggregate(
    dataset: &Dataset,
    aggregate: &Aggregate,
    filter: Option<&Filter>,
    access: &Access,
) -> Result<Option<Aggregated>, SourceError> {
    aggregate.check(dataset)?;
    let mut names: BTreeSet<&str> = BTreeSet::new();
    if let Some(filter) = filter {
        filter.check(&dataset.columns)?;
        names.extend(filter.columns());
    }
    names.extend(aggregate.columns());
    let mut columns = Vec::new();
    for name in names {
        columns.push(dataset.require_column(name)?);
    }
    scan::aggregate(&dataset.source, &dataset.formats, &columns, aggregate, filter, access)
}
