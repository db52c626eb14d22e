//! Reads the data of a computation: rows in batches, or counts and sums made near the source.
//!
//! Before any data are given out, the node remembers the question, and refuses one whose answer,
//! with earlier ones, would tell of a few rows (see [`super::memory`]). It remembers rows by hashes
//! under a key of the node. A dataset's key column tells rows apart. Without a key column all
//! columns do.

use std::collections::BTreeSet;
use std::sync::PoisonError;

use cloister_protocols::catalogue::{Descriptor, InputKind, Kind, Pushdown};
use cloister_sources::{
    Aggregate, Aggregated, Batch, Comparison, Constant, Dataset, Filter, Kind as ColumnKind,
    SourceError, aggregate, read,
};

use super::memory::{Asking, Remembered, Reserved, Told, sums_of_one, told, too_close};
use super::obtained::{Added, Contents, Group, Obtained};
use super::rows::{Identities, Rows, selected};
use super::uploads::{Content, json};
use super::{Obtain, Store};
use crate::vocabulary::code::Code;
use crate::vocabulary::error::ApiError;
use crate::vocabulary::label::Private;
use crate::vocabulary::selection::{Base, Selection, Stored, Upload};
use crate::vocabulary::settings::OwnRules;

impl Store {
    /// Reads the data of a computation. Blocks.
    pub(super) fn obtain(&self, obtain: &Obtain) -> Result<Obtained, ApiError> {
        match &obtain.stored {
            Stored::Upload(upload) => self.whole(*upload, obtain),
            Stored::Inline(data) => Ok(Obtained::of(Contents::Json(data.clone()))),
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
            return Ok(Obtained::of(Contents::Json(json(&bytes)?)));
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
        check_key(dataset, selection, obtain.rules)?;
        check_categories(dataset, selection, obtain)?;
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
        if (1..obtain.rules.min_own_rows).contains(&(rows.len() as u64)) {
            return Err(too_close());
        }
        let selected = rows.identities();
        let (obtained, identities) = rows.finish(obtain.drop_missing)?;
        if obtained.dropped > 0 {
            // The number that is left out tells how many were selected.
            self.remember_selected(dataset, selection, &selected, obtain)?;
        }
        let reserved = self.remember(dataset, selection, &identities, obtain)?;
        Ok(Obtained { reserved, ..obtained })
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
        // Several statements see several states of the data: what is remembered would not be what
        // was answered.
        if obtain.rules.are_kept() {
            return Ok(None);
        }
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
        let reserved = self.remember(dataset, selection, &identities, obtain)?;
        Ok(Some(Obtained { reserved, ..Obtained::of(content) }))
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
        let remembered = self.memories.of(dataset)?;
        let context = {
            let remembered = remembered.lock().unwrap_or_else(PoisonError::into_inner);
            remembered.context().to_owned()
        };
        let mut rows = Rows::new(columns.len(), Identities::new(key, &context));
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

    /// Checks that an answer about these rows may be opened, and reserves the question.
    fn remember(
        &self,
        dataset: &Dataset,
        selection: &Selection,
        identities: &[u64],
        obtain: &Obtain,
    ) -> Result<Option<Reserved>, ApiError> {
        let columns = selection.columns.as_slice();
        let told = told(obtain.function, obtain.equations, columns.len(), &condition(selection));
        let rows = (identities, obtain.permille.as_slice());
        let question = Remembered::question(&told, columns, rows, dataset.rows)?;
        let joins = matches!(obtain.function.kind, Kind::Joined | Kind::Aligned);
        let asking = Asking {
            rules: obtain.rules,
            sums: sums_of_one(&told, columns.len()),
            depends_on_others: joins || obtain.equations.ranks > 0,
        };
        self.memories.reserve(dataset, &question, &asking)
    }

    /// Checks that the number of all selected rows may be told, and remembers it.
    fn remember_selected(
        &self,
        dataset: &Dataset,
        selection: &Selection,
        identities: &[u64],
        obtain: &Obtain,
    ) -> Result<(), ApiError> {
        let mut told = vec![Told::Rows];
        told.extend(Some(condition(selection)).filter(|all| !all.is_empty()).map(Told::Condition));
        let question = Remembered::question(&told, &[], (identities, &[]), dataset.rows)?;
        let asking = Asking { rules: obtain.rules, sums: 1, depends_on_others: false };
        // It counts as answered, whatever becomes of the rest.
        self.memories.reserve(dataset, &question, &asking).map(drop)
    }
}

/// Returns the columns of a condition, sorted and each once.
fn condition(selection: &Selection) -> Vec<String> {
    let columns = selection.filter.iter().flat_map(Filter::columns);
    columns.map(str::to_owned).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Returns the counts or sum that the database can make for a function.
///
/// Doubles are added exactly, which no database does, and are written as texts in a way of our own.
fn aggregate_for(dataset: &Dataset, obtain: &Obtain, selection: &Selection) -> Option<Aggregate> {
    let columns = selection.columns.clone();
    let kinds = columns.iter().map(|name| dataset.column(name).map(|column| column.kind));
    let kinds: Vec<ColumnKind> = kinds.collect::<Option<_>>()?;
    match (obtain.function.pushdown?, kinds.as_slice(), columns.as_slice()) {
        (Pushdown::Counts, kinds, _) if !kinds.contains(&ColumnKind::Number) => {
            Some(Aggregate::Groups { columns })
        }
        (Pushdown::Sum, [ColumnKind::Integer], [column]) => {
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
        InputKind::Matrix | InputKind::Regressors => return check_width(columns),
        InputKind::Keyed(_) if function.asked_by.is_some() => return check_width(columns),
        _ => 1,
    };
    if columns == taken {
        return Ok(());
    }
    let message = format!("{} takes {taken} of the columns, not {columns}", function.name);
    Err(ApiError::argument("data", message).hint("select as many as the function takes"))
}

/// Refuses a table of numbers without declared categories: the parties' nodes are told the names of
/// categories that are not declared, and numbers are those of single rows.
fn check_categories(
    dataset: &Dataset,
    selection: &Selection,
    obtain: &Obtain,
) -> Result<(), ApiError> {
    let is_table = matches!(obtain.function.input, InputKind::Texts | InputKind::TextPairs);
    if !is_table || obtain.declares || !obtain.rules.are_kept() {
        return Ok(());
    }
    let is_number = |name: &&String| {
        let kind = dataset.column(name).map(|column| column.kind);
        matches!(kind, Some(ColumnKind::Integer | ColumnKind::Number))
    };
    match selection.columns.iter().find(is_number) {
        None => Ok(()),
        Some(column) => {
            let message = format!("`{column}` has numbers, whose names would be told one by one");
            Err(ApiError::argument("categories", message).hint("declare the categories"))
        }
    }
}

/// Refuses more columns than products are remembered of.
fn check_width(columns: usize) -> Result<(), ApiError> {
    const MOST: usize = 65;
    if columns <= MOST {
        return Ok(());
    }
    let message =
        format!("{columns} columns are more than the {MOST} that are taken from a dataset");
    Err(ApiError::argument("data", message).hint("select fewer columns"))
}

/// Refuses a choice of rows by the key column, which would choose single rows.
fn check_key(dataset: &Dataset, selection: &Selection, rules: OwnRules) -> Result<(), ApiError> {
    let key = dataset.key.as_deref();
    let columns = selection.filter.iter().flat_map(Filter::columns);
    if rules.are_kept() && columns.into_iter().any(|column| Some(column) == key) {
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
