//! A result as CSV in the long form: which part of it, row, column, value.

use serde_json::Value;

use super::{Block, blocks};

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

fn rows(result: &Value) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for block in blocks(result) {
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
