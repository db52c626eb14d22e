//! Swim lanes: one lane for each node, one bar for each round, over a common axis of time.
//!
//! A bar is pale while the node waits. It is solid while the node computes or does other work.

use crate::markup::{Element, coordinate};
use crate::measurement::{NodeCost, Round, Stage};
use crate::numbers::{length, nearest};
use crate::runs::{Run, runs};
use crate::svg::scale::Scale;
use crate::svg::{line, picture, text, tooltip};
use crate::units;

const WIDTH: f64 = 1120.0;
const LEFT: f64 = 104.0;
const RIGHT: f64 = 18.0;
const TOP: f64 = 6.0;
const AXIS: f64 = 26.0;
const BAR: f64 = 18.0;
const GAP: f64 = 8.0;

/// The height of the names above a lane's bars, and the width of their letters.
const NAMES: f64 = 14.0;
const LETTER: f64 = 6.3;

/// The least width of a bar that is separated from the next one by a gap.
const WIDE: f64 = 3.0;

/// The most letters of a node's name.
const LONGEST: usize = 15;

/// Draws the lanes of nodes from the first start to `end`.
pub(crate) fn draw(nodes: &[NodeCost], end: f64, description: &str) -> Element {
    let time = Scale::linear(end, LEFT, WIDTH - RIGHT);
    let names: Vec<_> = nodes.iter().map(|node| names(&node.trace, &time)).collect();
    let head = if names.iter().all(Vec::is_empty) { 0.0 } else { NAMES };
    let lane = head + BAR + GAP;
    let floor = TOP + lane * length(nodes.len());
    let mut lanes = Vec::new();
    let mut top = TOP + head;
    for (node, names) in nodes.iter().zip(names) {
        lanes.push(draw_lane(node, &names, top, &time));
        top += lane;
    }
    picture(WIDTH, floor + AXIS, description).child(axis(&time, floor)).children(lanes)
}

/// Returns the end of the last node.
pub(crate) fn end(nodes: &[NodeCost]) -> f64 {
    let mut latest = 0.0_f64;
    for node in nodes {
        let end_of_node = node.begins + node.seconds;
        for end in node.trace.iter().map(|round| round.ends).chain([end_of_node]) {
            latest = if end.is_finite() { latest.max(end) } else { latest };
        }
    }
    latest
}

fn draw_lane(node: &NodeCost, names: &[Name], top: f64, time: &Scale) -> Element {
    let middle = top + BAR / 2.0;
    Element::of("g", "lane")
        .child(lane_name(node, top))
        .child(line("rest", (time.position(0.0), middle), (WIDTH - RIGHT, middle)))
        .children(
            node.trace.iter().enumerate().map(|(number, round)| bar(number, round, top, time)),
        )
        .children(names.iter().flat_map(|name| name.drawn(top)))
}

fn axis(time: &Scale, floor: f64) -> Element {
    let mut axis = Element::new("g");
    for tick in time.ticks() {
        let x = time.position(tick);
        axis = axis.child(line("grid", (x, TOP), (x, floor + 2.0))).child(text(
            "tick middle",
            (x, floor + 16.0),
            &units::tick_seconds(tick),
        ));
    }
    axis.child(line("axis", (LEFT, floor), (WIDTH - RIGHT, floor)))
}

fn lane_name(node: &NodeCost, top: f64) -> Element {
    let name = match node.name.char_indices().nth(LONGEST) {
        Some((cut, _)) => format!("{}…", node.name.get(..cut).unwrap_or_default()),
        None => node.name.clone(),
    };
    let told = format!(
        "{}\nsent {}, received {}\narithmetic {}, waiting {}",
        node.name,
        units::bytes(nearest(node.bytes_sent)),
        units::bytes(nearest(node.bytes_received)),
        units::seconds(node.arithmetic),
        units::seconds(node.waiting),
    );
    text("node end", (LEFT - 10.0, top + BAR / 2.0 + 4.0), &name).child(tooltip(told))
}

/// Draws a round's bar: pale, with solid parts for the times without waiting.
fn bar(number: usize, round: &Round, top: f64, time: &Scale) -> Element {
    let (from, to) = (time.position(round.begins), time.position(round.ends));
    let width = (to - from).max(0.0);
    let width = if width >= WIDE { width - 0.7 } else { width };
    let class = match (number, round.stage) {
        (0, _) => "bar agreement",
        (_, Stage::Preparation) => "bar preparation",
        (_, Stage::Online) => "bar",
    };
    let base = Element::of("rect", "wait").at([
        ("x", from),
        ("y", top),
        ("width", width),
        ("height", BAR),
    ]);
    let group = Element::of("g", class).child(tooltip(told(round))).child(base);
    let solid: String = busy(round)
        .map(|(begin, end)| block(time.position(begin), time.position(end).min(from + width), top))
        .collect();
    if solid.is_empty() { group } else { group.child(Element::of("path", "busy").with("d", solid)) }
}

/// Writes a rectangle of a bar's height, as a part of a path.
fn block(from: f64, to: f64, top: f64) -> String {
    let width = (to - from).max(0.0);
    format!("M{} {}h{}v{BAR}h-{2}z", coordinate(from), coordinate(top), coordinate(width))
}

/// Returns the times within a round in which the node did not wait.
fn busy(round: &Round) -> impl Iterator<Item = (f64, f64)> {
    let begins = std::iter::once(round.begins).chain(round.waits.iter().map(|(_, end)| *end));
    let ends = round.waits.iter().map(|(begin, _)| *begin).chain(std::iter::once(round.ends));
    begins.zip(ends).filter(|(begin, end)| end > begin)
}

fn told(round: &Round) -> String {
    let stage = match round.stage {
        Stage::Preparation => ", preparation",
        Stage::Online => "",
    };
    format!(
        "{}{stage}\n{} to {}\nsent {} in {} messages, received {}\narithmetic {}, waiting {}",
        round.name,
        units::seconds(round.begins),
        units::seconds(round.ends),
        units::bytes(nearest(round.bytes_sent)),
        round.messages_sent,
        units::bytes(nearest(round.bytes_received)),
        units::seconds(round.arithmetic),
        units::seconds(round.waiting()),
    )
}

/// The name of consecutive rounds, and their extent.
struct Name {
    text: String,
    from: f64,
    to: f64,
}

/// Returns the names for which there is space.
fn names(trace: &[Round], time: &Scale) -> Vec<Name> {
    runs(trace).filter_map(|run| name(&run, time)).collect()
}

fn name(run: &Run<'_>, time: &Scale) -> Option<Name> {
    let from = time.position(run.rounds.first()?.begins);
    let to = time.position(run.rounds.last()?.ends);
    let text = [run.title(), run.name.to_owned()]
        .into_iter()
        .find(|text| LETTER * length(text.chars().count()) <= to - from)?;
    Some(Name { text, from, to })
}

impl Name {
    /// Draws the name above the middle of its rounds, and a thin line above all of them.
    fn drawn(&self, top: f64) -> [Element; 2] {
        let middle = f64::midpoint(self.from, self.to);
        [
            text("round middle", (middle, top - 5.0), &self.text),
            line("span", (self.from + 0.7, top - 1.8), (self.to - 1.4, top - 1.8)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(waits: &[(f64, f64)]) -> Round {
        Round {
            name: "open".into(),
            stage: Stage::Online,
            begins: 1.0,
            ends: 2.0,
            arithmetic: 0.1,
            waits: waits.to_vec(),
            messages_sent: 1,
            bytes_sent: 8,
            bytes_received: 8,
        }
    }

    fn solid(waits: &[(f64, f64)]) -> Vec<(f64, f64)> {
        busy(&round(waits)).collect()
    }

    #[test]
    fn a_round_is_solid_where_it_does_not_wait() {
        assert_eq!(solid(&[]), [(1.0, 2.0)]);
        assert_eq!(solid(&[(1.0, 2.0)]), []);
        assert_eq!(solid(&[(1.25, 1.5), (1.75, 2.0)]), [(1.0, 1.25), (1.5, 1.75)]);
    }

    #[test]
    fn the_first_bar_is_the_agreement() {
        let time = Scale::linear(2.0, 0.0, 200.0);
        let first = bar(0, &round(&[]), 0.0, &time).to_string();
        let second = bar(1, &round(&[]), 0.0, &time).to_string();
        assert!(first.starts_with("<g class=\"bar agreement\"><title>open"));
        assert!(second.starts_with("<g class=\"bar\">"));
    }

    #[test]
    fn a_bar_of_preparation_has_another_look() {
        let round = Round { stage: Stage::Preparation, ..round(&[]) };
        let bar = bar(1, &round, 0.0, &Scale::linear(2.0, 0.0, 200.0)).to_string();
        let starts = "<g class=\"bar preparation\"><title>open, preparation\n1.00 s to 2.00 s";
        assert!(bar.starts_with(starts), "{bar}");
    }

    #[test]
    fn a_bar_lies_where_its_round_does() {
        let time = Scale::linear(2.0, 0.0, 200.0);
        let bar = bar(1, &round(&[(1.25, 2.0)]), 10.0, &time).to_string();
        // The bar goes from the middle to the end, less the gap. Its first quarter is solid.
        assert!(bar.contains("x=\"100\" y=\"10\" width=\"99.3\""), "{bar}");
        assert!(bar.contains("d=\"M100 10h25v18h-25z\""), "{bar}");
    }

    #[test]
    fn names_have_space_or_are_left_out() {
        let rounds = [round(&[]), round(&[])];
        let wide = names(&rounds, &Scale::linear(2.0, 0.0, 200.0));
        let narrow = names(&rounds, &Scale::linear(5.0, 0.0, 200.0));
        assert_eq!(wide.first().unwrap().text, "open × 2");
        assert_eq!(narrow.first().unwrap().text, "open");
        assert!(names(&rounds, &Scale::linear(9.0, 0.0, 200.0)).is_empty());
    }

    #[test]
    fn lanes_end_with_the_last_node() {
        let nodes = [node(0.0, 3.0), node(0.5, 2.75), node(0.0, f64::NAN)];
        assert!((end(&nodes) - 3.25).abs() < 1e-12);
        assert!(end(&[]).abs() < 1e-12);
    }

    fn node(begins: f64, seconds: f64) -> NodeCost {
        NodeCost {
            name: "amber".into(),
            messages_sent: 0,
            bytes_sent: 0,
            bytes_received: 0,
            seconds,
            encoding: 0.0,
            arithmetic: 0.0,
            waiting: 0.0,
            serialisation: None,
            peak_memory: None,
            begins,
            trace: Vec::new(),
        }
    }
}
