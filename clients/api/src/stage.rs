//! The two stages of a computation.

use serde::{Deserialize, Serialize};

/// The purpose of a round.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// It makes correlated randomness, which is independent of all data.
    Preparation,
    /// All other work, the agreement included.
    #[default]
    Online,
}

impl Stage {
    /// Both stages, in order.
    pub const ALL: [Self; 2] = [Self::Preparation, Self::Online];

    /// Returns its name, as documents have it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Preparation => "preparation",
            Self::Online => "online",
        }
    }
}
