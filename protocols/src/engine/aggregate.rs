//! Sums over all parties. Linear functions are written over them.

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::algebra::layout::Layout;
use crate::kernel::fault::Fault;
use crate::kernel::reveal::Reveal;

/// The names of the two rounds of a sum, and what it shows.
#[derive(Clone, Copy, Debug)]
pub struct Rounds {
    /// The round of the commitments.
    pub commit: &'static str,
    /// The round of the openings.
    pub open: &'static str,
    /// The entry of the sum in the list of what is revealed.
    pub shows: Reveal,
}

impl Rounds {
    /// Returns the usual names, of a sum that shows this.
    #[must_use]
    pub fn showing(shows: Reveal) -> Self {
        Self { commit: "commit", open: "open", shows }
    }
}

/// A way to open the sum of all parties' vectors, and nothing else of them.
pub(crate) trait Aggregate {
    /// Opens the sum of all parties' `words`, cell by cell. All call it with the same `layout`. `words`
    /// has [`Layout::words`] words.
    ///
    /// # Errors
    /// If the number of `words` is not the layout's, or a peer breaks the protocol. The fault names the
    /// peer, or the two of whom one lies.
    async fn sum(
        &mut self,
        rounds: Rounds,
        layout: &Layout,
        words: Zeroizing<Vec<u64>>,
        rng: &mut impl CryptoRng,
    ) -> Result<Vec<u64>, Fault>;
}
