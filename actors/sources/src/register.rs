//! Registration: reading a source once, and making a dataset of it.

use crate::access::Access;
use crate::dataset::Dataset;
use crate::declaration::Declaration;
use crate::error::SourceError;
use crate::report::{Report, Tally};
use crate::scan::{advice, check, discover};
use crate::source::Source;

/// Reads the whole source, checks it against its declaration, and counts its values.
///
/// Values outside of a declared range or declared levels are counted and not refused. The owner
/// decides on the report. Paths become absolute in the dataset.
///
/// # Errors
///
/// Errors of the declaration, of the data, or of access to them. Those of all columns are told
/// together.
pub fn register(
    mut declaration: Declaration,
    access: &Access,
) -> Result<(Dataset, Report), SourceError> {
    declaration.check()?;
    declaration.source = absolute(declaration.source);
    let head = discover(&declaration.source, &declaration.wanted(), access)?;
    let columns = declaration.columns(&head)?;
    let mut tally = Tally::new(&columns, declaration.key.as_deref());
    let formats = declaration.formats();
    check(&declaration.source, &formats, &columns, access, &mut |batch| Ok(tally.add(&batch)?))?;
    let mut report = tally.report()?;
    for column in &mut report.columns {
        column.notes = head.column(&column.name).map_or(Vec::new(), |found| found.notes.clone());
    }
    report.notes = advice(&declaration.source, access);
    let dataset = Dataset {
        name: declaration.name,
        source: declaration.source,
        columns,
        key: declaration.key,
        rows: report.rows,
        missing: report.columns.iter().map(|column| column.missing).collect(),
        formats,
    };
    Ok((dataset, report))
}

/// Makes paths absolute, because the node may be started from another folder later.
fn absolute(mut source: Source) -> Source {
    match &mut source {
        Source::Csv { path, .. } | Source::Parquet { path } | Source::Sqlite { path, .. } => {
            *path = std::path::absolute(&*path).unwrap_or_else(|_| path.clone());
        }
        Source::Postgres { .. } | Source::Mysql { .. } => {}
    }
    source
}
