//! The attacks, by the means that they use.

pub(super) mod columns;
pub(super) mod ends;
pub(super) mod few_rows;
pub(super) mod groups;
pub(super) mod joins;
pub(super) mod ranks;
pub(super) mod refusals;
pub(super) mod sets;
pub(super) mod states;
pub(super) mod sums;
pub(super) mod suppressed;
