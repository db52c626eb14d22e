//! Drawing: pure functions from numbers to shapes.
//!
//! The class of a shape names its meaning, and the style sheet has colours and fonts.

pub(crate) mod labels;
pub(crate) mod lanes;
pub(crate) mod plot;
pub(crate) mod scale;

use crate::markup::Element;

/// Makes a picture that scales with its place.
pub(crate) fn picture(width: f64, height: f64, description: &str) -> Element {
    Element::new("svg")
        .with("viewBox", format!("0 0 {width:.0} {height:.0}"))
        .with("role", "img")
        .with("aria-label", description)
}

/// Draws a line between two points.
pub(crate) fn line(class: &str, from: (f64, f64), to: (f64, f64)) -> Element {
    Element::of("line", class).at([("x1", from.0), ("y1", from.1), ("x2", to.0), ("y2", to.1)])
}

/// Writes a text at a point, which is its start, middle or end by its class.
pub(crate) fn text(class: &str, at: (f64, f64), text: &str) -> Element {
    Element::of("text", class).at([("x", at.0), ("y", at.1)]).text(text)
}

/// Makes the tooltip of an element.
pub(crate) fn tooltip(text: impl Into<String>) -> Element {
    Element::new("title").text(text)
}
