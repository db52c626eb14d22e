//! What this node shows and accepts now. It changes while the node runs, when certificates are renewed:
//! for new connections, while those that are there stay if what they showed is still pinned.

use std::sync::{Arc, PoisonError, RwLock};

use cloister_certs::{Identity, Roster};

use super::connection::Credentials;
use super::greeting::Greeting;

/// The credentials of this node. Clones change together.
#[derive(Clone)]
pub struct Trust(Arc<RwLock<Credentials>>);

impl Trust {
    /// A node with this identity, for which these members are pinned.
    #[must_use]
    pub fn new(identity: Arc<Identity>, roster: Arc<Roster>, greeting: Greeting) -> Self {
        Self(Arc::new(RwLock::new(Credentials { identity, roster, greeting })))
    }

    pub(super) fn current(&self) -> Credentials {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Shows and accepts these from now on.
    pub fn renew(&self, identity: Arc<Identity>, roster: Arc<Roster>, greeting: Greeting) {
        let renewed = Credentials { identity, roster, greeting };
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = renewed;
    }
}
