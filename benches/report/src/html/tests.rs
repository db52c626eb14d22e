use crate::html::page;
use crate::measurement::{Line, Link, Measurement, Way};
use crate::testing;

/// Makes a measurement of the same line in several sizes and over several links, between nodes and
/// simulated.
fn broad() -> Measurement {
    let mut lines = Vec::new();
    for (size, link, way) in [
        (10_000, testing::loopback(), Way::Real),
        (100_000, testing::loopback(), Way::Real),
        (10_000, testing::wan(), Way::Shaped),
        (10_000, testing::wan(), Way::Simulated),
    ] {
        let mut line = testing::line("mean", way, link);
        line.case.size = size;
        line.theory = (way != Way::Real).then_some(0.007);
        lines.push(line);
    }
    testing::of(lines)
}

/// Counts the elements of a class.
fn count(page: &str, class: &str) -> usize {
    page.matches(&format!("class=\"{class}\"")).count()
}

fn body(page: &str) -> &str {
    &page[page.find("</style>").unwrap()..]
}

#[test]
fn the_page_stands_alone() {
    let page = page(&broad());
    for reference in
        ["http:", "https:", "//", "@import", "src=", "href=", "<script", "<link", "@font-face"]
    {
        assert!(!page.contains(reference), "{reference}");
    }
    assert_eq!(page.matches("url(").count(), page.matches("url(#waiting)").count());
    assert!(page.contains("id=\"waiting\""));
    assert!(page.starts_with("<!doctype html>"));
}

/// Makes a measurement in which all names are this one.
fn named(name: &str) -> Measurement {
    let mut measurement = testing::measurement();
    measurement.program = name.into();
    measurement.started = name.into();
    measurement.machine.processor = name.into();
    measurement.machine.system = name.into();
    measurement.skipped[0].reason = name.into();
    measurement.limits[0].link.name = name.into();
    for line in &mut measurement.lines {
        let case = &mut line.case;
        for text in [&mut case.function, &mut case.suite, &mut case.unit, &mut case.profile] {
            *text = name.into();
        }
        case.link.name = name.into();
        line.bounds[0].name = name.into();
        for node in &mut line.nodes {
            node.name = name.into();
            node.trace[0].name = name.into();
        }
    }
    measurement
}

#[test]
fn what_comes_from_the_document_is_text() {
    let hostile = page(&named("<script>alert(\"1\")</script>' onload='x"));
    assert!(!hostile.contains("<script") && !hostile.contains("' onload"));
    assert!(
        hostile.contains("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&#39; onload=&#39;x")
    );
    // The elements are the same for all names.
    let plain = page(&named("a name that is as long as the other one"));
    for element in ["<", "<td", "<rect", "<text"] {
        assert_eq!(hostile.matches(element).count(), plain.matches(element).count(), "{element}");
    }
}

#[test]
fn every_round_of_every_node_has_one_bar() {
    let measurement = testing::measurement();
    let page = page(&measurement);
    let nodes: Vec<_> = measurement.lines.iter().flat_map(|line| &line.nodes).collect();
    let rounds: usize = nodes.iter().map(|node| node.trace.len()).sum();
    assert_eq!(count(&page, "bar") + count(&page, "bar agreement"), rounds);
    assert_eq!(count(&page, "bar agreement"), nodes.len());
    assert_eq!(count(&page, "lane"), nodes.len());
}

#[test]
fn a_bar_tells_its_round() {
    let page = page(&testing::measurement());
    let told = "<title>share\n2.00 ms to 4.00 ms\nsent 350 kB in 3 messages, received 282 kB\n\
        arithmetic 600 µs, waiting 1.10 ms</title>";
    assert!(page.contains(told));
    assert!(page.contains(">compare × 2</text>"));
}

#[test]
fn the_first_line_is_unfolded_and_cases_of_several_ways_stand_together() {
    let page = page(&broad());
    assert_eq!(page.matches("<details").count(), 3);
    assert_eq!(page.matches("<details open=\"\">").count(), 1);
    assert!(page.contains("shaped 8.20 ms, simulated 8.20 ms"));
    assert!(page.contains("Real beside simulated"));
}

#[test]
fn real_and_simulated_times_stand_beside_each_other() {
    let mut measurement = broad();
    measurement.lines[3].seconds.median = 0.0041;
    measurement.lines[3].rounds = 4;
    let page = page(&measurement);
    let row = ["3, 4", "8.20 ms", "4.10 ms", "2.00×"]
        .map(|number| format!("<td class=\"number\">{number}</td>"));
    assert!(page.contains(&row.concat()));
}

/// Counts the ticks of 8 ms on the axes of the lanes.
fn ticks(simulated: f64) -> usize {
    let mut measurement = broad();
    measurement.lines.drain(..2);
    let nodes = &mut measurement.lines[1].nodes;
    for node in nodes {
        node.trace.clear();
        node.seconds = simulated;
    }
    let page = page(&measurement);
    page[page.find("<details").unwrap()..].matches(">8 ms</text>").count()
}

#[test]
fn ways_of_a_case_share_an_axis_unless_one_would_not_be_seen() {
    assert_eq!(ticks(0.003), 2);
    assert_eq!(ticks(0.001), 1);
}

#[test]
fn every_number_of_a_line_is_in_the_table() {
    let page = page(&testing::measurement());
    for number in [
        "10 k rows",
        "3",
        "7",
        "24",
        "1.40 MB",
        "1.13 MB",
        "8.20 ms",
        "9.30 ms",
        "3.10 ms",
        "4.40 ms",
        "250 µs",
        "2.44 M/s",
        "38.5 MB",
    ] {
        assert!(page.contains(&format!("<td class=\"number\">{number}</td>")), "{number}");
    }
    assert!(page.contains("<td class=\"words\">link 2.00×</td>"));
    assert!(page.contains("too large"));
}

#[test]
fn preparation_has_a_table_a_legend_and_bars_of_its_own() {
    let measurement = testing::staged();
    let staged = page(&measurement);
    let nodes = &measurement.lines[1].nodes;
    assert_eq!(count(&staged, "bar preparation"), nodes.len());
    // Two samples in the legend.
    assert_eq!(count(&staged, "preparation"), 2);
    assert!(staged.contains("<title>share, preparation\n2.00 ms to 4.00 ms\n"));
    assert!(staged.contains("<h2>Preparation and online</h2>"));
    let row = ["1", "2", "6", "2.20 MB", "2.00 ms", "2.30 ms"]
        .map(|number| format!("<td class=\"number\">{number}</td>"));
    assert!(staged.contains(&format!("<td class=\"words\">preparation</td>{}", row.concat())));
    assert!(staged.contains("depth 7, preparation 2.00 ms in 1 round,"));
    let bare = page(&testing::measurement());
    assert!(!body(&bare).contains("reparation"));
}

#[test]
fn plots_are_drawn_over_several_sizes_and_round_trips_only() {
    let drawn = page(&broad());
    assert!(drawn.contains("<h2>Time over size</h2>"));
    assert!(drawn.contains("<h2>Time over round trip</h2>"));
    // Two sizes; and of the size that was measured over both links two round trips, one of them
    // twice.
    assert_eq!(count(&drawn, "mark"), 2 + 3);
    assert_eq!(count(&drawn, "series c0 theory"), 1);
    // Of the function, and not of each of its series.
    assert_eq!(drawn.matches(">mean</text>").count(), 2);
    let bare = page(&testing::measurement());
    assert!(!bare.contains("Time over"));
}

#[test]
fn a_page_has_a_bound() {
    let mut line = testing::line("mean", Way::Real, testing::loopback());
    let round = line.nodes[0].trace[0].clone();
    line.nodes[0].trace = vec![round; 59_990];
    let mut small = testing::line("sort", Way::Real, testing::loopback());
    small.nodes.truncate(1);
    let page =
        page(&testing::of(vec![line, small.clone(), Line { nodes: small.nodes, ..other_link() }]));
    assert_eq!(count(&page, "bar") + count(&page, "bar agreement"), 59_994 + 4);
    assert_eq!(page.matches("too many rounds").count(), 1);
}

fn other_link() -> Line {
    let link = Link { name: "lan".into(), ..testing::wan() };
    testing::line("sort", Way::Shaped, link)
}

#[test]
fn what_is_no_number_is_neither_written_nor_drawn() {
    let page = page(&testing::hollow());
    let body = body(&page);
    assert!(!body.contains("NaN") && !body.contains("inf"));
    let empty = super::page(&Measurement {
        limits: Vec::new(),
        skipped: Vec::new(),
        complete: false,
        ..testing::of(Vec::new())
    });
    assert!(empty.contains("interrupted") && !empty.contains("<table"));
}
