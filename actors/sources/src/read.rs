//! Reading a selection.

use crate::error::{SelectionError, SourceError};
use crate::scan::scan;
use crate::{Access, Batch, Column, Dataset, Filter};

/// Streams columns of the rows that `filter` selects, in batches of at most
/// [`Access::batch_rows`] rows; batches without rows are left out. Rows come in the order of
/// files; those of databases have none.
///
/// The cells of rows that are not selected may go unread and unchecked.
///
/// # Errors
///
/// The caller's, for columns the dataset does not have and filters that do not fit; what `each`
/// returns; and what is wrong with the source. Batches handed on before an error are to be thrown
/// away.
pub fn read(
    dataset: &Dataset,
    columns: &[String],
    filter: Option<&Filter>,
    access: &Access,
    each: &mut dyn FnMut(Batch) -> Result<(), SourceError>,
) -> Result<(), SourceError> {
    let mut needed = columns_of(dataset, columns)?;
    let Some(filter) = filter else {
        return scan(&dataset.source, &needed, None, access, each);
    };
    filter.check(&dataset.columns)?;
    for name in filter.columns() {
        if needed.iter().all(|column| column.name != name) {
            needed.push(column_of(dataset, name)?);
        }
    }
    scan(&dataset.source, &needed, Some(filter), access, &mut |mut batch| {
        let kept = filter.evaluate(&needed, &batch)?;
        batch.columns.truncate(columns.len());
        batch.columns.iter_mut().for_each(|values| values.retain(&kept));
        batch.rows = kept.iter().filter(|kept| **kept).count();
        if batch.rows == 0 { Ok(()) } else { each(batch) }
    })
}

/// The columns of those names, in that order.
pub(crate) fn columns_of(
    dataset: &Dataset,
    names: &[String],
) -> Result<Vec<Column>, SelectionError> {
    names.iter().map(|name| column_of(dataset, name)).collect()
}

pub(crate) fn column_of(dataset: &Dataset, name: &str) -> Result<Column, SelectionError> {
    let column = dataset.column(name).cloned();
    column.ok_or_else(|| SelectionError::UnknownColumn(name.to_owned()))
}
