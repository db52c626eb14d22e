//! Registration: reading a source once, and making a dataset of it.

use std::collections::BTreeMap;

use crate::access::Access;
use crate::column::{Kind, Times};
use crate::dataset::Dataset;
use crate::declaration::Declaration;
use crate::error::SourceError;
use crate::head::FoundColumn;
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
    let mut times = BTreeMap::new();
    for column in &mut report.columns {
        let Some(found) = head.column(&column.name) else { continue };
        column.notes.clone_from(&found.notes);
        if let Some(told) = times_of(found, column.kind) {
            times.insert(column.name.clone(), told);
            column.notes.extend(found.notes.is_empty().then(|| advice_on(told)));
        }
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
        times,
    };
    Ok((dataset, report))
}

/// Returns the time that the texts of a column tell, unless it is declared to be of another kind.
fn times_of(found: &FoundColumn, kind: Kind) -> Option<Times> {
    found.times.filter(|_| kind == Kind::Text)
}

/// Returns advice for the owner of texts that tell a time.
fn advice_on(times: Times) -> String {
    match times {
        Times::Days => "days, read as texts: declare the column as date to compare them".to_owned(),
        Times::Timestamps => {
            "timestamps, read as texts with their time of day: declare the column as date if all are \
             at midnight and days are meant"
                .to_owned()
        }
    }
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
