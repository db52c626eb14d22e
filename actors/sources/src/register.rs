//! Looking at a source once, and making a dataset of it.

use crate::error::SourceError;
use crate::report::Tally;
use crate::scan::{discover, scan};
use crate::{Access, Dataset, Declaration, Report, Source};

/// Reads the whole source, checks it against its declaration, and counts what it holds.
///
/// Values out of a declared range or outside of declared levels are counted, not refused: the
/// owner decides on the report. Paths become absolute in the dataset.
///
/// # Errors
///
/// What is wrong with the declaration, with the data, or with reaching them. The first problem
/// ends the registration.
pub fn register(
    mut declaration: Declaration,
    access: &Access,
) -> Result<(Dataset, Report), SourceError> {
    declaration.check()?;
    declaration.source = absolute(declaration.source);
    let found = discover(&declaration.source, &declaration.kinds(), access)?;
    let columns = declaration.columns(&found)?;
    let mut tally = Tally::new(&columns, declaration.key.as_deref());
    scan(&declaration.source, &columns, None, access, &mut |batch| Ok(tally.add(&batch)?))?;
    let report = tally.report()?;
    let dataset = Dataset {
        name: declaration.name,
        source: declaration.source,
        columns,
        key: declaration.key,
        rows: report.rows,
        missing: report.columns.iter().map(|column| column.missing).collect(),
    };
    Ok((dataset, report))
}

/// A node may be started from another folder later.
fn absolute(mut source: Source) -> Source {
    match &mut source {
        Source::Csv { path, .. } | Source::Parquet { path } | Source::Sqlite { path, .. } => {
            *path = std::path::absolute(&*path).unwrap_or_else(|_| path.clone());
        }
        Source::Postgres { .. } | Source::Mysql { .. } => {}
    }
    source
}
