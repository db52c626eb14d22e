//! The times of a computation's steps at this node, for clients that ask where time goes.
//!
//! A trace lists the rounds, their traffic, and the node's waiting times. None of it depends on a
//! value beyond the result. But the time of reading and arithmetic depends on the number of rows.
//! So there is no trace of datasets, whose number of rows a client may not know.

use std::time::Duration;

use cloister_protocols::meter::Stage;
use cloister_protocols::trace::TracedRound;
use serde::Serialize;

/// The rounds of a computation at this node. Times are in seconds.
#[derive(Clone, Debug, Serialize)]
pub struct Trace {
    /// The begin, in seconds since 1970 by this node's clock.
    pub started: f64,
    /// The time from its begin to its end, without reading and deciding the request and encoding
    /// the data.
    pub seconds: f64,
    /// The time of reading the data as the function takes them, checking and encoding them, before
    /// the begin.
    pub encoding: f64,
    /// The time that the links to the other members worked meanwhile, for this and other
    /// computations.
    pub serialisation: f64,
    /// The agreement, then each round in order.
    pub rounds: Vec<Round>,
}

/// One round. Times are in seconds after the computation's begin.
#[derive(Clone, Debug, Serialize)]
pub struct Round {
    /// The name.
    pub name: &'static str,
    /// The stage: preprocessing, or the computation itself.
    pub stage: Stage,
    /// The begin.
    pub begins: f64,
    /// The end.
    pub ends: f64,
    /// The time in the protocol's arithmetic.
    pub arithmetic: f64,
    /// The times of waiting for messages, as pairs of begin and end.
    pub waits: Vec<(f64, f64)>,
    /// Messages sent in it.
    pub messages_sent: u64,
    /// Bytes sent in it.
    pub bytes_sent: u64,
    /// Bytes received in it.
    pub bytes_received: u64,
}

impl Trace {
    /// Returns about how many bytes of memory the trace holds.
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
