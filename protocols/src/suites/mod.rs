//! The families of protocols. Each states its parties, adversary, threshold, leakage and costs.

pub(crate) mod guarantee;
pub(crate) mod intersection;
pub mod masked;
pub mod pairwise;
pub(crate) mod replicated;
