//! What two neighbours of a committee can make alike without a message.

use crate::kernel::session::PairKey;
use crate::kernel::tape::Tape;

/// The tapes that two neighbours share, one for each purpose.
pub(super) struct Tapes {
    /// Masks of products.
    pub(super) zero: Tape,
    /// Shares of what the later of the two brings in.
    pub(super) input: Tape,
    /// Permutations and masks of shuffles.
    pub(super) shuffle: Tape,
}

impl Tapes {
    /// The tapes of the two that share `key`, in one session.
    pub(super) fn new(key: &PairKey) -> Self {
        Self {
            zero: Tape::new(key, "cloister 1 replicated: zero sharing"),
            input: Tape::new(key, "cloister 1 replicated: shares of inputs"),
            shuffle: Tape::new(key, "cloister 1 replicated: shuffles"),
        }
    }
}
