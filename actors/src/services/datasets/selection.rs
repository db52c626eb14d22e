//! Which columns of which data, and which rows of them.

use std::collections::BTreeSet;

use cloister_sources::{Column, Filter};
use serde_json::{Value, json};

use super::Store;
use crate::data::Data;
use crate::error::ApiError;
use crate::label::{Labelled, Stored, Upload};
use crate::object::{Argument, Call, Reply};
use crate::policy::Use;

/// The most columns of a selection.
const MOST_COLUMNS: usize = 1_000;

/// The longest condition on rows in bytes: it is written into the log whole.
const LONGEST_FILTER: usize = 16 << 10;

/// A plan of what to read. Says nothing of what is there.
#[derive(Clone)]
pub struct Selection {
    /// From what.
    pub base: Base,
    /// The columns, in the order in which a function takes them.
    pub columns: Vec<String>,
    /// Which rows; all where there is none.
    pub filter: Option<Filter>,
}

/// What columns are selected from.
#[derive(Clone)]
pub enum Base {
    /// A dataset by its name.
    Dataset(String),
    /// Columns that a client pushed.
    Upload(Upload),
}

impl Selection {
    /// What the policy must know of it.
    #[must_use]
    pub fn uses(&self) -> Use {
        match &self.base {
            Base::Upload(_) => Use::ClientColumns,
            Base::Dataset(name) => {
                let filtered = self.filter.iter().flat_map(Filter::columns).map(str::to_owned);
                let columns: BTreeSet<String> = filtered.chain(self.columns.clone()).collect();
                Use::Dataset { name: name.clone(), columns: columns.into_iter().collect() }
            }
        }
    }

    /// For the audit log.
    #[must_use]
    pub fn document(&self) -> Value {
        let base = match &self.base {
            Base::Dataset(name) => json!(name),
            Base::Upload(upload) => json!({"upload": upload.id.to_string()}),
        };
        let filter = self.filter.as_ref().map(Filter::canonical);
        json!({"dataset": base, "columns": self.columns, "where": filter})
    }
}

impl Store {
    /// Makes a selection, if there are such columns and the rows can be chosen so.
    pub(super) fn select(&self, call: &Call) -> Result<Reply, ApiError> {
        let arguments = &call.arguments;
        let (base, known) = match arguments.required("dataset")? {
            Argument::Held(Labelled::Private(Stored::Upload(upload))) => {
                (Base::Upload(*upload), self.pushed(*upload)?.0)
            }
            _ => {
                let name = arguments.text("dataset")?;
                let dataset = self.dataset(&call.principal, &name)?;
                (Base::Dataset(name), dataset.columns)
            }
        };
        let columns = columns(&*arguments.public("columns")?)?;
        check_columns(&columns, &known)?;
        let filter = match arguments.get("where") {
            None => None,
            Some(_) => Some(filter(&*arguments.public("where")?, &known)?),
        };
        let selection = Selection { base, columns, filter };
        Ok(Reply::Value(Labelled::Private(Stored::Selection(selection.into()))))
    }
}

fn columns(data: &Data) -> Result<Vec<String>, ApiError> {
    let misfit = || ApiError::argument("columns", "a column's name, or a list of such, is needed");
    let names = match data {
        Data::Text(name) => vec![name.clone()],
        Data::List(names) => {
            let name = |name: &Data| name.as_text().map(str::to_owned).ok_or_else(misfit);
            names.iter().map(name).collect::<Result<_, _>>()?
        }
        _ => return Err(misfit()),
    };
    let mut distinct = names.clone();
    distinct.sort_unstable();
    distinct.dedup();
    if distinct.len() < names.len() {
        return Err(ApiError::argument("columns", "one is named twice"));
    }
    match names.len() {
        0 => Err(ApiError::argument("columns", "at least one is needed")),
        1..=MOST_COLUMNS => Ok(names),
        _ => Err(ApiError::argument("columns", format!("more than {MOST_COLUMNS}"))),
    }
}

fn check_columns(names: &[String], known: &[Column]) -> Result<(), ApiError> {
    let unknown = |name: &&String| !known.iter().any(|column| column.name == **name);
    let Some(name) = names.iter().find(unknown) else { return Ok(()) };
    let shown: String = name.chars().take(100).collect();
    Err(ApiError::argument("columns", format!("there is no column `{shown}`"))
        .hint("the method `describe` of Datasets lists the columns"))
}

fn filter(data: &Data, known: &[Column]) -> Result<Filter, ApiError> {
    let filter: Filter = data.parse().map_err(|error| misfit(&error))?;
    filter.check(known).map_err(|error| misfit(&error))?;
    if filter.canonical().len() > LONGEST_FILTER {
        return Err(misfit(&format_args!("longer than {LONGEST_FILTER} bytes")));
    }
    Ok(filter)
}

fn misfit(reason: &dyn std::fmt::Display) -> ApiError {
    ApiError::argument("where", reason).hint(
        "compare columns with constants: {\"column\": \"age\", \"op\": \">=\", \"value\": 40}, and \
         join comparisons with {\"and\": […]}, {\"or\": […]}, {\"not\": …}",
    )
}
