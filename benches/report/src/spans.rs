//! The rounds as spans of OpenTelemetry, for viewers that draw them: an OTLP export request in JSON.
//!
//! The form is that of OTLP's "JSON Protobuf Encoding": names in lowerCamelCase, ids in hexadecimal,
//! 64-bit integers as decimal strings, enumerations as numbers. There is one resource for each member, one
//! trace for each line, in it one span for each node's computation, and under it one for each round.
//!
//! Only the beginning of the whole measurement is known as a time of day. The lines are set one after
//! another from there on, each with its median run; between them nothing is said about real times.

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

/// Why a measurement cannot be set in time.
#[derive(Debug, Error)]
pub enum SpansError {
    /// Its beginning is not a time.
    #[error("the measurement says that it was started at {started:?}, which is not RFC 3339")]
    Started {
        /// What it says.
        started: String,
        /// What is wrong with it.
        source: time::error::Parse,
    },
    /// Its beginning cannot be told in nanoseconds after 1970.
    #[error("the measurement was started at {started:?}; spans can begin from 1970 to 2554")]
    Era {
        /// What it says.
        started: String,
    },
}

/// All rounds of all lines, as the body of a request to a collector's `/v1/traces`.
///
/// Ids follow from the beginning of the measurement and the numbers of line, node and round, so that
/// one measurement gives the same spans each time, and two give different ones.
///
/// # Errors
///
/// If the measurement's beginning is no time from 1970 on.
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
    let resources =
        members.all.into_iter().map(|(name, spans)| resource(&measurement.program, &name, spans));
    Ok(json!({ "resourceSpans": resources.collect::<Vec<_>>() }))
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
    /// The computation at a node, and its rounds.
    fn node(&self, position: usize, node: &NodeCost) -> Vec<Value> {
        let computation = span_id(position, 0);
        let mut spans = vec![self.computation(&computation, node)];
        spans.extend(node.trace.iter().enumerate().map(|(number, round)| {
            self.round(&span_id(position, number + 1), &computation, round)
        }));
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

    /// A moment of the line, in nanoseconds after 1970, as OTLP writes 64-bit integers in JSON.
    fn moment(&self, seconds: f64) -> String {
        self.begin.saturating_add(nanoseconds_of(seconds)).to_string()
    }
}

/// From the first node's start to the last node's end.
fn length(line: &Line) -> u64 {
    let ends = line.nodes.iter().map(|node| nanoseconds_of(node.begins + node.seconds));
    ends.max().unwrap_or(0)
}

/// A time of day in nanoseconds after 1970.
fn nanoseconds(started: &str) -> Result<u64, SpansError> {
    let moment = OffsetDateTime::parse(started, &Rfc3339)
        .map_err(|source| SpansError::Started { started: started.to_owned(), source })?;
    u64::try_from(moment.unix_timestamp_nanos())
        .map_err(|_| SpansError::Era { started: started.to_owned() })
}

/// A time span in nanoseconds; nothing if it is below zero or no number.
fn nanoseconds_of(seconds: f64) -> u64 {
    let duration = Duration::try_from_secs_f64(seconds).unwrap_or_default();
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// 16 bytes that no other line of this measurement has, and no measurement of another moment.
fn trace_id(started: u64, line: usize) -> String {
    format!("{started:016x}{:016x}", wide(line).saturating_add(1))
}

/// 8 bytes that no other span of the trace has; a node's computation is its round 0.
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

/// A time, unless it is no number: JSON has none for that.
fn seconds(key: &str, value: f64) -> Option<Value> {
    finite(value).map(|value| json!({ "key": key, "value": { "doubleValue": value } }))
}

#[cfg(test)]
#[path = "spans_tests.rs"]
mod tests;
