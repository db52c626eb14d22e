//! A comparison for a terminal.

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
    let numbers = |upper, lower, of: fn(&Row) -> String| {
        Column::numbers(upper, lower, rows.iter().map(of).collect())
    };
    grid::text(&[
        Column::words("case", "", rows.iter().map(|row| label(&row.case)).collect()),
        numbers("rounds", "", |row| times(&row.rounds)),
        numbers("depth", "", |row| times(&row.depth)),
        numbers("bytes", "", |row| times(&row.bytes)),
        numbers("messages", "", |row| times(&row.messages)),
        numbers("median", "old", |row| units::seconds(row.seconds.old)),
        numbers("median", "new", |row| units::seconds(row.seconds.new)),
        numbers("median", "", |row| times(&row.seconds)),
        numbers("of the", "bound, old", |row| share(row.nearness.map(|share| share.old))),
        numbers("of the", "bound, new", |row| share(row.nearness.map(|share| share.new))),
        Column::words("worse in", "", rows.iter().map(worse).collect()),
    ])
}

/// Two rows for each case with preparation in either measurement; nothing if there is none.
fn stages_text(rows: &[Row]) -> Option<String> {
    let rows: Vec<_> = rows.iter().flat_map(stages).collect();
    let numbers = |upper, lower, of: fn(&StageChange) -> String| {
        Column::numbers(upper, lower, rows.iter().map(|(_, _, change)| of(change)).collect())
    };
    let text = || {
        grid::text(&[
            Column::words("case", "", rows.iter().map(|(name, ..)| name.clone()).collect()),
            Column::words("stage", "", rows.iter().map(|row| row.1.word().to_owned()).collect()),
            numbers("rounds", "", |change| times(&change.rounds)),
            numbers("depth", "", |change| times(&change.depth)),
            numbers("bytes", "", |change| times(&change.bytes)),
            numbers("messages", "", |change| times(&change.messages)),
            numbers("median", "old", |change| units::seconds(change.seconds.old)),
            numbers("median", "new", |change| units::seconds(change.seconds.new)),
            numbers("median", "", |change| times(&change.seconds)),
        ])
    };
    (!rows.is_empty()).then(text)
}

/// The stages of a case, which is named in the first row only.
fn stages(row: &Row) -> Vec<(String, Stage, StageChange)> {
    let Some(stages) = row.stages else { return Vec::new() };
    vec![
        (label(&row.case), Stage::Preparation, stages.preparation),
        (String::new(), Stage::Online, stages.online),
    ]
}

/// The ratio; `=` where nothing changed, so that what did stands out.
fn times(change: &Change) -> String {
    if change.old == change.new { "=".to_owned() } else { ratio(change) }
}

fn ratio(change: &Change) -> String {
    change.ratio().map_or_else(|| ABSENT.to_owned(), units::times)
}

fn share(share: Option<f64>) -> String {
    share.map_or_else(|| ABSENT.to_owned(), |share| format!("{:.1} %", share * 100.0))
}

fn worse(row: &Row) -> String {
    let words: Vec<_> = row.worse.iter().map(|worse| word(*worse)).collect();
    words.join(", ")
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
    let names: Vec<_> = cases.iter().map(|case| format!("  {}\n", label(case))).collect();
    (!names.is_empty()).then(|| format!("{title}\n{}", names.concat()))
}
