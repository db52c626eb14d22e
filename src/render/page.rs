//! Results as one page of HTML that stands alone: no script, no font, no picture from elsewhere.

use cloister_client::Report;
use cloister_report::markup::Element;
use serde_json::{Map, Value};
use std::borrow::Cow;

use super::{Block, brief, brief_blocks, flatten, plots, provenance, provenance_line};

const STYLE: &str = include_str!("style.css");

/// The permissions of the page: its own style sheet, and nothing else.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

/// A page about one computation or several.
#[derive(Clone, Copy, Debug)]
pub struct Page<'a> {
    /// Its title.
    pub title: &'a str,
    /// The time at which it was made, as people write it.
    pub made: &'a str,
    /// Facts about all that is on it.
    pub facts: &'a [(String, String)],
    /// The computations.
    pub sections: &'a [Section],
}

/// One computation on a page.
#[derive(Clone, Debug)]
pub struct Section {
    /// Its title.
    pub title: String,
    /// The function.
    pub function: String,
    /// Its parameters.
    pub parameters: Map<String, Value>,
    /// The report of each party; all have the same result.
    pub reports: Vec<(String, Report)>,
}

/// Returns the page's text.
#[must_use]
pub fn text(page: &Page<'_>) -> String {
    let head = Element::new("head")
        .child(Element::new("meta").with("charset", "utf-8"))
        .child(
            Element::new("meta")
                .with("http-equiv", "Content-Security-Policy")
                .with("content", POLICY),
        )
        .child(
            Element::new("meta")
                .with("name", "viewport")
                .with("content", "width=device-width, initial-scale=1"),
        )
        .child(Element::new("title").text(page.title))
        .child(Element::new("style").style_sheet(STYLE));
    let main = Element::new("main")
        .child(Element::new("h1").text(page.title))
        .child(Element::new("p").with("class", "made").text(format!("made {}", page.made)))
        .children((!page.facts.is_empty()).then(|| pairs(page.facts)))
        .children(page.sections.iter().map(section));
    let body = Element::new("body").child(main);
    let html = Element::new("html").with("lang", "en").child(head).child(body);
    format!("<!DOCTYPE html>\n{html}\n")
}

fn section(section: &Section) -> Element {
    let element = Element::new("section").child(Element::new("h2").text(&section.title));
    let mut asked = vec![("function".to_owned(), section.function.clone())];
    flatten("parameters".to_owned(), &Value::Object(section.parameters.clone()), &mut asked);
    let element = element.child(pairs(&asked));
    let Some((_, first)) = section.reports.first() else {
        return element;
    };
    element
        .children(brief_blocks(&brief::entries(&section.function, &first.result)).iter().map(block))
        .child(Element::new("h3").text("What protects it"))
        .child(folded(first))
        .child(Element::new("h3").text("What it cost"))
        .child(costs(&section.reports))
}

/// Shows the facts of a result in a line, which unfolds to all of them.
fn folded(report: &Report) -> Element {
    Element::new("details")
        .child(Element::new("summary").text(provenance_line(report)))
        .child(pairs(&provenance(report)))
}

/// Puts a table into a box of its own, which scrolls where the page is narrower, also by keyboard.
fn scrolling(table: Element) -> Element {
    Element::new("div")
        .with("class", "scroll")
        .with("tabindex", "0")
        .with("role", "group")
        .with("aria-label", "a table")
        .child(table)
}

fn block(block: &Block) -> Element {
    match block {
        Block::Values(values) => pairs(values),
        Block::Bars { title, bars } => titled(title).child(plots::bars(title, bars)),
        Block::Grid { title, columns, rows } => {
            titled(title).child(scrolling(plots::grid(columns, rows)))
        }
    }
}

fn titled(title: &str) -> Element {
    Element::new("div").child(Element::new("h3").text(title))
}

fn pairs(pairs: &[(String, String)]) -> Element {
    let rows = pairs.iter().map(|(name, value)| {
        Element::new("tr")
            .child(Element::new("th").with("scope", "row").text(name))
            .child(Element::new("td").text(breakable(value).as_ref()))
    });
    scrolling(Element::new("table").with("class", "pairs").children(rows))
}

/// Lets lines end between the elements of a list. Otherwise they would end within a number.
fn breakable(value: &str) -> Cow<'_, str> {
    if value.starts_with(['[', '{']) { value.replace(',', ", ").into() } else { value.into() }
}

fn costs(reports: &[(String, Report)]) -> Element {
    let heads = ["party", "rounds", "bytes sent", "bytes received", "milliseconds"];
    let head = heads.map(|head| Element::new("th").with("scope", "col").text(head));
    let rows = reports.iter().map(|(party, report)| {
        let cost = &report.cost;
        let cells = [
            party.clone(),
            cost.rounds.to_string(),
            cost.bytes_sent.to_string(),
            cost.bytes_received.to_string(),
            format!("{:.1}", cost.seconds * 1e3),
        ];
        Element::new("tr").children(cells.map(|cell| Element::new("td").text(cell)))
    });
    let head = Element::new("tr").children(head);
    scrolling(Element::new("table").with("class", "grid").child(head).children(rows))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn report(result: Value) -> Report {
        serde_json::from_value(json!({
            "inputs": 3, "result": result, "security": {"suite": "masked"},
            "disclosure": {"profile": "teaching"}, "session": "s",
            "cost": {"rounds": 2, "messages_sent": 1, "bytes_sent": 1234, "bytes_received": 1, "seconds": 0.5},
        }))
        .unwrap()
    }

    #[test]
    fn a_page_stands_alone_and_escapes_what_others_wrote() {
        let result = json!({
            "histogram": {"<script>alert(1)</script>": 5, "b": 2}, "table": {"x": {"y": 1}},
            "mode": "\" onload=\"x",
        });
        let section = Section {
            title: "<i>".to_owned(),
            function: "StatisticsFrequency".to_owned(),
            parameters: json!({"k": "</style>"}).as_object().unwrap().clone(),
            reports: vec![("north".to_owned(), report(result))],
        };
        let page = Page { title: "a & b", made: "today", facts: &[], sections: &[section] };
        let text = text(&page);
        assert!(
            text.contains("a &amp; b") && text.contains("&lt;script&gt;") && text.contains("<svg")
        );
        for never in ["<script", "<i>", "http://", "https://", "url(", "@import", "src=", "<link"] {
            assert!(!text.contains(never), "{never}");
        }
        assert_eq!(text.matches("<table").count(), text.matches("<div class=\"scroll\" ").count());
        assert!(text.contains("<summary>3 parties, suite masked, profile teaching</summary>"));
        assert_eq!(text.matches("</style>").count(), 1);
        assert!(!text.contains("\" onload"));
    }
}
