//! The readiness of the node's state: a node that cannot write it takes no requests.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cloister_vault::Vault;
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::vocabulary::error::ApiError;

/// The time for which a finding holds: each takes a write to the disk, and any caller may ask.
const FRESH: Duration = Duration::from_secs(2);

/// The time that a write may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Finds out whether the state can be written. Clones share the finding.
#[derive(Clone)]
pub struct Readiness {
    vault: Vault,
    found: Arc<Mutex<Option<Found>>>,
}

struct Found {
    at: Instant,
    outcome: Result<(), ApiError>,
}

impl Readiness {
    /// Creates the question about this state.
    #[must_use]
    pub fn new(vault: Vault) -> Self {
        Self { vault, found: Arc::default() }
    }

    /// Checks that the state can be written.
    ///
    /// # Errors
    /// If it cannot.
    pub(super) async fn check(&self) -> Result<(), ApiError> {
        // Callers at the same time wait for one finding.
        let mut found = self.found.lock().await;
        if let Some(Found { at, outcome }) = &*found
            && at.elapsed() < FRESH
        {
            return outcome.clone();
        }
        let outcome = match timeout(PATIENCE, self.vault.probe()).await {
            Ok(written) => written.map_err(|error| ApiError::state(&error)),
            Err(_) => Err(ApiError::unavailable("the disk of the state")),
        };
        *found = Some(Found { at: Instant::now(), outcome: outcome.clone() });
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_rt::test]
    async fn a_state_that_cannot_be_written_is_not_ready() {
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault::open(folder.path()).unwrap();
        let readiness = Readiness::new(vault.clone());
        readiness.check().await.unwrap();
        vault.close();
        *readiness.found.lock().await = None;
        let error = readiness.check().await.unwrap_err();
        assert_eq!(error.code().status(), 503);
    }
}
