//! The text of a measurement, with one row for each line.

use crate::measurement::{Case, Line, Measurement, Skipped};
use crate::table::columns::{bytes_sent, columns, identity, nearest, reasons, stated, throughput};
use crate::table::grid::{self, Column, Side};
use crate::table::limits::limits;
use crate::table::{place, stages};
use crate::units;

/// Writes the origin, the limits, and one row for each line, for a terminal.
///
/// A row should fit on a screen. A value that is equal in all lines (a suite, a link, a way) stands
/// once above them. A function of several lines stands once above its lines. A column of no values
/// is left out.
#[must_use]
pub fn lines(measurement: &Measurement) -> String {
    let mut parts = vec![origin(measurement)];
    if !measurement.limits.is_empty() {
        parts.push(limits(&measurement.limits));
    }
    if !measurement.lines.is_empty() {
        parts.push(rows(&measurement.lines));
    }
    if let Some(columns) = stages::columns(&measurement.lines) {
        parts.push(format!(
            "Preparation, which depends on no data, and the rest:\n\n{}",
            grid::text(&columns)
        ));
    }
    if !measurement.skipped.is_empty() {
        parts.push(skipped(&measurement.skipped));
    }
    parts.join("\n")
}

/// Writes the lines as a short Markdown table. A table of both stages follows if a line has
/// preparation.
#[must_use]
pub fn markdown(measurement: &Measurement) -> String {
    let lines = &measurement.lines;
    let cases: Vec<_> = lines.iter().map(|line| &line.case).collect();
    let mut columns = identity(&cases);
    columns.extend([
        Column::numbers("rounds", "", lines, |line| line.rounds.to_string()),
        Column::numbers("sent per node", "", lines, bytes_sent),
        Column::numbers("median", "", lines, |line| units::seconds(line.seconds.median)),
        Column::numbers("throughput", "", lines, throughput),
        Column::words("nearest bound", "", lines, nearest),
    ]);
    let stages = stages::columns(lines).map(|columns| format!("\n{}", grid::markdown(&columns)));
    grid::markdown(&columns) + &stages.unwrap_or_default()
}

/// Writes the time and the machine of the measurement.
fn origin(measurement: &Measurement) -> String {
    let Measurement { program, started, machine, complete, .. } = measurement;
    let interrupted =
        if *complete { "" } else { "Interrupted: not all that was asked for is here.\n" };
    let time = grid::one_line(&format!("{program}, {started}"));
    let machine = grid::one_line(&place(machine));
    format!("{time}\n{machine}\n{interrupted}")
}

fn rows(lines: &[Line]) -> String {
    let (common, columns) = columns(lines);
    let rows = if are_families(lines) { families(columns, lines) } else { grid::text(&columns) };
    let common: Vec<_> = common.iter().map(stated).collect();
    if common.is_empty() {
        return rows;
    }
    format!("In all lines: {}\n\n{rows}", grid::one_line(&common.join(", ")))
}

/// Returns `true` if runs of lines of the same function are long enough to name the function once.
fn are_families(lines: &[Line]) -> bool {
    2 * lines.chunk_by(same_family).count() <= lines.len()
}

/// Writes each function above its rows, which are shorter by its name.
fn families(columns: Vec<Column>, lines: &[Line]) -> String {
    let (names, columns): (Vec<_>, Vec<_>) =
        columns.into_iter().partition(|column| FAMILY.contains(&column.head().as_str()));
    let mut text: String = grid::head(&columns).lines().map(indented).collect();
    let mut above = None;
    for (index, (line, row)) in lines.iter().zip(grid::rows(&columns)).enumerate() {
        if !above.is_some_and(|above| same_family(above, line)) {
            text += &family_name(&names, index);
        }
        text += &indented(&row);
        above = Some(line);
    }
    text
}

fn indented(row: &str) -> String {
    format!("  {row}\n")
}

/// The columns that are equal in all lines of a family.
const FAMILY: [&str; 4] = ["function", "suite", "profile", "parties"];

fn same_family(one: &Line, next: &Line) -> bool {
    family(&one.case) == family(&next.case)
}

fn family(case: &Case) -> impl PartialEq {
    let Case { function, suite, profile, parties, helpers, .. } = case;
    (function, suite, profile, parties, helpers)
}

/// Writes the name of a family: `mean, replicated, 3 parties`.
fn family_name(names: &[Column], index: usize) -> String {
    let mut words = Vec::new();
    for column in names {
        match (column.cells.get(index), column.side) {
            (Some(cell), Side::Left) => words.push(cell.clone()),
            (Some(cell), Side::Right) => words.push(format!("{cell} {}", column.head())),
            (None, _) => {}
        }
    }
    format!("{}\n", grid::one_line(&words.join(", ")))
}

/// Writes the cases that were not measured, with the reasons.
fn skipped(skipped: &[Skipped]) -> String {
    format!("Not measured:\n\n{}", grid::text(&reasons(skipped)))
}

#[cfg(test)]
#[path = "lines_tests.rs"]
mod tests;
