//! A client's selections: columns of a dataset or of an upload, and a condition on rows.

use cloister_sources::{Column, Filter};

use super::Store;
use crate::vocabulary::data::Data;
use crate::vocabulary::error::ApiError;
use crate::vocabulary::label::Labelled;
use crate::vocabulary::object::{Argument, Call, Reply};
use crate::vocabulary::selection::{Base, Selection, Stored};
use crate::vocabulary::shown::shown;

/// The most columns of a selection.
const MOST_COLUMNS: usize = 1_000;

/// The longest condition on rows in bytes: it is written into the log whole.
const LONGEST_FILTER: usize = 16 << 10;

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
            // R writes `{}` where there is none.
            Some(_) => match &*arguments.public("where")? {
                Data::Map(entries) if entries.is_empty() => None,
                condition => filter(condition, &known)?,
            },
        };
        let selection = Selection { base, columns, filter };
        Ok(Reply::Value(Labelled::Private(Stored::Selection(selection.into()))))
    }
}

fn columns(data: &Data) -> Result<Vec<String>, ApiError> {
    let misfit = || ApiError::argument("columns", "a column's name, or a list of such, is needed");
    let names = match data {
        Data::Text(name) => vec![name.clone()],
        Data::List(names) => names
            .iter()
            .map(|name| name.as_text().map(str::to_owned).ok_or_else(misfit))
            .collect::<Result<_, _>>()?,
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
    let Some(name) = names.iter().find(|name| !known.iter().any(|column| column.name == **name))
    else {
        return Ok(());
    };
    Err(ApiError::argument("columns", format!("there is no column `{}`", shown(name)))
        .hint("the method `describe` of Datasets lists the columns"))
}

/// Reads a condition. All rows are meant by `null`, and by an empty list or object, as R writes it.
fn filter(data: &Data, known: &[Column]) -> Result<Option<Filter>, ApiError> {
    let is_empty = match data {
        Data::Null => true,
        Data::List(list) => list.is_empty(),
        Data::Map(entries) => entries.is_empty(),
        _ => false,
    };
    if is_empty {
        return Ok(None);
    }
    let filter: Filter = data.parse().map_err(|error| misfit(&error))?;
    filter.check(known).map_err(|error| misfit(&error))?;
    if filter.canonical().len() > LONGEST_FILTER {
        return Err(misfit(&format_args!("longer than {LONGEST_FILTER} bytes")));
    }
    Ok(Some(filter))
}

fn misfit(reason: &dyn std::fmt::Display) -> ApiError {
    ApiError::argument("where", reason).hint(
        "compare columns with constants: {\"column\": \"age\", \"op\": \">=\", \"value\": 40}, and \
         join comparisons with {\"and\": […]}, {\"or\": […]}, {\"not\": …}",
    )
}
