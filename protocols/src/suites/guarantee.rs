//! Suites and their guarantees, as data.
//!
//! All suites that ran in a computation protect its opened values together. The guarantee of the
//! whole is the weakest of theirs: see [`Guarantee::weakest`].

use std::collections::BTreeSet;
use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

/// A family of protocols.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suite {
    /// Masked sums among all parties.
    Masked,
    /// Replicated shares at three members, against this adversary.
    Replicated(Adversary),
    /// Additive shares at all parties, against this adversary.
    Pairwise(Adversary),
    /// Blinded items of sets among all parties.
    Intersection,
}

/// The behaviour of corrupt parties that a suite withstands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Adversary {
    /// Corrupt parties follow the protocol, and put together the values that they see.
    SemiHonest,
    /// Corrupt parties deviate in any way. Others then have no result, or the right one.
    MaliciousWithAbort,
}

/// A problem that is hard to compute for corrupt parties.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Assumption {
    /// The agreement of pairs of parties on keys by X25519.
    DiffieHellmanCurve25519,
    /// AES-128 and keyed BLAKE3 as pseudorandom functions, and collision resistance of BLAKE3.
    SymmetricPrimitives,
    /// The computational Diffie-Hellman problem in ristretto255, with a random oracle, for base
    /// oblivious transfers.
    DiffieHellmanRistretto255,
    /// The decisional Diffie-Hellman problem in ristretto255, for blinded items.
    DecisionalDiffieHellmanRistretto255,
    /// A correlation-robust hash of AES-128, for extended oblivious transfers.
    CorrelationRobustHash,
}

/// The guarantee of results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Output {
    /// Results are right if all parties that compute follow the protocol.
    IfFollowed,
    /// Every result is right. No fairness: corrupt parties may keep others from the result.
    WithAbort,
}

/// The guarantee of a suite, or of several together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guarantee {
    /// The behaviour of corrupt parties.
    pub adversary: Adversary,
    /// The number of parties that may be corrupt together.
    pub corruptible: usize,
    /// The assumptions.
    pub hardness: BTreeSet<Assumption>,
    /// The guarantee of results.
    pub output: Output,
}

impl Suite {
    /// Replicated shares against the adversary that protocols withstand today.
    pub const REPLICATED: Self = Self::Replicated(Adversary::SemiHonest);

    /// Additive shares against the adversary that protocols withstand today.
    pub const PAIRWISE: Self = Self::Pairwise(Adversary::SemiHonest);

    /// All suites.
    pub const ALL: [Self; 4] = [Self::Masked, Self::REPLICATED, Self::PAIRWISE, Self::Intersection];

    /// Returns the name in specs, parameters and results.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Masked => "masked",
            Self::Replicated(_) => "replicated",
            Self::Pairwise(_) => "pairwise",
            Self::Intersection => "intersection",
        }
    }

    /// Returns the suite of this name.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|suite| suite.name() == name)
    }

    /// Returns the adversary that the suite withstands.
    #[must_use]
    pub const fn adversary(self) -> Adversary {
        match self {
            Self::Masked => Adversary::MaliciousWithAbort,
            Self::Replicated(adversary) | Self::Pairwise(adversary) => adversary,
            Self::Intersection => Adversary::SemiHonest,
        }
    }

    /// Returns the suite's guarantee among so many parties with data.
    #[must_use]
    pub fn guarantee(self, parties: usize) -> Guarantee {
        use Assumption::{
            CorrelationRobustHash, DecisionalDiffieHellmanRistretto255, DiffieHellmanCurve25519,
            DiffieHellmanRistretto255, SymmetricPrimitives,
        };
        let own: &[Assumption] = match self {
            Self::Masked | Self::Replicated(_) => &[],
            Self::Pairwise(_) => &[DiffieHellmanRistretto255, CorrelationRobustHash],
            Self::Intersection => &[DecisionalDiffieHellmanRistretto255],
        };
        let all = [DiffieHellmanCurve25519, SymmetricPrimitives];
        Guarantee {
            adversary: self.adversary(),
            corruptible: if matches!(self, Self::Replicated(_)) { 1 } else { parties - 1 },
            hardness: all.iter().chain(own).copied().collect(),
            output: match self.adversary() {
                Adversary::SemiHonest => Output::IfFollowed,
                Adversary::MaliciousWithAbort => Output::WithAbort,
            },
        }
    }
}

impl Guarantee {
    /// Returns the common part of both guarantees.
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

impl<'de> Deserialize<'de> for Suite {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::find(&name).ok_or_else(|| D::Error::custom("there is no such suite"))
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
