//! Bars and grids as SVG and HTML. Colours are the style sheet's.

use cloister_report::markup::Element;

use super::Cell;

const WIDTH: f64 = 720.0;
const LABELS: f64 = 200.0;
const NUMBERS: f64 = 90.0;
const LINE: f64 = 24.0;
const BAR: f64 = 16.0;

/// Letters of a label; the whole of it is told to a pointer that rests on it.
const LONGEST: usize = 28;

/// Shades of a grid's cells, from none to full.
const SHADES: f64 = 9.0;

/// Bars from left to right, one below the other.
pub(super) fn bars(title: &str, bars: &[(String, Cell)]) -> Element {
    let most = bars.iter().filter_map(|(_, cell)| cell.value).fold(0.0, f64::max);
    let lines = f64::from(u32::try_from(bars.len()).unwrap_or(u32::MAX));
    let mut top = 0.0;
    let lines_drawn = bars.iter().map(|(label, cell)| {
        let line = bar(label, cell, most, top);
        top += LINE;
        line
    });
    Element::new("svg")
        .with("viewBox", format!("0 0 {WIDTH} {}", lines * LINE))
        .with("role", "img")
        .with("aria-label", format!("bars: {title}"))
        .children(lines_drawn.collect::<Vec<_>>())
}

fn bar(label: &str, cell: &Cell, most: f64, top: f64) -> Element {
    let space = WIDTH - LABELS - NUMBERS;
    let share = cell.value.filter(|_| most > 0.0).map_or(0.0, |value| value / most);
    let text = |class: &str, x: f64, text: String| {
        Element::new("text").with("class", class).with("x", x).with("y", top + BAR).text(text)
    };
    let rect = Element::new("rect")
        .with("class", "bar")
        .with("x", LABELS)
        .with("y", top + (LINE - BAR) / 2.0)
        .with("width", format!("{:.2}", share * space))
        .with("height", BAR);
    let short: String = label.chars().take(LONGEST).collect();
    Element::new("g")
        .child(Element::new("title").text(format!("{label}: {}", cell.text)))
        .child(text("label", LABELS - 8.0, short))
        .child(rect)
        .child(text("number", LABELS + share * space + 8.0, cell.text.clone()))
}

/// Draws a table, whose cells are the darker the larger their value.
pub(super) fn grid(columns: &[String], rows: &[(String, Vec<Cell>)]) -> Element {
    let values = || rows.iter().flat_map(|(_, cells)| cells).filter_map(|cell| cell.value);
    let most = values().fold(0.0, f64::max);
    let shaded = most > 0.0 && values().all(|value| value >= 0.0);
    let head = Element::new("tr")
        .child(Element::new("td"))
        .children(columns.iter().map(|text| Element::new("th").with("scope", "col").text(text)));
    let rows = rows.iter().map(|(name, cells)| {
        let cells = cells.iter().map(|cell| {
            let share = cell.value.filter(|_| shaded).map_or(0.0, |value| value / most);
            let class = format!("shade{:.0}", (share * SHADES).round());
            Element::new("td").with("class", class).text(&cell.text)
        });
        Element::new("tr")
            .child(Element::new("th").with("scope", "row").text(name))
            .children(cells.collect::<Vec<_>>())
    });
    Element::new("table").with("class", "grid").child(head).children(rows)
}
