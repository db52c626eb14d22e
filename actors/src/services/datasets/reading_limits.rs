//! ReadingLimits for readings, each of which holds its rows in memory, and a thread.
//!
//! A slow source keeps its readings long. So each dataset has half of all places, and each principal
//! half of those of a dataset: others still find one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::vocabulary::error::ApiError;

/// The most readings at a time: in all, of one dataset, and of one principal in one dataset.
const ALL: usize = 8;
const OF_DATASET: usize = 4;
const OF_PRINCIPAL: usize = 2;

/// A dataset, or what a principal has pushed; with the principal or without.
type Key = (Option<String>, Option<String>);

/// The places of all readings.
pub(super) struct ReadingLimits {
    all: Arc<Semaphore>,
    of: Mutex<HashMap<Key, Weak<Semaphore>>>,
}

/// A place that was taken. It is given back when it is dropped.
pub(super) struct Place {
    _permits: [OwnedSemaphorePermit; 3],
    /// They are found by those who wait next as long as one of them is there.
    _kept: [Arc<Semaphore>; 2],
}

impl ReadingLimits {
    pub(super) fn new() -> Self {
        Self { all: Arc::new(Semaphore::new(ALL)), of: Mutex::default() }
    }

    /// Takes a place for a reading of that dataset, or of what was pushed. Waits for one.
    pub(super) async fn take(
        &self,
        principal: &str,
        dataset: Option<String>,
    ) -> Result<Place, ApiError> {
        let own = self.of((dataset.clone(), Some(principal.to_owned())), OF_PRINCIPAL);
        let shared = self.of((dataset, None), OF_DATASET);
        // Those that wait hold no place that a reading of another dataset could have.
        let permits = [
            acquire(Arc::clone(&own)).await?,
            acquire(Arc::clone(&shared)).await?,
            acquire(Arc::clone(&self.all)).await?,
        ];
        Ok(Place { _permits: permits, _kept: [own, shared] })
    }

    fn of(&self, key: Key, count: usize) -> Arc<Semaphore> {
        let mut of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = of.get(&key).and_then(Weak::upgrade) {
            return known;
        }
        // Names that were used once would stay otherwise.
        of.retain(|_, semaphore| semaphore.strong_count() > 0);
        let made = Arc::new(Semaphore::new(count));
        of.insert(key, Arc::downgrade(&made));
        made
    }
}

async fn acquire(semaphore: Arc<Semaphore>) -> Result<OwnedSemaphorePermit, ApiError> {
    semaphore.acquire_owned().await.map_err(|_| ApiError::unavailable("the datasets"))
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    /// Takes a place, if there is one at once.
    fn at_once(places: &ReadingLimits, principal: &str, dataset: &str) -> Option<Place> {
        let taken = places.take(principal, Some(dataset.to_owned())).now_or_never();
        taken.and_then(Result::ok)
    }

    #[test]
    fn a_slow_dataset_or_principal_leaves_places_for_others() {
        let places = ReadingLimits::new();
        let held: Vec<Place> =
            (0..OF_PRINCIPAL).map(|_| at_once(&places, "ada", "slow").unwrap()).collect();
        assert!(at_once(&places, "ada", "slow").is_none());
        let others: Vec<Place> = (0..OF_DATASET - OF_PRINCIPAL)
            .map(|_| at_once(&places, "bob", "slow").unwrap())
            .collect();
        assert!(at_once(&places, "eve", "slow").is_none());
        // Those that wait for it take nothing from other datasets.
        let mut waiting = Vec::new();
        for number in 0..20 {
            let places = &places;
            let taking = async move {
                places.take(&format!("client {number}"), Some("slow".to_owned())).await.map(drop)
            };
            let mut taking = Box::pin(taking);
            assert!(taking.as_mut().now_or_never().is_none());
            waiting.push(taking);
        }
        assert!(at_once(&places, "ada", "fast").is_some());
        drop(waiting);
        drop(held);
        assert!(at_once(&places, "eve", "slow").is_some());
        drop(others);
        assert!(at_once(&places, "ada", "fast").is_some());
        let known = places.of.lock().unwrap().len();
        assert!(known <= 4, "{known}");
    }
}
