//! Room for long requests: so many in all, and so many for each principal, so that none takes all
//! of it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The bounds on long requests, and those under way. Clones share them.
#[derive(Clone)]
pub(super) struct ConcurrencyLimits {
    all: usize,
    each: usize,
    taken: Arc<Mutex<HashMap<String, usize>>>,
}

/// The room of one request. Dropping it gives the room back.
pub(super) struct ConcurrencyPermit {
    limits: ConcurrencyLimits,
    name: String,
}

impl ConcurrencyLimits {
    /// Creates bounds of so many requests in all, and so many for each principal.
    pub(super) fn new(all: usize, each: usize) -> Self {
        Self { all, each, taken: Arc::default() }
    }

    /// Takes room for a request of this principal, if there is any.
    pub(super) fn take(&self, name: &str) -> Option<ConcurrencyPermit> {
        let mut taken = self.taken();
        let mine = taken.get(name).copied().unwrap_or_default();
        if mine >= self.each || taken.values().sum::<usize>() >= self.all {
            return None;
        }
        taken.insert(name.to_owned(), mine + 1);
        Some(ConcurrencyPermit { limits: self.clone(), name: name.to_owned() })
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ConcurrencyPermit {
    fn drop(&mut self) {
        let mut taken = self.limits.taken();
        match taken.get_mut(&self.name) {
            Some(mine) if *mine > 1 => *mine -= 1,
            _ => drop(taken.remove(&self.name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_takes_all_and_what_is_given_back_is_free() {
        let limits = ConcurrencyLimits::new(3, 2);
        let first = limits.take("a").unwrap();
        let _second = limits.take("a").unwrap();
        assert!(limits.take("a").is_none());
        let _other = limits.take("b").unwrap();
        assert!(limits.take("c").is_none());
        drop(first);
        assert!(limits.take("c").is_some());
        assert!(limits.take("a").is_some());
    }
}
