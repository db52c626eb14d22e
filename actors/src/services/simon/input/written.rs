//! Ways in which R writes values, read as they are meant.
//!
//! An empty list becomes `{}`, or `null` where a party brings nothing, and a missing number among numbers the text `"NA"`. Texts keep theirs:
//! among texts `NA` may be a country.

use cloister_protocols::catalogue::InputKind;

use crate::vocabulary::data::Data;

/// Returns the data as they are meant, or `None` if they are written so already.
pub(in super::super) fn as_meant(data: &Data, kind: InputKind) -> Option<Data> {
    let of_texts = matches!(
        kind,
        InputKind::Texts | InputKind::TextPairs | InputKind::Set | InputKind::Keyed(_)
    );
    // A party that brings nothing.
    if *data == Data::Null {
        return Some(Data::List(Vec::new()));
    }
    meant(data, !of_texts)
}

fn meant(data: &Data, of_numbers: bool) -> Option<Data> {
    match data {
        Data::Map(entries) if entries.is_empty() => Some(Data::List(Vec::new())),
        Data::Map(entries) => {
            let array = meant(entries.get("array")?, of_numbers)?;
            let mut entries = entries.clone();
            entries.insert("array".to_owned(), array);
            Some(Data::Map(entries))
        }
        Data::List(items) => {
            let of_numbers = of_numbers || are_numbers(items);
            let items: Vec<(&Data, Option<Data>)> =
                items.iter().map(|item| (item, meant_item(item, of_numbers))).collect();
            items.iter().any(|(_, meant)| meant.is_some()).then(|| {
                Data::list(items.into_iter().map(|(item, meant)| meant.unwrap_or(item.clone())))
            })
        }
        _ => None,
    }
}

fn meant_item(item: &Data, of_numbers: bool) -> Option<Data> {
    if of_numbers && is_not_available(item) { Some(Data::Null) } else { meant(item, of_numbers) }
}

/// Returns `true` if numbers stand beside texts `NA` and nothing else.
fn are_numbers(items: &[Data]) -> bool {
    let is_number = |item: &Data| matches!(item, Data::Integer(_) | Data::Number(_));
    let fits = |item: &Data| is_number(item) || is_not_available(item) || *item == Data::Null;
    items.iter().any(is_number) && items.iter().all(fits)
}

fn is_not_available(item: &Data) -> bool {
    matches!(item, Data::Text(text) if text == "NA")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_r_writes_is_read_as_it_is_meant() {
        let read = |json: &str| serde_json::from_str::<Data>(json).unwrap();
        let numbers = InputKind::Numbers;
        for (kind, written, due) in [
            (numbers, "{}", "[]"),
            (numbers, "null", "[]"),
            (InputKind::Matrix, "null", "[]"),
            (InputKind::Set, "[{}]", "[[]]"),
            (numbers, r#"[1,"NA",2.5]"#, "[1,null,2.5]"),
            (numbers, r#""NA""#, r#""NA""#),
            (InputKind::Points, r#"[[1,2],["NA",3]]"#, "[[1,2],[null,3]]"),
            (InputKind::Vector, r#"[["NA",3]]"#, "[[null,3]]"),
            (InputKind::Texts, r#"[1,"NA",2]"#, "[1,null,2]"),
            (InputKind::Texts, r#"["DE","NA"]"#, r#"["DE","NA"]"#),
            (InputKind::TextPairs, r#"[["DE","NA"],["NA","FR"]]"#, r#"[["DE","NA"],["NA","FR"]]"#),
            (InputKind::Ranked, r#"{"array":[1,"NA"],"k":1}"#, r#"{"array":[1,null],"k":1}"#),
            (numbers, "[1,2]", "[1,2]"),
        ] {
            let data = read(written);
            let meant = as_meant(&data, kind);
            assert_eq!(meant.is_none(), written == due, "{written}");
            assert_eq!(meant.unwrap_or(data), read(due), "{written}");
        }
    }
}
