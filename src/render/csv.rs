//! A result as CSV in the long form: which part of it, row, column, value.

use serde_json::Value;

use super::{Block, blocks, is_deceptive};

const HEAD: [&str; 4] = ["result", "row", "column", "value"];

/// Writes one result, with a head.
///
/// # Errors
/// None that can be mended.
pub fn text(result: &Value) -> Result<String, csv::Error> {
    written(&HEAD, rows(result))
}

/// Writes several results, each under its name.
///
/// # Errors
/// None that can be mended.
pub fn texts<'a>(
    results: impl Iterator<Item = (&'a str, &'a Value)>,
) -> Result<String, csv::Error> {
    let head = [&["computation"], &HEAD[..]].concat();
    let named = results.flat_map(|(name, result)| {
        rows(result).into_iter().map(move |row| [vec![name.to_owned()], row].concat())
    });
    written(&head, named.collect())
}

fn written(head: &[&str], rows: Vec<Vec<String>>) -> Result<String, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(head)?;
    for row in rows {
        writer.write_record(row)?;
    }
    let bytes = writer.into_inner().map_err(|error| error.into_error())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Writes the characters by which a text could pass for another as their numbers, such as `\u{1b}`.
/// Different texts stay different: a backslash that would read as such a number is doubled.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        if is_deceptive(character) {
            escaped.extend(character.escape_unicode());
        } else if character == '\\' && rest.as_str().trim_start_matches('\\').starts_with("u{") {
            escaped.push_str("\\\\");
        } else {
            escaped.push(character);
        }
    }
    escaped
}

/// Escapes all texts and names of a value.
fn all_escaped(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(escaped(text)),
        Value::Array(items) => items.iter().map(all_escaped).collect(),
        Value::Object(entries) => {
            entries.iter().map(|(name, value)| (escaped(name), all_escaped(value))).collect()
        }
        other => other.clone(),
    }
}

fn rows(result: &Value) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for block in blocks(&all_escaped(result)) {
        match block {
            Block::Values(values) => {
                rows.extend(values.iter().map(|(name, value)| row([name, "", "", value])));
            }
            Block::Bars { title, bars } => {
                rows.extend(bars.iter().map(|(label, cell)| row([&title, label, "", empty(cell)])));
            }
            Block::Grid { title, columns, rows: lines } => {
                for (name, cells) in &lines {
                    let cells = columns.iter().zip(cells);
                    rows.extend(
                        cells.map(|(column, cell)| row([&title, name, column, empty(cell)])),
                    );
                }
            }
        }
    }
    rows
}

fn row(parts: [&str; 4]) -> Vec<String> {
    parts.map(str::to_owned).to_vec()
}

/// Writes a number; a withheld one is an empty field.
fn empty(cell: &super::Cell) -> &str {
    if cell.value.is_some() { &cell.text } else { "" }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_with_control_characters_stay_apart() {
        let names = ["a\u{1}", "a\u{2}", "a\\u{1}", "a\\\\u{1}", "a\\b", "Zürich"];
        let histogram: serde_json::Map<String, Value> =
            names.iter().map(|name| ((*name).to_owned(), json!(1))).collect();
        let written = text(&json!({"histogram": histogram})).unwrap();
        let lines: std::collections::BTreeSet<&str> = written.lines().collect();
        assert_eq!(lines.len(), names.len() + 1, "{written}");
        for expected in ["a\\u{1}", "a\\u{2}", "a\\\\u{1}", "a\\b", "Zürich"] {
            assert!(lines.contains(format!("histogram,{expected},,1").as_str()), "{written}");
        }
        assert!(!written.contains(['\u{1}', '\u{2}']));
    }

    #[test]
    fn every_value_has_a_line_of_its_own() {
        let result =
            json!({"mode": "a, \"b\"", "histogram": {"x": 1}, "table": {"u": {"v": null}}});
        let expected =
            "result,row,column,value\nmode,,,\"a, \"\"b\"\"\"\nhistogram,x,,1\ntable,u,v,\n";
        assert_eq!(text(&result).unwrap(), expected);
        let two = [("one", &result), ("two", &result)];
        let named = texts(two.into_iter()).unwrap();
        assert!(named.starts_with("computation,result,") && named.contains("two,histogram,x,,1\n"));
    }
}
