//! The table of the rounds of one line, with their costs at every node.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use crate::measurement::{Line, NodeCost, Round, Stage};
use crate::numbers::nearest;
use crate::runs::titled;
use crate::table::grid::{self, Column};
use crate::table::label;
use crate::units::{self, ABSENT};

/// Writes one row for each round: its name, and for every node the bytes sent, the arithmetic and
/// the waiting. The stage is a column if any round is preparation.
///
/// Consecutive rounds of the same name and stage are one row, with their number.
#[must_use]
pub fn trace(line: &Line) -> String {
    let title = format!("{}: {}\n", label(&line.case), units::seconds(line.seconds.median));
    let rows = folded(&order(&line.nodes));
    if rows.is_empty() {
        return format!("{title}\nNo node told its rounds.\n");
    }
    format!("{title}\n{}", grid::text(&columns(&line.nodes, &rows)))
}

/// One round: its stage, its name, and its number among rounds of both. This aligns the rounds of
/// different nodes, even if a node lacks rounds of another.
type Step<'line> = (Stage, &'line str, usize);

/// The rounds of one node.
type Steps<'line> = BTreeMap<Step<'line>, &'line Round>;

fn columns(nodes: &[NodeCost], rows: &[Vec<Step<'_>>]) -> Vec<Column> {
    let mut columns = vec![Column::words("", "round", rows, |row| {
        titled(row.first().map_or("", |step| step.1), row.len())
    })];
    if nodes.iter().any(NodeCost::prepares) {
        columns.push(Column::words("", "stage", rows, |row| {
            row.first().map_or("", |step| step.0.word()).to_owned()
        }));
    }
    for node in nodes {
        let steps: Steps<'_> = counted(&node.trace).collect();
        let rounds: Vec<_> = rows.iter().map(|row| rounds_in(row, &steps)).collect();
        columns.extend([
            Column::numbers(&node.name, "sent", &rounds, |rounds| sent(rounds)),
            Column::numbers("", "compute", &rounds, |rounds| arithmetic(rounds)),
            Column::numbers("", "wait", &rounds, |rounds| waiting(rounds)),
        ]);
    }
    columns
}

/// Orders the steps of all nodes: those of the node with the most rounds, then those of others
/// only.
fn order(nodes: &[NodeCost]) -> Vec<Step<'_>> {
    let mut nodes: Vec<_> = nodes.iter().collect();
    nodes.sort_by_key(|node| Reverse(node.trace.len()));
    let mut known = BTreeSet::new();
    let mut steps = Vec::new();
    for node in nodes {
        for (step, _) in counted(&node.trace) {
            if known.insert(step) {
                steps.push(step);
            }
        }
    }
    steps
}

/// Groups consecutive steps of the same name and stage.
fn folded<'line>(steps: &[Step<'line>]) -> Vec<Vec<Step<'line>>> {
    steps.chunk_by(|one, next| (one.0, one.1) == (next.0, next.1)).map(<[_]>::to_vec).collect()
}

fn counted(trace: &[Round]) -> impl Iterator<Item = (Step<'_>, &Round)> {
    let mut counts = BTreeMap::<(Stage, &str), usize>::new();
    trace.iter().map(move |round| {
        let (stage, name) = (round.stage, round.name.as_str());
        let count = counts.entry((stage, name)).or_default();
        *count += 1;
        ((stage, name, *count), round)
    })
}

/// Returns the rounds of a node that belong to a row.
fn rounds_in<'line>(row: &[Step<'line>], steps: &Steps<'line>) -> Vec<&'line Round> {
    row.iter().filter_map(|step| steps.get(step).copied()).collect()
}

fn sent(rounds: &[&Round]) -> String {
    let sum = rounds.iter().map(|round| round.bytes_sent).sum();
    present(rounds, units::bytes(nearest(sum)))
}

fn arithmetic(rounds: &[&Round]) -> String {
    present(rounds, units::seconds(rounds.iter().map(|round| round.arithmetic).sum()))
}

fn waiting(rounds: &[&Round]) -> String {
    present(rounds, units::seconds(rounds.iter().map(|round| round.waiting()).sum()))
}

/// Writes a sum, which is absent for a node without these rounds.
fn present(rounds: &[&Round], sum: String) -> String {
    if rounds.is_empty() { ABSENT.to_owned() } else { sum }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measurement::Way;
    use crate::testing;

    fn line() -> Line {
        testing::line("mean", Way::Real, testing::loopback())
    }

    fn row<'text>(text: &'text str, name: &str) -> Vec<&'text str> {
        let row = text.lines().find(|row| row.starts_with(name)).unwrap();
        row.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect()
    }

    #[test]
    fn rounds_of_a_name_after_one_another_are_one_row() {
        let text = trace(&line());
        let share = ["share", "350 kB", "600 µs", "1.10 ms", "350 kB", "600 µs", "1.10 ms"];
        assert_eq!(row(&text, "share"), share);
        let compare =
            ["compare × 2", "700 kB", "1.20 ms", "2.20 ms", "700 kB", "1.20 ms", "2.20 ms"];
        assert_eq!(row(&text, "compare"), compare);
        assert_eq!(text.lines().filter(|row| row.starts_with("compare")).count(), 1);
    }

    #[test]
    fn the_stage_of_rounds_is_told_where_any_is_preparation() {
        assert!(!trace(&line()).contains("stage"));
        let mut line = line();
        for node in &mut line.nodes {
            node.trace[2].stage = Stage::Preparation;
        }
        let text = trace(&line);
        assert_eq!(row(&text, "share")[..3], ["share", "online", "350 kB"]);
        let compare: Vec<_> = text.lines().filter(|row| row.starts_with("compare")).collect();
        assert_eq!(row(compare[0], "compare")[..3], ["compare", "preparation", "350 kB"]);
        assert_eq!(row(compare[1], "compare")[..3], ["compare", "online", "350 kB"]);
    }

    #[test]
    fn rounds_that_one_node_has_not_are_absent_there() {
        let mut line = line();
        line.nodes[0].trace.remove(1);
        line.nodes[1].trace.pop();
        let text = trace(&line);
        assert_eq!(row(&text, "share")[1..5], [ABSENT, ABSENT, ABSENT, "350 kB"]);
        let compare = row(&text, "compare × 2");
        assert_eq!((compare[1], compare[4]), ("700 kB", "350 kB"));
    }

    #[test]
    fn rounds_of_a_name_with_others_between_stay_apart() {
        let mut line = line();
        line.nodes[0].trace.swap(1, 2);
        line.nodes.truncate(1);
        let text = trace(&line);
        assert_eq!(text.lines().filter(|row| row.starts_with("compare")).count(), 2);
    }

    #[test]
    fn a_line_without_traces_says_so() {
        let line = Line { nodes: Vec::new(), ..line() };
        assert!(trace(&line).contains("No node told its rounds"));
    }

    #[test]
    fn what_is_no_number_is_absent() {
        for line in testing::hollow().lines {
            let text = trace(&line);
            assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
        }
    }
}
