//! The kinds of values that are compared as texts with other members': categories and ids.

use cloister_protocols::catalogue::InputKind;
use cloister_protocols::session::{ColumnKind, ColumnKinds, MOST_KINDS};
use cloister_sources::{Kind, is_day};

use super::{inner_set, items, keyed};
use crate::vocabulary::data::Data;
use crate::vocabulary::error::ApiError;

/// Returns the kinds in a client's JSON. Values of several kinds in one column are texts.
pub(in super::super) fn of_json(data: &Data, kind: InputKind) -> ColumnKinds {
    let first = |kind| [kind, ColumnKind::Any];
    match kind {
        InputKind::Texts => first(common(items(data))),
        InputKind::Set => first(common(items(inner_set(data)))),
        InputKind::Keyed(_) => {
            let rows = items(keyed::inner_rows(data));
            first(common(rows.filter_map(|row| items(&row).next())))
        }
        InputKind::TextPairs => {
            let cell = |place: usize| items(data).filter_map(move |pair| items(&pair).nth(place));
            [common(cell(0)), common(cell(1))]
        }
        _ => ColumnKinds::default(),
    }
}

/// Returns the kinds of columns that a source has declared.
pub(in super::super) fn of_columns(columns: &[Kind], kind: InputKind) -> ColumnKinds {
    let compared = match kind {
        InputKind::Texts | InputKind::Set | InputKind::Keyed(_) => 1,
        InputKind::TextPairs => MOST_KINDS,
        _ => 0,
    };
    let mut kinds = ColumnKinds::default();
    let declared = columns.iter().take(compared).map(|kind| match kind {
        Kind::Integer => ColumnKind::Integer,
        Kind::Number => ColumnKind::Number,
        Kind::Text => ColumnKind::Text,
        Kind::Date => ColumnKind::Date,
        Kind::Truth => ColumnKind::Truth,
    });
    kinds.iter_mut().zip(declared).for_each(|(kind, declared)| *kind = declared);
    kinds
}

/// Returns the kinds of all parts of one party's data.
///
/// # Errors
/// If two parts have values that cannot mean the same.
pub(in super::super) fn joined(
    one: ColumnKinds,
    other: ColumnKinds,
) -> Result<ColumnKinds, ApiError> {
    let mut joined = one;
    for (kind, more) in joined.iter_mut().zip(other) {
        *kind = kind.with(more).ok_or_else(|| {
            let message = format!("parts of the data differ: {kind} in one, {more} in another");
            ApiError::argument("data", message)
                .hint("give categories and ids in one form in all parts")
        })?;
    }
    Ok(joined)
}

fn common(values: impl Iterator<Item = Data>) -> ColumnKind {
    values
        .map(|value| of_value(&value))
        .fold(ColumnKind::Any, |kind, next| kind.with(next).unwrap_or(ColumnKind::Text))
}

fn of_value(value: &Data) -> ColumnKind {
    match value {
        Data::Integer(_) => ColumnKind::Integer,
        Data::Number(_) => ColumnKind::Number,
        Data::Bool(_) => ColumnKind::Truth,
        Data::Text(text) if is_day(text) => ColumnKind::Date,
        Data::Text(_) => ColumnKind::Text,
        _ => ColumnKind::Any,
    }
}

#[cfg(test)]
mod tests {
    use cloister_protocols::catalogue::Behind;

    use super::*;

    const ANY: ColumnKind = ColumnKind::Any;

    fn check(kind: InputKind, json: &str, kinds: ColumnKinds) {
        assert_eq!(of_json(&serde_json::from_str(json).unwrap(), kind), kinds, "{json}");
    }

    #[test]
    fn a_column_of_json_has_the_kind_that_all_its_values_have() {
        let texts = InputKind::Texts;
        check(texts, "[true, false]", [ColumnKind::Truth, ANY]);
        check(texts, "[0, 1]", [ColumnKind::Integer, ANY]);
        check(texts, "[0, 1.5, null]", [ColumnKind::Number, ANY]);
        check(texts, r#"["T", "F"]"#, [ColumnKind::Text, ANY]);
        check(texts, r#"["1", 2]"#, [ColumnKind::Text, ANY]);
        check(texts, r#"["2024-01-31"]"#, [ColumnKind::Date, ANY]);
        check(texts, "[]", [ANY; 2]);
        check(texts, "[null]", [ANY; 2]);
        check(
            InputKind::TextPairs,
            r#"[["a", 1], ["b", 2]]"#,
            [ColumnKind::Text, ColumnKind::Integer],
        );
        check(InputKind::Numbers, "[1, 2]", [ANY; 2]);
    }

    #[test]
    fn of_rows_by_ids_the_ids_alone_are_compared() {
        let joined = InputKind::Keyed([Behind::Number, Behind::Category]);
        for rows in [r#"[["a", 1], ["b", 2]]"#, r#"[[["a", 1], ["b", 2]]]"#, r#"["a", "b"]"#] {
            check(joined, rows, [ColumnKind::Text, ANY]);
        }
        for ids in ["[1, 2]", "[[1, 2]]"] {
            check(InputKind::Set, ids, [ColumnKind::Integer, ANY]);
        }
    }

    #[test]
    fn parts_that_cannot_mean_the_same_are_refused() {
        let (whole, number) = ([ColumnKind::Integer, ANY], [ColumnKind::Number, ANY]);
        assert_eq!(joined(whole, number).unwrap(), number);
        assert_eq!(joined(whole, [ANY; 2]).unwrap(), whole);
        assert!(joined(whole, [ColumnKind::Text, ANY]).is_err());
    }
}
