//! The label of values that never leave the node.

use std::fmt;
use std::sync::Arc;

/// A value that stays: it can only be computed with. A clone is cheap.
pub struct Private<T>(Arc<T>);

impl<T> Private<T> {
    /// Labels `value` as private. There is no way back.
    pub fn new(value: T) -> Self {
        Self(Arc::new(value))
    }

    /// Returns the value, for computing with it on this node.
    #[must_use]
    pub fn for_computing(&self) -> &T {
        &self.0
    }
}

impl<T> From<Arc<T>> for Private<T> {
    fn from(value: Arc<T>) -> Self {
        Self(value)
    }
}

impl<T> Clone for Private<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> fmt::Debug for Private<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Private(..)")
    }
}
