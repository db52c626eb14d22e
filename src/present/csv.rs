//! A result as CSV in the long form: which part of it, row, column, value.

use serde_json::Value;

use super::{Block, blocks};

/// The text, with a head.
///
/// # Errors
/// None that can be mended.
pub fn text(result: &Value) -> Result<String, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(["result", "row", "column", "value"])?;
    for block in blocks(result) {
        match block {
            Block::Values(values) => {
                for (name, value) in values {
                    writer.write_record([name.as_str(), "", "", value.as_str()])?;
                }
            }
            Block::Bars { title, bars } => {
                for (label, cell) in bars {
                    writer.write_record([&title, &label, "", empty(&cell)])?;
                }
            }
            Block::Grid { title, columns, rows } => {
                for (row, cells) in rows {
                    for (column, cell) in columns.iter().zip(cells) {
                        writer.write_record([&title, &row, column, empty(&cell)])?;
                    }
                }
            }
        }
    }
    let bytes = writer.into_inner().map_err(|error| error.into_error())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// What is withheld is an empty field.
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
    }
}
