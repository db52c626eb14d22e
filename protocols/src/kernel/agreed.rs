//! The members' knowledge of each other after the agreement, beside the spec.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::kernel::party::Party;
use crate::kernel::rules::Rules;
use crate::kernel::wire;

/// The source of the columns that a member brings in, as the member itself says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Origin {
    /// No columns: a helper, or a party without data in this computation.
    #[default]
    None,
    /// Columns that a client has made, or handed in.
    Client,
    /// A dataset that the member has declared.
    Dataset,
    /// A dataset that the member has declared, and of which its own rules leave out rows: a few, or all
    /// of the selection. It may have none of the selection, too.
    LeftOut,
}

impl Origin {
    /// Returns whether it is a dataset of the member.
    #[must_use]
    pub fn is_dataset(self) -> bool {
        matches!(self, Self::Dataset | Self::LeftOut)
    }
}

/// The newest entry of a member's chain of audit records, as the member says it in its proposal. The
/// session's hash covers it, so that the others can hold the member to its records. They remember
/// it, and tell it the member in later proposals: a chain without it is an older one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditHead {
    /// The number of losses of its records that the member's operator has acknowledged. A head of
    /// before a loss says nothing about the chain after it.
    #[serde(with = "wire::fixed")]
    pub losses: u64,
    /// The entry's number.
    #[serde(with = "wire::fixed")]
    pub number: u64,
    /// Its hash, which covers all entries before it; zeros where there is no entry.
    pub hash: [u8; 32],
}

/// The name of an answer among the members of its computation: a part of the session's hash. It tells
/// nothing to others.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct AnswerId(pub [u8; 16]);

/// The facts about a computation that hold from the agreement on, with any outcome. They come from
/// the members' proposals. The first message after these confirms that all members were told the
/// same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreed {
    /// The time within which all members want the computation to end, in milliseconds from the
    /// start.
    pub deadline_ms: u64,
    /// The hash of all proposals.
    pub session: SessionHash,
    /// The rules that hold: the strictest of all members'.
    pub rules: Rules,
    /// The name of the member whose rule holds, for each rule by name.
    pub decided_by: BTreeMap<&'static str, String>,
    /// The number of members that leave out rows of their dataset.
    pub left_out: u64,
    /// The earlier answers that the release check compares this one with, the newest first.
    pub earlier: Vec<AnswerId>,
    /// The answer that all members with data have kept of this question: they give it again.
    pub kept: Option<AnswerId>,
    /// The head of each member's audit chain, this party's among them, in order.
    pub audit: Vec<(Party, AuditHead)>,
    /// The newest head of this party's chain that each other member remembers, in order.
    pub told: Vec<(Party, AuditHead)>,
}

/// The hash of everything that was agreed.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionHash([u8; 32]);

impl SessionHash {
    pub(super) fn of_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    #[cfg(test)]
    pub(crate) fn fixed(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Returns the name of the answer that is opened in this session.
    #[must_use]
    pub fn answer(&self) -> AnswerId {
        let (first, _) = self.0.split_first_chunk().expect("a hash is longer than a name");
        AnswerId(*first)
    }

    /// Returns the 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for SessionHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for SessionHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionHash({self})")
    }
}
