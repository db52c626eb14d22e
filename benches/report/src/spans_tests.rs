use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{SpansError, otlp};
use crate::testing;

/// 2026-11-24T10:16:49.5Z.
const STARTED: u64 = 1_795_515_409_500_000_000;

fn spans(exported: &Value) -> Vec<&Value> {
    let resources = exported["resourceSpans"].as_array().unwrap();
    let scopes = resources.iter().flat_map(|one| one["scopeSpans"].as_array().unwrap());
    scopes.flat_map(|scope| scope["spans"].as_array().unwrap()).collect()
}

fn attribute<'span>(of: &'span Value, key: &str) -> &'span Value {
    let attributes = of["attributes"].as_array().unwrap();
    let found = attributes.iter().find(|attribute| attribute["key"] == key);
    &found.unwrap_or_else(|| panic!("no {key}"))["value"]
}

fn nanoseconds(span: &Value, field: &str) -> u64 {
    span[field].as_str().unwrap().parse().unwrap()
}

#[test]
fn there_is_one_resource_for_each_member_and_one_trace_for_each_line() {
    let exported = otlp(&testing::measurement()).unwrap();
    let resources = exported["resourceSpans"].as_array().unwrap();
    let parties: Vec<_> = resources
        .iter()
        .map(|one| attribute(&one["resource"], "cloister.party")["stringValue"].as_str().unwrap())
        .collect();
    assert_eq!(parties, ["amber", "birch"]);
    for one in resources {
        assert_eq!(attribute(&one["resource"], "service.name")["stringValue"], "cloister");
    }
    let traces: BTreeSet<_> =
        spans(&exported).iter().map(|span| span["traceId"].to_string()).collect();
    assert_eq!(traces.len(), 2);
    // Two lines, two nodes, a computation and four rounds.
    assert_eq!(spans(&exported).len(), 2 * 2 * (1 + 4));
}

#[test]
fn every_round_hangs_under_the_computation_of_its_node() {
    let exported = otlp(&testing::measurement()).unwrap();
    for one in exported["resourceSpans"].as_array().unwrap() {
        let spans: Vec<_> = spans_of(one);
        let computations: BTreeMap<_, _> = spans
            .iter()
            .filter(|span| span.get("parentSpanId").is_none())
            .map(|span| ((span["traceId"].to_string(), span["spanId"].to_string()), *span))
            .collect();
        assert_eq!(computations.len(), 2);
        for round in spans.iter().filter(|span| span.get("parentSpanId").is_some()) {
            let parent = (round["traceId"].to_string(), round["parentSpanId"].to_string());
            let computation = computations[&parent];
            assert!(
                nanoseconds(round, "startTimeUnixNano")
                    >= nanoseconds(computation, "startTimeUnixNano")
            );
            assert!(
                nanoseconds(round, "endTimeUnixNano")
                    <= nanoseconds(computation, "endTimeUnixNano") + 1
            );
        }
    }
}

fn spans_of(resource: &Value) -> Vec<&Value> {
    resource["scopeSpans"][0]["spans"].as_array().unwrap().iter().collect()
}

#[test]
fn ids_are_hexadecimal_unique_and_the_same_each_time() {
    let exported = otlp(&testing::measurement()).unwrap();
    let mut seen = BTreeSet::new();
    for span in spans(&exported) {
        let (trace, id) = (span["traceId"].as_str().unwrap(), span["spanId"].as_str().unwrap());
        assert_eq!((trace.len(), id.len()), (32, 16));
        assert!(trace.chars().chain(id.chars()).all(|digit| digit.is_ascii_hexdigit()));
        assert!(seen.insert((trace, id)));
    }
    assert_eq!(otlp(&testing::measurement()).unwrap(), exported);
    let mut later = testing::measurement();
    later.started = "2026-11-25T10:16:49Z".into();
    let later = otlp(&later).unwrap();
    assert!(
        spans(&later).iter().all(|span| !seen.iter().any(|(trace, _)| span["traceId"] == *trace))
    );
}

#[test]
fn times_begin_where_the_measurement_did_and_lines_follow_each_other() {
    let exported = otlp(&testing::measurement()).unwrap();
    let amber = spans_of(&exported["resourceSpans"][0]);
    let mean = amber.iter().find(|span| span["name"] == "mean").unwrap();
    assert_eq!(mean["startTimeUnixNano"], STARTED.to_string());
    assert_eq!(mean["endTimeUnixNano"], (STARTED + 8_000_000).to_string());
    assert_eq!(mean["kind"], 1);
    // The second node of the first line ends after 8.1 milliseconds.
    let sort = amber.iter().find(|span| span["name"] == "sort").unwrap();
    assert_eq!(sort["startTimeUnixNano"], (STARTED + 8_100_000).to_string());
    let share = amber.iter().find(|span| span["name"] == "share").unwrap();
    assert_eq!(share["startTimeUnixNano"], (STARTED + 2_000_000).to_string());
    assert_eq!(share["endTimeUnixNano"], (STARTED + 4_000_000).to_string());
}

#[test]
fn a_round_tells_bytes_messages_arithmetic_and_waiting() {
    let exported = otlp(&testing::measurement()).unwrap();
    let share = *spans(&exported).iter().find(|span| span["name"] == "share").unwrap();
    assert_eq!(attribute(share, "cloister.bytes_sent")["intValue"], "350000");
    assert_eq!(attribute(share, "cloister.bytes_received")["intValue"], "282500");
    assert_eq!(attribute(share, "cloister.messages_sent")["intValue"], "3");
    assert_eq!(attribute(share, "cloister.arithmetic_seconds")["doubleValue"], 0.000_6);
    let waiting = attribute(share, "cloister.waiting_seconds")["doubleValue"].as_f64().unwrap();
    assert!((waiting - 0.001_1).abs() < 1e-12);
}

fn stages(spans: &[&Value]) -> Vec<String> {
    let mut stages = Vec::new();
    for round in spans.iter().skip(1) {
        let stage = &attribute(round, "cloister.stage")["stringValue"];
        stages.push(stage.as_str().unwrap().to_owned());
    }
    stages
}

#[test]
fn rounds_tell_their_stage_and_a_computation_how_long_it_prepared() {
    let exported = otlp(&testing::staged()).unwrap();
    // The second node, and its second line.
    let birch = spans_of(&exported["resourceSpans"][1]);
    let (mean, sort) = birch.split_at(5);
    assert_eq!(stages(mean), ["online"; 4]);
    assert_eq!(stages(sort), ["online", "preparation", "online", "online"]);
    let preparing = attribute(sort[0], "cloister.preparation_seconds")["doubleValue"].as_f64();
    assert!((preparing.unwrap() - 0.002).abs() < 1e-12);
    assert!(!mean[0].to_string().contains("preparation"));
}

#[test]
fn a_beginning_that_is_no_time_is_named() {
    let mut measurement = testing::measurement();
    measurement.started = "yesterday".into();
    let error = otlp(&measurement).unwrap_err();
    assert!(matches!(error, SpansError::Started { .. }));
    assert!(error.to_string().contains("\"yesterday\""));
    measurement.started = "1969-12-31T23:59:59Z".into();
    assert!(matches!(otlp(&measurement), Err(SpansError::Era { .. })));
}

#[test]
fn what_is_no_number_makes_no_null() {
    let text = otlp(&testing::hollow()).unwrap().to_string();
    assert!(!text.contains("null") && !text.contains("NaN"));
}
