//! Small bars that split a line's time into arithmetic and waiting, and the hatching for waiting.

use crate::markup::Element;
use crate::measurement::{Line, NodeCost};
use crate::numbers::ratio;
use crate::svg::tooltip;
use crate::units;

const WIDTH: f64 = 84.0;
const HEIGHT: f64 = 11.0;

/// Makes the hatching, to which all pictures of the page refer through the style sheet.
pub(super) fn hatching() -> Element {
    let rect = Element::of("rect", "ground").at([("width", 5.0), ("height", 5.0)]);
    let stroke =
        Element::of("line", "stroke").at([("x1", 0.0), ("y1", 0.0), ("x2", 0.0), ("y2", 5.0)]);
    let pattern = Element::new("pattern")
        .with("id", "waiting")
        .with("patternUnits", "userSpaceOnUse")
        .with("patternTransform", "rotate(45)")
        .at([("width", 5.0), ("height", 5.0)])
        .child(rect)
        .child(stroke);
    Element::of("svg", "hatching")
        .with("aria-hidden", "true")
        .child(Element::new("defs").child(pattern))
}

/// Draws the time of the slowest node: arithmetic, waiting, and the rest.
pub(super) fn bar(line: &Line) -> Element {
    let slowest = line.nodes.iter().max_by(|one, other| one.seconds.total_cmp(&other.seconds));
    slowest.map_or_else(|| Element::new("span"), drawn)
}

/// Explains the colours of the swim lanes, with those of preparation if there is any.
pub(super) fn legend(prepares: bool) -> Element {
    let legend = Element::of("p", "legend").children([
        sample("computes", "busy", "computes, or does other work"),
        sample("waits", "wait", "waits for messages"),
        sample("agreement", "busy", "agreement, before the first round"),
    ]);
    if !prepares {
        return legend;
    }
    legend.children([
        sample("preparation", "busy", "preparation, before any data are needed"),
        sample("preparation", "wait", "waits in preparation"),
    ])
}

fn sample(group: &str, part: &str, meaning: &str) -> Element {
    let rect = Element::of("rect", part).at([("width", 26.0), ("height", HEIGHT)]);
    let svg = Element::of("svg", group).with("viewBox", format!("0 0 26 {HEIGHT}"));
    Element::new("span").child(svg.child(rect)).text(meaning)
}

fn drawn(node: &NodeCost) -> Element {
    let arithmetic = fraction(node, node.arithmetic);
    let waiting = fraction(node, node.waiting).min(1.0 - arithmetic);
    let told = format!(
        "{}: {}\narithmetic {}, waiting {}",
        node.name,
        units::seconds(node.seconds),
        units::seconds(node.arithmetic),
        units::seconds(node.waiting),
    );
    Element::of("svg", "time-bar")
        .with("viewBox", format!("0 0 {WIDTH} {HEIGHT}"))
        .child(tooltip(told))
        .child(part("other", 0.0, 1.0))
        .child(part("busy", 0.0, arithmetic))
        .child(part("wait", arithmetic, waiting))
}

/// Returns a time as a fraction of the node's whole time.
fn fraction(node: &NodeCost, time: f64) -> f64 {
    ratio(node.seconds, time).unwrap_or(0.0).clamp(0.0, 1.0)
}

/// Draws a part of the bar, by its start and length as fractions of the bar.
fn part(class: &str, from: f64, length: f64) -> Element {
    let place = [("x", from * WIDTH), ("width", length * WIDTH), ("height", HEIGHT)];
    Element::of("rect", class).at(place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measurement::Way;
    use crate::testing;

    /// Draws the bar of a line whose slowest node takes a second.
    fn bar_of(arithmetic: f64, waiting: f64) -> String {
        let mut line = testing::line("mean", Way::Real, testing::loopback());
        let slowest = &mut line.nodes[1];
        (slowest.seconds, slowest.arithmetic, slowest.waiting) = (1.0, arithmetic, waiting);
        bar(&line).to_string()
    }

    #[test]
    fn the_parts_are_as_long_as_the_times_of_the_slowest_node() {
        let bar = bar_of(0.25, 0.5);
        assert!(bar.contains("class=\"busy\" x=\"0\" width=\"21\""), "{bar}");
        assert!(bar.contains("class=\"wait\" x=\"21\" width=\"42\""), "{bar}");
        assert!(bar.contains("<title>birch: 1.00 s\narithmetic 250 ms, waiting 500 ms</title>"));
    }

    #[test]
    fn no_part_is_longer_than_the_bar() {
        let bar = bar_of(0.75, 0.9);
        assert!(bar.contains("class=\"wait\" x=\"63\" width=\"21\""), "{bar}");
        assert!(bar_of(2.0, f64::NAN).contains("class=\"busy\" x=\"0\" width=\"84\""));
    }
}
