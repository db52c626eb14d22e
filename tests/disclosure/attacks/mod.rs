//! The attacks, by the means that they use.

pub(super) mod few_rows;
pub(super) mod joins;
pub(super) mod ranks;
pub(super) mod refusals;
pub(super) mod states;
pub(super) mod sums;
pub(super) mod suppressed;
