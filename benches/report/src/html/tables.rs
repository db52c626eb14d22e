//! The tables of the page.

use crate::cases::groups;
use crate::html::{section, time_bar};
use crate::markup::Element;
use crate::measurement::{Limits, Line, Skipped, Way};
use crate::numbers::ratio;
use crate::table::grid::{Column, Side};
use crate::table::{columns as rows, label_but_way, limits as measured, stages as staged};
use crate::units::{self, ABSENT};

/// The explanation of the table of lines.
const HOW_LINES: &str = "One row for each computation, in the order of measuring. Where nodes differ, \
    the most of any stands here. Depth is the longest chain of messages in which each waits for the one \
    before. The bar is the slowest node’s time: solid for arithmetic, hatched for waiting, plain for \
    what else it did. The nearest bound is what of all that was measured beside it takes longest \
    alone, with how many times longer the computation took.";

const HOW_LIMITS: &str = "What links, and one processor beside them, can do at best: a message of 64 \
    bytes to and fro, and bytes one way, over one mutual-TLS connection; AES-128 in counter mode.";

/// The explanation of the table of both stages.
const HOW_STAGES: &str = "Preparation makes correlated randomness, which depends on no party’s data: it \
    can be done before there are any. Times are those of the node that ended last: in rounds of \
    preparation, and in the rest of the run, agreement and encoding included. Messages and bytes are \
    those of all nodes.";

const HOW_BESIDE: &str = "The same computations by nodes over links and in virtual time. Where the times \
    differ, the difference is what the simulation leaves out: frames, TLS, the system’s calls, and \
    processors that nodes share.";

/// Makes the table of the best results that the machine can reach.
pub(super) fn limits(limits: &[Limits]) -> Option<Element> {
    if limits.is_empty() {
        return None;
    }
    Some(section("Limits", HOW_LIMITS).child(table(cells(&measured::columns(limits)))))
}

/// Makes the table of lines, one row for each.
pub(super) fn lines(lines: &[Line]) -> Option<Element> {
    if lines.is_empty() {
        return None;
    }
    let (common, columns) = rows::columns(lines);
    let mut cells = cells(&columns);
    // The bar stands beside the times that it shows.
    let place = columns.iter().position(|column| column.head() == "arithmetic");
    let bars = Cells::drawn("where it goes", lines.iter().map(time_bar::bar));
    cells.insert(place.unwrap_or(columns.len()), bars);
    Some(section("Computations", HOW_LINES).children(stated(&common)).child(table(cells)))
}

/// Makes the table of both stages, two rows for each line with preparation.
pub(super) fn stages(lines: &[Line]) -> Option<Element> {
    let columns = staged::columns(lines)?;
    Some(section("Preparation and online", HOW_STAGES).child(table(cells(&columns))))
}

/// Makes the table of cases that were run by nodes and in virtual time.
pub(super) fn beside(lines: &[Line]) -> Option<Element> {
    let pairs: Vec<_> = groups(lines).iter().filter_map(|group| pair(group)).collect();
    if pairs.is_empty() {
        return None;
    }
    let columns = [
        Column::words("case", "", &pairs, |pair| label_but_way(&pair.real.case)),
        Column::words("way", "", &pairs, |pair| pair.real.case.way.word().to_owned()),
        Column::numbers("rounds", "", &pairs, rounds),
        Column::numbers("median", "", &pairs, |pair| units::seconds(pair.real.seconds.median)),
        Column::numbers("simulated", "", &pairs, |pair| {
            units::seconds(pair.simulated.seconds.median)
        }),
        Column::numbers("ratio", "", &pairs, times_longer),
    ];
    Some(section("Real beside simulated", HOW_BESIDE).child(table(cells(&columns))))
}

/// Makes the table of the cases that were not measured, with the reasons.
pub(super) fn skipped(skipped: &[Skipped]) -> Option<Element> {
    if skipped.is_empty() {
        return None;
    }
    let how = "What was asked for and left out.";
    Some(section("Not measured", how).child(table(cells(&rows::reasons(skipped)))))
}

/// A case run by nodes, and in virtual time.
struct Pair<'lines> {
    real: &'lines Line,
    simulated: &'lines Line,
}

fn pair<'lines>(group: &[&'lines Line]) -> Option<Pair<'lines>> {
    let simulated = group.iter().find(|line| line.case.way == Way::Simulated)?;
    let real = group.iter().find(|line| line.case.way != Way::Simulated)?;
    Some(Pair { real, simulated })
}

/// Writes the number of rounds, or both numbers if they differ, which they should not.
fn rounds(pair: &Pair<'_>) -> String {
    match (pair.real.rounds, pair.simulated.rounds) {
        (real, simulated) if real == simulated => real.to_string(),
        (real, simulated) => format!("{real}, {simulated}"),
    }
}

fn times_longer(pair: &Pair<'_>) -> String {
    let ratio = ratio(pair.simulated.seconds.median, pair.real.seconds.median);
    ratio.map_or_else(|| ABSENT.to_owned(), units::times)
}

/// Writes the values that are equal in all lines.
fn stated(common: &[Column]) -> Option<Element> {
    if common.is_empty() {
        return None;
    }
    let common: Vec<_> = common.iter().map(rows::stated).collect();
    Some(Element::of("p", "how").text(format!("In all lines: {}.", common.join(", "))))
}

/// A column of the page: its head, and its cells from top to bottom.
struct Cells {
    head: String,
    class: &'static str,
    cells: Vec<Element>,
}

impl Cells {
    fn drawn(head: &str, drawings: impl Iterator<Item = Element>) -> Self {
        let cells = drawings.map(|drawing| Element::new("td").child(drawing)).collect();
        Self { head: head.to_owned(), class: "words", cells }
    }
}

fn cells(columns: &[Column]) -> Vec<Cells> {
    columns.iter().map(written).collect()
}

fn written(column: &Column) -> Cells {
    let class = match column.side {
        Side::Left => "words",
        Side::Right => "number",
    };
    let mut cells = Vec::new();
    let mut above = None;
    for text in &column.cells {
        // A repeated text is paler, so that a new one stands out.
        let again = if above == Some(text) { " again" } else { "" };
        cells.push(Element::of("td", &format!("{class}{again}")).text(text.as_str()));
        above = Some(text);
    }
    Cells { head: column.soft_head(), class, cells }
}

/// Makes a table of columns, which scrolls if it is wider than the page.
fn table(columns: Vec<Cells>) -> Element {
    let heads = Element::new("tr").children(columns.iter().map(|column| {
        Element::of("th", column.class).with("scope", "col").text(column.head.as_str())
    }));
    let height = columns.iter().map(|column| column.cells.len()).max().unwrap_or(0);
    let mut columns: Vec<_> = columns.into_iter().map(|column| column.cells.into_iter()).collect();
    let rows = (0..height)
        .map(|_| Element::new("tr").children(columns.iter_mut().filter_map(Iterator::next)));
    let body = Element::new("tbody").children(rows);
    let table = Element::new("table").child(Element::new("thead").child(heads)).child(body);
    Element::of("div", "wide").child(table)
}
