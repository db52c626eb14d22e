//! The text of a comparison, for a terminal.

use crate::compare::{Change, Comparison, Row, StageChange, Worse};
use crate::measurement::{Case, Stage};
use crate::table::grid::{self, Column};
use crate::table::label;
use crate::units::{self, ABSENT};

pub(super) fn table(comparison: &Comparison) -> String {
    let Comparison { rows, missing, added, lost } = comparison;
    let mut parts = vec![rows_text(rows)];
    parts.extend(stages_text(rows));
    parts.extend(list("Could not be measured any more, which is worse:", lost));
    parts.extend(list("Only in the old measurement:", missing));
    parts.extend(list("Only in the new measurement:", added));
    parts.join("\n")
}

fn rows_text(rows: &[Row]) -> String {
    if rows.is_empty() {
        return "No case is in both measurements.\n".to_owned();
    }
    grid::text(&[
        Column::words("case", "", rows, |row| label(&row.case)),
        Column::numbers("rounds", "", rows, |row| times(&row.rounds)),
        Column::numbers("depth", "", rows, |row| times(&row.depth)),
        Column::numbers("bytes", "", rows, |row| times(&row.bytes)),
        Column::numbers("messages", "", rows, |row| times(&row.messages)),
        Column::numbers("median", "old", rows, |row| units::seconds(row.seconds.old)),
        Column::numbers("median", "new", rows, |row| units::seconds(row.seconds.new)),
        Column::numbers("median", "", rows, |row| times(&row.seconds)),
        Column::numbers("of the", "bound, old", rows, |row| percent(row.nearness.map(|of| of.old))),
        Column::numbers("of the", "bound, new", rows, |row| percent(row.nearness.map(|of| of.new))),
        Column::words("worse in", "", rows, worse),
    ])
}

/// Writes two rows for each case with preparation, or returns `None` if there is none.
fn stages_text(rows: &[Row]) -> Option<String> {
    let rows: Vec<_> = rows.iter().flat_map(stages).collect();
    if rows.is_empty() {
        return None;
    }
    Some(grid::text(&[
        Column::words("case", "", &rows, |row| row.name.clone()),
        Column::words("stage", "", &rows, |row| row.stage.word().to_owned()),
        Column::numbers("rounds", "", &rows, |row| times(&row.change.rounds)),
        Column::numbers("depth", "", &rows, |row| times(&row.change.depth)),
        Column::numbers("bytes", "", &rows, |row| times(&row.change.bytes)),
        Column::numbers("messages", "", &rows, |row| times(&row.change.messages)),
        Column::numbers("median", "old", &rows, |row| units::seconds(row.change.seconds.old)),
        Column::numbers("median", "new", &rows, |row| units::seconds(row.change.seconds.new)),
        Column::numbers("median", "", &rows, |row| times(&row.change.seconds)),
    ]))
}

/// A stage of a case.
struct StageRow {
    /// The case, in its first row only.
    name: String,
    stage: Stage,
    change: StageChange,
}

fn stages(row: &Row) -> Vec<StageRow> {
    let Some(stages) = row.stages else { return Vec::new() };
    let name = label(&row.case);
    vec![
        StageRow { name, stage: Stage::Preparation, change: stages.preparation },
        StageRow { name: String::new(), stage: Stage::Online, change: stages.online },
    ]
}

/// Writes the ratio, or `=` for no change, so that changes stand out.
fn times(change: &Change) -> String {
    if change.old == change.new { "=".to_owned() } else { ratio(change) }
}

fn ratio(change: &Change) -> String {
    change.ratio().map_or_else(|| ABSENT.to_owned(), units::times)
}

fn percent(fraction: Option<f64>) -> String {
    fraction.map_or_else(|| ABSENT.to_owned(), |fraction| format!("{:.1} %", fraction * 100.0))
}

fn worse(row: &Row) -> String {
    row.worse.iter().map(|worse| word(*worse)).collect::<Vec<_>>().join(", ")
}

fn word(worse: Worse) -> &'static str {
    match worse {
        Worse::Rounds => "rounds",
        Worse::Depth => "depth",
        Worse::Bytes => "bytes",
        Worse::OnlineRounds => "rounds online",
        Worse::OnlineDepth => "depth online",
        Worse::OnlineBytes => "bytes online",
        Worse::Nearness => "nearness to the bound",
    }
}

fn list(title: &str, cases: &[Case]) -> Option<String> {
    if cases.is_empty() {
        return None;
    }
    let names: String = cases.iter().map(|case| format!("  {}\n", label(case))).collect();
    Some(format!("{title}\n{names}"))
}
