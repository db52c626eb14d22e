//! The rounds of every line, as swim lanes that unfold.

use crate::cases::groups;
use crate::html::section;
use crate::markup::Element;
use crate::measurement::Line;
use crate::svg::lanes;
use crate::table::lines::{nearest, parties, size};
use crate::units;

/// The most bars of the page: it should still open at once.
const MOST_BARS: usize = 60_000;

/// Lines of one case share an axis if the longest takes no more than so many times the shortest;
/// otherwise the shortest would not be seen.
const SHARED: f64 = 6.0;

const HOW: &str = "One lane for each node, one bar for each round, from the first node’s start. Solid is \
    where a node computed or did other work, hatched where it waited for messages; the agreement \
    comes first, in grey. What was run in several ways stands together. Rest on a bar for its numbers.";

/// All lines with rounds, those of one case together; the first unfolded.
pub(super) fn rounds(lines: &[Line]) -> Option<Element> {
    let mut left = MOST_BARS;
    let mut folds = Vec::new();
    for group in groups(lines) {
        let bars = group.iter().map(|line| bars(line)).sum();
        if bars > 0 {
            let drawn = left.checked_sub(bars);
            left = drawn.unwrap_or(left);
            folds.push(fold(&group, folds.is_empty(), drawn.is_some()));
        }
    }
    (!folds.is_empty()).then(|| section("Rounds", HOW).children(folds))
}

fn bars(line: &Line) -> usize {
    line.nodes.iter().map(|node| node.trace.len()).sum()
}

fn fold(group: &[&Line], open: bool, drawn: bool) -> Element {
    let details = Element::new("details").children(group.first().map(|line| summary(line)));
    let details = if open { details.with("open", "") } else { details };
    if !drawn {
        let why =
            "The page has too many rounds already; these are in the document that was measured.";
        return details.child(Element::of("p", "how").text(why));
    }
    let ends: Vec<_> = group.iter().map(|line| lanes::end(&line.nodes)).collect();
    let longest = ends.iter().copied().fold(0.0, f64::max);
    let shared = ends.iter().all(|end| longest <= end * SHARED);
    let pictures = group.iter().zip(&ends);
    details.children(pictures.map(|(line, end)| picture(line, if shared { longest } else { *end })))
}

fn summary(line: &Line) -> Element {
    let case = &line.case;
    let rest = format!(
        "{}, {} parties, {}, {}, {}",
        case.suite,
        parties(case),
        size(case),
        case.profile,
        case.link.name,
    );
    Element::new("summary")
        .child(Element::new("b").text(case.function.as_str()))
        .child(Element::new("span").text(rest))
        .child(Element::of("span", "median").text(units::seconds(line.seconds.median)))
}

fn picture(line: &Line, end: f64) -> Element {
    let way = line.case.way.word();
    let told = format!(
        "{}, {} rounds, depth {}; link alone {}; nearest bound {}",
        units::seconds(line.seconds.median),
        line.rounds,
        line.depth,
        units::maybe_seconds(line.theory),
        nearest(line),
    );
    let caption = Element::new("figcaption")
        .child(Element::new("b").text(way))
        .child(Element::new("span").text(told));
    let description = format!("Rounds of {}, {way}", line.case.function);
    Element::of("figure", "lanes")
        .child(caption)
        .child(Element::of("div", "wide").child(lanes::draw(&line.nodes, end, &description)))
}
