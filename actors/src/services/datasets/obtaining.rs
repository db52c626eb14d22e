//! Reads the data of a computation: rows in batches, or counts and sums made near the source.
//!
//! Before any data are given out, the node remembers the question, and refuses one whose answer,
//! with earlier ones, would tell of a few rows (see [`super::memory`]). It remembers rows by hashes
//! under a key of the node. A dataset's key column tells rows apart. Without a key column all
//! columns do.

use std::collections::BTreeSet;
use std::sync::PoisonError;

use cloister_protocols::catalogue::Kind;
use cloister_sources::{Batch, Column, Dataset, Filter, SourceError, read};

use super::askers::Asker;
use super::checks::{
    check_arity, check_case, check_categories, check_key, check_kinds, check_missing,
    declared_kinds, pushed_kinds,
};
use super::indicated::{Indicated, indicated};
use super::kept::KeptQuestion;
use super::memory::{Asked, Asking, Objection, too_close};
use super::obtained::{Contents, Obtained};
use super::reserved::{Reserved, Unheard};
use super::rows::{Identities, Incomplete, Rows, selected};
use super::told::{Told, sums_of_one, told};
use super::uploads::{Content, json};
use super::views::{Group as ViewedGroup, Views};
use super::{Obtain, Store};
use crate::vocabulary::code::Code;
use crate::vocabulary::error::ApiError;
use crate::vocabulary::selection::{Base, Selection, Stored, Upload};

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
                    let obtained = self.read_dataset(&dataset, selection, obtain)?;
                    Ok(obtained.of_table(declared_kinds(&dataset, &selection.columns)))
                }
            },
        }
    }

    fn whole(&self, upload: Upload, obtain: &Obtain) -> Result<Obtained, ApiError> {
        let (content, bytes) = self.content(upload)?;
        if content == Content::Json {
            return Ok(Obtained::of(Contents::Json(json(&bytes)?)));
        }
        let (known, batch) = content.columns(&bytes)?;
        let kinds = pushed_kinds(&known, &batch);
        let (obtained, _) = Rows::all(batch).of(obtain.function).finish(obtain.incomplete())?;
        Ok(obtained.of_table(kinds))
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
        let kinds = pushed_kinds(&known, &batch);
        let wanted: Vec<usize> = selection
            .columns
            .iter()
            .filter_map(|name| known.iter().position(|column| column.name == *name))
            .collect();
        let rows = Rows::all(selected(batch, &wanted, &chosen)).of(obtain.function);
        let (obtained, _) = rows.finish(obtain.incomplete())?;
        Ok(obtained.of_table(wanted.iter().filter_map(|at| kinds.get(*at).copied()).collect()))
    }

    fn read_dataset(
        &self,
        dataset: &Dataset,
        selection: &Selection,
        obtain: &Obtain,
    ) -> Result<Obtained, ApiError> {
        self.memories.check_open(dataset, obtain.rules)?;
        check_arity(obtain.function, selection.columns.len())?;
        check_kinds(dataset, selection, obtain.function)?;
        check_key(dataset, selection, obtain.rules)?;
        check_categories(dataset, selection, obtain)?;
        check_case(obtain)?;
        self.refusals.check(&self.vault, &obtain.principal, dataset)?;
        let mut kept = None;
        let read = self.read_selection(dataset, selection, obtain, &mut kept);
        if read.as_ref().is_err_and(tells_of_data) {
            self.refusals.count(&obtain.principal, dataset);
        }
        read.map(|obtained| Obtained { kept, ..obtained })
    }

    /// Reads the rows of a selection. Where the rules on these rows object, they are left out if the
    /// question can do without them, and the question is refused otherwise.
    fn read_selection(
        &self,
        dataset: &Dataset,
        selection: &Selection,
        obtain: &Obtain,
        kept: &mut Option<KeptQuestion>,
    ) -> Result<Obtained, ApiError> {
        match self.read_allowed(dataset, selection, obtain, kept) {
            Ok(obtained) => Ok(obtained),
            Err(objection @ (Objection::Rule | Objection::Again)) if obtain.leaves_out => {
                // Each tells of the rows. With approvals the owner decides on what is told. The question
                // that is asked again tells nothing, if its answer is given again.
                let is_again = matches!(objection, Objection::Again);
                let owes = is_again && kept.as_mut().is_some_and(KeptQuestion::may_owe_refusal);
                if obtain.rules.ask_for_views() && !owes {
                    self.refusals.count(&obtain.principal, dataset);
                }
                let (told, columns) = (told_of(selection, obtain), selection.columns.as_slice());
                let (identities, permille, indicated, groups) =
                    (&[][..], &[][..], &[][..], &[][..]);
                let asked = Asked { told: &told, columns, identities, permille, indicated, groups };
                let asking = asking(&told, selection, obtain);
                let reserved = self.memories.left_out(dataset, &asked, &asking)?;
                Ok(Obtained { reserved: self.unheard(reserved), ..Obtained::left_out() })
            }
            Err(Objection::Rule | Objection::Again) => Err(too_close()),
            Err(Objection::Failed(error)) => Err(error),
        }
    }

    fn read_allowed(
        &self,
        dataset: &Dataset,
        selection: &Selection,
        obtain: &Obtain,
        kept: &mut Option<KeptQuestion>,
    ) -> Result<Obtained, Objection> {
        if let Some(obtained) = self.near_source(dataset, selection, obtain)? {
            return Ok(obtained);
        }
        check_missing(dataset, selection, obtain)?;
        let (rows, groups) = self.rows(dataset, &selection.columns, selection, obtain)?;
        *kept = self.kept_question(dataset, selection, &rows, obtain)?;
        let groups = groups.ok_or(Objection::Rule)?;
        // Checked before any word about missing values in them. No rows are left out like few: it is
        // not told which it was.
        let fewest = if obtain.leaves_out { 0 } else { 1 };
        let few = fewest..obtain.rules.min_own_rows;
        if few.contains(&(rows.len() as u64)) {
            return Err(Objection::Rule);
        }
        let selected = rows.identities();
        let (obtained, identities) = rows.of(obtain.function).finish(obtain.incomplete())?;
        if few.contains(&(identities.len() as u64)) {
            return Err(Objection::Rule);
        }
        if obtain.incomplete() == Incomplete::LeftOut {
            // The number that is left out tells how many were selected.
            self.remember_selected(dataset, selection, &selected, obtain)?;
        }
        let indicated = indicated_by(&obtained, selection, &identities, obtain);
        match self.remember(dataset, selection, (&identities, &indicated, &groups), obtain) {
            // Where no owner sees the question, this would tell of the few. Beside a number of dropped
            // rows it would tell how many they are.
            Err(Objection::Rule)
                if obtain.leaves_out && obtain.rules.approved && obtained.dropped == 0 =>
            {
                self.without_few(dataset, selection, (obtained, identities.to_vec()), obtain)
            }
            reserved => Ok(Obtained { reserved: self.unheard(reserved?), ..obtained }),
        }
    }

    /// Leaves out the few rows that an answer would isolate, in place of all rows of the selection.
    fn without_few(
        &self,
        dataset: &Dataset,
        selection: &Selection,
        (mut obtained, mut identities): (Obtained, Vec<u64>),
        obtain: &Obtain,
    ) -> Result<Obtained, Objection> {
        for _ in 0..MOST_TIMES_FEWER {
            let few = self.few(dataset, selection, &identities, obtain)?;
            if few.is_empty() {
                break;
            }
            obtained = obtained.without(&few, &identities);
            identities.retain(|identity| few.binary_search(identity).is_err());
            if identities.is_empty() {
                break;
            }
            let indicated = indicated_by(&obtained, selection, &identities, obtain);
            match self.remember(dataset, selection, (&identities, &indicated, &[]), obtain) {
                Err(Objection::Rule | Objection::Again) => {}
                reserved => return Ok(Obtained { reserved: self.unheard(reserved?), ..obtained }),
            }
        }
        Err(Objection::Rule)
    }

    /// Reads the selected rows of these columns, and the columns that tell the rows apart. Where the
    /// condition is looked at in views, it reads the other rows, too, and returns the groups of the
    /// views; none if there are too many.
    pub(super) fn rows(
        &self,
        dataset: &Dataset,
        columns: &[String],
        selection: &Selection,
        obtain: &Obtain,
    ) -> Result<(Rows, Option<Vec<ViewedGroup>>), ApiError> {
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
        let identities = || Identities::new(key.clone(), &context);
        let mut rows = Rows::new(columns.len(), identities());
        let most = self.limits.rows;
        let filter = selection.filter.as_ref();
        let views = match filter.filter(|_| obtain.rules.ask_for_views()) {
            Some(filter) => Views::of(filter, identities())?.map(|views| (views, filter)),
            None => None,
        };
        let Some((mut views, filter)) = views else {
            let mut room = Ok(());
            let mut each = |batch: Batch| {
                room = obtain.flight.read(rows.bytes(&batch));
                rows.add(batch);
                if room.is_err() || rows.len() > most { Err(SourceError::Stopped) } else { Ok(()) }
            };
            let done = read(dataset, &all, filter, &self.access, &mut each);
            room.map_err(|error| no_room(error, obtain))?;
            return match done {
                Ok(()) => Ok((rows, Some(Vec::new()))),
                Err(SourceError::Stopped) => Err(too_many(most)),
                Err(error) => Err(unreadable(dataset, &error)),
            };
        };
        let computed = all.len();
        let compared = filter.columns().into_iter().map(str::to_owned);
        let all: Vec<String> = all.into_iter().chain(compared).collect();
        let described = all.iter().filter_map(|name| dataset.column(name).cloned());
        let described: Vec<Column> = described.collect();
        let taken: Vec<usize> = (0..computed).collect();
        let mut room = Ok(());
        let mut each = |batch: Batch| {
            let chosen = filter.evaluate(&described, &batch)?;
            let identifying = batch.columns.get(columns.len()..computed).unwrap_or_default();
            views.add(&described, &batch, identifying)?;
            let selected = selected(batch, &taken, &chosen);
            if selected.rows > 0 {
                room = obtain.flight.read(rows.bytes(&selected));
                rows.add(selected);
            }
            if room.is_err() || views.rows() > most { Err(SourceError::Stopped) } else { Ok(()) }
        };
        let done = read(dataset, &all, None, &self.access, &mut each);
        room.map_err(|error| no_room(error, obtain))?;
        match done {
            Ok(()) => Ok((rows, views.finish())),
            Err(SourceError::Stopped) => Err(too_many_to_view(most)),
            Err(error) => Err(unreadable(dataset, &error)),
        }
    }

    pub(super) fn unheard(&self, reserved: Option<Reserved>) -> Option<Unheard> {
        reserved.map(|reserved| Unheard::new(reserved, self.memories.clone()))
    }

    /// Checks that an answer about these rows may be opened, and reserves the question.
    pub(super) fn remember(
        &self,
        dataset: &Dataset,
        selection: &Selection,
        (identities, indicated, groups): (&[u64], &[Indicated], &[ViewedGroup]),
        obtain: &Obtain,
    ) -> Result<Option<Reserved>, Objection> {
        let columns = selection.columns.as_slice();
        let told = told_of(selection, obtain);
        let permille = obtain.permille.as_slice();
        let asked = Asked { told: &told, columns, identities, permille, indicated, groups };
        self.memories.reserve(dataset, &asked, &asking(&told, selection, obtain))
    }

    /// Lists the rows of these that an answer could do without, ascending.
    fn few(
        &self,
        dataset: &Dataset,
        selection: &Selection,
        identities: &[u64],
        obtain: &Obtain,
    ) -> Result<Vec<u64>, ApiError> {
        let columns = selection.columns.as_slice();
        let told = told_of(selection, obtain);
        let asked =
            Asked { told: &told, columns, identities, permille: &[], indicated: &[], groups: &[] };
        self.memories.few(dataset, &asked, &asking(&told, selection, obtain))
    }

    /// Checks that the number of all selected rows may be told, and remembers it.
    fn remember_selected(
        &self,
        dataset: &Dataset,
        selection: &Selection,
        identities: &[u64],
        obtain: &Obtain,
    ) -> Result<(), Objection> {
        let mut told = vec![Told::Rows];
        told.extend(Some(condition(selection)).filter(|all| !all.is_empty()).map(Told::Condition));
        let asked = Asked {
            told: &told,
            columns: &[],
            identities,
            permille: &[],
            indicated: &[],
            groups: &[],
        };
        let (rules, sums) = (obtain.rules, 1);
        let by = Asker::of(&obtain.principal);
        let asking = Asking { by, rules, sums, depends_on_others: false, compared: None };
        // It counts as answered, whatever becomes of the rest.
        self.memories.reserve(dataset, &asked, &asking).map(drop)
    }
}

/// The most times that rows are left out of a selection, before all of them are.
const MOST_TIMES_FEWER: usize = 3;

/// Lists the rows that columns of zeros and ones choose, of the products that the answer tells.
fn indicated_by(
    obtained: &Obtained,
    selection: &Selection,
    identities: &[u64],
    obtain: &Obtain,
) -> Vec<Indicated> {
    match &obtained.content {
        // With approvals the owner decides on products, too.
        Contents::Columns(columns) if obtain.rules.ask_for_views() => {
            indicated(&told_of(selection, obtain), columns.for_computing(), identities)
        }
        Contents::Columns(_) | Contents::Json(_) | Contents::Groups(_) | Contents::Added(_) => {
            Vec::new()
        }
    }
}

fn told_of(selection: &Selection, obtain: &Obtain) -> Vec<Told> {
    told(obtain.function, obtain.equations, selection.columns.len(), &condition(selection))
}

fn asking(told: &[Told], selection: &Selection, obtain: &Obtain) -> Asking {
    let joins = matches!(obtain.function.kind, Kind::Joined | Kind::Aligned);
    Asking {
        by: Asker::of(&obtain.principal),
        rules: obtain.rules,
        sums: sums_of_one(told, selection.columns.len()),
        depends_on_others: joins || obtain.equations.ranks > 0,
        compared: obtain.compared,
    }
}

/// Returns the columns of a condition, sorted and each once.
fn condition(selection: &Selection) -> Vec<String> {
    let columns = selection.filter.iter().flat_map(Filter::columns);
    columns.map(str::to_owned).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Tells the client that a dataset cannot be read. The log has the full error.
pub(super) fn unreadable(dataset: &Dataset, error: &SourceError) -> ApiError {
    tracing::warn!(dataset = dataset.name, %error, "a dataset cannot be read");
    ApiError::new(Code::DatasetUnreadable, error.public_message())
        .hint("the dataset's owner finds the reason in the node's log")
}

/// Returns whether a refusal is an answer about the rows that were chosen.
fn tells_of_data(refusal: &ApiError) -> bool {
    matches!(refusal.code(), Code::RefusedByDisclosureRules | Code::MissingValues)
}

/// Refuses rows for which there is no room. Where rules are kept that tells of their number, and a client
/// that has filled its room could choose which.
fn no_room(error: ApiError, obtain: &Obtain) -> ApiError {
    if obtain.rules.are_kept() {
        ApiError::new(Code::RefusedByDisclosureRules, error.message()).hint(error.advice())
    } else {
        error
    }
}

fn too_many_to_view(limit: usize) -> ApiError {
    let message = format!(
        "the dataset has more than {limit} rows, and without the owner's approval a condition on several \
         columns is looked at over all of them"
    );
    ApiError::new(Code::TooManyRows, message).hint(
        "choose rows by one column, have the owner approve the study, or have the operator raise \
         `limits.rows`",
    )
}

fn too_many(limit: usize) -> ApiError {
    let message = format!("the selection has more than the {limit} rows that a computation takes");
    ApiError::new(Code::TooManyRows, message)
        .hint("choose fewer rows, or have the operator raise `limits.rows`")
}
