//! Sums over all parties. Linear functions are written over them.

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::algebra::layout::Layout;
use crate::kernel::fault::Fault;

/// The names of the two rounds of a sum.
#[derive(Clone, Copy, Debug)]
pub struct Rounds {
    /// The round of the commitments.
    pub commit: &'static str,
    /// The round of the openings.
    pub open: &'static str,
}

impl Default for Rounds {
    fn default() -> Self {
        Self { commit: "commit", open: "open" }
    }
}

/// A way to open the sum of all parties' vectors, and nothing else of them.
pub(crate) trait Aggregate {
    /// Opens the sum of all parties' `words`, cell by cell. All call it with the same `layout`.
    async fn sum(
        &mut self,
        rounds: Rounds,
        layout: &Layout,
        words: Zeroizing<Vec<u64>>,
        rng: &mut impl CryptoRng,
    ) -> Result<Vec<u64>, Fault>;
}
