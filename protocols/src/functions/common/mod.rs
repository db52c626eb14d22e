//! The parts that several functions have in common.

pub(crate) mod categories;
pub(crate) mod cells;
#[cfg(test)]
mod cells_tests;
pub(crate) mod counting;
pub(crate) mod joins;
pub(crate) mod leverage;
#[cfg(test)]
mod leverage_tests;
pub(crate) mod matrices;
pub(crate) mod means;
pub(crate) mod mode;
pub(crate) mod moments;
pub(crate) mod numbers;
pub(crate) mod opened_product;
pub(crate) mod ranks;
#[cfg(test)]
mod ranks_adversary_tests;
pub(crate) mod rows;
pub(crate) mod search;
pub(crate) mod sets;
pub(crate) mod suppression;
#[cfg(test)]
mod suppression_tests;
pub(crate) mod tables;
#[cfg(test)]
mod tables_tests;
pub(crate) mod wanted;
