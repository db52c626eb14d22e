//! Random values that two neighbours of a committee make alike without a message.

use crate::kernel::prss::Prss;
use crate::kernel::session::PairKey;

/// The PRSS streams that two neighbours share, one for each purpose.
pub(super) struct NeighbourPrss {
    /// Masks of products.
    pub(super) zero: Prss,
    /// The shares of inputs that the later of the two brings in.
    pub(super) input: Prss,
    /// Permutations and masks of shuffles.
    pub(super) shuffle: Prss,
}

impl NeighbourPrss {
    /// Creates the PRSS streams of the two seats that share `key`, in one session.
    pub(super) fn new(key: &PairKey) -> Self {
        Self {
            zero: Prss::new(key, "cloister 1 replicated: zero sharing"),
            input: Prss::new(key, "cloister 1 replicated: shares of inputs"),
            shuffle: Prss::new(key, "cloister 1 replicated: shuffles"),
        }
    }
}
