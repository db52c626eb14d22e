//! The memory of the answers about a node's sources, and the refusals that follow from it.
//!
//! Each answer is an equation about the selected rows. A memory holds the equations of one source,
//! whatever names it is registered under, and decides as if all other parties' rows were known to
//! the asker ([`cloister_disclosure`]). A question is reserved on disk before its data are given
//! out. It is taken back if the node itself could not go on, or if a rule refused that asks nothing
//! of the data; in all other cases it counts as answered.
//!
//! Of a join this node does not see which of its rows are in it. Its questions are remembered by the
//! selected rows. Without approvals they are answered once about the same rows, as are ranks.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use cloister_disclosure::{
    Memory, Policy, Profile, Question, Ranks, Reason, Selection as Asked, Ticket, Value, Verdict,
};
use cloister_protocols::catalogue::{Descriptor, InputKind};
use cloister_protocols::equations::Equations;
use cloister_sources::{Dataset, Source};
use cloister_vault::Vault;
use serde_json::{Value as Document, json};
use zeroize::Zeroizing;

use crate::policy::no_such_dataset;
use crate::services::registry::parse;
use crate::vocabulary::code::Code;
use crate::vocabulary::error::ApiError;
use crate::vocabulary::settings::OwnRules;

/// The memories of a node's sources, as far as they were asked for since its start.
#[derive(Clone)]
pub struct Memories {
    vault: Vault,
    sources: Arc<Mutex<BTreeMap<String, Arc<Mutex<Remembered>>>>>,
}

/// The memory of one source.
pub(crate) struct Remembered {
    /// The text that rows' hashes are keyed with.
    context: String,
    memory: Memory,
    /// The number of resets since the start.
    generation: u64,
}

/// A reserved question, which is answered or taken back.
pub struct Reserved {
    source: String,
    /// The number of resets of the memory before it.
    generation: u64,
    ticket: Ticket,
}

/// The way in which a question is asked.
pub(super) struct Asking {
    pub(super) rules: OwnRules,
    /// The sums that are told of one column at most.
    pub(super) sums: u64,
    /// True if the answer depends on other parties' rows by more than a sum: joins, and ranks.
    pub(super) depends_on_others: bool,
}

/// A number or category of each row, of which an answer tells a sum or counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// The number of rows.
    Rows,
    /// The number of rows that a condition on these columns selects.
    Condition(Vec<String>),
    /// A column to this power.
    Power(usize, i32),
    /// The product of two columns.
    Product(usize, usize),
    /// The logarithm of a column.
    Logarithm(usize),
    /// The categories of columns, together.
    Categories(Vec<usize>),
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

/// Lists what an answer tells of the rows, for columns in the order of the selection, and for the
/// columns of its condition.
pub(super) fn told(
    function: &Descriptor,
    equations: Equations,
    columns: usize,
    condition: &[String],
) -> Vec<Told> {
    let mut told = vec![Told::Rows];
    if !condition.is_empty() {
        told.push(Told::Condition(condition.to_vec()));
    }
    let all = 0..columns;
    match function.input {
        InputKind::Points => {
            told.extend(all.clone().flat_map(|i| [Told::Power(i, 1), Told::Power(i, 2)]));
            told.extend(all.flat_map(|i| (0..i).map(move |j| Told::Product(j, i))));
        }
        InputKind::Texts | InputKind::TextPairs => told.push(Told::Categories(all.collect())),
        InputKind::Set | InputKind::Other => {}
        // Of a join, sums of products with columns of others are sums of this one.
        InputKind::Keyed(_) | InputKind::Matrix | InputKind::Regressors => {
            told.extend(all.clone().flat_map(|i| [Told::Power(i, 1), Told::Power(i, 2)]));
            told.extend(all.clone().flat_map(|i| (0..i).map(move |j| Told::Product(j, i))));
            told.extend(all.map(|i| Told::Categories(vec![i])));
        }
        InputKind::Numbers | InputKind::Vector | InputKind::Extremes | InputKind::Ranked => {
            let means = matches!(equations.linear, 3 | 4 | 8);
            let orders = match equations.linear {
                // A number by rank tells of its column, too.
                0 => 1,
                1 | 3 => 1,
                2 | 4 => 2,
                _ => 6,
            };
            for column in all {
                told.extend((1..=orders).map(|order| Told::Power(column, order)));
                if means {
                    told.extend([Told::Logarithm(column), Told::Power(column, -1)]);
                }
            }
        }
    }
    told
}

/// Counts the sums that are told of one column, at most.
pub(super) fn sums_of_one(told: &[Told], columns: usize) -> u64 {
    let of = |column: usize| told.iter().filter(|told| told.is_of(column)).count() as u64;
    (0..columns).map(of).max().unwrap_or_default().max(1)
}

impl Told {
    /// Reports whether it is a sum of numbers of this column.
    fn is_of(&self, column: usize) -> bool {
        match self {
            Self::Rows | Self::Condition(_) | Self::Categories(_) => false,
            Self::Power(of, _) | Self::Logarithm(of) => *of == column,
            Self::Product(one, other) => [*one, *other].contains(&column),
        }
    }

    /// Names the value. No two values have the same name, whatever columns are called.
    fn value(&self, columns: &[String]) -> Result<Value, ApiError> {
        let name = |index: &usize| columns.get(*index).map_or("", String::as_str);
        let text = match self {
            Self::Rows => "rows".to_owned(),
            Self::Condition(columns) => format!("rows by {columns:?}"),
            Self::Power(column, 1) => format!("sum of {:?}", name(column)),
            Self::Power(column, order) => format!("power {order} of {:?}", name(column)),
            Self::Product(one, other) => {
                let (one, other) = (name(one), name(other));
                format!("product of {:?} and {:?}", one.min(other), one.max(other))
            }
            Self::Logarithm(column) => format!("logarithm of {:?}", name(column)),
            Self::Categories(all) => {
                let mut names: Vec<&str> = all.iter().map(name).collect();
                names.sort_unstable();
                format!("categories of {names:?}")
            }
        };
        // A long name has a hash in its place: columns have names of up to 200 bytes.
        let text = match text.len() {
            0..=500 => text,
            _ => blake3::hash(text.as_bytes()).to_hex().to_string(),
        };
        Value::new(&text).map_err(|error| ApiError::internal(error.to_string()))
    }
}

impl Memories {
    /// Creates the memories that this vault keeps.
    #[must_use]
    pub fn new(vault: Vault) -> Self {
        Self { vault, sources: Arc::default() }
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

    /// Forgets what was told of a dataset's source, at its owner's word. Blocks.
    ///
    /// # Errors
    /// If there is no such dataset, or the state cannot be written.
    pub fn reset(&self, name: &str) -> Result<(), ApiError> {
        let dataset = self.dataset(name)?;
        let remembered = self.of(&dataset)?;
        let mut remembered = remembered.lock().unwrap_or_else(PoisonError::into_inner);
        // A question that is reserved now is settled in a memory that is there no more.
        remembered.generation += 1;
        remembered.memory.reset();
        self.keep(&source_of(&dataset), &remembered)
    }

    fn dataset(&self, name: &str) -> Result<Dataset, ApiError> {
        let document = self.vault.dataset(name).map_err(|error| ApiError::state(&error))?;
        parse(document.ok_or_else(no_such_dataset)?).map(|registered| registered.dataset)
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

    /// Decides on a question, and reserves it on disk. There is no ticket if its answer follows from
    /// earlier ones.
    pub(super) fn reserve(
        &self,
        dataset: &Dataset,
        question: &Question,
        asked: &Asking,
    ) -> Result<Option<Reserved>, ApiError> {
        let rules = &asked.rules;
        let remembered = self.of(dataset)?;
        let mut remembered = remembered.lock().unwrap_or_else(PoisonError::into_inner);
        let verdict = remembered.memory.check(question, &policy(asked));
        let ticket = match verdict {
            // Where the answer depends on others' rows by more than a sum, the same own rows can be
            // told another equation: without approvals it is answered once.
            Verdict::Free if asked.depends_on_others && rules.are_kept() && rules.told < 100 => {
                tracing::info!("a join or a rank of the same rows is asked for again");
                return Err(too_close());
            }
            Verdict::Free => return Ok(None),
            Verdict::Refused(reason) if rules.are_kept() => return Err(refused(reason)),
            Verdict::Allowed(_) | Verdict::Refused(_) => {
                match remembered.memory.reserve(question) {
                    Ok(ticket) => ticket,
                    // Where everything may be told, nothing is refused for a memory that is full.
                    Err(_) if !rules.are_kept() => return Ok(None),
                    Err(_) => return Err(refused(Reason::Full)),
                }
            }
        };
        let source = source_of(dataset);
        self.keep(&source, &remembered)?;
        Ok(Some(Reserved { source, generation: remembered.generation, ticket }))
    }

    /// Notes that a reserved question was answered, or takes it back.
    pub(super) fn settle(&self, reserved: Reserved, answered: bool) -> Result<(), ApiError> {
        let Reserved { source, generation, ticket } = reserved;
        let known = {
            let sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
            sources.get(&source).map(Arc::clone)
        };
        let Some(remembered) = known else { return Ok(()) };
        let mut remembered = remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.generation != generation {
            return Ok(());
        }
        let settled = match answered {
            true => remembered.memory.confirm(ticket),
            false => remembered.memory.withdraw(ticket),
        };
        settled.map_err(|error| ApiError::internal(error.to_string()))?;
        self.keep(&source, &remembered)
    }

    fn keep(&self, source: &str, remembered: &Remembered) -> Result<(), ApiError> {
        let kept = self.vault.keep_memory(&key_of(source), remembered.to_bytes()).wait();
        kept.map_err(|error| ApiError::state(&error))
    }
}

impl Remembered {
    fn new(context: String) -> Result<Self, ApiError> {
        let seed = getrandom::u64().map_err(|error| ApiError::internal(error.to_string()))?;
        Ok(Self { context, memory: Memory::new(seed), generation: 0 })
    }

    /// Returns the text that rows' hashes are keyed with.
    pub(super) fn context(&self) -> &str {
        &self.context
    }

    /// Makes the question about these rows, of so many that the source has.
    ///
    /// The meter takes each value for one bit a row, which is the strictest: what it decides follows
    /// from the questions alone, and tells nothing of the values.
    pub(super) fn question(
        told: &[Told],
        columns: &[String],
        (identities, permille): (&[u64], &[u16]),
        source_rows: u64,
    ) -> Result<Question, ApiError> {
        let selection = Asked::new(identities.to_vec());
        let selection = selection.map_err(|error| ApiError::internal(error.to_string()))?;
        let mut sums = BTreeMap::new();
        for told in told {
            sums.insert(told.value(columns)?, Profile::of_numbers(&[0.0, 1.0]));
        }
        let mut ranks = BTreeMap::new();
        if !permille.is_empty() {
            for column in 0..columns.len() {
                let value = Told::Power(column, 1).value(columns)?;
                let permille = permille.iter().copied().collect();
                ranks.insert(value, Ranks { permille, of_rows: identities.len() as u64 });
            }
        }
        Ok(Question { selection, source_rows, sums, ranks })
    }

    /// Takes over a selection that an earlier version remembered.
    fn begin_with(&mut self, dataset: &Dataset, rows: Vec<u64>) -> Result<(), ApiError> {
        let columns: Vec<String> =
            dataset.columns.iter().map(|column| column.name.clone()).collect();
        let mut told = vec![Told::Rows];
        for column in 0..columns.len() {
            told.extend((1..=6).map(|order| Told::Power(column, order)));
            told.extend([Told::Categories(vec![column])]);
        }
        let question = Self::question(&told, &columns, (&rows, &[]), dataset.rows)?;
        self.memory.record(&question).map_err(|_| refused(Reason::Full))
    }

    fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let memory = Zeroizing::new(self.memory.to_bytes());
        let context = self.context.as_bytes();
        let mut bytes = Zeroizing::new(Vec::with_capacity(8 + context.len() + memory.len()));
        bytes.extend_from_slice(&(context.len() as u64).to_le_bytes());
        bytes.extend_from_slice(context);
        bytes.extend_from_slice(&memory);
        bytes
    }

    /// Reads a memory back. Questions that were reserved when the node ended count as answered: it
    /// is not known what the other members saw.
    fn of_bytes(bytes: &[u8]) -> Result<Self, ApiError> {
        let damaged = || ApiError::internal("the memory of a source cannot be read");
        let (length, rest) = bytes.split_first_chunk::<8>().ok_or_else(damaged)?;
        let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| damaged())?;
        let (context, memory) = rest.split_at_checked(length).ok_or_else(damaged)?;
        let context = String::from_utf8(context.to_vec()).map_err(|_| damaged())?;
        let mut memory = Memory::from_bytes(memory).map_err(|_| damaged())?;
        for ticket in memory.pending() {
            memory.confirm(ticket).map_err(|_| damaged())?;
        }
        Ok(Self { context, memory, generation: 0 })
    }
}

/// Returns the name of a source's memory in the vault, which bounds the length of names.
fn key_of(source: &str) -> String {
    blake3::hash(source.as_bytes()).to_hex().to_string()
}

fn policy(asked: &Asking) -> Policy {
    let rules = &asked.rules;
    let grid = BTreeSet::from([50, 100, 250, 500, 750, 900, 950]);
    let told = if rules.told >= 100 { f64::INFINITY } else { f64::from(rules.told) };
    let told_a_row = if told.is_finite() { 50.0 } else { f64::INFINITY };
    // So many sums of the same rows solve for as many of them.
    let more = if rules.are_kept() { asked.sums.saturating_sub(1) } else { 0 };
    let (min_own_rows, min_rows) = (rules.min_own_rows.saturating_add(more), rules.min_rows);
    Policy { min_own_rows, min_rows, told, told_a_row, grid }
}

/// Refuses a question, in the same words whichever rule it was; the node's log has the rule.
fn refused(reason: Reason) -> ApiError {
    tracing::info!(rule = reason.code(), "a question about a dataset is refused");
    too_close()
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
