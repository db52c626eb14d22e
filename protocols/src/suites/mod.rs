//! The families of protocols, each of which states its parties, adversary, threshold, leakage and
//! costs; and their guarantees as data.

pub(crate) mod guarantee;
pub(crate) mod intersection;
pub mod masked;
pub mod pairwise;
pub(crate) mod replicated;
