//! Large bodies, of which a few are parsed at a time. One principal can have some of these only. A
//! body takes its place when it has arrived.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::vocabulary::principal::Principal;

/// The number of large bodies that are read at a time.
pub const LARGE_BODIES: usize = 4;

/// Limits the large bodies that are read at a time. Clones share the limits.
#[derive(Clone)]
pub struct LargeBodies {
    all: Arc<Semaphore>,
    most_of_one: usize,
    of: Arc<Mutex<BTreeMap<Principal, Arc<Semaphore>>>>,
}

/// Allows one large body to be read. It is given back when it is dropped.
pub(super) struct LargeBody {
    _of_one: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

impl LargeBodies {
    /// Allows `most` at a time, of which `most_of_one` are of one principal.
    #[must_use]
    pub fn new(most: usize, most_of_one: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(most)), most_of_one, of: Arc::default() }
    }

    /// Waits until one more of this principal may be read.
    pub(super) async fn acquire(&self, principal: &Principal) -> Option<LargeBody> {
        // Those of the same principal wait before they take from all.
        let of_one = self.of_one(principal).acquire_owned().await.ok()?;
        let of_all = Arc::clone(&self.all).acquire_owned().await.ok()?;
        Some(LargeBody { _of_one: of_one, _of_all: of_all })
    }

    fn of_one(&self, principal: &Principal) -> Arc<Semaphore> {
        let mut all = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        // One that no body holds or waits for is as good as new.
        all.retain(|_, semaphore| Arc::strong_count(semaphore) > 1);
        let of_one = all.entry(principal.clone());
        Arc::clone(of_one.or_insert_with(|| Arc::new(Semaphore::new(self.most_of_one))))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn one_principal_leaves_places_for_others() {
        let bodies = LargeBodies::new(4, 2);
        let (ada, bob) = (Principal::owner("ada"), Principal::owner("bob"));
        let next = |principal| bodies.acquire(principal).now_or_never().flatten();
        let held = [next(&ada), next(&ada)];
        assert!(held.iter().all(Option::is_some) && next(&ada).is_none());
        let others = [next(&bob), next(&bob)];
        assert!(others.iter().all(Option::is_some) && next(&bob).is_none());
        drop(held);
        assert!(next(&ada).is_some());
        drop(others);
        assert_eq!(bodies.all.available_permits(), 4);
    }
}
