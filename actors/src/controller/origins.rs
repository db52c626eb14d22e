//! Web pages that may use the API from a browser.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use crate::vocabulary::settings::Origin;
use crate::vocabulary::shown::shown;

/// The most refused origins that are written to the log: a page can have any name.
const MOST_LOGGED: usize = 100;

/// The origins of pages that may call, beside those of the node's own. Clones share the log.
#[derive(Clone)]
pub struct Origins {
    allowed: Arc<[Origin]>,
    logged: Arc<Mutex<BTreeSet<String>>>,
}

impl Origins {
    /// Creates the rule that allows pages of these origins.
    #[must_use]
    pub fn new(allowed: &[Origin]) -> Self {
        Self { allowed: allowed.into(), logged: Arc::default() }
    }

    /// Returns the origins that are allowed, in the order of the settings.
    pub(crate) fn allowed(&self) -> impl Iterator<Item = &str> {
        self.allowed.iter().map(Origin::as_str)
    }

    /// Returns whether a page of this origin may call the node at `host`. An origin that is refused
    /// is written to the log once.
    pub(crate) fn allow(&self, origin: &str, host: Option<&str>) -> bool {
        let own = origin.split_once("://").map(|(_, authority)| authority);
        let is_own = own.is_some_and(|own| host.is_some_and(|it| own.eq_ignore_ascii_case(it)));
        let allowed = is_own || self.allowed().any(|allowed| allowed == origin);
        if !allowed && self.is_new(origin) {
            let origin = shown(origin);
            tracing::warn!(
                origin,
                "a web page was refused: if it may use this node, add it to `allowed_origins`"
            );
        }
        allowed
    }

    fn is_new(&self, origin: &str) -> bool {
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        logged.len() < MOST_LOGGED && logged.insert(shown(origin))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nodes_own_pages_and_those_of_the_settings_may_call() {
        let allowed = Origin::try_from("https://lab.example".to_owned()).unwrap();
        let origins = Origins::new(&[allowed]);
        let host = Some("Node.example:8443");
        assert!(origins.allow("https://lab.example", host));
        assert!(origins.allow("https://node.example:8443", host));
        for foreign in ["https://evil.example", "http://lab.example", "null", ""] {
            assert!(!origins.allow(foreign, host), "{foreign}");
            assert!(!origins.allow(foreign, None), "{foreign}");
        }
    }

    #[test]
    fn a_refused_origin_is_new_once_and_few_are_kept() {
        let origins = Origins::new(&[]);
        assert!(origins.is_new("https://evil.example") && !origins.is_new("https://evil.example"));
        let new = (0..1_000).filter(|number| origins.is_new(&format!("https://{number}.example")));
        assert_eq!(new.count(), MOST_LOGGED - 1);
    }
}
