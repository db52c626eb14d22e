//! Results for people and programs: on a terminal, as CSV, as a page.
//!
//! A result is JSON of whatever shape its function gives it. Here it becomes [`Block`]s (values,
//! bars, grids), which each way of showing draws in its own manner. The shape alone decides: an
//! object of numbers from zero is bars, be they counts or not. Categories come from other parties'
//! data, so no text reaches a terminal or a page as it is. [`clean`] replaces characters, and a
//! page escapes. Names are compared before they are cleaned, so that no number is lost.
//!
//! People get the entries of [`brief`]: in the catalogue's order, with the digits that the data
//! support, and long lists cut. Nothing here opens a file or asks a node.

pub mod brief;
pub mod csv;
mod digits;
pub mod page;
mod plots;
pub mod terminal;

use std::collections::HashMap;

use cloister_client::Report;
use serde_json::{Map, Value};

use self::brief::Entry;

/// The most cells of a grid, empty ones included. A result with more is listed value by value, so
/// that rows without common columns do not take memory out of proportion to the answer.
const MOST_CELLS: usize = 1 << 22;

/// A part of a result.
#[derive(Clone, Debug, PartialEq)]
pub enum Block {
    /// Single values by name.
    Values(Vec<(String, String)>),
    /// Numbers from zero by name, such as counts of categories.
    Bars {
        /// The name of the entry in the result.
        title: String,
        /// A bar for each name.
        bars: Vec<(String, Cell)>,
    },
    /// Values by row and column.
    Grid {
        /// The name of the entry in the result.
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
    /// The number in decimal, or [`NOTHING`].
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
    blocks_of(object.iter().map(|(key, value)| (key.as_str(), value, None)))
}

/// Divides entries into blocks, in their order. What was cut stands in the title, or behind a list.
#[must_use]
pub fn brief_blocks(entries: &[Entry]) -> Vec<Block> {
    let entries = entries.iter();
    blocks_of(entries.map(|entry| (entry.key.as_str(), &entry.value, entry.note.as_deref())))
}

/// Lists entries with a row for each value; what was cut has a row of its own.
#[must_use]
pub fn brief_rows(entries: &[Entry]) -> Vec<(String, String)> {
    let mut rows = Vec::new();
    for Entry { key, value, note } in entries {
        flatten(clean(key), value, &mut rows);
        rows.extend(note.as_ref().map(|note| (clean(key), note.clone())));
    }
    rows
}

fn blocks_of<'a>(
    entries: impl Iterator<Item = (&'a str, &'a Value, Option<&'a str>)>,
) -> Vec<Block> {
    let mut values = Vec::new();
    let mut others = Vec::new();
    for (key, value, note) in entries {
        let title = note.map_or_else(|| key.to_owned(), |note| format!("{key} ({note})"));
        match bars(&title, value).or_else(|| grid(&title, value)) {
            Some(block) => others.push(block),
            None => {
                flatten(clean(key), value, &mut values);
                values.extend(note.map(|note| (clean(key), note.to_owned())));
            }
        }
    }
    let values = (!values.is_empty()).then_some(Block::Values(values));
    values.into_iter().chain(others).collect()
}

/// Lists the facts that belong to a result: parties, security, rules, rows left out, precision and
/// session.
#[must_use]
pub fn provenance(report: &Report) -> Vec<(String, String)> {
    let mut rows = vec![("parties".to_owned(), report.inputs.to_string())];
    flatten("security".to_owned(), &report.security, &mut rows);
    flatten("disclosure".to_owned(), &report.disclosure, &mut rows);
    if let Some(dropped) = report.dropped {
        let count = dropped.count().map_or_else(|| NOTHING.to_owned(), |count| count.to_string());
        rows.push(("dropped".to_owned(), count));
    }
    if let Some(precision) = &report.precision {
        flatten("precision".to_owned(), precision, &mut rows);
    }
    rows.push(("session".to_owned(), clean(&report.session)));
    rows
}

/// Returns the facts that belong to a result in one line.
#[must_use]
pub fn provenance_line(report: &Report) -> String {
    let mut facts = vec![format!("{} parties", report.inputs)];
    let suite = report.security.get("suite").map(|suite| format!("suite {}", plain(suite)));
    let profile = report.disclosure.get("profile");
    facts.extend(suite);
    facts.extend(profile.map(|profile| format!("profile {}", plain(profile))));
    let left_out = report.disclosure.get("left_out").and_then(Value::as_u64).unwrap_or_default();
    facts.extend(report.kept.then(|| "answered before".to_owned()));
    let rounded = report.disclosure.get("rounded").and_then(Value::as_str);
    facts.extend(rounded.map(|to| format!("rounded to {}, counts exact", clean(to))));
    facts.extend((left_out > 0).then(|| format!("without few or all rows of {left_out} of them")));
    facts.extend(report.dropped.map(|dropped| match dropped.count() {
        Some(count) => format!("{count} rows with missing values left out"),
        None => "few or no rows with missing values left out".to_owned(),
    }));
    facts.join(", ")
}

/// Adds one row for each value inside; lists stay in one row. An empty object under a name is a row
/// without a value.
pub fn flatten(name: String, value: &Value, rows: &mut Vec<(String, String)>) {
    match value {
        Value::Object(object) if object.is_empty() && !name.is_empty() => {
            rows.push((name, NOTHING.to_owned()));
        }
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

/// Replaces the characters by which a text could pass for another: see [`is_deceptive`].
#[must_use]
pub fn clean(text: &str) -> String {
    text.chars().map(|c| if is_deceptive(c) { '\u{fffd}' } else { c }).collect()
}

/// Returns `true` for characters that move a cursor, break a line, mark or change its direction, or
/// are invisible. The two joiners (U+200C, U+200D) stay, because Persian and Indic words need them.
fn is_deceptive(character: char) -> bool {
    let is_line_break = matches!(character, '\u{2028}' | '\u{2029}');
    let is_direction = matches!(
        character,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    let is_invisible = matches!(
        character,
        '\u{ad}' | '\u{180e}' | '\u{200b}' | '\u{2060}'..='\u{2064}' | '\u{206a}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
    );
    character.is_control() || is_line_break || is_direction || is_invisible
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => clean(text),
        other => clean(&other.to_string()),
    }
}

/// Reads an object of numbers of which none is below zero.
fn bars(title: &str, value: &Value) -> Option<Block> {
    let object = value.as_object().filter(|object| !object.is_empty())?;
    let bars = object
        .iter()
        .map(|(name, value)| Some((clean(name), Cell::of(value)?)))
        .collect::<Option<Vec<_>>>()?;
    let drawable = bars.iter().all(|(_, cell)| cell.value.is_none_or(|value| value >= 0.0));
    drawable.then(|| Block::Bars { title: clean(title), bars })
}

/// Reads objects of objects of numbers, or lists of lists of numbers.
fn grid(title: &str, value: &Value) -> Option<Block> {
    match value {
        Value::Array(lists) => matrix(title, lists),
        Value::Object(lines) => table(title, lines),
        _ => None,
    }
}

/// Reads objects of objects of numbers. The columns are those of all lines, in the order in which
/// they come first.
fn table(title: &str, lines: &Map<String, Value>) -> Option<Block> {
    let lines: Vec<_> =
        lines.iter().map(|(name, line)| Some((name, line.as_object()?))).collect::<Option<_>>()?;
    let mut places: HashMap<&str, usize> = HashMap::new();
    let mut columns = Vec::new();
    for name in lines.iter().flat_map(|(_, line)| line.keys()) {
        places.entry(name).or_insert_with(|| {
            columns.push(clean(name));
            columns.len() - 1
        });
    }
    if columns.is_empty() || lines.len().saturating_mul(columns.len()) > MOST_CELLS {
        return None;
    }
    let rows = lines
        .iter()
        .map(|(name, line)| Some((clean(name), cells(line, &places)?)))
        .collect::<Option<_>>()?;
    Some(Block::Grid { title: clean(title), columns, rows })
}

/// Returns a cell for each place; those that the line does not name are empty.
fn cells(line: &Map<String, Value>, places: &HashMap<&str, usize>) -> Option<Vec<Cell>> {
    let mut cells = vec![Cell::nothing(); places.len()];
    for (name, value) in line {
        let place = places.get(name.as_str()).and_then(|place| cells.get_mut(*place));
        *place.expect("each name has a place") = Cell::of(value)?;
    }
    Some(cells)
}

fn matrix(title: &str, lists: &[Value]) -> Option<Block> {
    let rows = lists
        .iter()
        .map(|list| list.as_array()?.iter().map(Cell::of).collect::<Option<Vec<_>>>())
        .collect::<Option<Vec<_>>>()?;
    let width = rows.first().map(Vec::len).filter(|width| *width > 0)?;
    if rows.iter().any(|row| row.len() != width) {
        return None;
    }
    let columns = (1..=width).map(|number| number.to_string()).collect();
    let rows = rows.into_iter().enumerate().map(|(at, cells)| ((at + 1).to_string(), cells));
    Some(Block::Grid { title: clean(title), columns, rows: rows.collect() })
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
    fn no_category_passes_for_another_or_moves_the_cursor() {
        let replaced = [
            ("control", "\u{0}\u{1b}\n\r\u{7f}\u{9b}"),
            ("line break", "\u{85}\u{2028}\u{2029}"),
            ("direction", "\u{61c}\u{200e}\u{200f}\u{202a}\u{202e}\u{2066}\u{2069}"),
            ("invisible", "\u{ad}\u{200b}\u{2060}\u{2064}\u{206a}\u{feff}\u{e0020}\u{e007f}"),
        ];
        for (class, characters) in replaced {
            for character in characters.chars() {
                let cleaned = clean(&format!("a{character}b"));
                assert_eq!(cleaned, "a\u{fffd}b", "{class}: U+{:04X}", u32::from(character));
            }
        }
        for kept in ["Zürich", "می\u{200c}خواهم", "日本", "👩\u{200d}🔬"] {
            assert_eq!(clean(kept), kept);
        }
        let bad = "\u{1b}\u{202e}";
        let result = json!({bad: bad, "histogram": {bad: 1}, "table": {bad: {bad: 1}}});
        let shown = format!("{:?}", blocks(&result));
        assert!(!shown.contains("\\u{1b}") && !shown.contains("202e"), "{shown}");
    }

    #[test]
    fn names_that_look_alike_keep_their_numbers() {
        let result = json!({"table": {"x": {"a\u{1}": 1, "a\u{2}": 2}, "y": {"a\u{2}": 3}}});
        let rows = vec![
            ("x".to_owned(), vec![cell(1.0, "1"), cell(2.0, "2")]),
            ("y".to_owned(), vec![Cell::nothing(), cell(3.0, "3")]),
        ];
        let columns = vec!["a\u{fffd}".to_owned(); 2];
        assert_eq!(blocks(&result), [Block::Grid { title: "table".into(), columns, rows }]);
    }

    #[test]
    fn large_grids_are_made_in_one_pass() {
        let line: Map<String, Value> =
            (0..20_000).map(|at| (format!("c{at}"), json!(at))).collect();
        let table: Map<String, Value> = (0..8).map(|at| (format!("r{at}"), json!(line))).collect();
        let found = blocks(&json!({"table": table}));
        let [Block::Grid { columns, rows, .. }] = found.as_slice() else { panic!("no grid") };
        assert_eq!((columns.len(), rows.len()), (20_000, 8));
        assert!(rows.iter().all(|(_, cells)| cells.len() == columns.len()));
    }

    #[test]
    fn rows_without_common_columns_are_listed() {
        let table: Map<String, Value> =
            (0..10_000).map(|at| (format!("r{at}"), json!({format!("c{at}"): 1}))).collect();
        let found = blocks(&json!({"table": table}));
        let [Block::Values(values)] = found.as_slice() else { panic!("no values") };
        assert_eq!(values.len(), 10_000);
    }

    #[test]
    fn an_empty_part_of_a_result_is_shown() {
        let values = ["histogram", "table.x"].map(|name| (name.to_owned(), NOTHING.to_owned()));
        let result = json!({"histogram": {}, "table": {"x": {}}});
        assert_eq!(blocks(&result), [Block::Values(values.into())]);
    }

    #[test]
    fn rows_left_out_are_told_even_where_their_number_is_not() {
        assert_eq!(dropped_row(&json!({"dropped": 5})).as_deref(), Some("5"));
        assert_eq!(dropped_row(&json!({"dropped": null})).as_deref(), Some(NOTHING));
        assert_eq!(dropped_row(&json!({})), None);
    }

    #[test]
    fn the_line_of_facts_tells_what_is_not_in_the_answer() {
        let line = |more: &Value| provenance_line(&report(more));
        assert_eq!(line(&json!({})), "2 parties");
        let security = json!({"security": {"suite": "masked"}, "dropped": 5});
        assert_eq!(line(&security), "2 parties, suite masked, 5 rows with missing values left out");
        let left_out = json!({"disclosure": {"profile": "production", "left_out": 1}});
        assert_eq!(
            line(&left_out),
            "2 parties, profile production, without few or all rows of 1 of them"
        );
        let rounded = json!({"disclosure": {"profile": "production", "rounded": "se/10"}});
        let due = "2 parties, profile production, rounded to se/10, counts exact";
        assert_eq!(line(&rounded), due);
    }

    /// Returns the row `dropped` of a report with these entries more.
    fn dropped_row(more: &Value) -> Option<String> {
        let rows = provenance(&report(more));
        rows.into_iter().find(|(name, _)| name == "dropped").map(|(_, count)| count)
    }

    fn report(more: &Value) -> Report {
        let mut report = json!({
            "inputs": 2, "result": {}, "security": {}, "disclosure": {}, "session": "s",
            "cost": {"rounds": 1, "messages_sent": 1, "bytes_sent": 1, "bytes_received": 1,
                     "seconds": 0.5},
        });
        report.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(report).unwrap()
    }

    #[test]
    fn nested_results_have_a_row_each() {
        let mut rows = Vec::new();
        flatten(String::new(), &json!({"table": {"x": {"y": 5, "z": null}}}), &mut rows);
        let expected = [("table.x.y", "5"), ("table.x.z", "null")];
        assert_eq!(rows, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
}
