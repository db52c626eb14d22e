//! The kinds of values that are compared as texts with other members': categories and ids.

use cloister_protocols::catalogue::InputKind;
use cloister_protocols::session::{ColumnKind, ColumnKinds, MOST_KINDS};
use cloister_sources::Kind;

use super::{inner_set, keyed};
use crate::vocabulary::data::Data;
use crate::vocabulary::error::ApiError;

/// Returns the kinds in a client's JSON. Values of several kinds in one column are texts. Texts
/// that are all whole numbers, as R writes ids, fit both.
pub(in super::super) fn of_json(data: &Data, kind: InputKind) -> ColumnKinds {
    let first = |kind| [kind, ColumnKind::Any];
    match kind {
        InputKind::Texts => first(of_items(data)),
        InputKind::Set => first(of_items(inner_set(data))),
        InputKind::Keyed(_) => first(of_cells(keyed::inner_rows(data), 0)),
        InputKind::TextPairs => [of_cells(data, 0), of_cells(data, 1)],
        _ => ColumnKinds::default(),
    }
}

fn of_items(data: &Data) -> ColumnKind {
    match data {
        Data::List(items) => common(items.iter().map(of_value)),
        Data::Integers(items) if items.is_empty() => ColumnKind::Any,
        Data::Integers(_) => ColumnKind::Integer,
        Data::Numbers(items) if items.is_empty() => ColumnKind::Any,
        Data::Numbers(_) => ColumnKind::Number,
        one => of_value(one),
    }
}

/// Returns the kind of the cells at one place of all rows. An id may stand alone.
fn of_cells(rows: &Data, place: usize) -> ColumnKind {
    let Data::List(rows) = rows else {
        return if place == 0 { of_items(rows) } else { ColumnKind::Any };
    };
    common(rows.iter().map(|row| match row {
        Data::List(cells) => cells.get(place).map_or(ColumnKind::Any, of_value),
        Data::Integers(cells) if cells.len() > place => ColumnKind::Integer,
        Data::Numbers(cells) if cells.len() > place => ColumnKind::Number,
        one if place == 0 => of_value(one),
        _ => ColumnKind::Any,
    }))
}

/// Returns the kinds of columns that a source has declared.
pub(in super::super) fn of_columns(columns: &[Option<Kind>], kind: InputKind) -> ColumnKinds {
    let compared = match kind {
        InputKind::Texts | InputKind::Set | InputKind::Keyed(_) => 1,
        InputKind::TextPairs => MOST_KINDS,
        _ => 0,
    };
    let mut kinds = ColumnKinds::default();
    let declared = columns.iter().take(compared).map(|kind| match kind {
        None | Some(Kind::Unknown) => ColumnKind::Any,
        Some(Kind::Integer) => ColumnKind::Integer,
        Some(Kind::Number) => ColumnKind::Number,
        Some(Kind::Text) => ColumnKind::Text,
        Some(Kind::Date) => ColumnKind::Date,
        Some(Kind::Truth) => ColumnKind::Truth,
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

fn common(kinds: impl Iterator<Item = ColumnKind>) -> ColumnKind {
    kinds.fold(ColumnKind::Any, |kind, next| kind.with(next).unwrap_or(ColumnKind::Text))
}

fn of_value(value: &Data) -> ColumnKind {
    match value {
        Data::Integer(_) => ColumnKind::Integer,
        Data::Number(_) => ColumnKind::Number,
        Data::Bool(_) => ColumnKind::Truth,
        Data::Text(text) if is_whole(text) => ColumnKind::Digits,
        Data::Text(_) => ColumnKind::Text,
        _ => ColumnKind::Any,
    }
}

/// Returns `true` for the text of a whole number as all nodes write it: `17`, but not `017` or `+17`.
fn is_whole(text: &str) -> bool {
    text.len() <= 20 && text.parse::<i64>().is_ok_and(|number| number.to_string() == text)
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
        check(texts, r#"["1", 2]"#, [ColumnKind::Integer, ANY]);
        check(texts, r#"["1", "2"]"#, [ColumnKind::Digits, ANY]);
        check(texts, r#"["1", "a"]"#, [ColumnKind::Text, ANY]);
        check(texts, r#"["01", 2]"#, [ColumnKind::Text, ANY]);
        check(texts, r#"["1", true]"#, [ColumnKind::Text, ANY]);
        check(texts, r#"["2024-01-31"]"#, [ColumnKind::Text, ANY]);
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
