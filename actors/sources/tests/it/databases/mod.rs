//! Real databases: rows are read as they are there, and a condition in SQL means the same as the
//! filter.

mod mariadb;
mod postgres;
mod pushdown;
mod rogue;
mod sqlite;

use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use cloister_sources::{
    Access, Batch, Dataset, Declaration, DeclaredColumn, Filter, Kind, Relation, Report, Source,
    SourceError, Stop, Values, read, register,
};

fn access(folder: &Path) -> Access {
    let folders = vec![folder.canonicalize().unwrap()];
    Access { folders, timeout: Duration::from_secs(180), batch_rows: 7, ..Access::default() }
}

fn declare(source: Source) -> Declaration {
    Declaration::new("patients", source)
}

fn declared(name: &str, kind: Kind) -> DeclaredColumn {
    DeclaredColumn { name: name.to_owned(), kind: Some(kind), ..DeclaredColumn::default() }
}

fn table(name: &str) -> Relation {
    Relation::Table(name.to_owned())
}

fn query(text: &str) -> Relation {
    Relation::Query(text.to_owned())
}

/// Registers a dataset, and fails with the error.
#[track_caller]
fn registered(declaration: Declaration, access: &Access) -> (Dataset, Report) {
    register(declaration, access).unwrap_or_else(|error| panic!("{error}"))
}

/// Reads all batches into one.
#[track_caller]
fn read_all(dataset: &Dataset, filter: Option<&Filter>, access: &Access) -> Batch {
    let names: Vec<_> = dataset.columns.iter().map(|column| column.name.clone()).collect();
    let mut all = Batch {
        rows: 0,
        columns: dataset.columns.iter().map(|column| Values::new(column.kind)).collect(),
    };
    let done = read(dataset, &names, filter, access, &mut |batch| {
        assert!((1..=access.batch_rows).contains(&batch.rows));
        all.rows += batch.rows;
        for (values, more) in all.columns.iter_mut().zip(batch.columns) {
            assert_eq!(more.len(), batch.rows);
            extend(values, more);
        }
        Ok(())
    });
    done.unwrap_or_else(|error| panic!("{error}"));
    all
}

fn extend(values: &mut Values, more: Values) {
    match (values, &more) {
        (Values::Integers(all), Values::Integers(more)) => all.extend(more),
        (Values::Numbers(all), Values::Numbers(more)) => all.extend(more),
        (Values::Texts(all), Values::Texts(more)) => all.extend(more.iter().cloned()),
        (Values::Truths(all), Values::Truths(more)) => all.extend(more),
        (values, more) => panic!("{values:?} and {more:?}"),
    }
}

/// Returns the kinds and values of a query's one row, column by column.
#[track_caller]
fn one_row(source: Source, access: &Access) -> (Vec<Kind>, Vec<Values>) {
    let (dataset, _) = registered(declare(source), access);
    let kinds = dataset.columns.iter().map(|column| column.kind).collect();
    let batch = read_all(&dataset, None, access);
    assert_eq!(batch.rows, 1);
    (kinds, batch.columns)
}

fn text(text: &str) -> Values {
    Values::Texts(vec![Some(text.to_owned())])
}

fn integer(value: i64) -> Values {
    Values::Integers(vec![Some(value)])
}

fn number(value: f64) -> Values {
    Values::Numbers(vec![Some(value)])
}

/// Returns the error of a registration, which shows none of `hidden`.
#[track_caller]
fn refused(declaration: Declaration, access: &Access, hidden: &[&str]) -> SourceError {
    let Err(error) = register(declaration, access) else { panic!("registered") };
    for form in [error.to_string(), format!("{error:?}")] {
        for hidden in hidden.iter().chain(&[cloister_testkit::databases::postgres::PASSWORD]) {
            assert!(!form.contains(hidden), "{form}");
        }
    }
    error
}

#[track_caller]
fn refused_as(declaration: Declaration, access: &Access, expected: &str) {
    let error = refused(declaration, access, &[]);
    assert!(error.to_string().contains(expected), "{error}");
}

/// Checks that rows of more bytes than a server may send ahead are read, and that a single text of
/// more bytes is refused with the setting's name. The sources are 100,000 rows of an integer, and
/// one text of 1 MiB.
#[track_caller]
fn many_rows_and_no_long_value(rows: Declaration, long: Declaration, access: &Access) {
    let small = Access { message_bytes: 256 << 10, batch_rows: 1000, ..access.clone() };
    let (dataset, report) = registered(rows, &small);
    assert_eq!((dataset.rows, report.rows), (100_000, 100_000));
    refused_as(long, &small, "data.message_bytes");
}

/// Reads a slow query until `runs` says that it runs at the server, and ends the reading. The
/// reading returns, and the statement is gone from the server, long before its own end.
#[track_caller]
fn a_statement_ends_with_its_reading(slow: Declaration, access: &Access, runs: impl Fn() -> bool) {
    let (stopper, stop) = Stop::pair();
    let access = Access { stop: Some(stop), ..access.clone() };
    let reading = std::thread::spawn(move || register(slow, &access).err());
    while !runs() {
        assert!(!reading.is_finished(), "{:?}", reading.join());
        std::thread::yield_now();
    }
    drop(stopper);
    let error = reading.join().unwrap();
    assert!(matches!(error, Some(SourceError::Ended)), "{error:?}");
    // The server ends it by itself when it was told; it is waited for by asking.
    let deadline = std::time::Instant::now() + Duration::from_secs(180);
    while runs() {
        assert!(std::time::Instant::now() < deadline, "the statement still runs");
    }
}

/// Opens a port whose listener never answers.
fn mute() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}
