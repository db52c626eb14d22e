//! The rounds as spans of OpenTelemetry, for trace viewers: an OTLP export request in JSON.
//!
//! The form is OTLP's "JSON Protobuf Encoding": names in lowerCamelCase, ids in hexadecimal, 64-bit
//! integers as decimal strings, enumerations as numbers. Each member is a resource, and each line
//! is a trace. A node's computation is a span of the trace, and its rounds are spans below it.
//!
//! The document has the start of the whole measurement as its only time of day. The lines follow
//! one another from there on, each with its median run, and the gaps between them are not real.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use thiserror::Error;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::measurement::{Line, Measurement, NodeCost, Round};
use crate::numbers::{finite, wide};

/// `SPAN_KIND_INTERNAL`: work within an application, not the side of a call.
const INTERNAL: u32 = 1;

/// Reasons why a measurement has no usable time of day.
#[derive(Debug, Error)]
pub enum SpansError {
    /// Its start is not a time.
    #[error("the measurement says that it was started at {started:?}, which is not RFC 3339")]
    Started {
        /// The start in the document.
        started: String,
        /// The defect found.
        source: time::error::Parse,
    },
    /// Its start cannot be expressed in nanoseconds after 1970.
    #[error("the measurement was started at {started:?}; spans can begin from 1970 to 2554")]
    Era {
        /// The start in the document.
        started: String,
    },
}

/// Encodes all rounds of all lines as the body of a request to a collector's `/v1/traces`.
///
/// Ids are derived from the start of the measurement and the numbers of line, node and round. So a
/// measurement gives the same spans each time, and two measurements give different ones.
///
/// # Errors
///
/// If the measurement's start is no time from 1970 on.
pub fn otlp(measurement: &Measurement) -> Result<Value, SpansError> {
    let started = nanoseconds(&measurement.started)?;
    let mut members = Members::default();
    let mut begin = started;
    for (index, line) in measurement.lines.iter().enumerate() {
        let trace = Trace { line, id: trace_id(started, index), begin };
        for (position, node) in line.nodes.iter().enumerate() {
            members.of(&node.name).extend(trace.node(position, node));
        }
        begin = begin.saturating_add(length(line));
    }
    let mut resources = Vec::new();
    for (name, spans) in members.all {
        resources.push(resource(&measurement.program, &name, spans));
    }
    Ok(json!({ "resourceSpans": resources }))
}

/// The spans by member.
#[derive(Default)]
struct Members {
    all: BTreeMap<String, Vec<Value>>,
}

impl Members {
    fn of(&mut self, name: &str) -> &mut Vec<Value> {
        self.all.entry(name.to_owned()).or_default()
    }
}

fn resource(program: &str, member: &str, spans: Vec<Value>) -> Value {
    json!({
        "resource": { "attributes": [text("service.name", "cloister"), text("cloister.party", member)] },
        "scopeSpans": [{ "scope": { "name": program }, "spans": spans }],
    })
}

/// One line as a trace.
struct Trace<'line> {
    line: &'line Line,
    id: String,
    begin: u64,
}

impl Trace<'_> {
    /// Makes the spans of the computation at a node, and of its rounds.
    fn node(&self, position: usize, node: &NodeCost) -> Vec<Value> {
        let computation = span_id(position, 0);
        let mut spans = vec![self.computation(&computation, node)];
        for (round, number) in node.trace.iter().zip(1..) {
            spans.push(self.round(&span_id(position, number), &computation, round));
        }
        spans
    }

    fn computation(&self, id: &str, node: &NodeCost) -> Value {
        let case = &self.line.case;
        json!({
            "traceId": self.id,
            "spanId": id,
            "name": case.function,
            "kind": INTERNAL,
            "startTimeUnixNano": self.moment(node.begins),
            "endTimeUnixNano": self.moment(node.begins + node.seconds),
            "attributes": attributes([
                Some(text("cloister.suite", &case.suite)),
                Some(count("cloister.parties", wide(case.parties))),
                Some(count("cloister.helpers", wide(case.helpers))),
                Some(count("cloister.size", wide(case.size))),
                Some(text("cloister.unit", &case.unit)),
                Some(text("cloister.profile", &case.profile)),
                Some(text("cloister.link", &case.link.name)),
                Some(text("cloister.way", case.way.word())),
                Some(count("cloister.messages_sent", node.messages_sent)),
                Some(count("cloister.bytes_sent", node.bytes_sent)),
                Some(count("cloister.bytes_received", node.bytes_received)),
                seconds("cloister.arithmetic_seconds", node.arithmetic),
                seconds("cloister.waiting_seconds", node.waiting),
                node.prepares().then(|| preparing(node)).flatten(),
            ]),
        })
    }

    fn round(&self, id: &str, computation: &str, round: &Round) -> Value {
        json!({
            "traceId": self.id,
            "spanId": id,
            "parentSpanId": computation,
            "name": round.name,
            "kind": INTERNAL,
            "startTimeUnixNano": self.moment(round.begins),
            "endTimeUnixNano": self.moment(round.ends),
            "attributes": attributes([
                Some(text("cloister.stage", round.stage.word())),
                Some(count("cloister.messages_sent", round.messages_sent)),
                Some(count("cloister.bytes_sent", round.bytes_sent)),
                Some(count("cloister.bytes_received", round.bytes_received)),
                seconds("cloister.arithmetic_seconds", round.arithmetic),
                seconds("cloister.waiting_seconds", round.waiting()),
            ]),
        })
    }

    /// Writes a moment of the line, in nanoseconds after 1970, as OTLP writes 64-bit integers.
    fn moment(&self, seconds: f64) -> String {
        self.begin.saturating_add(nanoseconds_of(seconds)).to_string()
    }
}

/// Returns the time from the first node's start to the last node's end.
fn length(line: &Line) -> u64 {
    line.nodes.iter().map(|node| nanoseconds_of(node.begins + node.seconds)).max().unwrap_or(0)
}

/// Converts a time of day to nanoseconds after 1970.
fn nanoseconds(started: &str) -> Result<u64, SpansError> {
    let moment = OffsetDateTime::parse(started, &Rfc3339)
        .map_err(|source| SpansError::Started { started: started.to_owned(), source })?;
    u64::try_from(moment.unix_timestamp_nanos())
        .map_err(|_| SpansError::Era { started: started.to_owned() })
}

/// Converts a duration to nanoseconds, or to 0 if it is negative or not finite.
fn nanoseconds_of(seconds: f64) -> u64 {
    let duration = Duration::try_from_secs_f64(seconds).unwrap_or_default();
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Derives the id of a line's trace, unique among lines and among measurements of different starts.
fn trace_id(started: u64, line: usize) -> String {
    format!("{started:016x}{:016x}", wide(line).saturating_add(1))
}

/// Derives the id of a span, unique in its trace. A node's computation is its round 0.
fn span_id(node: usize, round: usize) -> String {
    format!("{:08x}{:08x}", wide(node).saturating_add(1), wide(round))
}

fn attributes<const COUNT: usize>(attributes: [Option<Value>; COUNT]) -> Vec<Value> {
    attributes.into_iter().flatten().collect()
}

fn text(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": value } })
}

fn count(key: &str, value: u64) -> Value {
    json!({ "key": key, "value": { "intValue": value.to_string() } })
}

fn preparing(node: &NodeCost) -> Option<Value> {
    seconds("cloister.preparation_seconds", node.preparing())
}

/// Writes a time, unless it is not finite, which JSON cannot represent.
fn seconds(key: &str, value: f64) -> Option<Value> {
    finite(value).map(|value| json!({ "key": key, "value": { "doubleValue": value } }))
}

#[cfg(test)]
#[path = "spans_tests.rs"]
mod tests;
