//! One row for each line.

use crate::measurement::{Case, Line, Machine, Measurement, Skipped};
use crate::table::grid::{self, Column, Side};
use crate::table::limits::limits;
use crate::units::{self, ABSENT};

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
    if !measurement.skipped.is_empty() {
        parts.push(skipped(&measurement.skipped));
    }
    parts.join("\n")
}

/// The lines as a Markdown table: what a reader of a README asks for.
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
    grid::markdown(&columns)
}

/// When and where it was measured.
fn origin(measurement: &Measurement) -> String {
    let Measurement { program, started, machine, complete, .. } = measurement;
    let interrupted =
        if *complete { "" } else { "Interrupted: not all that was asked for is here.\n" };
    let [when, place] = [format!("{program}, {started}"), place(machine)];
    format!("{}\n{}\n{interrupted}", grid::one_line(&when), grid::one_line(&place))
}

/// The machine in one line.
pub(crate) fn place(machine: &Machine) -> String {
    let Machine { processor, processors, system } = machine;
    let processors = match processors {
        1 => "1 processor".to_owned(),
        more => format!("{more} processors"),
    };
    format!("{processor}, {processors}, {system}")
}

fn rows(lines: &[Line]) -> String {
    let (common, columns) = columns(lines);
    let rows = if are_families(lines) { families(columns, lines) } else { grid::text(&columns) };
    let common: Vec<_> = common.iter().map(stated).collect();
    if common.is_empty() {
        return rows;
    }
    format!("In all lines: {}\n\n{rows}", common.join(", "))
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

/// What is the same in all lines, and the columns of what is not.
pub(crate) fn columns(lines: &[Line]) -> (Vec<Column>, Vec<Column>) {
    let cases: Vec<_> = lines.iter().map(|line| &line.case).collect();
    let (common, mut columns) = split(identity(&cases));
    columns.extend(costs(lines));
    (common, columns)
}

/// What identifies a line.
fn identity(cases: &[&Case]) -> Vec<Column> {
    let column = |of: fn(&Case) -> String| cases.iter().map(|case| of(case)).collect::<Vec<_>>();
    vec![
        Column::words("function", "", column(|case| case.function.clone())),
        Column::words("suite", "", column(|case| case.suite.clone())),
        Column::words("profile", "", column(|case| case.profile.clone())),
        Column::numbers("par-", "ties", column(parties)),
        Column::numbers("size", "", column(size)),
        Column::words("link", "", column(|case| case.link.name.clone())),
        Column::words("way", "", column(|case| case.way.word().to_owned())),
    ]
}

/// The columns whose cells are all the same, and the others. What was computed on what always stays.
fn split(columns: Vec<Column>) -> (Vec<Column>, Vec<Column>) {
    columns.into_iter().partition(|column| {
        let [head, _] = &column.heads;
        let stays = head == "function" || head == "size";
        let same = column.cells.windows(2).all(|pair| pair.first() == pair.last());
        !stays && same && column.cells.len() > 1
    })
}

/// A column of one text: `link wan`.
pub(crate) fn stated(column: &Column) -> String {
    format!("{} {}", column.head(), column.cells.first().map_or("", String::as_str))
}

/// What a line cost.
fn costs(lines: &[Line]) -> Vec<Column> {
    let mut columns = vec![
        numbers(lines, "rounds", "", |line| line.rounds.to_string()),
        numbers(lines, "depth", "", |line| line.depth.to_string()),
        numbers(lines, "mes-", "sages", |line| line.messages.to_string()),
        numbers(lines, "sent", "a node", bytes_sent),
        numbers(lines, "received", "a node", |line| {
            units::maybe_bytes(line.most(|node| Some(node.bytes_received)))
        }),
        numbers(lines, "median", "", |line| units::seconds(line.seconds.median)),
        numbers(lines, "p95", "", |line| units::seconds(line.seconds.p95)),
        numbers(lines, "arith-", "metic", |line| {
            units::maybe_seconds(line.most(|node| Some(node.arithmetic)))
        }),
        numbers(lines, "waiting", "", |line| {
            units::maybe_seconds(line.most(|node| Some(node.waiting)))
        }),
        numbers(lines, "seriali-", "sation", |line| {
            units::maybe_seconds(line.most(|node| node.serialisation))
        }),
        numbers(lines, "through-", "put", |line| rate(line, "")),
        numbers(lines, "peak", "memory", |line| {
            units::maybe_bytes(line.most(|node| node.peak_memory))
        }),
        Column::words("nearest", "bound", lines.iter().map(nearest).collect()),
    ];
    columns.retain(|column| column.cells.iter().any(|cell| cell != ABSENT));
    columns
}

fn numbers(lines: &[Line], upper: &str, lower: &str, of: impl Fn(&Line) -> String) -> Column {
    Column::numbers(upper, lower, lines.iter().map(of).collect())
}

/// Those who bring data, and the helpers where there are any: `2 + 1`.
pub(crate) fn parties(case: &Case) -> String {
    match case.helpers {
        0 => case.parties.to_string(),
        helpers => format!("{} + {helpers}", case.parties),
    }
}

/// How large one party's data are: `10 k rows`.
pub(crate) fn size(case: &Case) -> String {
    format!("{} {}", units::exact(case.size), case.unit)
}

/// The throughput with its unit: `27.0 M rows/s`.
pub(crate) fn throughput(line: &Line) -> String {
    rate(line, &line.case.unit)
}

/// The throughput; absent where it is no number above zero.
fn rate(line: &Line, unit: &str) -> String {
    if line.throughput > 0.0 { units::rate(line.throughput, unit) } else { ABSENT.to_owned() }
}

/// The nearest bound, and how many times longer the computation took: `link 1.31×`.
pub(crate) fn nearest(line: &Line) -> String {
    let nearest = line.nearest();
    nearest.map_or_else(
        || ABSENT.to_owned(),
        |bound| format!("{} {}", bound.name, units::times(bound.ratio(line))),
    )
}

fn bytes_sent(line: &Line) -> String {
    units::maybe_bytes(line.most(|node| Some(node.bytes_sent)))
}

/// What was not measured, with the reasons.
fn skipped(skipped: &[Skipped]) -> String {
    format!("Not measured:\n\n{}", grid::text(&reasons(skipped)))
}

/// What was not measured, and why.
pub(crate) fn reasons(skipped: &[Skipped]) -> Vec<Column> {
    let cases: Vec<_> = skipped.iter().map(|skipped| &skipped.case).collect();
    let mut columns = identity(&cases);
    let reasons = skipped.iter().map(|skipped| skipped.reason.clone()).collect();
    columns.push(Column::words("why not", "", reasons));
    columns
}

#[cfg(test)]
#[path = "lines_tests.rs"]
mod tests;
