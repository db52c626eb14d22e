//! Preparation and the online stage of a computation, and their costs.
//!
//! Preparation makes correlated randomness, which depends on no party's data, so it can be done
//! ahead. A computation without preparation is online altogether.

pub use cloister_api::Stage;
use serde::{Deserialize, Serialize};

/// The costs of both stages. Their rounds, depth, messages and bytes add up to those of the line.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stages {
    /// The part that can be done ahead.
    pub preparation: StageCost,
    /// The part that needs the data.
    pub online: StageCost,
}

/// The cost of one stage.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct StageCost {
    /// The rounds after the agreement, at the party with the most rounds of both stages.
    pub rounds: usize,
    /// The longest chain of messages that wait for each other. The online stage includes the
    /// agreement.
    pub depth: usize,
    /// The number of messages of all nodes.
    pub messages: u64,
    /// The bytes of all nodes, without frames and TLS.
    pub bytes: u64,
    /// The times of the runs. Preparation is the time in its rounds at the node that ended last,
    /// and the online stage is the rest of the run.
    pub seconds: Spread,
}

impl Stages {
    /// Returns the cost of a stage.
    #[must_use]
    pub fn of(&self, stage: Stage) -> StageCost {
        match stage {
            Stage::Preparation => self.preparation,
            Stage::Online => self.online,
        }
    }
}

/// A distribution of times.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// The shortest time.
    pub least: f64,
    /// The median; the longer of the two middle times of an even number of runs.
    pub median: f64,
    /// The 95th percentile; with fewer than 20 runs the largest.
    pub p95: f64,
    /// The number of runs.
    pub runs: usize,
}

impl StageCost {
    /// Makes the cost of a stage without rounds.
    pub(crate) fn nothing(runs: usize) -> Self {
        let seconds = Spread { least: 0.0, median: 0.0, p95: 0.0, runs };
        Self { rounds: 0, depth: 0, messages: 0, bytes: 0, seconds }
    }
}
