//! Columns of text that stand under each other.
//!
//! A width is counted in characters: what is set here has no wide or combining ones.

use std::fmt::Write;

/// What is between two columns.
const GAP: &str = "  ";

/// On which side the texts of a column stand under each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// A column: what it is called, in two lines at most, and its cells from top to bottom.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) heads: [String; 2],
    pub(crate) side: Side,
    pub(crate) cells: Vec<String>,
}

impl Column {
    /// A column of words.
    pub(crate) fn words(upper: &str, lower: &str, cells: Vec<String>) -> Self {
        Self { heads: [upper.to_owned(), lower.to_owned()], side: Side::Left, cells }
    }

    /// A column of numbers.
    pub(crate) fn numbers(upper: &str, lower: &str, cells: Vec<String>) -> Self {
        Self { heads: [upper.to_owned(), lower.to_owned()], side: Side::Right, cells }
    }

    /// Both lines of the head as one; a word that was divided may be divided again.
    pub(crate) fn soft_head(&self) -> String {
        self.joined("\u{ad}")
    }

    /// Both lines of the head as one; a word that was divided is whole again.
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

    /// The text, filled up to the column's width.
    fn set(&self, text: &str) -> String {
        let width = self.width();
        match self.side {
            Side::Left => format!("{text:<width$}"),
            Side::Right => format!("{text:>width$}"),
        }
    }
}

/// The columns beside each other, under their heads and a rule.
pub(crate) fn text(columns: &[Column]) -> String {
    let rows: String = rows(columns).iter().map(|row| format!("{row}\n")).collect();
    head(columns) + &rows
}

/// The heads, in one line or two, and a rule under them.
pub(crate) fn head(columns: &[Column]) -> String {
    let lines = (0..2).map(|line| row(columns, |column| column.heads.get(line)));
    let rule = columns.iter().map(|column| "─".repeat(column.width())).collect::<Vec<_>>();
    let lines = lines.chain([rule.join(GAP)]).filter(|line| !line.is_empty());
    lines.map(|line| line + "\n").collect()
}

/// The rows under the heads.
pub(crate) fn rows(columns: &[Column]) -> Vec<String> {
    (0..height(columns)).map(|index| row(columns, |column| column.cells.get(index))).collect()
}

/// A text that stays in its line, and says nothing to a terminal.
pub(crate) fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

/// The columns as a Markdown table, with heads of one line.
pub(crate) fn markdown(columns: &[Column]) -> String {
    let heads = columns.iter().map(|column| cell(&column.head())).collect::<Vec<_>>();
    let rules = columns.iter().map(|column| match column.side {
        Side::Left => "---",
        Side::Right => "---:",
    });
    let mut text =
        format!("| {} |\n| {} |\n", heads.join(" | "), rules.collect::<Vec<_>>().join(" | "));
    for row in 0..height(columns) {
        let cells = columns.iter().filter_map(|column| column.cells.get(row));
        let cells: Vec<_> = cells.map(|text| cell(text)).collect();
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
    let set = |column: &'grid Column| column.set(cell(column).map_or("", String::as_str));
    let cells: Vec<_> = columns.iter().map(set).collect();
    one_line(cells.join(GAP).trim_end())
}

/// A text that does not end its cell.
fn cell(text: &str) -> String {
    one_line(text).replace('\\', "\\\\").replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns() -> Vec<Column> {
        vec![
            Column::words("what", "", vec!["mean".into(), "a|b".into()]),
            Column::numbers("bytes", "sent", vec!["1.40 kB".into(), "7 B".into()]),
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
        let columns = [Column::words("what", "", vec!["mean".into()])];
        assert_eq!(text(&columns), "what\n────\nmean\n");
    }

    #[test]
    fn a_name_does_not_break_its_row() {
        let columns = [Column::words("what", "", vec!["a\nb\u{1b}[2J".into()])];
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
