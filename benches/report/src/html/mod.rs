//! A measurement as one self-contained page, without scripts or external resources.
//!
//! Values of the document enter the page as text of elements only, which escape it.

mod curves;
mod lanes;
mod plots;
mod tables;
mod time_bar;

use crate::markup::Element;
use crate::measurement::Measurement;
use crate::table::place;

/// The style sheet, with variants for dark mode and paper.
const STYLE: &str = include_str!("style.css");

/// Makes the page: origin, tables, plots, and the rounds of every line.
#[must_use]
pub fn page(measurement: &Measurement) -> String {
    let main = Element::new("main")
        .child(header(measurement))
        .children(tables::limits(&measurement.limits))
        .children(tables::lines(&measurement.lines))
        .children(tables::stages(&measurement.lines))
        .children(tables::beside(&measurement.lines))
        .children(plots::over_size(&measurement.lines))
        .children(plots::over_round_trip(measurement))
        .children(lanes::rounds(&measurement.lines))
        .children(tables::skipped(&measurement.skipped));
    let html = Element::new("html")
        .with("lang", "en")
        .child(head(measurement))
        .child(Element::new("body").child(time_bar::hatching()).child(main));
    format!("<!doctype html>\n{html}\n")
}

fn head(measurement: &Measurement) -> Element {
    let title = format!("{TITLE} – {}", measurement.started);
    Element::new("head")
        .child(Element::new("meta").with("charset", "utf-8"))
        .child(meta("viewport", "width=device-width, initial-scale=1"))
        .child(meta("color-scheme", "light dark"))
        .child(Element::new("title").text(title))
        .child(Element::new("style").style_sheet(STYLE))
}

fn meta(name: &str, content: &str) -> Element {
    Element::new("meta").with("name", name).with("content", content)
}

/// The title of the page.
const TITLE: &str = "Rounds of secure computations";

fn header(measurement: &Measurement) -> Element {
    let Measurement { program, started, machine, complete, .. } = measurement;
    let header = Element::new("header")
        .child(Element::new("h1").text(TITLE))
        .child(Element::of("p", "origin").text(format!("{program}, {started}")))
        .child(Element::of("p", "origin").text(place(machine)));
    if *complete {
        return header;
    }
    let interrupted = "The measurement was interrupted: not all that was asked for is here.";
    header.child(Element::of("p", "warning").text(interrupted))
}

/// Makes a section with a heading and an explanation.
fn section(title: &str, how: &str) -> Element {
    Element::new("section")
        .child(Element::new("h2").text(title))
        .child(Element::of("p", "how").text(how))
}

#[cfg(test)]
mod tests;
