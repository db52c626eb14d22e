//! Finding the rows that several parties have in common.

use crate::engine::Engine;
use crate::engine::tables::{Joined, Shape, Table};
use crate::kernel::fault::Fault;

/// A number of items.
pub(crate) enum Count<E: Engine> {
    /// The number, which each member has found for itself. It is never opened: what a member knows
    /// no other can tell it otherwise.
    Known(u64),
    /// One shared element.
    Shared(E::Shared<u64>),
}

/// A suite that finds the rows of equal item hashes in several parties' tables. Any suite can by
/// circuits ([`crate::circuits::joining`]); two parties by themselves need less.
pub(crate) trait Matching: Engine {
    /// Returns whether rows or items were matched by blinding them, up to now. That rests on one
    /// assumption more than the suite itself.
    fn has_blinded(&self) -> bool;

    /// Joins the rows of the item hashes that all parties have. They are in the same order at all,
    /// which no party knows. `table` is this party's, `shapes` are all parties'.
    ///
    /// If there are fewer than `least` rows, all members learn that, and nothing else is opened that
    /// depends on the data; nothing is returned. Else the number of rows is opened to all members.
    /// With a `least` of 1 or 0 it is opened in any case.
    async fn join(
        &mut self,
        table: &Table,
        shapes: &[Shape],
        least: u64,
    ) -> Result<Option<Joined<Self>>, Fault>;

    /// Counts the item hashes that all parties have. `item_hashes` are this party's, `sizes` all
    /// parties' numbers of them.
    async fn count_common(
        &mut self,
        item_hashes: &[u128],
        sizes: &[usize],
    ) -> Result<Count<Self>, Fault>;

    /// Counts the item hashes of all parties together, each once.
    async fn count_distinct(
        &mut self,
        item_hashes: &[u128],
        sizes: &[usize],
    ) -> Result<Count<Self>, Fault>;
}
