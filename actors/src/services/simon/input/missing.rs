//! Values that a client's JSON leaves open: `null`, as an item or inside one.

use crate::vocabulary::data::Data;

/// Returns the complete items, and the number of those in which a value is missing.
pub(in super::super) fn without_nulls(data: &Data) -> (Data, u64) {
    let Data::List(items) = data else { return (data.clone(), 0) };
    let complete: Vec<Data> = items.iter().filter(|item| !has_null(item)).cloned().collect();
    let dropped = (items.len() - complete.len()) as u64;
    (Data::list(complete), dropped)
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
    use super::*;

    fn check(json: &str, left: &str, dropped: u64) {
        let read = |json: &str| serde_json::from_str::<Data>(json).unwrap();
        assert_eq!(without_nulls(&read(json)), (read(left), dropped), "{json}");
    }

    #[test]
    fn items_in_which_something_is_missing_are_left_out() {
        check("[1,null,2]", "[1,2]", 1);
        check("[1,2]", "[1,2]", 0);
        check("[null]", "[]", 1);
        check(r#"[["a","b"],["a",null],[null,null]]"#, r#"[["a","b"]]"#, 2);
        check("[[1,2],[3,null]]", "[[1,2]]", 1);
        check("5", "5", 0);
    }
}
