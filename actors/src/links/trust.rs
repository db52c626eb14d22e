//! The identity that this node shows, and the certificates that it accepts. They change while the
//! node runs, when certificates are renewed. New connections use the new ones. Existing connections
//! stay if the certificate that they showed is still pinned.

use std::sync::{Arc, PoisonError, RwLock};

use cloister_certs::{Identity, Roster};

pub use super::connection::Credentials;
use super::greeting::Greeting;

/// The credentials of this node. Clones change together.
#[derive(Clone)]
pub struct Trust(Arc<RwLock<Credentials>>);

impl Trust {
    /// Creates the credentials of a node with this identity and these pinned members.
    #[must_use]
    pub fn new(identity: Arc<Identity>, roster: Arc<Roster>, greeting: Greeting) -> Self {
        Self(Arc::new(RwLock::new(Credentials::new(identity, roster, greeting))))
    }

    pub(super) fn current(&self) -> Credentials {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces identity, members and greeting for new connections. Returns those before.
    #[must_use = "a renewal that fails puts the credentials before it back"]
    pub fn replace(&self, credentials: Credentials) -> Credentials {
        let mut current = self.0.write().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *current, credentials)
    }
}
