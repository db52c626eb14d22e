//! A result drawn with characters.
//!
//! Bars and lines are of Unicode's block and box characters if the terminal shows UTF-8, and of
//! ASCII elsewhere. Colours come only on a terminal, and not if `NO_COLOR` is set (no-color.org).

use std::env;

use console::Term;

use super::{Block, Cell};

/// The usual width.
const USUAL_WIDTH: usize = 80;

/// Narrower than this nothing can be drawn.
const NARROWEST: usize = 24;

/// Eighths of a full block.
const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

const BAR_COLOUR: &str = "\u{1b}[36m";
const TITLE_COLOUR: &str = "\u{1b}[1m";
const PLAIN: &str = "\u{1b}[0m";

/// The style of a drawing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// The number of characters of a line.
    pub width: usize,
    /// True if characters beyond ASCII are shown.
    pub unicode: bool,
    /// True if there are colours.
    pub colour: bool,
}

impl Style {
    /// As standard output and the environment have it.
    #[must_use]
    pub fn of_this_terminal() -> Self {
        let terminal = Term::stdout();
        let columns = env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
        let width: Option<usize> = columns
            .or_else(|| terminal.size_checked().map(|(_, columns)| usize::from(columns)))
            .filter(|width| *width > 0);
        let dumb = env::var("TERM").is_ok_and(|term| term == "dumb");
        let no_colour = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self {
            width: width.unwrap_or(USUAL_WIDTH).max(NARROWEST),
            unicode: is_utf8(|name| env::var(name).ok()),
            colour: terminal.is_term() && !dumb && !no_colour,
        }
    }

    fn coloured(self, colour: &str, text: &str) -> String {
        if self.colour { format!("{colour}{text}{PLAIN}") } else { text.to_owned() }
    }

    /// Cuts a text to at most so many characters.
    fn cut(self, text: &str, width: usize) -> String {
        let text = self.shown(text);
        if text.chars().count() <= width {
            return text;
        }
        let mark = if self.unicode { "…" } else { "~" };
        text.chars().take(width.saturating_sub(1)).chain(mark.chars()).collect()
    }

    /// Writes a text in the available characters.
    fn shown(self, text: &str) -> String {
        if self.unicode {
            text.to_owned()
        } else {
            text.chars().map(|c| if c.is_ascii() { c } else { '?' }).collect()
        }
    }
}

/// Returns whether the terminal shows UTF-8. The first variable that is set decides.
fn is_utf8(variable: impl Fn(&str) -> Option<String>) -> bool {
    let set = ["LC_ALL", "LC_CTYPE", "LANG"].iter().filter_map(|name| variable(name));
    let first = set.into_iter().find(|value| !value.is_empty()).unwrap_or_default();
    let plain = first.to_lowercase().replace('-', "");
    plain.contains("utf8")
}

/// Draws all blocks, one below the other.
#[must_use]
pub fn text(blocks: &[Block], style: Style) -> String {
    let drawn: Vec<String> = blocks.iter().map(|block| draw(block, style)).collect();
    drawn.join("\n")
}

/// Names and values, each value in as many lines as it needs.
#[must_use]
pub fn rows(rows: &[(String, String)], style: Style) -> String {
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let space = style.width.saturating_sub(width + 2).max(NARROWEST);
    rows.iter()
        .map(|(name, value)| {
            let margin = format!("\n{:width$}  ", "");
            let lines = wrapped(&style.shown(value), space);
            format!("{:width$}  {}\n", style.shown(name), lines.join(&margin))
        })
        .collect()
}

/// Breaks a text into lines of at most so many characters, between words; a longer word has its
/// own.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line += word;
    }
    lines.push(line);
    lines
}

fn draw(block: &Block, style: Style) -> String {
    match block {
        Block::Values(values) => rows(values, style),
        Block::Bars { title, bars } => {
            format!("{}\n{}", heading(title, style), draw_bars(bars, style))
        }
        Block::Grid { title, columns, rows } => {
            format!("{}\n{}", heading(title, style), draw_grid(columns, rows, style))
        }
    }
}

fn heading(title: &str, style: Style) -> String {
    style.coloured(TITLE_COLOUR, &style.shown(title))
}

fn draw_bars(bars: &[(String, Cell)], style: Style) -> String {
    let labels = bars.iter().map(|(label, _)| label.chars().count()).max().unwrap_or(0);
    let labels = labels.min(style.width / 3);
    let numbers = bars.iter().map(|(_, cell)| cell.text.chars().count()).max().unwrap_or(0);
    // Two spaces between the three.
    let space = style.width.saturating_sub(labels + numbers + 4).max(1);
    let most = bars.iter().filter_map(|(_, cell)| cell.value).fold(0.0, f64::max);
    bars.iter()
        .map(|(label, cell)| {
            let label = style.cut(label, labels);
            let share = cell.value.filter(|_| most > 0.0).map_or(0.0, |value| value / most);
            let bar = style.coloured(BAR_COLOUR, &bar(share, space, style.unicode));
            format!("{}\n", format!("{label:labels$}  {:>numbers$}  {bar}", cell.text).trim_end())
        })
        .collect()
}

/// Draws a bar for a share from 0 to 1 of so many characters.
fn bar(share: f64, space: usize, unicode: bool) -> String {
    let steps = if unicode { space * EIGHTHS.len() } else { space };
    let filled = (0..steps).take_while(|step| reached(*step, steps, share)).count();
    if unicode {
        let rest = EIGHTHS.get(filled % EIGHTHS.len()).unwrap_or(&"");
        format!("{}{rest}", "█".repeat(filled / EIGHTHS.len()))
    } else {
        "#".repeat(filled)
    }
}

/// Returns `true` if a fraction is beyond the middle of this step.
fn reached(step: usize, steps: usize, share: f64) -> bool {
    share * number(steps) > number(step) + 0.5
}

fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

fn draw_grid(columns: &[String], rows: &[(String, Vec<Cell>)], style: Style) -> String {
    let names = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let names = names.min(style.width / 3);
    let widths: Vec<usize> = columns
        .iter()
        .enumerate()
        .map(|(index, column)| {
            let cells = rows.iter().filter_map(|(_, cells)| cells.get(index));
            let cells = cells.map(|cell| cell.text.chars().count());
            cells.chain([column.chars().count()]).max().unwrap_or(0)
        })
        .collect();
    let whole = names + widths.iter().map(|width| width + 2).sum::<usize>() + 2;
    if whole > style.width {
        return draw_list(columns, rows, style);
    }
    let (down, across, cross) = if style.unicode { ("│", "─", "┼") } else { ("|", "-", "+") };
    let line = |name: &str, cells: &mut dyn Iterator<Item = &str>| {
        let name = style.cut(name, names);
        let cells: String = cells
            .zip(&widths)
            .map(|(cell, width)| format!("  {:>width$}", style.shown(cell)))
            .collect();
        format!("{name:names$} {down}{cells}\n")
    };
    let head = line("", &mut columns.iter().map(String::as_str));
    let rest = whole.saturating_sub(names + 2);
    let rule = format!("{}{cross}{}\n", across.repeat(names + 1), across.repeat(rest));
    let body =
        rows.iter().map(|(name, cells)| line(name, &mut cells.iter().map(|c| c.text.as_str())));
    std::iter::once(head).chain([rule]).chain(body).collect()
}

/// Draws a grid that is too wide: a line for each cell.
fn draw_list(columns: &[String], rows: &[(String, Vec<Cell>)], style: Style) -> String {
    let cells = rows.iter().flat_map(|(name, cells)| {
        columns
            .iter()
            .zip(cells)
            .map(move |(column, cell)| (format!("{name}, {column}"), cell.text.clone()))
    });
    self::rows(&cells.collect::<Vec<_>>(), style)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::render::blocks;

    const ASCII: Style = Style { width: 40, unicode: false, colour: false };
    const UTF8: Style = Style { unicode: true, ..ASCII };

    #[test]
    fn bars_are_as_long_as_their_numbers() {
        let result = blocks(&json!({"histogram": {"no": 10, "yes": 5, "ü": null}}));
        let full = "#".repeat(31);
        let half = "#".repeat(15);
        let expected = format!("histogram\nno   10  {full}\nyes   5  {half}\n?     -\n");
        assert_eq!(text(&result, ASCII), expected);
        let drawn = text(&result, UTF8);
        assert!(drawn.contains("ü     -") && drawn.contains(&"█".repeat(31)), "{drawn}");
        assert!(drawn.contains(&format!("{}▌\n", "█".repeat(15))), "{drawn}");
        assert!(drawn.lines().all(|line| line.chars().count() <= 40), "{drawn}");
    }

    #[test]
    fn grids_have_lines_and_lists_take_their_place_where_there_is_no_room() {
        let result =
            blocks(&json!({"table": {"no": {"a": 1, "b": 20}, "yes": {"a": null, "b": 3}}}));
        let expected = "table\n    |  a   b\n----+-------\nno  |  1  20\nyes |  -   3\n";
        assert_eq!(text(&result, ASCII), expected);
        assert!(text(&result, UTF8).contains("────┼───────"));
        let columns: serde_json::Map<_, _> =
            (0..20).map(|index| (format!("column {index}"), json!(index))).collect();
        let wide = blocks(&json!({"table": {"x": columns}}));
        assert!(text(&wide, ASCII).contains("x, column 7   7\n"), "{}", text(&wide, ASCII));
    }

    #[test]
    fn long_values_go_on_below_their_beginning() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let text =
            rows(&[pair("a", "one two three four five six seven eight"), pair("name", "x")], ASCII);
        assert_eq!(text, "a     one two three four five six seven\n      eight\nname  x\n");
        assert_eq!(wrapped("", 5), [""]);
        assert_eq!(wrapped("longer than", 3), ["longer", "than"]);
    }

    #[test]
    fn colours_are_only_where_they_are_wanted() {
        let result = blocks(&json!({"histogram": {"a": 1}}));
        assert!(!text(&result, UTF8).contains('\u{1b}'));
        assert!(text(&result, Style { colour: true, ..UTF8 }).contains(BAR_COLOUR));
    }

    #[test]
    fn the_encoding_is_that_of_the_first_variable_that_is_set() {
        let from = |pairs: &[(&str, &str)], name: &str| {
            pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        for (pairs, expected) in [
            (&[("LANG", "en_GB.UTF-8")][..], true),
            (&[("LANG", "de_DE.utf8")], true),
            (&[("LANG", "C.UTF-8"), ("LC_ALL", "C")], false),
            (&[("LC_ALL", ""), ("LANG", "C.UTF-8")], true),
            (&[], false),
        ] {
            assert_eq!(is_utf8(|name| from(pairs, name)), expected, "{pairs:?}");
        }
    }
}
