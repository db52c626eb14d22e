//! The input of a computation, read when it is needed.

use std::collections::BTreeMap;

use cloister_api::Selected;
use cloister_protocols::catalogue::Descriptor;
use cloister_protocols::computation::{Input, Reach};
use cloister_protocols::equations::Equations;
use cloister_protocols::parameters::{Missing, Parameters};
use cloister_protocols::session::ColumnKinds;
use cloister_sources::Stop;
use serde_json::{Map, Value, json};

use super::input;
use crate::bus::{DATASETS, Siblings};
use crate::policy::Use;
use crate::services::datasets::{Contents, KeptQuestion, Obtain, Unheard};
use crate::vocabulary::data::{Data, HANDLE};
use crate::vocabulary::documents::count;
use crate::vocabulary::error::ApiError;
use crate::vocabulary::flight::Flight;
use crate::vocabulary::label::Private;
use crate::vocabulary::object::{Material, Principal};
use crate::vocabulary::selection::{Base, Selection, Stored};
use crate::vocabulary::settings::OwnRules;

/// The data of one party, read.
pub(super) struct Gathered {
    contents: Vec<Contents>,
    /// The kinds of values that are compared as texts, of tables.
    kinds: ColumnKinds,
    /// Columns of tables stand inside of JSON, as texts.
    filled: bool,
    /// The number of rows that were left out where they were read.
    dropped: u64,
    drop_missing: bool,
    /// The question about a dataset, if there is one.
    reserved: Option<Unheard>,
    /// The same question, if its answer is to be kept.
    kept: Option<KeptQuestion>,
    /// True if the rows of the dataset are left out.
    left_out: bool,
}

/// Reads a computation's data.
pub(super) struct Reader<'a> {
    pub(super) siblings: &'a Siblings,
    pub(super) principal: &'a Principal,
    /// The room for the bytes that are read.
    pub(super) flight: &'a Flight,
    pub(super) function: &'static Descriptor,
    pub(super) parameters: &'a Parameters,
    /// The rules for this node's own rows.
    pub(super) rules: OwnRules,
    /// The equations about rows that the answer tells.
    pub(super) equations: Equations,
    /// The places of the numbers by rank that it shows, in thousandths of the rows.
    pub(super) permille: Vec<u16>,
    /// The hash of all of the question but the selection of rows, if its answer is to be kept.
    pub(super) question: Option<[u8; 32]>,
    /// There is no other input to compute with.
    pub(super) alone: bool,
    /// The question can do without this node's rows.
    pub(super) leaves_out: bool,
    /// The earlier answers that members compare this one with, if it is one of sums over rows.
    pub(super) compared: Option<Reach>,
}

/// Counts the bytes that clients pushed before and that a computation reads. Rows of datasets are
/// bounded by their number.
pub(super) fn kept_bytes(materials: &[Material]) -> usize {
    materials.iter().map(kept_bytes_of).fold(0, usize::saturating_add)
}

fn kept_bytes_of(material: &Material) -> usize {
    match material {
        Material::Here(_) => 0,
        Material::Stored(stored) => stored.pushed_bytes(),
        Material::Nested { held, .. } => {
            held.values().map(Stored::pushed_bytes).fold(0, usize::saturating_add)
        }
    }
}

/// Returns the uses of data that the policy decides on.
pub(super) fn uses(materials: &[Material]) -> Vec<Use> {
    materials.iter().flat_map(uses_of).collect()
}

fn uses_of(material: &Material) -> Vec<Use> {
    match material {
        Material::Here(data) | Material::Stored(Stored::Inline(data))
            if is_nothing(data.for_computing()) =>
        {
            Vec::new()
        }
        Material::Here(_) | Material::Stored(Stored::Upload(_) | Stored::Inline(_)) => {
            vec![Use::ClientColumns]
        }
        Material::Stored(Stored::Selection(selection)) => vec![use_of(selection)],
        Material::Nested { data, held } => {
            let stored = held.values().cloned().map(Material::Stored);
            let mut uses: Vec<Use> = stored.flat_map(|material| uses_of(&material)).collect();
            if has_values(data.for_computing()) {
                uses.push(Use::ClientColumns);
            }
            uses
        }
    }
}

/// Returns the use of a selection.
fn use_of(selection: &Selection) -> Use {
    match &selection.base {
        Base::Upload(_) => Use::ClientColumns,
        Base::Dataset(name) => Use::Dataset {
            name: name.clone(),
            columns: selection.columns.clone(),
            condition: selection.filter.clone(),
        },
    }
}

/// The entries that may stand beside a handle without being values to compute with.
const BESIDE: [&str; 4] = [HANDLE, "rank", "lower_bound", "upper_bound"];

fn is_beside(name: &str) -> bool {
    BESIDE.contains(&name)
}

/// Returns whether values stand beside the handles: then a client made columns. A rank is none.
fn has_values(data: &Data) -> bool {
    match data {
        Data::List(items) => items.iter().any(has_values),
        Data::Map(map) => map.iter().any(|(name, value)| !is_beside(name) && has_values(value)),
        _ => true,
    }
}

/// Returns the values that stand beside handles, such as a rank: they are part of the question.
pub(super) fn beside_handles(materials: &[Material]) -> Vec<Value> {
    let mut found = Vec::new();
    for material in materials {
        if let Material::Nested { data, .. } = material {
            collect_beside(data.for_computing(), &mut found);
        }
    }
    found
}

fn collect_beside(data: &Data, found: &mut Vec<Value>) {
    match data {
        Data::List(items) => items.iter().for_each(|item| collect_beside(item, found)),
        Data::Map(map) => {
            let beside = map.iter().filter(|(name, value)| {
                name.as_str() != HANDLE && is_beside(name) && value.handles().is_empty()
            });
            let beside: Map<String, Value> =
                beside.map(|(name, value)| (name.clone(), json!(value))).collect();
            if !beside.is_empty() {
                found.push(Value::Object(beside));
            }
            map.values().for_each(|value| collect_beside(value, found));
        }
        _ => {}
    }
}

/// Checks that at most one selection of a dataset is computed with: of several together the node
/// could not tell which rows they are.
pub(super) fn check_selections(materials: &[Material]) -> Result<(), ApiError> {
    let of_datasets =
        uses(materials).into_iter().filter(|used| matches!(used, Use::Dataset { .. }));
    match of_datasets.count() {
        0 | 1 => Ok(()),
        _ => {
            Err(ApiError::argument("data", "one selection of a dataset is computed with at a time")
                .hint("select all columns and rows at once"))
        }
    }
}

/// Returns whether the data are empty. Functions without data get an empty list.
fn is_nothing(data: &Data) -> bool {
    matches!(data, Data::Null) || matches!(data, Data::List(items) if items.is_empty())
}

/// Returns the name of the dataset that is computed with, if there is one.
pub(super) fn dataset(materials: &[Material]) -> Option<String> {
    uses(materials).into_iter().find_map(|used| match used {
        Use::Dataset { name, .. } => Some(name),
        Use::ClientColumns => None,
    })
}

/// Returns whether the rows of one selection of a dataset are all that is computed with.
pub(super) fn is_one_selection(materials: &[Material]) -> bool {
    match materials {
        [Material::Stored(Stored::Selection(selection))] => {
            matches!(selection.base, Base::Dataset(_))
        }
        _ => false,
    }
}

/// The most columns of a selection that are told to observers.
const MOST_COLUMNS_TOLD: usize = 64;

/// The most characters of a condition that are told to observers.
const LONGEST_CONDITION_TOLD: usize = 1024;

/// Returns the columns and conditions of datasets, for observers.
pub(super) fn selections(materials: &[Material]) -> Vec<Selected> {
    let selected = |used| match used {
        Use::Dataset { name, mut columns, condition } => {
            let more_columns = count(columns.len().saturating_sub(MOST_COLUMNS_TOLD));
            columns.truncate(MOST_COLUMNS_TOLD);
            let condition = condition.map(|it| shortened(&it.canonical()));
            Some(Selected { dataset: name, columns, more_columns, condition })
        }
        Use::ClientColumns => None,
    };
    uses(materials).into_iter().filter_map(selected).collect()
}

/// Shortens a text to as many characters as observers are told.
fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(LONGEST_CONDITION_TOLD).collect();
    if short.len() < text.len() {
        short.pop();
        short.push('…');
    }
    short
}

/// Describes these data for the audit log, without a value.
pub(super) fn document(materials: &[Material]) -> Value {
    let document = |material: &Material| match material {
        Material::Here(_) => json!("values in the call"),
        Material::Stored(stored) => stored_document(stored),
        Material::Nested { held, .. } => held.values().map(stored_document).collect(),
    };
    materials.iter().map(document).collect()
}

fn stored_document(stored: &Stored) -> Value {
    match stored {
        Stored::Upload(upload) => json!({"upload": upload.id.to_string()}),
        Stored::Selection(selection) => selection.document(),
        Stored::Inline(_) => json!("values in a storage"),
    }
}

impl Reader<'_> {
    /// Reads all of these inputs.
    pub(super) async fn gather(&self, materials: Vec<Material>) -> Result<Gathered, ApiError> {
        let (contents, drop_missing) = (Vec::new(), self.drops_missing());
        let kinds = ColumnKinds::default();
        let mut gathered = Gathered {
            contents,
            kinds,
            filled: false,
            dropped: 0,
            drop_missing,
            reserved: None,
            kept: None,
            left_out: false,
        };
        for material in materials {
            let content = match material {
                Material::Here(data) => Contents::Json(data),
                Material::Stored(stored) => self.read(stored, &mut gathered).await?,
                Material::Nested { data, held } => {
                    gathered.filled = true;
                    self.fill(data.for_computing(), held, &mut gathered).await?
                }
            };
            gathered.contents.push(content);
        }
        Ok(gathered)
    }

    /// Reads one input. Counts the rows that were left out of it, and notes the question about it.
    async fn read(&self, stored: Stored, gathered: &mut Gathered) -> Result<Contents, ApiError> {
        // Dropped with this future when the computation ends before its data are read.
        let (_stopper, stop) = Stop::pair();
        let obtain = Obtain {
            principal: self.principal.clone(),
            stored,
            function: self.function,
            drop_missing: self.drops_missing(),
            rules: self.rules,
            equations: self.equations,
            permille: self.permille.clone(),
            declares: self.parameters.sets("categories"),
            regroups: self.parameters.regroups(self.function),
            question: self.question,
            alone: self.alone,
            leaves_out: self.leaves_out,
            compared: self.compared,
            flight: self.flight.clone(),
            stop,
        };
        let obtained = self.siblings.ask(DATASETS, obtain).await??;
        let kinds = input::kinds::of_columns(&obtained.kinds, self.function.input);
        gathered.kinds = input::kinds::joined(gathered.kinds, kinds)?;
        gathered.dropped += obtained.dropped;
        gathered.left_out |= obtained.left_out;
        gathered.reserved = gathered.reserved.take().or(obtained.reserved);
        gathered.kept = gathered.kept.take().or(obtained.kept);
        Ok(obtained.content)
    }

    /// Puts the values of handles inside of `data` in their places.
    async fn fill(
        &self,
        data: &Data,
        held: BTreeMap<String, Stored>,
        gathered: &mut Gathered,
    ) -> Result<Contents, ApiError> {
        let mut values = BTreeMap::new();
        for (uuid, stored) in held {
            let contents = self.read(stored, gathered).await?;
            values.insert(uuid, input::as_data(&contents, self.function.input)?);
        }
        Ok(Contents::Json(Private::new(data.clone().with_handles_replaced(&values))))
    }

    fn drops_missing(&self) -> bool {
        self.parameters.missing == Some(Missing::Drop)
    }
}

impl Gathered {
    /// Reports whether the rows of the dataset are left out.
    pub(super) fn is_left_out(&self) -> bool {
        self.left_out
    }

    /// Takes out the question about a dataset.
    pub(super) fn take_reserved(&mut self) -> Option<Unheard> {
        self.reserved.take()
    }

    /// Takes out the question whose answer is to be kept.
    pub(super) fn take_kept(&mut self) -> Option<KeptQuestion> {
        self.kept.take()
    }

    /// Returns about how many bytes there are to encode.
    pub(super) fn footprint(&self) -> usize {
        self.contents.iter().map(Contents::footprint).sum()
    }

    /// Returns the kinds of values that are compared as texts: those of tables, as declared, and
    /// those of JSON.
    pub(super) fn kinds(&self, function: &Descriptor) -> Result<ColumnKinds, ApiError> {
        self.contents.iter().try_fold(self.kinds, |kinds, content| match content {
            Contents::Json(data) if !self.filled => {
                let of_json = input::kinds::of_json(data.for_computing(), function.input);
                input::kinds::joined(kinds, of_json)
            }
            _ => Ok(kinds),
        })
    }

    /// Returns the input of the function, and the number of rows that were left out of it.
    pub(super) fn into_input(self, function: &Descriptor) -> Result<(Input, u64), ApiError> {
        let Self { mut contents, mut dropped, drop_missing, .. } = self;
        if contents.len() > 1 {
            let parts: Vec<Data> = contents
                .iter()
                .map(|part| input::as_data(part, function.input))
                .collect::<Result<_, _>>()?;
            contents = vec![Contents::Json(Private::new(Data::concatenated(parts.iter())))];
        }
        let empty = || Contents::Json(Private::new(Data::List(Vec::new())));
        let mut content = contents.pop().unwrap_or_else(empty);
        if let Contents::Json(data) = &content
            && let Some(meant) = input::as_meant(data.for_computing(), function.input)
        {
            content = Contents::Json(Private::new(meant));
        }
        if let (Contents::Json(data), true) = (&content, drop_missing) {
            let (complete, missing) = input::without_nulls(data.for_computing(), function.input);
            dropped += missing;
            content = Contents::Json(Private::new(complete));
        }
        Ok((input::of(&content, function)?, dropped))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn observers_are_told_the_begin_of_a_long_condition() {
        let whole = "ä".repeat(LONGEST_CONDITION_TOLD);
        assert_eq!(shortened(&whole), whole);
        let short = shortened(&format!("{whole}."));
        assert_eq!(short.chars().count(), LONGEST_CONDITION_TOLD);
        assert!(short.ends_with("ä…"), "{short}");
    }
}
