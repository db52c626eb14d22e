//! Small bars of where a line's time goes, and the hatching that means waiting.

use crate::markup::Element;
use crate::measurement::{Line, NodeCost};
use crate::numbers::ratio;
use crate::svg::tooltip;
use crate::units;

const WIDTH: f64 = 84.0;
const HEIGHT: f64 = 11.0;

/// The hatching, once on the page: all pictures refer to it by its name from the style sheet.
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

/// Where the time of the slowest node goes: arithmetic, waiting, and what is neither.
pub(super) fn bar(line: &Line) -> Element {
    let svg = Element::of("svg", "share").with("viewBox", format!("0 0 {WIDTH} {HEIGHT}"));
    let slowest = line.nodes.iter().max_by(|one, other| one.seconds.total_cmp(&other.seconds));
    slowest.map_or_else(|| Element::new("span"), |node| drawn(svg, node))
}

/// What the colours of the swim lanes mean; of preparation where there is any.
pub(super) fn legend(prepares: bool) -> Element {
    let sample = |group: &'static str, part: &'static str, meaning: &str| {
        let rect = Element::of("rect", part).at([("width", 26.0), ("height", HEIGHT)]);
        let svg = Element::of("svg", group).with("viewBox", format!("0 0 26 {HEIGHT}"));
        Element::new("span").child(svg.child(rect)).text(meaning)
    };
    let preparation = [
        sample("preparation", "busy", "preparation, before any data are needed"),
        sample("preparation", "wait", "waits in preparation"),
    ];
    Element::of("p", "legend")
        .children([
            sample("computes", "busy", "computes, or does other work"),
            sample("waits", "wait", "waits for messages"),
            sample("agreement", "busy", "agreement, before the first round"),
        ])
        .children(preparation.into_iter().filter(|_| prepares))
}

fn drawn(svg: Element, node: &NodeCost) -> Element {
    let share = |time: f64| ratio(node.seconds, time).unwrap_or(0.0).clamp(0.0, 1.0);
    let arithmetic = share(node.arithmetic);
    let waiting = share(node.waiting).min(1.0 - arithmetic);
    let part = |class, from: f64, share: f64| {
        let place = [("x", from * WIDTH), ("width", share * WIDTH), ("height", HEIGHT)];
        Element::of("rect", class).at(place)
    };
    let told = format!(
        "{}: {}\narithmetic {}, waiting {}",
        node.name,
        units::seconds(node.seconds),
        units::seconds(node.arithmetic),
        units::seconds(node.waiting),
    );
    svg.child(tooltip(told))
        .child(part("other", 0.0, 1.0))
        .child(part("busy", 0.0, arithmetic))
        .child(part("wait", arithmetic, waiting))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measurement::Way;
    use crate::testing;

    /// The bar of a line whose slowest node takes a second.
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
