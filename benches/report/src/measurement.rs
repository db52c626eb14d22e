//! The document: which computations were measured, over which links, and what each cost.
//!
//! Times are in seconds, sizes in bytes, rates in units a second. What could not be measured is
//! absent, never zero.

use serde::{Deserialize, Serialize};

pub use crate::stages::{Stage, StageCost, Stages};

/// The name of the bound that round trips alone make.
pub const LATENCY: &str = "latency";

/// The version of the document's form; another one is not read.
pub const VERSION: u32 = 1;

/// All that one run of the command has measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// [`VERSION`].
    pub version: u32,
    /// Which program measured, with its version.
    pub program: String,
    /// When it began, as RFC 3339.
    pub started: String,
    /// Where.
    pub machine: Machine,
    /// Whether everything was measured that was asked for; not if it was interrupted.
    pub complete: bool,
    /// What the machine can do at best, by link.
    pub limits: Vec<Limits>,
    /// One entry for each computation, in the order in which they were measured.
    pub lines: Vec<Line>,
    /// What was asked for and not measured, and why.
    pub skipped: Vec<Skipped>,
}

/// Where it was measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// The processor's name, as the system gives it.
    pub processor: String,
    /// How many processors this process may use.
    pub processors: usize,
    /// The operating system.
    pub system: String,
}

/// What links, and processors beside them, can do at best.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// The link.
    pub link: Link,
    /// A message of 64 bytes to and fro over one mutual-TLS connection between two threads, median.
    pub round_trip: f64,
    /// Bytes a second over such a connection, one way.
    pub bytes_per_second: f64,
    /// Bytes a second that one processor makes of AES-128 in counter mode.
    pub aes_ctr_bytes_per_second: f64,
}

/// A kind of link between nodes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Link {
    /// What it is called: `loopback`, `lan`, `wan`, `mobile`, `28 ms`, or `own` for the members' own.
    pub name: String,
    /// The time that is added to and fro; half of it in each direction.
    pub round_trip: f64,
    /// The most bytes a second in each direction, if that is bounded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bandwidth: Option<f64>,
}

/// How a computation was run. The protocols' code is the same in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// By nodes as processes of their own on this machine, over mutual TLS.
    Real,
    /// By the same nodes, with a relay between them that adds delay and bounds bandwidth.
    Shaped,
    /// In one thread, in virtual time: messages take what the link says, arithmetic what it took.
    Simulated,
    /// By the parties' own nodes, wherever they are.
    Consortium,
}

/// What identifies a line: two measurements of the same case can be compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Case {
    /// The function, or the operation on shares.
    pub function: String,
    /// The family of protocols.
    pub suite: String,
    /// How many parties bring data.
    pub parties: usize,
    /// How many more nodes compute without data.
    pub helpers: usize,
    /// How large the data of one party are, in `unit`.
    pub size: usize,
    /// Of what: `numbers`, `rows`, `words`, `products`, …
    pub unit: String,
    /// The disclosure profile of all nodes: `teaching`, where no rule asks anything, or `production`.
    pub profile: String,
    /// How it was run.
    pub way: Way,
    /// Over which link.
    pub link: Link,
}

/// One computation, run several times.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Which.
    #[serde(flatten)]
    pub case: Case,
    /// Rounds after the agreement, at the party that has most.
    pub rounds: usize,
    /// Messages one after the other, agreement included: the longest chain in which each waits for
    /// the one before. On a slow link the time is this number times half a round trip.
    pub depth: usize,
    /// Messages that all nodes sent together.
    pub messages: u64,
    /// Bytes that all nodes sent together, without frames and TLS.
    pub bytes: u64,
    /// From the last node's start to the last node's end, and the longest time that a node took to
    /// encode its data before. Of parties' own nodes, whose clocks may differ: the shortest of all
    /// nodes' own times, which is that of the one that started last.
    pub seconds: Spread,
    /// What of all this was preparation, and what is left. Absent where nothing was prepared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stages: Option<Stages>,
    /// How many of `unit`, of all parties together, in a second, at the median.
    pub throughput: f64,
    /// What the link alone would take: `depth` half round trips, and the bytes of the busiest
    /// direction between two nodes at the link's bandwidth. Absent where a link adds nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub theory: Option<f64>,
    /// What is measured beside it in the same run, and how near it is: the largest first.
    pub bounds: Vec<Bound>,
    /// What it cost each node, in the order of the members, in the run with the median time. A helper
    /// of real nodes tells nobody what it cost, and is missing.
    pub nodes: Vec<NodeCost>,
}

/// A distribution of times.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// The least.
    pub least: f64,
    /// The median; of an even number of runs the longer of the two in the middle.
    pub median: f64,
    /// The 95th percentile; with fewer than 20 runs the largest.
    pub p95: f64,
    /// How many there are.
    pub runs: usize,
}

/// A time below which the computation cannot be, measured in the same run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bound {
    /// What: `latency`, `link`, `aes-ctr`, `plaintext`.
    pub name: String,
    /// How long that alone takes.
    pub seconds: f64,
}

/// What a computation cost one node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeCost {
    /// The member's name.
    pub name: String,
    /// Messages sent to all others.
    pub messages_sent: u64,
    /// Bytes sent to all others, without frames and TLS.
    pub bytes_sent: u64,
    /// Bytes received from all others.
    pub bytes_received: u64,
    /// From its start to its end.
    pub seconds: f64,
    /// What it took before its start to read, check and encode its data.
    pub encoding: f64,
    /// Time in the protocol's own arithmetic.
    pub arithmetic: f64,
    /// Time in which it waited for messages, from its own start: also for nodes that started later.
    pub waiting: f64,
    /// Time that its links spent on frames, TLS and the system's calls, on their thread; part of it
    /// falls into the waiting. Absent in virtual time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serialisation: Option<f64>,
    /// The most memory that its process has held since it was started for this case, its client's data in
    /// JSON included. Absent where it cannot be seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_memory: Option<u64>,
    /// When it began, in seconds after the first node's start.
    pub begins: f64,
    /// Its rounds in order, the agreement first.
    pub trace: Vec<Round>,
}

/// One round at one node. Times are in seconds after the first node's start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Round {
    /// Its name.
    pub name: String,
    /// What it is for. Where nothing is said, it is online.
    #[serde(default, skip_serializing_if = "Stage::is_online")]
    pub stage: Stage,
    /// When it begins; it ends where the next one begins.
    pub begins: f64,
    /// When it ends.
    pub ends: f64,
    /// Time in arithmetic within it.
    pub arithmetic: f64,
    /// When the node waited within it: pairs of begin and end. The rest is arithmetic, and the node's
    /// other work.
    pub waits: Vec<(f64, f64)>,
    /// Messages sent in it.
    pub messages_sent: u64,
    /// Bytes sent in it.
    pub bytes_sent: u64,
    /// Bytes received in it.
    pub bytes_received: u64,
}

/// Something that was not measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Skipped {
    /// What.
    #[serde(flatten)]
    pub case: Case,
    /// Why not.
    pub reason: String,
}

impl Bound {
    /// How many times longer the computation took at its median.
    #[must_use]
    pub fn ratio(&self, line: &Line) -> f64 {
        line.seconds.median / self.seconds
    }
}

impl Way {
    /// The word for it, as the document has it.
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
    /// The nearest of the bounds: the one that takes longest.
    #[must_use]
    pub fn nearest(&self) -> Option<&Bound> {
        let measured = self.bounds.iter().filter(|bound| bound.seconds.is_finite());
        measured.max_by(|one, other| one.seconds.total_cmp(&other.seconds))
    }

    /// The most of any node; absent where no node has it.
    #[must_use]
    pub fn most<T: PartialOrd>(&self, of: impl Fn(&NodeCost) -> Option<T>) -> Option<T> {
        let all = self.nodes.iter().filter_map(of);
        all.reduce(|most, next| if next > most { next } else { most })
    }
}
