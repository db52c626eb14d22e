use crate::measurement::{Line, Way};
use crate::table::{lines, markdown};
use crate::testing;

/// Returns the cells of the row of a function, which two spaces separate.
fn cells(text: &str, function: &str) -> Vec<String> {
    let row = text.lines().find(|row| row.starts_with(function)).unwrap();
    row.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).map(str::to_owned).collect()
}

#[test]
fn every_number_of_a_line_is_in_its_row() {
    let text = lines(&testing::measurement());
    let expected = [
        "mean",
        "10 k rows",
        "loopback",
        "real",
        "3",
        "7",
        "24",
        "1.40 MB",
        "1.13 MB",
        "8.20 ms",
        "9.30 ms",
        "123 µs",
        "3.10 ms",
        "4.40 ms",
        "250 µs",
        "2.44 M/s",
        "38.5 MB",
        "link 2.00×",
    ];
    assert_eq!(cells(&text, "mean"), expected);
}

#[test]
fn what_is_the_same_in_all_lines_stands_above_them() {
    let text = lines(&testing::measurement());
    assert!(text.contains("In all lines: suite replicated, profile teaching, parties 2 + 1\n"));
    assert!(!cells(&text, "mean").contains(&"replicated".to_owned()));
}

#[test]
fn a_single_line_keeps_all_its_columns() {
    let line = testing::line("mean", Way::Real, testing::loopback());
    let text = lines(&testing::of(vec![line]));
    assert!(!text.contains("In all lines"));
    assert_eq!(cells(&text, "mean")[..4], ["mean", "replicated", "teaching", "2 + 1"]);
}

fn family(function: &str) -> [Line; 2] {
    [testing::loopback(), testing::wan()].map(|link| testing::line(function, Way::Real, link))
}

#[test]
fn a_function_of_several_lines_stands_once_above_them() {
    let mut measurement = testing::of([family("mean"), family("sort")].concat());
    measurement.limits.clear();
    measurement.lines[3].case.helpers = 0;
    measurement.lines[2].case.helpers = 0;
    let text = lines(&measurement);
    let rows: Vec<_> = text.lines().skip_while(|row| !row.starts_with("  ─")).skip(1).collect();
    assert_eq!(rows[0], "mean, 2 + 1 parties");
    assert!(rows[1].starts_with("  10 k rows  loopback") && rows[2].contains("10 k rows  wan"));
    assert_eq!(rows[3], "sort, 2 parties");
    assert!(rows[4].contains("10 k rows  loopback") && rows[5].contains("10 k rows  wan"));
    assert!(!rows[1].contains("mean"));
    assert!(text.contains("In all lines: suite replicated, profile teaching, way real\n"));
}

#[test]
fn a_column_that_nobody_measured_is_left_out() {
    let mut line = testing::line("mean", Way::Simulated, testing::wan());
    for node in &mut line.nodes {
        node.peak_memory = None;
        node.serialisation = None;
    }
    let text = lines(&testing::of(vec![line]));
    assert!(!text.contains("peak") && !text.contains("seriali"));
    assert!(lines(&testing::measurement()).contains("peak"));
}

#[test]
fn limits_origin_and_what_was_skipped_are_told() {
    let mut measurement = testing::measurement();
    let text = lines(&measurement);
    assert!(
        text.starts_with(
            "cloister 0.1.0, 2026-11-24T10:16:49.5Z\na processor, 2 processors, Linux\n"
        )
    );
    let wan = ["wan", "28.0 ms", "12.5 MB/s", "28.2 ms", "1.90 GB/s", "4.10 GB/s"];
    assert_eq!(cells(&text, "wan"), wan);
    assert!(text.contains("Not measured:"));
    assert_eq!(cells(&text, "median").last().unwrap(), "too large");
    assert!(!text.contains("Interrupted"));
    measurement.complete = false;
    assert!(lines(&measurement).contains("Interrupted"));
}

#[test]
fn markdown_has_a_row_for_each_line() {
    let text = markdown(&testing::measurement());
    let rows: Vec<_> = text.lines().collect();
    assert_eq!(rows.len(), 4);
    assert_eq!(
        rows[2],
        "| mean | replicated | teaching | 2 + 1 | 10 k rows | loopback | real | 3 | 1.40 MB | 8.20 ms \
         | 2.44 M rows/s | link 2.00× |"
    );
    for row in &rows {
        assert_eq!(row.matches('|').count(), rows[0].matches('|').count(), "{row}");
    }
}

/// Returns the cells of the row of a stage.
fn stage<'text>(text: &'text str, name: &str) -> Vec<&'text str> {
    let row = text.lines().find(|row| row.contains(&format!("  {name}  "))).unwrap();
    row.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect()
}

#[test]
fn a_line_that_prepares_is_told_in_both_parts() {
    let text = lines(&testing::staged());
    let preparation = stage(&text, "preparation");
    let online = stage(&text, "online");
    let expected = ["preparation", "1", "2", "6", "2.20 MB", "2.00 ms", "2.30 ms"];
    assert_eq!(preparation[1..], expected);
    assert!(preparation[0].starts_with("sort, replicated, teaching, 2 + 1 parties"));
    assert_eq!(online, ["online", "2", "5", "18", "450 kB", "6.20 ms", "7.00 ms"]);
    let bare = lines(&testing::measurement());
    assert!(!bare.contains("reparation") && !bare.contains("online"), "{bare}");
}

#[test]
fn markdown_has_both_parts_in_a_table_of_their_own() {
    let text = markdown(&testing::staged());
    let (first, second) = text.split_once("\n\n").unwrap();
    assert_eq!(format!("{first}\n"), markdown(&testing::measurement()));
    let rows: Vec<_> = second.lines().collect();
    assert_eq!(rows.len(), 4);
    assert!(
        rows[0].starts_with("| case | stage | rounds | depth | messages | sent by all nodes |")
    );
    assert!(rows[2].ends_with("| preparation | 1 | 2 | 6 | 2.20 MB | 2.00 ms | 2.30 ms |"));
    assert_eq!(rows[3], "|  | online | 2 | 5 | 18 | 450 kB | 6.20 ms | 7.00 ms |");
}

#[test]
fn what_is_no_number_is_absent() {
    for text in [lines(&testing::hollow()), markdown(&testing::hollow())] {
        assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
    }
}
