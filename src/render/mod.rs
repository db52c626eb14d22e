//! Results for people and programs: on a terminal, as CSV, as a page.
//!
//! A result is JSON of whatever shape its function gives it. Here it becomes [`Block`]s (values,
//! bars, grids), which each way of showing draws in its own manner. Categories come from other
//! parties' data, so no text reaches a terminal or a page as it is. Control characters are
//! replaced, and a page escapes.
//!
//! Nothing here opens a file or asks a node.

pub mod csv;
pub mod page;
mod plots;
pub mod terminal;

use cloister_client::Report;
use serde_json::{Map, Value};

/// A part of a result.
#[derive(Clone, Debug, PartialEq)]
pub enum Block {
    /// Single values by name.
    Values(Vec<(String, String)>),
    /// The amounts of categories.
    Bars {
        /// Its title.
        title: String,
        /// A bar for each category.
        bars: Vec<(String, Cell)>,
    },
    /// Values by row and column.
    Grid {
        /// Its title.
        title: String,
        /// The columns' names.
        columns: Vec<String>,
        /// The rows' names, each with a cell for each column.
        rows: Vec<(String, Vec<Cell>)>,
    },
}

/// A number, or none: withheld and empty cells look alike.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// The number.
    pub value: Option<f64>,
    /// As it is written.
    pub text: String,
}

/// The text in the place of a number that is absent.
const NOTHING: &str = "-";

/// Divides a result into blocks.
#[must_use]
pub fn blocks(result: &Value) -> Vec<Block> {
    let Value::Object(object) = result else {
        return vec![Block::Values(vec![("result".to_owned(), plain(result))])];
    };
    let mut values = Vec::new();
    let mut others = Vec::new();
    for (key, value) in object {
        match bars(key, value).or_else(|| grid(key, value)) {
            Some(block) => others.push(block),
            None => flatten(clean(key), value, &mut values),
        }
    }
    let values = (!values.is_empty()).then_some(Block::Values(values));
    values.into_iter().chain(others).collect()
}

/// Lists the circumstances of a result: its protection, the rules that held, and its name.
#[must_use]
pub fn circumstances(report: &Report) -> Vec<(String, String)> {
    let mut rows = vec![("parties".to_owned(), report.inputs.to_string())];
    flatten("security".to_owned(), &report.security, &mut rows);
    flatten("disclosure".to_owned(), &report.disclosure, &mut rows);
    for (name, value) in [("dropped", &report.dropped), ("precision", &report.precision)] {
        if let Some(value) = value {
            flatten(name.to_owned(), value, &mut rows);
        }
    }
    rows.push(("session".to_owned(), clean(&report.session)));
    rows
}

/// Adds one row for each value inside; lists stay in one row.
pub fn flatten(name: String, value: &Value, rows: &mut Vec<(String, String)>) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                let key = clean(key);
                let key = if name.is_empty() { key } else { format!("{name}.{key}") };
                flatten(key, value, rows);
            }
        }
        other => rows.push((name, plain(other))),
    }
}

/// Replaces all characters that would move a cursor or forge a line.
#[must_use]
pub fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || is_direction(c) { '\u{fffd}' } else { c }).collect()
}

/// Returns `true` for characters that reverse the direction of a line.
fn is_direction(character: char) -> bool {
    matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => clean(text),
        other => clean(&other.to_string()),
    }
}

/// Reads counts of categories: an object of numbers of which none is below zero.
fn bars(title: &str, value: &Value) -> Option<Block> {
    let object = value.as_object().filter(|object| !object.is_empty())?;
    let bars = numbers(object)?;
    let drawable = bars.iter().all(|(_, cell)| cell.value.is_none_or(|value| value >= 0.0));
    drawable.then(|| Block::Bars { title: clean(title), bars })
}

/// Reads objects of objects of numbers, or lists of lists of numbers.
fn grid(title: &str, value: &Value) -> Option<Block> {
    let title = clean(title);
    if let Value::Array(lists) = value {
        return matrix(title, lists);
    }
    let object = value.as_object().filter(|object| !object.is_empty())?;
    let lines = object
        .iter()
        .map(|(name, line)| Some((clean(name), numbers(line.as_object()?)?)))
        .collect::<Option<Vec<_>>>()?;
    let mut columns: Vec<String> = Vec::new();
    for (name, _) in lines.iter().flat_map(|(_, line)| line) {
        if !columns.contains(name) {
            columns.push(name.clone());
        }
    }
    let rows = lines
        .into_iter()
        .map(|(name, line)| (name, columns.iter().map(|column| cell(&line, column)).collect()))
        .collect();
    Some(Block::Grid { title, columns, rows })
}

/// Returns the cell of a line in this column.
fn cell(line: &[(String, Cell)], column: &str) -> Cell {
    let found = line.iter().find(|(name, _)| name == column);
    found.map_or_else(Cell::nothing, |(_, cell)| cell.clone())
}

fn matrix(title: String, lists: &[Value]) -> Option<Block> {
    let rows = lists
        .iter()
        .map(|list| list.as_array()?.iter().map(Cell::of).collect::<Option<Vec<_>>>())
        .collect::<Option<Vec<_>>>()?;
    let width = rows.first().map(Vec::len).filter(|width| *width > 0)?;
    if rows.iter().any(|row| row.len() != width) {
        return None;
    }
    let columns = (1..=width).map(|number| number.to_string()).collect();
    let rows = rows.into_iter().zip(1..).map(|(row, number): (_, usize)| (number.to_string(), row));
    Some(Block::Grid { title, columns, rows: rows.collect() })
}

fn numbers(object: &Map<String, Value>) -> Option<Vec<(String, Cell)>> {
    object.iter().map(|(name, value)| Some((clean(name), Cell::of(value)?))).collect()
}

impl Cell {
    fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Number(number) => {
                Some(Self { value: number.as_f64(), text: number.to_string() })
            }
            Value::Null => Some(Self::nothing()),
            _ => None,
        }
    }

    fn nothing() -> Self {
        Self { value: None, text: NOTHING.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn cell(value: f64, text: &str) -> Cell {
        Cell { value: Some(value), text: text.to_owned() }
    }

    #[test]
    fn counts_are_bars_tables_are_grids_and_the_rest_are_values() {
        let result = json!({
            "mode": "b", "histogram": {"a": 5, "b": null}, "samples": 7,
            "table": {"x": {"u": 1}, "y": {"v": 2.5}}, "product": [[1, 2], [3, 4]], "of": [1, 2],
            "losses": {"a": -1},
        });
        let found = blocks(&result);
        let values = [("losses.a", "-1"), ("mode", "b"), ("of", "[1,2]"), ("samples", "7")];
        let values = values.map(|(name, text)| (name.to_owned(), text.to_owned()));
        assert_eq!(found[0], Block::Values(values.into()));
        let bars = vec![("a".to_owned(), cell(5.0, "5")), ("b".to_owned(), Cell::nothing())];
        assert!(found.contains(&Block::Bars { title: "histogram".into(), bars }));
        let rows = vec![
            ("x".to_owned(), vec![cell(1.0, "1"), Cell::nothing()]),
            ("y".to_owned(), vec![Cell::nothing(), cell(2.5, "2.5")]),
        ];
        let columns = vec!["u".to_owned(), "v".to_owned()];
        assert!(found.contains(&Block::Grid { title: "table".into(), columns, rows }));
        assert_eq!(
            found
                .iter()
                .filter(|block| matches!(block, Block::Grid { title, .. } if title == "product"))
                .count(),
            1
        );
        assert_eq!(found.len(), 4);
    }

    #[test]
    fn no_category_moves_the_cursor() {
        let result = json!({"mode": "\u{1b}[2Ja\nb", "histogram": {"\u{202e}x\r": 1}});
        let shown = format!("{:?}", blocks(&result));
        assert!(
            !shown.contains("\\u{1b}") && !shown.contains("\\n") && !shown.contains("202e"),
            "{shown}"
        );
    }

    #[test]
    fn nested_results_have_a_row_each() {
        let mut rows = Vec::new();
        flatten(String::new(), &json!({"table": {"x": {"y": 5, "z": null}}}), &mut rows);
        let row = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(rows, [row("table.x.y", "5"), row("table.x.z", "null")]);
    }
}
