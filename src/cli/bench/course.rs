//! From single runs to a line: what the protocol says, and what the runs took.

use cloister_protocols::meter::Traffic;
use cloister_report::measurement::{Bound, Case, Line, Link, NodeCost, Spread};

use crate::problem::{Outcome, Problem};

/// What the protocol alone says of a computation, whoever runs it and however long it takes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Course {
    pub(super) rounds: usize,
    /// Messages that wait for each other, as a time in units of a latency.
    pub(super) depth: f64,
    pub(super) messages: u64,
    pub(super) bytes: u64,
    /// Bytes that go from one node to another, where most do.
    pub(super) busiest: u64,
    /// What each node sends and receives.
    pub(super) nodes: Vec<Traffic>,
}

/// One run.
#[derive(Clone, Debug)]
pub(super) struct Run {
    /// From the last node's start to the last node's end, without encoding.
    pub(super) seconds: f64,
    pub(super) nodes: Vec<NodeCost>,
}

impl Run {
    /// With the encoding that took longest: all nodes begin when they have their data encoded.
    fn whole(&self) -> f64 {
        self.seconds + self.nodes.iter().map(|node| node.encoding).fold(0.0, f64::max)
    }
}

impl Course {
    /// What the link alone takes.
    pub(super) fn theory(&self, link: &Link) -> Option<f64> {
        let seconds = self.depth * link.round_trip / 2.0
            + link.bandwidth.map_or(0.0, |bandwidth| as_f64(self.busiest) / bandwidth);
        (seconds > 0.0).then_some(seconds)
    }

    /// Whether nodes have sent and received, message by message, what the protocol says.
    pub(super) fn check(&self, run: &Run) -> Outcome {
        for (node, expected) in run.nodes.iter().zip(&self.nodes) {
            let seen = (node.messages_sent, node.bytes_sent, node.bytes_received);
            let due = (expected.messages_sent, expected.bytes_sent, expected.bytes_received);
            let rounds = node.trace.len().saturating_sub(1);
            if seen != due || rounds > self.rounds {
                return Err(Problem::ours(format!(
                    "{} took {rounds} rounds and {seen:?} messages sent, bytes sent and received, \
                     and the simulation {} and {due:?}",
                    node.name, self.rounds
                )));
            }
        }
        Ok(())
    }

    /// A line of several runs, at least one.
    pub(super) fn line(
        &self,
        case: Case,
        amount: usize,
        mut runs: Vec<Run>,
        mut bounds: Vec<Bound>,
    ) -> Outcome<Line> {
        runs.sort_by(|one, other| one.whole().total_cmp(&other.whole()));
        let seconds = spread(&runs.iter().map(Run::whole).collect::<Vec<_>>());
        let seconds = seconds.ok_or_else(|| Problem::ours("nothing has run"))?;
        let middle = runs.len().saturating_sub(1) / 2;
        let nodes = runs.into_iter().nth(middle).map(|run| run.nodes).unwrap_or_default();
        bounds.sort_by(|one, other| other.seconds.total_cmp(&one.seconds));
        Ok(Line {
            rounds: self.rounds,
            depth: whole(self.depth),
            messages: self.messages,
            bytes: self.bytes,
            seconds,
            throughput: as_f64(amount as u64) / seconds.median.max(f64::MIN_POSITIVE),
            theory: self.theory(&case.link),
            bounds,
            nodes,
            case,
        })
    }
}

/// The distribution of these times, which are in order.
fn spread(times: &[f64]) -> Option<Spread> {
    let at = |index: usize| times.get(index.min(times.len().saturating_sub(1))).copied();
    let p95 = (times.len() * 95).div_ceil(100).saturating_sub(1);
    let median = at(times.len().saturating_sub(1) / 2)?;
    Some(Spread { least: at(0)?, median, p95: at(p95)?, runs: times.len() })
}

/// To 16 digits, which is more than any measurement has.
#[expect(clippy::cast_precision_loss, reason = "a measurement has fewer digits")]
pub(super) fn as_f64(number: u64) -> f64 {
    number as f64
}

/// A number of messages, which a virtual time in units of a latency is.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is whole, from 0, and far below 2^53"
)]
fn whole(depth: f64) -> usize {
    depth.round() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_few_runs_the_largest_is_the_95th_percentile() {
        let five = spread(&[1.0, 2.0, 3.0, 4.0, 9.0]).unwrap();
        assert_eq!((five.least, five.median, five.p95), (1.0, 3.0, 9.0));
        let hundred: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(spread(&hundred).unwrap().p95, 95.0);
        assert!(spread(&[]).is_none());
    }
}
