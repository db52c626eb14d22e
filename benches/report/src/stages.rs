//! Preparation, and what is left of a computation when that is done.
//!
//! What is prepared is correlated randomness, which depends on nobody's data: it can be made before
//! there are any. A computation without preparation is online altogether.

use serde::{Deserialize, Serialize};

use crate::measurement::{Line, NodeCost, Spread};

/// What a round is for.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// It makes correlated randomness.
    Preparation,
    /// All else, the agreement included.
    #[default]
    Online,
}

/// A computation in its stages. Of rounds, depth, messages and bytes the two together are the whole.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stages {
    /// What can be done ahead.
    pub preparation: StageCost,
    /// What is left for when there are data.
    pub online: StageCost,
}

/// What one stage cost.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct StageCost {
    /// Rounds after the agreement, at the party that has most of both stages.
    pub rounds: usize,
    /// Messages one after the other; among those online are the agreement's.
    pub depth: usize,
    /// Messages that all nodes sent together.
    pub messages: u64,
    /// Bytes that all nodes sent together, without frames and TLS.
    pub bytes: u64,
    /// Of each run, the time in rounds of preparation at the node that ended last; and what is left of
    /// the run's time for what is online.
    pub seconds: Spread,
}

impl Stage {
    /// Both, in the order in which they are told.
    pub const ALL: [Self; 2] = [Self::Preparation, Self::Online];

    /// The word for it, as the document has it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Preparation => "preparation",
            Self::Online => "online",
        }
    }

    /// Whether nothing needs to be said of it.
    pub(crate) fn is_online(&self) -> bool {
        *self == Self::Online
    }
}

impl Stages {
    /// The stage's part.
    #[must_use]
    pub fn of(&self, stage: Stage) -> StageCost {
        match stage {
            Stage::Preparation => self.preparation,
            Stage::Online => self.online,
        }
    }
}

impl Line {
    /// What a stage of it cost: of a line without preparation, all of it was online.
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
    /// The time that it spent in rounds of preparation.
    #[must_use]
    pub fn preparing(&self) -> f64 {
        let rounds = self.trace.iter().filter(|round| round.stage == Stage::Preparation);
        rounds.map(|round| round.ends - round.begins).sum()
    }

    /// Whether any of its rounds was preparation.
    pub(crate) fn prepares(&self) -> bool {
        self.trace.iter().any(|round| round.stage == Stage::Preparation)
    }
}

impl StageCost {
    fn nothing(runs: usize) -> Self {
        let seconds = Spread { least: 0.0, median: 0.0, p95: 0.0, runs };
        Self { rounds: 0, depth: 0, messages: 0, bytes: 0, seconds }
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
    fn nothing_is_written_where_nothing_was_prepared() {
        let json = serde_json::to_string(&testing::measurement()).unwrap();
        assert!(!json.contains("stage") && !json.contains("online"), "{json}");
        let staged = serde_json::to_value(testing::staged()).unwrap();
        let line = &staged["lines"][1];
        assert_eq!(line["stages"]["preparation"]["bytes"], 2_200_000);
        let stages: Vec<_> =
            (0..4).map(|round| &line["nodes"][0]["trace"][round]["stage"]).collect();
        assert_eq!(stages[1], "preparation");
        assert!(stages[0].is_null() && stages[2].is_null());
    }
}
