//! Thresholds that the members of a consortium have agreed on: profiles in its file, by name.
//!
//! Where a file has profiles, each member's thresholds are those of one of them. So no member moves
//! a threshold from one computation to the next. The meaning of the thresholds is not known here.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The most profiles of a consortium.
pub const MAX_PROFILES: usize = 16;

/// The profiles of a consortium, by name. Without any, members choose their thresholds freely.
pub type Profiles = BTreeMap<String, Thresholds>;

/// The thresholds of one profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    /// The fewest parties with data.
    pub min_parties: u16,
    /// The fewest rows of all parties together.
    pub min_rows: u64,
    /// The smallest count that a table may show.
    pub min_cell: u64,
    /// The largest part of the whole that one party may have, in percent, from 1 to 100.
    pub max_share: u8,
    /// The fewest rows of a node's own that its answers may isolate; 0 or 1 for no rule.
    pub min_own_rows: u64,
}

impl Thresholds {
    /// Lists the numbers in the order of the fields, as the hash of a consortium file has them.
    pub(crate) fn numbers(&self) -> [u64; 5] {
        let Self { min_parties, min_rows, min_cell, max_share, min_own_rows } = *self;
        [min_parties.into(), min_rows, min_cell, max_share.into(), min_own_rows]
    }
}

impl fmt::Display for Thresholds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { min_parties, min_rows, min_cell, max_share, min_own_rows } = self;
        write!(
            f,
            "min_parties {min_parties}, min_rows {min_rows}, min_cell {min_cell}, max_share \
             {max_share}, min_own_rows {min_own_rows}"
        )
    }
}

/// Writes profiles in one line.
#[must_use]
pub fn told(profiles: &Profiles) -> String {
    if profiles.is_empty() {
        return "none".to_owned();
    }
    let each = profiles.iter().map(|(name, thresholds)| format!("{name} ({thresholds})"));
    each.collect::<Vec<_>>().join("; ")
}
