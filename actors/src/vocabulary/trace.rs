//! When a computation did what at this node: for clients that ask for it, to see where time goes.
//!
//! It says which rounds there were, how much they carried, and when the node waited. None of it depends
//! on a value beyond what the result tells; but the time that reading and arithmetic take depends on how
//! many rows there are. So there is none of datasets, of which a client may not know that.

use std::time::Duration;

use cloister_protocols::meter::Stage;
use cloister_protocols::trace::TracedRound;
use serde::Serialize;

/// The rounds of a computation at this node. Times are in seconds.
#[derive(Clone, Debug, Serialize)]
pub struct Trace {
    /// When it began, since 1970 by this node's clock.
    pub started: f64,
    /// From its begin to its end, without the time in which the request was read and decided, and the
    /// data encoded.
    pub seconds: f64,
    /// What reading the data as the function takes them, checking and encoding them took before.
    pub encoding: f64,
    /// What the links to the other members worked meanwhile, for this and whatever else computes.
    pub serialisation: f64,
    /// The agreement, then each round in order.
    pub rounds: Vec<Round>,
}

/// One round. Times are in seconds after the computation's begin.
#[derive(Clone, Debug, Serialize)]
pub struct Round {
    /// Its name.
    pub name: &'static str,
    /// Whether it makes correlated randomness, or is of the computation itself.
    pub stage: Stage,
    /// When it begins.
    pub begins: f64,
    /// When it ends.
    pub ends: f64,
    /// Time in the protocol's arithmetic.
    pub arithmetic: f64,
    /// When the node waited for messages: pairs of begin and end.
    pub waits: Vec<(f64, f64)>,
    /// Messages sent in it.
    pub messages_sent: u64,
    /// Bytes sent in it.
    pub bytes_sent: u64,
    /// Bytes received in it.
    pub bytes_received: u64,
}

impl Trace {
    /// Roughly how many bytes of memory it holds.
    pub(crate) fn footprint(&self) -> usize {
        let round = |round: &Round| size_of::<Round>() + size_of_val(round.waits.as_slice());
        self.rounds.iter().map(round).sum()
    }
}

impl From<TracedRound> for Round {
    fn from(round: TracedRound) -> Self {
        let interval =
            |(begin, end): (Duration, Duration)| (begin.as_secs_f64(), end.as_secs_f64());
        Self {
            name: round.name,
            stage: round.stage,
            begins: round.begins.as_secs_f64(),
            ends: round.ends.as_secs_f64(),
            arithmetic: round.arithmetic.as_secs_f64(),
            waits: round.waits.into_iter().map(interval).collect(),
            messages_sent: round.traffic.messages_sent,
            bytes_sent: round.traffic.bytes_sent,
            bytes_received: round.traffic.bytes_received,
        }
    }
}
