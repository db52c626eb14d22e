//! Values that a client's JSON leaves open: `null`, as an item or inside one.

use cloister_protocols::catalogue::InputKind;

use super::{inner_set, keyed};
use crate::vocabulary::data::Data;

/// Returns the complete items, and the number of those in which a value is missing. Where items have
/// places nothing is left out.
pub(in super::super) fn without_nulls(data: &Data, kind: InputKind) -> (Data, u64) {
    match kind {
        InputKind::Set => without(inner_set(data), lacks_an_id),
        InputKind::Keyed(_) => without(keyed::inner_rows(data), lacks_an_id),
        InputKind::Extremes => without(data, lacks_an_entry),
        InputKind::Ranked => without_in_arrays(data),
        kind if kind.has_rows() => without(data, has_null),
        _ => (data.clone(), 0),
    }
}

fn without(data: &Data, is_incomplete: fn(&Data) -> bool) -> (Data, u64) {
    let items = match data {
        Data::List(items) => items.as_slice(),
        one if is_incomplete(one) => std::slice::from_ref(one),
        _ => return (data.clone(), 0),
    };
    let complete: Vec<Data> = items.iter().filter(|item| !is_incomplete(item)).cloned().collect();
    let dropped = (items.len() - complete.len()) as u64;
    (Data::list(complete), dropped)
}

/// Leaves numbers out of the `array` of an object, or of each of several.
fn without_in_arrays(data: &Data) -> (Data, u64) {
    match data {
        Data::List(objects) => {
            let (objects, dropped): (Vec<Data>, Vec<u64>) =
                objects.iter().map(without_in_arrays).unzip();
            (Data::List(objects), dropped.iter().sum())
        }
        Data::Map(entries) => {
            let mut entries = entries.clone();
            let mut dropped = 0;
            if let Some(array) = entries.get_mut("array") {
                (*array, dropped) = without(array, has_null);
            }
            (Data::Map(entries), dropped)
        }
        other => (other.clone(), 0),
    }
}

/// Reports whether an object lacks an end of its range, which a person who is missing has left open.
fn lacks_an_entry(item: &Data) -> bool {
    match item {
        Data::Null => true,
        Data::Map(entries) => entries.values().any(|entry| *entry == Data::Null),
        _ => false,
    }
}

/// Reports whether a value is missing, or an id is blank, which is none.
fn lacks_an_id(item: &Data) -> bool {
    let id = match item {
        Data::List(cells) => cells.first(),
        one => Some(one),
    };
    let is_blank = id.and_then(Data::as_text).is_some_and(|id| id.trim().is_empty());
    is_blank || has_null(item)
}

fn has_null(item: &Data) -> bool {
    match item {
        Data::Null => true,
        Data::List(cells) => cells.iter().any(has_null),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use cloister_protocols::catalogue::Behind;

    use super::*;

    const JOINED: InputKind = InputKind::Keyed([Behind::Number, Behind::Number]);

    fn check(kind: InputKind, json: &str, left: &str, dropped: u64) {
        let read = |json: &str| serde_json::from_str::<Data>(json).unwrap();
        assert_eq!(without_nulls(&read(json), kind), (read(left), dropped), "{json}");
    }

    #[test]
    fn items_in_which_something_is_missing_are_left_out() {
        check(InputKind::Numbers, "[1,null,2]", "[1,2]", 1);
        check(InputKind::Numbers, "[1,2]", "[1,2]", 0);
        check(InputKind::Numbers, "[null]", "[]", 1);
        check(InputKind::Numbers, "null", "[]", 1);
        check(InputKind::Numbers, "5", "5", 0);
        let pairs = r#"[["a","b"],["a",null],[null,null]]"#;
        check(InputKind::TextPairs, pairs, r#"[["a","b"]]"#, 2);
        check(InputKind::Points, "[[1,2],[3,null]]", "[[1,2]]", 1);
    }

    #[test]
    fn ids_and_the_rows_behind_them_too_however_deep_their_list_stands() {
        for set in [r#"["a",null,"b"]"#, r#"[["a",null,"b"]]"#] {
            check(InputKind::Set, set, r#"["a","b"]"#, 1);
        }
        for rows in [r#"[["a",1],[null,2],["c",null]]"#, r#"[[["a",1],[null,2],["c",null]]]"#] {
            check(JOINED, rows, r#"[["a",1]]"#, 2);
        }
        check(JOINED, r#"["a",null]"#, r#"["a"]"#, 1);
        check(JOINED, r#"[["a",""],["",1],[" ",2]]"#, r#"[["a",""]]"#, 2);
        check(InputKind::Set, r#"["a",""," "]"#, r#"["a"]"#, 2);
    }

    #[test]
    fn so_are_ranges_with_an_open_end_and_numbers_among_which_one_is_asked_for_by_rank() {
        let ranges = r#"[{"minimum":1,"maximum":2},{"minimum":null,"maximum":2}]"#;
        check(InputKind::Extremes, ranges, r#"[{"minimum":1,"maximum":2}]"#, 1);
        let ranked = r#"{"array":[1,null,2],"rank":1,"lower_bound":null}"#;
        check(InputKind::Ranked, ranked, r#"{"array":[1,2],"rank":1,"lower_bound":null}"#, 1);
        let (several, left) =
            (format!("[{ranked},{ranked}]"), r#"{"array":[1,2],"rank":1,"lower_bound":null}"#);
        check(InputKind::Ranked, &several, &format!("[{left},{left}]"), 2);
    }

    #[test]
    fn elements_with_places_stay() {
        check(InputKind::Vector, "[1,null]", "[1,null]", 0);
        check(InputKind::Matrix, "[[1,null],[2,3]]", "[[1,null],[2,3]]", 0);
    }
}
