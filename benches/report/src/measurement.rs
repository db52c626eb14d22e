//! The document: the measured computations, their links, and their costs.
//!
//! Times are in seconds, sizes in bytes, rates in units a second. A value that could not be
//! measured is absent, never zero.

pub use cloister_api::TracedRound as Round;
use serde::{Deserialize, Serialize};

pub use crate::stage::{Spread, Stage, StageCost, Stages};

/// The name of the bound by round trips alone.
pub const LATENCY: &str = "latency";

/// The version of the document's form. No other version is read.
pub const VERSION: u32 = 1;

/// The results of one run of the command.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// The version of the form, [`VERSION`].
    pub version: u32,
    /// The measuring program, with its version.
    pub program: String,
    /// The start of the measurement, as RFC 3339.
    pub started: String,
    /// The measuring machine.
    pub machine: Machine,
    /// `true` if everything requested was measured, and `false` if the run was interrupted.
    pub complete: bool,
    /// The best results that the machine can reach, by link.
    pub limits: Vec<Limits>,
    /// One entry for each computation, in the order in which they were measured.
    pub lines: Vec<Line>,
    /// The cases that were requested and not measured, each with a reason.
    pub skipped: Vec<Skipped>,
}

/// The machine that measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// The processor's name, as the system gives it.
    pub processor: String,
    /// The number of processors that the process may use.
    pub processors: usize,
    /// The operating system.
    pub system: String,
}

/// The best results that a link, and the processor beside it, can reach.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// The link.
    pub link: Link,
    /// The median round trip of 64 bytes over one mutual-TLS connection between two threads.
    pub round_trip: f64,
    /// The one-way rate of such a connection, in bytes a second.
    pub bytes_per_second: f64,
    /// The rate of AES-128 in counter mode on one processor, in bytes a second.
    pub aes_ctr_bytes_per_second: f64,
}

/// A kind of link between nodes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Link {
    /// Its name: `loopback`, `lan`, `wan`, `mobile`, `28 ms`, or `own` for the members' own links.
    pub name: String,
    /// The added round-trip time, half of it in each direction.
    pub round_trip: f64,
    /// The most bytes a second in each direction, if bounded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bandwidth: Option<f64>,
}

/// The way in which a computation was run. The protocols' code is the same in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// By nodes as separate processes on this machine, over mutual TLS.
    Real,
    /// By the same nodes, with a relay between them that adds delay and bounds bandwidth.
    Shaped,
    /// In one thread and in virtual time: messages take the time of the link, arithmetic its own.
    Simulated,
    /// By the parties' own nodes.
    Consortium,
}

/// The identity of a line: two measurements of the same case can be compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Case {
    /// The function, or the operation on shares.
    pub function: String,
    /// The suite of protocols.
    pub suite: String,
    /// The number of parties with data.
    pub parties: usize,
    /// The number of nodes that compute without data.
    pub helpers: usize,
    /// The size of one party's data, in `unit`.
    pub size: usize,
    /// The unit of the size: `numbers`, `rows`, `words`, `products`, …
    pub unit: String,
    /// The disclosure profile of all nodes: `teaching`, which has no rules, or `production`.
    pub profile: String,
    /// The way in which it was run.
    pub way: Way,
    /// The link between the nodes.
    pub link: Link,
}

/// One computation, run several times.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// The case.
    #[serde(flatten)]
    pub case: Case,
    /// The rounds after the agreement, at the party with the most.
    pub rounds: usize,
    /// The longest chain of messages in which each waits for the one before, the agreement
    /// included. On a slow link the time is this number times half a round trip.
    pub depth: usize,
    /// The number of messages of all nodes.
    pub messages: u64,
    /// The bytes of all nodes, without frames and TLS.
    pub bytes: u64,
    /// The time from the last node's start to the last node's end, plus the longest encoding of a
    /// node's data. The clocks of parties' own nodes may differ, so theirs is the shortest of the
    /// nodes' own times, that of the node that started last.
    pub seconds: Spread,
    /// The costs of both stages. Absent without preparation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stages: Option<Stages>,
    /// The units of all parties together in a second, at the median.
    pub throughput: f64,
    /// The time of the link alone: `depth` half round trips, and the bytes of the busiest direction
    /// between two nodes at the link's bandwidth. Absent if the link adds nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub theory: Option<f64>,
    /// The lower bounds that were measured in the same run, the largest first.
    pub bounds: Vec<Bound>,
    /// The costs of the nodes, in the order of the members, in the run with the median time.
    /// Helpers among real nodes report no costs, and are missing.
    pub nodes: Vec<NodeCost>,
}

/// A lower bound of the time of a computation, measured in the same run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bound {
    /// Its name: `latency`, `link`, `aes-ctr` or `plaintext`.
    pub name: String,
    /// The time that this part takes alone.
    pub seconds: f64,
}

/// The cost of a computation at one node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeCost {
    /// The member's name.
    pub name: String,
    /// The number of messages sent to all others.
    pub messages_sent: u64,
    /// The bytes sent to all others, without frames and TLS.
    pub bytes_sent: u64,
    /// The bytes received from all others.
    pub bytes_received: u64,
    /// The time from its start to its end.
    pub seconds: f64,
    /// The time to read, check and encode its data, before its start.
    pub encoding: f64,
    /// The time in the protocol's own arithmetic.
    pub arithmetic: f64,
    /// The time of waiting for messages from its own start on, including nodes that started later.
    pub waiting: f64,
    /// The time of its links, on their own thread, in frames, TLS and system calls. Part of it
    /// falls into the waiting. Absent in virtual time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serialisation: Option<f64>,
    /// The peak memory of its process since it was started for this case, including its client's
    /// data in JSON. Absent if the system does not report it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_memory: Option<u64>,
    /// Its start, in seconds after the first node's start.
    pub begins: f64,
    /// Its rounds in order, the agreement first.
    pub trace: Vec<Round>,
}

/// A case that was not measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Skipped {
    /// The case.
    #[serde(flatten)]
    pub case: Case,
    /// The reason.
    pub reason: String,
}

impl Bound {
    /// Returns the ratio of the median time to this bound.
    #[must_use]
    pub fn ratio(&self, line: &Line) -> f64 {
        line.seconds.median / self.seconds
    }
}

impl Way {
    /// Returns the word of the document.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Real => "real",
            Self::Shaped => "shaped",
            Self::Simulated => "simulated",
            Self::Consortium => "consortium",
        }
    }
}

impl Line {
    /// Returns the nearest bound, which is the longest.
    #[must_use]
    pub fn nearest(&self) -> Option<&Bound> {
        self.bounds
            .iter()
            .filter(|bound| bound.seconds.is_finite())
            .max_by(|one, other| one.seconds.total_cmp(&other.seconds))
    }

    /// Returns the greatest value of any node, or `None` if no node has one.
    #[must_use]
    pub fn most<T: PartialOrd>(&self, of: impl Fn(&NodeCost) -> Option<T>) -> Option<T> {
        self.nodes.iter().filter_map(of).reduce(|most, next| if next > most { next } else { most })
    }

    /// Returns the cost of a stage. A line without preparation is online altogether.
    #[must_use]
    pub fn stage(&self, stage: Stage) -> StageCost {
        match (&self.stages, stage) {
            (Some(stages), _) => stages.of(stage),
            (None, Stage::Preparation) => StageCost::nothing(self.seconds.runs),
            (None, Stage::Online) => StageCost {
                rounds: self.rounds,
                depth: self.depth,
                messages: self.messages,
                bytes: self.bytes,
                seconds: self.seconds,
            },
        }
    }
}

impl NodeCost {
    /// Returns the time in rounds of preparation.
    #[must_use]
    pub fn preparing(&self) -> f64 {
        self.trace
            .iter()
            .filter(|round| round.stage == Stage::Preparation)
            .map(|round| round.ends - round.begins)
            .sum()
    }

    /// Returns `true` if any of its rounds is preparation.
    pub(crate) fn prepares(&self) -> bool {
        self.trace.iter().any(|round| round.stage == Stage::Preparation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn the_stages_of_a_line_are_all_of_it() {
        for line in testing::staged().lines {
            let [preparation, online] = Stage::ALL.map(|stage| line.stage(stage));
            assert_eq!(preparation.rounds + online.rounds, line.rounds);
            assert_eq!(preparation.depth + online.depth, line.depth);
            assert_eq!(preparation.messages + online.messages, line.messages);
            assert_eq!(preparation.bytes + online.bytes, line.bytes);
            assert_eq!(preparation.seconds.runs, line.seconds.runs);
        }
    }

    #[test]
    fn a_line_without_preparation_is_online() {
        let line = &testing::measurement().lines[0];
        let online = line.stage(Stage::Online);
        assert_eq!((online.rounds, online.seconds), (line.rounds, line.seconds));
        assert_eq!(line.stage(Stage::Preparation), StageCost::nothing(21));
        assert!(!line.nodes[0].prepares());
    }

    #[test]
    fn a_node_prepares_as_long_as_its_rounds_of_preparation_take() {
        let node = &testing::staged().lines[1].nodes[0];
        assert!(node.prepares());
        assert!((node.preparing() - 0.002).abs() < 1e-12);
    }

    #[test]
    fn costs_of_preparation_are_written_where_anything_was_prepared() {
        let json = serde_json::to_string(&testing::measurement()).unwrap();
        assert!(!json.contains("stages") && !json.contains("preparation"), "{json}");
        let staged = serde_json::to_value(testing::staged()).unwrap();
        let line = &staged["lines"][1];
        assert_eq!(line["stages"]["preparation"]["bytes"], 2_200_000);
        let stages: Vec<_> =
            (0..4).map(|round| &line["nodes"][0]["trace"][round]["stage"]).collect();
        assert_eq!(stages, ["online", "preparation", "online", "online"]);
    }
}
