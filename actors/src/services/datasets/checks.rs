//! The checks of a question about a dataset that ask nothing of its rows.

use cloister_protocols::catalogue::{Descriptor, InputKind};
use cloister_sources::{Batch, Column, Dataset, Filter, Kind as ColumnKind, Values};

use super::Obtain;
use super::rows::Incomplete;
use crate::vocabulary::code::Code;
use crate::vocabulary::error::ApiError;
use crate::vocabulary::selection::Selection;
use crate::vocabulary::settings::OwnRules;

/// Refuses more or fewer columns than the function takes, before any is read.
pub(super) fn check_arity(function: &Descriptor, columns: usize) -> Result<(), ApiError> {
    let taken = function.input.columns();
    if taken.contains(&columns) {
        return Ok(());
    }
    let (least, most) = (taken.start(), taken.end());
    let many = if least == most { format!("{most}") } else { format!("{least} to {most}") };
    let message = format!("{} takes {many} of the columns, not {columns}", function.name);
    let hint = match function.input {
        InputKind::Keyed(_) => {
            "select the column of the ids first, and behind it the columns that this party brings"
        }
        _ => "select as many as the function takes",
    };
    Err(ApiError::argument("data", message).hint(hint))
}

/// Refuses columns of texts where the function takes numbers, by their names. A column without values
/// fits.
pub(super) fn check_kinds(
    dataset: &Dataset,
    selection: &Selection,
    function: &Descriptor,
) -> Result<(), ApiError> {
    let takes_numbers = matches!(
        function.input,
        InputKind::Numbers
            | InputKind::Vector
            | InputKind::Points
            | InputKind::Extremes
            | InputKind::Ranked
            | InputKind::Matrix
            | InputKind::Regressors
    );
    let kinds = declared_kinds(dataset, &selection.columns);
    let of_texts = selection.columns.iter().zip(kinds).find_map(|(column, kind)| {
        let kind = kind.filter(|kind| matches!(kind, ColumnKind::Text | ColumnKind::Date))?;
        takes_numbers.then_some((column, kind))
    });
    let Some((column, kind)) = of_texts else { return Ok(()) };
    let message = format!(
        "{} takes numbers, and the column `{column}` of `{}` is of the type {kind}",
        function.name, dataset.name
    );
    Err(ApiError::argument("data", message).hint(
        "select a column of the type integer, number or truth; where a code for missing values made \
         it text, its owner declares that code",
    ))
}

/// Refuses categories in lower case where small counts are withheld and no owner sees the question.
/// The table in lower case and the exact one are sums of each other's cells, so that together they
/// could tell a withheld one.
pub(super) fn check_case(obtain: &Obtain) -> Result<(), ApiError> {
    if !obtain.regroups || !obtain.rules.ask_for_views() {
        return Ok(());
    }
    let message =
        "categories in lower case, beside the exact ones, could tell counts that are withheld";
    Err(ApiError::argument("case", message)
        .hint("leave it out, or have the owner write the categories alike or approve the question"))
}

/// Refuses a table of numbers without declared categories: the parties' nodes are told the names of
/// categories that are not declared, and numbers are those of single rows.
pub(super) fn check_categories(
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
        matches!(kind, Some(ColumnKind::Integer | ColumnKind::Number | ColumnKind::Date))
    };
    match selection.columns.iter().find(is_number) {
        None => Ok(()),
        Some(column) => {
            let message =
                format!("`{column}` has numbers or dates, whose names would be told one by one");
            Err(ApiError::argument("categories", message).hint("declare the categories"))
        }
    }
}

/// Refuses columns in which values are missing, unless such rows are to be left out. Whether one of
/// the selected rows is incomplete is not told where no owner sees the question.
pub(super) fn check_missing(
    dataset: &Dataset,
    selection: &Selection,
    obtain: &Obtain,
) -> Result<(), ApiError> {
    if obtain.incomplete() == Incomplete::LeftOut || !obtain.rules.ask_for_views() {
        return Ok(());
    }
    let columns = dataset.columns.iter().zip(&dataset.missing);
    let incomplete = columns.filter(|(_, missing)| **missing > 0).map(|(column, _)| &column.name);
    match incomplete.into_iter().find(|name| selection.columns.contains(name)) {
        None => Ok(()),
        Some(column) => {
            let message = format!("values are missing in `{column}`");
            Err(ApiError::argument("missing", message).hint(obtain.incomplete().remedy()))
        }
    }
}

/// Refuses a choice of rows by the key column, which would choose single rows.
pub(super) fn check_key(
    dataset: &Dataset,
    selection: &Selection,
    rules: OwnRules,
) -> Result<(), ApiError> {
    let key = dataset.key.as_deref();
    let columns = selection.filter.iter().flat_map(Filter::columns);
    if rules.are_kept() && columns.into_iter().any(|column| Some(column) == key) {
        let message = "rows are not chosen by the column that tells them apart";
        return Err(ApiError::new(Code::RefusedByPolicy, message)
            .hint("choose them by what they have in common"));
    }
    Ok(())
}

/// Returns the kinds of pushed columns; none for one that has no value.
pub(super) fn pushed_kinds(columns: &[Column], batch: &Batch) -> Vec<Option<ColumnKind>> {
    let kind = |(column, values): (&Column, &Values)| {
        (values.missing() < values.len()).then_some(column.kind)
    };
    columns.iter().zip(&batch.columns).map(kind).collect()
}

/// Returns the kinds of these columns; none for one that has no value in the whole dataset.
pub(super) fn declared_kinds(dataset: &Dataset, names: &[String]) -> Vec<Option<ColumnKind>> {
    let columns = || dataset.columns.iter().zip(&dataset.missing);
    let kind = |name: &String| {
        let (column, missing) = columns().find(|(column, _)| column.name == *name)?;
        (*missing < dataset.rows).then_some(column.kind)
    };
    names.iter().map(kind).collect()
}
