//! Lines of which a part was preparation, in their stages.

use crate::measurement::{Line, Stage, StageCost};
use crate::numbers::nearest;
use crate::table::grid::Column;
use crate::table::label;
use crate::units;

/// Two rows for each line of which a part was preparation; nothing if there is none.
pub(crate) fn columns(lines: &[Line]) -> Option<Vec<Column>> {
    let rows: Vec<_> = lines.iter().flat_map(rows).collect();
    let words =
        |head, of: fn(&Row) -> String| Column::words(head, "", rows.iter().map(of).collect());
    let numbers = |upper, lower, of: fn(&StageCost) -> String| {
        Column::numbers(upper, lower, rows.iter().map(|row| of(&row.cost)).collect())
    };
    let columns = || {
        vec![
            words("case", |row| row.name.clone()),
            words("stage", |row| row.stage.word().to_owned()),
            numbers("rounds", "", |cost| cost.rounds.to_string()),
            numbers("depth", "", |cost| cost.depth.to_string()),
            numbers("mes-", "sages", |cost| cost.messages.to_string()),
            numbers("sent by", "all nodes", |cost| units::bytes(nearest(cost.bytes))),
            numbers("median", "", |cost| units::seconds(cost.seconds.median)),
            numbers("p95", "", |cost| units::seconds(cost.seconds.p95)),
        ]
    };
    (!rows.is_empty()).then(columns)
}

/// A stage of a line.
struct Row {
    /// The case, in the first row of a line only.
    name: String,
    stage: Stage,
    cost: StageCost,
}

fn rows(line: &Line) -> impl Iterator<Item = Row> {
    let row = |stage, cost| {
        let name = if stage == Stage::Preparation { label(&line.case) } else { String::new() };
        Row { name, stage, cost }
    };
    let stages = line.stages.into_iter();
    stages.flat_map(move |stages| Stage::ALL.map(|stage| row(stage, stages.of(stage))))
}
