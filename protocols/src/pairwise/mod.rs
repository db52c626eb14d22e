//! Two parties or more compute on shares, and need nobody else.

mod store;

pub use self::store::Stores;

/// The name of this suite in specs, parameters and results.
pub(crate) const SUITE: &str = "pairwise";
