//! The memory of the answers about a node's sources, and the refusals that follow from it.
//!
//! Each answer is an equation about the selected rows. A memory holds the equations of one source,
//! whatever names it is registered under, and decides as if all other parties' rows were known to
//! the asker ([`cloister_disclosure`]). A question is reserved on disk before its data are given
//! out. It is taken back only if the node itself could not go on before any other member heard of it.
//!
//! Of a join this node does not see which of its rows are in it. Its questions are remembered by the
//! selected rows. Without approvals they are answered once about the same rows, as are ranks.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use cloister_disclosure::{
    Compared, Policy, Profile, Question, Ranks, Reason, Selection, TooManyRows,
};
use cloister_protocols::computation::Reach;
use cloister_sources::{Dataset, Source};
use cloister_vault::Vault;
use serde_json::{Value as Document, json};

use super::askers::{Asker, Askers};
use super::indicated::Indicated;
use super::recalling::{earlier, recall};
use super::remembered::Remembered;
use super::reserved::{Reserved, not_pending};
use super::told::{Of, Told};
use super::views::Group;
use crate::policy::no_such_dataset;
use crate::services::registry::parse;
use crate::vocabulary::code::Code;
use crate::vocabulary::error::ApiError;
use crate::vocabulary::settings::OwnRules;
use crate::vocabulary::turns::Turns;

/// The memories of a node's sources, as far as they were asked for since its start.
#[derive(Clone)]
pub struct Memories {
    vault: Vault,
    pub(super) sources: Arc<Mutex<BTreeMap<String, Arc<Mutex<Remembered>>>>>,
    turns: Arc<Mutex<BTreeMap<String, Arc<Turns>>>>,
}

/// A question's part in what is told of a source, before its owner decides on it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outlook {
    /// The part of the content of the most told of its columns, from 0 to 100.
    pub told_percent: f64,
    /// The part that the question tells of a column at most, from 0 to 100.
    pub tells_percent: f64,
}

/// The reason why a question is not answered as it stands.
#[derive(Debug)]
pub(super) enum Objection {
    /// A rule on the rows of this node: without them the others' question may be answered.
    Rule,
    /// The same question about the same rows was answered, and its answer depends on others' rows by
    /// more than a sum. This follows from the questions, and tells nothing of the rows.
    Again,
    /// The state cannot be read or written.
    Failed(ApiError),
}

impl From<ApiError> for Objection {
    fn from(error: ApiError) -> Self {
        Self::Failed(error)
    }
}

/// The question about some rows, and about the groups of rows in the views of its condition.
pub(super) struct Asked<'a> {
    pub(super) told: &'a [Told],
    pub(super) columns: &'a [String],
    pub(super) identities: &'a [u64],
    /// The places of numbers by rank, in thousandths of the rows.
    pub(super) permille: &'a [u16],
    /// The rows that columns of zeros and ones choose among them.
    pub(super) indicated: &'a [Indicated],
    pub(super) groups: &'a [Group],
}

/// The way in which a question is asked.
#[derive(Clone, Copy)]
pub(super) struct Asking {
    pub(super) by: Asker,
    pub(super) rules: OwnRules,
    /// The sums that are told of one column at most.
    pub(super) sums: u64,
    /// True if the answer depends on other parties' rows by more than a sum: joins, and ranks.
    pub(super) depends_on_others: bool,
    /// The earlier answers that members compare this one with, if it is one of sums over rows.
    pub(super) compared: Option<Reach>,
}

/// Returns the name under which everything about a dataset's rows is remembered. Two registrations
/// of one file, or of one table or query, have the same. A copy or a view has another.
pub(super) fn source_of(dataset: &Dataset) -> String {
    let place = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    match &dataset.source {
        Source::Csv { path, .. } | Source::Parquet { path } => format!("{:?}", place(path)),
        Source::Sqlite { path, from } => format!("{:?} {}", place(path), json!(from)),
        // The address without user and password, and the table or query.
        source @ (Source::Postgres { from, .. } | Source::Mysql { from, .. }) => {
            format!("{source:?} {}", json!(from))
        }
    }
}

impl Memories {
    /// Creates the memories that this vault keeps.
    #[must_use]
    pub fn new(vault: Vault) -> Self {
        Self { vault, sources: Arc::default(), turns: Arc::default() }
    }

    /// Returns what was told of each value of a dataset's source, for its owner. Blocks.
    ///
    /// # Errors
    /// If there is no such dataset, or the state cannot be read.
    pub fn show(&self, name: &str) -> Result<Document, ApiError> {
        let dataset = self.dataset(name)?;
        let remembered = self.of(&dataset)?;
        let remembered = remembered.lock().unwrap_or_else(PoisonError::into_inner);
        let shown = remembered.memory.show();
        let values = shown.iter().map(|(value, shown)| {
            json!({
                "value": value.as_str(),
                "questions": shown.questions,
                "told_percent": shown.told_percent,
            })
        });
        Ok(json!({"dataset": name, "values": values.collect::<Document>()}))
    }

    /// Returns how much of the columns of a dataset was told, and how much so many equations more
    /// would tell at most. Blocks.
    ///
    /// # Errors
    /// If there is no such dataset, or the state cannot be read.
    pub fn outlook(
        &self,
        name: &str,
        columns: &[String],
        equations: u64,
    ) -> Result<Outlook, ApiError> {
        let dataset = self.dataset(name)?;
        let remembered = self.of(&dataset)?;
        let remembered = remembered.lock().unwrap_or_else(PoisonError::into_inner);
        // The names of values have those of columns in quotes.
        let columns: Vec<String> = columns.iter().map(|column| format!("{column:?}")).collect();
        let shown = remembered.memory.show();
        let of_columns = shown.iter().filter(|(value, _)| {
            columns.iter().any(|column| value.as_str().contains(column.as_str()))
        });
        let told_percent =
            of_columns.map(|(_, shown)| shown.told_percent).fold(0.0, f64::max).min(100.0);
        // As the meter counts, which takes each value for one bit a row.
        let bit = Profile::of_numbers(&[0.0, 1.0]);
        let (answer, content) = (bit.bits_told(dataset.rows), bit.content(dataset.rows));
        let answers = f64::from(u32::try_from(equations).unwrap_or(u32::MAX));
        let tells_percent = if content > 0.0 { 100.0 * answers * answer / content } else { 0.0 };
        Ok(Outlook { told_percent, tells_percent: tells_percent.min(100.0) })
    }

    /// Forgets what was told of a dataset's source, at its owner's word. Blocks.
    ///
    /// # Errors
    /// If there is no such dataset, or the state cannot be written.
    pub fn reset(&self, name: &str) -> Result<(), ApiError> {
        let dataset = self.dataset(name)?;
        let remembered = self.of(&dataset)?;
        let mut remembered = remembered.lock().unwrap_or_else(PoisonError::into_inner);
        // First what can fail: a memory that was begun anew has no answers.
        let forgotten = self.vault.forget_answers(&key_of(&source_of(&dataset))).wait();
        forgotten.map_err(|error| ApiError::state(&error))?;
        // A question that is reserved now is settled in a memory that is there no more.
        remembered.generation += 1;
        remembered.memory.reset();
        remembered.asked = Askers::default();
        self.keep(&source_of(&dataset), &remembered)?;
        self.open_again(&dataset)
    }

    pub(super) fn vault(&self) -> &Vault {
        &self.vault
    }

    pub(super) fn dataset(&self, name: &str) -> Result<Dataset, ApiError> {
        let document = self.vault.dataset(name).map_err(|error| ApiError::state(&error))?;
        parse(document.ok_or_else(no_such_dataset)?).map(|registered| registered.dataset)
    }

    /// Returns the turns of questions about a dataset's source.
    pub(super) fn turns(&self, dataset: &Dataset) -> Arc<Turns> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(turns.entry(source_of(dataset)).or_default())
    }

    /// Returns what is remembered of a dataset's source.
    pub(super) fn of(&self, dataset: &Dataset) -> Result<Arc<Mutex<Remembered>>, ApiError> {
        let source = source_of(dataset);
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = sources.get(&source) {
            return Ok(Arc::clone(known));
        }
        let remembered = self.load(&source, dataset)?;
        let remembered = Arc::new(Mutex::new(remembered));
        sources.insert(source, Arc::clone(&remembered));
        Ok(remembered)
    }

    fn load(&self, source: &str, dataset: &Dataset) -> Result<Remembered, ApiError> {
        let state = |error| ApiError::state(&error);
        if let Some(bytes) = self.vault.memory(&key_of(source)).map_err(state)? {
            return Remembered::of_bytes(&bytes);
        }
        let earlier = self.vault.earlier_selections(&dataset.name).map_err(state)?;
        let context = if earlier.is_empty() { source.to_owned() } else { dataset.name.clone() };
        let mut remembered = Remembered::new(context)?;
        // It is not known what was told of them: everything, then.
        for rows in earlier {
            remembered.begin_with(dataset, rows)?;
        }
        Ok(remembered)
    }

    /// Decides on a question, and reserves it on disk. There is no reservation if its answer follows from
    /// earlier ones.
    pub(super) fn reserve(
        &self,
        dataset: &Dataset,
        asked: &Asked<'_>,
        asking: &Asking,
    ) -> Result<Option<Reserved>, Objection> {
        let questions = questions(asked, dataset.rows)?;
        let remembered = self.of(dataset)?;
        let mut remembered = remembered.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.check_apart(asked, dataset.rows, asking)?;
        let (mut reservations, before) = (Vec::new(), remembered.before(&questions));
        // Each is decided on with those before it reserved: two groups can isolate a row together.
        for (place, question) in questions.iter().enumerate() {
            let of = if place <= asked.indicated.len() { Of::Selection } else { Of::Group };
            let depends_on_others = place == 0 && asking.depends_on_others;
            let reserved =
                remembered.decide(question, of, asking, depends_on_others).and_then(|()| {
                    match remembered.memory.reserve(question) {
                        Ok(reservation) => Ok(Some(reservation)),
                        // Where everything may be told, nothing is refused for a memory that is full.
                        Err(_) if !asking.rules.are_kept() => Ok(None),
                        Err(_) => Err(objection(Reason::Full)),
                    }
                });
            match reserved {
                Ok(reservation) => reservations.extend(reservation),
                Err(objection) => {
                    if let Some(before) = before {
                        remembered.memory = before;
                    }
                    return Err(objection);
                }
            }
        }
        let (recall, earlier) = if asking.compared.is_some() {
            let recall = recall(asked)?;
            if !remembered.memory.can_recall(&recall.selection) {
                for reservation in reservations {
                    remembered.memory.withdraw(reservation).map_err(not_pending)?;
                }
                return Err(objection(Reason::Full));
            }
            let earlier = earlier(&remembered.memory, &recall);
            (Some(recall), Some(earlier))
        } else {
            (None, None)
        };
        let told = reservations.iter().filter(|reservation| reservation.is_recorded()).count();
        if asking.rules.are_kept()
            && let Err(error) = remembered.take_questions(asking.by, told)
        {
            for reservation in reservations {
                remembered.memory.withdraw(reservation).map_err(not_pending)?;
            }
            return Err(Objection::Failed(error));
        }
        let is_told = told > 0;
        if !is_told && recall.is_none() {
            return Ok(None);
        }
        let source = source_of(dataset);
        if is_told {
            self.keep(&source, &remembered)?;
        }
        let generation = remembered.generation;
        let by = asking.by;
        Ok(Some(Reserved { by, source, generation, reservations, recall, earlier, turn: None }))
    }

    /// Returns the part of a source that is left out of a question. Nothing is remembered of it.
    pub(super) fn left_out(
        &self,
        dataset: &Dataset,
        asked: &Asked<'_>,
        asking: &Asking,
    ) -> Result<Option<Reserved>, ApiError> {
        if asking.compared.is_none() {
            return Ok(None);
        }
        let remembered = self.of(dataset)?;
        let remembered = remembered.lock().unwrap_or_else(PoisonError::into_inner);
        let earlier = Some(earlier(&remembered.memory, &recall(asked)?));
        let (source, generation, reservations) =
            (source_of(dataset), remembered.generation, Vec::new());
        let (by, recall) = (asking.by, None);
        Ok(Some(Reserved { by, source, generation, reservations, recall, earlier, turn: None }))
    }

    /// Lists the rows that a question could do without, ascending.
    pub(super) fn few(
        &self,
        dataset: &Dataset,
        asked: &Asked<'_>,
        asking: &Asking,
    ) -> Result<Vec<u64>, ApiError> {
        let remembered = self.of(dataset)?;
        let remembered = remembered.lock().unwrap_or_else(PoisonError::into_inner);
        let minimum = policy(asking, Of::Selection).min_own_rows;
        let questions = questions(asked, dataset.rows)?;
        Ok(questions
            .first()
            .map(|question| remembered.memory.rows_in_small_groups(question, minimum))
            .unwrap_or_default())
    }

    pub(super) fn keep(&self, source: &str, remembered: &Remembered) -> Result<(), ApiError> {
        let kept = self.vault.keep_memory(&key_of(source), remembered.to_bytes()).wait();
        kept.map_err(|error| ApiError::state(&error))
    }
}

/// Returns the name of a source's memory in the vault, which bounds the length of names.
pub(super) fn key_of(source: &str) -> String {
    blake3::hash(source.as_bytes()).to_hex().to_string()
}

/// Makes the question about these rows, one about the rows that each column of zeros and ones chooses
/// among them, and one for each group of the views of its condition, of a source with so many rows.
///
/// The meter takes each value for one bit a row, which is the strictest: what it decides follows
/// from the questions alone, and tells nothing of the values.
pub(super) fn questions(asked: &Asked<'_>, source_rows: u64) -> Result<Vec<Question>, ApiError> {
    let Asked { told, columns, identities, permille, indicated, groups } = asked;
    let question = |identities: &[u64], told: &[Told], of: Of, by_themselves: Vec<Told>| {
        let selection = Selection::new(identities.to_vec()).map_err(too_many_rows)?;
        let mut sums = BTreeMap::new();
        for told in told {
            sums.insert(told.value(columns, of)?, Profile::of_numbers(&[0.0, 1.0]));
        }
        // The meter counts what is told of a column by the names above, each by itself.
        for column in by_themselves {
            sums.insert(column.value(columns, Of::Selection)?, Profile::of_numbers(&[]));
        }
        Ok(Question { selection, source_rows, sums, ranks: BTreeMap::new() })
    };
    let selected = |identities: &[u64], told: &[Told]| {
        question(identities, told, Of::Selection, Told::by_themselves(told, columns))
    };
    let mut plain: Question = selected(identities, told)?;
    if !permille.is_empty() {
        for column in 0..columns.len() {
            let value = Told::Power(column, 1).value(columns, Of::Selection)?;
            let permille = permille.iter().copied().collect();
            plain.ranks.insert(value, Ranks { permille, of_rows: identities.len() as u64 });
        }
    }
    let of_ones = indicated.iter().map(|it| selected(&it.identities, &it.told));
    let of_groups = groups.iter().map(|group| {
        let hidden = group.hidden.iter().cloned().map(Told::Column).collect();
        question(&group.rows, told, Of::Group, hidden)
    });
    std::iter::once(Ok(plain)).chain(of_ones).chain(of_groups).collect()
}

/// Makes the question whether this one value was told of the rows that are asked about.
pub(super) fn question_of(
    told: &Told,
    asked: &Asked<'_>,
    source_rows: u64,
) -> Result<Question, ApiError> {
    let selection = Selection::new(asked.identities.to_vec()).map_err(too_many_rows)?;
    let value = told.value(asked.columns, Of::Selection)?;
    let sums = BTreeMap::from([(value, Profile::of_numbers(&[]))]);
    Ok(Question { selection, source_rows, sums, ranks: BTreeMap::new() })
}

/// Returns the rules as the memory takes them. What is told in all is metered once, of the selection.
pub(super) fn policy(asking: &Asking, of: Of) -> Policy {
    let rules = &asking.rules;
    let is_metered = rules.told < 100 && of == Of::Selection;
    let told = if is_metered { f64::from(rules.told) } else { f64::INFINITY };
    let told_a_row = if is_metered { 50.0 } else { f64::INFINITY };
    // So many sums of the same rows solve for as many of them.
    let more = if rules.are_kept() { asking.sums.saturating_sub(1) } else { 0 };
    let min_own_rows = rules.min_own_rows.saturating_add(more);
    // An owner that approves each question decides on its numbers by rank, too.
    let min_rows = if rules.approved { 0 } else { rules.min_rows };
    // What all members have compared is no matter of this node alone.
    let reach = asking.compared.filter(|_| of == Of::Selection && rules.ask_for_views());
    let min_together = if reach.is_some() { rules.min_rows } else { 0 };
    let Reach { single, pairs, threes } = reach.unwrap_or_default();
    let compared = Compared { single, pairs, threes };
    let grid = BTreeSet::from([50, 100, 250, 500, 750, 900, 950]);
    Policy { min_own_rows, min_together, compared, min_rows, told, told_a_row, grid }
}

/// Notes in the node's log which rule it was. Clients are not told: it would tell of the rows.
pub(super) fn objection(reason: Reason) -> Objection {
    tracing::info!(rule = reason.code(), "a question about a dataset is not answered as it stands");
    Objection::Rule
}

/// Reports more rows than a memory tells apart.
pub(super) fn too_many_rows(error: TooManyRows) -> ApiError {
    ApiError::new(Code::TooManyRows, error.to_string())
        .hint("select fewer rows by a condition, or have the owner split the dataset")
}

/// Returns the refusal of a selection, without a word about the number of rows or about which of
/// the reasons holds.
pub(super) fn too_close() -> ApiError {
    ApiError::new(
        Code::RefusedByDisclosureRules,
        "by the rules of this node these rows are too few, or with earlier answers this one would \
         tell of a few rows alone, or too much of a column is told",
    )
    .hint(
        "choose rows by wider conditions, or exactly those of an earlier request; ask for fewer \
         statistics; or have the owner approve the study",
    )
}

#[cfg(test)]
#[path = "memory_tests.rs"]
mod tests;
