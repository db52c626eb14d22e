//! The mathematics of cloister: secure protocols as straight-line code over a channel.
//!
//! A protocol is an `async fn` over a [`channel::Channel`] whose only effects are sending,
//! receiving and the randomness passed in. [`machine::Machine`] drives it by hand. There is no
//! clock, socket, file, global randomness or thread here (rayon's parallel loops over disjoint
//! chunks aside), and nothing of how a node is built.
//!
//! What a run costs is counted by the [`meter`] and pinned for every function by tests, in
//! `src/costs.txt`; how long it takes is recorded in a [`trace`], by a clock that whoever drives the
//! machine lends.

mod agreed;
pub mod algebra;
mod answer;
pub mod catalogue;
pub mod channel;
mod circuits;
pub mod computation;
#[cfg(test)]
mod computation_tests;
#[cfg(test)]
mod cost_tests;
pub mod disclosure;
#[cfg(test)]
mod dropped_tests;
mod echo;
mod engine;
mod exchange;
pub mod fault;
mod gate;
mod input;
mod intersection;
pub mod machine;
pub mod masked;
pub mod meter;
pub mod pairwise;
pub mod parameters;
pub mod party;
pub mod random;
mod refusal;
mod replicated;
mod request;
mod security;
pub mod session;
mod sharing;
pub mod simulation;
mod sizes;
mod spec;
mod statistics;
mod tape;
#[cfg(test)]
mod testing;
pub mod trace;
pub mod wire;
