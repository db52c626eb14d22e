//! Aligned columns of text.
//!
//! A width is counted in characters, because the texts have no wide or combining ones.

use std::fmt::Write;

/// The gap between two columns.
const GAP: &str = "  ";

/// The alignment of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// A column: its head in at most two lines, and its cells from top to bottom.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) heads: [String; 2],
    pub(crate) side: Side,
    pub(crate) cells: Vec<String>,
}

impl Column {
    /// Makes a column of words, one cell for each row.
    pub(crate) fn words<Row>(
        upper: &str,
        lower: &str,
        rows: impl IntoIterator<Item = Row>,
        cell: impl Fn(Row) -> String,
    ) -> Self {
        let heads = [upper.to_owned(), lower.to_owned()];
        Self { heads, side: Side::Left, cells: rows.into_iter().map(cell).collect() }
    }

    /// Makes a column of numbers, one cell for each row.
    pub(crate) fn numbers<Row>(
        upper: &str,
        lower: &str,
        rows: impl IntoIterator<Item = Row>,
        cell: impl Fn(Row) -> String,
    ) -> Self {
        Self { side: Side::Right, ..Self::words(upper, lower, rows, cell) }
    }

    /// Joins both lines of the head, with a soft hyphen in a divided word.
    pub(crate) fn soft_head(&self) -> String {
        self.joined("\u{ad}")
    }

    /// Joins both lines of the head, with divided words made whole.
    pub(crate) fn head(&self) -> String {
        self.joined("")
    }

    fn joined(&self, hyphen: &str) -> String {
        let [upper, lower] = &self.heads;
        match upper.strip_suffix('-') {
            Some(begun) => format!("{begun}{hyphen}{lower}"),
            None => format!("{upper} {lower}").trim().to_owned(),
        }
    }

    fn width(&self) -> usize {
        self.heads.iter().chain(&self.cells).map(|text| text.chars().count()).max().unwrap_or(0)
    }

    /// Pads a text to the column's width.
    fn padded(&self, text: &str) -> String {
        let width = self.width();
        match self.side {
            Side::Left => format!("{text:<width$}"),
            Side::Right => format!("{text:>width$}"),
        }
    }
}

/// Writes the columns beside each other, below their heads and a rule.
pub(crate) fn text(columns: &[Column]) -> String {
    let rows: String = rows(columns).iter().map(|row| format!("{row}\n")).collect();
    head(columns) + &rows
}

/// Writes the heads in one line or two, and a rule below them.
pub(crate) fn head(columns: &[Column]) -> String {
    let rule: Vec<_> = columns.iter().map(|column| "─".repeat(column.width())).collect();
    let lines = [
        row(columns, |column| column.heads.first()),
        row(columns, |column| column.heads.last()),
        rule.join(GAP),
    ];
    lines.into_iter().filter(|line| !line.is_empty()).map(|line| line + "\n").collect()
}

/// Writes the rows below the heads.
pub(crate) fn rows(columns: &[Column]) -> Vec<String> {
    (0..height(columns)).map(|index| row(columns, |column| column.cells.get(index))).collect()
}

/// Replaces control characters, so that a text stays in its line and cannot control a terminal.
pub(crate) fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

/// Writes the columns as a Markdown table, with heads of one line.
pub(crate) fn markdown(columns: &[Column]) -> String {
    let mut heads = Vec::new();
    let mut rules = Vec::new();
    for column in columns {
        heads.push(cell(&column.head()));
        rules.push(match column.side {
            Side::Left => "---",
            Side::Right => "---:",
        });
    }
    let mut text = format!("| {} |\n| {} |\n", heads.join(" | "), rules.join(" | "));
    for row in 0..height(columns) {
        let cells: Vec<_> = columns
            .iter()
            .filter_map(|column| column.cells.get(row))
            .map(|text| cell(text))
            .collect();
        // Writing to a string does not fail.
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    text
}

fn height(columns: &[Column]) -> usize {
    columns.iter().map(|column| column.cells.len()).max().unwrap_or(0)
}

fn row<'grid>(
    columns: &'grid [Column],
    cell: impl Fn(&'grid Column) -> Option<&'grid String>,
) -> String {
    let cells: Vec<_> = columns
        .iter()
        .map(|column| column.padded(cell(column).map_or("", String::as_str)))
        .collect();
    one_line(cells.join(GAP).trim_end())
}

/// Escapes a text for a cell of Markdown.
fn cell(text: &str) -> String {
    one_line(text).replace('\\', "\\\\").replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns() -> Vec<Column> {
        vec![
            Column::words("what", "", ["mean", "a|b"], str::to_owned),
            Column::numbers("bytes", "sent", ["1.40 kB", "7 B"], str::to_owned),
        ]
    }

    #[test]
    fn words_stand_left_and_numbers_right() {
        let expected =
            "what    bytes\n         sent\n────  ───────\nmean  1.40 kB\na|b       7 B\n";
        assert_eq!(text(&columns()), expected);
    }

    #[test]
    fn a_head_of_one_line_takes_one_line() {
        let columns = [Column::words("what", "", ["mean"], str::to_owned)];
        assert_eq!(text(&columns), "what\n────\nmean\n");
    }

    #[test]
    fn a_name_does_not_break_its_row() {
        let columns = [Column::words("what", "", ["a\nb\u{1b}[2J"], str::to_owned)];
        assert_eq!(text(&columns), "what\n───────\na b [2J\n");
        assert_eq!(markdown(&columns).lines().last(), Some("| a b [2J |"));
    }

    #[test]
    fn a_cell_of_markdown_does_not_end_early() {
        let expected =
            "| what | bytes sent |\n| --- | ---: |\n| mean | 1.40 kB |\n| a\\|b | 7 B |\n";
        assert_eq!(markdown(&columns()), expected);
    }
}
