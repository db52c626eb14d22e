//! The demonstration's results as a table for people.

use super::program::{Finding, Step};

const TITLES: [&str; 7] =
    ["what", "joint result", "plaintext check", "rel. difference", "rounds", "bytes sent", "ms"];

type Row = [String; 7];

/// Makes a row for each finding, with the cost of a computation in its first.
pub(super) fn render(steps: &[Step]) -> String {
    let mut rows = vec![TITLES.map(str::to_owned)];
    for step in steps {
        let cost = &step.report.cost;
        let mut cost = [
            cost.rounds.to_string(),
            cost.bytes_sent.to_string(),
            format!("{:.1}", cost.seconds * 1e3),
        ];
        for finding in &step.findings {
            rows.push(row(finding, cost));
            cost = Default::default();
        }
    }
    let widths = widths(&rows);
    rows.iter().map(|row| line(row, &widths)).collect()
}

fn row(finding: &Finding, [rounds, bytes, milliseconds]: [String; 3]) -> Row {
    let joint = finding.joint.map_or("withheld".to_owned(), |joint| joint.to_string());
    let difference = match finding.difference() {
        None => String::new(),
        Some(0.0) => "0".to_owned(),
        Some(difference) => format!("{difference:.1e}"),
    };
    let plaintext = finding.plaintext.to_string();
    [finding.what.clone(), joint, plaintext, difference, rounds, bytes, milliseconds]
}

fn widths(rows: &[Row]) -> [usize; 7] {
    let mut widths = [0; 7];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    widths
}

/// Writes a row: text to the left, numbers to the right.
fn line(row: &Row, widths: &[usize; 7]) -> String {
    let mut cells = row.iter().zip(widths);
    let mut line = match cells.next() {
        Some((what, width)) => format!("{what:width$}"),
        None => String::new(),
    };
    for (cell, width) in cells {
        line.push_str(&format!("  {cell:>width$}"));
    }
    line.push('\n');
    line
}
