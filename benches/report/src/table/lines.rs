//! One row for each line.

use crate::measurement::{Case, Line, Measurement, Skipped};
use crate::table::columns::{
    bytes_sent, columns, identity, nearest, numbers, reasons, stated, throughput,
};
use crate::table::grid::{self, Column, Side};
use crate::table::limits::limits;
use crate::table::{place, stages};
use crate::units;

/// What was measured and where, the limits, and one row for each line, for a terminal.
///
/// A row should fit on a screen. What is the same in all of several lines (a suite, a link, a way) stands
/// once above them; a function of several lines stands once above these; and a column in which nothing
/// was measured is left out.
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
            "Preparation, which depends on nobody's data, and the rest:\n\n{}",
            grid::text(&columns)
        ));
    }
    if !measurement.skipped.is_empty() {
        parts.push(skipped(&measurement.skipped));
    }
    parts.join("\n")
}

/// The lines as a Markdown table: what a reader of a README asks for. Under it, where a part of a line
/// was preparation, a table of both parts.
#[must_use]
pub fn markdown(measurement: &Measurement) -> String {
    let lines = &measurement.lines;
    let cases: Vec<_> = lines.iter().map(|line| &line.case).collect();
    let mut columns = identity(&cases);
    columns.extend([
        numbers(lines, "rounds", "", |line| line.rounds.to_string()),
        numbers(lines, "sent per node", "", bytes_sent),
        numbers(lines, "median", "", |line| units::seconds(line.seconds.median)),
        numbers(lines, "throughput", "", throughput),
        Column::words("nearest bound", "", lines.iter().map(nearest).collect()),
    ]);
    let stages = stages::columns(lines).map(|columns| format!("\n{}", grid::markdown(&columns)));
    grid::markdown(&columns) + &stages.unwrap_or_default()
}

/// When and where it was measured.
fn origin(measurement: &Measurement) -> String {
    let Measurement { program, started, machine, complete, .. } = measurement;
    let interrupted =
        if *complete { "" } else { "Interrupted: not all that was asked for is here.\n" };
    let [when, place] = [format!("{program}, {started}"), place(machine)];
    format!("{}\n{}\n{interrupted}", grid::one_line(&when), grid::one_line(&place))
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

/// Whether there are several lines of the same function, one after another, so that it is worth a line
/// to say once which function that is.
fn are_families(lines: &[Line]) -> bool {
    2 * lines.chunk_by(same_family).count() <= lines.len()
}

/// Each function over its rows, which are shorter by its name.
fn families(columns: Vec<Column>, lines: &[Line]) -> String {
    let names_family = |column: &Column| FAMILY.contains(&column.head().as_str());
    let (names, columns): (Vec<_>, Vec<_>) = columns.into_iter().partition(names_family);
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

/// The columns of what the lines of a family have in common.
const FAMILY: [&str; 4] = ["function", "suite", "profile", "parties"];

fn same_family(one: &Line, next: &Line) -> bool {
    family(&one.case) == family(&next.case)
}

fn family(case: &Case) -> impl PartialEq {
    let Case { function, suite, profile, parties, helpers, .. } = case;
    (function, suite, profile, parties, helpers)
}

/// What a family is called: `mean, replicated, 3 parties`.
fn family_name(names: &[Column], index: usize) -> String {
    let words = names.iter().filter_map(|column| {
        let cell = column.cells.get(index)?;
        Some(match column.side {
            Side::Left => cell.clone(),
            Side::Right => format!("{cell} {}", column.head()),
        })
    });
    format!("{}\n", grid::one_line(&words.collect::<Vec<_>>().join(", ")))
}

/// What was not measured, with the reasons.
fn skipped(skipped: &[Skipped]) -> String {
    format!("Not measured:\n\n{}", grid::text(&reasons(skipped)))
}

#[cfg(test)]
#[path = "lines_tests.rs"]
mod tests;
