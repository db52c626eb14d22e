//! The tables of the page.

use crate::cases::groups;
use crate::html::{section, share};
use crate::markup::Element;
use crate::measurement::{Limits, Line, Skipped, Way};
use crate::numbers::ratio;
use crate::table::grid::{Column, Side};
use crate::table::{columns as rows, label_but_way, limits as measured, stages as staged};
use crate::units::{self, ABSENT};

/// How the table of lines is to be read.
const HOW_LINES: &str = "One row for each computation, in the order of measuring. Where nodes differ, \
    the most of any stands here. Depth is the longest chain of messages in which each waits for the one \
    before. The bar is the slowest node’s time: solid for arithmetic, hatched for waiting, plain for \
    what else it did. The nearest bound is what of all that was measured beside it takes longest \
    alone, with how many times longer the computation took.";

const HOW_LIMITS: &str = "What links, and one processor beside them, can do at best: a message of 64 \
    bytes to and fro, and bytes one way, over one mutual-TLS connection; AES-128 in counter mode.";

/// How preparation and what is online are to be read.
const HOW_STAGES: &str = "What makes correlated randomness depends on nobody’s data: it can be done \
    before there are any. Times are those of the node that ended last: in rounds of preparation, and \
    what is left of the run, agreement and encoding included. Messages and bytes are those of all nodes.";

const HOW_BESIDE: &str = "The same computations by nodes over links and in virtual time. Where the times \
    differ, the difference is what the simulation leaves out: frames, TLS, the system’s calls, and \
    processors that nodes share.";

/// What the machine can do at best.
pub(super) fn limits(limits: &[Limits]) -> Option<Element> {
    let table = || table(cells(&measured::columns(limits)));
    (!limits.is_empty()).then(|| section("Limits", HOW_LIMITS).child(table()))
}

/// One row for each line.
pub(super) fn lines(lines: &[Line]) -> Option<Element> {
    if lines.is_empty() {
        return None;
    }
    let (common, columns) = rows::columns(lines);
    let mut cells = cells(&columns);
    // Beside the times of which it is made.
    let bars = columns.iter().position(|column| column.head() == "arithmetic");
    let bars = bars.unwrap_or(columns.len());
    cells.insert(bars, Cells::drawn("where it goes", lines.iter().map(share::bar)));
    Some(section("Computations", HOW_LINES).children(stated(&common)).child(table(cells)))
}

/// Two rows for each line of which a part was preparation.
pub(super) fn stages(lines: &[Line]) -> Option<Element> {
    let columns = staged::columns(lines)?;
    Some(section("Preparation and online", HOW_STAGES).child(table(cells(&columns))))
}

/// What was run in virtual time, too: both times.
pub(super) fn beside(lines: &[Line]) -> Option<Element> {
    let pairs: Vec<_> = groups(lines).iter().filter_map(|group| pair(group)).collect();
    let column = |of: &dyn Fn(&Pair<'_>) -> String| pairs.iter().map(of).collect::<Vec<_>>();
    let columns = [
        Column::words("case", "", column(&|pair| label_but_way(&pair.real.case))),
        Column::words("way", "", column(&|pair| pair.real.case.way.word().to_owned())),
        Column::numbers("rounds", "", column(&|pair| rounds(pair))),
        Column::numbers("median", "", column(&|pair| units::seconds(pair.real.seconds.median))),
        Column::numbers(
            "simulated",
            "",
            column(&|pair| units::seconds(pair.simulated.seconds.median)),
        ),
        Column::numbers("ratio", "", column(&|pair| times_longer(pair))),
    ];
    let table = || table(cells(&columns));
    (!pairs.is_empty()).then(|| section("Real beside simulated", HOW_BESIDE).child(table()))
}

/// What was not measured, and why.
pub(super) fn skipped(skipped: &[Skipped]) -> Option<Element> {
    let table = || table(cells(&rows::reasons(skipped)));
    let how = "What was asked for and left out.";
    (!skipped.is_empty()).then(|| section("Not measured", how).child(table()))
}

/// A case run by nodes, and in virtual time.
struct Pair<'lines> {
    real: &'lines Line,
    simulated: &'lines Line,
}

fn pair<'lines>(group: &[&'lines Line]) -> Option<Pair<'lines>> {
    let is_simulated = |line: &&&Line| line.case.way == Way::Simulated;
    let simulated = group.iter().find(is_simulated)?;
    let real = group.iter().find(|line| !is_simulated(line))?;
    Some(Pair { real, simulated })
}

/// How many rounds; of both where they differ, which they should not.
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

/// What is the same in all lines.
fn stated(common: &[Column]) -> Option<Element> {
    let common: Vec<_> = common.iter().map(rows::stated).collect();
    let text = format!("In all lines: {}.", common.join(", "));
    (!common.is_empty()).then(|| Element::of("p", "how").text(text))
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
    let above = std::iter::once(None).chain(column.cells.iter().map(Some));
    let cells = column.cells.iter().zip(above).map(|(text, above)| {
        // What stands above already is paler, so that a new name is seen.
        let again = if above == Some(text) { " again" } else { "" };
        Element::of("td", &format!("{class}{again}")).text(text.as_str())
    });
    Cells { head: column.soft_head(), class, cells: cells.collect() }
}

/// The columns as rows. A table that is wider than the page is moved within it.
fn table(columns: Vec<Cells>) -> Element {
    let heads = columns.iter().map(|column| {
        Element::of("th", column.class).with("scope", "col").text(column.head.as_str())
    });
    let heads = Element::new("tr").children(heads);
    let height = columns.iter().map(|column| column.cells.len()).max().unwrap_or(0);
    let mut columns: Vec<_> = columns.into_iter().map(|column| column.cells.into_iter()).collect();
    let rows = (0..height)
        .map(|_| Element::new("tr").children(columns.iter_mut().filter_map(Iterator::next)));
    let body = Element::new("tbody").children(rows);
    let table = Element::new("table").child(Element::new("thead").child(heads)).child(body);
    Element::of("div", "wide").child(table)
}
