//! Counts and sums that a database makes near the rows, where that gives exactly the same result.
//!
//! Several statements see several states of the data. So nothing is made near its source where
//! answers are remembered.

use cloister_protocols::catalogue::Pushdown;
use cloister_sources::{
    Aggregate, Aggregated, Comparison, Constant, Dataset, Filter, Kind as ColumnKind, aggregate,
};

use super::memory::{Objection, too_close};
use super::obtained::{Added, Contents, Group, Obtained};
use super::obtaining::unreadable;
use super::rows::Incomplete;
use super::{Obtain, Store};
use crate::vocabulary::error::ApiError;
use crate::vocabulary::label::Private;
use crate::vocabulary::selection::Selection;

impl Store {
    /// Counts or adds in the database, where that gives exactly the same result.
    pub(super) fn near_source(
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
        let (rows, _) = self.rows(dataset, &[], selection, obtain)?;
        let (_, identities) = rows.finish(Incomplete::Refused)?;
        let reserved = self.remember(dataset, selection, (&identities, &[], &[]), obtain);
        let reserved = reserved.map_err(|objection| match objection {
            Objection::Failed(error) => error,
            Objection::Rule | Objection::Again => too_close(),
        })?;
        Ok(Some(Obtained { reserved: self.unheard(reserved), ..Obtained::of(content) }))
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
