//! Reads the data of a computation: rows in batches, or counts and sums made near the source.
//!
//! Before any data are given out, the node remembers the rows that were asked for. It refuses a
//! selection that is small. It also refuses one that differs from an earlier selection in a few
//! rows: the difference of two answers would tell of those few. It remembers rows by hashes under a
//! key of the node. A dataset's key column tells rows apart. Without a key column all columns do.

use cloister_protocols::catalogue::{Descriptor, InputKind, Pushdown};
use cloister_sources::{
    Aggregate, Aggregated, Batch, Comparison, Constant, Dataset, Filter, Kind, SourceError,
    aggregate, read,
};
use cloister_vault::Asked;
use zeroize::Zeroizing;

use super::obtained::{Added, Contents, Group, Obtained};
use super::rows::{Identities, Rows, selected};
use super::uploads::{Content, json};
use super::{Obtain, Store};
use crate::vocabulary::code::Code;
use crate::vocabulary::error::ApiError;
use crate::vocabulary::label::Private;
use crate::vocabulary::selection::{Base, Selection, Stored, Upload};

impl Store {
    /// Reads the data of a computation. Blocks.
    pub(super) fn obtain(&self, obtain: &Obtain) -> Result<Obtained, ApiError> {
        match &obtain.stored {
            Stored::Upload(upload) => self.whole(*upload, obtain),
            Stored::Inline(data) => {
                Ok(Obtained { content: Contents::Json(data.clone()), dropped: 0 })
            }
            Stored::Selection(selection) => match &selection.base {
                Base::Upload(upload) => self.read_upload(*upload, selection, obtain),
                Base::Dataset(name) => {
                    let dataset = self.dataset(&obtain.principal, name)?;
                    self.read_dataset(&dataset, selection, obtain)
                }
            },
        }
    }

    fn whole(&self, upload: Upload, obtain: &Obtain) -> Result<Obtained, ApiError> {
        let (content, bytes) = self.content(upload)?;
        if content == Content::Json {
            return Ok(Obtained { content: Contents::Json(json(&bytes)?), dropped: 0 });
        }
        let (_, batch) = content.columns(&bytes)?;
        Rows::all(batch).finish(obtain.drop_missing).map(|(obtained, _)| obtained)
    }

    fn read_upload(
        &self,
        upload: Upload,
        selection: &Selection,
        obtain: &Obtain,
    ) -> Result<Obtained, ApiError> {
        let (known, batch) = self.pushed(upload)?;
        let chosen = match &selection.filter {
            None => vec![true; batch.rows],
            Some(filter) => filter
                .evaluate(&known, &batch)
                .map_err(|error| ApiError::malformed(error.to_string()))?,
        };
        let wanted: Vec<usize> = selection
            .columns
            .iter()
            .filter_map(|name| known.iter().position(|column| column.name == *name))
            .collect();
        Rows::all(selected(batch, &wanted, &chosen))
            .finish(obtain.drop_missing)
            .map(|(obtained, _)| obtained)
    }

    fn read_dataset(
        &self,
        dataset: &Dataset,
        selection: &Selection,
        obtain: &Obtain,
    ) -> Result<Obtained, ApiError> {
        check_arity(obtain.function, selection.columns.len())?;
        check_key(dataset, selection, obtain.minimum)?;
        self.refusals.check(&self.vault, &obtain.principal, &dataset.name)?;
        let read = self.read_selection(dataset, selection, obtain);
        if read.as_ref().is_err_and(tells_of_data) {
            self.refusals.count(&obtain.principal, &dataset.name);
        }
        read
    }

    fn read_selection(
        &self,
        dataset: &Dataset,
        selection: &Selection,
        obtain: &Obtain,
    ) -> Result<Obtained, ApiError> {
        if let Some(obtained) = self.near_source(dataset, selection, obtain)? {
            return Ok(obtained);
        }
        let rows = self.rows(dataset, &selection.columns, selection)?;
        // Checked before any word about missing values in them.
        if (rows.len() as u64) < obtain.minimum && selection.filter.is_some() {
            return Err(too_close());
        }
        let (obtained, identities) = rows.finish(obtain.drop_missing)?;
        let some_rows = selection.filter.is_some() || obtained.dropped > 0;
        self.remember(dataset, some_rows, identities, obtain)?;
        Ok(obtained)
    }

    /// Counts or adds in the database, where that gives exactly the same result.
    fn near_source(
        &self,
        dataset: &Dataset,
        selection: &Selection,
        obtain: &Obtain,
    ) -> Result<Option<Obtained>, ApiError> {
        let what = aggregate_for(dataset, obtain, selection);
        let Some(what) = what.filter(|_| obtain.alone) else {
            return Ok(None);
        };
        // Rows are told apart by the key alone: without one they would all have to be read anyhow.
        if dataset.key.is_none() {
            return Ok(None);
        }
        let content = match &what {
            Aggregate::Sum { column } => {
                self.added(dataset, column, selection)?.map(Contents::Added)
            }
            _ => match self.aggregated(dataset, &what, selection.filter.as_ref())? {
                Some(Aggregated::Groups(groups)) => complete(groups).map(Contents::Groups),
                _ => None,
            },
        };
        let Some(content) = content else { return Ok(None) };
        let (_, identities) = self.rows(dataset, &[], selection)?.finish(false)?;
        self.remember(dataset, selection.filter.is_some(), identities, obtain)?;
        Ok(Some(Obtained { content, dropped: 0 }))
    }

    fn aggregated(
        &self,
        dataset: &Dataset,
        what: &Aggregate,
        filter: Option<&Filter>,
    ) -> Result<Option<Aggregated>, ApiError> {
        let aggregated = aggregate(dataset, what, filter, &self.access);
        aggregated.map_err(|error| unreadable(dataset, &error))
    }

    /// Adds up a column, and its magnitudes: negative values are added apart. Returns none if a
    /// value is missing.
    fn added(
        &self,
        dataset: &Dataset,
        column: &str,
        selection: &Selection,
    ) -> Result<Option<Private<Added>>, ApiError> {
        let what = Aggregate::Sum { column: column.to_owned() };
        let filter = selection.filter.as_ref();
        let Some(Aggregated::Sum { missing: 0, .. }) = self.aggregated(dataset, &what, filter)?
        else {
            return Ok(None);
        };
        let mut added = Added { rows: 0, sum: 0, magnitude: 0 };
        for op in [Comparison::GreaterOrEqual, Comparison::Less] {
            let sign =
                Filter::Compare { column: column.to_owned(), op, value: Constant::Integer(0) };
            let both = match filter {
                None => sign,
                Some(filter) => Filter::And(vec![filter.clone(), sign]),
            };
            match self.aggregated(dataset, &what, Some(&both))? {
                Some(Aggregated::Sum { rows, sum, .. }) => {
                    added.rows += rows;
                    added.sum += sum;
                    added.magnitude += sum.unsigned_abs();
                }
                _ => return Ok(None),
            }
        }
        Ok(Some(Private::new(added)))
    }

    /// Reads the selected rows of these columns, and the columns that tell the rows apart.
    fn rows(
        &self,
        dataset: &Dataset,
        columns: &[String],
        selection: &Selection,
    ) -> Result<Rows, ApiError> {
        let identifying: Vec<String> = match &dataset.key {
            Some(key) => vec![key.clone()],
            None => dataset.columns.iter().map(|column| column.name.clone()).collect(),
        };
        let all: Vec<String> = columns.iter().chain(&identifying).cloned().collect();
        let key = self.vault.key("cloister 1 rows of a dataset");
        let mut rows = Rows::new(columns.len(), Identities::new(key, &dataset.name));
        let most = self.limits.rows;
        let mut each = |batch: Batch| {
            rows.add(batch);
            if rows.len() > most { Err(SourceError::Stopped) } else { Ok(()) }
        };
        let filter = selection.filter.as_ref();
        match read(dataset, &all, filter, &self.access, &mut each) {
            Ok(()) => Ok(rows),
            Err(SourceError::Stopped) => Err(too_many(most)),
            Err(error) => Err(unreadable(dataset, &error)),
        }
    }

    /// Checks that an answer about these rows may be opened, and remembers that they were asked
    /// for; `some` if they are not all rows of the dataset. Their number is opened whatever the
    /// columns, so selections are compared over all columns.
    fn remember(
        &self,
        dataset: &Dataset,
        some: bool,
        identities: Zeroizing<Vec<u64>>,
        obtain: &Obtain,
    ) -> Result<(), ApiError> {
        let few = (identities.len() as u64) < obtain.minimum;
        if few && some {
            return Err(too_close());
        }
        let rows = ["rows".to_owned()];
        let asked =
            self.vault.ask(&dataset.name, &rows, identities.to_vec(), obtain.minimum).wait();
        match asked.map_err(|error| ApiError::state(&error))? {
            Asked::Recorded => Ok(()),
            Asked::TooClose => Err(too_close()),
        }
    }
}

/// Returns the counts or sum that the database can make for a function.
///
/// Doubles are added exactly, which no database does, and are written as texts in a way of our own.
fn aggregate_for(dataset: &Dataset, obtain: &Obtain, selection: &Selection) -> Option<Aggregate> {
    let columns = selection.columns.clone();
    let kinds = columns.iter().map(|name| dataset.column(name).map(|column| column.kind));
    let kinds: Vec<Kind> = kinds.collect::<Option<_>>()?;
    match (obtain.function.pushdown?, kinds.as_slice(), columns.as_slice()) {
        (Pushdown::Counts, kinds, _) if !kinds.contains(&Kind::Number) => {
            Some(Aggregate::Groups { columns })
        }
        (Pushdown::Sum, [Kind::Integer], [column]) => {
            Some(Aggregate::Sum { column: column.clone() })
        }
        _ => None,
    }
}

/// Returns the groups, if no value is missing in any.
fn complete(groups: Vec<(Vec<Option<String>>, u64)>) -> Option<Private<Vec<Group>>> {
    groups
        .into_iter()
        .map(|(names, count)| {
            names.into_iter().collect::<Option<Vec<String>>>().map(|names| (names, count))
        })
        .collect::<Option<Vec<_>>>()
        .map(Private::new)
}

/// Tells the client that a dataset cannot be read. The log has the full error.
fn unreadable(dataset: &Dataset, error: &SourceError) -> ApiError {
    tracing::warn!(dataset = dataset.name, %error, "a dataset cannot be read");
    ApiError::new(Code::DatasetUnreadable, error.public_message())
        .hint("the dataset's owner finds the reason in the node's log")
}

/// Returns whether a refusal is an answer about the rows that were chosen.
fn tells_of_data(refusal: &ApiError) -> bool {
    matches!(refusal.code(), Code::RefusedByDisclosureRules | Code::MissingValues)
}

/// Refuses more or fewer columns than the function takes, before any is read.
fn check_arity(function: &Descriptor, columns: usize) -> Result<(), ApiError> {
    let taken = match function.input {
        InputKind::TextPairs | InputKind::Points => 2,
        InputKind::Matrix | InputKind::Regressors => return Ok(()),
        InputKind::Keyed(_) if function.asked_by.is_some() => return Ok(()),
        _ => 1,
    };
    if columns == taken {
        return Ok(());
    }
    let message = format!("{} takes {taken} of the columns, not {columns}", function.name);
    Err(ApiError::argument("data", message).hint("select as many as the function takes"))
}

/// Refuses a choice of rows by the key column, which would choose single rows.
fn check_key(dataset: &Dataset, selection: &Selection, minimum: u64) -> Result<(), ApiError> {
    let key = dataset.key.as_deref();
    let columns = selection.filter.iter().flat_map(Filter::columns);
    if minimum > 1 && columns.into_iter().any(|column| Some(column) == key) {
        let message = "rows are not chosen by the column that tells them apart";
        return Err(ApiError::new(Code::RefusedByPolicy, message)
            .hint("choose them by what they have in common"));
    }
    Ok(())
}

fn too_many(limit: usize) -> ApiError {
    let message = format!("the selection has more than the {limit} rows that a computation takes");
    ApiError::new(Code::TooManyRows, message)
        .hint("choose fewer rows, or have the operator raise `limits.rows`")
}

/// Refuses a selection, without a word about the number of rows or about which of the two reasons
/// holds.
fn too_close() -> ApiError {
    ApiError::new(
        Code::RefusedByDisclosureRules,
        "these rows are too few, or nearly those of an earlier request: the difference of the \
         answers would tell of single rows",
    )
    .hint("choose rows by wider conditions, or exactly those of an earlier request")
}
