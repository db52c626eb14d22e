//! Places for readings, each of which holds its rows in memory, and a thread.
//!
//! A slow source keeps its readings long. So each dataset has half of all places, as has each
//! principal, and each principal half of those of a dataset: others still find one. Data that clients
//! have pushed are apart for each of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::vocabulary::error::ApiError;

/// The most readings at a time: in all, of one dataset, of one principal, and of one principal in one
/// dataset.
const ALL: usize = 8;
const OF_DATASET: usize = 4;
const OF_PRINCIPAL: usize = 4;
const OF_BOTH: usize = 2;

/// One who shares places with others.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    /// A dataset, or the data that a principal has pushed.
    Data(Data),
    /// A principal.
    Principal(String),
    /// A principal, with what it reads.
    Both(String, Data),
}

/// The data of a reading.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Data {
    /// A dataset.
    Dataset(String),
    /// The data that this principal has pushed.
    Pushed(String),
}

/// The places of all readings.
pub(super) struct ReadingLimits {
    all: Arc<Semaphore>,
    of: Mutex<HashMap<Key, Weak<Semaphore>>>,
}

/// A place that was taken. It is given back when it is dropped.
pub(super) struct Place {
    _permits: [OwnedSemaphorePermit; 4],
    /// They are found by those who wait next as long as one of them is there.
    _kept: [Arc<Semaphore>; 3],
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
        let name = principal.to_owned();
        let data = dataset.map_or_else(|| Data::Pushed(name.clone()), Data::Dataset);
        let both = self.of(Key::Both(name.clone(), data.clone()), OF_BOTH);
        let of_data = self.of(Key::Data(data), OF_DATASET);
        let own = self.of(Key::Principal(name), OF_PRINCIPAL);
        // Those that wait for a dataset hold no place that another reading of theirs could have, and
        // those that wait for one of their own none that a reading of another principal could have.
        let permits = [
            acquire(Arc::clone(&both)).await?,
            acquire(Arc::clone(&of_data)).await?,
            acquire(Arc::clone(&own)).await?,
            acquire(Arc::clone(&self.all)).await?,
        ];
        Ok(Place { _permits: permits, _kept: [both, of_data, own] })
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
            (0..OF_BOTH).map(|_| at_once(&places, "ada", "slow").unwrap()).collect();
        assert!(at_once(&places, "ada", "slow").is_none());
        let others: Vec<Place> =
            (0..OF_DATASET - OF_BOTH).map(|_| at_once(&places, "bob", "slow").unwrap()).collect();
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

    #[test]
    fn a_principal_with_many_datasets_leaves_half_of_all_places() {
        let places = ReadingLimits::new();
        let held: Vec<Place> = (0..OF_PRINCIPAL)
            .map(|number| {
                at_once(&places, "ada", &format!("dataset {}", number / OF_BOTH)).unwrap()
            })
            .collect();
        assert!(at_once(&places, "ada", "another").is_none());
        let others: Vec<Place> = (0..ALL - OF_PRINCIPAL)
            .map(|number| at_once(&places, &format!("client {number}"), "another").unwrap())
            .collect();
        drop((held, others));
        assert!(at_once(&places, "ada", "another").is_some());
    }

    #[test]
    fn data_that_one_client_has_pushed_hold_up_no_others() {
        let places = ReadingLimits::new();
        let pushed =
            |principal: &str| places.take(principal, None).now_or_never().and_then(Result::ok);
        let held: Vec<Place> = (0..OF_BOTH).map(|_| pushed("ada").unwrap()).collect();
        assert!(pushed("ada").is_none());
        let others = ["bob", "eve", "zoe"].map(|principal| pushed(principal).unwrap());
        drop((held, others));
    }
}
