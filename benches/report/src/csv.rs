//! CSV for spreadsheets, one record for each line: seconds, bytes, units a second, without
//! prefixes.
//!
//! The form is that of RFC 4180. A field that was not measured, or is not finite, is empty. A value
//! of nodes is the greatest of any node. A line without preparation is online altogether.

use crate::measurement::{Bound, Line, Measurement, NodeCost, Stage};
use crate::numbers::finite;

/// Writes the lines as CSV, after a record of names.
///
/// # Errors
///
/// If a record cannot be written.
pub fn lines(measurement: &Measurement) -> Result<String, ::csv::Error> {
    let mut writer =
        ::csv::WriterBuilder::new().terminator(::csv::Terminator::CRLF).from_writer(Vec::new());
    writer.write_record(FIELDS.iter().map(|(name, _)| name))?;
    for line in &measurement.lines {
        writer.write_record(FIELDS.iter().map(|(_, of)| of(line)))?;
    }
    let bytes = writer.into_inner().map_err(|failed| failed.into_error())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The function that writes a field of a line.
type Field = fn(&Line) -> String;

/// The fields of a record, in order.
const FIELDS: [(&str, Field); 42] = [
    ("function", |line| line.case.function.clone()),
    ("suite", |line| line.case.suite.clone()),
    ("parties", |line| line.case.parties.to_string()),
    ("helpers", |line| line.case.helpers.to_string()),
    ("size", |line| line.case.size.to_string()),
    ("unit", |line| line.case.unit.clone()),
    ("profile", |line| line.case.profile.clone()),
    ("way", |line| line.case.way.word().to_owned()),
    ("link", |line| line.case.link.name.clone()),
    ("link_round_trip_seconds", |line| number(line.case.link.round_trip)),
    ("link_bytes_per_second", |line| maybe(line.case.link.bandwidth)),
    ("rounds", |line| line.rounds.to_string()),
    ("depth", |line| line.depth.to_string()),
    ("messages", |line| line.messages.to_string()),
    ("bytes", |line| line.bytes.to_string()),
    ("runs", |line| line.seconds.runs.to_string()),
    ("least_seconds", |line| number(line.seconds.least)),
    ("median_seconds", |line| number(line.seconds.median)),
    ("p95_seconds", |line| number(line.seconds.p95)),
    ("units_per_second", |line| number(line.throughput)),
    ("theory_seconds", |line| maybe(line.theory)),
    ("nearest_bound", |line| nearest(line, |bound| bound.name.clone())),
    ("nearest_bound_seconds", |line| nearest(line, |bound| number(bound.seconds))),
    ("nearest_bound_ratio", |line| nearest(line, |bound| number(bound.ratio(line)))),
    ("node_messages_sent", |line| count(line, |node| Some(node.messages_sent))),
    ("node_bytes_sent", |line| count(line, |node| Some(node.bytes_sent))),
    ("node_bytes_received", |line| count(line, |node| Some(node.bytes_received))),
    ("node_encoding_seconds", |line| maybe(line.most(|node| Some(node.encoding)))),
    ("node_arithmetic_seconds", |line| maybe(line.most(|node| Some(node.arithmetic)))),
    ("node_waiting_seconds", |line| maybe(line.most(|node| Some(node.waiting)))),
    ("node_serialisation_seconds", |line| maybe(line.most(|node| node.serialisation))),
    ("node_peak_memory_bytes", |line| count(line, |node| node.peak_memory)),
    ("preparation_rounds", |line| line.stage(Stage::Preparation).rounds.to_string()),
    ("preparation_depth", |line| line.stage(Stage::Preparation).depth.to_string()),
    ("preparation_messages", |line| line.stage(Stage::Preparation).messages.to_string()),
    ("preparation_bytes", |line| line.stage(Stage::Preparation).bytes.to_string()),
    ("preparation_median_seconds", |line| number(line.stage(Stage::Preparation).seconds.median)),
    ("online_rounds", |line| line.stage(Stage::Online).rounds.to_string()),
    ("online_depth", |line| line.stage(Stage::Online).depth.to_string()),
    ("online_messages", |line| line.stage(Stage::Online).messages.to_string()),
    ("online_bytes", |line| line.stage(Stage::Online).bytes.to_string()),
    ("online_median_seconds", |line| number(line.stage(Stage::Online).seconds.median)),
];

fn number(number: f64) -> String {
    maybe(Some(number))
}

fn maybe(number: Option<f64>) -> String {
    number.and_then(finite).map_or_else(String::new, |number| number.to_string())
}

fn count(line: &Line, of: fn(&NodeCost) -> Option<u64>) -> String {
    line.most(of).map_or_else(String::new, |count| count.to_string())
}

fn nearest(line: &Line, of: impl Fn(&Bound) -> String) -> String {
    line.nearest().map_or_else(String::new, of)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::measurement::Way;
    use crate::testing;

    fn records(text: &str) -> Vec<BTreeMap<String, String>> {
        let mut reader = ::csv::Reader::from_reader(text.as_bytes());
        reader.deserialize().map(Result::unwrap).collect()
    }

    #[test]
    fn every_number_of_a_line_is_in_its_field() {
        let mut measurement = testing::staged();
        measurement.lines[1].theory = Some(0.125);
        let records = records(&lines(&measurement).unwrap());
        assert_eq!(records.len(), 2);
        let expected = [
            ("function", "sort"),
            ("suite", "replicated"),
            ("parties", "2"),
            ("helpers", "1"),
            ("size", "10000"),
            ("unit", "rows"),
            ("profile", "teaching"),
            ("way", "simulated"),
            ("link", "wan"),
            ("link_round_trip_seconds", "0.028"),
            ("link_bytes_per_second", "12500000"),
            ("rounds", "3"),
            ("depth", "7"),
            ("messages", "24"),
            ("bytes", "2650000"),
            ("runs", "21"),
            ("least_seconds", "0.0079"),
            ("median_seconds", "0.0082"),
            ("p95_seconds", "0.0093"),
            ("units_per_second", "2440000"),
            ("theory_seconds", "0.125"),
            ("nearest_bound", "link"),
            ("nearest_bound_seconds", "0.0041"),
            ("nearest_bound_ratio", "2"),
            ("node_messages_sent", "12"),
            ("node_bytes_sent", "1400000"),
            ("node_bytes_received", "1130000"),
            ("node_encoding_seconds", "0.000123"),
            ("node_arithmetic_seconds", "0.0031"),
            ("node_waiting_seconds", "0.0044"),
            ("node_serialisation_seconds", "0.00025"),
            ("node_peak_memory_bytes", "38500000"),
            ("preparation_rounds", "1"),
            ("preparation_depth", "2"),
            ("preparation_messages", "6"),
            ("preparation_bytes", "2200000"),
            ("preparation_median_seconds", "0.002"),
            ("online_rounds", "2"),
            ("online_depth", "5"),
            ("online_messages", "18"),
            ("online_bytes", "450000"),
            ("online_median_seconds", "0.0062"),
        ];
        let expected: BTreeMap<_, _> =
            expected.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        assert_eq!(records[1], expected);
        assert_eq!(records[0]["link_bytes_per_second"], "");
        // Nothing of the first line was preparation.
        assert_eq!((&*records[0]["preparation_rounds"], &*records[0]["online_rounds"]), ("0", "3"));
    }

    #[test]
    fn names_that_need_quotes_are_quoted() {
        let line = testing::line("a \"b\",\nc", Way::Real, testing::loopback());
        let text = lines(&testing::of(vec![line])).unwrap();
        assert!(text.contains("\r\n\"a \"\"b\"\",\nc\",replicated,"), "{text}");
        assert_eq!(records(&text)[0]["function"], "a \"b\",\nc");
    }

    #[test]
    fn a_measurement_of_nothing_has_names() {
        let text = lines(&testing::of(Vec::new())).unwrap();
        assert_eq!(text.lines().count(), 1);
        assert!(text.starts_with("function,suite,"));
    }

    #[test]
    fn what_is_no_number_is_empty() {
        let text = lines(&testing::hollow()).unwrap();
        assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
        assert_eq!(records(&text)[0]["median_seconds"], "");
    }
}
