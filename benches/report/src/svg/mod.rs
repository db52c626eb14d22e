//! Drawing: numbers become shapes, as pure functions.
//!
//! Colours and fonts are the style sheet's: a shape says by its class what it stands for.

pub(crate) mod labels;
pub(crate) mod lanes;
pub(crate) mod plot;
pub(crate) mod scale;

use crate::markup::Element;

/// A picture that grows and shrinks with its place.
pub(crate) fn picture(width: f64, height: f64, description: &str) -> Element {
    Element::new("svg")
        .with("viewBox", format!("0 0 {width:.0} {height:.0}"))
        .with("role", "img")
        .with("aria-label", description)
}

/// A line from one point to another.
pub(crate) fn line(class: &str, from: (f64, f64), to: (f64, f64)) -> Element {
    Element::of("line", class).at([("x1", from.0), ("y1", from.1), ("x2", to.0), ("y2", to.1)])
}

/// A text that begins, ends or has its middle at a point, as its class says.
pub(crate) fn text(class: &str, (x, y): (f64, f64), text: &str) -> Element {
    Element::of("text", class).at([("x", x), ("y", y)]).text(text)
}

/// What a pointer that rests on an element is told.
pub(crate) fn tooltip(text: impl Into<String>) -> Element {
    Element::new("title").text(text)
}
