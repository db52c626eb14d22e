//! Suites and what each guarantees, as data.
//!
//! What parties open of a computation is protected by all suites that ran in it. The guarantee of the
//! whole is the weakest of theirs: see [`Guarantee::weakest`].

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;

/// A family of protocols.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suite {
    /// Masked sums among all parties.
    Masked,
    /// Replicated shares at three members.
    Replicated,
    /// Additive shares at all parties.
    Pairwise,
    /// Masked items of sets among all parties.
    Intersection,
}

/// What corrupt parties may do without learning more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Adversary {
    /// They follow the protocol, and put together what they see.
    SemiHonest,
    /// They do what they like. Others then have no result, or the right one.
    MaliciousWithAbort,
}

/// What is hard to compute for corrupt parties.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Assumption {
    /// Pairs of parties agree on keys by X25519.
    DiffieHellmanCurve25519,
    /// AES-128 and keyed BLAKE3 are pseudorandom functions, and BLAKE3 resists collisions.
    SymmetricPrimitives,
    /// Base oblivious transfers rest on the computational Diffie-Hellman problem in ristretto255, with a
    /// random oracle.
    DiffieHellmanRistretto255,
    /// Blinded items rest on the decisional Diffie-Hellman problem in ristretto255.
    DecisionalDiffieHellmanRistretto255,
    /// Extended oblivious transfers rest on a hash of AES-128 that is correlation robust.
    CorrelationRobustHash,
}

/// What is guaranteed of results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Output {
    /// They are right if all parties that compute follow the protocol.
    IfFollowed,
    /// They are right wherever there are any. No fairness: corrupt parties may keep others from them.
    WithAbort,
}

/// What a suite guarantees, or several together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Guarantee {
    /// What corrupt parties may do.
    pub adversary: Adversary,
    /// How many may be corrupt, together.
    pub corruptible: usize,
    /// What it rests on.
    pub hardness: BTreeSet<Assumption>,
    /// What is guaranteed of results.
    pub output: Output,
}

impl Suite {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Masked, Self::Replicated, Self::Pairwise, Self::Intersection];

    /// The name in specs, parameters and results.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Masked => "masked",
            Self::Replicated => "replicated",
            Self::Pairwise => "pairwise",
            Self::Intersection => "intersection",
        }
    }

    /// Returns the suite of this name.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|suite| suite.name() == name)
    }

    /// Returns what the suite guarantees among so many parties with data.
    #[must_use]
    pub fn guarantee(self, parties: usize) -> Guarantee {
        use Assumption::{
            CorrelationRobustHash, DecisionalDiffieHellmanRistretto255, DiffieHellmanCurve25519,
            DiffieHellmanRistretto255, SymmetricPrimitives,
        };
        let own: &[Assumption] = match self {
            Self::Masked | Self::Replicated => &[],
            Self::Pairwise => &[DiffieHellmanRistretto255, CorrelationRobustHash],
            Self::Intersection => &[DecisionalDiffieHellmanRistretto255],
        };
        let all = [DiffieHellmanCurve25519, SymmetricPrimitives];
        let (adversary, output) = match self {
            Self::Masked => (Adversary::MaliciousWithAbort, Output::WithAbort),
            _ => (Adversary::SemiHonest, Output::IfFollowed),
        };
        Guarantee {
            adversary,
            corruptible: if self == Self::Replicated { 1 } else { parties - 1 },
            hardness: all.iter().chain(own).copied().collect(),
            output,
        }
    }
}

impl Guarantee {
    /// Returns what both guarantee.
    #[must_use]
    pub fn weakest(self, other: Self) -> Self {
        Self {
            adversary: self.adversary.min(other.adversary),
            corruptible: self.corruptible.min(other.corruptible),
            hardness: &self.hardness | &other.hardness,
            output: self.output.min(other.output),
        }
    }
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Suite {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_suites_together_guarantee_no_more_than_each() {
        for one in Suite::ALL {
            for other in Suite::ALL {
                let both = one.guarantee(3).weakest(other.guarantee(3));
                for suite in [one, other] {
                    let alone = suite.guarantee(3);
                    assert!(both.adversary <= alone.adversary && both.output <= alone.output);
                    assert!(both.corruptible <= alone.corruptible);
                    assert!(both.hardness.is_superset(&alone.hardness));
                }
            }
            assert_eq!(Suite::find(one.name()), Some(one));
        }
        assert_eq!(Suite::find("Masked"), None);
    }
}
