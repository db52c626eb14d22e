//! The columns of a table of lines.

use crate::measurement::{Case, Line, Skipped};
use crate::table::grid::Column;
use crate::units::{self, ABSENT};

/// Returns the columns that are equal in all lines, and the others.
pub(crate) fn columns(lines: &[Line]) -> (Vec<Column>, Vec<Column>) {
    let cases: Vec<_> = lines.iter().map(|line| &line.case).collect();
    let (common, mut columns) = split(identity(&cases));
    columns.extend(costs(lines));
    (common, columns)
}

/// Makes the columns that identify a line.
pub(super) fn identity(cases: &[&Case]) -> Vec<Column> {
    vec![
        Column::words("function", "", cases, |case| case.function.clone()),
        Column::words("suite", "", cases, |case| case.suite.clone()),
        Column::words("profile", "", cases, |case| case.profile.clone()),
        Column::numbers("par-", "ties", cases, |case| parties(case)),
        Column::numbers("size", "", cases, |case| size(case)),
        Column::words("link", "", cases, |case| case.link.name.clone()),
        Column::words("way", "", cases, |case| case.way.word().to_owned()),
    ]
}

/// Splits off the columns whose cells are all equal. Function and size always stay in the table.
fn split(columns: Vec<Column>) -> (Vec<Column>, Vec<Column>) {
    columns.into_iter().partition(|column| {
        let [head, _] = &column.heads;
        let stays = head == "function" || head == "size";
        let same = column.cells.windows(2).all(|pair| pair.first() == pair.last());
        !stays && same && column.cells.len() > 1
    })
}

/// Writes a column of one text: `link wan`.
pub(crate) fn stated(column: &Column) -> String {
    format!("{} {}", column.head(), column.cells.first().map_or("", String::as_str))
}

/// Makes the columns of costs, without those of no values.
fn costs(lines: &[Line]) -> Vec<Column> {
    let mut columns = vec![
        Column::numbers("rounds", "", lines, |line| line.rounds.to_string()),
        Column::numbers("depth", "", lines, |line| line.depth.to_string()),
        Column::numbers("mes-", "sages", lines, |line| line.messages.to_string()),
        Column::numbers("sent", "a node", lines, bytes_sent),
        Column::numbers("received", "a node", lines, |line| {
            units::maybe_bytes(line.most(|node| Some(node.bytes_received)))
        }),
        Column::numbers("median", "", lines, |line| units::seconds(line.seconds.median)),
        Column::numbers("p95", "", lines, |line| units::seconds(line.seconds.p95)),
        Column::numbers("encod-", "ing", lines, |line| {
            units::maybe_seconds(line.most(|node| Some(node.encoding)))
        }),
        Column::numbers("arith-", "metic", lines, |line| {
            units::maybe_seconds(line.most(|node| Some(node.arithmetic)))
        }),
        Column::numbers("waiting", "", lines, |line| {
            units::maybe_seconds(line.most(|node| Some(node.waiting)))
        }),
        Column::numbers("seriali-", "sation", lines, |line| {
            units::maybe_seconds(line.most(|node| node.serialisation))
        }),
        Column::numbers("through-", "put", lines, |line| rate(line, "")),
        Column::numbers("peak", "memory", lines, |line| {
            units::maybe_bytes(line.most(|node| node.peak_memory))
        }),
        Column::words("nearest", "bound", lines, nearest),
    ];
    columns.retain(|column| column.cells.iter().any(|cell| cell != ABSENT));
    columns
}

/// Writes the number of parties with data, and of helpers if there are any: `2 + 1`.
pub(crate) fn parties(case: &Case) -> String {
    match case.helpers {
        0 => case.parties.to_string(),
        helpers => format!("{} + {helpers}", case.parties),
    }
}

/// Writes the size of one party's data: `10 k rows`.
pub(crate) fn size(case: &Case) -> String {
    format!("{} {}", units::exact(case.size), case.unit)
}

/// Writes the throughput with its unit: `27.0 M rows/s`.
pub(crate) fn throughput(line: &Line) -> String {
    rate(line, &line.case.unit)
}

/// Writes the throughput, which is absent unless it is above zero.
fn rate(line: &Line, unit: &str) -> String {
    if line.throughput > 0.0 { units::rate(line.throughput, unit) } else { ABSENT.to_owned() }
}

/// Writes the nearest bound, and the ratio of the median to it: `link 1.31×`.
pub(crate) fn nearest(line: &Line) -> String {
    match line.nearest() {
        Some(bound) => format!("{} {}", bound.name, units::times(bound.ratio(line))),
        None => ABSENT.to_owned(),
    }
}

pub(super) fn bytes_sent(line: &Line) -> String {
    units::maybe_bytes(line.most(|node| Some(node.bytes_sent)))
}

/// Shortens a reason to its beginning, for which a row has space.
fn in_short(reason: &str) -> String {
    const LONGEST: usize = 90;
    let mut words = reason.split_whitespace();
    let mut short = words.next().unwrap_or_default().to_owned();
    for word in words {
        if short.chars().count() + word.chars().count() > LONGEST {
            return short + " …";
        }
        short = short + " " + word;
    }
    short
}

/// Makes the columns of the cases that were not measured, with the reasons.
pub(crate) fn reasons(skipped: &[Skipped]) -> Vec<Column> {
    let cases: Vec<_> = skipped.iter().map(|skipped| &skipped.case).collect();
    let mut columns = identity(&cases);
    columns.push(Column::words("why not", "", skipped, |skipped| in_short(&skipped.reason)));
    columns
}
