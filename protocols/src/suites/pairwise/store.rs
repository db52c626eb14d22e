//! The preprocessed correlations of pairs of nodes, in memory only.
//!
//! For each link there is a [`Base`], once the two nodes have computed together over it, and
//! batches of correlations. The key is the link binding, which both ends derive from the TLS
//! connection itself. So after a reconnect nothing is found under the new one.
//!
//! **Used once.** A batch leaves the store when it is offered to the peer, and never comes back,
//! whether or not the peer offered the same. So no two computations use the same batch, and batches
//! that one end alone has go the same way.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::base_setup::Base;
use super::triple_pool::Batch;

/// The bytes of batches for each peer, by default.
const USUAL_BYTES: usize = 8 << 20;

/// The correlations that a node has preprocessed with each of its peers. Clones share them.
#[derive(Clone)]
pub struct CorrelationStore {
    by_link: Arc<Mutex<BTreeMap<[u8; 32], Stock>>>,
    /// The most bytes of batches for each link.
    bound: usize,
}

/// The correlations of one link.
#[derive(Default)]
struct Stock {
    base: Option<Arc<Base>>,
    batches: BTreeMap<u64, Batch>,
}

impl CorrelationStore {
    /// Creates a store with at most so many bytes of batches for each peer.
    #[must_use]
    pub fn bounded(bytes: usize) -> Self {
        Self { by_link: Arc::default(), bound: bytes }
    }

    /// Forgets the correlations of a link that is gone.
    pub fn forget(&self, link: &[u8; 32]) {
        self.lock().remove(link);
    }

    /// Returns whether the two nodes of a link have computed together in this way, and there is
    /// room for another batch.
    #[must_use]
    pub fn wants(&self, link: &[u8; 32]) -> bool {
        let stocks = self.lock();
        let stock = stocks.get(link).filter(|stock| stock.base.is_some());
        stock.is_some_and(|stock| stock.bytes() + Batch::BYTES <= self.bound)
    }

    /// Returns the bytes of the batches of all links together.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.lock().values().map(Stock::bytes).sum()
    }

    /// Returns the base setup of a link, unless it is poisoned.
    pub(super) fn base(&self, link: &[u8; 32]) -> Option<Arc<Base>> {
        self.lock().get(link)?.base.clone().filter(|base| !base.is_poisoned())
    }

    /// Keeps a base setup of a link, and forgets the former one with its batches.
    pub(super) fn keep_base(&self, link: [u8; 32], base: &Arc<Base>) {
        let stock = Stock { base: Some(Arc::clone(base)), batches: BTreeMap::new() };
        self.lock().insert(link, stock);
    }

    /// Keeps a batch that was made from the base setup of a link, if there is room.
    pub(super) fn keep_batch(&self, link: &[u8; 32], base: &Arc<Base>, id: u64, batch: Batch) {
        let mut stocks = self.lock();
        let Some(stock) = stocks.get_mut(link) else { return };
        let is_of_base = stock.base.as_ref().is_some_and(|kept| Arc::ptr_eq(kept, base));
        if is_of_base && !base.is_poisoned() && stock.bytes() + Batch::BYTES <= self.bound {
            stock.batches.insert(id, batch);
        }
    }

    /// Takes out the batch of a link that `session` is to use. If two computations run at once,
    /// each end finds the same batch for the same session, as long as both have the same batches.
    pub(super) fn take_batch(&self, link: &[u8; 32], session: &[u8; 32]) -> Option<(u64, Batch)> {
        let mut stocks = self.lock();
        let stock = stocks.get_mut(link)?;
        let ids = stock.batches.keys().copied();
        let id = ids.min_by_key(|id| *blake3::keyed_hash(session, &id.to_le_bytes()).as_bytes())?;
        stock.batches.remove(&id).map(|batch| (id, batch))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<[u8; 32], Stock>> {
        // Nothing in between is ever half done.
        self.by_link.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stock {
    fn bytes(&self) -> usize {
        self.batches.len() * Batch::BYTES
    }
}

impl Default for CorrelationStore {
    fn default() -> Self {
        Self::bounded(USUAL_BYTES)
    }
}

impl fmt::Debug for CorrelationStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stores(..)")
    }
}
