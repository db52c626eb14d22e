//! The input of a computation, read when it is needed.

use std::collections::{BTreeMap, BTreeSet};

use cloister_protocols::catalogue::{Descriptor, InputKind};
use cloister_protocols::computation::Input;
use cloister_protocols::parameters::{Missing, Parameters};
use cloister_sources::Filter;
use serde_json::{Value, json};

use super::input;
use crate::bus::{DATASETS, Siblings};
use crate::policy::Use;
use crate::services::datasets::{Contents, Obtain};
use crate::vocabulary::data::{Data, HANDLE};
use crate::vocabulary::error::ApiError;
use crate::vocabulary::flight::Flight;
use crate::vocabulary::label::Private;
use crate::vocabulary::object::{Material, Principal};
use crate::vocabulary::selection::{Base, Selection, Stored};

/// The data of one party, read.
pub(super) struct Gathered {
    contents: Vec<Contents>,
    /// The number of rows that were left out where they were read.
    dropped: u64,
    drop_missing: bool,
}

/// Reads a computation's data.
pub(super) struct Reader<'a> {
    pub(super) siblings: &'a Siblings,
    pub(super) principal: &'a Principal,
    /// The room for the bytes that are read.
    pub(super) flight: &'a Flight,
    pub(super) function: &'static Descriptor,
    pub(super) parameters: &'a Parameters,
    /// The fewest rows that selections may have and differ by.
    pub(super) minimum: u64,
    /// There is no other input to compute with.
    pub(super) alone: bool,
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
        Base::Dataset(name) => {
            let filtered = selection.filter.iter().flat_map(Filter::columns).map(str::to_owned);
            let columns: BTreeSet<String> = filtered.chain(selection.columns.clone()).collect();
            Use::Dataset { name: name.clone(), columns: columns.into_iter().collect() }
        }
    }
}

/// The entries that may stand beside a handle without being values to compute with.
const BESIDE: [&str; 4] = [HANDLE, "rank", "lower_bound", "upper_bound"];

/// Returns whether values stand beside the handles: then a client made columns. A rank is none.
fn has_values(data: &Data) -> bool {
    match data {
        Data::List(items) => items.iter().any(has_values),
        Data::Map(map) => {
            map.iter().any(|(name, value)| !BESIDE.contains(&name.as_str()) && has_values(value))
        }
        _ => true,
    }
}

/// Checks that at most one selection of a dataset is computed with: of several together the node
/// could not tell which rows they are.
pub(super) fn check_selections(materials: &[Material]) -> Result<(), ApiError> {
    let of_datasets = uses(materials).into_iter().filter(|used| *used != Use::ClientColumns);
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
        let mut contents = Vec::new();
        let mut dropped = 0;
        for material in materials {
            match material {
                Material::Here(data) => contents.push(Contents::Json(data)),
                Material::Stored(stored) => {
                    let (content, missing) = self.read(stored).await?;
                    contents.push(content);
                    dropped += missing;
                }
                Material::Nested { data, held } => {
                    let (content, missing) = self.fill(data.for_computing(), held).await?;
                    contents.push(content);
                    dropped += missing;
                }
            }
        }
        Ok(Gathered { contents, dropped, drop_missing: self.drops_missing() })
    }

    async fn read(&self, stored: Stored) -> Result<(Contents, u64), ApiError> {
        let obtain = Obtain {
            principal: self.principal.clone(),
            stored,
            function: self.function,
            drop_missing: self.drops_missing(),
            minimum: self.minimum,
            alone: self.alone,
            flight: self.flight.clone(),
        };
        let obtained = self.siblings.ask(DATASETS, obtain).await??;
        Ok((obtained.content, obtained.dropped))
    }

    /// Puts the values of handles inside of `data` in their places.
    /// Counts the rows that were left out of these.
    async fn fill(
        &self,
        data: &Data,
        held: BTreeMap<String, Stored>,
    ) -> Result<(Contents, u64), ApiError> {
        let (mut values, mut dropped) = (BTreeMap::new(), 0);
        for (uuid, stored) in held {
            let (contents, missing) = self.read(stored).await?;
            values.insert(uuid, input::as_data(&contents, self.function.input)?);
            dropped += missing;
        }
        let data = data.clone().with_handles_replaced(&values);
        Ok((Contents::Json(Private::new(data)), dropped))
    }

    /// Returns whether rows with missing values are left out. Only items that are rows can be: an
    /// element of a vector or a matrix has its place.
    fn drops_missing(&self) -> bool {
        use InputKind::{Numbers, Points, TextPairs, Texts};
        self.parameters.missing == Some(Missing::Drop)
            && matches!(self.function.input, Numbers | Texts | TextPairs | Points)
    }
}

impl Gathered {
    /// Returns about how many bytes there are to encode.
    pub(super) fn footprint(&self) -> usize {
        self.contents.iter().map(Contents::footprint).sum()
    }

    /// Returns the input of the function, and the number of rows that were left out of it.
    pub(super) fn into_input(self, function: &Descriptor) -> Result<(Input, u64), ApiError> {
        let Self { mut contents, mut dropped, drop_missing } = self;
        if contents.len() > 1 {
            let parts: Vec<Data> = contents
                .iter()
                .map(|part| input::as_data(part, function.input))
                .collect::<Result<_, _>>()?;
            contents = vec![Contents::Json(Private::new(Data::concatenated(parts.iter())))];
        }
        let empty = || Contents::Json(Private::new(Data::List(Vec::new())));
        let mut content = contents.pop().unwrap_or_else(empty);
        if let (Contents::Json(data), true) = (&content, drop_missing) {
            let (complete, missing) = input::without_nulls(data.for_computing());
            dropped += missing;
            content = Contents::Json(Private::new(complete));
        }
        Ok((input::of(&content, function)?, dropped))
    }
}
