//! What pairs of nodes have made ahead, in memory only.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// What a node has made ahead with each of its peers, by the binding of the link with it.
#[derive(Clone, Default)]
pub struct Stores(Arc<Mutex<BTreeMap<[u8; 32], Stock>>>);

#[derive(Default)]
struct Stock;

impl Stores {
    /// Nothing yet, and so many bytes with each peer at most.
    #[must_use]
    pub fn bounded(bytes_of_each: usize) -> Self {
        let _ = bytes_of_each;
        Self::default()
    }

    /// Bytes of what was made ahead, for all links together.
    #[must_use]
    pub fn bytes(&self) -> usize {
        0
    }

    /// The link of this binding is gone, and with it what was made over it.
    pub fn forget(&self, link: &[u8; 32]) {
        let mut stocks = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        stocks.remove(link);
    }

    /// Whether the two nodes of a link have computed together in this way, and more should be made
    /// ahead.
    #[must_use]
    pub fn wants(&self, link: &[u8; 32]) -> bool {
        let _ = link;
        false
    }
}

impl std::fmt::Debug for Stores {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Stores(..)")
    }
}
