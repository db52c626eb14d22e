//! The rounds of every line, as swim lanes in foldable sections.

use crate::cases::groups;
use crate::html::section;
use crate::html::time_bar::legend;
use crate::markup::Element;
use crate::measurement::{Line, NodeCost, Stage};
use crate::svg::lanes;
use crate::table::columns::{nearest, parties, size};
use crate::units;

/// The most bars of the page, which should open at once.
const MOST_BARS: usize = 60_000;

/// The ratio of the longest to the shortest line up to which the lines of a case have one time
/// axis. Beyond it, the shortest line would be invisible.
const COMMON_AXIS: f64 = 6.0;

const HOW: &str = "One lane for each node, one bar for each round, from the first node’s start. What was \
    run in several ways stands together. Rest on a bar for its numbers.";

/// Makes a section for each case with rounds, the first unfolded.
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
    if folds.is_empty() {
        return None;
    }
    let prepares = lines.iter().flat_map(|line| &line.nodes).any(NodeCost::prepares);
    Some(section("Rounds", HOW).child(legend(prepares)).children(folds))
}

fn bars(line: &Line) -> usize {
    line.nodes.iter().map(|node| node.trace.len()).sum()
}

fn fold(group: &[&Line], open: bool, drawn: bool) -> Element {
    let details = Element::new("details").children(summary(group));
    let details = if open { details.with("open", "") } else { details };
    if !drawn {
        let why =
            "The page has too many rounds already; these are in the document that was measured.";
        return details.child(Element::of("p", "how").text(why));
    }
    let ends: Vec<_> = group.iter().map(|line| lanes::end(&line.nodes)).collect();
    let longest = ends.iter().copied().fold(0.0, f64::max);
    let has_common_axis = ends.iter().all(|end| longest <= end * COMMON_AXIS);
    let mut pictures = Vec::new();
    for (line, end) in group.iter().zip(&ends) {
        pictures.push(picture(line, if has_common_axis { longest } else { *end }));
    }
    details.children(pictures)
}

/// Writes the case, with the median of each way in which it was run.
fn summary(group: &[&Line]) -> Option<Element> {
    let case = &group.first()?.case;
    let rest = format!(
        "{}, {} parties, {}, {}, {}",
        case.suite,
        parties(case),
        size(case),
        case.profile,
        case.link.name,
    );
    let medians: Vec<_> = group
        .iter()
        .map(|line| format!("{} {}", line.case.way.word(), units::seconds(line.seconds.median)))
        .collect();
    let summary = Element::new("summary")
        .child(Element::new("b").text(case.function.as_str()))
        .child(Element::new("span").text(rest))
        .child(Element::of("span", "median").text(medians.join(", ")));
    Some(summary)
}

fn picture(line: &Line, end: f64) -> Element {
    let way = line.case.way.word();
    let mut told = vec![
        units::seconds(line.seconds.median),
        format!("{} rounds", line.rounds),
        format!("depth {}", line.depth),
    ];
    told.extend(line.stages.is_some().then(|| prepared(line)));
    told.extend(line.theory.map(|theory| format!("the link alone {}", units::seconds(theory))));
    told.extend(line.nearest().map(|_| format!("nearest bound {}", nearest(line))));
    let caption = Element::new("figcaption")
        .child(Element::new("b").text(way))
        .child(Element::new("span").text(told.join(", ")));
    let description = format!("Rounds of {}, {way}", line.case.function);
    Element::of("figure", "lanes")
        .child(caption)
        .child(Element::of("div", "wide").child(lanes::draw(&line.nodes, end, &description)))
}

/// Writes the cost of preparation: `preparation 4.20 ms in 12 rounds`.
fn prepared(line: &Line) -> String {
    let preparation = line.stage(Stage::Preparation);
    let rounds = match preparation.rounds {
        1 => "1 round".to_owned(),
        more => format!("{more} rounds"),
    };
    format!("preparation {} in {rounds}", units::seconds(preparation.seconds.median))
}
