//! The columns of a table of lines: what is told of a line, and in which words.

use crate::measurement::{Case, Line, Skipped};
use crate::table::grid::Column;
use crate::units::{self, ABSENT};

/// What is the same in all lines, and the columns of what is not.
pub(crate) fn columns(lines: &[Line]) -> (Vec<Column>, Vec<Column>) {
    let cases: Vec<_> = lines.iter().map(|line| &line.case).collect();
    let (common, mut columns) = split(identity(&cases));
    columns.extend(costs(lines));
    (common, columns)
}

/// What identifies a line.
pub(super) fn identity(cases: &[&Case]) -> Vec<Column> {
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
        numbers(lines, "encod-", "ing", |line| {
            units::maybe_seconds(line.most(|node| Some(node.encoding)))
        }),
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

pub(super) fn numbers(
    lines: &[Line],
    upper: &str,
    lower: &str,
    of: impl Fn(&Line) -> String,
) -> Column {
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

pub(super) fn bytes_sent(line: &Line) -> String {
    units::maybe_bytes(line.most(|node| Some(node.bytes_sent)))
}

/// A reason may go on for lines; a row has space for the beginning.
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

/// What was not measured, and why.
pub(crate) fn reasons(skipped: &[Skipped]) -> Vec<Column> {
    let cases: Vec<_> = skipped.iter().map(|skipped| &skipped.case).collect();
    let mut columns = identity(&cases);
    let reasons = skipped.iter().map(|skipped| in_short(&skipped.reason)).collect();
    columns.push(Column::words("why not", "", reasons));
    columns
}
