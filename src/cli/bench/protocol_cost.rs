//! From single runs to a line: the protocol's rounds and bytes, and the runs' times.

use cloister_protocols::meter::{self, RoundCost, Traffic};
use cloister_report::measurement::{
    Bound, Case, Line, Link, NodeCost, Round, Spread, Stage, StageCost, Stages,
};

use crate::problem::{Outcome, Problem};

/// The profile of a computation by the protocol alone, independent of nodes and times.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ProtocolCost {
    pub(super) rounds: usize,
    /// Messages that wait for each other, as a time in units of a latency.
    pub(super) depth: f64,
    pub(super) messages: u64,
    pub(super) bytes: u64,
    /// Bytes that go from one node to another, where most do.
    pub(super) busiest: u64,
    /// The traffic of each node, the agreement first, then round by round.
    pub(super) nodes: Vec<Vec<RoundCost>>,
    /// The part of it that is preparation. None where there is none.
    pub(super) preparation: Option<Preparation>,
}

/// The profile of the rounds that make correlated randomness, by the protocol alone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Preparation {
    pub(super) rounds: usize,
    /// As a time in units of a latency.
    pub(super) depth: f64,
    pub(super) messages: u64,
    pub(super) bytes: u64,
}

/// Rounds of which nodes keep a trace.
const MOST_TRACED: usize = 10_000;

/// Runs of which all is kept: of further ones the time only.
pub(super) const KEPT: usize = 101;

/// One run.
#[derive(Clone, Debug)]
pub(super) struct Run {
    /// The time from the last node's start to the last node's end, and the longest encoding before.
    /// All nodes begin when they have their data encoded.
    pub(super) seconds: f64,
    /// The part of that for preparation, where it took longest.
    preparing: f64,
    /// None where there are more runs than are kept.
    pub(super) nodes: Vec<NodeCost>,
}

impl Run {
    /// Creates a run whose nodes took so long from the last start to the last end.
    pub(super) fn new(seconds: f64, nodes: Vec<NodeCost>) -> Self {
        let encoding = nodes.iter().map(|node| node.encoding).fold(0.0, f64::max);
        // Preprocessing comes after the agreement, which waits for the last to start.
        let preparing = preparing(&nodes).min(seconds);
        Self { seconds: seconds + encoding, preparing, nodes }
    }

    /// Its time only.
    pub(super) fn without_nodes(self) -> Self {
        Self { nodes: Vec::new(), ..self }
    }
}

impl ProtocolCost {
    /// Returns the time that the link alone takes.
    pub(super) fn theory(&self, link: &Link) -> Option<f64> {
        let seconds = self.depth * link.round_trip / 2.0
            + link.bandwidth.map_or(0.0, |bandwidth| as_f64(self.busiest) / bandwidth);
        (seconds > 0.0).then_some(seconds)
    }

    /// Returns the traffic of each node in all.
    pub(super) fn traffic(&self) -> impl Iterator<Item = Traffic> {
        self.nodes.iter().map(|rounds| total(rounds))
    }

    /// Returns `true` if the traffic of nodes is, round by round, that of the protocol.
    pub(super) fn check(&self, run: &Run) -> Outcome {
        run.nodes.iter().zip(&self.nodes).try_for_each(|(node, rounds)| check(node, rounds))
    }

    /// Makes a line of several runs, at least one.
    pub(super) fn line(
        &self,
        case: Case,
        amount: usize,
        runs: Vec<Run>,
        mut bounds: Vec<Bound>,
    ) -> Outcome<Line> {
        let seconds = spread(runs.iter().map(|run| run.seconds))?;
        let stages = self.preparation.map(|preparation| self.stages(&preparation, &runs));
        let stages = stages.transpose()?;
        let far = |run: &Run| (run.seconds - seconds.median).abs();
        let kept = runs.into_iter().filter(|run| !run.nodes.is_empty());
        let middle = kept.min_by(|one, other| far(one).total_cmp(&far(other)));
        let nodes = middle.map(|run| run.nodes).unwrap_or_default();
        bounds.sort_by(|one, other| other.seconds.total_cmp(&one.seconds));
        Ok(Line {
            rounds: self.rounds,
            depth: whole(self.depth),
            messages: self.messages,
            bytes: self.bytes,
            seconds,
            stages,
            throughput: as_f64(amount as u64) / seconds.median.max(f64::MIN_POSITIVE),
            theory: self.theory(&case.link),
            bounds,
            nodes,
            case,
        })
    }

    /// Returns both stages: the rest beside preprocessing is online.
    fn stages(&self, preparation: &Preparation, runs: &[Run]) -> Outcome<Stages> {
        let Preparation { rounds, depth, messages, bytes } = *preparation;
        let depth = whole(depth);
        Ok(Stages {
            preparation: StageCost {
                rounds,
                depth,
                messages,
                bytes,
                seconds: spread(runs.iter().map(|run| run.preparing))?,
            },
            online: StageCost {
                rounds: self.rounds.saturating_sub(rounds),
                depth: whole(self.depth).saturating_sub(depth),
                messages: self.messages.saturating_sub(messages),
                bytes: self.bytes.saturating_sub(bytes),
                seconds: spread(runs.iter().map(|run| run.seconds - run.preparing))?,
            },
        })
    }
}

/// Returns the preparation time of the node that ended last; of several that ended then, the
/// longest.
pub(super) fn preparing(nodes: &[NodeCost]) -> f64 {
    let last = nodes.iter().max_by(|one, other| {
        let ended = (one.begins + one.seconds).total_cmp(&(other.begins + other.seconds));
        ended.then(one.preparing().total_cmp(&other.preparing()))
    });
    last.map_or(0.0, NodeCost::preparing)
}

/// Converts a stage to that of the document.
pub(super) fn stage(stage: meter::Stage) -> Stage {
    match stage {
        meter::Stage::Preparation => Stage::Preparation,
        meter::Stage::Online => Stage::Online,
    }
}

/// Checks a node's rounds and bytes. A trace has only the first of very many rounds; the totals are
/// compared anyhow.
fn check(node: &NodeCost, rounds: &[RoundCost]) -> Outcome {
    let due = total(rounds);
    let mut same = (node.messages_sent, node.bytes_sent, node.bytes_received)
        == (due.messages_sent, due.bytes_sent, due.bytes_received);
    if rounds.len() <= MOST_TRACED {
        same &= node.trace.len() == rounds.len()
            && node.trace.iter().zip(rounds).all(|(seen, due)| is_same(seen, due));
    }
    if same {
        Ok(())
    } else {
        Err(Problem::ours(format!(
            "{} took {} rounds and sent {} messages of {} bytes, and the simulation {}, {} and {}, or \
             other ones: this is a bug of one of the two",
            node.name,
            node.trace.len().saturating_sub(1),
            node.messages_sent,
            node.bytes_sent,
            rounds.len().saturating_sub(1),
            due.messages_sent,
            due.bytes_sent
        )))
    }
}

fn is_same(seen: &Round, due: &RoundCost) -> bool {
    let Traffic { messages_sent, bytes_sent, bytes_received, .. } = due.traffic;
    (seen.name.as_str(), seen.stage) == (due.name, stage(due.stage))
        && (seen.messages_sent, seen.bytes_sent, seen.bytes_received)
            == (messages_sent, bytes_sent, bytes_received)
}

fn total(rounds: &[RoundCost]) -> Traffic {
    rounds.iter().fold(Traffic::default(), |sum, round| sum + round.traffic)
}

/// Returns the distribution of these times.
fn spread(times: impl Iterator<Item = f64>) -> Outcome<Spread> {
    let mut times: Vec<f64> = times.collect();
    times.sort_by(f64::total_cmp);
    let at = |index: usize| {
        let time = times.get(index.min(times.len().saturating_sub(1)));
        time.copied().ok_or_else(|| Problem::ours("nothing has run"))
    };
    let p95 = (times.len() * 95).div_ceil(100).saturating_sub(1);
    let median = at(times.len() / 2)?;
    Ok(Spread { least: at(0)?, median, p95: at(p95)?, runs: times.len() })
}

/// Converts a number to a double, exact to 16 digits: more than any measurement has.
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
        let five = spread([3.0, 2.0, 1.0, 4.0, 9.0].into_iter()).unwrap();
        assert_eq!((five.least, five.median, five.p95), (1.0, 3.0, 9.0));
        assert_eq!(spread((1..=100).map(f64::from)).unwrap().p95, 95.0);
        assert!(spread([].into_iter()).is_err());
    }
}
