//! Ways in which R writes values, read as they are meant.
//!
//! An empty list becomes `{}`, or `null` where a party brings nothing, and a missing number among
//! numbers the text `"NA"`. Texts keep theirs: among texts `NA` may be a country. Which of the two a
//! column is, all its rows say together: a row is never judged alone.

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
        Data::List(items) if !of_numbers && items.iter().any(is_row) => {
            let columns = columns_of_numbers(items);
            changed(items, |item| match item {
                Data::List(cells) if is_row(item) => meant_row(cells, &columns),
                _ => meant(item, false),
            })
        }
        Data::List(items) => {
            let of_numbers = of_numbers || are_numbers(items);
            changed(items, |item| meant_item(item, of_numbers))
        }
        _ => None,
    }
}

/// Returns the items as they are meant, or `None` if all are written so already.
fn changed(items: &[Data], meant: impl Fn(&Data) -> Option<Data>) -> Option<Data> {
    let items: Vec<(&Data, Option<Data>)> = items.iter().map(|item| (item, meant(item))).collect();
    items
        .iter()
        .any(|(_, meant)| meant.is_some())
        .then(|| Data::list(items.into_iter().map(|(item, meant)| meant.unwrap_or(item.clone()))))
}

/// Returns whether an item of a list is a row of cells, and not a list of rows.
fn is_row(item: &Data) -> bool {
    match item {
        Data::Integers(_) | Data::Numbers(_) => true,
        Data::List(cells) => !cells.iter().any(is_list),
        _ => false,
    }
}

fn is_list(item: &Data) -> bool {
    matches!(item, Data::List(_) | Data::Integers(_) | Data::Numbers(_))
}

fn meant_row(cells: &[Data], of_numbers: &[bool]) -> Option<Data> {
    let places = cells.iter().zip(of_numbers);
    let meant: Vec<(&Data, Option<Data>)> =
        places.map(|(cell, of_numbers)| (cell, meant_item(cell, *of_numbers))).collect();
    meant
        .iter()
        .any(|(_, meant)| meant.is_some())
        .then(|| Data::list(meant.into_iter().map(|(cell, meant)| meant.unwrap_or(cell.clone()))))
}

/// Returns for each place in the rows whether numbers stand there beside texts `NA` and nothing else.
fn columns_of_numbers(items: &[Data]) -> Vec<bool> {
    let mut columns: Vec<Column> = Vec::new();
    for row in items.iter().filter(|item| is_row(item)) {
        let kinds: Vec<Kind> = match row {
            Data::Integers(numbers) => vec![Kind::Number; numbers.len()],
            Data::Numbers(numbers) => vec![Kind::Number; numbers.len()],
            Data::List(cells) => cells.iter().map(Kind::of).collect(),
            _ => Vec::new(),
        };
        columns.resize(columns.len().max(kinds.len()), Column::default());
        columns.iter_mut().zip(kinds).for_each(|(column, kind)| column.add(kind));
    }
    columns.iter().map(Column::is_of_numbers).collect()
}

/// The kind of a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Number,
    /// A missing value, or the text by which R writes a missing number.
    Missing,
    Other,
}

impl Kind {
    fn of(item: &Data) -> Self {
        match item {
            Data::Integer(_) | Data::Number(_) => Self::Number,
            Data::Null => Self::Missing,
            item if is_not_available(item) => Self::Missing,
            _ => Self::Other,
        }
    }
}

/// The kinds of values in a column, or in a list.
#[derive(Clone, Copy, Default)]
struct Column {
    has_number: bool,
    has_other: bool,
}

impl Column {
    fn add(&mut self, kind: Kind) {
        self.has_number |= kind == Kind::Number;
        self.has_other |= kind == Kind::Other;
    }

    /// Returns `true` if numbers stand beside missing values and nothing else.
    fn is_of_numbers(&self) -> bool {
        self.has_number && !self.has_other
    }
}

fn meant_item(item: &Data, of_numbers: bool) -> Option<Data> {
    if of_numbers && is_not_available(item) { Some(Data::Null) } else { meant(item, of_numbers) }
}

fn are_numbers(items: &[Data]) -> bool {
    let mut column = Column::default();
    items.iter().map(Kind::of).for_each(|kind| column.add(kind));
    column.is_of_numbers()
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
            // A row is never judged alone: Namibia is among countries.
            (InputKind::TextPairs, r#"[[17,"NA"],[18,"DE"]]"#, r#"[[17,"NA"],[18,"DE"]]"#),
            (InputKind::Set, r#"[[17,"NA"],[18,"DE"]]"#, r#"[[17,"NA"],[18,"DE"]]"#),
            (InputKind::TextPairs, r#"[[1,2.5],[2,"NA"]]"#, "[[1,2.5],[2,null]]"),
            (InputKind::TextPairs, r#"[["NA",1],["NA","NA"]]"#, r#"[["NA",1],["NA",null]]"#),
            (InputKind::TextPairs, r#"[[1,"NA"],[2,"NA"]]"#, r#"[[1,"NA"],[2,"NA"]]"#),
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
