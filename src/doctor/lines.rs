//! Each line between two nodes, in both directions, as its ends find it.

use std::time::Duration;

use cloister_client::{CallError, Consortium, NodeClient, ProbeReport, ProbeStep};

use super::{Check, Examination, LineCheck, NodeCheck, Verdict, all};

/// The time in which a node must try one line, beside the time of silence.
const PATIENCE: Duration = Duration::from_secs(75);

pub(super) async fn examine(
    consortium: &Consortium,
    nodes: &[NodeCheck],
    examination: &Examination,
) -> Vec<LineCheck> {
    let names: Vec<&str> = consortium.members().iter().map(|m| m.name.as_str()).collect();
    let of_each = consortium.each().map(|(member, client)| {
        // A node whose API does not answer can try nothing. The lines may show its fault.
        let node = nodes.iter().find(|node| node.member == member.name);
        let mute = node.is_none_or(|node| node.checks.len() <= 1);
        from_one(&member.name, (!mute).then_some(client), &names, examination)
    });
    all(of_each).await.into_iter().flatten().collect()
}

/// Tries the lines from one node, one after the other, so that they do not share its bandwidth.
async fn from_one(
    from: &str,
    client: Option<&NodeClient>,
    names: &[&str],
    examination: &Examination,
) -> Vec<LineCheck> {
    let mut lines = Vec::new();
    for to in names.iter().filter(|to| **to != from) {
        lines.push(match client {
            Some(client) => LineCheck::of(from, to, &probe(client, to, examination).await),
            None => LineCheck::untried(from, to),
        });
    }
    lines
}

async fn probe(
    client: &NodeClient,
    to: &str,
    examination: &Examination,
) -> Result<ProbeReport, CallError> {
    let Examination { idle, bytes, .. } = examination;
    client.probe(to, *idle, *bytes, PATIENCE + *idle).await
}

impl LineCheck {
    fn of(from: &str, to: &str, found: &Result<ProbeReport, CallError>) -> Self {
        let checks = match found {
            Ok(report) => report.steps.iter().map(check).collect(),
            Err(error) => {
                let remedy = format!("see the log of {from}'s node");
                vec![Check::failed("probe", error.to_string(), (&remedy, from))]
            }
        };
        let report = found.as_ref().ok();
        Self {
            from: from.to_owned(),
            to: to.to_owned(),
            verdict: Verdict::worst(&checks),
            round_trip_seconds: report.and_then(|report| report.round_trip_seconds),
            bytes_per_second: report.and_then(|report| report.bytes_per_second),
            checks,
        }
    }

    fn untried(from: &str, to: &str) -> Self {
        let why = format!("the node of {from} does not answer this client");
        let (from, to) = (from.to_owned(), to.to_owned());
        let (round_trip_seconds, bytes_per_second) = (None, None);
        let checks = vec![Check::skipped("probe", why)];
        let verdict = Verdict::Skipped;
        Self { from, to, verdict, round_trip_seconds, bytes_per_second, checks }
    }
}

fn check(step: &ProbeStep) -> Check {
    let ProbeStep { step, verdict, detail, remedy, who } = step.clone();
    let verdict = match verdict.as_str() {
        "ok" => Verdict::Ok,
        "skipped" => Verdict::Skipped,
        "warning" => Verdict::Warning,
        // An unknown verdict is better looked at.
        _ => Verdict::Failed,
    };
    Check { check: step, verdict, detail, remedy, who }
}
