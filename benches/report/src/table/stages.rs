//! The table of both stages of lines with preparation.

use crate::measurement::{Line, Stage, StageCost};
use crate::numbers::nearest;
use crate::table::grid::Column;
use crate::table::label;
use crate::units;

/// Makes two rows for each line with preparation, or returns `None` if there is none.
pub(crate) fn columns(lines: &[Line]) -> Option<Vec<Column>> {
    let rows: Vec<_> = lines.iter().flat_map(rows).collect();
    if rows.is_empty() {
        return None;
    }
    Some(vec![
        Column::words("case", "", &rows, |row| row.name.clone()),
        Column::words("stage", "", &rows, |row| row.stage.word().to_owned()),
        Column::numbers("rounds", "", &rows, |row| row.cost.rounds.to_string()),
        Column::numbers("depth", "", &rows, |row| row.cost.depth.to_string()),
        Column::numbers("mes-", "sages", &rows, |row| row.cost.messages.to_string()),
        Column::numbers("sent by", "all nodes", &rows, |row| units::bytes(nearest(row.cost.bytes))),
        Column::numbers("median", "", &rows, |row| units::seconds(row.cost.seconds.median)),
        Column::numbers("p95", "", &rows, |row| units::seconds(row.cost.seconds.p95)),
    ])
}

/// A stage of a line.
struct Row {
    /// The case, in the first row of a line only.
    name: String,
    stage: Stage,
    cost: StageCost,
}

fn rows(line: &Line) -> Vec<Row> {
    let Some(stages) = line.stages else { return Vec::new() };
    vec![
        Row { name: label(&line.case), stage: Stage::Preparation, cost: stages.preparation },
        Row { name: String::new(), stage: Stage::Online, cost: stages.online },
    ]
}
